"""The one judge of every run: objective and duality gap, in plain float64 numpy.

It imports neither skstruct nor any peer, and sees only the problem and the returned
coefficients. Losses and penalties are those of `benchmarks.losses` and
`benchmarks.penalties`.
"""

import numpy as np
from scipy import sparse


def alpha_max(problem):
    """Return the smallest alpha at which every group is zero."""
    fit = np.zeros_like(problem.y)
    return _dual_norm(problem, problem.loss.dual_point(problem.y, fit))


def judge(problem, coefs, intercepts):
    """Judge one run over a path.

    Parameters
    ----------
    problem : Problem
        The problem.
    coefs : ndarray of shape (p, n_alphas) or (q, p, n_alphas)
        Coefficients at each alpha.
    intercepts : ndarray of shape (n_alphas,) or (q, n_alphas)
        Intercepts at each alpha.

    Returns
    -------
    objectives, duals : ndarray of shape (n_alphas,)
        Primal and dual objective at each alpha, relative to the null model's loss;
        their difference is the duality gap.
    """
    _check(problem, coefs, intercepts)
    pairs = [
        _primal_dual(problem, alpha, coefs[..., k].T, intercepts[..., k])
        for k, alpha in enumerate(problem.alphas)
    ]
    objectives, duals = np.array(pairs).T / problem.null_loss
    return objectives, duals


def _check(problem, coefs, intercepts):
    """Refuse a result of the wrong shape or with a number that is not finite."""
    outputs = problem.y.shape[1:]
    n_alphas = len(problem.alphas)
    expected = (*outputs, problem.X.shape[1], n_alphas)
    if coefs.shape != expected or intercepts.shape != (*outputs, n_alphas):
        raise ValueError(
            f"coefs, intercepts have shapes {coefs.shape}, {intercepts.shape}; "
            f"expected {expected}, {(*outputs, n_alphas)}"
        )
    if not (np.isfinite(coefs).all() and np.isfinite(intercepts).all()):
        raise ValueError("coefs or intercepts are not finite")


def _primal_dual(problem, alpha, coef, intercept):
    """Return the objective and the dual value of the loss gradient, made feasible."""
    y, loss = problem.y, problem.loss
    coef = np.asarray(coef, dtype=np.float64)
    fit = _product(problem.X, coef) + intercept
    primal = loss.value(y, fit) + alpha * problem.penalty.value(coef)
    point = loss.dual_point(y, fit)
    norm = _dual_norm(problem, point, coef)
    limit = alpha / norm if norm > 0 else np.inf
    return primal, loss.best_dual(y, point, limit)


def _dual_norm(problem, point, coef=None):
    """Return the dual norm of X' point / n.

    The point sums to zero, so that centring X would change nothing.
    """
    correlation = np.asarray(problem.X.T @ point) / len(point)
    return problem.penalty.dual_norm(correlation, coef)


def _product(X, coef):
    """Return X coef by its non-zero rows: most of a sparse model is zero."""
    rows = np.flatnonzero(coef if coef.ndim == 1 else coef.any(axis=1))
    if sparse.issparse(X) or len(rows) > X.shape[1] // 4:
        return X @ coef
    return X[:, rows] @ coef[rows]
