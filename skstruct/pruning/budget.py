"""From a budget as users say it to the width of each hidden layer."""

from collections.abc import Mapping, Sequence
from numbers import Integral, Real

import numpy as np

from skstruct.pruning.network import count_flops, count_parameters

COSTS = {"params": count_parameters, "flops": count_flops}


def widths_from_budget(budget, n_inputs, widths, n_outputs):
    """Return how many units each hidden layer keeps, at least one."""
    if isinstance(budget, Mapping):
        return _widths_of_cost(budget, n_inputs, widths, n_outputs)
    if isinstance(budget, Real):
        if not 0 <= budget <= 1:
            raise ValueError(
                f"budget={budget!r} must be a fraction in [0, 1] of the hidden units "
                "to keep, a list of widths, or {'params': n} or {'flops': n}."
            )
        return _widths_of_fraction(budget, widths)
    return _checked_widths(budget, widths)


def _widths_of_fraction(fraction, widths):
    return [max(1, round(fraction * width)) for width in widths]


def _widths_of_cost(budget, n_inputs, widths, n_outputs):
    if len(budget) != 1 or next(iter(budget)) not in COSTS:
        raise ValueError(f"budget={budget!r} must have one key of {sorted(COSTS)}.")
    ((name, limit),) = budget.items()

    def cost(kept):
        return COSTS[name]([n_inputs, *kept, n_outputs])

    # Every width at which one layer loses a unit; the cost grows with the fraction.
    fractions = np.unique([(k + 0.5) / w for w in widths for k in range(w + 1)])
    for fraction in fractions[::-1]:
        kept = _widths_of_fraction(min(fraction, 1.0), widths)
        if cost(kept) <= limit:
            return kept
    least = cost([1] * len(widths))
    raise ValueError(
        f"budget={budget!r} cannot be met: one unit a layer already costs {least}."
    )


def _checked_widths(budget, widths):
    is_list = isinstance(budget, Sequence | np.ndarray) and not isinstance(budget, str)
    kept = list(budget) if is_list else []
    whole = all(isinstance(k, Integral) for k in kept)
    fits = len(kept) == len(widths) and whole
    if not fits or any(not 1 <= k <= w for k, w in zip(kept, widths, strict=True)):
        raise ValueError(
            f"budget={budget!r} must be a fraction, {{'params': n}}, {{'flops': n}}, "
            f"or one width for each hidden layer, from 1 to {list(widths)}."
        )
    return [int(k) for k in kept]
