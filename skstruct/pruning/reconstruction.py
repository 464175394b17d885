"""Prune one hidden layer so that the next layer's input stays what it was."""

from typing import NamedTuple

import numpy as np

from skstruct.pruning.criteria import best_units
from skstruct.solvers.block_selection import Tableau, select_blocks


class PrunedLayer(NamedTuple):
    """Units kept, the next layer's weights for them, and its relative error."""

    units: np.ndarray
    coef: np.ndarray
    intercept: np.ndarray
    error: float


def prune_layer(
    H, Z, W_in, W_out, b_out, n_kept, *, criterion, n_swaps, refit, ridge, rng
):
    """Keep `n_kept` of the units with activations `H`, to reproduce the input `Z`.

    `H` and `Z` are centred, for the intercept is free. Without `refit` the old
    weights of the units kept stay as they are.
    """
    H, Z = H.astype(np.float64), Z.astype(np.float64)
    H_mean, Z_mean = H.mean(axis=0), Z.mean(axis=0)
    Hc, Zc = H - H_mean, Z - Z_mean
    gram, cross, target = Hc.T @ Hc, Hc.T @ Zc, float(np.sum(Zc**2))
    strength = ridge * np.trace(gram) / len(gram)
    ptr = np.arange(len(gram) + 1)
    if isinstance(criterion, str) and criterion in ("forward", "backward"):
        few = _leading_directions(cross, Zc, target)
        chosen = select_blocks(
            gram, *few, ptr, n_kept, method=criterion, ridge=strength, n_swaps=n_swaps
        )
        units = _filled(chosen.kept, n_kept, H.shape[1])
    else:
        units = best_units(criterion, n_kept, H, W_in, W_out, rng)
    if refit is None:
        coef, intercept = W_out[units], b_out
    else:
        tableau = Tableau(gram, cross, target, ptr, strength)
        tableau.move(units)
        coef = tableau.weights()[units]
        intercept = Z_mean - H_mean[units] @ coef
    missed = np.sum((H[:, units] @ coef + intercept - Z) ** 2)
    return PrunedLayer(units, coef, intercept, float(missed / target if target else 0))


def _leading_directions(cross, Z, target, lost=1e-4):
    """Rotate the targets to the few directions that hold nearly all their energy.

    The choice hardly changes, and each step costs less. The error then counts the
    lost energy as missed, which moves all candidates alike.
    """
    energies, directions = np.linalg.eigh(Z.T @ Z)
    few = np.cumsum(energies) > lost * max(target, np.finfo(float).tiny)
    few[-1] = True
    return cross @ directions[:, few], target


def _filled(kept, n_kept, n_units):
    """Add the first other units where fewer than `n_kept` carry anything."""
    others = np.setdiff1d(np.arange(n_units), kept)
    return np.sort(np.concatenate([kept, others[: n_kept - len(kept)]])).astype(int)
