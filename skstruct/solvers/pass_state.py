"""What one pass tells of a model: its loss, gradient, and duality gap at any alpha."""

import numpy as np

from skstruct.solvers.pass_model import QuadraticModel


class State:
    """A model that a pass has looked at.

    Parameters
    ----------
    coordinates : Coordinates
        Of the training rows.
    has_intercept : bool
        Whether an intercept is fitted.
    at : Parameters
        The model.
    point : Point
        What was asked.
    answer : PointAnswer
        What was answered.
    weight, lowest : float
        Sum of the rows' weights, and mean loss of a perfect fit.

    Attributes
    ----------
    loss : float
        Mean loss, measured from a perfect fit; and so are `losses` along the step.
    gradient : (m, q) array
        Of the mean loss, in the penalised coordinates.
    free_gradient, intercept_gradient : (k, q) and (q,) arrays
        In what is not penalised.
    curvature : Curvature
        Second derivatives at this model, or near it; set once, before any model is
        made.
    """

    def __init__(self, coordinates, has_intercept, at, point, answer, weight, lowest):
        self.coordinates, self.has_intercept, self.at = coordinates, has_intercept, at
        self.shares = point.steps
        self.losses = answer.losses[1:] / weight - lowest
        self.loss = float(answer.losses[0]) / weight - lowest
        gradient = answer.gradient / weight
        self.gradient = coordinates.gradient(gradient[:-1])
        self.free_gradient = gradient[:-1][coordinates.free]
        self.intercept_gradient = gradient[-1]
        self.size = answer.size / weight
        self.held_out, self.confusion = answer.held_out, answer.confusion
        self.curvature = None
        self._models = {}
        # How far the conjugate at a multiple of the gradient is from its tangent.
        self._bends = [(0.0, self.loss)]
        if point.scale is not None:
            mean = float(answer.losses[0]) + answer.conjugate - point.scale * answer.fit
            self._bends.append((point.scale, mean / weight))
        self._bends.append((1.0, 0.0))

    def model(self, penalty, caution=1.0):
        """Return the quadratic model of the loss around this state."""
        if caution not in self._models:
            model = QuadraticModel(self, self.curvature, penalty, caution)
            self._models = {caution: model}
        return self._models[caution]

    def penalty_at(self, penalty, at, alpha):
        """Return alpha times the penalty of a model in the same coordinates."""
        if not np.isfinite(alpha):
            return 0.0  # the null model
        own = self.coordinates
        return alpha * float(np.sum(penalty.values(at.c, own.ptr, own.weights, alpha)))

    def objective(self, penalty, alpha):
        """Return the mean loss plus alpha times the penalty."""
        return self.loss + self.penalty_at(penalty, self.at, alpha)

    def polars(self, penalty):
        """Return, by group, the smallest alpha at which zero is optimal for it."""
        own = self.coordinates
        polar = penalty.polar(-self.gradient, own.ptr, own.weights)
        polar[own.weights == 0] = 0.0
        return polar

    def gap(self, penalty, alpha):
        """Return the duality gap.

        The dual point is the gradient v of the loss, scaled by s into the domain of
        the penalty's conjugate. With the conjugate's tangent at v, where it is
        ``<v, f> - loss``, the gap is ::

            alpha penalty(c) + s <gradient, c> + conjugate(-s gradient) + bend(s)

        where the bend, what the conjugate is above its tangent, is bounded by chords
        through the scales at which it is known. A dual point has to be orthogonal to
        what is free. Here it is made so by the quadratic model: its gradient in c is
        the one that a refit of what is free leaves, and what that refit gains is added,
        all up to terms of the third order.
        """
        model = self.model(penalty)
        if not np.isfinite(alpha) or self.coordinates.width == 0:
            return 2 * model.free_gain
        own, gradient = self.coordinates, self.gradient.copy()
        gradient[model.rows] = model.slope.reshape(-1, model.q)
        grouped = -gradient, own.ptr, own.weights
        domain = float(penalty.domain_polar(*grouped).max(initial=0.0))
        scale = min(1.0, alpha / domain) if domain > 0 else 1.0
        conjugate = penalty.conjugate(-scale * gradient, own.ptr, own.weights, alpha)
        gap = self.penalty_at(penalty, self.at, alpha) + self._bend(scale)
        gap += scale * float(np.vdot(gradient, self.at.c)) + float(conjugate.sum())
        return max(gap + model.free_gain, 0.0)

    def _bend(self, scale):
        scales, bends = zip(*self._bends, strict=True)
        return float(np.interp(scale, scales, bends))
