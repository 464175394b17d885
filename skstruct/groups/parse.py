"""The forms that groups come in, told apart and read."""

import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from skstruct.groups.features import Features
from skstruct.groups.labels import groups_from_labels
from skstruct.groups.layout import GroupLayout
from skstruct.groups.members import member_indices, named_member_indices
from skstruct.groups.messages import count, plain, show_value
from skstruct.groups.parsed import ParsedGroups

FORMS = (
    "None, an int (block length), labels of shape (n_features,), a list of lists of "
    "indices or column names, a dict name -> members, or a callable of the feature "
    "names"
)


def parse_groups(groups: Any, features: Features) -> ParsedGroups:
    """Read groups in any of the forms of `make_layout`.

    Parameters
    ----------
    groups : object
        What the user said.
    features : Features
        The features of X.

    Returns
    -------
    parsed : ParsedGroups
        The groups; checks over all of them are still to come.
    """
    if callable(groups):
        return groups_from_callable(groups, features)
    if groups is None:
        return groups_of_one(features)
    if isinstance(groups, GroupLayout):
        return groups_from_layout(groups, features)
    if isinstance(groups, int | np.integer) and not isinstance(groups, bool):
        return groups_from_block_length(int(groups), features)
    if isinstance(groups, Mapping):
        return groups_from_mapping(groups, features)
    if isinstance(groups, list | tuple):
        return groups_from_sequence(groups, features)
    check_label_container(groups)
    return groups_from_labels(groups, features)


def groups_of_one(features: Features) -> ParsedGroups:
    """Make each feature its own group."""
    names = list(range(features.n)) if features.names is None else features.names
    if features.repeated:
        raise ValueError(
            "groups=None names each group after its feature, but X has several "
            f"columns named {sorted(features.repeated)[0]!r}; rename them or pass "
            "groups=1."
        )
    return ParsedGroups.from_sizes(
        names, np.ones(features.n, dtype=np.intp), np.arange(features.n)
    )


def groups_from_layout(layout: GroupLayout, features: Features) -> ParsedGroups:
    """Take a layout apart again."""
    if layout.n_features != features.n:
        raise ValueError(
            f"groups is a GroupLayout of {count(layout.n_features, 'feature')}, but X "
            f"has {features.n}."
        )
    return ParsedGroups(list(layout.names), layout.ptr, layout.indices, layout.weights)


def groups_from_block_length(length: int, features: Features) -> ParsedGroups:
    """Cut the features into consecutive blocks."""
    if length < 1:
        raise ValueError(f"groups={length}: a block length must be at least 1.")
    n_groups, rest = divmod(features.n, length)
    if rest:
        raise ValueError(
            f"groups={length} asks for blocks of {count(length, 'feature')}, but "
            f"{length} does not divide n_features={features.n}; for a shorter last "
            f"block pass labels, np.arange({features.n}) // {length}."
        )
    sizes = np.full(n_groups, length)
    return ParsedGroups.from_sizes(list(range(n_groups)), sizes, np.arange(features.n))


def groups_from_mapping(groups: Mapping, features: Features) -> ParsedGroups:
    """Read a dict name -> members."""
    check_not_empty(groups)
    names = [plain(name) for name in groups]
    members = [
        named_member_indices(value, name, features)
        for name, value in zip(names, groups.values(), strict=True)
    ]
    return ParsedGroups.from_members(names, members)


def groups_from_sequence(groups: list | tuple, features: Features) -> ParsedGroups:
    """Read a list of labels or a list of groups."""
    check_not_empty(groups)
    is_group = {kind: is_members_type(kind) for kind in set(map(type, groups))}
    if any(is_group.values()) and not all(is_group.values()):
        raise mixed_sequence(groups, is_group)
    if any(issubclass(kind, re.Pattern) for kind in is_group):
        raise TypeError(
            "groups is a list of regular expressions; pass a dict name -> pattern."
        )
    if not all(is_group.values()):
        return groups_from_labels(groups, features)
    members = [member_indices(value, g, features) for g, value in enumerate(groups)]
    return ParsedGroups.from_members(list(range(len(groups))), members)


def is_members_type(kind: type) -> bool:
    """Whether an object of this type, in a list, is a group and not a label."""
    if issubclass(kind, str | bytes | np.generic):
        return False
    return issubclass(kind, Collection | slice) or hasattr(kind, "__array__")


def mixed_sequence(groups: list | tuple, is_group: dict) -> TypeError:
    """Error for a list that holds labels and groups."""
    first = is_group[type(groups[0])]
    odd = next(i for i, item in enumerate(groups) if is_group[type(item)] != first)
    return TypeError(
        f"groups: element 0 is {show_value(groups[0])} but element {odd} is "
        f"{show_value(groups[odd])}; pass either one label a feature or only lists of "
        "members (a group of one feature as [feature])."
    )


def groups_from_callable(groups: Any, features: Features) -> ParsedGroups:
    """Ask a function of the feature names for the groups."""
    # Columns without names get scikit-learn's x0, x1, ..., and may be called by them
    # in the answer.
    named = Features(features.n, features.names_or_generated)
    answer = groups(np.array(named.names, dtype=object))
    if callable(answer):
        raise TypeError(
            f"groups: the callable returned another callable, {show_value(answer)}; it "
            f"must return {FORMS.removesuffix(', or a callable of the feature names')}."
        )
    return parse_groups(answer, features if answer is None else named)


def check_not_empty(groups: Collection) -> None:
    """Raise if there are no groups at all."""
    if len(groups) == 0:
        raise ValueError(
            f"groups is an empty {type(groups).__name__}; pass None to make each "
            "feature its own group."
        )


def check_label_container(groups: Any) -> None:
    """Raise unless `groups` is a one-dimensional array-like."""
    kind = type(groups).__name__
    if isinstance(groups, range):
        return
    if hasattr(groups, "columns") or not (
        hasattr(groups, "__array__") and not isinstance(groups, np.generic)
    ):
        raise TypeError(
            f"groups must be {FORMS}; got {show_value_of(groups)} of type {kind}."
        )
    shape = tuple(getattr(groups, "shape", (0,)))
    if len(shape) != 1:
        raise ValueError(
            f"groups: labels must have shape (n_features,), got a {kind} of shape "
            f"{shape}; use .ravel() for labels or .tolist() for one group a row."
        )


def show_value_of(groups: Any) -> str:
    """Show a value, but not the whole of a table."""
    return "a table" if hasattr(groups, "columns") else show_value(groups)
