"""Columns of the working set as dense rows."""

import numpy as np

from skstruct.kernels.sweeps import gradients, subtract_fit, sweep
from skstruct.penalties.norms import group_norms
from skstruct.solvers.scaling import block_bases

# The Gram matrix pays while the working set is narrower than this share of n.
_GRAM_SHARE = 0.6


class DenseColumns:
    """Columns of the admitted groups as rows ``Z`` (m, n), for dense X.

    They are centred and the unpenalised columns projected out of them: sweeps of a
    quadratic loss have nothing to take out, ``Q`` is empty.
    """

    def __init__(self, design, penalty, blocks):
        self.design = design
        self.penalty = penalty
        self.blocks = blocks
        self.Z = np.empty((0, design.n_rows))
        self.Q = np.empty((0, design.n_rows))

    @property
    def M(self):
        """Products of the rows with Q, (1, m, 0)."""
        return np.empty((1, len(self.Z), 0))

    def enter(self, groups):
        """Add columns of groups; return transforms, curvatures and their largest."""
        rows, transforms, curvatures, lipschitz = self._penalised_rows(groups)
        m, k = len(self.Z), len(rows)
        self.Z = _lengthened(self.Z, m + k)
        self.Z[m:] = rows
        return transforms, curvatures, lipschitz

    def _penalised_rows(self, groups):
        design, layout = self.design, self.design.layout
        rows = design.rows(layout.features_of(groups))
        parts = np.split(rows, np.cumsum(layout.sizes[groups])[:-1])
        transforms = design.coordinates(groups)
        if not design.is_plain:
            parts = [T.T @ part for T, part in zip(transforms, parts, strict=True)]
        if not self.penalty.is_rotation_invariant:
            grams = [part @ part.T for part in parts]
            lipschitz = [np.linalg.norm(H, 2) for H in grams]
            curvatures = [H.ravel() for H in grams]
            return np.concatenate(parts), transforms, curvatures, lipschitz
        bases = block_bases(parts)
        rows = np.concatenate(
            [V.T @ part for (V, _), part in zip(bases, parts, strict=True)]
        )
        if design.is_plain:
            transforms = [V for V, _ in bases]
        else:
            transforms = [T @ V for T, (V, _) in zip(transforms, bases, strict=True)]
        curvatures = [eigenvalues for _, eigenvalues in bases]
        lipschitz = [h.max(initial=0.0) for h in curvatures]
        return rows, transforms, curvatures, lipschitz

    def gram_pays(self, m):
        """Whether a Gram matrix of m coordinates is cheaper to sweep than rows."""
        return m <= _GRAM_SHARE * self.Z.shape[1]

    def last_with(self, k, rows):
        """Return products (j, k) of the last k coordinates with rows (j, n)."""
        return rows @ self.Z[len(self.Z) - k :].T

    def last_with_all(self, k):
        """Return the last k rows (k, m) of the Gram matrix."""
        return self.Z[len(self.Z) - k :] @ self.Z.T

    def rows_of(self, coordinates):
        """Return some coordinates as dense rows (k, n), centred."""
        return self.Z[coordinates]

    def gram_of(self, coordinates):
        """Return the Gram matrix of some coordinates."""
        rows = self.Z[coordinates]
        return rows @ rows.T

    def block_gram(self, g, weights):
        """Return the weighted Gram matrix (k, k) of one block."""
        own = slice(self.blocks.ptr[g], self.blocks.ptr[g + 1])
        rows = self.Z[own]
        return rows @ (rows * weights).T

    def fit(self, C):
        """Return ``Z'C`` as rows (q, n)."""
        F = np.zeros((C.shape[1], self.Z.shape[1]))
        used = np.flatnonzero(group_norms(C, self.blocks.ptr) > 0)
        subtract_fit(self.Z, F, -C, self.blocks.ptr, used)
        return F

    def products(self, rows, order):
        """Return products (m, j) with rows (j, n); those of other blocks are zero."""
        out = np.zeros((len(self.Z), len(rows)))
        rows = np.ascontiguousarray(rows)  # the one layout that is compiled
        gradients(self.Z, rows, self.blocks.ptr, order, out)
        return out

    # Products before and after centring and T are one and the same here.
    raw_products = products

    def sweep(self, R, A, F, K, M, C, curvature, struct, order):
        """Run one sweep; see :func:`skstruct.kernels.sweeps.sweep`."""
        blocks = self.blocks
        return sweep(
            self.Z, False, R, A, F, K, M, C, blocks.ptr, *curvature, struct, order
        )


def _lengthened(rows, n_rows):
    """Return `rows` (m, n) made `n_rows` long, their buffer reused while it lasts."""
    buffer = rows.base if rows.base is not None else rows
    if len(buffer) < n_rows:
        buffer = np.empty((max(n_rows, 2 * len(buffer)), rows.shape[1]))
        buffer[: len(rows)] = rows
    return buffer[:n_rows]
