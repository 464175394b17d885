"""The group lasso with the largest entry as norm."""

from typing import NamedTuple

import numpy as np

from skstruct.kernels.blocks import minimize_by_prox
from skstruct.kernels.prox import clip_largest, clip_negative
from skstruct.kernels.struct import struct
from skstruct.penalties.base import Penalty
from skstruct.penalties.norms import divided, group_l1, group_largest


class GroupLinf(Penalty):
    r"""Linf group lasso: the weighted sum of the groups' largest absolute entries.

    .. math:: \sum_g w_g \max_{j \in g, t} \lvert B_{jt} \rvert

    Features of a selected group tend to get coefficients of one and the same size
    (Turlach, Venables and Wright, 2005). The proximal operator is ``v`` minus
    its projection on the l1 ball of radius ``step * alpha * w_g``: entries are cut off
    at a common size.

    Parameters
    ----------
    positive : bool, default=False
        Add the constraint that every coefficient be nonnegative.

    References
    ----------
    Turlach, B. A., Venables, W. N. and Wright, S. J. (2005). Simultaneous variable
    selection. Technometrics 47(3), 349-363.

    Examples
    --------
    >>> import numpy as np
    >>> from skstruct.penalties import GroupLinf
    >>> GroupLinf().values(np.array([[3.0], [-4.0], [1.0]]), [0, 2, 3], [1.0, 2.0])
    array([4., 2.])
    """

    def __init__(self, positive=False):
        self.positive = positive

    def bind(self, weights, alpha):
        """Return the struct that kernels call, for groups with these weights."""
        weights = np.ascontiguousarray(weights, dtype=np.float64)
        return LinfStruct(float(alpha), weights, bool(self.positive))

    def values(self, coef, ptr, weights, alpha=1.0):
        """Return ``w_g max|B_g|`` of every group, shape (n_groups,)."""
        return np.asarray(weights) * group_largest(coef, ptr)

    def polar(self, correlation, ptr, weights):
        """Return ``|u_g|_1 / w_g`` by group; with `positive`, of the positive part."""
        if self.positive:
            correlation = np.maximum(correlation, 0.0)
        return divided(group_l1(correlation, ptr), weights)


@struct
class LinfStruct(NamedTuple):
    """Largest absolute entry of a block, for kernels."""

    alpha: float
    weights: np.ndarray
    positive: bool

    def minimize(self, h, lipschitz, u, g, c, scratch):  # noqa: D102
        minimize_by_prox(self, h, lipschitz, u, g, c, scratch)

    def prox(self, v, step, g):  # noqa: D102
        if self.positive:
            clip_negative(v)
        clip_largest(v, step * self.alpha * self.weights[g])
