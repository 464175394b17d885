"""Arithmetic that several losses share: exponentials and sums that stay finite."""

import numpy as np
from scipy import special

#: From here on exponentials grow along their tangent: exp(709.8) overflows.
LARGEST_EXPONENT = 700.0

#: Points this far (relatively) outside the domain of a conjugate are rounding errors.
ROUNDING = 1e-12

#: No sample alone may ask for a Newton step longer than this.
LONGEST_STEP = 100.0

#: Curvature, relative to its bound, to suppose where a loss is linear. Newton's model
#: then steps boldly towards the bend, and a line search has the last word: some ten
#: times fewer sweeps than the parabola that stays above the loss.
LINEAR = 1e-4
_TINY = 1e-30  # small beside any curvature that matters, large enough to divide by
_SMALLEST_MEAN = np.finfo(np.float64).tiny


def floats(*arrays):
    """Return each argument as a float64 array."""
    return [np.asarray(a, dtype=np.float64) for a in arrays]


def weighted_sum(weights, values):
    """Return ``sum_i weights_i * sum_t values_it``; of weight zero even inf is 0."""
    weights, values = floats(weights, values)
    return float(weights @ np.where(weights > 0, values.sum(axis=1), 0.0))


def exp(u):
    """Return exp(u), constant beyond `LARGEST_EXPONENT`: the slope of `exp_value`."""
    return np.exp(np.minimum(u, LARGEST_EXPONENT))


def exp_value(u):
    """Return exp(u), continued beyond `LARGEST_EXPONENT` by its tangent."""
    return exp(u) * (1.0 + np.maximum(u - LARGEST_EXPONENT, 0.0))


def log(y):
    """Return log(y) for y >= 0, silently -inf at 0."""
    return special.xlogy(1.0, y)


def log_link(mean):
    """Return log(mean), finite at 0."""
    return np.log(np.maximum(*floats(mean, _SMALLEST_MEAN)))


def newton_curvature(second, gradient):
    """Return the second derivative, raised where a Newton model could not use it.

    Where an exponential loss is flat but steep, as far on the wrong side of the
    minimum, the minimum of its second-order model lies exponentially far away. A
    curvature of a hundredth of the slope keeps it within 100 units of f, from where
    a line search needs a few halvings. Near a solution this moves the Hessian
    summed over samples by one percent at the most: a Poisson or logistic sample of
    probability p has slope 1 instead of p, but only with probability p.
    """
    raised = np.maximum(second, np.abs(gradient) / LONGEST_STEP)
    return np.maximum(raised, _TINY)


def lift(w, scale):
    """Return w with zero for negative entries that are rounding errors of `scale`."""
    return np.where((w < 0) & (w >= -ROUNDING * scale), 0.0, w)
