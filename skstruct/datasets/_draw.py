"""The pieces of which made data are put together.

Shapes: X (n_samples, n_features), coefs (n_features, n_outputs), sizes (n_groups,).
Features stand group after group until `scatter` moves them.
"""

import numpy as np
from scipy.special import expit, softmax


def draw_coefs(
    rng, sizes, n_outputs, n_informative_groups, sparsity_within, shuffle_groups
):
    """Draw coefs (n_features, n_outputs): ± U[0.5, 1.5] on the support, else 0."""
    groups = np.arange(sizes.size)
    if shuffle_groups:
        groups = rng.permutation(groups)
    starts = np.cumsum(sizes) - sizes
    coefs = np.zeros((sizes.sum(), n_outputs))
    for g in groups[:n_informative_groups]:
        n_kept = max(1, round((1 - sparsity_within) * sizes[g]))
        kept = starts[g] + rng.permutation(sizes[g])[:n_kept]
        signs = rng.choice([-1.0, 1.0], size=(n_kept, n_outputs))
        coefs[kept] = signs * rng.uniform(0.5, 1.5, size=(n_kept, n_outputs))
    return coefs


def draw_order(rng, sizes, contiguous):
    """Draw the columns' final order: position -> feature."""
    n_features = sizes.sum()
    return np.arange(n_features) if contiguous else rng.permutation(n_features)


def draw_features(rng, n_samples, sizes, rho, structure):
    """Draw Gaussian X (n_samples, n_features), variance 1, correlated as asked."""
    X = rng.standard_normal((n_samples, sizes.sum()))
    if rho == 0:
        return X
    if structure == "within":
        shared = rng.standard_normal((n_samples, sizes.size))
        X *= np.sqrt(1 - rho)
        X += np.sqrt(rho) * np.repeat(shared, sizes, axis=1)
        return X
    X[:, 1:] *= np.sqrt(1 - rho**2)
    for j in range(1, X.shape[1]):
        X[:, j] += rho * X[:, j - 1]
    return X


def signal_variance(coefs, sizes, rho, structure):
    """Return ``diag(coefs.T @ Sigma @ coefs)``, shape (n_outputs,), without Sigma."""
    if structure == "within":
        sums = np.add.reduceat(coefs, np.cumsum(sizes) - sizes, axis=0)
        return (1 - rho) * np.sum(coefs**2, axis=0) + rho * np.sum(sums**2, axis=0)
    # Sum over i, j of rho^|i-j| b_i b_j = sum b_j^2 + 2 sum_j b_j t_j, where
    # t_j = rho (t_{j-1} + b_{j-1}) collects what stands before j.
    variance = np.zeros(coefs.shape[1])
    before = np.zeros(coefs.shape[1])
    for b in coefs:
        variance += b**2 + 2 * b * before
        before = rho * (before + b)
    return variance


def draw_labels(rng, logits, n_classes, flip_y):
    """Draw labels (n_samples,) from the logits (n_samples, 1 or n_classes)."""
    if n_classes == 2:
        y = (rng.uniform(size=logits.shape[0]) < expit(logits[:, 0])).astype(np.intp)
    else:
        # Inverse transform: the number of classes whose cumulated probability is
        # below u. The last one is left out, as rounding may keep it below 1.
        cumulated = np.cumsum(softmax(logits, axis=1), axis=1)[:, :-1]
        u = rng.uniform(size=(logits.shape[0], 1))
        y = np.sum(u >= cumulated, axis=1)
    flipped = rng.uniform(size=y.size) < flip_y
    y[flipped] = rng.randint(n_classes, size=flipped.sum())
    return y


def scatter(X, y, sizes, coefs, order, with_coef):
    """Put columns, group labels and coefs in their final order; build the result."""
    groups = np.repeat(np.arange(sizes.size), sizes)[order]
    if not np.array_equal(order, np.arange(order.size)):
        X, coefs = X[:, order], coefs[order]
    X = np.ascontiguousarray(X)
    return (X, y, groups, coefs) if with_coef else (X, y, groups)
