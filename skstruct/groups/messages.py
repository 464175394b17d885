"""Pieces of error messages: short listings and suggestions."""

import difflib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

# difflib compares letter by letter: bounded, so that a typo among 100,000 columns
# is reported at once.
MAX_CANDIDATES = 5_000


def plain(value: Any) -> Any:
    """Turn numpy scalars, also inside tuples, into the Python objects they hold."""
    if isinstance(value, np.datetime64 | np.timedelta64):
        return value  # .item() of a nanosecond date is a bare integer
    if isinstance(value, np.generic):
        return value.item()
    if type(value) is tuple:
        return tuple(map(plain, value))
    return value


def show_value(value: Any) -> str:
    """Show one value, without numpy's type names and never longer than 60 letters."""
    text = repr(plain(value)).replace("\n", " ")
    return text if len(text) <= 60 else text[:57] + "..."


def listing(
    items: Sequence[Any] | np.ndarray, show: Callable = show_value, limit: int = 5
) -> str:
    """List the first items and count the others.

    Examples
    --------
    >>> listing(["a", "b", "c"], limit=2)
    "'a', 'b' and 1 more"
    """
    text = ", ".join(show(item) for item in items[:limit])
    rest = len(items) - limit
    return f"{text} and {rest} more" if rest > 0 else text


def count(n: int, noun: str) -> str:
    """Count a noun: '1 feature', '2 features'."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def name_groups(names: Sequence[Any]) -> str:
    """Name groups in a sentence: "group 'a'", "groups 'a', 'b'"."""
    return f"{'group' if len(names) == 1 else 'groups'} {listing(names)}"


def did_you_mean(name: Any, candidates: Iterable[Any]) -> str:
    """Suggest the candidates that look like `name`; '' if there are none."""
    if not isinstance(name, str):
        return ""
    near = [c for c in candidates if isinstance(c, str) and abs(len(c) - len(name)) < 4]
    other_case = [c for c in near if c.casefold() == name.casefold()]
    found = other_case or difflib.get_close_matches(name, near[:MAX_CANDIDATES])
    return f" Did you mean {' or '.join(map(repr, found[:3]))}?" if found else ""
