"""Losses that are sums over samples and outputs."""

import numpy as np

from skstruct.losses.base import Loss
from skstruct.losses.numerics import exp, floats, log_link, weighted_sum


class ElementwiseLoss(Loss):
    """Loss that is a sum over the entries of y and f.

    Subclasses define, entry by entry on float64 arrays, ``_values(y, f)``,
    ``_conjugates(y, v)`` (infinity outside the domain), and, unless the loss of a
    perfect fit is zero, ``_minima(y)``.
    """

    def value(self, y, f, weights):
        """Return ``sum_i weights_i * loss(y_i, f_i)``; y and f are (n, q)."""
        return weighted_sum(weights, self._values(*floats(y, f)))

    def conjugate(self, y, v, weights):
        """Return ``sum_i weights_i * sup_f (v_i f - loss(y_i, f))``."""
        return weighted_sum(weights, self._conjugates(*floats(y, v)))

    def lowest(self, y, weights):
        """Return ``sum_i weights_i * inf_f loss(y_i, f)``."""
        return weighted_sum(weights, self._minima(*floats(y)))

    def _values(self, y, f):
        raise NotImplementedError

    def _conjugates(self, y, v):
        raise NotImplementedError

    def _minima(self, y):
        return np.zeros_like(y)


class LogLinkLoss(ElementwiseLoss):
    """Base class of half deviances of nonnegative responses with mean ``exp(f)``."""

    has_log_link = True
    deviance_factor = 2.0

    def link(self, mean):
        """Return ``log(mean)``, finite at 0."""
        return log_link(mean)

    def inverse_link(self, f):
        """Return ``exp(f)``."""
        return exp(*floats(f))
