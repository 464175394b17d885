"""From weights with rows of zeros to the smaller network that computes the same."""

from dataclasses import dataclass

import numpy as np

from skstruct.pruning.network import ACTIVATIONS
from skstruct.pruning.training import Weights


@dataclass(frozen=True)
class Compact:
    """A smaller network.

    Attributes
    ----------
    weights : Weights
        Its parameters; `skip` as in the large one.
    features : integer array
        The inputs that anything depends on.
    units : list of integer arrays
        The units kept in each hidden layer.
    """

    weights: Weights
    features: np.ndarray
    units: list


def compacted(weights, activation):
    """Leave out inputs and units on which nothing depends, and constant units.

    A unit without incoming weights is constant: what it adds goes to the intercepts
    of the next layer.
    """
    coefs = [np.array(W) for W in weights.coefs]
    intercepts = [np.array(b) for b in weights.intercepts]
    activate = ACTIVATIONS[activation]
    for layer in range(len(coefs) - 1):  # inputs first: constants feed constants
        constant = ~coefs[layer].any(axis=0)
        values = activate(intercepts[layer][constant])
        intercepts[layer + 1] += values @ coefs[layer + 1][constant]
        coefs[layer + 1][constant] = 0.0
    alive = [coefs[-1].any(axis=1)]
    for W in coefs[-2::-1]:  # outputs first: what feeds only dead units is dead
        alive.insert(0, W[:, alive[0]].any(axis=1))
    used = alive[0]
    if weights.skip is not None:
        used = used | weights.skip.any(axis=1)
    features, units = np.flatnonzero(used), [np.flatnonzero(a) for a in alive[1:]]
    rows = [features, *units]
    columns = [*units, np.arange(coefs[-1].shape[1])]
    return Compact(
        Weights(
            [W[np.ix_(r, c)] for W, r, c in zip(coefs, rows, columns, strict=True)],
            [b[c] for b, c in zip(intercepts, columns, strict=True)],
            None if weights.skip is None else weights.skip[features],
        ),
        features,
        units,
    )


def without_skip(weights, activation):
    """Return coefs and intercepts of a plain network that computes the same.

    The skip connection is carried through each hidden layer: ``z`` by one unit an
    output if activations are the identity, as ``relu(z) - relu(-z)`` by two for relu.
    A plain network has at least one unit in each layer.
    """
    coefs, intercepts = list(weights.coefs), list(weights.intercepts)
    carried = weights.skip
    if carried is not None and carried.any():
        signs = np.eye(carried.shape[1], dtype=carried.dtype)
        if activation == "relu":
            signs = np.hstack([signs, -signs])
        for layer, W in enumerate(coefs):
            if layer == 0:
                coefs[0] = np.hstack([W, carried @ signs])
            elif layer < len(coefs) - 1:
                n = signs.shape[1]
                corner = np.eye(n, dtype=W.dtype)
                coefs[layer] = np.block(
                    [
                        [W, np.zeros((len(W), n), dtype=W.dtype)],
                        [np.zeros((n, W.shape[1]), dtype=W.dtype), corner],
                    ]
                )
            else:
                coefs[layer] = np.vstack([W, signs.T])
            if layer < len(coefs) - 1:
                zeros = np.zeros(signs.shape[1], dtype=W.dtype)
                intercepts[layer] = np.concatenate([intercepts[layer], zeros])
    for layer in range(len(coefs) - 1):
        if coefs[layer].shape[1] == 0:
            n_in, n_out = len(coefs[layer]), coefs[layer + 1].shape[1]
            dtype = intercepts[-1].dtype
            coefs[layer] = np.zeros((n_in, 1), dtype=dtype)
            intercepts[layer] = np.zeros(1, dtype=dtype)
            coefs[layer + 1] = np.zeros((1, n_out), dtype=dtype)
    return coefs, intercepts
