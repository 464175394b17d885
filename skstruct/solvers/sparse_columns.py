"""Columns of the working set as a sparse matrix, centred implicitly."""

import numpy as np
from scipy import sparse

from skstruct.kernels.sparse_sweeps import sparse_sweep
from skstruct.solvers.scaling import block_basis, block_grams, gram_bases

# An entry of the Gram matrix costs about this share of a nonzero of X.
_NONZEROS_WORTH = 8
_NARROW, _WIDEST = 500, 4000


class SparseColumns:
    """Columns of the admitted groups as they are in X, for sparse X.

    With W the weighted columns (n, m_raw) and Q (f, n) an orthonormal basis of what
    centring and the free columns project out, ``Z = T'(W - Q'QW)'``. Sweeps of a
    quadratic loss keep residuals before projection, and their part in Q.
    """

    def __init__(self, design, penalty, blocks):
        self.design = design
        self.penalty = penalty
        self.blocks = blocks
        self.Q = design.projected_out()
        self.W = sparse.csc_array((design.n_rows, 0))
        self._M = np.empty((0, len(self.Q)))

    @property
    def M(self):
        """Products of the columns with Q, (1, m_raw, f)."""
        return self._M[None]

    def enter(self, groups):
        """Add columns of groups; return transforms, curvatures and their largest."""
        layout = self.design.layout
        W = self.design.sparse_columns(layout.features_of(groups))
        M = np.asarray((self.Q @ W).T)
        self.W = sparse.csc_array(sparse.hstack([self.W, W], format="csc"))
        self._M = np.concatenate([self._M, M])
        # One type of index in the kernel, whatever X came with.
        self.W_arrays = (
            np.ascontiguousarray(self.W.data, dtype=np.float64),
            self.W.indices.astype(np.int64),
            self.W.indptr.astype(np.int64),
        )
        return self._transforms(groups, block_grams(W, M, layout.sizes[groups]))

    def _transforms(self, groups, grams):
        transforms, curvatures, lipschitz = [], [], []
        coordinates = self.design.coordinates(groups)
        for g, H, T in zip(groups, grams, coordinates, strict=True):
            rows = None
            if H is None:  # wider than X has rows
                features = self.design.layout.features_of([g])
                rows = T.T @ self.design.rows(features)
            else:
                H = T.T @ H @ T
            if self.penalty.is_rotation_invariant:
                if rows is None:
                    ((V, h),) = gram_bases(H[None], self.W.shape[0])
                else:
                    V, h = block_basis(rows)
                T = T @ V
                lipschitz.append(h.max(initial=0.0))
            else:
                H = rows @ rows.T if H is None else H
                h = H.ravel()
                lipschitz.append(np.linalg.norm(H, 2))
            transforms.append(T)
            curvatures.append(h)
        return transforms, curvatures, lipschitz

    def gram_pays(self, m):
        """Whether a Gram matrix of m coordinates is cheaper to sweep than columns."""
        nonzeros = self.W.nnz / max(self.W.shape[1], 1)
        widest = min(_WIDEST, max(_NARROW, _NONZEROS_WORTH * nonzeros))
        return m <= widest

    def _last(self, k):
        """Return W, M and T of the groups that own the last k coordinates."""
        T, ptr = self.blocks.T, self.blocks.ptr
        first = self.blocks.raw_ptr[np.searchsorted(ptr, ptr[-1] - k, side="right") - 1]
        return self.W[:, first:], self._M[first:], T[first:, T.shape[1] - k :]

    def last_with(self, k, rows):
        """Return products (j, k) of the last k coordinates with rows (j, n)."""
        W, M, T = self._last(k)
        raw = np.asarray(W.T @ rows.T) - M @ (self.Q @ rows.T)
        return np.asarray(T.T @ raw).T

    def last_with_all(self, k):
        """Return the last k rows (k, m) of the Gram matrix."""
        W, M, T = self._last(k)
        raw = (W.T @ self.W).toarray() - M @ self._M.T
        return np.asarray((self.blocks.T.T @ (T.T @ raw).T).T)

    def rows_of(self, coordinates):
        """Return some coordinates as dense rows (k, n), centred."""
        T = self.blocks.T[:, coordinates]
        return (self.W @ T).toarray().T - (T.T @ self._M) @ self.Q

    def gram_of(self, coordinates):
        """Return the Gram matrix of some coordinates."""
        T = self.blocks.T[:, coordinates]
        columns, projected = self.W @ T, T.T @ self._M
        return (columns.T @ columns).toarray() - projected @ projected.T

    def block_gram(self, g, weights):
        """Return the weighted Gram matrix (k, k) of one block."""
        blocks = self.blocks
        own = slice(blocks.raw_ptr[g], blocks.raw_ptr[g + 1])
        T = blocks.T.data[blocks.T_ptr[g] : blocks.T_ptr[g + 1]]
        T = T.reshape(own.stop - own.start, -1)
        W, M = self.W[:, own], self._M[own]
        weighted = sparse.diags_array(weights) @ W
        cross = np.asarray((self.Q @ weighted).T) @ M.T
        raw = (W.T @ weighted).toarray() - cross - cross.T
        raw += M @ ((self.Q * weights) @ self.Q.T) @ M.T
        return T.T @ raw @ T

    def fit(self, C):
        """Return ``W T C`` as rows (q, n), before projection."""
        used = np.flatnonzero(C.any(axis=1))
        raw = self.blocks.T[:, used] @ C[used]
        rows = np.flatnonzero(raw.any(axis=1))
        return np.ascontiguousarray(np.asarray((self.W[:, rows] @ raw[rows]).T))

    def products(self, rows, order):
        """Return products (m, j) with rows (j, n) that are orthogonal to Q."""
        return np.asarray(self.blocks.T.T @ self.raw_products(rows, order))

    def raw_products(self, rows, order):
        """Return products (m_raw, j) of the columns as they are with rows (j, n)."""
        return np.asarray(self.W.T @ rows.T)

    def sweep(self, R, A, F, K, M, C, curvature, struct, order):
        """Run one sweep; see :func:`skstruct.kernels.sparse_sweeps.sparse_sweep`."""
        blocks = self.blocks
        return sparse_sweep(
            *self.W_arrays,
            blocks.T.data,
            blocks.T_ptr,
            blocks.raw_ptr,
            R,
            A,
            F,
            K,
            M,
            C,
            blocks.ptr,
            *curvature,
            struct,
            order,
        )
