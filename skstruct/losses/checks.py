"""What is said of targets and parameters that a loss cannot take."""

from numbers import Real

import numpy as np


def check_number(name, value, is_allowed, rule):
    """Raise a ValueError unless a parameter is a number and allowed."""
    if not isinstance(value, Real) or isinstance(value, bool) or not is_allowed(value):
        raise ValueError(f"{name} must be {rule}; got {value!r}.")


def refuse(bad, y, rule, way_out):
    """Raise a ValueError that shows the first sample with a bad entry, if any.

    `bad` is a mask of entries (n, q), or of rows (n,) to show as a whole.
    """
    if not np.any(bad):
        return
    first = tuple(np.argwhere(bad)[0])
    where = f"sample {first[0]}"
    if len(first) == 1:
        shown = np.array2string(y[first], precision=6, threshold=10, separator=", ")
    else:
        shown = f"{y[first]:g}"
        where += f", output {first[1]}," if y.shape[1] > 1 else ""
    raise ValueError(f"y must be {rule}; {where} has {shown}. {way_out}")


def refuse_constant(is_met, y, weights, what, way_out):
    """Raise a ValueError for outputs where `is_met` (n, q) holds for all that count."""
    columns = np.all(is_met[np.asarray(weights) > 0], axis=0)
    if np.any(columns):
        where = f" (output {np.argmax(columns)})" if y.shape[1] > 1 else ""
        raise ValueError(
            f"y{where} {what} in all samples of positive weight, so no finite "
            f"intercept is best. {way_out}"
        )
