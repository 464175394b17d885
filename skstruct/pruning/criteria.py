"""Scores of single units, one number each: the units with the highest are kept."""

import numpy as np


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


def best_units(criterion, n_kept, H, W_in, W_out, rng):
    """Return the `n_kept` units with the highest score, in increasing order."""
    score = CRITERIA.get(criterion, criterion)
    scores = np.asarray(score(H, W_in, W_out, rng), dtype=np.float64)
    if scores.shape != (H.shape[1],) or np.isnan(scores).any():
        raise ValueError(
            f"criterion must return one number, not NaN, for each of {H.shape[1]} "
            f"units; {criterion!r} returned an array of shape {scores.shape}."
        )
    return np.sort(np.argsort(-scores, kind="stable")[:n_kept])
