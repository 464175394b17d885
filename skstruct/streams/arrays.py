"""Streams of arrays in files: memmaps and .npy."""

import mmap
import os
from itertools import accumulate, pairwise

import numpy as np

from skstruct.streams.chunk import as_array
from skstruct.streams.pieces import ArrayRows, FileRows, Part
from skstruct.streams.stream import Stream

#: Bytes of X, as float64, in a chunk; more gain nothing.
CHUNK_BYTES = 32_000_000


def array_stream(X, rest, n_jobs):
    """Return the stream of an array in a file and of what belongs to its rows.

    Parameters
    ----------
    X : path or memmap
        Two-dimensional.
    rest : dict
        y, sample_weight and offset: arrays, memmaps, paths or None.
    n_jobs : int or None
        Number of threads.
    """
    name = os.path.basename(X if isinstance(X, str | os.PathLike) else X.filename)
    rows = {"X": rows_of(X, "X")}
    if len(_shape(rows["X"])) != 2:
        raise ValueError(
            f"X ({name}) has shape {_shape(rows['X'])}; it must be two-dimensional."
        )
    n, p = _shape(rows["X"])
    rows |= {key: rows_of(value, key, n) for key, value in rest.items()}
    if rows["y"] is None:
        raise ValueError(
            f"y is needed beside X ({name}), as an array, a memmap or a .npy path."
        )
    step = max(p, CHUNK_BYTES // (8 * max(p, 1)), 1)
    bounds = [*range(0, n, step), n]
    if n == 0:
        raise ValueError(f"X ({name}) has no rows.")
    return Stream(
        name=name,
        n_features=p,
        feature_names=None,
        dtype=_float_of(rows["X"]),
        y_shape=_shape(rows["y"])[1:],
        make_parts=ArrayParts(tuple(rows.values()), tuple(bounds), name),
        n_rows=n,
        is_apart=True,
        n_jobs=n_jobs,
    )


class ArrayParts:
    """Makes the parts between given bounds."""

    def __init__(self, arrays, bounds, name):
        self.arrays, self.bounds, self.name = arrays, bounds, name

    def __call__(self):
        """Yield the parts."""
        for index, (start, stop) in enumerate(pairwise(self.bounds)):
            pieces = tuple(
                None if rows is None else rows.rows(start, stop) for rows in self.arrays
            )
            where = f"rows {start} to {stop - 1} of {self.name}"
            yield Part(index, where, pieces, start, stop)


def bounds_of(sizes):
    """Return where chunks of these sizes start and end."""
    return tuple(accumulate(sizes, initial=0))


def rows_of(values, name, n_rows=None):
    """Return what rows of an array can be loaded from; None for None.

    Raises
    ------
    ValueError
        If there are not `n_rows` of them, or if they are no array.
    """
    if values is None:
        return None
    if isinstance(values, str | os.PathLike):
        rows = _of_file(values, name)
    elif is_reopenable(values):
        rows = _of_memmap(values)
    elif name != "y" and np.ndim(values) == 0:
        rows = ArrayRows(np.broadcast_to(np.float64(values), (n_rows,)))
    else:
        rows = ArrayRows(as_array(values))
    if n_rows is not None and (not _shape(rows) or len(rows) != n_rows):
        found = len(rows) if _shape(rows) else "no"
        raise ValueError(f"{name} has {found} rows, where X has {n_rows}.")
    return rows


def _of_file(path, name):
    if not str(path).endswith(".npy"):
        raise ValueError(
            f"{name}={os.fspath(path)!r} must be a .npy file; a name of a column "
            "needs a table, of parquet or Dask, as X."
        )
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{name}={os.fspath(path)!r}: there is no such file."
        ) from None
    if not array.size:
        return ArrayRows(np.asarray(array))
    return _of_memmap(array)


def is_reopenable(array):
    """Whether an array is a contiguous piece of a file that holds its values."""
    if not (isinstance(array, np.memmap) and array.filename is not None):
        return False
    is_whole = array.flags.c_contiguous or array.flags.f_contiguous
    return bool(is_whole and array.size and array.mode != "c" and _map_of(array))


def _map_of(array):
    """Return the mapping of the file that a memmap is a view of."""
    base = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None


def _of_memmap(array):
    first = np.frombuffer(_map_of(array), np.uint8).ctypes.data
    whole = array
    while isinstance(whole.base, np.memmap):
        whole = whole.base
    started = whole.offset - whole.offset % mmap.ALLOCATIONGRANULARITY
    return FileRows(
        path=os.fspath(array.filename),
        dtype=array.dtype,
        shape=array.shape,
        offset=int(started + array.ctypes.data - first),
        order="C" if array.flags.c_contiguous else "F",
    )


def _shape(rows):
    return rows.shape if isinstance(rows, FileRows) else rows.array.shape


def _float_of(rows):
    dtype = rows.dtype if isinstance(rows, FileRows) else rows.array.dtype
    return np.float32 if dtype == np.float32 else np.float64
