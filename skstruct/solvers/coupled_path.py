"""Solve a problem whose norm couples its groups, along a decreasing sequence of alphas.

The same shape as a path of block separable penalties: a working set, here of features,
proposed by screening, solved by FISTA, and certified on all of X. The certificate's
correlations say which features were missed: those that a proximal step of the norm
over all features makes nonzero.
"""

from dataclasses import replace

import numpy as np

from skstruct.groups import make_layout
from skstruct.penalties import GroupL2
from skstruct.solvers.fista import Fista
from skstruct.solvers.path_base import PathBase

# The working set is solved to this share of what the full problem must reach.
_INNER_SHARE = 0.3
# When no feature is missing but the gap is too large, the target shrinks this much.
_TIGHTEN = 0.1
_MOST_TIGHTENINGS = 3
# Screening takes the norm's prox at this share of alpha, at least.
_LEAST_SHARE = 0.3


class CoupledPath(PathBase):
    """Solver of one problem with a coupled penalty for many alphas.

    Parameters
    ----------
    problem : Problem
        What to solve, prepared.
    tol : float
        Bound on the duality gap, relative to the null model's loss.
    max_iter : int
        Most steps at each alpha.
    """

    latents = None  # a coupled norm is of the coefficients themselves

    def __init__(self, problem, tol, max_iter):
        p = problem.layout.n_features
        penalised = problem.penalised_features()
        weights = np.zeros(p)
        weights[penalised] = 1.0
        singles = replace(
            problem,
            layout=make_layout(None, p, weights=weights),
            penalty=GroupL2(positive=problem.penalty.positive),
        )
        free = np.flatnonzero(weights == 0)
        if len(free) and not problem.penalty.is_unconstrained:
            raise ValueError(
                "positive=True with unpenalised features is not supported for "
                f"{type(problem.penalty).__name__}; give their groups a small "
                "positive weight."
            )
        super().__init__(problem, tol, max_iter, singles, free)
        self.features = penalised
        self.norm = problem.penalty.bind(problem.layout, penalised)
        self.start_path()

    def start_path(self):
        """Take up the null model, from which the path starts; set `alpha_max`."""
        fit = self.working_set.fit
        residual = fit.residual().T if fit.is_curved else fit.Y.T
        self.correlation = self.design.correlate(residual)[self.features]
        self.null_loss = fit.value(self.working_set.C)
        self.alpha_max = self.alpha_known = float(self.norm.polar(self.correlation))
        self._fista = None

    def start_from(self, coef):
        """Make coefficients (p, q) the current iterate."""
        self._admit(np.flatnonzero(coef.any(axis=1)))
        self.working_set.set_coef(coef)

    def solve(self, alphas, on_solved=None):
        """Solve for decreasing alphas > 0.

        Parameters
        ----------
        alphas : (A,) array
            Positive, decreasing.
        on_solved : callable or None
            Called without arguments after each alpha.

        Returns
        -------
        coefs : (A, p, q) array
            Coefficients of the columns of X.
        intercepts : (A, q) array
            Intercepts.
        gaps : (A,) array
            Certified duality gaps.
        n_iters : (A,) integer array
            Steps, the pass that certifies counted as one.
        """
        p, q = self.problem.layout.n_features, self.problem.y.shape[1]
        coefs, intercepts = np.zeros((len(alphas), p, q)), np.zeros((len(alphas), q))
        gaps, n_iters = np.empty(len(alphas)), np.zeros(len(alphas), dtype=np.intp)
        for i, alpha in enumerate(alphas):
            self._admit(self._screened(alpha))
            coefs[i], intercepts[i], gaps[i], n_iters[i] = self._solve_one(alpha)
            if on_solved is not None:
                on_solved()
        return coefs, intercepts, gaps, n_iters

    def _solve_one(self, alpha):
        ws, target, n_steps = self.working_set, _INNER_SHARE * self.accepted_gap, 0
        n_tightenings = 0
        while True:
            if self._fista is None:
                features = np.sort(ws.blocks.features)
                norm = self.problem.penalty.bind(self.problem.layout, features)
                self._fista = Fista(ws, norm)
            budget = max(self.max_iter - n_steps, 1)
            n_steps += self._fista.descend(alpha, target, budget) + 1
            coefs, _ = self._coefs([ws.C])
            intercepts = self.certificate.intercepts(coefs)
            (gap,), (correlation,) = self.certificate.evaluate(
                np.array([alpha]), coefs, intercepts
            )
            self.correlation, self.alpha_known = correlation, alpha
            if gap <= self.accepted_gap or n_steps > self.max_iter:
                break
            missed = self._missed(coefs[0], alpha)
            if len(missed):
                self._admit(missed)
            elif n_tightenings < _MOST_TIGHTENINGS:
                n_tightenings += 1
                target *= _TIGHTEN
            else:
                break
        return coefs[0], intercepts[0], gap, n_steps

    def _screened(self, alpha):
        """Return the features that the sequential strong rule keeps.

        It supposes that correlations change no faster than alpha (Tibshirani et al.,
        Strong rules for discarding predictors, 2012): what the norm's prox sets to
        zero at ``2 alpha - alpha_known`` then stays zero.
        """
        strength = max(2 * alpha - self.alpha_known, _LEAST_SHARE * alpha)
        return self._nonzero(self.correlation, strength)

    def _missed(self, coef, alpha):
        """Return features outside the working set that a proximal step moves."""
        if self.design.scale is not None:
            coef = coef * self.design.scale[:, None]
        scale2 = self.norm.scale[:, None] ** 2
        step = 1.0 / max(self._fista.lipschitz, np.finfo(float).tiny)
        ahead = coef[self.features] + step * self.correlation / scale2
        moved = self._nonzero(ahead, step * alpha, is_scaled=True)
        return moved[~self.working_set.blocks.is_member[moved]]

    def _nonzero(self, point, strength, is_scaled=False):
        if not is_scaled:
            point = point / self.norm.scale[:, None] ** 2
        return self.features[self.norm.prox(point, strength).any(axis=1)]

    def _admit(self, features):
        ws = self.working_set
        new = features[~ws.blocks.is_member[features]]
        if len(new):
            ws.admit(new)
            self._fista = None
