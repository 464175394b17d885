"""Checks of the generators' parameters: what is wrong, and the way out."""

from numbers import Integral, Real

import numpy as np


def check_int(name, value, low):
    """Return `value` as an int of at least `low`."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(
            f"{name} must be an int, got {value!r}. "
            f"Pass a whole number of at least {low}."
        )
    if value < low:
        raise ValueError(f"{name} must be at least {low}, got {value}.")
    return int(value)


def check_real(name, value, low, high, closed="both"):
    """Return `value` as a float in the interval from `low` to `high`.

    `closed` is "both", "left" or "neither"; an infinite end is never included.
    """
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a real number, got {value!r}.")
    above = value > low if closed == "neither" else value >= low
    below = value <= high if closed == "both" else value < high
    if not (above and below and np.isfinite(value)):
        left = "(" if closed == "neither" or np.isinf(low) else "["
        right = "]" if closed == "both" and np.isfinite(high) else ")"
        raise ValueError(
            f"{name} must be in {left}{low}, {high}{right}, got {value!r}."
        )
    return float(value)


def check_option(name, value, options):
    """Return `value` if it is one of the strings `options`."""
    if not isinstance(value, str) or value not in options:
        allowed = ", ".join(repr(option) for option in options)
        raise ValueError(f"{name} must be one of {allowed}, got {value!r}.")
    return value


def check_bias(bias, n_outputs, why):
    """Return `bias` as an array of shape (n_outputs,); a scalar serves them all.

    `why` says in the error message where that shape comes from.
    """
    try:
        values = np.asarray(bias, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"bias must be a number or an array of numbers, got {bias!r}."
        ) from error
    if values.shape not in ((), (n_outputs,)):
        raise ValueError(
            f"bias must be one number or an array of shape ({n_outputs},) "
            f"({why}), got shape {values.shape}."
        )
    if not np.all(np.isfinite(values)):
        raise ValueError(f"bias must be finite, got {bias!r}.")
    return np.broadcast_to(values, (n_outputs,))


def check_group_sizes(n_groups, group_size, default_n_groups):
    """Return the size of each group, an int array of shape (n_groups,)."""
    if n_groups is not None:
        n_groups = check_int("n_groups", n_groups, 1)
    if np.ndim(group_size) == 0:
        size = check_int("group_size", group_size, 1)
        return np.full(default_n_groups if n_groups is None else n_groups, size)
    sizes = np.asarray(group_size)
    if sizes.ndim != 1 or sizes.size == 0 or sizes.dtype.kind not in "iu":
        raise ValueError(
            "group_size must be an int, or a non-empty one-dimensional array of ints "
            f"(one size per group), got {group_size!r}."
        )
    if sizes.min() < 1:
        worst = int(sizes.argmin())
        raise ValueError(
            f"group_size must be at least 1 for every group, got {sizes[worst]} at "
            f"position {worst}. Leave out the empty groups."
        )
    if n_groups is not None and n_groups != sizes.size:
        raise ValueError(
            f"group_size has {sizes.size} sizes, but n_groups={n_groups}. Give one "
            "size per group, or leave n_groups=None to take their number from "
            "group_size."
        )
    return sizes.astype(np.intp)


def check_n_informative(n_informative_groups, n_groups):
    """Return the number of informative groups, from 0 to `n_groups`."""
    count = check_int("n_informative_groups", n_informative_groups, 0)
    if count > n_groups:
        raise ValueError(
            f"n_informative_groups={count} is more than the {n_groups} groups there "
            f"are. Pass at most {n_groups}, or ask for more groups."
        )
    return count
