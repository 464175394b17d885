"""Columns of the working set as a sparse matrix, centred implicitly."""

import numpy as np
from scipy import sparse

from skstruct.kernels.sparse_sweeps import sparse_sweep
from skstruct.solvers.scaling import block_basis, block_grams, gram_bases
from skstruct.solvers.store import Store

# An entry of the Gram matrix costs about this share of a nonzero of X.
_NONZEROS_WORTH = 8
_NARROW, _WIDEST = 500, 4000


class SparseStore(Store):
    """Working set held as the columns of X themselves, for sparse X.

    With W the weighted columns (n, m_raw) and Q (f, n) an orthonormal basis of what
    centring and the free columns project out, ``Z = T'(W - Q'QW)'``. The state
    without Gram matrix is the pair (r, a): residuals before projection, and their
    part in Q.
    """

    def __init__(self, design, penalty, Y, blocks):
        super().__init__(design, penalty, Y, blocks)
        self.Q = design.projected_out()
        self.W = sparse.csc_array((Y.shape[1], 0))
        self.M = np.empty((0, len(self.Q)))

    def _enter(self, groups):
        layout = self.design.layout
        W = self.design.sparse_columns(layout.features_of(groups))
        M = np.asarray((self.Q @ W).T)
        self.W = sparse.csc_array(sparse.hstack([self.W, W], format="csc"))
        self.M = np.concatenate([self.M, M])
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

    def _gram_pays(self, m):
        nonzeros = self.W.nnz / max(self.W.shape[1], 1)
        widest = min(_WIDEST, max(_NARROW, _NONZEROS_WORTH * nonzeros))
        return m <= widest

    def _last(self, k):
        """Return W, M and T of the groups that own the last k coordinates."""
        T, ptr = self.blocks.T, self.blocks.ptr
        first = self.blocks.raw_ptr[np.searchsorted(ptr, ptr[-1] - k, side="right") - 1]
        return self.W[:, first:], self.M[first:], T[first:, T.shape[1] - k :]

    def _last_with_target(self, k):
        W, M, T = self._last(k)
        raw = np.asarray(W.T @ self.Y.T) - M @ (self.Q @ self.Y.T)
        return np.asarray(T.T @ raw).T

    def _last_with_all(self, k):
        W, M, T = self._last(k)
        raw = (W.T @ self.W).toarray() - M @ self.M.T
        return np.asarray((self.blocks.T.T @ (T.T @ raw).T).T)

    def _refresh_residual(self, C):
        used = np.flatnonzero(C.any(axis=1))
        raw = self.blocks.T[:, used] @ C[used]
        rows = np.flatnonzero(raw.any(axis=1))
        fit = np.asarray((self.W[:, rows] @ raw[rows]).T)
        R = np.ascontiguousarray(self.Y - fit)
        self._residual_state = (R, np.ascontiguousarray(R @ self.Q.T))

    def _sweep_residual(self, C, struct, order):
        R, A = self._residual_state
        blocks = self.blocks
        return sparse_sweep(
            *self.W_arrays,
            blocks.T.data,
            blocks.T_ptr,
            blocks.raw_ptr,
            self.M,
            R,
            A,
            C,
            blocks.ptr,
            blocks.h,
            blocks.h_ptr,
            blocks.lipschitz,
            struct,
            order,
        )

    def _gradient_from_residual(self, live):
        return np.asarray(self.blocks.T.T @ (self.W.T @ self._residual().T))

    def _gram_from_columns(self, coordinates):
        T = self.blocks.T[:, coordinates]
        columns, projected = self.W @ T, T.T @ self.M
        return (columns.T @ columns).toarray() - projected @ projected.T

    def _residual(self):
        R, A = self._residual_state
        return R - A @ self.Q
