"""Solve a problem along a decreasing sequence of alphas, with warm starts.

For each alpha the sequential strong rule (Tibshirani et al., 2012) proposes groups,
block coordinate descent solves the problem restricted to the working set, and one
pass over all of X looks for groups that the rule missed. The gap of the full problem
decides; what is reported is computed afresh by `solvers.certificate`.
"""

import numpy as np

from skstruct.solvers.block_descent import ROUNDING, descend
from skstruct.solvers.design import Design
from skstruct.solvers.working_set import WorkingSet, best_scaled_dual

# The working set is solved to this share of what the full problem must reach.
_INNER_SHARE = 0.3
# While groups are still missing, to this share of the full problem's present gap.
_LOOSE_SHARE = 0.1


class PathSolver:
    """Solver of one problem for many alphas.

    Parameters
    ----------
    problem : Problem
        What to solve.
    tol : float
        Bound on the duality gap, relative to the null model's loss.
    max_iter : int
        Most sweeps at each alpha.

    Attributes
    ----------
    alpha_max : float
        Smallest alpha at which every penalised group is zero.
    null_loss : float
        Loss of the null model.
    """

    def __init__(self, problem, tol, max_iter):
        self.problem = problem
        self.max_iter = max_iter
        layout = problem.layout
        penalised = layout.weights > 0
        is_free = ~penalised & problem.penalty.is_unconstrained
        self.candidates = ~is_free
        self.design = Design(
            problem.matrix,
            layout,
            problem.weights,
            problem.fit_intercept,
            problem.scaling,
            np.flatnonzero(is_free),
        )
        self.Y = self.design.target(problem.y)
        self.null_loss = 0.5 * float(np.einsum("it,it->", self.Y, self.Y))
        self.gap_target = tol * self.null_loss
        self.working_set = WorkingSet(self.design, self.Y, problem.penalty)
        self.working_set.admit(np.flatnonzero(~penalised & ~is_free))
        self.polar = self._polar(self.design.correlate(self.Y))
        self.alpha_max = float(self.polar.max(initial=0.0))

    def _polar(self, correlation):
        layout = self.problem.layout
        polar = self.problem.penalty.polar(correlation, self.design.ptr, layout.weights)
        polar[~self.candidates] = 0.0
        return polar

    def solve(self, alphas, on_solved=None):
        """Solve for decreasing alphas > 0; return coefs (A, p, q) and sweeps (A,).

        Parameters
        ----------
        alphas : (A,) array
            Positive, decreasing.
        on_solved : callable or None
            Called without arguments after each alpha.
        """
        ws = self.working_set
        found, n_iters = [], []
        alpha_before = self.alpha_max
        for alpha in alphas:
            self._predict(found, alphas, alpha)
            n_iters.append(self._solve_one(alpha, alpha_before))
            found.append(ws.C.copy())
            alpha_before = alpha
            if on_solved is not None:
                on_solved()
        return self._coefs(found), np.array(n_iters, dtype=np.intp)

    def null_coefs(self):
        """Return the coefficients (1, p, q) of the null model."""
        return self._coefs([np.zeros_like(self.working_set.C)])

    def start_from(self, coef):
        """Make coefficients (p, q) the current iterate."""
        ws, layout = self.working_set, self.problem.layout
        used = layout.norms(coef.T) > 0
        ws.admit(np.flatnonzero(used & self.candidates))
        ws.set_coef(coef)

    def refine(self, alphas, coefs, factor):
        """Solve again from given coefficients, `factor` times as tightly.

        Sweeps run on residuals: where the Gram matrix was too coarse, they are not.
        """
        ws, target = self.working_set, self.gap_target
        self.gap_target = factor * target
        found, n_iters = [], []
        for alpha, coef in zip(alphas, coefs, strict=True):
            self.start_from(coef)
            ws.store.drop_gram(ws.C)
            self._look(alpha)
            n_iters.append(self._solve_one(alpha, alpha))
            found.append(ws.C.copy())
        self.gap_target = target
        return self._coefs(found), np.array(n_iters, dtype=np.intp)

    def _solve_one(self, alpha, alpha_before):
        """Solve at `alpha`; return the sweeps run, the closing pass counted as one."""
        ws = self.working_set
        self._propose(2 * alpha - alpha_before)
        live = np.flatnonzero(
            (self.polar[ws.blocks.groups] >= 2 * alpha - alpha_before)
            | (ws.norms() > 0)
        )
        inner_target = _INNER_SHARE * self.gap_target
        n_sweeps = 0
        target = inner_target
        while True:
            done, inner_gap = descend(ws, alpha, live, target, self.max_iter - n_sweeps)
            n_sweeps += done
            gap = self._look(alpha)
            if gap <= self.gap_target or n_sweeps >= self.max_iter:
                return n_sweeps + 1
            missed = np.flatnonzero(self.polar > alpha)
            if len(np.setdiff1d(missed, ws.blocks.groups[live])):
                self._propose(alpha)
                live = np.flatnonzero(
                    (self.polar[ws.blocks.groups] > alpha) | (ws.norms() > 0)
                )
                target = max(inner_target, _LOOSE_SHARE * gap)
            elif inner_gap <= target and target <= inner_target:
                return n_sweeps + 1
            else:
                target = inner_target

    def _look(self, alpha):
        """Pass over all of X: refresh polars; return the full problem's gap."""
        ws = self.working_set
        ws.store.refresh(ws.C)
        self.polar = self._polar(self.design.correlate(ws.store.residual(ws.C)))
        rr, yr = ws.store.moments(ws.C)
        dual = best_scaled_dual(rr, yr, self.polar.max(initial=0.0), alpha)
        return ws.objective(alpha) - dual

    def _propose(self, threshold):
        """Admit the groups above a threshold, the best ones first if they are many."""
        ws = self.working_set
        groups = np.flatnonzero(
            (self.polar >= threshold) & ~ws.blocks.is_member & self.candidates
        )
        limit = max(20, 2 * int(np.count_nonzero(ws.norms())))
        if len(groups) > limit:
            best = np.argpartition(-self.polar[groups], limit)[:limit]
            groups = np.sort(groups[best])
        ws.admit(groups)

    def _predict(self, found, alphas, alpha):
        """Extrapolate from the last two solutions, if that lowers the objective."""
        if len(found) < 2:
            return
        ws = self.working_set
        i = len(found)
        step = (alpha - alphas[i - 1]) / (alphas[i - 1] - alphas[i - 2])
        last, before = (self._padded(C) for C in (found[-1], found[-2]))
        iterate, objective = ws.iterate, ws.objective(alpha)
        ws.C = ws.penalty.project(last + step * (last - before))
        ws.store.refresh(ws.C)
        if not ws.objective(alpha) < objective * (1 - ROUNDING):
            ws.iterate = iterate

    def _padded(self, C):
        m = len(self.working_set.C)
        return np.concatenate([C, np.zeros((m - len(C), C.shape[1]))])

    def _coefs(self, found):
        """Coefficients of X's columns (A, p, q), those of free columns included."""
        ws = self.working_set
        n_found, q = len(found), self.Y.shape[1]
        stacked = np.concatenate(
            [np.empty((len(ws.C), 0))] + [self._padded(C) for C in found], axis=1
        )
        coefs = ws.coef(stacked)
        free = self.design.free_features
        if len(free):
            coefs[free] = self.design.free_coef(self.problem.y, coefs)
        return coefs.reshape(len(coefs), n_found, q).transpose(1, 0, 2)
