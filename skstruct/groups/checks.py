"""Checks over all groups at once, and the features that no group has."""

from typing import Any

import numpy as np

from skstruct.groups.features import Features
from skstruct.groups.members import out_of_range
from skstruct.groups.messages import name_groups, show_value
from skstruct.groups.parsed import ParsedGroups

REMAINDERS = ("error", "singletons", "unpenalized")


def check_groups(
    parsed: ParsedGroups, features: Features, overlap: bool
) -> ParsedGroups:
    """Check the groups and sort their members.

    Parameters
    ----------
    parsed : ParsedGroups
        Groups as parsed.
    features : Features
        The features of X.
    overlap : bool
        Whether a feature may be in several groups.

    Returns
    -------
    parsed : ParsedGroups
        The same groups, members ascending inside each.

    Raises
    ------
    ValueError
        If a group is empty, has an index that no feature has or the same feature
        twice, or shares a feature with another where it must not.
    """
    check_sizes(parsed)
    check_range(parsed, features)
    parsed = sort_members(parsed, features)
    check_repetition(parsed, features)
    if not overlap:
        check_disjoint(parsed, features)
    return parsed


def check_sizes(parsed: ParsedGroups) -> None:
    """Raise if groups are empty."""
    empty = np.flatnonzero(parsed.sizes == 0)
    if empty.size:
        which = name_groups([parsed.names[g] for g in empty])
        raise ValueError(f"groups: no features in {which}; leave empty groups out.")


def check_range(parsed: ParsedGroups, features: Features) -> None:
    """Raise if indices are out of range."""
    bad = (parsed.indices < 0) | (parsed.indices >= features.n)
    if bad.any():
        owners = np.unique(parsed.owners[bad])
        where = [parsed.names[g] for g in owners]
        raise out_of_range(where, parsed.indices[bad], features)


def sort_members(parsed: ParsedGroups, features: Features) -> ParsedGroups:
    """Sort members inside each group."""
    # One sort of group * n + feature, far cheaper than one sort a group.
    offsets = parsed.owners * features.n
    keys = parsed.indices + offsets
    if (keys[1:] < keys[:-1]).any():
        keys.sort()
    return parsed._replace(indices=(keys - offsets).astype(np.intp, copy=False))


def check_repetition(parsed: ParsedGroups, features: Features) -> None:
    """Raise if a group (sorted) has a feature twice."""
    owners = parsed.owners
    same = (np.diff(parsed.indices) == 0) & (np.diff(owners) == 0)
    twice = np.flatnonzero(same)
    if twice.size:
        group = owners[twice[0]]
        repeated = np.unique(parsed.indices[twice[owners[twice] == group]])
        raise ValueError(
            f"groups: group {show_value(parsed.names[group])} has the same feature "
            f"more than once: {features.listing(repeated)}; name each feature once."
        )


def check_disjoint(parsed: ParsedGroups, features: Features) -> None:
    """Raise if a feature is in several groups."""
    shared = np.flatnonzero(np.bincount(parsed.indices, minlength=features.n) > 1)
    if not shared.size:
        return
    shown = []
    for feature in shared[:5]:
        owners = parsed.owners[parsed.indices == feature]
        which = name_groups([parsed.names[g] for g in owners])
        shown.append(f"feature {features.name(feature)!r} is in {which}")
    more = f" and {len(shared) - 5} more" if len(shared) > 5 else ""
    raise ValueError(
        f"groups overlap: {'; '.join(shown)}{more}. Keep each feature in one group, "
        "or use OverlappingGroupLasso."
    )


def check_remainder(remainder: Any) -> None:
    """Raise unless `remainder` is one of the known words."""
    if not isinstance(remainder, str) or remainder not in REMAINDERS:
        raise ValueError(
            f"remainder must be one of {', '.join(map(repr, REMAINDERS))}, got "
            f"{remainder!r}."
        )


def add_remainder(
    parsed: ParsedGroups, features: Features, remainder: str
) -> ParsedGroups:
    """Find a place for the features that no group has.

    Parameters
    ----------
    parsed : ParsedGroups
        Checked groups.
    features : Features
        The features of X.
    remainder : {"error", "singletons", "unpenalized"}
        What to do.

    Returns
    -------
    parsed : ParsedGroups
        The groups, those for the remainder last.

    Raises
    ------
    ValueError
        If features remain and `remainder` is "error", or the new names are taken.
    """
    left = np.flatnonzero(np.bincount(parsed.indices, minlength=features.n) == 0)
    if not left.size:
        return parsed
    if remainder == "error":
        raise ValueError(
            f"groups: features in no group: {features.listing(left)}. Put them in "
            'groups, or pass remainder="singletons" (each its own group) or '
            'remainder="unpenalized" (one group of weight 0).'
        )
    if remainder == "singletons":
        names, sizes = singleton_names(left, parsed.names, features), [1] * len(left)
    else:
        names, sizes = ["unpenalized"], [len(left)]
    check_names_free(names, parsed.names, remainder)
    return ParsedGroups.from_sizes(
        parsed.names + names,
        np.concatenate([parsed.sizes, sizes]),
        np.concatenate([parsed.indices, left]),
    )


def singleton_names(left: np.ndarray, taken: list, features: Features) -> list:
    """Name groups of one after their feature, told apart from groups of that name."""
    used = set(taken)
    names = [features.name(feature) for feature in left]
    return [f"{name} (feature)" if name in used else name for name in names]


def check_names_free(names: list, taken: list, remainder: str) -> None:
    """Raise if names for the remainder are taken, or not different."""
    seen = set(taken)
    for name in names:
        if name in seen:
            raise ValueError(
                f'groups: remainder="{remainder}" needs the group name {name!r}, '
                "which is taken; rename that group or column."
            )
        seen.add(name)
