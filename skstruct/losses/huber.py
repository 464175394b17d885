"""The Huber loss."""

import numpy as np

from skstruct.losses.checks import check_number
from skstruct.losses.elementwise import ElementwiseLoss
from skstruct.losses.numerics import LINEAR, ROUNDING, floats


class HuberLoss(ElementwiseLoss):
    r"""Huber's loss: squared for small residuals, absolute for large ones.

    .. math:: \ell(y, f) = \begin{cases} \tfrac{1}{2} r^2 & |r| \le \delta \\
              \delta |r| - \tfrac{1}{2} \delta^2 & |r| > \delta \end{cases},
              \qquad r = y - f

    (Huber, 1964; half of Hastie, Tibshirani and Friedman, 2009, eq. 10.23.) Its
    conjugate over f is :math:`y v + \tfrac{1}{2} v^2` on :math:`|v| \le \delta`,
    infinite elsewhere. The identity is its link. y is any number.

    The second derivative is 1, and 0 beyond delta; the curvature supposes a tiny one
    there, which leaves the work to a line search.

    Parameters
    ----------
    delta : float, default=1.35
        Residual, in units of y, from which on the loss is linear. 1.35 keeps 95
        percent of the efficiency for Gaussian noise of standard deviation 1.

    References
    ----------
    Hastie, T., Tibshirani, R. and Friedman, J. (2009). The elements of statistical
    learning. Springer, 2nd edition.

    Huber, P. J. (1964). Robust estimation of a location parameter. Annals of
    Mathematical Statistics 35(1), 73-101.

    Examples
    --------
    >>> from skstruct.losses import HuberLoss
    >>> HuberLoss(delta=1.0).value([[1.0], [5.0]], [[0.0], [2.0]], [1.0, 1.0])
    3.0
    """

    has_bends = True
    curvature_bound = 1.0

    def __init__(self, delta=1.35):
        self.delta = delta

    def check_parameters(self):
        """Raise a ValueError unless delta is positive and finite."""
        check_number("delta", self.delta, lambda x: 0 < x < np.inf, "a positive number")

    def _values(self, y, f):
        residual = y - f
        slope = np.clip(residual, -self.delta, self.delta)
        return slope * (residual - slope / 2)

    def gradient(self, y, f):
        """Return ``-clip(y - f, -delta, delta)``."""
        return np.clip(np.subtract(*floats(f, y)), -self.delta, self.delta)

    def curvature(self, y, f):
        """Return 1 where ``|y - f| <= delta``, else next to nothing."""
        size = np.abs(np.subtract(*floats(y, f)))
        return np.where(size <= self.delta, 1.0, LINEAR)

    def _conjugates(self, y, v):
        inside = np.abs(v) <= self.delta * (1 + ROUNDING)
        v = np.where(inside, v, 0.0)
        return np.where(inside, v * (y + v / 2), np.inf)
