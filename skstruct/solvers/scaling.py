"""From columns of X to the coordinates in which a group is penalised.

In each group the solver works with coordinates ``c`` such that ``B_g = T_g c_g``. The
transform ``T_g`` (k, r) carries the standardisation the user asked for and, where the
penalty does not mind a rotation, turns the block's Gram matrix into a diagonal.
Directions in which a group's columns do not vary are left out, so r <= min(k, n).
"""

import numpy as np
from scipy import sparse

# Groups whose Gram matrices are formed in one product have this many columns.
_COLUMNS_AT_ONCE = 1000
# A squared norm that falls to this share when centred belongs to a constant column.
_CANCELLED = 1e-12


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


def whitener(basis):
    """Return T (k, r) that makes a block's columns orthonormal, from its eigenbasis."""
    V, eigenvalues = basis
    return V / np.sqrt(eigenvalues)


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


def block_grams(W, M, sizes):
    """Yield the projected Gram matrix of each group of consecutive columns of W.

    None stands for groups of more columns than W has rows, whose Gram matrix would be
    larger than their columns held dense.
    """
    ends = np.cumsum(sizes)
    starts = ends - sizes
    g = 0
    while g < len(sizes):
        if sizes[g] > W.shape[0]:
            yield None
            g += 1
            continue
        last = max(g + 1, np.searchsorted(ends, starts[g] + _COLUMNS_AT_ONCE))
        wide = np.flatnonzero(sizes[g:last] > W.shape[0])
        last = g + wide[0] if len(wide) else last
        columns = slice(starts[g], ends[last - 1])
        part = W[:, columns]
        grams = (part.T @ part).tocsr()
        for j in range(g, last):
            own = slice(starts[j] - starts[g], ends[j] - starts[g])
            yield _projected_gram(grams[own, own].toarray(), M[starts[j] : ends[j]])
        g = last


def _projected_gram(raw, M):
    """Subtract M M' from a Gram matrix; what it cancels to rounding becomes zero."""
    gram = raw - M @ M.T
    constant = np.diag(gram) <= _CANCELLED * np.diag(raw)
    gram[constant] = 0.0
    gram[:, constant] = 0.0
    return gram


def block_diagonal(blocks):
    """Return the sparse block-diagonal matrix of dense blocks (k, r)."""
    rows = [T.shape[0] for T in blocks]
    columns = [T.shape[1] for T in blocks]
    first = np.cumsum(columns) - columns
    indices = np.concatenate(
        [np.empty(0, dtype=np.int64)]
        + [
            np.tile(np.arange(start, start + r), k)
            for start, r, k in zip(first, columns, rows, strict=True)
        ]
    )
    indptr = np.concatenate([[0], np.cumsum(np.repeat(columns, rows))])
    data = np.concatenate([np.empty(0)] + [T.ravel() for T in blocks])
    return sparse.csr_array((data, indices, indptr), shape=(sum(rows), sum(columns)))
