"""Group weights, as users say them -> one number a group."""

from collections import Counter
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

from skstruct.groups.messages import (
    count,
    did_you_mean,
    listing,
    name_groups,
    show_value,
)


def resolve_weights(
    weights: Any, names: list, default: np.ndarray, n_given: int
) -> np.ndarray:
    """Give each group its weight.

    Parameters
    ----------
    weights : None, array-like of shape (n_groups,) or (n_given,), Mapping or Series
        What the user said.
    names : list of length n_groups
        Group names.
    default : ndarray of shape (n_groups,)
        Weights of the groups that the user does not mention.
    n_given : int
        Number of groups the user gave; those for the remainder come after them.

    Returns
    -------
    weights : ndarray of shape (n_groups,)
        Finite, not negative.

    Raises
    ------
    TypeError
        If weights are not numbers.
    ValueError
        If weights are negative or not finite, too many, too few, or for groups that
        there are not.
    """
    if weights is None:
        return default
    named = named_weights(weights, names)
    if named is not None:
        return weights_by_name(named, names, default)
    return weights_in_order(weights, names, default, n_given)


def named_weights(weights: Any, names: list) -> Mapping | None:
    """Weights by group name, None if they go by position."""
    if isinstance(weights, Mapping):
        return weights
    index = getattr(weights, "index", None)
    if index is None or callable(index):  # list.index and its like are methods
        return None
    keys = list(index)
    # A Series made from a list says nothing with its index, unless groups are
    # really called 0, 1, ...
    if keys == list(range(len(keys))) and not set(keys) <= set(names):
        return None
    if len(set(keys)) < len(keys):
        twice = [key for key, times in Counter(keys).items() if times > 1]
        raise ValueError(
            f"group_weights: the index has {name_groups(twice)} more than once."
        )
    return dict(zip(keys, list(weights), strict=True))


def weights_by_name(named: Mapping, names: list, default: np.ndarray) -> np.ndarray:
    """Weights from a mapping, the default for the groups it leaves out."""
    position = {name: g for g, name in enumerate(names)}
    unknown = [name for name in named if name not in position]
    if unknown:
        hint = did_you_mean(unknown[0], names)
        raise ValueError(
            f"group_weights: no {name_groups(unknown)}; the groups are "
            f"{listing(names)}.{hint}"
        )
    weights = default.copy()
    numbers = check_numbers(list(named.values()), list(named))
    weights[[position[name] for name in named]] = numbers
    return weights


def weights_in_order(
    weights: Any, names: list, default: np.ndarray, n_given: int
) -> np.ndarray:
    """Weights from an array-like, in the order of the groups."""
    if isinstance(weights, str | bytes) or not (
        isinstance(weights, list | tuple) or hasattr(weights, "__array__")
    ):
        raise TypeError(
            "group_weights must be None, an array-like of shape (n_groups,) or a dict "
            f"name -> weight, got {show_value(weights)}."
        )
    shape = np.shape(weights) if hasattr(weights, "__array__") else (len(weights),)
    if len(shape) != 1 or shape[0] not in (n_given, len(names)):
        raise ValueError(
            f"group_weights has shape {shape}, but there are "
            f"{count(n_given, 'group')}: {listing(names[:n_given])}; pass one weight a "
            "group, in this order, or a dict name -> weight."
        )
    numbers = check_numbers(weights, names)
    return np.concatenate([numbers, default[len(numbers) :]])


def check_numbers(values: Any, names: list) -> np.ndarray:
    """Return weights as floats, if every one is a finite number >= 0."""
    if not hasattr(values, "__array__"):
        values = np.fromiter(values, dtype=object, count=len(values))
    values = np.asarray(values)
    wrong = [g for g, value in enumerate(values) if not is_real(value)]
    if wrong:
        raise TypeError(
            f"group_weights must be real numbers, got {describe(wrong, values, names)}."
        )
    try:
        numbers = values.astype(np.float64)
    except OverflowError:  # Python's ints know no bound
        return check_numbers([np.inf if v > 1e308 else v for v in values], names)
    bad = np.flatnonzero(~np.isfinite(numbers) | (numbers < 0))
    if bad.size:
        raise ValueError(
            "group_weights must be finite and not negative, got "
            f"{describe(bad, values, names)}; 0 leaves a group unpenalised."
        )
    return numbers


def is_real(value: Any) -> bool:
    """Whether a value is a real number and not a bool."""
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def describe(which: Any, values: np.ndarray, names: list) -> str:
    """List weights with the groups they were given to."""
    return listing(
        which, show=lambda g: f"{show_value(values[g])} for {name_groups([names[g]])}"
    )
