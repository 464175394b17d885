"""A few rows of a chunk at a time: shifted, in float64, small enough for the cache."""

import numpy as np
from scipy import sparse

# Bytes of rows that are held at once, and the fewest and the most such rows.
_BLOCK_BYTES = 2_000_000
_FEWEST_ROWS, _MOST_ROWS = 256, 8192


def row_blocks(n_rows, width):
    """Return slices of rows such that `width` float64 columns of each fit the cache."""
    step = int(np.clip(_BLOCK_BYTES // (8 * max(width, 1)), _FEWEST_ROWS, _MOST_ROWS))
    return [slice(i, min(i + step, n_rows)) for i in range(0, n_rows, step)]


class ChunkRows:
    """Rows of X, less the same row everywhere.

    Parameters
    ----------
    X : (n, p) ndarray or CSR matrix
        Any memory order; float64 or float32.
    shift : (p,) array
        What is subtracted from each row, in float64.
    is_far : bool
        Whether the shift is so large beside what is left that the difference must be
        formed before anything else is done with it.
    """

    def __init__(self, X, shift, is_far):
        self.X = X
        self.shift = shift
        self.is_sparse = sparse.issparse(X)
        self._memory = np.empty(0)
        self._is_formed = not self.is_sparse and (is_far or X.dtype != np.float64)

    def blocks(self, features):
        """Yield a few rows at a time: a slice, what `take` and what `tdot` return.

        Parameters
        ----------
        features : (m,) ascending index array
            Which columns `Z` is to have.

        Yields
        ------
        rows : slice
            Where the rows are.
        Z : (b, m + 1) array
            Those columns, shifted, and ones; in memory that the next block reuses.
        part : array or CSR matrix
            The rows as `tdot` takes them.
        """
        n, p = self.X.shape
        width = len(features) + 1 if self.is_sparse else max(p, len(features) + 1)
        for rows in row_blocks(n, width):
            part = self.X[rows]
            if self._is_formed:
                part = part - self.shift  # in float64, since the shift is
            yield rows, self._columns(part, features), part

    def _columns(self, part, features):
        b, m = part.shape[0], len(features)
        is_c = self.is_sparse or part.flags.c_contiguous
        if self._memory.size < b * (m + 1):
            self._memory = np.empty(b * (m + 1))
        Z = self._memory[: b * (m + 1)].reshape(b, m + 1, order="C" if is_c else "F")
        Z[:, m] = 1.0
        if self.is_sparse:
            Z[:, :m] = part[:, features].toarray()
        elif m < part.shape[1]:
            Z[:, :m] = part.take(features, axis=1)
        elif self._is_formed:
            Z[:, :m] = part
        else:
            np.subtract(part, self.shift, out=Z[:, :m])
            return Z
        if not self._is_formed:
            Z[:, :m] -= self.shift[features]
        return Z

    def tdot(self, V, part):
        """Return ``V @ (part - shift)``, (j, p), for V (j, b)."""
        if self._is_formed:
            return V @ part
        products = (part.T @ V.T).T if self.is_sparse else V @ part
        return products - np.multiply.outer(V.sum(axis=1), self.shift)
