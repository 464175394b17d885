"""What penalties made of l1, Euclidean and squared Euclidean norms have in common."""

from typing import NamedTuple

import numpy as np

from skstruct.kernels.blocks import minimize_by_prox, minimize_l2_diagonal
from skstruct.kernels.polars import sparse_group_polars
from skstruct.kernels.prox import shrink_entries, shrink_norm
from skstruct.kernels.struct import struct
from skstruct.penalties.base import Penalty
from skstruct.penalties.norms import divided, group_l1, group_largest, group_norms


class Shrinkage(Penalty):
    """Base of penalties ``l1_g |B_g|_1 + l2_g |B_g| + ridge_g / 2 |B_g|^2``.

    Subclasses say what the three strengths are; see :meth:`parts`. The proximal
    operator thresholds the entries, then shortens the block, then divides it.
    """

    def parts(self, weights):
        """Return (l1, l2, ridge) at alpha 1, each of shape (n_groups,).

        All are 0 where the weight is. Which of them are 0 elsewhere is the same for
        all groups.
        """
        raise NotImplementedError

    @property
    def is_rotation_invariant(self):
        """Whether rotating a block leaves the penalty as it is."""
        return not self.positive and not self.parts(np.ones(1))[0].any()

    def bind(self, weights, alpha):
        """Return the struct that kernels call, for groups with these weights."""
        self.check_parameters()
        l1, l2, ridge = self._parts(weights)
        if self.is_rotation_invariant:
            return GroupL2Struct(float(alpha), l2, ridge)
        return ShrinkageStruct(float(alpha), l1, l2, ridge, bool(self.positive))

    def _parts(self, weights):
        weights = np.asarray(weights, dtype=np.float64)
        return [np.ascontiguousarray(part, float) for part in self.parts(weights)]

    def _magnitudes(self, correlation):
        if self.positive:
            return np.maximum(correlation, 0.0)
        return np.abs(correlation)

    def values(self, coef, ptr, weights, alpha=1.0):
        """Return ``penalty_g(B_g)`` of every group, shape (n_groups,)."""
        l1, l2, ridge = self._parts(weights)
        values = np.zeros(len(ptr) - 1)
        if l1.any():
            values += l1 * group_l1(coef, ptr)
        if l2.any() or ridge.any():
            norms = group_norms(coef, ptr)
            values += l2 * norms
            if ridge.any():
                values += 0.5 * ridge * norms**2
        return values

    def polar(self, correlation, ptr, weights):
        """Return the smallest alpha with ``|S(u_g, alpha l1_g)| <= alpha l2_g``.

        With `positive`, for the positive part of u.
        """
        l1, l2, _ = self._parts(weights)
        sizes = self._magnitudes(correlation)
        if not l1.any():
            return divided(group_norms(sizes, ptr), l2)
        if not l2.any():
            return divided(group_largest(sizes, ptr), l1)
        ptr = np.array(ptr, dtype=np.int64)  # a copy: kernels see no read-only arrays
        return sparse_group_polars(np.array(sizes, float, order="C"), ptr, l1, l2)

    def domain_polar(self, correlation, ptr, weights):
        """Return the polar; 0 where there is a ridge."""
        if self._parts(weights)[2].any():
            return np.zeros(len(ptr) - 1)
        return self.polar(correlation, ptr, weights)

    def conjugate(self, correlation, ptr, weights, alpha):
        """Return ``(|S(u_g, alpha l1_g)| - alpha l2_g)_+^2 / (2 alpha ridge_g)``."""
        l1, l2, ridge = (alpha * part for part in self._parts(weights))
        if not ridge.any():
            return np.zeros(len(ptr) - 1)
        excess = self._excess(self._magnitudes(correlation), ptr, l1, l2)
        return divided(excess**2, 2 * ridge)

    @staticmethod
    def _excess(sizes, ptr, l1, l2):
        left = np.maximum(sizes - np.repeat(l1, np.diff(ptr))[:, None], 0.0)
        return np.maximum(group_norms(left, ptr) - l2, 0.0)

    def violation(self, coef, correlation, ptr, weights, alpha):
        """Return, by group, the distance of `correlation` from the subdifferential."""
        l1, l2, ridge = (alpha * part for part in self._parts(weights))
        return shrinkage_violation(
            coef, correlation, ptr, l1, l2, ridge, bool(self.positive)
        )

    def smooth_models(self, blocks, groups, weights, alpha):
        """Return gradients and Hessians at the nonzero entries of nonzero blocks."""
        l1, l2, ridge = (alpha * part[groups] for part in self._parts(weights))
        gradients, hessians = norm_models(blocks, l2, np.zeros(len(l2)))
        diagonal = np.arange(hessians.shape[1])
        hessians[:, diagonal, diagonal] += ridge[:, None]
        gradients += l1[:, None, None] * np.sign(blocks)
        return gradients + ridge[:, None, None] * blocks, hessians


def norm_models(blocks, slopes, bends):
    """Return gradients and Hessians of ``rho(|c|)`` at nonzero blocks (G, k, q).

    `slopes` and `bends` (G,) are the first and second derivatives of rho at ``|c|``.
    """
    flat = blocks.reshape(len(blocks), -1)
    norms = np.linalg.norm(flat, axis=1)
    units = flat / norms[:, None]
    along = units[:, :, None] * units[:, None, :]
    round_about = (slopes / norms)[:, None, None]
    hessians = (np.eye(flat.shape[1]) - along) * round_about
    return blocks * round_about, hessians + bends[:, None, None] * along


def shrinkage_violation(coef, correlation, ptr, l1, l2, ridge, positive):
    """Return, by group, how far `correlation` is from a subdifferential.

    Parameters
    ----------
    coef, correlation : (m, q) arrays
        Rows sorted by group.
    ptr : (n_groups + 1,) integer array
        Where groups start.
    l1, l2, ridge : (n_groups,) arrays
        Strengths, with alpha; `l2` may be a slope, that of a concave penalty.
    positive : bool
        Whether the subdifferential includes the normal cone of the orthant.

    Returns
    -------
    (n_groups,) array
        Distances, exact.
    """
    sizes, norms = np.diff(ptr), group_norms(coef, ptr)
    per_row = np.repeat(divided(l2, norms) + ridge, sizes)[:, None]
    bound = np.repeat(l1, sizes)[:, None]
    rest = correlation - per_row * coef
    at_zero = np.maximum((rest if positive else np.abs(rest)) - bound, 0.0)
    away = rest - np.sign(coef) * bound
    distance = group_norms(np.where(coef == 0, at_zero, away), ptr)
    # At zero, the ball of the Euclidean norm takes its radius off.
    return np.where(norms > 0, distance, np.maximum(distance - l2, 0.0))


@struct
class GroupL2Struct(NamedTuple):
    """Euclidean norm and ridge, minimised exactly in the block's eigenbasis."""

    alpha: float
    l2: np.ndarray
    ridge: np.ndarray

    def minimize(self, h, lipschitz, u, g, c, scratch):  # noqa: D102
        alpha = self.alpha
        minimize_l2_diagonal(h, u, alpha * self.l2[g], alpha * self.ridge[g], c)

    def prox(self, v, step, g):  # noqa: D102
        strength = step * self.alpha
        shrink_norm(v, strength * self.l2[g], strength * self.ridge[g])


@struct
class ShrinkageStruct(NamedTuple):
    """The l1 norm, the Euclidean norm and a ridge, for kernels."""

    alpha: float
    l1: np.ndarray
    l2: np.ndarray
    ridge: np.ndarray
    positive: bool

    def minimize(self, h, lipschitz, u, g, c, scratch):  # noqa: D102
        minimize_by_prox(self, h, lipschitz, u, g, c, scratch)

    def prox(self, v, step, g):  # noqa: D102
        strength = step * self.alpha
        shrink_entries(v, strength * self.l1[g], self.positive)
        shrink_norm(v, strength * self.l2[g], strength * self.ridge[g])
