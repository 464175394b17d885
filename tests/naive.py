"""Slow twins: the formulas of doc/penalties.md, loop for loop, to be checked by eye.

Shapes: X (n, p), y (n, q), coef (p, q), intercept (q,). `groups` is a list of index
lists and `weights` holds one weight a group. Nothing here imports skstruct.
"""

import numpy as np


def sample_shares(n, sample_weight=None):
    """Weights of the rows, summing to one."""
    s = np.ones(n) if sample_weight is None else np.asarray(sample_weight, float)
    return s / s.sum()


def residual(X, y, coef, intercept, offset=None):
    """y_i - o_i - x_i'B - b, (n, q)."""
    known = 0.0 if offset is None else np.reshape(offset, (len(y), -1))
    return y - known - X @ coef - intercept


def penalised(X, coef, standardize, d, fit_intercept):
    """Coefficients, or group fits, whose norms are penalised: a function of a group."""
    centred = X - d @ X if fit_intercept else X
    deviations = np.sqrt(d @ centred**2)
    deviations[deviations == 0] = 1.0

    def of(group):
        if standardize == "groups":
            return np.sqrt(d)[:, None] * (centred[:, group] @ coef[group])
        if standardize == "features":
            return deviations[group, None] * coef[group]
        return coef[group]

    return of


def objective(
    X,
    y,
    coef,
    intercept,
    alpha,
    groups,
    weights,
    *,
    sample_weight=None,
    offset=None,
    standardize="none",
    fit_intercept=True,
):
    """The objective of section 2, for squared error and the group lasso."""
    d = sample_shares(len(y), sample_weight)
    r = residual(X, y, coef, intercept, offset)
    loss = 0.0
    for d_i, r_i in zip(d, r, strict=True):
        loss += d_i * (r_i @ r_i) / 2
    block = penalised(X, coef, standardize, d, fit_intercept)
    penalty = 0.0
    for group, weight in zip(groups, weights, strict=True):
        penalty += weight * np.linalg.norm(block(group))
    return loss + alpha * penalty


def dual_gap(
    X, y, coef, intercept, alpha, groups, weights, *, sample_weight=None, positive=False
):
    """Objective minus the dual value of the scaled residual; weights all positive.

    Dual: maximise sum_i d_i (y_i'v_i - |v_i|^2 / 2) over v with sum_i d_i v_i = 0 and
    |X_g' (d v)| <= alpha w_g, of the positive part alone if `positive`.
    """
    d = sample_shares(len(y), sample_weight)
    v = residual(X, y, coef, intercept)
    v = v - d @ v
    y_centred = y - d @ y
    most = np.inf
    for group, weight in zip(groups, weights, strict=True):
        correlation = X[:, group].T @ (d[:, None] * v)
        if positive:
            correlation = np.maximum(correlation, 0)
        norm = np.linalg.norm(correlation)
        if norm > 0:
            most = min(most, alpha * weight / norm)
    yv, vv = np.sum(d[:, None] * y_centred * v), np.sum(d[:, None] * v * v)
    scale = min(max(yv / vv, 0.0), most) if vv > 0 else 0.0
    dual = scale * yv - scale**2 * vv / 2
    primal = objective(
        X, y, coef, intercept, alpha, groups, weights, sample_weight=sample_weight
    )
    return primal - dual


def prox_group_norm(v, threshold, positive=False):
    """argmin_c |c - v|^2 / 2 + threshold * |c|, over c >= 0 if `positive`."""
    v = np.maximum(v, 0) if positive else v
    norm = np.linalg.norm(v)
    return v * 0 if norm <= threshold else (1 - threshold / norm) * v


def proximal_gradient(
    X, y, groups, weights, alpha, *, sample_weight=None, positive=False, n_steps=20_000
):
    """FISTA with restarts (O'Donoghue and Candes, 2015), intercept by centring."""
    d = sample_shares(len(y), sample_weight)
    Z = np.sqrt(d)[:, None] * (X - d @ X)
    target = np.sqrt(d)[:, None] * (y - d @ y)
    largest = np.linalg.norm(Z, 2)
    step = 1 / largest**2 if largest > 0 else 1.0
    B = ahead = np.zeros((X.shape[1], y.shape[1]))
    t = 1.0
    for _ in range(n_steps):
        moved = ahead - step * (Z.T @ (Z @ ahead - target))
        new = np.empty_like(B)
        for group, weight in zip(groups, weights, strict=True):
            new[group] = prox_group_norm(moved[group], step * alpha * weight, positive)
        if np.array_equal(new, B):
            break
        t = 1.0 if np.sum((ahead - new) * (new - B)) > 0 else t  # restart
        t_new = (1 + np.sqrt(1 + 4 * t * t)) / 2
        ahead = new + (t - 1) / t_new * (new - B)
        B, t = new, t_new
    return B, d @ y - (d @ X) @ B


def block_minimum(H, u, prox, n_steps=20_000):
    """argmin_c <c, H c> / 2 - <u, c> + penalty(c) by proximal gradient.

    `prox(v, step)` returns the prox of the penalty.
    """
    step = 1 / np.linalg.norm(H, 2)
    c = np.zeros_like(u)
    for _ in range(n_steps):
        new = prox(c - step * (H @ c - u), step)
        if np.abs(new - c).max() <= 1e-16 * np.abs(new).max():
            break
        c = new
    return c


def sweep(Z, Y, C, ptr, prox, order):
    """Block coordinate descent: minimise over one block after the other.

    `prox(v, step, g)`; Z (m, n) holds columns as rows, Y is (q, n), C (m, q).
    """
    C = C.copy()
    for g in order:
        own = slice(ptr[g], ptr[g + 1])
        without = C.copy()
        without[own] = 0
        u = Z[own] @ (Y - without.T @ Z).T
        C[own] = block_minimum(
            Z[own] @ Z[own].T, u, lambda v, step, g=g: prox(v, step, g)
        )
    return C


def coupled_norm(coef, groups, weights, lambdas=None):
    """Weighted norms of the groups, summed, or meeting lambdas in descending order."""
    norms = [w * np.linalg.norm(coef[g]) for g, w in zip(groups, weights, strict=True)]
    if lambdas is None:
        return sum(norms)
    return sum(x * y for x, y in zip(sorted(norms)[::-1], lambdas, strict=True))


def prox_overlap(v, groups, thresholds, n_sweeps=20_000):
    """argmin_c |c - v|^2 / 2 + sum_g thresholds_g |c_g|, by descent on the dual."""
    parts = [np.zeros_like(v[g]) for g in groups]
    c = v.copy()
    for _ in range(n_sweeps):
        before = c.copy()
        for k, (g, threshold) in enumerate(zip(groups, thresholds, strict=True)):
            whole = c[g] + parts[k]
            norm = np.linalg.norm(whole)
            parts[k] = whole * (threshold / norm if norm > threshold else 1.0)
            c[g] = whole - parts[k]
        if np.abs(c - before).max() <= 1e-15 * np.abs(v).max():
            break
    return c
