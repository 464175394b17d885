"""Which data are read in chunks, and the stream of them."""

import os
from pathlib import Path

import numpy as np

from skstruct.streams.arrays import array_stream, is_reopenable
from skstruct.streams.chunks import chunk_stream
from skstruct.streams.dask_blocks import array_blocks, frame_blocks, is_dask, is_frame
from skstruct.streams.tables import is_parquet, parquet_stream

#: Fewest bytes of a memmap for which chunks are worth the trouble.
LARGE_MEMMAP = 64_000_000


def is_streamed(X, y=None):
    """Whether X is read in chunks: it is no array that is in memory.

    Parameters
    ----------
    X : object
        What an estimator was given as X.
    y : object
        What it was given as y; without any, X may be a list of chunks.
    """
    if isinstance(X, str | os.PathLike) or is_dask(X):
        return True
    if hasattr(X, "shape") or hasattr(X, "__array__"):
        return False
    if isinstance(X, list | tuple):
        return bool(X) and (callable(X[0]) or (y is None and _is_chunk(X[0])))
    return callable(X) or (hasattr(X, "__iter__") and not hasattr(X, "__dataframe__"))


def _is_chunk(item):
    """Whether an item of a list is (X, y, ...), and not a row of numpy's numbers."""
    is_tuple = isinstance(item, tuple) and len(item) > 1
    return is_tuple and bool(getattr(item[0], "shape", ()))


def is_large_memmap(X):
    """Whether X is an array in a file that is worth reading in chunks."""
    return is_reopenable(X) and X.ndim == 2 and X.nbytes >= LARGE_MEMMAP


def open_stream(X, y=None, sample_weight=None, offset=None, n_jobs=None):
    """Return the stream of X and what belongs to its rows.

    Parameters
    ----------
    X : memmap, path, Dask collection, or source of chunks
        The features, or chunks of everything.
    y, sample_weight, offset : array-like, path, Dask collection, name or None
        One value, or several, for each row; names of columns where X is a table.
    n_jobs : int or None
        Number of threads.

    Returns
    -------
    Stream

    Raises
    ------
    ValueError
        If the data do not belong together, or are not there.
    TypeError
        If X cannot be read in chunks.
    """
    rest = {"y": y, "sample_weight": sample_weight, "offset": offset}
    if is_dask(X):
        blocks = frame_blocks if is_frame(X) else array_blocks
        return blocks(X, rest, n_jobs)
    if isinstance(X, str | os.PathLike):
        path = Path(X)
        if not path.exists():
            raise FileNotFoundError(f"X={os.fspath(X)!r}: there is no such file.")
        if is_parquet(path):
            return parquet_stream(path, rest, n_jobs)
        if path.suffix != ".npy":
            raise ValueError(
                f"X={os.fspath(X)!r} must be a .npy or .parquet file, or a folder of "
                ".parquet files; read others with dask.dataframe, or pass a source of "
                "chunks (X, y)."
            )
        return array_stream(path, rest, n_jobs)
    if isinstance(X, np.ndarray):
        return array_stream(X, rest, n_jobs)
    given = [name for name, value in rest.items() if value is not None]
    if given:
        raise ValueError(
            f"{given} must come with each chunk, as (X, y), (X, y, sample_weight) or "
            "(X, y, sample_weight, offset), where X is a source of chunks."
        )
    return chunk_stream(X, n_jobs)


def refuse_stream(estimator, X):
    """Raise a TypeError if X is not in memory, for estimators that need all rows."""
    if is_streamed(X):
        raise TypeError(
            f"{type(estimator).__name__} needs all rows in memory and cannot read X, a "
            f"{type(X).__name__}, in chunks. Load it (np.load, or .compute() of Dask), "
            "or fit one of GroupLasso, SparseGroupLasso, OverlappingGroupLasso, "
            "BlockCoordinateDescentRegressor, their classifiers or ...CV, which can."
        )
