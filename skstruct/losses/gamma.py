"""The gamma loss."""

import numpy as np
from scipy import special

from skstruct.losses.checks import refuse
from skstruct.losses.elementwise import LogLinkLoss
from skstruct.losses.numerics import (
    LARGEST_EXPONENT,
    exp,
    exp_value,
    floats,
    lift,
    newton_curvature,
)


class GammaLoss(LogLinkLoss):
    r"""Gamma loss of positive responses, with the logarithm as link.

    .. math:: \ell(y, f) = f + y e^{-f}

    This is minus the log-likelihood of unit shape without its term in y alone
    (McCullagh and Nelder, 1989, sections 2.3 and 8.3); less its minimum over f,
    :math:`1 + \log y`, it is half the deviance. The second derivative is :math:`y
    e^{-f}`, which no number bounds. The conjugate over f is :math:`w \log(w / y) - w`
    with :math:`w = 1 - v`, on :math:`v \le 1`, infinite elsewhere. y is positive.

    Where :math:`\log y - f` is beyond 700 the loss is continued by its tangent, so
    that all stays finite. For f far above :math:`\log y` the gradient tends to 1 while
    the second derivative vanishes; the curvature is the second derivative, at least a
    hundredth of the size of the gradient, so that Newton models are usable there.

    References
    ----------
    McCullagh, P. and Nelder, J. A. (1989). Generalized linear models. Chapman and
    Hall, 2nd edition.

    Examples
    --------
    >>> from skstruct.losses import GammaLoss
    >>> GammaLoss().gradient([[0.5], [3.0]], [[0.0], [0.0]]).round(6)
    array([[ 0.5],
           [-2. ]])
    """

    def check_values(self, y):
        """Raise a ValueError unless y is positive."""
        (y,) = floats(y)
        way_out = "Use the Poisson or the Tweedie loss, which allow zeros."
        if np.any(y < 0):
            way_out = "Use the squared error or the Huber loss for any sign."
        refuse(~(y > 0), y, "positive for the gamma loss", way_out)

    # y exp(-f) is exp(log(y) - f) throughout: no scale of y can then overflow.

    def _values(self, y, f):
        return f + exp_value(np.log(y) - f)

    def gradient(self, y, f):
        """Return ``1 - y exp(-f)``."""
        y, f = floats(y, f)
        return -np.expm1(np.minimum(np.log(y) - f, LARGEST_EXPONENT))

    def curvature(self, y, f):
        """Return ``y exp(-f)``, at least a hundredth of the gradient's size."""
        y, f = floats(y, f)
        return newton_curvature(exp(np.log(y) - f), self.gradient(y, f))

    def _conjugates(self, y, v):
        w = lift(1 - v, 1 + np.abs(v))
        return -special.entr(w) - w * (1 + np.log(y))

    def _minima(self, y):
        return 1 + np.log(y)
