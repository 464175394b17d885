"""Norms of grouped arrays, by group."""

import numpy as np

# Sums of squares between these have neither overflown nor lost their digits.
_SMALL, _LARGE = 1e-250, 1e250


def group_norms(values, ptr):
    """Return the Frobenius norm of each group's rows.

    Parameters
    ----------
    values : (n_rows, n_outputs) or (n_rows,) array
        Rows sorted by group.
    ptr : (n_groups + 1,) integer array
        Group g owns rows ``ptr[g]`` to ``ptr[g + 1]``; it may own none.

    Returns
    -------
    (n_groups,) array
        Norms, safe from overflow and underflow.
    """
    values = np.asarray(values, dtype=np.float64)
    ptr = np.asarray(ptr)
    norms = np.zeros(len(ptr) - 1)
    starts, filled = _filled(ptr)
    if len(starts) == 0 or values.size == 0:
        return norms
    scale = 1.0
    sums = _sums_of_squares(values, starts)
    if not _SMALL < sums.max() < _LARGE:
        # One common scale suffices unless entries differ by more than 1e150.
        scale = np.abs(values).max()
        if scale == 0.0:
            return norms
        sums = _sums_of_squares(values / scale, starts)
    norms[filled] = np.sqrt(sums) * scale
    return norms


def _sums_of_squares(values, starts):
    squares = values * values
    if squares.ndim == 2:
        squares = squares[:, 0] if squares.shape[1] == 1 else squares.sum(axis=1)
    return np.add.reduceat(squares, starts)


def group_l1(values, ptr):
    """Return the sum of absolute values of each group's rows, shape (n_groups,)."""
    return _reduced(np.add, np.abs(values), ptr)


def group_largest(values, ptr):
    """Return the largest absolute value of each group's rows, shape (n_groups,)."""
    return _reduced(np.maximum, np.abs(values), ptr)


def divided(values, strengths):
    """Return ``values / strengths`` by group; 0 where the strength is 0."""
    strengths = np.asarray(strengths, dtype=np.float64)
    return np.divide(values, strengths, out=np.zeros_like(values), where=strengths > 0)


def _reduced(ufunc, sizes, ptr):
    out = np.zeros(len(ptr) - 1)
    starts, filled = _filled(np.asarray(ptr))
    if len(starts) and sizes.size:
        rows = sizes if sizes.ndim == 1 else ufunc.reduce(sizes, axis=1)
        out[filled] = ufunc.reduceat(rows, starts)
    return out


def _filled(ptr):
    """Where the groups start that own rows, and which they are."""
    starts = ptr[:-1]
    if (starts == ptr[1:]).any():
        filled = np.flatnonzero(starts < ptr[1:])
        return starts[filled], filled
    return starts, slice(None)
