"""Bookkeeping of the groups in the working set."""

import numpy as np
from scipy import sparse


class Blocks:
    """Which groups have been admitted, where they lie, and their curvature.

    Attributes
    ----------
    is_member : (n_groups,) bool array
        Whether a group has been admitted.
    groups : (G,) array
        The admitted groups, in the order of their admission.
    features : (m_raw,) array
        Their features.
    raw_ptr : (G + 1,) array
        Block g owns ``features[raw_ptr[g]:raw_ptr[g + 1]]``, k_raw of them.
    ptr : (G + 1,) array
        Block g owns penalised coordinates ``ptr[g]`` to ``ptr[g + 1]``, k of them.
    T : (m_raw, m) sparse matrix
        Block diagonal of the transforms ``T_g`` (k_raw, k): coefficients are ``T C``.
    T_ptr : (G + 1,) array
        Block g owns ``T.data[T_ptr[g]:T_ptr[g + 1]]``, its transform by rows.
    h, h_ptr : arrays
        Block g has curvature ``h[h_ptr[g]:h_ptr[g + 1]]``: k eigenvalues, or k * k
        entries of its Gram matrix.
    lipschitz : (G,) array
        Largest eigenvalue of each block's Gram matrix.
    """

    def __init__(self, layout):
        self.layout = layout
        self.is_member = np.zeros(layout.n_groups, dtype=bool)
        self.groups = np.empty(0, dtype=np.intp)
        self.features = np.empty(0, dtype=np.intp)
        self.raw_ptr = np.zeros(1, dtype=np.int64)
        self.ptr = np.zeros(1, dtype=np.int64)
        self.T = sparse.csr_array((0, 0))
        self.T_ptr = np.zeros(1, dtype=np.int64)
        self.h = np.empty(0)
        self.h_ptr = np.zeros(1, dtype=np.int64)
        self.lipschitz = np.empty(0)

    @property
    def width(self):
        """Number of penalised coordinates."""
        return int(self.ptr[-1])

    @property
    def weights(self):
        """Weights of the admitted groups, in their order here."""
        return self.layout.weights[self.groups]

    def append(self, groups, transforms, curvatures, lipschitz):
        """Admit groups with their transforms (k_raw, k) and flat curvatures."""
        rows = np.array([T.shape[0] for T in transforms])
        columns = np.array([T.shape[1] for T in transforms])
        self.T = self._extended(transforms, rows, columns)
        self.is_member[groups] = True
        self.groups = np.concatenate([self.groups, groups])
        self.features = np.concatenate([self.features, self.layout.features_of(groups)])
        self.raw_ptr = _continued(self.raw_ptr, rows)
        self.ptr = _continued(self.ptr, columns)
        self.T_ptr = _continued(self.T_ptr, rows * columns)
        self.h = np.concatenate([self.h, *curvatures])
        self.h_ptr = _continued(self.h_ptr, [len(h) for h in curvatures])
        self.lipschitz = np.concatenate([self.lipschitz, lipschitz])

    def _extended(self, transforms, rows, columns):
        data = np.concatenate([self.T.data, *(T.ravel() for T in transforms)])
        # Each row of a block has its columns: a run of integers, repeated by rows.
        lengths = np.repeat(columns, rows)
        first = np.repeat(_continued(self.ptr[-1:], columns)[:-1], rows)
        within = np.arange(lengths.sum()) - np.repeat(
            np.cumsum(lengths) - lengths, lengths
        )
        indices = np.concatenate([self.T.indices, np.repeat(first, lengths) + within])
        indptr = _continued(self.T.indptr, lengths)
        shape = (len(indptr) - 1, self.width + int(columns.sum()))
        return sparse.csr_array((data, indices, indptr), shape=shape)

    def coef(self, C):
        """Return coefficients (p, j) of the features for C (m, j)."""
        out = np.zeros((self.layout.n_features, C.shape[1]))
        out[self.features] = self.T @ C
        return out

    def latent(self, C):
        """Return coefficients (entries, j) of each group's own features for C (m, j).

        Rows are those of ``layout.indices``.
        """
        out = np.zeros((len(self.layout.indices), C.shape[1]))
        starts, sizes = self.layout.ptr[self.groups], np.diff(self.raw_ptr)
        within = np.arange(len(self.features)) - np.repeat(self.raw_ptr[:-1], sizes)
        out[np.repeat(starts, sizes) + within] = self.T @ C
        return out

    def summed(self, latent):
        """Return the coefficients (p, j) to which latent ones (entries, j) add up."""
        out = np.zeros((self.layout.n_features, latent.shape[1]))
        np.add.at(out, self.layout.indices, latent)
        return out

    def coordinates(self, coef):
        """Return C (m, q) for coefficients (p, q), zero outside these groups.

        A feature of several groups here is shared out evenly.
        """
        C = np.zeros((self.width, coef.shape[1]))
        if self.layout.is_overlapping:
            owners = np.bincount(self.features, minlength=len(coef))
            coef = coef / np.maximum(owners, 1)[:, None]
        for g in range(len(self.groups)):
            raw = slice(self.raw_ptr[g], self.raw_ptr[g + 1])
            block = coef[self.features[raw]]
            if block.any():
                T = self.T.data[self.T_ptr[g] : self.T_ptr[g + 1]]
                T = T.reshape(len(block), -1)
                C[self.ptr[g] : self.ptr[g + 1]] = np.linalg.lstsq(
                    T, block, rcond=None
                )[0]
        return C


def _continued(ptr, sizes):
    """Return pointers `ptr`, continued by entries of the given sizes."""
    return np.concatenate([ptr, ptr[-1] + np.cumsum(sizes, dtype=ptr.dtype)])
