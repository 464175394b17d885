"""Norms of grouped arrays, by group."""

import numpy as np


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
    values = np.abs(np.asarray(values, dtype=np.float64))
    ptr = np.asarray(ptr)
    norms = np.zeros(len(ptr) - 1)
    filled = np.flatnonzero(np.diff(ptr) > 0)
    if len(filled) == 0 or values.size == 0:
        return norms
    largest = values.max()
    if largest == 0.0:
        return norms
    # One common scale suffices unless entries differ by more than 1e150.
    rows = values / largest
    squares = rows * rows if rows.ndim == 1 else np.einsum("ij,ij->i", rows, rows)
    norms[filled] = np.sqrt(np.add.reduceat(squares, ptr[filled])) * largest
    return norms
