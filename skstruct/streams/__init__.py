"""Rows that come in chunks: from files, from Dask, from whatever can be iterated.

A `Stream` knows its columns and its parts; a part is small, can be pickled, and loads
its own rows where it is wanted. What is computed from rows is always a sum over chunks
of what a kernel, a function of one chunk, returns; the sum is taken in the same order
wherever the chunks are computed.
"""

from skstruct.streams.folds import DealtFolds, RowFolds, RowsNeeded
from skstruct.streams.open import is_streamed, open_stream, refuse_stream
from skstruct.streams.stream import Stream

__all__ = [
    "DealtFolds",
    "RowFolds",
    "RowsNeeded",
    "Stream",
    "is_streamed",
    "open_stream",
    "refuse_stream",
]
