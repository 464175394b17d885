"""Curved losses fitted by passes over the rows: all alphas and folds in lockstep.

Every pass answers for one model of each alpha and each fold at once: its loss, gradient
and, in the columns that matter, second derivatives. In memory, the quadratic model that
these make is minimised with the penalty, which gives the models of the next pass: a
proximal Newton method (Lee, Sun and Saunders, SIAM J. Optim. 2014) whose iterations are
passes. See ``doc/design/lockstep.md``.
"""

from dataclasses import replace

import numpy as np

from skstruct.groups import make_layout
from skstruct.penalties import GroupL2
from skstruct.solvers.chunk_pass import Points
from skstruct.solvers.first_look import FirstLook
from skstruct.solvers.lockstep_fold import LockstepFold
from skstruct.solvers.pass_coordinates import Coordinates, centre
from skstruct.solvers.pass_solutions import HeldOut, PassSolutions
from skstruct.solvers.path import refuse_constrained
from skstruct.solvers.path_base import geometric_grid
from skstruct.solvers.solution import Problem, Solution

# Columns, times outputs, whose second derivatives at the null model are asked for.
_FIRST_COLUMNS = 300
# Null models are fitted to this share of their loss; more tightly where the largest
# alpha, and so the grid, depends on them.
_NULL_GAP, _GRID_GAP = 1e-9, 1e-22


def solve_in_passes(
    run_pass,
    *,
    layout,
    penalty,
    loss,
    alphas,
    eps=1e-3,
    n_folds=0,
    fit_intercept=True,
    scaling="none",
    dtype=np.float64,
    tol=1e-4,
    max_passes=100,
    on_pass=None,
):
    """Solve a problem with a smooth loss for many alphas, reading rows in passes only.

    Parameters
    ----------
    run_pass : callable
        ``run_pass(request)`` returns the sum over all chunks of what
        :func:`~skstruct.solvers.chunk_pass.answer_chunk` answers.
    layout : GroupLayout
        The groups.
    penalty : Penalty
        A convex one that is a sum over groups.
    loss : Loss
        A smooth one.
    alphas : int or array
        Number of alphas of a grid from ``alpha_max`` to ``eps * alpha_max``, or the
        alphas themselves, nonnegative and in any order.
    eps : float
        Length of the grid.
    n_folds : int
        Number of folds in the chunks' ``fold_ids``; 0 without cross-validation.
    fit_intercept : bool
        Whether an unpenalised intercept is fitted.
    scaling : {"none", "features", "groups"}
        In which coordinates the penalty measures coefficients.
    dtype : dtype
        Precision in which coefficients are returned. Gaps are those before rounding.
    tol : float
        Bound on the duality gap, relative to the null model's loss.
    max_passes : int
        Most passes over the rows, the first look included.
    on_pass : callable or None
        ``on_pass(n_passes, n_done, n_tasks)`` is called after each pass.

    Returns
    -------
    PassSolutions
        With alphas sorted from large to small.

    Raises
    ------
    ValueError
        If loss and penalty are not for passes, or do not fit the data.
    """
    problem = Problem(
        None, None, None, layout, penalty, fit_intercept, scaling, dtype, loss
    )
    problem = replace(problem, penalty=_resolved(problem))
    how = {"n_folds": n_folds, "max_passes": max_passes, "on_pass": on_pass}
    if np.ndim(alphas) == 0:
        return _Lockstep(run_pass, problem, tol, **how).solve(int(alphas), eps)
    alphas = np.sort(np.asarray(alphas, dtype=np.float64))[::-1]
    found = _Lockstep(run_pass, problem, tol, **how).solve(alphas[alphas > 0])
    n_zero = np.count_nonzero(alphas == 0)
    if n_zero == 0:
        return found
    p = layout.n_features
    nothing = make_layout(None, p, weights=np.zeros(p))
    free = replace(problem, layout=nothing, penalty=GroupL2(), scaling="none")
    how["max_passes"] -= found.n_passes
    accepted = [one.accepted_gap for one in (found.solution, *found.folds)]
    zero = _Lockstep(run_pass, free, tol, **how).fit_null(accepted)
    return found.followed_by(zero, n_zero)


def obstacle_to_passes(loss, penalty):
    """Say why a loss and a penalty cannot be fitted in passes, or ''."""
    if not loss.is_smooth:
        return (
            f"{type(loss).__name__} has kinks, and the multipliers that certify it are "
            "as many as rows. Use HuberLoss, or rows that fit into memory."
        )
    name = type(penalty).__name__
    if not penalty.is_convex:
        return (
            f"{name} is not convex, which only the squared error allows then. Use a "
            "convex penalty such as GroupL2, or rows that fit into memory."
        )
    if not penalty.is_block_separable:
        return (
            f"{name} couples its groups, which only the squared error allows then. Use "
            "overlap='latent', disjoint groups, or rows that fit into memory."
        )
    return ""


def _resolved(problem):
    """Return the penalty, resolved for the groups, if passes can be made of it."""
    problem.loss.check_parameters()
    resolved = problem.penalty.resolve(problem.layout)
    obstacle = obstacle_to_passes(problem.loss, resolved)
    if obstacle:
        raise ValueError(f"The problem cannot be solved in passes: {obstacle}")
    problem.check_fit(resolved)
    if not resolved.is_unconstrained:
        refuse_constrained(problem, np.flatnonzero(problem.layout.weights == 0))
    return resolved


class _Lockstep:
    """The passes of one call.

    Attributes
    ----------
    folds : list of LockstepFold
        All rows first, then what each fold trains on.
    alphas : (A + 1,) array
        Decreasing; infinity, the null model's, is last.
    """

    def __init__(self, run_pass, problem, tol, *, n_folds, max_passes, on_pass):
        self.run_pass, self.problem, self.tol = run_pass, problem, tol
        self.n_folds, self.max_passes, self.on_pass = n_folds, max_passes, on_pass
        self.n_passes, self.accepted = 0, None
        self.lent = {}  # curvature on all rows by parts, by position of the alpha

    def solve(self, alphas, eps=None):
        """Return solutions for alphas or, with `eps`, for a number of them."""
        self.grid = None if eps is None else (alphas, eps)
        n_alphas = len(alphas) if eps is None else alphas
        self.alphas = np.full(n_alphas + 1, np.inf)
        if eps is None:
            self.alphas[:-1] = alphas
        self._run_all(n_alphas)
        return self._solutions([fold.tasks for fold in self.folds])

    def fit_null(self, accepted):
        """Return the null models, fitted to gaps `accepted`, as solutions at 0."""
        self.grid, self.alphas, self.accepted = None, np.full(1, np.inf), accepted
        self._run_all(0)
        self.alphas = np.zeros(2)
        return self._solutions([[fold.null] for fold in self.folds])

    def _run_all(self, n_alphas):
        self._look(n_alphas)
        self._pass([(fold, fold.null) for fold in self.folds], self._first_columns())
        while self.n_passes < self.max_passes:
            active = [(f, t) for f in self.folds for t in f.everything if not t.is_done]
            if not active:
                break
            self._pass(active, self._columns(active))

    # -- the first look --------------------------------------------------------

    def _look(self, n_alphas):
        """Make the first pass; set up the folds."""
        problem = self.problem
        layout, intercept = problem.layout, problem.fit_intercept
        groups = layout.feature_groups() if problem.scaling == "groups" else ()
        self.sight = self._run(FirstLook(self.n_folds, tuple(groups)))
        extremes = self.sight.extremes
        problem.loss.check_target(extremes, np.ones(len(extremes)))
        self._check_folds()
        everything = self.sight.of_training_rows(None)
        self.shift, self.is_far = centre(everything, intercept)
        self.folds = []
        for index in (None, *range(self.n_folds)):
            own = self.sight.of_training_rows(index)
            coordinates = Coordinates(layout, own, problem.scaling, intercept)
            fold = LockstepFold(index, own, coordinates, problem, n_alphas)
            self.folds.append(fold)

    def _check_folds(self):
        weight = self.sight.weight
        if self.n_folds and not (weight[1:] > 0).all():
            raise ValueError(
                "A cross-validation fold has no test sample of positive weight; use "
                "fewer folds, or another splitter as cv."
            )
        if not (weight.sum() - weight[1:] > 0).all() or not weight.sum() > 0:
            raise ValueError("There is no training sample of positive weight.")

    def _run(self, request):
        self.n_passes += 1
        return self.run_pass(request)

    # -- all other passes ------------------------------------------------------

    def _first_columns(self):
        """Return columns for the null model of all rows, whose curvature all share.

        Those whose products with the responses are largest: of a loss with its natural
        link these make the gradient, of others they are like it.
        """
        fold = self.folds[0]
        own, sight = fold.coordinates, self.sight.of_training_rows(None)
        products = own.gradient(sight.cross[0] / sight.weight[0])
        polar = self.problem.penalty.polar(products, own.ptr, own.weights)
        order = np.argsort(-polar, kind="stable")
        kept = np.cumsum(np.diff(own.ptr)[order]) <= _FIRST_COLUMNS // products.shape[1]
        kept[0] = True
        return {(fold, fold.null): own.columns(np.sort(order[kept]))}

    def _columns(self, active):
        """Return the columns of the second derivatives to ask for, by (fold, task).

        Folds borrow those of all rows at the same alpha, less their own part of them,
        while that serves them. Tasks that expect to be done need no more of them.
        """
        everything, columns = self.folds[0], {}
        lenders = {t.position: t for fold, t in active if fold is everything}
        for fold, task in active:
            wanted = fold.wanted_columns(task, self.alphas[task.position])
            key, lender = (fold, task), lenders.get(task.position)
            has = task.base.curvature.columns
            if fold is not everything and task.position >= 0:
                if lender is None:
                    has = self._lent(task)[0]
                    task.has_own |= not np.isin(wanted, has).all()
                if not task.has_own:
                    if lender is None:
                        continue
                    key = everything, lender
            is_last = task.expects_at_most(fold.accepted_gap(self.tol), fold)
            if task.position >= 0 and is_last and np.isin(wanted, has).all():
                continue
            columns[key] = np.union1d(columns.get(key, wanted), wanted)
        return columns

    def _lent(self, task):
        """Return columns and second derivatives on all rows, at a task's alpha."""
        return self.lent.get(task.position, self.lent[-1])

    def _pass(self, active, columns):
        """Make a pass for the trial models of the active tasks."""
        points = tuple(
            fold.point(task, columns.get((fold, task)), self.tol)
            for fold, task in active
        )
        request = Points(points, self.shift, self.is_far, self.n_folds)
        answers = self._run(request).points
        for fold in self.folds:
            fold.forget()
        for (fold, task), point, answer in zip(active, points, answers, strict=True):
            base = task.base
            state = fold.receive(task, point, answer)
            if answer.hessian is not None:
                if fold.index is None:
                    self.lent[task.position] = point.columns, answer.hessian
                state.curvature = fold.curvature(point.columns, answer.hessian)
            elif base is not None and (fold.index is None or task.has_own):
                state.curvature = base.curvature
            else:
                state.curvature = fold.curvature(*self._lent(task))
        self._judge()
        if self.on_pass is not None:
            done = [t.is_done for fold in self.folds for t in fold.everything]
            self.on_pass(self.n_passes, sum(done), len(done))

    def _judge(self):
        """Take in what a pass said, and find the models of the next one."""
        for fold, accepted in zip(self.folds, self._null_gaps(), strict=True):
            if fold.null.state is not None:
                fold.judge(fold.null, np.inf, accepted)
        first = self.folds[0]
        is_settled = True
        if self.grid is not None:
            is_settled = first.null.is_done
            polars = first.null.base.polars(self.problem.penalty)
            size = np.linalg.norm(self.sight.extremes)
            self.alphas[:-1] = geometric_grid(
                polars.max(initial=0.0), *self.grid, size, self.problem.penalty
            )
        for fold in self.folds:
            accepted = fold.accepted_gap(self.tol)
            for task, lender in zip(fold.tasks, first.tasks, strict=True):
                if task.state is not None:
                    alpha = self.alphas[task.position]
                    fold.judge(task, alpha, accepted if is_settled else -np.inf)
                    fold.decide_on_loan(task, lender)
            fold.step(self.alphas, accepted)

    def _null_gaps(self):
        """Return to which gaps null models are fitted. The grid depends on them."""
        if self.accepted is not None:
            return self.accepted
        share = _NULL_GAP if self.grid is None else _GRID_GAP
        return [
            share * fold.null.state.loss if fold.null.state else 0.0
            for fold in self.folds
        ]

    # -- the end ---------------------------------------------------------------

    def _solutions(self, tasks):
        """Return the solutions of the folds' tasks, whose alphas go before the last."""
        found = [
            self._solution(fold, own)
            for fold, own in zip(self.folds, tasks, strict=True)
        ]
        held_out = None
        if self.n_folds:
            best = [[task.best for task in own] for own in tasks[1:]]
            losses = np.array([[state.held_out for state in own] for own in best])
            losses = losses.reshape(self.n_folds, -1) - self.sight.lowest[1:, None]
            confusion = None
            if self.problem.loss.is_for_classes:
                confusion = np.array([[one.confusion for one in own] for own in best])
            held_out = HeldOut(losses, self.sight.weight[1:], confusion)
        return PassSolutions(found[0], found[1:], held_out, self.n_passes)

    def _solution(self, fold, tasks):
        p, q = self.problem.layout.n_features, fold.n_outputs
        coefs, intercepts = np.zeros((len(tasks), p, q)), np.zeros((len(tasks), q))
        for i, task in enumerate(tasks):
            coef, b = fold.solution(task)
            coefs[i] = coef.astype(self.problem.dtype)
            intercepts[i] = b - self.shift @ coefs[i]
        n_passes = [
            task.n_passes if task.is_done else self.max_passes + 1 for task in tasks
        ]
        return Solution(
            self.alphas[:-1].copy(),
            coefs,
            intercepts,
            np.array([task.gap for task in tasks]),
            np.array(n_passes, dtype=np.intp),
            null_loss=fold.null_loss,
            accepted_gap=fold.accepted_gap(self.tol),
        )
