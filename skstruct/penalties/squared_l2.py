"""The ridge penalty."""

import numpy as np

from skstruct.penalties.norms import group_norms
from skstruct.penalties.shrinkage import Shrinkage


class SquaredL2(Shrinkage):
    r"""Ridge: half the squared norm, which shrinks everything and selects nothing.

    .. math:: \sum_{g: w_g > 0} \frac{w_g}{2} \lVert B_g \rVert_F^2

    (Hoerl and Kennard, 1970.) Its proximal operator divides by ``1 + step * alpha *
    w_g``. No alpha makes a group zero: there is no `alpha_max`. It serves groups that
    are to be kept but not left free, in a :class:`SeparableSum`.

    Parameters
    ----------
    positive : bool, default=False
        Add the constraint that every coefficient be nonnegative.

    References
    ----------
    Hoerl, A. E. and Kennard, R. W. (1970). Ridge regression: biased estimation for
    nonorthogonal problems. Technometrics 12(1), 55-67.

    Examples
    --------
    >>> import numpy as np
    >>> from skstruct.penalties import SquaredL2
    >>> SquaredL2().values(np.array([[3.0], [-1.0], [1.0]]), [0, 2, 3], [1.0, 2.0])
    array([5., 1.])
    """

    def __init__(self, positive=False):
        self.positive = positive

    def parts(self, weights):
        """Return (l1, l2, ridge) at alpha 1, each of shape (n_groups,)."""
        zeros = np.zeros_like(weights)
        return zeros, zeros, weights

    def polar(self, correlation, ptr, weights):
        """Return infinity by group; 0 where no entry of u could leave zero."""
        wanted = group_norms(self._magnitudes(correlation), ptr) > 0
        return np.where(wanted & (np.asarray(weights) > 0), np.inf, 0.0)
