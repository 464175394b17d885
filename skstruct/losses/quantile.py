"""The quantile loss, and a smooth loss close to it."""

import numpy as np

from skstruct.losses.checks import check_number
from skstruct.losses.elementwise import ElementwiseLoss
from skstruct.losses.numerics import LINEAR, ROUNDING, floats

_SHORTEST = 1e-30  # residuals are taken to be at least this: the weight stays finite


class QuantileLoss(ElementwiseLoss):
    r"""Quantile (pinball) loss, whose minimiser is a conditional quantile.

    .. math:: \ell(y, f) = \max(\tau r, (\tau - 1) r), \qquad r = y - f

    with the quantile :math:`\tau` (Koenker and Bassett, 1978, eq. 3.1). Its conjugate
    over f is :math:`y v` on :math:`-\tau \le v \le 1 - \tau`, infinite elsewhere. The
    identity is its link. y is any number.

    There is no gradient at y = f, where the subgradient 0 is returned, and no
    second derivative; the curvature is :math:`1 / (2 |r|)`, with which the quadratic
    model at f is an upper bound everywhere (Hunter and Lange, 2000). It has no bound;
    that of `smoothed` has.

    Parameters
    ----------
    quantile : float, default=0.5
        Which quantile, between 0 and 1, both excluded; 0.5 is the median.

    References
    ----------
    Hunter, D. R. and Lange, K. (2000). Quantile regression via an MM algorithm.
    Journal of Computational and Graphical Statistics 9(1), 60-77.

    Koenker, R. and Bassett, G. (1978). Regression quantiles. Econometrica 46(1),
    33-50.

    Examples
    --------
    >>> from skstruct.losses import QuantileLoss
    >>> QuantileLoss(quantile=0.75).value([[2.0], [0.0]], [[0.0], [2.0]], [1.0, 1.0])
    2.0
    """

    is_smooth = False

    def __init__(self, quantile=0.5):
        self.quantile = quantile

    def check_parameters(self):
        """Raise a ValueError unless the quantile is between 0 and 1."""
        rule = "a number between 0 and 1, both excluded"
        check_number("quantile", self.quantile, lambda x: 0 < x < 1, rule)

    def smoothed(self, width):
        r"""Return a smooth loss that is lower by at most ``width / 2``.

        It is the Moreau envelope: with residuals r,

        .. math:: \min_z \max(\tau z, (\tau - 1) z) + \frac{(r - z)^2}{2 \cdot width}
                  = \max_{\tau - 1 \le s \le \tau} s r
                  - \tfrac{1}{2} \cdot width \cdot s^2

        Its gradient is ``-clip(r / width, quantile - 1, quantile)``, its curvature
        at most ``1 / width``, and its conjugate is ``y v + width * v^2 / 2`` on the
        domain of the quantile loss's own.
        """
        return _SmoothedQuantileLoss(self.quantile, width)

    def _values(self, y, f):
        residual = y - f
        return np.maximum(self.quantile * residual, (self.quantile - 1) * residual)

    def gradient(self, y, f):
        """Return a subgradient: -quantile, 1 - quantile, or 0 where y = f."""
        y, f = floats(y, f)
        return (y < f) - self.quantile * (y != f)

    def curvature(self, y, f):
        """Return ``1 / (2 |y - f|)``."""
        size = np.abs(np.subtract(*floats(y, f)))
        return 0.5 / np.maximum(size, _SHORTEST)

    def _conjugates(self, y, v):
        inside = np.abs(v + (self.quantile - 0.5)) <= 0.5 + ROUNDING
        return np.where(inside, y, np.inf) * np.where(inside, v, 1.0)


class _SmoothedQuantileLoss(QuantileLoss):
    """Moreau envelope of the quantile loss; `QuantileLoss.smoothed` makes it."""

    is_smooth = True

    def __init__(self, quantile=0.5, width=1.0):
        super().__init__(quantile)
        self.width = width

    @property
    def curvature_bound(self):
        return 1.0 / self.width

    def check_parameters(self):
        super().check_parameters()
        check_number("width", self.width, lambda x: 0 < x < np.inf, "a positive number")

    def smoothed(self, width):
        return self

    def _slopes(self, residual):
        lowest, highest = self.width * (self.quantile - 1), self.width * self.quantile
        return np.clip(residual, lowest, highest) / self.width

    def _values(self, y, f):
        slope = self._slopes(y - f)
        return slope * (y - f - self.width / 2 * slope)

    def gradient(self, y, f):
        return -self._slopes(np.subtract(*floats(y, f)))

    def curvature(self, y, f):
        residual = np.subtract(*floats(y, f))
        lowest, highest = self.width * (self.quantile - 1), self.width * self.quantile
        bends = (residual >= lowest) & (residual <= highest)
        return np.where(bends, 1.0, LINEAR) / self.width

    def _conjugates(self, y, v):
        return super()._conjugates(y, v) + self.width / 2 * np.clip(v, -1, 1) ** 2
