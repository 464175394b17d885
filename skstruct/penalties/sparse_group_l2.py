"""The sparse group lasso penalty."""

import numpy as np

from skstruct.penalties.checks import check_ratio
from skstruct.penalties.shrinkage import Shrinkage


class SparseGroupL2(Shrinkage):
    r"""Sparse group lasso: few groups, and few features in them.

    .. math:: \sum_{g: w_g > 0} \rho \lVert B_g \rVert_1
              + (1 - \rho) w_g \lVert B_g \rVert_F

    with :math:`\rho` the `l1_ratio` (Simon, Friedman, Hastie and Tibshirani, 2013, eq.
    3). Its proximal operator soft-thresholds the entries and then shrinks the norm
    of what is left (their eq. 12). Weights concern the Euclidean norms, except that a
    group of weight 0 is not penalised at all.

    Parameters
    ----------
    l1_ratio : float, default=0.05
        Share of the l1 norm, from 0 (group lasso) to 1 (lasso).
    positive : bool, default=False
        Add the constraint that every coefficient be nonnegative.

    References
    ----------
    Simon, N., Friedman, J., Hastie, T. and Tibshirani, R. (2013). A sparse-group lasso.
    JCGS 22(2), 231-245.

    Examples
    --------
    >>> import numpy as np
    >>> from skstruct.penalties import SparseGroupL2
    >>> penalty = SparseGroupL2(l1_ratio=0.5)
    >>> penalty.values(np.array([[3.0], [4.0], [1.0]]), [0, 2, 3], [1.0, 2.0])
    array([6. , 1.5])
    """

    def __init__(self, l1_ratio=0.05, positive=False):
        self.l1_ratio = l1_ratio
        self.positive = positive

    def check_parameters(self):
        """Raise ValueError unless the parameters have values that mean something."""
        check_ratio(self, True, "0 is the group lasso and 1 the lasso.")

    def parts(self, weights):
        """Return (l1, l2, ridge) at alpha 1, each of shape (n_groups,)."""
        l1 = np.where(weights > 0, self.l1_ratio, 0.0)
        return l1, (1 - self.l1_ratio) * weights, np.zeros_like(weights)
