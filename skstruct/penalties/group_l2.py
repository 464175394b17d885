"""The group lasso penalty."""

from typing import NamedTuple

import numpy as np

from skstruct.kernels.blocks import (
    clip_negative,
    minimize_by_prox,
    minimize_l2_diagonal,
    shrink_norm,
)
from skstruct.kernels.struct import struct
from skstruct.penalties.base import Penalty
from skstruct.penalties.norms import group_norms


class GroupL2(Penalty):
    r"""Group lasso: the weighted sum of the groups' Euclidean norms.

    .. math:: \sum_g w_g \lVert B_g \rVert_F

    Its proximal operator shrinks the norm of a block: ``prox(v) = max(0, 1 - step *
    alpha * w_g / |v|) v`` (Yuan and Lin, 2006, eq. 2.4). With `positive` the block
    is projected on the nonnegative orthant first.

    Parameters
    ----------
    positive : bool, default=False
        Add the constraint that every coefficient be nonnegative.

    References
    ----------
    Yuan, M. and Lin, Y. (2006). Model selection and estimation in regression with
    grouped variables. JRSS B 68(1), 49-67.

    Examples
    --------
    >>> import numpy as np
    >>> from skstruct.penalties import GroupL2
    >>> GroupL2().values(np.array([[3.0], [4.0], [1.0]]), [0, 2, 3], [1.0, 2.0])
    array([5., 2.])
    """

    def __init__(self, positive=False):
        self.positive = positive

    @property
    def is_rotation_invariant(self):
        """Whether rotating a block leaves the penalty as it is."""
        return not self.positive

    @property
    def is_unconstrained(self):
        """Whether groups of weight 0 may take any value."""
        return not self.positive

    def bind(self, weights, alpha):
        """Return the struct that kernels call, for groups with these weights."""
        cls = PositiveGroupL2Struct if self.positive else GroupL2Struct
        return cls(float(alpha), np.ascontiguousarray(weights, dtype=np.float64))

    def values(self, coef, ptr, weights):
        """Return ``w_g |B_g|`` of every group, shape (n_groups,)."""
        return np.asarray(weights) * group_norms(coef, ptr)

    def polar(self, correlation, ptr, weights):
        """Return ``|u_g| / w_g`` by group; with `positive`, of the positive part."""
        if self.positive:
            correlation = np.maximum(correlation, 0.0)
        norms = group_norms(correlation, ptr)
        weights = np.asarray(weights)
        return np.divide(norms, weights, out=np.zeros_like(norms), where=weights > 0)

    def smooth_model(self, c, strength):
        """Return gradient and Hessian of ``strength * |c|``; None with `positive`."""
        if self.positive:
            return None
        norm = np.linalg.norm(c)
        unit = c.ravel() / norm
        hessian = (np.eye(c.size) - np.outer(unit, unit)) * (strength / norm)
        return c * (strength / norm), hessian

    def project(self, coef):
        """Project on the domain: with `positive`, the nonnegative orthant."""
        return np.maximum(coef, 0.0) if self.positive else coef


@struct
class GroupL2Struct(NamedTuple):
    """Group L2 norm for kernels, minimised exactly in the block's eigenbasis."""

    alpha: float
    weights: np.ndarray

    def minimize(self, h, lipschitz, u, g, c, scratch):  # noqa: D102
        minimize_l2_diagonal(h, u, self.alpha * self.weights[g], c)

    def prox(self, v, step, g):  # noqa: D102
        shrink_norm(v, step * self.alpha * self.weights[g])


@struct
class PositiveGroupL2Struct(NamedTuple):
    """Group L2 norm on the nonnegative orthant, for kernels."""

    alpha: float
    weights: np.ndarray

    def minimize(self, h, lipschitz, u, g, c, scratch):  # noqa: D102
        minimize_by_prox(self, h, lipschitz, u, g, c, scratch, 20, 1e-10)

    def prox(self, v, step, g):  # noqa: D102
        clip_negative(v)
        shrink_norm(v, step * self.alpha * self.weights[g])
