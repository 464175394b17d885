"""The models of one fold, one at each alpha, on their way to the minimum."""

import numpy as np

from skstruct.penalties.norms import group_norms
from skstruct.solvers.chunk_pass import Point
from skstruct.solvers.pass_model import Curvature, Parameters
from skstruct.solvers.pass_state import State

# Shares of a step at which the loss is asked for while steps are not yet trusted.
_SHARES = (0.5, 0.25, 0.1, 0.03, 0.01)
# A shorter step is gone for if it gains this many times what the whole one does.
_WORTH_A_PASS = 3.0
# Groups whose polar is above this share of alpha may become nonzero soon.
_NEAR = 0.8
# At most this many columns more than are nonzero enter at once, or as many again.
_FEW_COLUMNS = 250
# What the minimum of a model may add to a gap, as a share of what is accepted. After a
# pass without progress, this share of that.
_SHARE, _TIGHTEN, _LEAST_EFFORT = 0.1, 0.01, 1e-4
# Share of what is accepted that a gap must be expected to reach, to be sure of it.
_SURE = 0.1
# The conjugate at a multiple of the gradient is asked for once the gap is below this
# share of the null loss.
_SOON = 0.1
# Where a step of unknown parts led uphill, this share of it is looked at next.
_CAREFUL = 0.25
# Alphas on either side whose models are tried as starts.
_NEIGHBOURS = 3
_ROUNDING = 1e-14
# Passes without progress before rounding is the reason, and gains that are none.
_PATIENCE, _NEGLIGIBLE = 5, 100.0
_MOST_CAUTION = 4.0**8
# A refit of what is free that gains less than this share of the null loss is exact.
_EXACT = 1e-9
# A fold asks for curvature of its own where its gap falls by less than this.
_SLOW = 0.1


class Task:
    """One alpha of one fold.

    Attributes
    ----------
    position : int
        Which alpha; -1 for the null model, whose alpha is infinite.
    base : State
        The best model known, from which the next step starts.
    trial : Parameters
        The model that the next pass looks at.
    best, gap : State and float
        The model of the smallest gap, and that gap.
    n_passes : int
        Passes taken part in.
    is_done : bool
        Whether nothing more is to be done.
    has_own : bool
        Whether second derivatives are those of the fold's own rows and model.
    """

    def __init__(self, position, trial):
        self.position, self.trial = position, trial
        self.base = self.best = self.state = None
        self.gap = self.gap_before = np.inf
        self.shares, self.caution, self.reach = (), 1.0, 1.0
        self.n_passes, self.patience = 0, _PATIENCE
        self.is_done = self.has_own = False

    def keep(self, state, gap, gain):
        """Remember the model of the smallest gap, and whether there is progress.

        That is a smaller gap, or a lower objective by a gain, in units of its rounding,
        that is not negligible.
        """
        is_better = gap < 0.9 * self.gap or gain > _NEGLIGIBLE
        self.patience = _PATIENCE if is_better else self.patience - 1
        self.gap_before = self.gap
        if gap <= self.gap or self.best is None:
            self.best, self.gap = state, gap

    def expects_at_most(self, gap, fold):
        """Tell whether the gap will surely fall that low: it is about squared."""
        return self.gap**2 / fold.null_loss <= _SURE * gap


class LockstepFold:
    """All alphas of one fold.

    Parameters
    ----------
    index : int or None
        Which fold; None for all rows.
    sight : FirstSight
        Of its training rows, a single part.
    coordinates : Coordinates
        Of its training rows.
    problem : Problem
        Without rows: loss, resolved penalty and the like.
    n_alphas : int
        Number of alphas.
    """

    def __init__(self, index, sight, coordinates, problem, n_alphas):
        self.index, self.problem, self.coordinates = index, problem, coordinates
        self.penalty = problem.penalty
        self.weight = float(sight.weight[0])
        self.lowest = float(sight.lowest[0]) / self.weight
        self._spread = np.sqrt(sight.square_y[0] / self.weight)
        start = self._null_start(sight)
        self.n_outputs = len(start.b)
        self.null = Task(-1, start)
        self.tasks = [Task(i, start) for i in range(n_alphas)]

    def _null_start(self, sight):
        q = sight.mean_y.shape[1]
        b = np.zeros(q)
        if self.problem.fit_intercept:
            b = self.problem.loss.link(sight.mean_y)[0] - sight.mean_offset[0]
        k = len(self.coordinates.free)
        return Parameters(np.zeros((self.coordinates.width, q)), np.zeros((k, q)), b)

    @property
    def everything(self):
        """The null model and all others."""
        return [self.null, *self.tasks]

    @property
    def null_loss(self):
        """Loss of the null model as far as it is known."""
        return self.null.base.loss

    def accepted_gap(self, tol):
        """Gap up to which a solution counts as converged."""
        size = self.null.base.size + abs(self.lowest) + self.null_loss
        return tol * self.null_loss + 40 * np.finfo(np.float64).eps * size

    def solution(self, task):
        """Return coefficients (p, q) and intercept (q,) of a task's best model.

        What is free is refitted by the model of the loss where that is exact but for
        rounding: gaps that are near zero say little of what is not penalised.
        """
        at, model = task.best.at, task.best.model(self.penalty)
        if model.free_gain <= _EXACT * self.null_loss:
            at = model.moved(model.start)
        return self.model(at)

    # -- what is asked ---------------------------------------------------------

    def point(self, task, columns, tol):
        """Return what to ask of a task's trial model.

        The conjugate is wanted near the multiple of the gradient that will be in the
        penalty's domain: what the gap adds for a multiple s is about ``1 - s``.
        """
        is_near = task.base is not None and task.gap < _SOON * self.null_loss
        scale = 1.0 - np.clip(np.sqrt(tol), 1e-7, 0.1) if is_near else None
        coef, intercept = self.model(task.trial)
        return Point(
            coef,
            intercept,
            fold=self.index,
            before=self._before(task),
            steps=task.shares,
            columns=columns,
            reach=task.reach if self.problem.loss.has_bends else 0.0,
            by_part=self.index is None,
            scale=scale,
        )

    def _before(self, task):
        """Return where a step to the trial model comes from, if that matters."""
        if self.problem.loss.has_bends and task.base is None:
            coef, intercept = self.model(task.trial)
            return coef, intercept - self._spread  # as far as a step may well lead
        if self.problem.loss.has_bends or task.shares:
            return self.model(task.base.at)
        return None

    def model(self, at):
        """Return coefficients (p, q) and intercept (q,) of the shifted columns."""
        return self.coordinates.coef(at.c, at.a), at.b

    def wanted_columns(self, task, alpha):
        """Return the columns whose second derivatives the trial model needs.

        Those of its nonzero groups, of groups that come near to be, and free ones.
        """
        own, base = self.coordinates, task.base
        if not np.isfinite(alpha):
            return own.free
        nonzero = group_norms(task.trial.c, own.ptr) > 0
        polar = base.polars(self.penalty)
        model = base.model(self.penalty, task.caution)
        polar[model.groups] = model.polars_at(task.trial.c)
        near = (polar > _NEAR * alpha) & ~nonzero
        few = self._few(near, polar, nonzero)
        return own.columns(np.flatnonzero(nonzero | few))

    def _few(self, near, polar, nonzero):
        """Restrict the groups that come near to the first few of them."""
        sizes = np.diff(self.coordinates.ptr)
        most = max(_FEW_COLUMNS, int(sizes[nonzero].sum()))
        order = np.argsort(-np.where(near, polar, 0.0), kind="stable")
        fits = np.zeros_like(near)
        fits[order] = np.cumsum(sizes[order]) <= most
        fits[order[0]] = True
        return near & fits

    # -- what is answered ------------------------------------------------------

    def forget(self):
        """Forget what earlier passes looked at, but for what tasks hold on to."""
        for task in self.everything:
            task.state = None

    def receive(self, task, point, answer):
        """Take in an answer. The first, to the null model, is one to all tasks."""
        state = State(
            self.coordinates,
            self.problem.fit_intercept,
            task.trial,
            point,
            answer,
            self.weight,
            self.lowest,
        )
        is_first = task is self.null and task.base is None
        for own in self.everything if is_first else [task]:
            own.state = state
            own.n_passes += 1
        return state

    def curvature(self, columns, hessian):
        """Return mean second derivatives on the training rows.

        Of sums (n_parts, ...) over the parts of all rows, one for each fold and one
        for what none holds out, or over these rows alone.
        """
        kept = np.ones(len(hessian), dtype=bool)
        if self.index is not None and len(hessian) > 1:
            kept[self.index + 1] = False
        pairs = hessian[kept].sum(axis=0) / self.weight
        return Curvature(columns, pairs, self.problem.loss.is_joint)

    def decide_on_loan(self, task, lender):
        """Have second derivatives of its own where borrowed ones are too coarse."""
        if self.index is not None and task.gap > max(_SLOW * task.gap_before, 0.0):
            task.has_own |= lender.gap < _SLOW * task.gap

    def judge(self, task, alpha, accepted):
        """Take in what a pass said of the task's trial model; prepare the next step.

        The next step starts from the best of the last base, the trial, and the trials
        of neighbouring alphas. Where part of the step was much better than all of it,
        the next pass looks there; else `task.trial` becomes None, to be found by
        `step`.
        """
        state, base, last = task.state, task.base, task.trial
        objective = state.objective(self.penalty, alpha)
        noise = _ROUNDING * (abs(objective) + state.size) + np.finfo(np.float64).tiny
        least = np.inf if base is None else base.objective(self.penalty, alpha)
        chosen = state if objective <= least + noise else base
        known = min(objective, least)
        for other in self._neighbours(task):
            theirs = other.objective(self.penalty, alpha)
            if theirs < known - noise:
                chosen, known = other, theirs
        task.keep(chosen, chosen.gap(self.penalty, alpha), (least - known) / noise)
        task.is_done = task.gap <= accepted or task.patience <= 0
        task.base, task.trial, shares = chosen, None, task.shares
        task.shares, task.reach = _SHARES, 1.0
        if base is None:
            return
        own = _SHARES if self.problem.loss.has_bends else ()
        share, gain = self._best_share(state, base, last, alpha)
        if gain > _WORTH_A_PASS * max(least - known, 0.0) + noise:
            # Somewhere along the step is better than all that is known.
            task.base, task.shares = base, own
            task.trial, task.reach = base.at.towards(last, share), 1 / share
        elif chosen is state:
            task.caution = max(1.0, 0.5 * task.caution)
            task.shares = own
        elif chosen is base and not shares:
            task.trial = base.at.towards(last, _CAREFUL)
            task.reach = 1 / _CAREFUL
        elif chosen is base:
            task.caution = min(4.0 * task.caution, _MOST_CAUTION)

    def _best_share(self, state, base, last, alpha):
        """Return the best share of the last step, and what it gains."""
        objectives = [
            loss + self.penalty_along(base, last, share, alpha)
            for share, loss in zip(state.shares, state.losses, strict=True)
        ]
        if not objectives:
            return 1.0, 0.0
        best = int(np.argmin(objectives))
        gain = base.objective(self.penalty, alpha) - objectives[best]
        return state.shares[best], gain

    def penalty_along(self, base, last, share, alpha):
        """Return alpha times the penalty on the way from the base to a model."""
        return base.penalty_at(self.penalty, base.at.towards(last, share), alpha)

    def _neighbours(self, task):
        """Yield the models of near alphas that the last pass looked at."""
        if task.position < 0:
            return
        first = max(0, task.position - _NEIGHBOURS)
        for other in self.tasks[first : task.position + _NEIGHBOURS + 1]:
            if other is not task and other.state is not None:
                yield other.state

    def step(self, alphas, accepted):
        """Find the next trial models of all tasks that want one."""
        tasks = [t for t in self.everything if not t.is_done and t.trial is None]
        shared = {}
        for task in tasks:
            shared.setdefault((id(task.base), task.caution), []).append(task)
        for (_, caution), own in shared.items():
            model = own[0].base.model(self.penalty, caution)
            finite = [t for t in own if t.position >= 0]
            if finite:
                target = min(self._model_gap(t, accepted) for t in finite)
                found = model.minimize(alphas[[t.position for t in finite]], target)
                for task, c in zip(finite, found, strict=True):
                    task.trial = model.moved(c)
            for task in own:
                if task.position < 0:
                    task.trial = model.moved(model.start)

    def _model_gap(self, task, accepted):
        """Return to which gap a model is to be minimised.

        The next gap will be about the square of this one. It is of the first order in
        how far the gradient is from optimal, the gap of a squared error of the second.
        """
        expected = max(task.gap**2 / self.null_loss, _SHARE * accepted)
        gap = 0.5 * min(expected, task.gap) ** 2 / self.null_loss
        gap = min(gap, _LEAST_EFFORT * task.gap)
        return gap * _TIGHTEN ** (_PATIENCE - task.patience)
