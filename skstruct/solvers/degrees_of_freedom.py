"""How many degrees of freedom a penalised fit has.

The solution moves smoothly with the responses while the set of its nonzero
coefficients S and of its nonzero groups stays as it is. There, with the curvature K of
the weighted loss and the Hessian H of ``alpha * penalty`` on S, the derivative of the
fit by the responses has the trace ::

    df = trace((X_S' K X_S + H)^+  X_S' K X_S),

the intercept and unpenalised columns being columns of X_S on which H is zero (Vaiter et
al., The degrees of freedom of the group lasso, 2012, theorem 1; for other penalties and
losses Vaiter et al., The degrees of freedom of partly smooth regularizers, 2017,
theorem 3). For the lasso it is the number of nonzero coefficients, without penalty the
rank.
"""

import numpy as np
from scipy import linalg

from skstruct.penalties import GroupL2
from skstruct.solvers.decomposition import decomposition
from skstruct.solvers.measured_norms import column_variances, measured_norms


def exact_degrees_of_freedom(problem, solution):
    """Return the trace above at each alpha of a solution, (A,).

    Raises
    ------
    ValueError
        If groups are standardised and the penalty is not that of the group lasso.
    """
    _check_scaling(problem)
    return np.array(
        [
            _trace(problem, alpha, coef, intercept)
            for alpha, coef, intercept in zip(
                solution.alphas, solution.coefs, solution.intercepts, strict=True
            )
        ]
    )


def yuan_lin_degrees_of_freedom(problem, solution, unpenalised):
    """Return Yuan and Lin's approximation (2006, eq. 6.3) at each alpha, (A,).

    ``sum_g 1(|B_g| > 0) + |B_g| / |B_g^LS| (size_g - 1)``, the size being that of all
    outputs, and one for each intercept; exact for orthonormal columns.

    Parameters
    ----------
    problem : Problem
        With disjoint groups.
    solution : Solution
        Along a path.
    unpenalised : (p, q) array
        Coefficients B^LS of the unpenalised fit.
    """
    layout, q = problem.layout, problem.y.shape[1]
    full = measured_norms(problem, unpenalised)
    sizes = layout.sizes * q
    free = layout.weights == 0
    df = np.empty(len(solution.alphas))
    for k, coef in enumerate(solution.coefs):
        norms = measured_norms(problem, coef)
        share = np.divide(norms, full, out=np.zeros_like(norms), where=full > 0)
        parts = np.where(norms > 0, 1 + np.minimum(share, 1) * (sizes - 1), 0.0)
        df[k] = np.where(free, sizes, parts).sum() + problem.fit_intercept * q
    return df


def _check_scaling(problem):
    if problem.scaling == "groups" and type(problem.penalty) is not GroupL2:
        raise ValueError(
            "degrees_of_freedom='exact' with standardize='groups' is only known for "
            f"the group lasso, not for {type(problem.penalty).__name__}; use "
            "standardize='features' or 'none'."
        )


def _trace(problem, alpha, coef, intercept):
    features, outputs, hessian = _active(problem, alpha, coef)
    q = problem.y.shape[1]
    if problem.fit_intercept:
        features = np.concatenate([features, np.full(q, -1)])
        outputs = np.concatenate([outputs, np.arange(q)])
        hessian = linalg.block_diag(hessian, np.zeros((q, q)))
    if not len(features):
        return 0.0
    gram = _curved_gram(problem, coef, intercept, features, outputs)
    scale = np.sqrt(np.maximum(np.diag(gram), 0.0))
    scale[scale == 0] = 1.0
    total = (gram + hessian) / np.outer(scale, scale)
    solved = linalg.pinvh(total, rtol=1e-10) @ (gram / np.outer(scale, scale))
    return float(np.trace(solved))


def _curved_gram(problem, coef, intercept, features, outputs):
    """Return ``X_S' K X_S`` of the entries (features[j], outputs[j])."""
    columns, place = np.unique(features[features >= 0], return_inverse=True)
    X = (
        problem.matrix.rows(columns).T
        if len(columns)
        else np.zeros((len(problem.y), 0))
    )
    X = np.column_stack([X, np.ones(len(X))])
    at = np.full(len(features), len(columns))  # the intercept's column of ones
    at[features >= 0] = place
    known = 0.0 if problem.offset is None else problem.offset
    f = problem.matrix.dot(coef) + intercept + known
    d, q = problem.weights, f.shape[1]
    gram = np.zeros((len(features), len(features)))
    if problem.loss.is_joint:
        bend = problem.loss.hessian(problem.y, f)
        pairs = [(k, m) for k in range(q) for m in range(q)]
    else:
        bend = problem.loss.curvature(problem.y, f)
        pairs = [(k, k) for k in range(q)]
    for k, m in pairs:
        rows, cols = np.flatnonzero(outputs == k), np.flatnonzero(outputs == m)
        own = d * (bend[:, k, m] if problem.loss.is_joint else bend[:, k])
        product = X.T @ (own[:, None] * X)
        gram[np.ix_(rows, cols)] = product[np.ix_(at[rows], at[cols])]
    return gram


def _active(problem, alpha, coef):
    """Return features and outputs of the nonzero entries, and the penalty's Hessian.

    Where groups are latent, the entries are those of the latent coefficients.
    """
    layout, weights = problem.layout, problem.layout.weights
    if layout.is_overlapping and problem.penalty.is_block_separable:
        coef = decomposition(problem, coef)
        rows, blocks = layout.indices, np.split(np.arange(len(coef)), layout.ptr[1:-1])
    else:
        rows, blocks = np.arange(len(coef)), layout.feature_groups()
    is_active = coef != 0
    number = np.full(coef.shape, -1)
    number[is_active] = np.arange(is_active.sum())
    hessian = np.zeros((is_active.sum(), is_active.sum()))
    scale = _column_scale(problem)
    for g in np.flatnonzero(weights > 0):
        own, block = blocks[g], coef[blocks[g]]
        if not block.any():
            continue
        kept = block.ravel() != 0
        entries = number[own].ravel()[kept]
        part = _group_hessian(problem, g, block, scale[rows[own]], alpha)
        hessian[np.ix_(entries, entries)] += part[np.ix_(kept, kept)]
    row, output = np.nonzero(is_active)
    return rows[row], output, hessian


def _column_scale(problem):
    if problem.scaling == "features":
        return np.sqrt(column_variances(problem))
    return np.ones(problem.matrix.shape[1])


def _group_hessian(problem, g, block, scale, alpha):
    """Return the Hessian (k * q, k * q) of ``alpha * penalty_g`` at a nonzero block."""
    weights, q = problem.layout.weights, block.shape[1]
    if problem.scaling == "groups":
        Z = problem.matrix.rows(problem.layout.features_of([g])).T
        if problem.fit_intercept:
            Z = Z - problem.weights @ Z
        metric = np.kron(Z.T @ (problem.weights[:, None] * Z), np.eye(q))
        moved = metric @ block.ravel()
        norm = np.sqrt(block.ravel() @ moved)
        bend = metric / norm - np.outer(moved, moved) / norm**3
        return alpha * weights[g] * bend
    scaled = block * scale[:, None]
    if problem.penalty.is_block_separable:
        models = problem.penalty.smooth_models(
            scaled[None], np.array([g]), weights, alpha
        )
        bend = models[1][0]
    else:
        norm, flat = np.linalg.norm(scaled), scaled.ravel()
        bend = np.eye(flat.size) / norm - np.outer(flat, flat) / norm**3
        bend = alpha * weights[g] * bend
    stretch = np.repeat(scale, q)
    return stretch[:, None] * bend * stretch
