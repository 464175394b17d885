"""Group penalties that level off, so that large groups are not shrunk."""

from typing import NamedTuple

import numpy as np

from skstruct.kernels.blocks import minimize_by_prox
from skstruct.kernels.prox import clip_negative, shrink_concave
from skstruct.kernels.struct import struct
from skstruct.penalties.base import Penalty
from skstruct.penalties.checks import check_gamma
from skstruct.penalties.group_l2 import GroupL2
from skstruct.penalties.norms import divided, group_norms
from skstruct.penalties.shrinkage import norm_models, shrinkage_violation


class ConcaveNorm(Penalty):
    """Base of penalties ``rho(|B_g|; alpha * w_g) / alpha``, rho concave.

    They are not proportional to alpha: `values` depend on it.
    """

    is_convex = False
    _is_scad = False

    @property
    def is_rotation_invariant(self):
        """Whether rotating a block leaves the penalty as it is."""
        return not self.positive

    def _rho(self, norms, thresholds):
        """Return rho of norms at lambda = thresholds."""
        raise NotImplementedError

    def _slope(self, norms, thresholds):
        """Return the derivative of rho."""
        raise NotImplementedError

    def _bend(self, norms, thresholds):
        """Return the second derivative of rho."""
        raise NotImplementedError

    def bind(self, weights, alpha):
        """Return the struct that kernels call, for groups with these weights."""
        self.check_parameters()
        return ConcaveNormStruct(
            float(alpha),
            np.ascontiguousarray(weights, dtype=np.float64),
            float(self.gamma),
            self._is_scad,
            bool(self.positive),
        )

    def values(self, coef, ptr, weights, alpha=1.0):
        """Return ``rho(|B_g|; alpha w_g) / alpha`` of every group, (n_groups,)."""
        thresholds = alpha * np.asarray(weights, dtype=np.float64)
        if alpha == 0:
            return np.zeros(len(thresholds))
        return self._rho(group_norms(coef, ptr), thresholds) / alpha

    def polar(self, correlation, ptr, weights):
        """Return ``|u_g| / w_g`` by group; with `positive`, of the positive part.

        From that alpha on, zero is a local minimum.
        """
        if self.positive:
            correlation = np.maximum(correlation, 0.0)
        return divided(group_norms(correlation, ptr), weights)

    def violation(self, coef, correlation, ptr, weights, alpha):
        """Return, by group, the distance of `correlation` from the subdifferential.

        The limiting one, which at zero is that of ``alpha * w_g |B_g|``.
        """
        thresholds = alpha * np.asarray(weights, dtype=np.float64)
        slopes = self._slope(group_norms(coef, ptr), thresholds)
        zeros = np.zeros_like(slopes)
        return shrinkage_violation(
            coef, correlation, ptr, zeros, slopes, zeros, bool(self.positive)
        )

    def smooth_models(self, blocks, groups, weights, alpha):
        """Return gradients and Hessians at nonzero blocks; rho may bend them down."""
        thresholds = alpha * np.asarray(weights, dtype=np.float64)[groups]
        norms = np.linalg.norm(blocks, axis=(1, 2))
        slopes = self._slope(norms, thresholds)
        return norm_models(blocks, slopes, self._bend(norms, thresholds))

    def convex_start(self):
        """Return the group lasso, which has the same slope at zero."""
        return GroupL2(positive=self.positive)


class GroupMCP(ConcaveNorm):
    r"""Group minimax concave penalty (MCP): a group lasso that fades out.

    .. math:: \frac{1}{\alpha} \sum_g \rho(\lVert B_g \rVert_F; \alpha w_g), \qquad
        \rho(s; \lambda) = \begin{cases}
            \lambda s - \frac{s^2}{2 \gamma} & s \le \gamma \lambda \\
            \frac{\gamma \lambda^2}{2} & s > \gamma \lambda
        \end{cases}

    (Zhang, 2010; Breheny and Huang, 2015, for groups). Groups of
    norm above ``gamma * alpha * w_g`` are not shrunk at all. It is not convex: solvers
    find a local minimum, starting from the group lasso's solution.

    The proximal operator with step t < gamma has norm ``(|v| - t lambda) / (1 - t /
    gamma)``, kept between 0 and ``|v|``, and the direction of v; for larger t it is v
    where ``|v| > lambda sqrt(gamma t)``, else 0.

    Parameters
    ----------
    gamma : float, default=3.0
        How far the slope takes to fall from its value at 0 to 0, above 1. Large values
        come close to the group lasso.
    positive : bool, default=False
        Add the constraint that every coefficient be nonnegative.

    References
    ----------
    Zhang, C.-H. (2010). Nearly unbiased variable selection under minimax concave
    penalty. Annals of Statistics 38(2), 894-942.

    Breheny, P. and Huang, J. (2015). Group descent algorithms for nonconvex penalized
    linear and logistic regression models with grouped predictors. Statistics and
    Computing 25, 173-187.

    Examples
    --------
    >>> import numpy as np
    >>> from skstruct.penalties import GroupMCP
    >>> GroupMCP().values(np.array([[3.0], [4.0], [1.0]]), [0, 2, 3], [1.0, 1.5])
    array([1.5       , 1.33333333])
    """

    def __init__(self, gamma=3.0, positive=False):
        self.gamma = gamma
        self.positive = positive

    def check_parameters(self):
        """Raise ValueError unless the parameters have values that mean something."""
        check_gamma(self, 1, "The usual value is 3; use GroupL2 for the limit.")

    def _rho(self, norms, thresholds):
        s = np.minimum(norms, self.gamma * thresholds)
        return thresholds * s - s**2 / (2 * self.gamma)

    def _slope(self, norms, thresholds):
        return np.maximum(thresholds - norms / self.gamma, 0.0)

    def _bend(self, norms, thresholds):
        return np.where(norms < self.gamma * thresholds, -1 / self.gamma, 0.0)


class GroupSCAD(ConcaveNorm):
    r"""Group SCAD: a group lasso for small groups that leaves large ones alone.

    .. math:: \frac{1}{\alpha} \sum_g \rho(\lVert B_g \rVert_F; \alpha w_g), \qquad
        \rho(s; \lambda) = \begin{cases}
            \lambda s & s \le \lambda \\
            \frac{2 \gamma \lambda s - s^2 - \lambda^2}{2 (\gamma - 1)}
                & \lambda < s \le \gamma \lambda \\
            \frac{\lambda^2 (\gamma + 1)}{2} & s > \gamma \lambda
        \end{cases}

    (Fan and Li, 2001, eq. 2.7, the smoothly clipped absolute deviation; Breheny and
    Huang, 2015, for groups). It is not convex: solvers find a local minimum,
    starting from the group lasso's solution.

    The proximal operator with step t < gamma - 1 has the direction of v and the norm
    ``max(|v| - t lambda, 0)`` where ``|v| <= (1 + t) lambda``; then ``((gamma - 1) |v|
    - t gamma lambda) / (gamma - 1 - t)`` up to ``gamma lambda``; then ``|v|``. For
    larger t the middle piece goes, and the better of the others is taken.

    Parameters
    ----------
    gamma : float, default=3.7
        Norm, relative to ``alpha * w_g``, from which groups are not shrunk; above 2.
        Large values come close to the group lasso.
    positive : bool, default=False
        Add the constraint that every coefficient be nonnegative.

    References
    ----------
    Fan, J. and Li, R. (2001). Variable selection via nonconcave penalized likelihood
    and its oracle properties. JASA 96(456), 1348-1360.

    Breheny, P. and Huang, J. (2015). Group descent algorithms for nonconvex penalized
    linear and logistic regression models with grouped predictors. Statistics and
    Computing 25, 173-187.

    Examples
    --------
    >>> import numpy as np
    >>> from skstruct.penalties import GroupSCAD
    >>> GroupSCAD().values(np.array([[3.0], [4.0], [1.0]]), [0, 2, 3], [1.0, 1.5])
    array([2.35, 1.5 ])
    """

    _is_scad = True

    def __init__(self, gamma=3.7, positive=False):
        self.gamma = gamma
        self.positive = positive

    def check_parameters(self):
        """Raise ValueError unless the parameters have values that mean something."""
        check_gamma(self, 2, "The usual value is 3.7; use GroupL2 for the limit.")

    def _rho(self, norms, thresholds):
        gamma = self.gamma
        s = np.minimum(norms, gamma * thresholds)
        bent = np.maximum(s - thresholds, 0.0) ** 2 / (2 * (gamma - 1))
        return thresholds * s - bent

    def _slope(self, norms, thresholds):
        gamma = self.gamma
        falling = np.maximum(gamma * thresholds - norms, 0.0) / (gamma - 1)
        return np.minimum(thresholds, falling)

    def _bend(self, norms, thresholds):
        falls = (thresholds < norms) & (norms < self.gamma * thresholds)
        return np.where(falls, -1 / (self.gamma - 1), 0.0)


@struct
class ConcaveNormStruct(NamedTuple):
    """MCP or SCAD of a block's Euclidean norm, for kernels."""

    alpha: float
    weights: np.ndarray
    gamma: float
    is_scad: bool
    positive: bool

    def minimize(self, h, lipschitz, u, g, c, scratch):  # noqa: D102
        minimize_by_prox(self, h, lipschitz, u, g, c, scratch)

    def prox(self, v, step, g):  # noqa: D102
        if self.positive:
            clip_negative(v)
        threshold = self.alpha * self.weights[g]
        shrink_concave(v, step, threshold, self.gamma, self.is_scad)
