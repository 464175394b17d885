"""What a loss is: value, derivatives, conjugate, and the responses it is for."""

import numpy as np
from sklearn.base import BaseEstimator


class Loss(BaseEstimator):
    """Base class of losses ``loss(y_i, f_i)`` of a linear predictor f.

    Responses `y` and predictors `f` are float64 arrays of shape (n_samples, q);
    weights are (n_samples,). Values are summed over outputs. Every method is
    vectorised and stays finite for predictors up to 1e3 in size.

    Attributes
    ----------
    is_quadratic : bool
        True when the loss is ``(y - f)^2 / 2``: no curvature to follow, and an offset
        may be subtracted from y.
    is_smooth : bool
        True when the loss has a continuous gradient; if not, `smoothed` has one.
    has_bends : bool
        True when the second derivative of a smooth loss jumps.
    is_joint : bool
        True when the outputs of a row belong together, as class probabilities do.
    is_for_classes : bool
        True when responses are classes, encoded.
    has_log_link : bool
        True when responses are nonnegative and their mean is ``exp(f)``.
    deviance_factor : float
        Times this, the loss less its minimum is what scores report: 2 makes it a
        deviance, such as the squared error.
    has_unit_dispersion : bool
        True when it is minus a log-likelihood without a parameter for the noise.
    curvature_bound : float
        Bound on the curvature over all predictors; infinity if there is none.
    """

    is_quadratic = False
    is_smooth = True
    has_bends = False
    is_joint = False
    is_for_classes = False
    has_log_link = False
    deviance_factor = 1.0
    has_unit_dispersion = False
    curvature_bound = np.inf

    def check_parameters(self):
        """Raise a ValueError that names a parameter which is not in its range."""

    def check_target(self, y, weights):
        """Raise a ValueError unless y (n, q) is in the domain of the loss.

        Rows of weight zero must be in the domain too, but do not count where some
        response must be, say, positive for a best constant to exist. Parameters of
        the loss are checked first.
        """
        self.check_parameters()
        self.check_values(y)

    def check_values(self, y):
        """Raise a ValueError unless each entry of y (n, q) is in the domain.

        Of some of the rows alone, where the others are not at hand.
        """

    def value(self, y, f, weights):
        """Return ``sum_i weights_i * loss(y_i, f_i)``."""
        raise NotImplementedError

    def gradient(self, y, f):
        """Return the derivative of the loss in f, shape (n, q)."""
        raise NotImplementedError

    def curvature(self, y, f):
        """Return a positive diagonal (n, q) for a quadratic model of the loss at f.

        At least the second derivative, and equal to it where that serves a Newton
        step; else, as for losses that are joint or flat in places, a diagonal that
        makes the model an upper bound of the loss, or at least keeps its minimum
        within a hundred units of f.
        """
        raise NotImplementedError

    def hessian(self, y, f):
        """Return the second derivatives (n, q, q) of a loss that `is_joint`."""
        raise NotImplementedError

    def conjugate(self, y, v, weights):
        """Return ``sum_i weights_i * sup_f (v_i f - loss(y_i, f))``.

        Infinity outside the conjugate's domain, which contains 0 and every gradient;
        rows of weight zero count for nothing.
        """
        raise NotImplementedError

    def lowest(self, y, weights):
        """Return ``sum_i weights_i * inf_f loss(y_i, f)``, the loss of a perfect fit.

        A loss measured from there is a half deviance.
        """
        raise NotImplementedError

    def dual_scale(self, y, v, weights):
        """Return the t >= 0 that maximises the dual value ``-conjugate(y, -t v)``.

        1, the default, is right at the optimum.
        """
        return 1.0

    def smoothed(self, width):
        """Return this loss if it is smooth, else one lower by at most ``width / 2``."""
        return self

    def link(self, mean):
        """Return the predictors (n, q) that belong to expected responses (n, q)."""
        return np.asarray(mean, dtype=np.float64)

    def inverse_link(self, f):
        """Return the expected responses (n, q) that belong to predictors (n, q)."""
        return np.asarray(f, dtype=np.float64)
