"""The exclusive lasso penalty: features of a group compete."""

from typing import NamedTuple

import numpy as np

from skstruct.kernels.blocks import minimize_by_prox
from skstruct.kernels.prox import clip_negative, shrink_exclusive
from skstruct.kernels.struct import struct
from skstruct.penalties.base import Penalty
from skstruct.penalties.norms import divided, group_l1, group_largest
from skstruct.penalties.shrinkage import shrinkage_violation


class ExclusiveL1(Penalty):
    r"""Exclusive lasso: few features in every group, and no group left out.

    .. math:: \sum_g \frac{w_g}{2} \lVert B_g \rVert_1^2

    (Zhou, Jin and Hoi, 2010; the elitist lasso of Kowalski, 2009). Its proximal
    operator soft-thresholds at ``step * alpha * w_g`` times the l1 norm of the result
    (Kowalski, 2009). No alpha makes a group zero: there is no `alpha_max`.

    Parameters
    ----------
    positive : bool, default=False
        Add the constraint that every coefficient be nonnegative.

    References
    ----------
    Zhou, Y., Jin, R. and Hoi, S. C. H. (2010). Exclusive lasso for multi-task feature
    selection. AISTATS, PMLR 9, 988-995.

    Kowalski, M. (2009). Sparse regression using mixed norms. Applied and Computational
    Harmonic Analysis 27(3), 303-324.

    Examples
    --------
    >>> import numpy as np
    >>> from skstruct.penalties import ExclusiveL1
    >>> ExclusiveL1().values(np.array([[3.0], [-1.0], [1.0]]), [0, 2, 3], [1.0, 2.0])
    array([8., 1.])
    """

    def __init__(self, positive=False):
        self.positive = positive

    def bind(self, weights, alpha):
        """Return the struct that kernels call, for groups with these weights."""
        weights = np.ascontiguousarray(weights, dtype=np.float64)
        return ExclusiveStruct(float(alpha), weights, bool(self.positive))

    def values(self, coef, ptr, weights, alpha=1.0):
        """Return ``w_g / 2 |B_g|_1^2`` of every group, shape (n_groups,)."""
        return 0.5 * np.asarray(weights) * group_l1(coef, ptr) ** 2

    def polar(self, correlation, ptr, weights):
        """Return infinity by group; 0 where no entry of u could leave zero."""
        wanted = self._largest(correlation, ptr) > 0
        return np.where(wanted & (np.asarray(weights) > 0), np.inf, 0.0)

    def domain_polar(self, correlation, ptr, weights):
        """Return zeros: the conjugate is finite at any alpha > 0."""
        return np.zeros(len(ptr) - 1)

    def conjugate(self, correlation, ptr, weights, alpha):
        """Return ``max|u_g|^2 / (2 alpha w_g)`` by group."""
        largest = self._largest(correlation, ptr)
        return divided(largest**2, 2 * alpha * np.asarray(weights, float))

    def violation(self, coef, correlation, ptr, weights, alpha):
        """Return, by group, the distance of `correlation` from the subdifferential."""
        l1 = alpha * np.asarray(weights, dtype=np.float64) * group_l1(coef, ptr)
        zeros = np.zeros_like(l1)
        return shrinkage_violation(
            coef, correlation, ptr, l1, zeros, zeros, bool(self.positive)
        )

    def _largest(self, correlation, ptr):
        if self.positive:
            correlation = np.maximum(correlation, 0.0)
        return group_largest(correlation, ptr)


@struct
class ExclusiveStruct(NamedTuple):
    """Half the squared l1 norm of a block, for kernels."""

    alpha: float
    weights: np.ndarray
    positive: bool

    def minimize(self, h, lipschitz, u, g, c, scratch):  # noqa: D102
        minimize_by_prox(self, h, lipschitz, u, g, c, scratch)

    def prox(self, v, step, g):  # noqa: D102
        if self.positive:
            clip_negative(v)
        shrink_exclusive(v, step * self.alpha * self.weights[g])
