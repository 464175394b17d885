"""The lasso and elastic net penalties: no groups but for their weights."""

import numpy as np

from skstruct.penalties.checks import check_ratio
from skstruct.penalties.shrinkage import Shrinkage


class L1(Shrinkage):
    r"""Lasso: the weighted sum of absolute coefficients.

    .. math:: \sum_g w_g \lVert B_g \rVert_1

    Its proximal operator is soft thresholding at ``step * alpha * w_g`` (Tibshirani,
    1996, eq. 3). Every feature counts for itself; groups say which weights they get.

    Parameters
    ----------
    positive : bool, default=False
        Add the constraint that every coefficient be nonnegative.

    References
    ----------
    Tibshirani, R. (1996). Regression shrinkage and selection via the lasso. JRSS B
    58(1), 267-288.

    Examples
    --------
    >>> import numpy as np
    >>> from skstruct.penalties import L1
    >>> L1().values(np.array([[3.0], [-4.0], [1.0]]), [0, 2, 3], [1.0, 2.0])
    array([7., 2.])
    """

    def __init__(self, positive=False):
        self.positive = positive

    def parts(self, weights):
        """Return (l1, l2, ridge) at alpha 1, each of shape (n_groups,)."""
        zeros = np.zeros_like(weights)
        return weights, zeros, zeros


class ElasticNet(Shrinkage):
    r"""Elastic net: a lasso that keeps correlated features together.

    .. math:: \sum_{g: w_g > 0} \rho w_g \lVert B_g \rVert_1
              + \frac{1 - \rho}{2} \lVert B_g \rVert_F^2

    with :math:`\rho` the `l1_ratio` (Zou and Hastie, 2005, eq. 3, in the scaling of
    scikit-learn's ``ElasticNet``). Its proximal operator soft-thresholds at ``step *
    alpha * l1_ratio * w_g`` and divides by ``1 + step * alpha * (1 - l1_ratio)``.
    Weights concern the l1 norm, except that a group of weight 0 is not penalised at
    all.

    Parameters
    ----------
    l1_ratio : float, default=0.5
        Share of the l1 norm, above 0 and at most 1 (lasso).
    positive : bool, default=False
        Add the constraint that every coefficient be nonnegative.

    References
    ----------
    Zou, H. and Hastie, T. (2005). Regularization and variable selection via the elastic
    net. JRSS B 67(2), 301-320.

    Examples
    --------
    >>> import numpy as np
    >>> from skstruct.penalties import ElasticNet
    >>> ElasticNet().values(np.array([[3.0], [-4.0], [1.0]]), [0, 2, 3], [1.0, 2.0])
    array([9.75, 1.25])
    """

    def __init__(self, l1_ratio=0.5, positive=False):
        self.l1_ratio = l1_ratio
        self.positive = positive

    def check_parameters(self):
        """Raise ValueError unless the parameters have values that mean something."""
        check_ratio(self, False, "1 is the lasso. Without l1 norm no feature is zero.")

    def parts(self, weights):
        """Return (l1, l2, ridge) at alpha 1, each of shape (n_groups,)."""
        ridge = np.where(weights > 0, 1.0 - self.l1_ratio, 0.0)
        return self.l1_ratio * weights, np.zeros_like(weights), ridge
