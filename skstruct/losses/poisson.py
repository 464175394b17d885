"""The Poisson loss."""

import numpy as np
from scipy import special

from skstruct.losses.checks import refuse, refuse_constant
from skstruct.losses.elementwise import LogLinkLoss
from skstruct.losses.numerics import (
    exp,
    exp_value,
    floats,
    lift,
    newton_curvature,
)


class PoissonLoss(LogLinkLoss):
    r"""Poisson loss of counts, with the logarithm as link.

    .. math:: \ell(y, f) = e^f - y f

    This is minus the log-likelihood without its term in y alone (McCullagh and
    Nelder, 1989, sections 2.3 and 6.2); less its minimum over f, :math:`y - y \log
    y`, it is half the deviance. The second derivative is :math:`e^f`, which no number
    bounds. The conjugate over f is :math:`w \log w - w` with :math:`w = v + y`, on
    :math:`w \ge 0`, infinite elsewhere (Boyd and Vandenberghe, 2004, example 3.21). y
    is nonnegative and need not be whole.

    Beyond f = 700 the loss is continued by its tangent, so that all stays finite. The
    curvature is the second derivative, at least a hundredth of the size of the
    gradient, so that Newton models are usable where the loss is almost linear.

    References
    ----------
    Boyd, S. and Vandenberghe, L. (2004). Convex optimization. Cambridge.

    McCullagh, P. and Nelder, J. A. (1989). Generalized linear models. Chapman and
    Hall, 2nd edition.

    Examples
    --------
    >>> from skstruct.losses import PoissonLoss
    >>> PoissonLoss().gradient([[0.0], [3.0]], [[0.0], [0.0]])
    array([[ 1.],
           [-2.]])
    """

    has_unit_dispersion = True

    def check_target(self, y, weights):
        """Raise a ValueError unless y is nonnegative, and positive somewhere."""
        super().check_target(y, weights)
        (y,) = floats(y)
        way_out = "Give samples with positive responses."
        refuse_constant(y == 0, y, weights, "is zero", way_out)

    def check_values(self, y):
        """Raise a ValueError unless y is nonnegative."""
        (y,) = floats(y)
        rule = "nonnegative for the Poisson loss"
        way_out = "Use the squared error or the Huber loss for responses of any sign."
        refuse(~(y >= 0), y, rule, way_out)

    def _values(self, y, f):
        return exp_value(f) - y * f

    def gradient(self, y, f):
        """Return ``exp(f) - y``."""
        y, f = floats(y, f)
        return exp(f) - y

    def curvature(self, y, f):
        """Return ``exp(f)``, at least a hundredth of the gradient's size."""
        return newton_curvature(exp(*floats(f)), self.gradient(y, f))

    def _conjugates(self, y, v):
        w = lift(v + y, np.abs(v) + y)
        return -special.entr(w) - w

    def _minima(self, y):
        return y - special.xlogy(y, y)
