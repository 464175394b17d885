"""Knockoff copies of grouped features: the algebra, and the threshold."""

import numpy as np
from scipy import linalg

_TINY = 1e-10  # smallest eigenvalue, relative to the largest, of what is not singular


def equicorrelated(gram, groups):
    r"""Return the block diagonal S of the equicorrelated construction.

    Parameters
    ----------
    gram : (p, p) array
        Gram or covariance matrix G of the features, positive definite.
    groups : list of index arrays
        Features of each group; every feature is in one.

    Returns
    -------
    (p, p) array
        ``gamma * G_gg`` for each group g, with gamma the smaller of 1 and twice the
        least eigenvalue of :math:`D G D`, D holding the blocks :math:`G_{gg}^{-1/2}`
        (Dai and Barber, 2016, sec. 3): the largest multiple with ``2 G - S``
        positive semidefinite.
    """
    blocks, roots = np.zeros_like(gram), np.zeros_like(gram)
    for own in groups:
        at = np.ix_(own, own)
        blocks[at] = gram[at]
        values, vectors = linalg.eigh(gram[at])
        roots[at] = (vectors / np.sqrt(values)) @ vectors.T
    least = linalg.eigvalsh(roots @ gram @ roots, subset_by_index=[0, 0])[0]
    return min(1.0, 2.0 * max(least, 0.0)) * blocks


def conditional(gram, S):
    """Return ``G^-1 S`` and a root C, ``C' C = 2 S - S G^-1 S``, each (p, p)."""
    slope = linalg.solve(gram, S, assume_a="pos")
    values, vectors = linalg.eigh(2 * S - S @ slope)
    return slope, np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T


def check_not_singular(gram, what, way_out):
    """Raise ValueError if a Gram or covariance matrix is singular."""
    scale = np.sqrt(np.diag(gram))
    flat = np.flatnonzero(scale <= _TINY * scale.max(initial=0.0))
    if len(flat):
        raise ValueError(
            f"feature {flat[0]} is constant: knockoffs need {what} that is not "
            f"singular. {way_out}"
        )
    values = linalg.eigvalsh(gram / np.outer(scale, scale))
    if values[0] <= _TINY * values[-1]:
        raise ValueError(
            "some features are linear combinations of others, such as all levels of a "
            f"one-hot encoding together: knockoffs need {what} that is not singular. "
            f"{way_out}"
        )


def fixed_knockoffs(X, groups, rng, is_centred):
    """Return knockoffs of a fixed X, with the Gram matrices that this asks for.

    Xk' Xk = X' X, and X' Xk = X' X - S with S block diagonal (Barber and Candes, 2015,
    sec. 2.1, with S of Dai and Barber, 2016, for groups).

    Parameters
    ----------
    X : (n, p) array
        Features, n at least 2 p; with columns of mean zero if `is_centred`, and then n
        at least 2 p + 1.
    groups : list of index arrays
        The groups.
    rng : RandomState
        Draws the space in which knockoffs leave that of X.
    is_centred : bool
        Whether knockoffs shall have mean zero, too.

    Returns
    -------
    (n, p) array
        The knockoffs.
    """
    n, p = X.shape
    scale = np.sqrt(np.sum(X**2, axis=0))
    X = X / scale
    gram = X.T @ X
    slope, root = conditional(gram, equicorrelated(gram, groups))
    taken = np.column_stack([np.ones(n), X]) if is_centred else X
    basis = linalg.qr(taken, mode="economic")[0]
    outside = rng.standard_normal((n, p))
    for _ in range(2):  # once more: what rounding leaves of the projection
        outside -= basis @ (basis.T @ outside)
    outside = linalg.qr(outside, mode="economic")[0]
    return (X - X @ slope + outside @ root) * scale


def gaussian_knockoffs(X, groups, rng, mean, covariance):
    """Draw knockoffs of rows that are Gaussian with this mean and covariance.

    Given a row x, its knockoff is Gaussian with mean x - (x - mean) V^-1 S and
    covariance 2 S - S V^-1 S, V being the covariance (Candes et al., 2018, sec. 3.1).

    Parameters
    ----------
    X : (n, p) array
        Features.
    groups : list of index arrays
        The groups.
    rng : RandomState
        Draws the knockoffs.
    mean : (p,) array
        Mean of the rows.
    covariance : (p, p) array
        Covariance of the rows, positive definite.

    Returns
    -------
    (n, p) array
        The knockoffs.
    """
    scale = np.sqrt(np.diag(covariance))
    unit = covariance / np.outer(scale, scale)
    slope, root = conditional(unit, equicorrelated(unit, groups))
    Z = (X - mean) / scale
    return mean + scale * (Z - Z @ slope + rng.standard_normal(X.shape) @ root)


def knockoff_threshold(W, fdr, offset):
    """Return the least t > 0 with (offset + #{W <= -t}) / #{W >= t} <= fdr.

    Infinite if there is none. `offset` is 0 for the knockoff filter, 1 for knockoff+
    (Barber and Candes, 2015, sec. 1.2).

    Parameters
    ----------
    W : (n_groups,) array
        Statistics.
    fdr : float
        Level.
    offset : {0, 1}
        Added to the number of negative ones.
    """
    sizes = np.unique(np.abs(W[W != 0]))
    ordered = np.sort(W)
    above = len(W) - np.searchsorted(ordered, sizes, side="left")
    below = np.searchsorted(ordered, -sizes, side="right")
    fits = (offset + below) <= fdr * np.maximum(above, 1) * (1 + 1e-12)
    return float(sizes[np.argmax(fits)]) if fits.any() else np.inf
