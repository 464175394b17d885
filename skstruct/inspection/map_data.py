"""How groups lie over features: nested or not, and in which order to draw them."""

from collections.abc import Sequence

import numpy as np


def levels_of(groups: Sequence[np.ndarray], n_features: int) -> np.ndarray | None:
    """Return which group covers each feature at each level of nesting.

    Parameters
    ----------
    groups : sequence of index arrays
        Features of each group.
    n_features : int
        Number of features.

    Returns
    -------
    (n_levels, n_features) integer array or None
        Level 0 has the groups that are in no other, level 1 those inside of them, and
        so on; -1 where no group is. None if some groups overlap without one being
        inside the other.
    """
    inner = np.full(n_features, -1)  # the smallest group so far around each feature
    depth: dict[int, int] = {-1: -1}
    # Of groups with the same features, the first is around the others.
    for g in sorted(range(len(groups)), key=lambda g: -len(groups[g])):
        own = groups[g]
        around = inner[own[0]]
        if (inner[own] != around).any():
            return None
        depth[g] = depth[around] + 1
        inner[own] = g
    levels = np.full((max(depth.values()) + 1, n_features), -1)
    for g, own in enumerate(groups):
        levels[depth[g], own] = g
    return levels


def order_by_levels(levels: np.ndarray) -> np.ndarray:
    """Return features such that those of each group come one after the other."""
    last = levels.max() + 1
    keys = np.where(levels < 0, last, levels)  # features of fewer groups come last
    return np.lexsort(keys[::-1])


def order_by_first_group(groups: Sequence[np.ndarray], n_features: int) -> np.ndarray:
    """Return features by the first group that has them, then by the last one."""
    first = np.full(n_features, len(groups))
    last = np.full(n_features, -1)
    for g, own in enumerate(groups):
        first[own] = np.minimum(first[own], g)
        last[own] = g
    return np.lexsort([last, first])


def runs(places: np.ndarray) -> list[tuple[int, int]]:
    """Return start and end of each run of consecutive places."""
    places = np.sort(places)
    cuts = np.flatnonzero(np.diff(places) > 1) + 1
    return [(int(run[0]), int(run[-1]) + 1) for run in np.split(places, cuts)]
