"""What a scikit-learn MLP computes, layer by layer, and what it costs."""

import copy
from itertools import pairwise

import numpy as np
from scipy.special import expit

ACTIVATIONS = {
    "identity": lambda Z: Z,
    "logistic": expit,
    "tanh": np.tanh,
    "relu": lambda Z: np.maximum(Z, 0),
}
# Derivatives, from the activations themselves.
SLOPES = {
    "identity": lambda H: np.ones_like(H),
    "logistic": lambda H: H * (1 - H),
    "tanh": lambda H: 1 - H**2,
    "relu": lambda H: (H > 0).astype(H.dtype),
}
# The optimizer holds arrays of the old shapes, early stopping a copy of the weights.
STALE = ("_optimizer", "_best_coefs", "_best_intercepts")


def pre_activations(network, X):
    """Return the input of each layer's activation, output layer last."""
    activate = ACTIVATIONS[network.activation]
    inputs, found = X, []
    for W, b in zip(network.coefs_, network.intercepts_, strict=True):
        found.append(inputs @ W + b)
        inputs = activate(found[-1])
    return found


def backpropagate(network, hidden, seed, to_inputs):
    """Return derivatives by the activations of each layer, last hidden layer first.

    Parameters
    ----------
    network : MLPClassifier or MLPRegressor
        The network.
    hidden : list of (n, width) arrays
        Activations of the hidden layers.
    seed : (n, n_outputs) array
        Derivatives by the last pre-activations.
    to_inputs : bool
        Whether to go on to the inputs, which costs most where there are many.
    """
    slope = SLOPES[network.activation]
    found = [seed @ network.coefs_[-1].T]
    for layer in range(len(hidden) - 1, -1 if to_inputs else 0, -1):
        found.append((found[-1] * slope(hidden[layer])) @ network.coefs_[layer].T)
    return found


def shape_of(network):
    """Return the widths of all layers, inputs first and outputs last."""
    coefs = network.coefs_
    return [coefs[0].shape[0], *(W.shape[1] for W in coefs)]


def count_flops(shape):
    """Multiply-adds of one row through layers of these widths, inputs first."""
    return sum(a * b for a, b in pairwise(shape))


def count_parameters(shape):
    """Weights and intercepts of layers of these widths, inputs first."""
    return count_flops(shape) + sum(shape[1:])


def with_weights(network, coefs, intercepts):
    """Return a copy of the network with other weights, ready for ``partial_fit``."""
    stale = dict.fromkeys((*STALE, "coefs_", "intercepts_"))
    smaller = copy.copy(network)
    vars(smaller).update(
        copy.deepcopy({k: v for k, v in vars(network).items() if k not in stale})
    )
    for name in STALE:
        vars(smaller).pop(name, None)
    dtype = network.coefs_[0].dtype
    smaller.coefs_ = [np.array(W, dtype=dtype, order="C") for W in coefs]
    smaller.intercepts_ = [np.array(b, dtype=dtype) for b in intercepts]
    smaller.hidden_layer_sizes = tuple(W.shape[1] for W in coefs[:-1])
    smaller.n_layers_ = len(coefs) + 1
    smaller.n_features_in_ = coefs[0].shape[0]
    return smaller


def nameless(network):
    """Return the same network, without names of features; nothing is copied."""
    twin = copy.copy(network)
    vars(twin).pop("feature_names_in_", None)
    return twin
