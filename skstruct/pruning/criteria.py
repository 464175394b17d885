"""Scores of single units, one number each: the units with the highest are kept."""

import numpy as np
from scipy.special import expit, softmax

from skstruct.pruning.importance import some_outputs
from skstruct.pruning.network import ACTIVATIONS, backpropagate


def magnitude(H, W_in, W_out, rng):
    """Norm of the incoming times norm of the outgoing weights."""
    return np.linalg.norm(W_in, axis=0) * np.linalg.norm(W_out, axis=1)


def activation(H, W_in, W_out, rng):
    """Share of rows on which the unit is active (1 - APoZ, Hu et al. 2016)."""
    return np.mean(H > 0, axis=0)


def sensitivity(H, W_in, W_out, rng):
    """How much the next layer's input varies with this unit alone."""
    return H.std(axis=0) * np.linalg.norm(W_out, axis=1)


def random(H, W_in, W_out, rng):
    """Chance: the baseline."""
    return rng.uniform(size=H.shape[1])


CRITERIA = {
    "activation": activation,
    "magnitude": magnitude,
    "random": random,
    "sensitivity": sensitivity,
}


def taylor_scores(network, X, targets, rng, *, to_inputs=False):
    """Score inputs and hidden units by what the loss would change without them.

    ``mean over rows of E_y (dloss_y / dh * h)^2``, with the labels y drawn from what
    the network itself predicts (Theis et al. 2018; Molchanov et al. 2019): the
    diagonal of the Gauss-Newton matrix. To first order, nothing changes the distance
    of the network to itself; hence the square, and no labels are needed.

    Parameters
    ----------
    network : MLPClassifier or MLPRegressor
        The full network.
    X : (n, n_features) array
        Rows.
    targets : list of (n, width) arrays
        Its pre-activations.
    rng : RandomState
        Draws outputs if there are many.
    to_inputs : bool, default=False
        Whether inputs are scored too.

    Returns
    -------
    list of (width,) arrays
        Inputs first; None for them if they are not scored.
    """
    hidden = [ACTIVATIONS[network.activation](Z) for Z in targets[:-1]]
    layers = [*hidden[::-1], X][: len(hidden) + to_inputs]
    scores = [np.zeros(H.shape[1]) for H in layers]
    for seed in _seeds(network.out_activation_, targets[-1], rng):
        slopes = backpropagate(network, hidden, seed, to_inputs)
        for score, H, slope in zip(scores, layers, slopes, strict=True):
            score += np.mean((H * slope) ** 2, axis=0)
    return scores[::-1] if to_inputs else [None, *scores[::-1]]


def _seeds(output, Z, rng):
    """Yield square roots of the Hessian of the loss by the last pre-activations."""
    n_outputs = Z.shape[1]
    picked = some_outputs(n_outputs, rng)
    if output == "softmax":
        P = softmax(Z, axis=1)
        for k in picked:
            yield np.sqrt(P[:, [k]]) * (np.eye(n_outputs)[k] - P)
        return
    curvature = np.ones_like(Z)
    if output == "logistic":
        curvature = expit(Z) * expit(-Z)
    elif output == "exp":
        curvature = np.exp(Z)
    for k in picked:
        seed = np.zeros_like(Z)
        seed[:, k] = np.sqrt(curvature[:, k])
        yield seed


def unit_scores(criterion, H, W_in, W_out, rng):
    """Return the score of each unit by a criterion, named or callable."""
    score = CRITERIA.get(criterion, criterion)
    scores = np.asarray(score(H, W_in, W_out, rng), dtype=np.float64)
    if scores.shape != (H.shape[1],) or np.isnan(scores).any():
        raise ValueError(
            f"criterion must return one number, not NaN, for each of {H.shape[1]} "
            f"units; {criterion!r} returned an array of shape {scores.shape}."
        )
    return scores
