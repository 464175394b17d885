"""Newton's method for what is not penalised: the intercept and the free columns."""

import numpy as np

_MOST_STEPS = 100
_MOST_HALVINGS = 40
# Steps end when the slope is this share of what it is a sum of: rounding.
_ROUNDING = 4e-16


def fit_free(loss, y, f, weights, basis):
    """Minimise the loss over the linear predictors ``f + basis' a / root(weights)``.

    Parameters
    ----------
    loss : Loss
        A smooth one.
    y, f : (n, q) arrays
        Responses and linear predictors to start from.
    weights : (n,) array
        Positive, summing to one.
    basis : (k, n) array
        Orthonormal rows; k may be 0.

    Returns
    -------
    a : (k, q) array
        How far to move along the basis.
    f : (n, q) array
        The predictors there.
    slope : (n, q) array
        Gradient of the loss there, orthogonal to the basis (in the weights).
    """
    a = np.zeros((len(basis), y.shape[1]))
    slope = loss.gradient(y, f)
    if len(basis) == 0:
        return a, f, slope
    root = np.sqrt(weights)[:, None]
    directions = basis.T / root
    value = loss.value(y, f, weights)

    def search(step, gradient, f, value):
        change = float(np.sum(step * gradient))
        for _ in range(_MOST_HALVINGS):
            f_new = f - directions @ step
            value_new = loss.value(y, f_new, weights)
            if value_new <= value - 1e-4 * change:
                break
            if change <= 1e-13 * abs(value):  # below what values can tell apart
                break
            step, change = 0.5 * step, 0.5 * change
        return step, f_new, value_new

    for _ in range(_MOST_STEPS):
        weighted = root * slope
        gradient = basis @ weighted
        size = np.linalg.norm(weighted, axis=0)
        if loss.is_joint:  # that of an absent class would shrink with its gradient
            size = size.max()
        noise = _ROUNDING * np.sqrt(len(y)) * size
        if (np.abs(gradient) <= noise).all():
            break
        largest = np.abs(gradient).max()
        for is_joint in (True, False) if loss.is_joint else (False,):
            step = _newton_step(loss, y, f, basis, gradient, is_joint)
            step, f_new, value_new = search(step, gradient, f, value)
            slope_new = loss.gradient(y, f_new)
            left = np.abs(basis @ (root * slope_new)).max()
            # Where rounding hides what a step gains in value, the gradient shows it.
            if value_new < value or left < 0.5 * largest:
                break  # else all probabilities are 0 or 1, and the Hessian is nothing
        if not (left < largest or value_new < value):
            break
        a, f, slope, value = a - step, f_new, slope_new, value_new
    return a, f, slope


def _newton_step(loss, y, f, basis, gradient, is_joint):
    """Return the step (k, q) that the quadratic model asks for."""
    k, q = gradient.shape
    if is_joint:
        # (sqrt(weights) cancels: the basis carries it on both sides.)
        H = np.einsum("in,nst,jn->isjt", basis, loss.hessian(y, f), basis)
        H = H.reshape(k * q, k * q)
        return np.linalg.lstsq(H, gradient.ravel(), rcond=1e-13)[0].reshape(k, q)
    step = np.zeros_like(gradient)
    if k == 1:  # the intercept alone
        H = basis**2 @ loss.curvature(y, f)
        return np.divide(gradient, H, out=step, where=H > 0)
    for t, curvature in enumerate(loss.curvature(y, f).T):
        H = (basis * curvature) @ basis.T
        step[:, t] = np.linalg.lstsq(H, gradient[:, t], rcond=1e-14)[0]
    return step
