"""Training of a perceptron by proximal Adam, in numpy.

The network is that of scikit-learn's MLP, with a linear skip connection from inputs to
outputs if there is one. The objective is::

    mean loss + alpha / (2 batch size) * |weights|^2 + penalty

Adam scales every entry by the root of a running mean of its squared gradient. Where a
penalty couples entries, they share one such mean, so that the proximal step, in the
metric in which Adam steps, is the closed one, and what it converges to is stationary
for the objective as stated (with one scale an entry it would not be).
"""

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from scipy.special import expit, log_softmax, softmax

from skstruct.pruning.network import ACTIVATIONS, SLOPES


@dataclass
class Weights:
    """Parameters of a network, or one number for each of them.

    Attributes
    ----------
    coefs, intercepts : lists of arrays
        As of scikit-learn's MLP.
    skip : (n_features, n_outputs) array or None
        Weights of the skip connection.
    """

    coefs: list
    intercepts: list
    skip: np.ndarray | None = None

    def arrays(self):
        """Return all arrays in one list."""
        extra = [] if self.skip is None else [self.skip]
        return [*self.coefs, *self.intercepts, *extra]

    def mapped(self, function, *others):
        """Return weights with `function` of each array, and of those of others."""
        columns = [one.arrays() for one in (self, *others)]
        arrays = [function(*a) for a in zip(*columns, strict=True)]
        n = len(self.coefs)
        return Weights(
            arrays[:n],
            arrays[n : 2 * n],
            None if self.skip is None else arrays[-1],
        )

    def replaced(self, **fields):
        """Return weights with some lists or arrays replaced."""
        return replace(self, **fields)

    def copy(self):
        """Return a copy."""
        return self.mapped(np.copy)


def initial_weights(shape, activation, has_skip, rng, dtype):
    """Draw weights as scikit-learn does (Glorot and Bengio, 2010); skip starts at 0."""
    factor = 2.0 if activation == "logistic" else 6.0
    coefs, intercepts = [], []
    for n_in, n_out in pairwise(shape):
        bound = np.sqrt(factor / (n_in + n_out))
        coefs.append(rng.uniform(-bound, bound, (n_in, n_out)).astype(dtype))
        intercepts.append(rng.uniform(-bound, bound, n_out).astype(dtype))
    skip = np.zeros((shape[0], shape[-1]), dtype=dtype) if has_skip else None
    return Weights(coefs, intercepts, skip)


@dataclass(frozen=True)
class Objective:
    """Loss of a network, and its gradient by backpropagation.

    Attributes
    ----------
    activation : str
        Of the hidden units.
    output : {"identity", "logistic", "softmax"}
        Half the squared error, summed over outputs; log-loss of each output; softmax
        cross-entropy.
    alpha : float
        Strength of the ridge, divided by the number of rows as in scikit-learn.
    """

    activation: str
    output: str
    alpha: float = 0.0

    def layers(self, weights, X):
        """Return inputs of each layer, and the predictor."""
        activate = ACTIVATIONS[self.activation]
        inputs = [X]
        for W, b in zip(weights.coefs, weights.intercepts, strict=True):
            Z = inputs[-1] @ W + b
            inputs.append(activate(Z))
        if weights.skip is not None:
            Z = Z + X @ weights.skip
        return inputs[:-1], Z

    def loss(self, Z, T):
        """Return the mean loss of predictors Z for targets T, (n, q)."""
        if self.output == "identity":
            return 0.5 * float(np.square(Z - T).sum()) / len(T)
        if self.output == "softmax":
            return -float((T * log_softmax(Z, axis=1)).sum()) / len(T)
        return float((np.logaddexp(0.0, Z) - T * Z).sum()) / len(T)

    def value(self, weights, X, T):
        """Return mean loss and ridge."""
        squares = sum(float(np.vdot(W, W)) for W in self._shrunk(weights))
        loss = self.loss(self.layers(weights, X)[1], T)
        return loss + 0.5 * self.alpha * squares / len(T)

    def gradient(self, weights, X, T):
        """Return mean loss and ridge, and their gradient."""
        n = len(T)
        inputs, Z = self.layers(weights, X)
        mean = {"identity": lambda Z: Z, "logistic": expit, "softmax": _softmax}
        delta = (mean[self.output](Z) - T) / n
        loss = self.loss(Z, T)
        loss += sum(
            0.5 * self.alpha * float(np.vdot(W, W)) / n for W in self._shrunk(weights)
        )
        shrink = self.alpha / n
        skip = None
        if weights.skip is not None:
            skip = X.T @ delta + shrink * weights.skip
        coefs, intercepts = [], []
        slope = SLOPES[self.activation]
        for layer in range(len(weights.coefs) - 1, -1, -1):
            W = weights.coefs[layer]
            coefs.insert(0, inputs[layer].T @ delta + shrink * W)
            intercepts.insert(0, delta.sum(axis=0))
            if layer:
                delta = (delta @ W.T) * slope(inputs[layer])
        return loss, Weights(coefs, intercepts, skip)

    def _shrunk(self, weights):
        return weights.coefs + ([] if weights.skip is None else [weights.skip])


def _softmax(Z):
    return softmax(Z, axis=1)


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train; parameters as of scikit-learn's MLP."""

    batch_size: int | str
    learning_rate_init: float
    max_iter: int
    shuffle: bool
    tol: float
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: float
    verbose: bool = False


class ProximalAdam:
    """Adam, then the prox of a penalty with the same step sizes."""

    def __init__(self, weights, schedule, penalty):
        self.schedule, self.penalty, self.n_steps = schedule, penalty, 0
        self.mean = weights.mapped(np.zeros_like)
        self.square = self._pooled(weights.mapped(np.zeros_like))

    def _pooled(self, squares):
        return squares if self.penalty is None else self.penalty.pooled(squares)

    def step(self, weights, gradient):
        """Change weights in place."""
        s = self.schedule
        self.n_steps += 1
        squares = self._pooled(gradient.mapped(np.square))
        self.mean = self.mean.mapped(
            lambda m, g: s.beta_1 * m + (1 - s.beta_1) * g, gradient
        )
        self.square = self.square.mapped(
            lambda v, g: s.beta_2 * v + (1 - s.beta_2) * g, squares
        )
        by_mean, by_square = (1 - b**self.n_steps for b in (s.beta_1, s.beta_2))
        steps = self.square.mapped(
            lambda v: s.learning_rate_init / (np.sqrt(v / by_square) + s.epsilon)
        )
        arrays = (weights.arrays(), self.mean.arrays(), steps.arrays())
        for W, m, step in zip(*arrays, strict=True):
            W -= (step * m / by_mean).astype(W.dtype)
        if self.penalty is not None:
            self.penalty.apply(weights, steps)


@dataclass
class Training:
    """What training ended with.

    Attributes
    ----------
    weights : Weights
        The best by the validation rows' objective if there are any, else the last.
    curve : list of float
        Mean objective of the batches of each epoch, penalty included.
    validation_curve : list of float
        Objective of the validation rows after each epoch.
    has_converged : bool
        Whether it stopped before `max_iter`.
    """

    weights: Weights
    curve: list = field(default_factory=list)
    validation_curve: list = field(default_factory=list)
    has_converged: bool = False


def train(weights, X, T, objective, schedule, rng, *, penalty=None, validation=None):
    """Train until the objective has not improved for some epochs.

    Parameters
    ----------
    weights : Weights
        Start; left as it is.
    X, T : (n, p) and (n, q) arrays
        Rows and targets; X may be CSR.
    objective : Objective
        Loss and ridge.
    schedule : Schedule
        When to stop, and steps.
    rng : RandomState
        For shuffling.
    penalty : GroupPenalty or None
        What sets rows to zero.
    validation : (X, T) or None
        Rows by whose objective, penalty included, to stop and choose.

    Returns
    -------
    Training
    """
    weights = weights.copy()
    optimizer = ProximalAdam(weights, schedule, penalty)
    result = Training(weights)
    best, best_weights, n_stale = np.inf, weights, 0
    n = len(T)
    size = min(200, n) if schedule.batch_size == "auto" else schedule.batch_size
    size = int(np.clip(size, 1, n))
    order = np.arange(n)
    for epoch in range(schedule.max_iter):
        if schedule.shuffle:
            order = rng.permutation(n)
        total = 0.0
        for start in range(0, n, size):
            rows = order[start : start + size]
            loss, gradient = objective.gradient(weights, X[rows], T[rows])
            total += loss * len(rows)
            optimizer.step(weights, gradient)
        extra = 0.0 if penalty is None else penalty.value(weights)
        result.curve.append(total / n + extra)
        watched = result.curve[-1]
        if validation is not None:
            watched = objective.value(weights, *validation) + extra
            result.validation_curve.append(watched)
        if schedule.verbose:
            print(f"Epoch {epoch + 1}, objective {watched:.8g}")
        if not np.isfinite(watched):
            raise ValueError(
                f"Training diverged in epoch {epoch + 1}: the objective is {watched}. "
                "Scale X (StandardScaler), or lower learning_rate_init="
                f"{schedule.learning_rate_init}."
            )
        n_stale = n_stale + 1 if watched > best - schedule.tol else 0
        if watched < best:
            best = watched
            if validation is not None:
                best_weights = weights.copy()
        if n_stale > schedule.n_iter_no_change:
            result.has_converged = True
            break
    result.weights = weights if validation is None else best_weights
    return result
