"""The squared error."""

import numpy as np

from skstruct.losses.base import Loss


class SquaredError(Loss):
    r"""Half squared error, for one or several outputs.

    .. math:: \ell(y, f) = \tfrac{1}{2} (y - f)^2, \qquad
              \ell^*(y, v) = y v + \tfrac{1}{2} v^2

    where the conjugate is taken over the linear predictor f. The identity is its
    link. Values are summed over outputs.

    Examples
    --------
    >>> from skstruct.losses import SquaredError
    >>> SquaredError().value([[1.0], [2.0]], [[0.0], [2.0]], [0.5, 0.5])
    0.25
    """

    is_quadratic = True
    deviance_factor = 2.0
    curvature_bound = 1.0

    def value(self, y, f, weights):
        """Return ``sum_i weights_i * loss(y_i, f_i)``; y and f are (n, q)."""
        residual = np.subtract(y, f)
        return float(0.5 * np.einsum("i,it,it->", weights, residual, residual))

    def gradient(self, y, f):
        """Return the derivative of the loss in f, elementwise, shape (n, q)."""
        return np.subtract(f, y)

    def curvature(self, y, f):
        """Return ones, shape (n, q)."""
        return np.ones(np.shape(f))

    def lowest(self, y, weights):
        """Return 0: the fit may be perfect."""
        return 0.0

    def conjugate(self, y, v, weights):
        """Return ``sum_i weights_i * sup_f (v_i f - loss(y_i, f))``."""
        total = np.einsum("i,it,it->", weights, v, y)
        return float(total + 0.5 * np.einsum("i,it,it->", weights, v, v))

    def dual_scale(self, y, v, weights):
        """Return the t >= 0 that maximises the dual value ``-conjugate(y, -t v)``."""
        vv = np.einsum("i,it,it->", weights, v, v)
        yv = np.einsum("i,it,it->", weights, y, v)
        return max(float(yv / vv), 0.0) if vv > 0 else 0.0
