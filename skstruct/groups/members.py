"""The members of one group, as users say them -> indices."""

import re
from collections.abc import Collection, Mapping, Set
from typing import Any

import numpy as np

from skstruct.groups.features import Features
from skstruct.groups.labels import align_to_features
from skstruct.groups.messages import (
    count,
    did_you_mean,
    listing,
    name_groups,
    plain,
    show_value,
)

WAYS = (
    "integer indices, column names, a slice, a range or a boolean mask of length "
    "n_features"
)

KINDS = {  # bool first, since Python's bool is an int as well
    "booleans": (bool, np.bool_),
    "indices": (int, np.integer),
    "floats": (float, np.floating),
    "column names": (str,),
}


def named_member_indices(members: Any, group: Any, features: Features) -> np.ndarray:
    """Read one group of a dict, where one name or a pattern will do as well.

    Parameters
    ----------
    members : str, re.Pattern, int or what `member_indices` takes
        A str is a column name if X has such a column, else a regular expression that
        must match whole names.
    group : hashable
        Name of the group, for messages.
    features : Features
        The features of X.

    Returns
    -------
    indices : ndarray of intp
        Members, not sorted; range and repetition are checked for all groups at once.
    """
    if isinstance(members, str):
        if members in features.positions:
            return features.find([members], where(group))
        return indices_from_pattern(members, group, features)
    if isinstance(members, re.Pattern):
        return indices_from_pattern(members, group, features)
    if isinstance(members, int | np.integer) and not isinstance(members, bool):
        members = [members]
    return member_indices(members, group, features)


def member_indices(members: Any, group: Any, features: Features) -> np.ndarray:
    """Read one group given by a collection.

    Parameters
    ----------
    members : list, tuple, set, range, slice, ndarray, pandas or polars object
        Indices, column names or a boolean mask.
    group : hashable
        Name of the group, for messages.
    features : Features
        The features of X.

    Returns
    -------
    indices : ndarray of intp
        Members, not sorted; range and repetition are checked for all groups at once.

    Raises
    ------
    TypeError
        If the members are of a wrong kind or of several kinds.
    ValueError
        If a name, a mask or a slice does not fit the features.
    """
    if isinstance(members, slice):
        return indices_from_slice(members, group, features)
    if isinstance(members, range):
        return indices_from_range(members, group, features)
    check_flat_collection(members, group)
    if hasattr(members, "__array__"):
        array = np.asarray(members)
        if array.dtype.kind == "b":
            array = align_to_features(
                members, array, features, f"groups: {where(group)}"
            )
            return indices_from_mask(array, group, features)
        if array.dtype.kind in "iuf":
            return indices_from_numbers(array, group, features)
        members = array.tolist()
    return indices_from_items(members, group, features)


def where(group: Any) -> str:
    """How messages call a group."""
    return f"group {show_value(group)}"


def check_flat_collection(members: Any, group: Any) -> None:
    """Raise unless members are a one-dimensional collection."""
    kind = type(members).__name__
    if isinstance(members, str | bytes | Mapping) or not (
        isinstance(members, Collection) or hasattr(members, "__array__")
    ):
        raise TypeError(
            f"groups: {where(group)} is a {kind}, {show_value(members)}; give its "
            f"members as {WAYS}."
        )
    shape = getattr(members, "shape", (0,))
    if len(shape) != 1:
        raise ValueError(
            f"groups: {where(group)} is a {kind} of shape {tuple(shape)}; members must "
            "be one-dimensional."
        )


def indices_from_items(items: Collection, group: Any, features: Features) -> np.ndarray:
    """Read Python objects, which must be all of one kind."""
    kinds = {kind_of(item_type) for item_type in set(map(type, items))}
    if kinds <= {"indices"}:
        return indices_from_integers(items, group, features)
    if kinds <= {"indices", "floats"}:
        array = np.array(list(items), dtype=np.float64)
        return indices_from_numbers(array, group, features)
    if kinds == {"column names"}:
        return features.find(list(items), where(group))
    if kinds == {"booleans"} and not isinstance(items, Set):
        mask = np.array(list(items), dtype=bool)
        return indices_from_mask(mask, group, features)
    raise wrong_items(kinds, items, group)


def kind_of(item_type: type) -> str:
    """Say what an object of this type is, as a member of a group."""
    for kind, types in KINDS.items():
        if issubclass(item_type, types):
            return kind
    return f"{item_type.__name__} objects"


def wrong_items(kinds: set, items: Collection, group: Any) -> TypeError:
    """Error for members of several kinds, or of a kind that says nothing."""
    shown = listing(list(items))
    if len(kinds) > 1:
        fault = f"mixes {' and '.join(sorted(kinds))} ({shown})"
    else:
        fault = f"holds {kinds.pop()} ({shown})"
    return TypeError(
        f"groups: {where(group)} {fault}; give its members as {WAYS}, one kind only."
    )


def indices_from_integers(
    items: Collection, group: Any, features: Features
) -> np.ndarray:
    """Read Python or numpy integers."""
    try:
        return np.fromiter(items, dtype=np.intp, count=len(items))
    except OverflowError:
        huge = [item for item in items if not 0 <= item < features.n]
        raise out_of_range([group], huge, features) from None


def indices_from_numbers(
    array: np.ndarray, group: Any, features: Features
) -> np.ndarray:
    """Read a numeric array; whole floats will do."""
    if array.dtype.kind == "f":
        broken = array[~np.isfinite(array) | (array != np.trunc(array))]
        if broken.size:
            raise ValueError(
                f"groups: {where(group)} has {listing(broken)}; feature indices must "
                "be integers."
            )
    if array.dtype.kind != "i":
        # Casting wraps around what is too large: say so before it goes unseen.
        outside = array[(array < 0) | (array >= features.n)]
        if outside.size:
            raise out_of_range([group], outside, features)
    return array.astype(np.intp)


def indices_from_mask(mask: np.ndarray, group: Any, features: Features) -> np.ndarray:
    """Read a boolean mask."""
    if len(mask) != features.n:
        raise ValueError(
            f"groups: {where(group)} is a boolean mask of length {len(mask)}, but X "
            f"has {count(features.n, 'feature')}."
        )
    return np.flatnonzero(mask)


def indices_from_range(members: range, group: Any, features: Features) -> np.ndarray:
    """Read a range, whose ends are checked before it is written out."""
    ends = [members[0], members[-1]] if len(members) else []
    outside = [end for end in ends if not 0 <= end < features.n]
    if outside:
        raise out_of_range([group], outside, features)
    return np.arange(members.start, members.stop, members.step, dtype=np.intp)


def indices_from_slice(members: slice, group: Any, features: Features) -> np.ndarray:
    """Read a slice; its ends count from the end if negative, as in Python."""
    parts = (members.start, members.stop, members.step)
    for part in parts:
        if part is not None and kind_of(type(part)) != "indices":
            raise TypeError(
                f"groups: {where(group)} is {members!r}, but slices go by integer "
                "positions; for a run of columns by name, list the names."
            )
    # Python cuts a slice that reaches too far, which here would hide a mistake.
    far = [end for end in parts[:2] if end is not None and abs(end) > features.n]
    if far or members.step == 0:
        raise ValueError(
            f"groups: {where(group)} is {members!r}, which does not fit "
            f"{count(features.n, 'feature')}."
        )
    return np.arange(*members.indices(features.n), dtype=np.intp)


def indices_from_pattern(
    pattern: str | re.Pattern, group: Any, features: Features
) -> np.ndarray:
    """Find the columns whose names match a regular expression."""
    columns = features.require_names(where(group))
    is_text = isinstance(pattern, str)
    text = pattern.pattern if isinstance(pattern, re.Pattern) else pattern
    try:
        compiled = re.compile(pattern)
        match = compiled.fullmatch if is_text else compiled.search
        found = [i for i, name in enumerate(columns) if match(name)]
    except (re.error, TypeError) as error:
        raise ValueError(
            f"groups: {where(group)} has the pattern {text!r}, which is no regular "
            f"expression for column names: {error}."
        ) from error
    if not found:
        hint = did_you_mean(text, features.positions)
        if is_text and any(compiled.search(name) for name in columns):
            hint = f" It must match the whole name: {f'.*{text}.*'!r}, say."
        no_column = "is no column of X and " if is_text else ""
        raise ValueError(
            f"groups: {where(group)} has {text!r}, which {no_column}as a regular "
            "expression matches no column "
            f"({features.listing(range(features.n))}).{hint}"
        )
    return np.array(found, dtype=np.intp)


def out_of_range(groups: list, indices: Any, features: Features) -> ValueError:
    """Error for indices that no feature has."""
    negative = any(index < 0 for index in indices)
    return ValueError(
        f"groups: {name_groups(groups)} {'has' if len(groups) == 1 else 'have'} "
        f"{'index' if len(indices) == 1 else 'indices'} "
        f"{listing([plain(i) for i in indices])}, but X has "
        f"{count(features.n, 'feature')}, counted from 0 to {features.n - 1}"
        f"{' (negative indices are not taken)' if negative else ''}."
    )
