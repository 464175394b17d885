"""Columns of the working set as a sparse matrix, centred implicitly."""

import numpy as np
from scipy import sparse

from skstruct.kernels.sparse_sweeps import sparse_sweep
from skstruct.solvers.scaling import block_diagonal, block_grams, gram_bases
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

    def __init__(self, design, penalty, Y):
        super().__init__(design, penalty, Y)
        self.Q = design.projected_out()
        self.W = sparse.csc_array((Y.shape[1], 0))
        self.M = np.empty((0, len(self.Q)))
        self.T = sparse.csr_array((0, 0))
        self.T_flat = np.empty(0)
        self.T_ptr = np.zeros(1, dtype=np.int64)
        self.raw_ptr = np.zeros(1, dtype=np.int64)

    def _enter(self, groups):
        layout = self.design.layout
        W = self.design.sparse_columns(layout.features_of(groups))
        M = np.asarray((self.Q @ W).T)
        grams = block_grams(W, M, layout.sizes[groups])
        transforms, curvatures, lipschitz = self._transforms(groups, grams)
        self._append(W, M, transforms)
        raw = np.asarray(W.T @ self.Y.T) - M @ (self.Q @ self.Y.T)
        T_new = self.T[self.T.shape[0] - W.shape[1] :, self.ZY.shape[1] :]
        return transforms, curvatures, lipschitz, np.asarray((T_new.T @ raw).T)

    def _append(self, W, M, transforms):
        self.W = sparse.csc_array(sparse.hstack([self.W, W], format="csc"))
        # One type of index in the kernel, whatever X came with.
        self.W_arrays = (
            np.ascontiguousarray(self.W.data, dtype=np.float64),
            self.W.indices.astype(np.int64),
            self.W.indptr.astype(np.int64),
        )
        self.M = np.concatenate([self.M, M])
        self.T_flat = np.concatenate([self.T_flat, *(T.ravel() for T in transforms)])
        sizes = [T.size for T in transforms]
        self.T_ptr = np.concatenate([self.T_ptr, self.T_ptr[-1] + np.cumsum(sizes)])
        raw = [len(T) for T in transforms]
        self.raw_ptr = np.concatenate([self.raw_ptr, self.raw_ptr[-1] + np.cumsum(raw)])
        self.T = sparse.csr_array(
            sparse.block_diag([self.T, block_diagonal(transforms)], format="csr")
        )

    def _transforms(self, groups, grams):
        transforms, curvatures, lipschitz = [], [], []
        coordinates = self.design.coordinates(groups)
        for H, T in zip(grams, coordinates, strict=True):
            H = T.T @ H @ T
            if self.penalty.is_rotation_invariant:
                ((V, h),) = gram_bases(H[None], self.W.shape[0])
                T = T @ V
                lipschitz.append(h.max(initial=0.0))
            else:
                h = H.ravel()
                lipschitz.append(np.linalg.norm(H, 2))
            transforms.append(T)
            curvatures.append(h)
        return transforms, curvatures, lipschitz

    def _gram_pays(self, m):
        nonzeros = self.W.nnz / max(self.W.shape[1], 1)
        widest = min(_WIDEST, max(_NARROW, _NONZEROS_WORTH * nonzeros))
        return m <= widest

    def _products_with_last(self, k):
        # The last k coordinates are the last groups' columns.
        T_new = self.T[:, self.T.shape[1] - k :]
        first = T_new[: self.T.shape[0]].nonzero()[0].min(initial=self.T.shape[0])
        W_new, M_new = self.W[:, first:], self.M[first:]
        raw = (W_new.T @ self.W).toarray() - M_new @ self.M.T
        return np.asarray((self.T.T @ (T_new[first:].T @ raw).T).T)

    def _refresh_residual(self, C):
        R = np.ascontiguousarray(self.Y - self._fit(C))
        self._residual_state = (R, np.ascontiguousarray(R @ self.Q.T))

    def _fit(self, C):
        """Return ``C'T'W'`` (q, n), not projected."""
        used = np.flatnonzero(C.any(axis=1))
        raw = self.T[:, used] @ C[used]
        rows = np.flatnonzero(raw.any(axis=1))
        return np.asarray((self.W[:, rows] @ raw[rows]).T)

    def _sweep_residual(self, blocks, C, struct, order):
        R, A = self._residual_state
        return sparse_sweep(
            *self.W_arrays,
            self.T_flat,
            self.T_ptr,
            self.raw_ptr,
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

    def _gradient_from_residual(self, blocks, live):
        return np.asarray(self.T.T @ (self.W.T @ self.residual(None)))

    def residual(self, C):
        """Return the residuals, (n, q)."""
        if self.is_gram:
            R = self.Y - self._fit(C)
            A = R @ self.Q.T
        else:
            R, A = self._residual_state
        return (R - A @ self.Q).T
