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
    starts, filled = ptr[:-1], None
    if (starts == ptr[1:]).any():
        filled = np.flatnonzero(starts < ptr[1:])
        starts = starts[filled]
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
    norms[slice(None) if filled is None else filled] = np.sqrt(sums) * scale
    return norms


def _sums_of_squares(values, starts):
    squares = values * values
    if squares.ndim == 2:
        squares = squares[:, 0] if squares.shape[1] == 1 else squares.sum(axis=1)
    return np.add.reduceat(squares, starts)
