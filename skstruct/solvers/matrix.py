"""The four products that solvers need of X, for dense and sparse storage.

X is read where it lies: any dense memory order, float64 or float32, or CSC. Results
are float64. float32 data are widened a few columns at a time, never as a whole.
"""

import numpy as np
from scipy import sparse

# Bytes of X widened or centred at once: small enough to stay in cache, large
# enough to hide the interpreter.
_CHUNK_BYTES = 4_000_000
# Between 2 and this many vectors BLAS is slow; on large X that is worth a kernel.
_FEW_VECTORS = 12
_LARGE = 1_000_000


def as_matrix(X):
    """Wrap a validated X, a 2-D ndarray or a scipy.sparse matrix or array."""
    return CscMatrix(X) if sparse.issparse(X) else DenseMatrix(X)


class DenseMatrix:
    """Dense X of shape (n, p)."""

    is_sparse = False

    def __init__(self, X):
        # BLAS would copy anything else anew at every product.
        if not (X.flags.c_contiguous or X.flags.f_contiguous):
            X = np.asfortranarray(X)
        self.X = X
        self.shape = X.shape

    def dot(self, B):
        """Return ``X @ B`` for B (p, q), reading only the columns that B uses."""
        used = np.flatnonzero(B.any(axis=1))
        if self._suits_kernels and B.shape[1] <= _FEW_VECTORS:
            from skstruct.kernels.products import add_rows

            out = np.zeros((B.shape[1], self.shape[0]))
            add_rows(self.X.T, used, B[used], out)
            return out.T
        if len(used) > self.shape[1] // 2 and self.X.dtype == np.float64:
            return self.X @ B
        out = np.zeros((self.shape[0], B.shape[1]))
        for columns in _chunks(used, self.shape[0]):
            out += self.rows(columns).T @ B[columns]
        return out

    def tdot(self, R):
        """Return ``X' @ R`` for R (n, q)."""
        if self._suits_kernels and 1 < R.shape[1] <= _FEW_VECTORS:
            from skstruct.kernels.products import rows_times

            out = np.empty((self.shape[1], R.shape[1]))
            rows_times(self.X.T, np.ascontiguousarray(R.T), out)
            return out
        if self.X.dtype == np.float64:
            return (R.T @ self.X).T
        out = np.empty((self.shape[1], R.shape[1]))
        for columns in _chunks(np.arange(self.shape[1]), self.shape[0]):
            out[columns] = self.X[:, columns].T.astype(np.float64) @ R
        return out

    @property
    def _suits_kernels(self):
        """Whether X is large enough, and stored by columns, for kernels of our own."""
        X = self.X
        return X.flags.f_contiguous and X.dtype == np.float64 and X.size > _LARGE

    def rows(self, columns):
        """Return the given columns as the rows of a new (k, n) C-ordered array."""
        return np.array(self.X.T[columns], dtype=np.float64, order="C")

    def of_rows(self, rows):
        """Return some rows, copied, as a matrix of their own."""
        return DenseMatrix(self.X[rows])

    def second_moment(self, weights, mean):
        """Return weighted mean squares of columns about their `mean`, or 0 if None."""
        out = np.empty(self.shape[1])
        for columns in _chunks(np.arange(self.shape[1]), self.shape[0]):
            rows = self.rows(columns)
            if mean is not None:
                rows -= mean[columns, None]
            out[columns] = np.einsum("jn,jn,n->j", rows, rows, weights)
            if mean is not None:
                # The mean is rounded, and by more the more rows there are.
                out[columns] -= (rows @ weights) ** 2
        return np.maximum(out, 0.0)


class CscMatrix:
    """Sparse X of shape (n, p), stored by columns."""

    is_sparse = True

    def __init__(self, X):
        self.X = X
        self.XT = X.T  # CSR of the same memory
        self.shape = X.shape

    @property
    def density(self):
        """Share of the entries that are stored."""
        return self.X.nnz / max(self.shape[0] * self.shape[1], 1)

    def full_columns(self, weights):
        """Return the columns that store a value in every row of positive weight."""
        kept = weights > 0
        counts = np.diff(self.X.indptr)
        if not kept.all():
            column = np.repeat(np.arange(self.shape[1]), counts)
            stored = column[kept[self.X.indices]]
            counts = np.bincount(stored, minlength=self.shape[1])
        return np.flatnonzero(counts == np.count_nonzero(kept))

    def dot(self, B):
        """Return ``X @ B`` for B (p, q)."""
        used = np.flatnonzero(B.any(axis=1))
        if len(used) > self.shape[1] // 4:
            return np.asarray(self.X @ B, dtype=np.float64)
        return np.asarray(self.columns(used) @ B[used], dtype=np.float64)

    def tdot(self, R):
        """Return ``X' @ R`` for R (n, q)."""
        return np.asarray(self.XT @ R, dtype=np.float64)

    def columns(self, columns):
        """Return the given columns as a float64 CSC matrix of their own."""
        return self.X[:, columns].astype(np.float64)

    def rows(self, columns):
        """Return the given columns as the rows of a new dense (k, n) array."""
        return np.ascontiguousarray(self.columns(columns).T.toarray())

    def of_rows(self, rows):
        """Return some rows, copied, as a matrix of their own."""
        return CscMatrix(self.X[rows])

    def second_moment(self, weights, mean):
        """Return weighted mean squares of columns about their `mean`, or 0 if None."""
        X, p = self.X, self.shape[1]
        counts = np.diff(X.indptr)
        column = np.repeat(np.arange(p), counts)
        w = weights[X.indices]
        if mean is None:
            return np.bincount(column, w * X.data.astype(float) ** 2, minlength=p)
        deviation = X.data - mean[column]
        absent = weights.sum() - np.bincount(column, w, minlength=p)
        absent = np.where(counts == self.shape[0], 0.0, np.maximum(absent, 0.0))
        first = np.bincount(column, w * deviation, minlength=p) - absent * mean
        second = np.bincount(column, w * deviation**2, minlength=p) + absent * mean**2
        return np.maximum(second - first**2, 0.0)


def _chunks(columns, n_rows):
    size = max(1, _CHUNK_BYTES // (8 * max(n_rows, 1)))
    for start in range(0, len(columns), size):
        chunk = columns[start : start + size]
        # A slice reads contiguous columns in place where an index array copies.
        if len(chunk) == chunk[-1] - chunk[0] + 1:
            chunk = slice(chunk[0], chunk[-1] + 1)
        yield chunk
