"""The group lasso penalty with a ridge."""

import numpy as np

from skstruct.penalties.checks import check_ratio
from skstruct.penalties.shrinkage import Shrinkage


class GroupElasticNet(Shrinkage):
    r"""Group elastic net: a group lasso that keeps correlated groups together.

    .. math:: \sum_{g: w_g > 0} \rho w_g \lVert B_g \rVert_F
              + \frac{1 - \rho}{2} \lVert B_g \rVert_F^2

    with :math:`\rho` the `l1_ratio`, as the elastic net has it for features (Zou and
    Hastie, 2005, eq. 3). Its proximal operator shrinks the norm of a block by ``step *
    alpha * l1_ratio * w_g`` and divides by ``1 + step * alpha * (1 - l1_ratio)``.
    Weights concern the norms, not their squares, except that a group of weight 0 is
    not penalised at all.

    Parameters
    ----------
    l1_ratio : float, default=0.5
        Share of the norms, above 0 and at most 1 (group lasso).
    positive : bool, default=False
        Add the constraint that every coefficient be nonnegative.

    References
    ----------
    Zou, H. and Hastie, T. (2005). Regularization and variable selection via the elastic
    net. JRSS B 67(2), 301-320.

    Examples
    --------
    >>> import numpy as np
    >>> from skstruct.penalties import GroupElasticNet
    >>> penalty = GroupElasticNet(l1_ratio=0.5)
    >>> penalty.values(np.array([[3.0], [4.0], [1.0]]), [0, 2, 3], [1.0, 2.0])
    array([8.75, 1.25])
    """

    def __init__(self, l1_ratio=0.5, positive=False):
        self.l1_ratio = l1_ratio
        self.positive = positive

    def check_parameters(self):
        """Raise ValueError unless the parameters have values that mean something."""
        check_ratio(
            self, False, "1 is the group lasso. Without norms no group is zero."
        )

    def parts(self, weights):
        """Return (l1, l2, ridge) at alpha 1, each of shape (n_groups,)."""
        ridge = np.where(weights > 0, 1.0 - self.l1_ratio, 0.0)
        return np.zeros_like(weights), self.l1_ratio * weights, ridge
