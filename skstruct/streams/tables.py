"""Streams of parquet files."""

import os
import re

import numpy as np

from skstruct.streams.pieces import ColumnOf, ParquetRows, Part
from skstruct.streams.stream import Stream


def is_parquet(path):
    """Whether a path is a parquet file, or a folder of them."""
    return path.suffix in (".parquet", ".pq") or (
        path.is_dir() and any(path.glob("*.parquet"))
    )


def parquet_stream(path, rest, n_jobs):
    """Return the stream of a parquet file, or of a folder of them, by row groups.

    Parameters
    ----------
    path : Path
        The file or folder.
    rest : dict
        Names of the columns of y, sample_weight and offset; y may be a list of them.
    n_jobs : int or None
        Number of threads.
    """
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError(
            f"X={os.fspath(path)!r}: reading parquet needs pyarrow; install it, for "
            "example with pip install 'skstruct[dask]'."
        ) from error
    files = sorted(path.glob("*.parquet"), key=_in_order) if path.is_dir() else [path]
    with parquet.ParquetFile(files[0]) as file:
        schema = file.schema_arrow
    index = (schema.pandas_metadata or {}).get("index_columns", [])
    names = [name for name in schema.names if name not in index]
    features = feature_columns(names, rest, path.name)
    groups = []
    for one in files:
        with parquet.ParquetFile(one) as file:
            sizes = [
                file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)
            ]
        groups += [(str(one), k, size) for k, size in enumerate(sizes)]
    return Stream(
        name=path.name,
        n_features=len(features),
        feature_names=tuple(features),
        dtype=_float_of(schema, features),
        y_shape=_shape_of_columns(rest["y"]),
        make_parts=ParquetParts(groups, features, rest),
        n_rows=sum(size for _, _, size in groups),
        is_apart=True,
        n_jobs=n_jobs,
    )


def _in_order(path):
    """Sort names as people count: part.2 before part.10."""
    return [int(s) if s.isdigit() else s for s in re.split(r"(\d+)", path.name)]


def feature_columns(names, rest, where):
    """Return the columns of a table that are features: those with no other name.

    Raises
    ------
    ValueError
        If y, sample_weight or offset are no columns of the table.
    """
    taken = []
    for key, value in rest.items():
        if value is None and key != "y":
            continue
        columns = value if isinstance(value, list) else [value]
        are_names = all(isinstance(name, str) for name in columns)
        if not are_names or any(name not in names for name in columns):
            given = repr(value) if are_names else f"a {type(value).__name__}"
            raise ValueError(
                f"{key}, {given}, must be the name of a column of {where}, which has "
                f"{list(names)[:8]}{'...' if len(names) > 8 else ''}."
            )
        taken += columns
    return [name for name in names if name not in taken]


def _shape_of_columns(y):
    return (len(y),) if isinstance(y, list) else ()


def _float_of(schema, features):
    types = {str(schema.field(name).type) for name in features}
    return np.float32 if types == {"float"} else np.float64


class ParquetParts:
    """Makes a part of each row group."""

    def __init__(self, groups, features, rest):
        self.groups, self.features, self.rest = groups, features, rest

    def __call__(self):
        """Yield the parts."""
        names = [name for name in self.rest.values() if name is not None]
        wanted = list(self.features)
        for name in names:
            wanted += name if isinstance(name, list) else [name]
        others = [None if v is None else ColumnOf(v) for v in self.rest.values()]
        features, start = ColumnOf(list(self.features)), 0
        for index, (path, k, size) in enumerate(self.groups):
            table = ParquetRows(path, k, tuple(dict.fromkeys(wanted)))
            where = f"row group {k} of {os.path.basename(path)}"
            pieces = (table, features, *others)
            yield Part(index, where, pieces, start, start + size)
            start += size
