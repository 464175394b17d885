"""Solve a loss with kinks along a path, through a sequence of smooth ones.

The method of multipliers (Rockafellar, Augmented Lagrangians and applications of the
proximal point algorithm, 1976) on the residuals: the loss is replaced by its Moreau
envelope of some width, shifted by multipliers v, which are then set to minus the
envelope's gradient. In the limit the answer is that of the loss itself, at a width
that need not go to zero. The multipliers are a dual point of the loss, from which
the certificate computes the gap of the true problem.
"""

from dataclasses import replace

import numpy as np

from skstruct.solvers.certificate import Certificate

# Width of the first envelope, as a share of the mean absolute residual.
_FIRST_WIDTH = 0.3
# The width is divided by this when a step leaves more than this share of the gap, and
# starts that much wider at the next alpha: narrow ones are hard to solve from afar.
_NARROW, _SLOW = 4.0, 0.3
_WIDEN = 64.0
_LEAST_WIDTH = 1e-6
_MOST_STEPS = 200
_TINY = np.finfo(np.float64).tiny
# Smooth problems are solved to this share of the present gap of the true one.
_SHARE = 0.1


class SmoothedPath:
    """Solver of one problem with a nonsmooth loss for many alphas.

    Parameters
    ----------
    problem : Problem
        What to solve, prepared.
    tol : float
        Bound on the duality gap, relative to the null model's loss.
    max_iter : int
        Most sweeps at each alpha.
    path : callable
        ``path(problem, tol, max_iter)`` is the solver for smooth losses.

    Attributes
    ----------
    alpha_max, null_loss, accepted_gap
        As of the path for smooth losses.
    """

    def __init__(self, problem, tol, max_iter, path):
        self.problem = problem
        self.tol = tol
        self.max_iter = max_iter
        self.certificate = Certificate(problem)
        d = problem.weights
        y = problem.y - problem.offset
        spread = float(d @ np.abs(y - np.median(y[d > 0], axis=0)).mean(axis=1))
        self._least = _LEAST_WIDTH * spread
        self.width = _FIRST_WIDTH * (spread or 1.0)
        self._first_width = self.width
        self.v = np.zeros_like(problem.y)
        self.solver = path(self._smooth(), 1e-2, max_iter)
        self._fit_null_model()

    def _smooth(self):
        """Return the smooth problem of the present width and multipliers."""
        loss = self.problem.loss.smoothed(self.width)
        y = self.problem.y + self.width * self.v
        # Rounding of coefficients is for the end: narrow envelopes are steep.
        return replace(self.problem, loss=loss, y=y, dtype=np.float64)

    def _fit_null_model(self):
        """Find the null model's loss, its multipliers, and the largest alpha."""
        best = np.inf
        for _ in range(_MOST_STEPS):
            coefs = self.solver.null_coefs()
            intercepts = self.solver.certificate.intercepts(coefs)
            f = self._predictor(coefs[0], intercepts[0])
            loss = self.problem.loss.value(self.problem.y, f, self.problem.weights)
            moved = self._update_multipliers(f)
            if loss > best * (1 - _SLOW * 1e-2):
                self._narrow()
            best = min(best, loss)
            if moved <= 1e-10 * best:
                break
            self._respond()
        self._respond()
        self.null_loss = best
        rounding = 40 * np.finfo(np.float64).eps
        size = float(self.problem.weights @ np.abs(self.problem.y).sum(axis=1))
        self.accepted_gap = self.tol * best + rounding * (best + size)
        self.solver.start_path()
        self.alpha_max = self.solver.alpha_max

    def grid(self, n_alphas, eps):
        """Return alphas, geometric from `alpha_max` down to `eps` times it."""
        return self.solver.grid(n_alphas, eps)

    def null_coefs(self):
        """Return the coefficients (1, p, q) of the null model."""
        return self.solver.null_coefs()

    def start_from(self, coef):
        """Make coefficients (p, q) the current iterate."""
        self.solver.start_from(coef)

    def solve(self, alphas, on_solved=None):
        """Solve for decreasing alphas > 0; see :meth:`PathSolver.solve`."""
        parts = []
        for alpha in alphas:
            parts.append(self._solve_one(np.array([alpha])))
            if on_solved is not None:
                on_solved()
        p, q = self.problem.layout.n_features, self.problem.y.shape[1]
        coefs = np.array([part[0] for part in parts]).reshape(-1, p, q)
        intercepts = np.array([part[1] for part in parts]).reshape(-1, q)
        gaps = np.array([part[2] for part in parts], dtype=np.float64)
        return coefs, intercepts, gaps, np.array([part[3] for part in parts], np.intp)

    def _solve_one(self, alpha):
        n_iters, best, gap_before = 0, (None, None, np.inf), np.inf
        self.width = min(self._first_width, _WIDEN * self.width)
        self._respond()
        for _ in range(_MOST_STEPS):
            share = _SHARE * min(best[2] / max(self.null_loss, _TINY), 0.1)
            self.solver.tol = max(share, _SHARE * self.tol)
            coefs, intercepts, _, steps = self.solver.solve(alpha)
            n_iters += int(steps[0])
            coefs = coefs.astype(self.problem.dtype).astype(np.float64)
            f = self._predictor(coefs[0], intercepts[0])
            self._update_multipliers(f)
            latents = self.solver.latents
            (gap,), _ = self.certificate.evaluate(
                alpha, coefs, intercepts, latents, duals=self.v
            )
            if gap < best[2] or best[0] is None:
                best = (coefs[0], intercepts[0], gap)
            if best[2] <= self.accepted_gap or n_iters > self.max_iter:
                break
            if gap > _SLOW * gap_before:
                self._narrow()
            gap_before = gap
            self._respond()
        return *best, n_iters

    def _predictor(self, coef, intercept):
        return self.problem.offset + self.problem.matrix.dot(coef) + intercept

    def _update_multipliers(self, f):
        """Set the multipliers at predictors f; return how far residuals were off."""
        smooth, before = self.solver.problem, self.v
        self.v = -smooth.loss.gradient(smooth.y, f)
        return self.width * float(self.problem.weights @ np.abs(self.v - before).sum(1))

    def _narrow(self):
        self.width = max(self.width / _NARROW, self._least)

    def _respond(self):
        self.solver.respond(self._smooth())
