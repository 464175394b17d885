"""The logistic loss."""

import numpy as np
from scipy import special

from skstruct.losses.checks import refuse, refuse_constant
from skstruct.losses.elementwise import ElementwiseLoss
from skstruct.losses.numerics import floats, lift, newton_curvature

_LARGEST_MEAN = 1.0 - np.finfo(np.float64).epsneg


class LogisticLoss(ElementwiseLoss):
    r"""Logistic loss of labels -1 and 1: minus the Bernoulli log-likelihood.

    .. math:: \ell(y, f) = \log(1 + e^{-y f})

    (Hastie, Tibshirani and Friedman, 2009, eq. 10.18 with their f halved.) With the
    probability :math:`p = 1 / (1 + e^{-f})` of label 1, its second derivative is
    :math:`p (1 - p) \le 1/4`. Its conjugate over f is :math:`u \log u + (1 - u)
    \log(1 - u)` with :math:`u = -y v`, on :math:`0 \le u \le 1`, infinite elsewhere
    (Boyd and Vandenberghe, 2004, example 3.25 with two terms). Its link takes the
    expected label m, between -1 and 1, to the logit of (1 + m) / 2.

    The curvature is the second derivative, at least a hundredth of the size of the
    gradient, so that Newton models are usable where the loss is almost linear.

    References
    ----------
    Boyd, S. and Vandenberghe, L. (2004). Convex optimization. Cambridge.

    Hastie, T., Tibshirani, R. and Friedman, J. (2009). The elements of statistical
    learning. Springer, 2nd edition.

    Examples
    --------
    >>> from skstruct.losses import LogisticLoss
    >>> loss = LogisticLoss()
    >>> loss.gradient([[1.0], [-1.0]], [[0.0], [0.0]])
    array([[-0.5],
           [ 0.5]])
    """

    is_for_classes = True
    has_unit_dispersion = True
    curvature_bound = 0.25

    def check_target(self, y, weights):
        """Raise a ValueError unless y is -1 or 1, and both occur."""
        super().check_target(y, weights)
        (y,) = floats(y)
        rule = "-1 or 1 for the logistic loss"
        refuse(np.abs(y) != 1, y, rule, "Encode the two classes as -1 and 1.")
        for label in (-1, 1):
            what = f"has one class only: it is {label}"
            way_out = "Give samples of both classes."
            refuse_constant(y == label, y, weights, what, way_out)

    def _values(self, y, f):
        return -special.log_expit(y * f)

    def gradient(self, y, f):
        """Return ``-y / (1 + exp(y f))``."""
        y, f = floats(y, f)
        return -y * special.expit(-y * f)

    def curvature(self, y, f):
        """Return ``p (1 - p)``, at least a hundredth of the gradient's size."""
        (f,) = floats(f)
        second = special.expit(f) * special.expit(-f)
        return newton_curvature(second, self.gradient(y, f))

    def _conjugates(self, y, v):
        u = lift(-y * v, 1.0)
        return -special.entr(u) - special.entr(lift(1 - u, 1.0))

    def link(self, mean):
        """Return ``log((1 + mean) / (1 - mean))``, finite at -1 and 1."""
        return 2 * np.arctanh(np.clip(*floats(mean), -_LARGEST_MEAN, _LARGEST_MEAN))

    def inverse_link(self, f):
        """Return the expected label ``tanh(f / 2)``."""
        return np.tanh(floats(f)[0] / 2)
