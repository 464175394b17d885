"""The one judge of every run: objective and duality gap, in plain float64 numpy.

It imports neither skstruct nor any peer, and sees only the problem and the returned
coefficients.
"""

import numpy as np
from scipy import sparse


def null_loss(y):
    """Return the loss of the model that has nothing but the intercept."""
    return 0.5 * np.sum((y - y.mean(axis=0)) ** 2) / len(y)


def dual_norm(X, residual, ptr, weights):
    """Return max_g ||X_g' r|| / (n w_g) for a centred residual r, of (n,) or (n, q).

    The residual sums to zero, so that centring X would change nothing.
    """
    correlation = _transposed_product(X, residual) / len(residual)
    return np.max(_block_norms(correlation, ptr) / weights)


def judge(problem, coefs, intercepts):
    """Judge one run over a path.

    Parameters
    ----------
    problem : Problem
        The problem, of squared error and plain group lasso.
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
    """Return the objective and the best dual value along the centred residual."""
    n = len(problem.y)
    coef = np.asarray(coef, dtype=np.float64)
    residual = problem.y - _product(problem.X, coef) - intercept
    penalty = problem.weights @ _block_norms(coef, problem.ptr)
    primal = 0.5 * np.sum(residual**2) / n + alpha * penalty

    # D(t) = (<y, t r> - ||t r||^2 / 2) / n over the feasible t r, r centred
    r = residual - residual.mean(axis=0)
    square = np.sum(r**2)
    if square == 0.0:
        return primal, 0.0
    limit = alpha / dual_norm(problem.X, r, problem.ptr, problem.weights)
    correlation = np.sum((problem.y - problem.y.mean(axis=0)) * r)
    step = np.clip(correlation / square, -limit, limit)
    return primal, step * (correlation - 0.5 * step * square) / n


def _block_norms(blocks, ptr):
    """Return the Frobenius norm of each group's rows."""
    squares = blocks**2 if blocks.ndim == 1 else np.sum(blocks**2, axis=1)
    return np.sqrt(np.add.reduceat(squares, ptr[:-1]))


def _product(X, coef):
    """Return X coef by its non-zero rows: most of a sparse model is zero."""
    rows = np.flatnonzero(coef if coef.ndim == 1 else coef.any(axis=1))
    if sparse.issparse(X) or len(rows) > X.shape[1] // 4:
        return X @ coef
    return X[:, rows] @ coef[rows]


def _transposed_product(X, residual):
    return np.asarray(X.T @ residual)
