"""Streams of Dask arrays and DataFrames: their blocks stay where Dask has them."""

from itertools import pairwise

import numpy as np

from skstruct.streams.arrays import bounds_of, rows_of
from skstruct.streams.pieces import ColumnOf, Part
from skstruct.streams.stream import Stream
from skstruct.streams.tables import feature_columns


def is_dask(values):
    """Whether values are a Dask collection; imports nothing."""
    return hasattr(values, "__dask_graph__") and hasattr(values, "to_delayed")


def is_frame(values):
    """Whether a Dask collection is a DataFrame."""
    return hasattr(values, "columns")


def array_blocks(X, rest, n_jobs):
    """Return the stream of a Dask array and of what belongs to its rows."""
    if X.ndim != 2:
        raise ValueError(f"X has shape {X.shape}; it must be two-dimensional.")
    if X.numblocks[1] > 1:
        X = X.rechunk({1: -1})
    blocks = X.to_delayed().ravel()
    sizes = X.chunks[0]
    columns = [_blocks_of(value, key, sizes) for key, value in rest.items()]
    return _stream(
        X,
        rest["y"],
        make_parts=BlockParts(blocks, columns, sizes, "block"),
        n_features=X.shape[1],
        feature_names=None,
        dtype=np.float32 if X.dtype == np.float32 else np.float64,
        sizes=sizes,
        is_apart=True,
        n_jobs=n_jobs,
    )


def frame_blocks(X, rest, n_jobs):
    """Return the stream of a Dask DataFrame; y may be the name of a column of it."""
    names = list(X.columns)
    named = {
        key: value if isinstance(value, str | list) else None
        for key, value in rest.items()
    }
    features = names
    if any(value is not None for value in named.values()):
        taken = {key: value for key, value in named.items() if value is not None}
        features = feature_columns(names, {"y": taken.pop("y", []), **taken}, "X")
    sizes = (np.nan,) * X.npartitions
    blocks = X.to_delayed()
    columns = []
    for key, value in rest.items():
        if named[key] is not None:
            columns.append([ColumnOf(value)] * len(blocks))
        else:
            columns.append(_blocks_of(value, key, sizes))
    y = rest["y"]
    y_shape = None
    if named["y"] is not None:
        y_shape = (len(y),) if isinstance(y, list) else ()
    are_text = all(isinstance(name, str) for name in features)
    types = {np.dtype(kind) if _is_plain(kind) else kind for kind in X[features].dtypes}
    return _stream(
        X,
        y,
        make_parts=BlockParts(blocks, columns, sizes, "partition", list(features)),
        n_features=len(features),
        feature_names=tuple(features) if are_text else None,
        dtype=np.float32 if types == {np.dtype(np.float32)} else np.float64,
        sizes=sizes,
        is_apart=named["y"] is None and named["sample_weight"] is None,
        n_jobs=n_jobs,
        y_shape=y_shape,
    )


def _is_plain(kind):
    return isinstance(kind, np.dtype)


def _stream(X, y, *, sizes, y_shape=None, **known):
    if y is None:
        raise ValueError("y is needed beside X, as a Dask array or Series.")
    if y_shape is None:
        y_shape = tuple(y.shape[1:]) if hasattr(y, "shape") else np.shape(y)[1:]
    is_known = not np.isnan(sizes).any()
    return Stream(
        name=f"a Dask {type(X).__name__}",
        y_shape=y_shape,
        n_rows=int(sum(sizes)) if is_known else None,
        is_dask=True,
        **known,
    )


def _blocks_of(values, name, sizes):
    """Return one piece for each block of X.

    Raises
    ------
    ValueError
        If values are not in blocks of the same rows, and cannot be brought into them.
    """
    if values is None:
        return [None] * len(sizes)
    is_known = not np.isnan(sizes).any()
    if not is_dask(values):
        if not is_known:
            raise ValueError(
                f"{name} must be a Dask collection as X is, in the same partitions: "
                "the numbers of rows of X's blocks are not known. Or call "
                "X.compute_chunk_sizes() first, if X is an array."
            )
        rows = rows_of(values, name, int(sum(sizes)))
        return [rows.rows(start, stop) for start, stop in pairwise(bounds_of(sizes))]
    if hasattr(values, "chunks") and is_known:
        own = values.chunks[0]
        if np.isnan(own).any() and len(own) != len(sizes):
            raise ValueError(f"{name} has {len(own)} blocks, where X has {len(sizes)}.")
        if not np.isnan(own).any():
            if sum(own) != sum(sizes):
                raise ValueError(
                    f"{name} has {sum(own)} rows, where X has {sum(sizes)}."
                )
            values = values.rechunk({0: tuple(sizes)})
    if getattr(values, "ndim", 1) == 2 and hasattr(values, "rechunk"):
        values = values.rechunk({1: -1})
    blocks = np.ravel(np.asarray(values.to_delayed(), dtype=object))
    if len(blocks) != len(sizes):
        raise ValueError(
            f"{name} has {len(blocks)} blocks, where X has {len(sizes)}: they must "
            "hold the same rows."
        )
    return list(blocks)


class BlockParts:
    """Makes a part of each block."""

    def __init__(self, blocks, columns, sizes, what, features=None):
        self.blocks, self.columns, self.sizes = blocks, columns, sizes
        self.what, self.features = what, features

    def __call__(self):
        """Yield the parts."""
        is_known = not np.isnan(self.sizes).any()
        bounds = bounds_of(self.sizes if is_known else (0,) * len(self.sizes))
        for index, block in enumerate(self.blocks):
            others = [column[index] for column in self.columns]
            pieces = (block, *others)
            if self.features is not None:
                pieces = (block, ColumnOf(self.features), *others)
            known = (int(b) for b in bounds[index : index + 2]) if is_known else ()
            yield Part(index, f"{self.what} {index} of X", pieces, *known)
