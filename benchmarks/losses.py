"""The judge's losses: value, dual point and dual value, in plain float64 numpy.

A fit f and y have shape (n,) or (n, q); losses are means over the rows, measured from
the perfect fit, so that every null model's loss is positive. The dual point of a fit is
the negative gradient there (not divided by n), after the intercept has been fitted
anew: each of its columns sums to zero. What the penalty allows of it is a factor.
"""

import numpy as np
from scipy.special import expit, logsumexp, softmax, xlogy

NEWTON_STEPS = 100
HALVINGS = 40


class SquaredError:
    """Half the squared error, summed over outputs."""

    name = "squared_error"

    def value(self, y, fit):
        """Return the loss of a fit."""
        return 0.5 * np.sum((y - fit) ** 2) / len(y)

    def null_loss(self, y):
        """Return the loss of the model that has nothing but the intercept."""
        return self.value(y, y.mean(axis=0))

    def dual_point(self, y, fit):
        """Return the centred residual."""
        residual = y - fit
        return residual - residual.mean(axis=0)

    def best_dual(self, y, point, limit):
        """Return the best dual value of t point, for -limit <= t <= limit."""
        square = np.sum(point**2)
        if square == 0.0:
            return 0.0
        correlation = np.sum((y - y.mean(axis=0)) * point)
        step = np.clip(correlation / square, -limit, limit)
        return step * (correlation - 0.5 * step * square) / len(y)


class CurvedLoss:
    """A loss whose intercept takes Newton steps; the dual point is not stretched."""

    def null_loss(self, y):
        """Return the loss of the model that has nothing but the intercept."""
        return self.value(y, self.refit(y, np.zeros_like(y)))

    def dual_point(self, y, fit):
        """Return the negative gradient after a new intercept."""
        return self.negative_gradient(y, self.refit(y, fit))

    def best_dual(self, y, point, limit):
        """Return the dual value of t point, t the smaller of 1 and the limit."""
        return self.dual(y, min(1.0, limit) * point)

    def refit(self, y, fit):
        """Add the best intercept to a fit: Newton steps, halved if they overshoot."""
        value = self.value(y, fit)
        for _ in range(NEWTON_STEPS):
            slope = np.atleast_1d(self.negative_gradient(y, fit).mean(axis=0))
            if np.max(np.abs(slope)) < 1e-16:
                break
            step = np.linalg.lstsq(self.curvature(fit), slope, rcond=1e-13)[0]
            step = step if fit.ndim == 2 else step[0]
            for _ in range(HALVINGS):
                new = self.value(y, fit + step)
                if new <= value + 1e-15 * abs(value):
                    break
                step = 0.5 * step
            else:
                break
            fit, value = fit + step, new
            if np.max(np.abs(step)) < 1e-15:
                break
        return fit


class Logistic(CurvedLoss):
    """log(1 + exp(-y f)) for y of (n,) in {-1, 1}."""

    name = "logistic"

    def value(self, y, fit):
        """Return the loss of a fit."""
        return np.logaddexp(0.0, -y * fit).mean()

    def negative_gradient(self, y, fit):
        """Return y times the probability of the wrong class."""
        return y * expit(-y * fit)

    def curvature(self, fit):
        """Return the second derivative in the intercept, 1 by 1."""
        return np.array([[np.mean(expit(fit) * expit(-fit))]])

    def dual(self, y, point):
        """Return the mean entropy of the probabilities that the point says."""
        wrong = np.clip(y * point, 0.0, 1.0)
        return -np.mean(xlogy(wrong, wrong) + xlogy(1 - wrong, 1 - wrong))


class Poisson(CurvedLoss):
    """exp(f) - y f for counts y of (n,), minus what the perfect fit has."""

    name = "poisson"

    def value(self, y, fit):
        """Return the loss of a fit: half its mean deviance."""
        return np.mean(np.exp(fit) - y * fit + xlogy(y, y) - y)

    def negative_gradient(self, y, fit):
        """Return the residual."""
        return y - np.exp(fit)

    def curvature(self, fit):
        """Return the second derivative in the intercept, 1 by 1."""
        return np.array([[np.mean(np.exp(fit))]])

    def dual(self, y, point):
        """Return minus the mean conjugate, measured from the perfect fit."""
        mean = np.maximum(y - point, 0.0)
        return np.mean(mean - xlogy(mean, mean) + xlogy(y, y) - y)


class Multinomial(CurvedLoss):
    """Softmax cross-entropy of one-hot y, (n, K), with a row of f for every class."""

    name = "multinomial"

    def value(self, y, fit):
        """Return the loss of a fit."""
        return np.mean(logsumexp(fit, axis=1) - np.sum(y * fit, axis=1))

    def negative_gradient(self, y, fit):
        """Return y minus the probabilities."""
        return y - softmax(fit, axis=1)

    def curvature(self, fit):
        """Return the second derivative in the intercepts, K by K, of rank K - 1."""
        mean = softmax(fit, axis=1)
        return np.diag(mean.mean(axis=0)) - mean.T @ mean / len(mean)

    def dual(self, y, point):
        """Return the mean entropy of the probabilities that the point says."""
        mean = np.clip(y - point, 0.0, 1.0)
        return -np.sum(xlogy(mean, mean)) / len(y)
