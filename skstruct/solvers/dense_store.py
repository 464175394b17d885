"""Columns of the working set as dense rows."""

import numpy as np

from skstruct.kernels.sweeps import gradients, subtract_fit
from skstruct.penalties.norms import group_norms
from skstruct.solvers.scaling import block_bases
from skstruct.solvers.store import Store, grown

# The Gram matrix pays while the working set is narrower than this share of n.
_GRAM_SHARE = 0.6


class DenseStore(Store):
    """Working set held as rows ``Z`` (m, n), for dense X."""

    def __init__(self, design, penalty, Y, blocks):
        super().__init__(design, penalty, Y, blocks)
        self.Z = np.empty((0, Y.shape[1]))

    def _enter(self, groups):
        rows, transforms, curvatures, lipschitz = self._penalised_rows(groups)
        m, k = len(self.Z), len(rows)
        self.Z = grown(self.Z, (m + k, rows.shape[1]))
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

    def _gram_pays(self, m):
        return m <= _GRAM_SHARE * self.Z.shape[1]

    def _last_with_target(self, k):
        return self.Y @ self.Z[len(self.Z) - k :].T

    def _last_with_all(self, k):
        return self.Z[len(self.Z) - k :] @ self.Z.T

    def _refresh_residual(self, C):
        R = self.Y.copy()
        used = np.flatnonzero(group_norms(C, self.blocks.ptr) > 0)
        subtract_fit(self.Z, R, C, self.blocks.ptr, used)
        self._residual_state = (R,)

    def _sweep_residual(self, C, struct, order):
        (R,) = self._residual_state
        return self._sweep_rows(self.Z, R, C, struct, order)

    def _gradient_from_residual(self, live):
        (R,) = self._residual_state
        out = np.zeros((len(self.Z), len(R)))
        gradients(self.Z, R, self.blocks.ptr, live, out)
        return out

    def _gram_from_columns(self, coordinates):
        rows = self.Z[coordinates]
        return rows @ rows.T

    def _residual(self):
        return self._residual_state[0]
