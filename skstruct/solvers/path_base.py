"""What every path of solutions has: a null model, a grid of alphas, coefficients."""

import numpy as np

from skstruct.solvers.certificate import Certificate
from skstruct.solvers.design import Design
from skstruct.solvers.working_set import WorkingSet


class PathBase:
    """Base of the solvers of one problem for many alphas.

    Parameters
    ----------
    problem : Problem
        What to solve, prepared.
    tol : float
        Bound on the duality gap, relative to the null model's loss; if the penalty is
        not convex, on the violation of optimality relative to alpha.
    max_iter : int
        Most sweeps or steps at each alpha.
    groups : Problem
        The problem in whose groups the working set grows: `problem` itself, or
        one of single features.
    free_groups : integer array
        Its groups that are neither penalised nor constrained.

    Attributes
    ----------
    alpha_max : float
        Smallest alpha at which every penalised group is zero; set by subclasses.
    null_loss : float
        Loss of the null model, measured from a perfect fit; set by subclasses.
    accepted_gap : float
        Gap at which a solution counts as converged: `tol` times the null loss, plus
        what rounding leaves of a gap.
    """

    def __init__(self, problem, tol, max_iter, groups, free_groups):
        self.problem = problem
        self.tol = tol
        self.max_iter = max_iter
        self.design = Design(
            problem.matrix,
            groups.layout,
            problem.weights,
            problem.fit_intercept,
            problem.scaling,
            free_groups,
        )
        self.certificate = Certificate(problem)
        self.working_set = WorkingSet(self.design, groups)
        self._noise = None  # what rounding may leave of a gap; known with the null loss

    @property
    def accepted_gap(self):
        """Gap up to which a solution counts as converged."""
        if not self.problem.penalty.is_convex:
            return self.tol
        if self._noise is None:
            fit = self.working_set.fit
            if fit.is_curved:
                self._noise = _curved_rounding(fit, self.null_loss)
            else:
                self._noise = _rounding(self.problem, self.null_loss)
        return self.tol * self.null_loss + self._noise

    def grid(self, n_alphas, eps):
        """Return alphas, geometric from `alpha_max` down to `eps` times it."""
        y, d = self.problem.y, self.problem.weights
        size = np.sqrt(np.sum(d @ y**2))
        return geometric_grid(self.alpha_max, n_alphas, eps, size, self.problem.penalty)

    def respond(self, problem):
        """Go on with other responses and another loss; X and groups stay."""
        self.problem, self._noise = problem, None
        self.certificate.respond(problem)
        self.working_set.fit.respond(problem)
        self.working_set.fit.refresh(self.working_set.C)

    def null_coefs(self):
        """Return the coefficients (1, p, q) of the null model."""
        return self._coefs([np.zeros_like(self.working_set.C)])[0]

    def _padded(self, C):
        m = len(self.working_set.C)
        return np.concatenate([C, np.zeros((m - len(C), C.shape[1]))])

    def _coefs(self, found):
        """Coefficients of X's columns (A, p, q), those of free columns included.

        They are rounded to the precision in which they will be returned. Latent
        coefficients (A, entries, q) come with them if groups overlap, else None.
        """
        ws, problem = self.working_set, self.problem
        n_found, q = len(found), problem.y.shape[1]
        C = np.concatenate([self._padded(C) for C in found], axis=1)
        latents = None
        if ws.blocks.layout.is_overlapping:
            latents = self._rounded(ws.blocks.latent(C))
            coefs = ws.blocks.summed(latents)
            latents = _by_alpha(latents, n_found, q)
        else:
            coefs = self._rounded(ws.blocks.coef(C))
        free = self.design.free_features
        if len(free) and ws.fit.is_curved:
            coefs = _by_alpha(coefs, n_found, q)
            coefs[:, free] = self._rounded(self.certificate.free_coefs(coefs))
            return coefs, latents
        if len(free):
            coefs[free] = self._rounded(self.design.free_coef(problem.y, coefs))
        return _by_alpha(coefs, n_found, q), latents

    def _rounded(self, coefs):
        return coefs.astype(self.problem.dtype).astype(np.float64)


def geometric_grid(alpha_max, n_alphas, eps, size, penalty):
    """Return alphas, geometric from `alpha_max` down to `eps` times it.

    Parameters
    ----------
    alpha_max : float
        Smallest alpha at which every penalised group is zero.
    n_alphas : int
        How many.
    eps : float
        Length of the grid.
    size : float
        Size of the responses, to tell rounding from an alpha.
    penalty : Penalty
        To be named where there is no largest alpha.
    """
    if not np.isfinite(alpha_max):
        raise ValueError(
            f"{type(penalty).__name__} sets no group to zero at any alpha, so there "
            "is no largest alpha from which a grid could start: pass the alphas "
            "themselves."
        )
    tiny = np.finfo(np.float64).resolution * (size or 1.0)
    if alpha_max <= tiny:
        # Every model is the null model; any positive grid will do.
        return np.full(n_alphas, tiny)
    return np.geomspace(alpha_max, alpha_max * eps, n_alphas)


def _by_alpha(stacked, n_alphas, q):
    """Return (A, p, q) of coefficients (p, A * q)."""
    return stacked.reshape(len(stacked), n_alphas, q).transpose(1, 0, 2)


def _rounding(problem, null_loss):
    """Return what rounding may leave of a gap.

    It shows where y is large beside its spread, and where the unpenalised groups
    explain all of y.
    """
    kept = problem.weights > 0
    y, d = problem.y[kept], problem.weights[kept]
    eps = np.finfo(np.float64).eps
    unit = 40 * eps * np.abs(y).max(initial=0.0)
    spread = np.einsum("i,it,it->", d, y - d @ y, y - d @ y)
    return unit * np.sqrt(2 * null_loss) + unit**2 + 40 * eps * spread


def _curved_rounding(fit, null_loss):
    """Return what rounding may leave of a curved loss's gap, a sum of many terms."""
    terms = np.abs(fit.slope) * (1.0 + np.abs(fit.predictor()))
    size = float(np.sum(fit.weights @ terms)) + abs(fit.lowest) + null_loss
    return 40 * np.finfo(np.float64).eps * size
