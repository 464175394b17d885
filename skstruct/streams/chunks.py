"""Streams of chunks that users make: lists, functions, anything that iterates."""

from itertools import chain

from skstruct.streams.chunk import as_array, as_features, column_names
from skstruct.streams.pieces import ArrayRows, Called, Part
from skstruct.streams.stream import Stream

_ONE_SHOT = (
    "X is an iterator, which can be read once, and this fit needs several passes over "
    "the rows: a curved loss is minimised by one pass a step, and classes are looked "
    "up in a pass of their own. Pass something that can be iterated again: a list of "
    "functions that each return a chunk, a function that returns a new iterator, or "
    "an object with __iter__."
)


def chunk_stream(source, n_jobs):
    """Return the stream of a source of chunks ``(X, y[, sample_weight[, offset]])``.

    Parameters
    ----------
    source : list, callable, iterable or iterator
        A list of chunks or of functions that return one, which may be computed
        anywhere; a function that returns an iterator of chunks, or an object that can
        be iterated again and again; an iterator, once.
    n_jobs : int or None
        Number of threads.
    """
    name = f"a {type(source).__name__}"
    why_once = ""
    if isinstance(source, list | tuple):
        make_parts = ListedParts(tuple(source))
    elif callable(source):
        make_parts = IteratedParts(source)
    elif hasattr(source, "__next__"):
        make_parts, why_once = IteratedParts(source.__iter__), _ONE_SHOT
    else:
        make_parts = IteratedParts(source.__iter__)
    parts = iter(make_parts())
    head = next(parts, None)
    if head is None:
        raise ValueError(f"X, {name}, has no chunks.")
    X, y, _, _ = head.load()
    if why_once:
        make_parts = Again(chain([head], parts))
    names = column_names(X)
    X, y = as_features(X), as_array(y)
    return Stream(
        name=name,
        n_features=X.shape[1] if X.ndim == 2 else 0,
        feature_names=None if names is None else tuple(names),
        dtype=X.dtype,
        y_shape=y.shape[1:],
        make_parts=make_parts,
        why_once=why_once,
        n_jobs=n_jobs,
    )


class ListedParts:
    """Makes parts of a list of chunks, or of functions that return one."""

    def __init__(self, source):
        self.source = source

    def __call__(self):
        """Yield the parts."""
        for index, chunk in enumerate(self.source):
            piece = Called(chunk) if callable(chunk) else ArrayRows(chunk)
            yield Part(index, f"item {index} of the list", (piece,))


class IteratedParts:
    """Makes parts of what a function's iterator yields."""

    def __init__(self, function):
        self.function = function

    def __call__(self):
        """Yield the parts, each with its rows."""
        chunks = self.function()
        if not hasattr(chunks, "__iter__"):
            raise TypeError(
                "X is a function; it must return an iterator of chunks (X, y), but "
                f"returned {type(chunks).__name__}."
            )
        for index, chunk in enumerate(chunks):
            yield Part(index, f"number {index} of the iterator", (ArrayRows(chunk),))


class Again:
    """Makes parts once, of an iterator that has been looked into."""

    def __init__(self, parts):
        self.parts = parts

    def __call__(self):
        """Return the parts."""
        return self.parts
