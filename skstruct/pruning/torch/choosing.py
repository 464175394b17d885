"""Which units of a group to keep, and the weights of what reads them."""

from typing import NamedTuple

import numpy as np
import torch
from scipy.linalg import LinAlgError, cho_factor, cho_solve, lstsq

from skstruct.pruning.reconstruction import (
    GREEDY,
    SCREEN,
    WIDE,
    filled,
    leading_directions,
)
from skstruct.solvers.block_selection import select_blocks, select_jointly

GUARD = 1e-2  # a batch norm's scale below this share of the largest is not divided by


class Problem(NamedTuple):
    """What one reader of units is to reproduce from them.

    Attributes
    ----------
    moments : tuple
        Means of inputs and targets, Gram matrix, cross products and Z'Z, centred.
    blocks : list of arrays
        Columns of each unit. All other columns stay.
    root : (q, r) array or None
        Weighs the targets, by what the output of the model does with them.
    """

    moments: tuple
    blocks: list
    root: np.ndarray | None

    def reduced(self, ridge):
        """Return (gram, cross, target, ptr, ridge) of the units alone.

        Columns are in the order of units; what the others reproduce is taken off.
        """
        _, _, gram, cross, energy = self.moments
        strength = ridge * np.trace(gram) / len(gram)
        if self.root is not None:
            cross, energy = cross @ self.root, self.root.T @ energy @ self.root
        columns = np.concatenate(self.blocks)
        others = np.setdiff1d(np.arange(len(gram)), columns)
        inner, aim = gram[np.ix_(columns, columns)], cross[columns]
        if len(others):
            across = gram[np.ix_(others, columns)]
            rest = _solved(gram[np.ix_(others, others)], strength, across)
            inner, aim = inner - across.T @ rest, aim - rest.T @ cross[others]
            lost = _solved(gram[np.ix_(others, others)], strength, cross[others])
            energy = energy - cross[others].T @ lost
        target = float(max(np.trace(energy), 0.0))
        ptr = np.cumsum([0, *map(len, self.blocks)])
        few = leading_directions(aim, energy, target)
        return inner, few, target, ptr, strength


def choose(problems, n_kept, criterion, ridge, n_swaps):
    """Return the units to keep by the error of reconstruction.

    Parameters
    ----------
    problems : list of Problem
        One for each reader.
    n_kept : int
        Units to keep.
    criterion : {"forward", "backward"}
        How.
    ridge : float
        Relative to the mean variance of the columns.
    n_swaps : int
        Rounds of trades, if there is one reader.
    """
    total = len(problems[0].blocks)
    reduced = [problem.reduced(ridge) for problem in problems]
    if len(reduced) > 1:
        return select_jointly(reduced, n_kept, method=criterion)
    gram, cross, target, ptr, strength = reduced[0]
    is_screened = len(gram) > WIDE and criterion in GREEDY
    found = select_blocks(
        gram,
        cross,
        target,
        ptr,
        n_kept,
        method=criterion,
        ridge=strength,
        n_swaps=n_swaps,
        screen=int(SCREEN * n_kept) if is_screened else None,
    )
    return filled(found.kept, n_kept, total)


def ranked(problem, n_most, ridge):
    """Return all units, the first `n_most` as forward selection takes them in."""
    gram, cross, target, ptr, strength = problem.reduced(ridge)
    found = select_blocks(
        gram, cross, target, ptr, n_most, method="forward", ridge=strength, n_swaps=0
    )
    rest = np.setdiff1d(np.arange(len(problem.blocks)), found.order)
    return np.concatenate([found.order, rest])


def refitted(moments, columns, weights, ridge):
    """Return weights (q, n_kept) and intercept (q,) by ridge regression.

    Parameters
    ----------
    moments : tuple
        As in `Problem`.
    columns : array of int
        Columns that are kept.
    weights : (q, n_kept) array
        Weights towards which the ridge pulls: those of now.
    ridge : float
        Relative to the mean variance of the columns.
    """
    x, z, gram, cross, _ = moments
    if not len(columns):
        return weights, z
    inner, now = gram[np.ix_(columns, columns)], weights.T.astype(np.float64)
    strength = ridge * np.trace(gram) / len(gram)
    coef = now + _solved(inner, strength, cross[columns] - inner @ now)
    return coef.T, z - x[columns] @ coef


def adjusted(moments, weights, n_places):
    """Return weights (q, d) and intercept (q,) moved towards those of least squares.

    By a ridge that pulls to the weights of now, of the strength that is best by
    generalised cross-validation; infinite, if nothing is gained.

    Parameters
    ----------
    moments : tuple
        As in `Problem`.
    weights : (q, d) array
        Weights of now.
    n_places : int
        Rows that the moments are sums over.
    """
    x, z, gram, cross, energy = moments
    now = weights.T.astype(np.float64)
    lacking = cross - gram @ now
    error = np.trace(energy) - np.vdot(now, cross + lacking)
    values, vectors = np.linalg.eigh(gram)
    values = np.maximum(values, 0.0)
    along = vectors.T @ lacking
    gains = np.sum(along**2, axis=1)
    best, step = error / max(n_places - 1, 1) ** 2, np.zeros_like(now)
    for strength in np.mean(values) * np.logspace(-4, 2, 13):
        shrunk = values + strength
        free = n_places - 1 - np.sum(values / shrunk)
        rest = error - np.sum(gains * (shrunk + strength) / shrunk**2)
        if free > 0 and strength > 0 and rest / free**2 < best:
            best, step = rest / free**2, vectors @ (along / shrunk[:, None])
    coef = now + step
    return coef.T, z - x @ coef


def missed(moments, columns, weights):
    """Return the share of the targets' variance that weights (q, n_kept) miss."""
    _, _, gram, cross, energy = moments
    total, coef = np.trace(energy), weights.T
    if total <= 0:
        return 0.0
    fit = 2 * np.vdot(cross[columns], coef)
    fit -= np.vdot(coef, gram[np.ix_(columns, columns)] @ coef)
    return float(max(total - fit, 0.0) / total)


def before_norm(norm):
    """Return by what an error after a batch norm is multiplied before it."""
    spread = torch.sqrt(norm.running_var + norm.eps)
    if norm.weight is None:
        return spread
    scale = norm.weight.detach()
    is_small = scale.abs() < GUARD * scale.abs().max()
    return torch.where(is_small, 0.0, spread / torch.where(is_small, 1.0, scale))


def _solved(gram, strength, right):
    """Solve with a Gram matrix; without ridge it may be singular."""
    ridged = gram + strength * np.eye(len(gram))
    try:
        return cho_solve(cho_factor(ridged, lower=True), right)
    except LinAlgError:
        return lstsq(ridged, right)[0]
