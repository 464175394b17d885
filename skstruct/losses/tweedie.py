"""The Tweedie loss."""

import numpy as np
from scipy import special

from skstruct.losses.checks import check_number, refuse, refuse_constant
from skstruct.losses.elementwise import LogLinkLoss
from skstruct.losses.numerics import (
    exp,
    exp_value,
    floats,
    log,
    newton_curvature,
)

_MAX_NEWTON = 100  # never seen to take more than about ten


class TweedieLoss(LogLinkLoss):
    r"""Tweedie loss of nonnegative responses with many zeros; the link is log.

    .. math:: \ell(y, f) = \frac{e^{(2 - p) f}}{2 - p}
              + \frac{y e^{-(p - 1) f}}{p - 1}

    for a power p between 1 and 2: the variance grows as the mean to the power p, as
    for sums of a Poisson number of gamma variables (Jorgensen, 1987; Dunn and Smyth,
    2005). Less its minimum over f, :math:`y^{2 - p} / ((2 - p)(p - 1))`, it is half
    the deviance. The second derivative is :math:`(2 - p) e^{(2 - p) f} + (p - 1) y
    e^{-(p - 1) f}`, which no number bounds. The conjugate over f is finite for every v
    where y > 0, and computed by Newton's method; where y = 0 it is :math:`(v \log v -
    v) / (2 - p)` on :math:`v \ge 0`, infinite elsewhere. y is nonnegative.

    Where an exponent is beyond 700, the exponential is continued by its tangent, so
    that all stays finite. The curvature is the second derivative, at least a
    hundredth of the size of the gradient, so that Newton models are usable where the
    loss is almost linear.

    Parameters
    ----------
    power : float, default=1.5
        Power p of the variance function, between 1 and 2, both excluded: 1 would be
        `PoissonLoss`, 2 `GammaLoss`.

    References
    ----------
    Dunn, P. K. and Smyth, G. K. (2005). Series evaluation of Tweedie exponential
    dispersion model densities. Statistics and Computing 15, 267-280.

    Jorgensen, B. (1987). Exponential dispersion models. JRSS B 49(2), 127-162.

    Examples
    --------
    >>> from skstruct.losses import TweedieLoss
    >>> TweedieLoss(power=1.5).gradient([[0.0], [3.0]], [[0.0], [0.0]])
    array([[ 1.],
           [-2.]])
    """

    def __init__(self, power=1.5):
        self.power = power

    def check_parameters(self):
        """Raise a ValueError unless the power is between 1 and 2."""
        rule = "a number between 1 and 2, both excluded"
        rule += " (use PoissonLoss for 1, GammaLoss for 2)"
        check_number("power", self.power, lambda p: 1 < p < 2, rule)

    def check_target(self, y, weights):
        """Raise a ValueError unless y is nonnegative, and positive somewhere."""
        super().check_target(y, weights)
        (y,) = floats(y)
        way_out = "Give samples with positive responses."
        refuse_constant(y == 0, y, weights, "is zero", way_out)

    def check_values(self, y):
        """Raise a ValueError unless y is nonnegative."""
        (y,) = floats(y)
        rule = "nonnegative for the Tweedie loss"
        way_out = "Use the squared error or the Huber loss for responses of any sign."
        refuse(~(y >= 0), y, rule, way_out)

    def _exponents(self, y, f):
        """Return the exponents of both terms, a f and log(y) - b f."""
        return (2 - self.power) * f, log(y) - (self.power - 1) * f

    def _values(self, y, f):
        up, down = self._exponents(y, f)
        return exp_value(up) / (2 - self.power) + exp_value(down) / (self.power - 1)

    def gradient(self, y, f):
        """Return ``exp((2 - p) f) - y exp((1 - p) f)``."""
        up, down = self._exponents(*floats(y, f))
        return exp(up) - exp(down)

    def curvature(self, y, f):
        """Return the second derivative, at least a hundredth of the gradient's size."""
        up, down = self._exponents(*floats(y, f))
        up, down = exp(up), exp(down)
        second = (2 - self.power) * up + (self.power - 1) * down
        return newton_curvature(second, up - down)

    def _conjugates(self, y, v):
        none = y == 0
        at_zero = (-special.entr(v) - v) / (2 - self.power)
        y, v = np.where(none, 1.0, y), np.where(none, 0.0, v)
        f = self._stationary(y, v)
        return np.where(none, at_zero, v * f - self._values(y, f))

    def _stationary(self, y, v):
        """Return the f where the gradient is v, for y > 0.

        With g = f - log(y) the equation is ``exp(a g) - exp(-b g) = v / y^a``. For v >=
        0, taking logarithms leaves ``h(g) = a g - log(k + exp(-b g)) = 0`` where k is
        the right side; for v < 0 the same with -g, a and b exchanged, -k. h is
        increasing and concave, so Newton's method comes from below whatever its
        start, without a safeguard; at the root's lower bound ``max(0, log(k) / a)`` h
        is already above -log(2). All is kept in logarithms: k may overflow.
        """
        a, scale = 2 - self.power, log(y)
        log_k = log(np.abs(v)) - a * scale
        sign = np.where(v < 0, -1.0, 1.0)
        a = np.where(v < 0, 1 - a, a)
        g = np.maximum(log_k / a, 0.0)
        for _ in range(_MAX_NEWTON):
            total = np.logaddexp(log_k, -(1 - a) * g)
            share = np.exp(-(1 - a) * g - total)
            step = (total - a * g) / (a + (1 - a) * share)
            g = g + step
            # The conjugate is stationary in g: errors of 1e-9 are 1e-18 in it.
            if np.all(np.abs(step) <= 1e-9):
                break
        return scale + sign * g

    def _minima(self, y):
        return y ** (2 - self.power) / ((2 - self.power) * (self.power - 1))
