"""The group lasso penalty, and the same for groups that overlap."""

import numpy as np

from skstruct.penalties.shrinkage import Shrinkage


class GroupL2(Shrinkage):
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

    def parts(self, weights):
        """Return (l1, l2, ridge) at alpha 1, each of shape (n_groups,)."""
        zeros = np.zeros_like(weights)
        return zeros, weights, zeros


class LatentOverlap(GroupL2):
    r"""Latent group lasso: each of the overlapping groups has coefficients of its own.

    .. math:: \min_{V} \sum_g w_g \lVert V_g \rVert_F
              \quad \text{subject to} \quad \sum_g V_g = B

    where the latent coefficients :math:`V_g` are zero outside group g (Jacob, Obozinski
    and Vert, 2009). Selected features are a union of groups. The layout repeats
    columns that are in several groups; on those it is :class:`GroupL2`. `values` and
    the other methods take latent coefficients, by group.

    Parameters
    ----------
    positive : bool, default=False
        Add the constraint that every latent coefficient be nonnegative.

    References
    ----------
    Jacob, L., Obozinski, G. and Vert, J.-P. (2009). Group lasso with overlap and graph
    lasso. ICML, 433-440.

    Examples
    --------
    Groups {0, 1} and {1, 2} share feature 1, whose coefficient 4 is shared out:

    >>> import numpy as np
    >>> from skstruct.penalties import LatentOverlap
    >>> latent = np.array([[3.0], [4.0], [0.0], [1.0]])
    >>> LatentOverlap().values(latent, [0, 2, 4], [1.0, 1.0])
    array([5., 1.])
    """

    overlap = "latent"
