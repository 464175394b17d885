"""From columns of X to the coordinates in which a group is penalised.

In each group the solver works with coordinates ``c`` such that ``B_g = T_g c_g``. The
transform ``T_g`` (k, r) carries the standardisation the user asked for and, where the
penalty does not mind a rotation, turns the block's Gram matrix into a diagonal.
Directions in which a group's columns do not vary are left out, so r <= min(k, n).
"""

import numpy as np


def block_basis(rows):
    """Eigenbasis of ``rows @ rows.T``, computed on the smaller side.

    Parameters
    ----------
    rows : (k, n) array
        Columns of one group, as rows.

    Returns
    -------
    V : (k, r) array
        Orthonormal eigenvectors, r the numerical rank.
    eigenvalues : (r,) array
        Positive.
    """
    k, n = rows.shape
    tall = k > n
    eigenvalues, V = np.linalg.eigh(rows.T @ rows if tall else rows @ rows.T)
    keep = eigenvalues > _rank_tolerance(eigenvalues, max(k, n))
    eigenvalues, V = eigenvalues[keep], V[:, keep]
    if tall:
        V = (rows @ V) / np.sqrt(eigenvalues)
    return V, eigenvalues


def block_bases(blocks):
    """Eigenbases of many blocks; those of one size are factored in one call.

    Parameters
    ----------
    blocks : list of (k, n) arrays

    Returns
    -------
    list of (V, eigenvalues)
        As from :func:`block_basis`.
    """
    bases = [None] * len(blocks)
    by_size = {}
    for i, rows in enumerate(blocks):
        by_size.setdefault(rows.shape, []).append(i)
    for (k, n), members in by_size.items():
        if k > n or len(members) == 1:
            for i in members:
                bases[i] = block_basis(blocks[i])
            continue
        grams = np.stack([blocks[i] @ blocks[i].T for i in members])
        for i, basis in zip(members, gram_bases(grams, n), strict=True):
            bases[i] = basis
    return bases


def gram_bases(grams, n_rows):
    """Eigenbases of stacked (k, k) Gram matrices of columns with `n_rows` rows."""
    k = grams.shape[1]
    all_values, all_vectors = np.linalg.eigh(grams)
    for eigenvalues, V in zip(all_values, all_vectors, strict=True):
        keep = eigenvalues > _rank_tolerance(eigenvalues, max(k, n_rows))
        yield (V, eigenvalues) if keep.all() else (V[:, keep], eigenvalues[keep])


def _rank_tolerance(eigenvalues, size):
    largest = eigenvalues[-1] if len(eigenvalues) else 0.0
    return max(largest, 0.0) * size * np.finfo(np.float64).eps
