"""Proximal steps of the sparse group lasso, for all units of a model at once."""

from typing import NamedTuple

import torch

from skstruct.pruning.torch.step_sizes import step_sizes
from skstruct.pruning.torch.unit_tensors import (
    by_unit,
    index_of,
    parameters_of,
    spread,
    summed,
    zeros_by_unit,
)

# Newton's last step, as a share of a unit's norm; the error left is about its square.
TOLERANCE = 1e-3
MAX_ITER = 50


class ProximalResult(NamedTuple):
    """What is there after a proximal step.

    Attributes
    ----------
    penalty : float
        The penalty, alpha included.
    n_zero : int
        Units that are zero.
    """

    penalty: float
    n_zero: int


@torch.no_grad()
def shrink_units(model, groups, alpha, lr, l1_ratio):
    """Take a proximal step of the sparse group lasso, in place.

    The minimiser of ``sum_i (c_i - v_i)^2 / (2 s_i) + alpha * (l1_ratio |c|_1 +
    (1 - l1_ratio) w |c|)`` of each unit, s being step sizes. Units that have a part
    that is frozen or was not moved, and those of weight 0, stay.

    Parameters
    ----------
    model : nn.Module
        The model.
    groups : UnitGroups
        The units.
    alpha, l1_ratio : float
        Of the penalty.
    lr : float or torch.optim.Optimizer
        One step size, or where they come from.
    """
    tensors = parameters_of(model, groups)
    steps = _steps(tensors, lr)
    weights = zeros_by_unit(groups, tensors)
    weights[:-1] = torch.from_numpy(groups.weights)
    for name in tensors.keys() - steps.keys():
        weights[index_of(groups, name, weights.device)] = 0.0
    free = {name: tensors[name] for name in steps}
    if l1_ratio > 0:
        bounds = alpha * l1_ratio * (weights > 0).to(weights.dtype)
        for name, parameter in free.items():
            own = spread(groups, bounds, name, parameter) * steps[name]
            wide = parameter.to(own.dtype)
            parameter.copy_(wide - torch.clamp(wide, -own, own))
    slopes = alpha * (1 - l1_ratio) * weights
    sizes = set(map(_number, steps.values()))
    if len(sizes) == 1 and None not in sizes:
        left = _shrink_alike(groups, tensors, free, slopes * sizes.pop())
    elif free:
        left = _shrink_by_entry(groups, tensors, free, steps, slopes)
    else:
        left = by_unit(groups, tensors).sqrt()
    penalty = (slopes * left)[:-1].sum()
    if l1_ratio > 0:
        lengths = by_unit(groups, tensors, order=1)[:-1]
        penalty = penalty + alpha * l1_ratio * lengths[weights[:-1] > 0].sum()
    return ProximalResult(float(penalty), int((left[:-1] == 0).sum()))


def _steps(tensors, lr):
    """Return the step sizes of parameters that move, by name."""
    if isinstance(lr, float):
        return {name: lr for name, p in tensors.items() if p.requires_grad}
    known = step_sizes(lr)
    moved = {n: known[p] for n, p in tensors.items() if p.requires_grad and p in known}
    return {n: step for n, step in moved.items() if _number(step) != 0}


def _number(step):
    return None if isinstance(step, torch.Tensor) else step


def _shrink_alike(groups, tensors, free, thresholds):
    """Shorten units by thresholds; return their norms."""
    norms = by_unit(groups, tensors).sqrt()
    left = (norms - thresholds).clamp(min=0.0)
    factors = torch.where(left > 0, left / norms, (thresholds <= 0).to(left.dtype))
    for name, parameter in free.items():
        parameter.mul_(spread(groups, factors, name, parameter))
    return left


def _shrink_by_entry(groups, tensors, free, steps, slopes):
    """Shorten units whose entries have step sizes of their own; return their norms.

    The minimiser is ``c_i = v_i n / (n + s_i slope)``, n being its norm: the root of
    ``h(n) = sum_i v_i^2 / (n + s_i slope)^2 = 1``. It is found by Newton's method on
    ``1 / sqrt(h)``, which is increasing and concave, and linear where all step sizes
    are alike: from below, it rises to the root. Where ``h(0) <= 1``, c is zero.
    """
    pulls = {n: spread(groups, slopes, n, p) * steps[n] for n, p in free.items()}

    def scaled(value):
        """Return (entry, what it is divided by) at some norms, by parameter."""
        for name, pull in pulls.items():
            below = spread(groups, value, name, pull) + pull
            yield name, free[name].to(pull.dtype), below

    def sums(value):
        squares, cubes = {}, {}
        for name, entries, below in scaled(value):
            squares[name] = (entries / below) ** 2
            cubes[name] = squares[name] / below
        return summed(groups, squares), summed(groups, cubes)

    norms = by_unit(groups, tensors).sqrt()
    moves = slopes > 0
    if not moves.any():
        return norms
    by_step = {n: (p.to(norms) / steps[n]) ** 2 for n, p in free.items()}
    is_zero = moves & (summed(groups, by_step) <= slopes**2)
    open_, left = moves & ~is_zero, norms.masked_fill(is_zero, 0.0)
    sizes = {
        n: torch.as_tensor(steps[n]).to(norms).expand_as(p) for n, p in free.items()
    }
    start = norms - slopes * by_unit(groups, sizes).sqrt()
    left = torch.where(open_, start.clamp(min=0.0), left)
    for _ in range(MAX_ITER):
        h, slope = sums(left)
        change = torch.where(open_, h * (h.sqrt() - 1) / slope, 0.0)
        left = left + change
        if not (change.abs() > TOLERANCE * left).any():
            break
    for name, entries, below in scaled(left):
        own = spread(groups, left, name, entries)
        stays = ~spread(groups, moves, name, entries)
        free[name].copy_(torch.where(stays, entries, entries * (own / below)))
    return left
