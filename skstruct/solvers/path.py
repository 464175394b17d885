"""Solve a problem along a decreasing sequence of alphas, with warm starts.

A few alphas at a time are solved on the working set, which screening proposes, and
then certified together in one pass over all of X. The certificate decides: it also
tells which groups screening missed, and from the first alpha that it does not confirm
the work is taken up again.
"""

import numpy as np

from skstruct.solvers.block_descent import descend
from skstruct.solvers.design import nonnegative_least_squares
from skstruct.solvers.path_base import PathBase
from skstruct.solvers.working_set import ROUNDING

# Alphas that are certified together; more where X has many more rows than columns, and
# passes over it are all that is left to pay for.
_BATCH, _LONG_BATCH = 4, 25
_TALL = 10
# The working set is solved to this share of what the full problem must reach.
_INNER_SHARE = 0.3
# While groups are still missing, to this share of the full problem's present gap.
_LOOSE_SHARE = 0.1
# Screening predicts polars by their last slope in alpha, plus this much. The strong
# rule takes a slope of 1 for all; what the prediction misses, the certificate finds.
_SLOPE_MARGIN = 0.1
_FIRST_SLOPE = 0.5
# A batch brings in at most this many groups, or this share of those that are nonzero.
_FEW_GROUPS = 20
_FEW_SHARE = 0.2
_STEEPEST = 0.5
# When no group is missing but the gap is too large, the target shrinks this much.
_TIGHTEN = 0.1
# Most times that an alpha is taken up again without new groups.
_MOST_TIGHTENINGS = 3


class PathSolver(PathBase):
    """Solver of one problem with a block separable penalty for many alphas.

    Parameters
    ----------
    problem : Problem
        What to solve, prepared.
    tol : float
        Bound on the duality gap, relative to the null model's loss.
    max_iter : int
        Most sweeps at each alpha.
    """

    def __init__(self, problem, tol, max_iter):
        layout = problem.layout
        penalised = layout.weights > 0
        is_free = ~penalised & problem.penalty.is_unconstrained
        super().__init__(problem, tol, max_iter, problem, np.flatnonzero(is_free))
        self.candidates = ~is_free
        self._constrained = np.flatnonzero(~penalised & ~is_free)
        self.start_path()

    def start_path(self):
        """Fit the null model, from which the path starts; set `alpha_max`."""
        layout = self.problem.layout
        residual = self._fit_null_model(self._constrained)
        self.null_loss = self.working_set.fit.value(self.working_set.C)
        # Polars are known at the null model, the solution from alpha_max on.
        self.polar = self.problem.penalty.polar(
            self.design.correlate(residual), self.design.ptr, layout.weights
        )
        self.polar[~self.candidates] = 0.0
        self.slope = np.full(layout.n_groups, _FIRST_SLOPE)
        self.was_live = np.zeros(layout.n_groups, dtype=bool)
        self.alpha_max = self.alpha_known = float(self.polar.max(initial=0.0))

    def _fit_null_model(self, constrained):
        """Fit the unpenalised groups; return what they leave, (n, q).

        That is the residuals, or minus the gradient of the loss, weighted. The
        unconstrained groups are fitted by design. Those that are constrained join the
        working set for good, and start at their fit.
        """
        fit = self.working_set.fit
        if fit.is_curved:
            refuse_constrained(self.problem, constrained)
            return fit.residual().T
        Y = fit.Y.T
        if len(constrained) == 0:
            return Y
        features = self.problem.layout.features_of(constrained)
        coef = np.zeros((self.problem.layout.n_features, Y.shape[1]))
        rows = self.design.rows(features)
        coef[features] = nonnegative_least_squares(rows, Y)
        self.working_set.admit(constrained)
        self.working_set.set_coef(coef)
        return Y - rows.T @ coef[features]

    def solve(self, alphas, on_solved=None, starts=None):
        """Solve for decreasing alphas > 0.

        Parameters
        ----------
        alphas : (A,) array
            Positive, decreasing.
        on_solved : callable or None
            Called without arguments after each alpha.
        starts : (A, p, q) array or None
            Coefficients to start from; None to extrapolate along the path.

        Returns
        -------
        coefs : (A, p, q) array
            Coefficients of the columns of X.
        intercepts : (A, q) array
            Intercepts.
        gaps : (A,) array
            Certified duality gaps.
        n_iters : (A,) integer array
            Sweeps, the pass that certifies counted as one.
        """
        n_alphas, p, q = (
            len(alphas),
            self.problem.layout.n_features,
            self.problem.y.shape[1],
        )
        coefs, intercepts = np.empty((n_alphas, p, q)), np.empty((n_alphas, q))
        gaps, n_iters = np.empty(n_alphas), np.zeros(n_alphas, dtype=np.intp)
        found = []
        self._starts = starts
        is_tall = self.design.n_rows > _TALL * p
        longest = _LONG_BATCH if is_tall else _BATCH
        i, size = 0, 1
        effort = _Effort(self.accepted_gap)
        while i < n_alphas:
            batch = slice(i, i + self._screen(alphas[i : i + size]))
            for j in range(i, batch.stop):
                n_iters[j] += self._descend(found, alphas, j, effort, n_iters[j]) + 1
            coefs[batch], latents = self._coefs(found[i:])
            self.latents = latents
            intercepts[batch] = self.certificate.intercepts(coefs[batch])
            gaps[batch], polars = self.certificate.evaluate(
                alphas[batch], coefs[batch], intercepts[batch], latents
            )
            n_good = self._n_accepted(gaps[batch], n_iters[batch], effort)
            for _ in range(n_good):
                effort = _Effort(self.accepted_gap)
                if on_solved is not None:
                    on_solved()
            failed = i + n_good < batch.stop
            last = n_good if failed else n_good - 1
            self._remember(polars[last], alphas[i + last])
            i += n_good
            if failed:
                self._learn_from(alphas[i], gaps[i], effort, found[i])
            del found[i:]
            size = 1 if failed else min(2 * size if is_tall else size + 1, longest)
        return coefs, intercepts, gaps, n_iters

    def start_from(self, coef):
        """Make coefficients (p, q) the current iterate."""
        ws, layout = self.working_set, self.problem.layout
        used = layout.norms(coef.T) > 0
        ws.admit(np.flatnonzero(used & self.candidates))
        ws.set_coef(coef)

    def _remember(self, polar, alpha):
        """Keep the polars certified at `alpha`, and how fast they are growing."""
        fall = self.alpha_known - alpha
        if 0 < fall < np.inf:
            finite = np.isfinite(polar) & np.isfinite(self.polar)
            growth = np.zeros_like(polar)
            np.subtract(polar, self.polar, out=growth, where=finite)
            growth /= fall
            self.slope = np.clip(growth + _SLOPE_MARGIN, _SLOPE_MARGIN, _STEEPEST)
        self.polar, self.alpha_known = polar, alpha

    def _wanted(self, alpha):
        """Tell which groups may be nonzero at `alpha`, as a mask."""
        return self.polar + self.slope * (self.alpha_known - alpha) > alpha

    def _screen(self, alphas):
        """Admit the groups that the next alphas may need; return how many alphas.

        More alphas share one pass over X, but are predicted from further away: as
        many are taken as bring in few groups.
        """
        ws = self.working_set
        few = max(_FEW_GROUPS, _FEW_SHARE * np.count_nonzero(ws.norms()))
        for size in range(len(alphas), 0, -1):
            new = self._wanted(alphas[size - 1]) & ~ws.blocks.is_member
            if size == 1 or np.count_nonzero(new) <= few:
                break
        self._admit(np.flatnonzero(new))
        return size

    def _admit(self, groups):
        """Admit groups, the best ones first if they are many."""
        ws = self.working_set
        groups = groups[~ws.blocks.is_member[groups] & self.candidates[groups]]
        limit = max(20, 2 * int(np.count_nonzero(ws.norms())))
        if len(groups) > limit:
            best = np.argpartition(-self.polar[groups], limit)[:limit]
            groups = np.sort(groups[best])
        ws.admit(groups)

    def _descend(self, found, alphas, j, effort, n_before):
        """Solve alpha j on the working set; return the sweeps run."""
        ws, alpha = self.working_set, alphas[j]
        if self._starts is None:
            self._predict(found, alphas, j)
        elif n_before == 0:
            self.start_from(self._starts[j])
        wanted = self._wanted(alpha)[ws.blocks.groups] | (ws.blocks.weights == 0)
        live = np.flatnonzero(wanted | (ws.norms() > 0))
        self.was_live[:] = False
        self.was_live[ws.blocks.groups[live]] = True
        budget = max(self.max_iter - n_before, 1)
        n_sweeps = descend(ws, alpha, live, effort.target, budget)
        found.append(ws.C.copy())
        return n_sweeps

    def _n_accepted(self, gaps, n_iters, effort):
        """Count the leading solutions that are good, or as good as they will get."""
        good = (gaps <= self.accepted_gap) | (n_iters > self.max_iter)
        good[0] |= effort.exhausted
        return len(good) if good.all() else int(np.argmin(good))

    def _learn_from(self, alpha, gap, effort, C):
        """Prepare another attempt at an alpha that was not confirmed."""
        ws = self.working_set
        missed = (self.polar > alpha) & ~self.was_live & self.candidates
        self._admit(np.flatnonzero(missed))
        if missed.any():
            effort.loosen(_LOOSE_SHARE * gap)
        elif effort.is_full:
            effort.tighten()
            if effort.exhausted:
                ws.fit.drop_gram(ws.C)
        else:
            effort.loosen(0.0)
        ws.C = self._padded(C)
        ws.fit.refresh(ws.C)

    def _predict(self, found, alphas, j):
        """Extrapolate from the last two solutions, if that lowers the objective."""
        if j < 2 or alphas[j - 1] == alphas[j - 2]:
            return
        ws = self.working_set
        step = (alphas[j] - alphas[j - 1]) / (alphas[j - 1] - alphas[j - 2])
        last, before = self._padded(found[j - 1]), self._padded(found[j - 2])
        iterate, objective = ws.iterate, ws.objective(alphas[j])
        ws.C = ws.penalty.project(last + step * (last - before))
        ws.fit.refresh(ws.C)
        if not ws.objective(alphas[j]) <= objective * (1 + ROUNDING):
            ws.iterate = iterate


def refuse_constrained(problem, groups):
    """Raise a ValueError for unpenalised groups that a curved loss cannot constrain."""
    if len(groups) == 0:
        return
    names = [problem.layout.names[g] for g in groups[:3]]
    raise ValueError(
        "positive=True with unpenalised groups is not supported for the loss "
        f"{type(problem.loss).__name__}; give groups {names} a small positive weight, "
        "or use the squared error."
    )


class _Effort:
    """How tightly the working set is solved at one alpha.

    Attributes
    ----------
    target : float
        Gap at which sweeps stop.
    """

    def __init__(self, accepted_gap):
        self._full = self.target = _INNER_SHARE * accepted_gap
        self._n_tightenings = 0

    @property
    def is_full(self):
        """Whether the last attempt went all the way."""
        return self.target <= self._full

    @property
    def exhausted(self):
        """Whether nothing more can be tried."""
        return self._n_tightenings >= _MOST_TIGHTENINGS

    def loosen(self, target):
        """While groups are missing, there is no point in solving more tightly."""
        self.target = max(self._full, target)

    def tighten(self):
        """Ask for more, since the certificate does not confirm the solver's word."""
        self._n_tightenings += 1
        self._full *= _TIGHTEN
        self.target = self._full
