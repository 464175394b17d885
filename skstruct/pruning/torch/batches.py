"""Calibration inputs as users have them, as batches of arguments of a model."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
import torch

CHANGED = (
    "calibration_inputs gives other batches when it is gone through again: draw "
    "nothing at random, or give a list of the batches."
)


def as_batches(inputs, batch_size):
    """Return a sequence of (args, kwargs).

    Parameters
    ----------
    inputs : Tensor, tuple, mapping or iterable
        All inputs: one tensor or array; a tuple of them for several arguments; a
        mapping for named ones. Any other iterable, such as a list or a `DataLoader`,
        gives batches, each of them one of these. They are held if it is an iterator,
        or gives others the second time.
    batch_size : int
        Rows in a batch, unless there are batches already.

    Raises
    ------
    ValueError, TypeError
        If there is nothing, or nothing that can be used.
    """
    if isinstance(inputs, torch.Tensor | np.ndarray | tuple | Mapping):
        args, kwargs = _arguments(inputs)
        n_rows = rows_of((args, kwargs))
        steps = range(0, n_rows, batch_size)
        found = [_rows((args, kwargs), slice(k, k + batch_size)) for k in steps]
    elif any(hasattr(inputs, name) for name in ("__iter__", "__getitem__")):
        found = _of_iterable(inputs)
    else:
        raise TypeError(
            "calibration_inputs must be a tensor, a tuple or dict of tensors, or "
            f"an iterable of such batches, got {type(inputs).__name__}."
        )
    if not len(found):
        raise ValueError(
            "calibration_inputs has no rows: a few hundred inputs of the kind that the "
            "model will get are needed."
        )
    return found


def _of_iterable(inputs):
    def made():
        for item in inputs:
            batch = _arguments(tuple(item) if isinstance(item, list) else item)
            if rows_of(batch):
                yield batch

    if isinstance(inputs, list | Iterator):
        return list(made())
    passes = Passes(made)
    return passes if passes.can_repeat() else list(made())


class Passes(Sequence):
    """Batches that are made anew whenever they are gone through, and not held.

    Parameters
    ----------
    make : callable
        Returns an iterator of batches (args, kwargs), the same each time.
    """

    def __init__(self, make):
        self._make = make
        self._sums = [_checksum(batch) for batch in make()]

    def can_repeat(self):
        """Return whether the first batch is the same once more."""
        return not self._sums or _checksum(next(self._make())) == self._sums[0]

    def __len__(self):
        return len(self._sums)

    def __iter__(self):
        sums = iter(self._sums)
        for batch in self._make():
            if _checksum(batch) != next(sums, None):
                raise ValueError(CHANGED)
            yield batch
        if next(sums, None) is not None:
            raise ValueError(CHANGED)

    def __getitem__(self, place):
        if isinstance(place, slice):
            return list(islice(self, *place.indices(len(self))))
        return next(islice(self, range(len(self))[place], None))


def _checksum(batch):
    total = 0
    for value in _values(batch):
        if isinstance(value, torch.Tensor):
            whole = value.detach().cpu().contiguous().reshape(-1)
            total = zlib.crc32(whole.view(torch.uint8).numpy(), total)
    return total


def rows_of(batch):
    """Return the number of rows of a batch: the first dimension of its tensors."""
    for value in _values(batch):
        if isinstance(value, torch.Tensor) and value.ndim:
            return len(value)
    raise TypeError(
        "calibration_inputs must have tensors with rows; a batch is "
        f"{[type(value).__name__ for value in _values(batch)]}."
    )


def prepared(batch, device, dtype):
    """Return a batch on a device, with floating numbers of one type."""

    def converted(value):
        if not isinstance(value, torch.Tensor):
            return value
        if value.is_inference():  # nothing can be derived from it
            value = value.clone()
        is_float = value.is_floating_point()
        return value.to(device=device, dtype=dtype if is_float else None)

    args, kwargs = batch
    return (
        tuple(converted(value) for value in args),
        {key: converted(value) for key, value in kwargs.items()},
    )


def few_rows(batch, n_rows):
    """Return the first rows of a batch, if all its tensors have the same number."""
    return _rows(batch, slice(n_rows)) if _is_even(batch) else batch


def mask_of(batch):
    """Return which positions (rows, length) count, or None if all do.

    Names as of the library `transformers`.
    """
    mask = batch[1].get("attention_mask")
    return None if mask is None or mask.ndim != 2 else mask != 0


def _values(batch):
    return [*batch[0], *batch[1].values()]


def _arguments(item):
    if isinstance(item, Mapping):
        return (), {key: _tensor(value) for key, value in item.items()}
    if isinstance(item, tuple):
        return tuple(_tensor(value) for value in item), {}
    if isinstance(item, torch.Tensor | np.ndarray):
        return (_tensor(item),), {}
    raise TypeError(
        "A batch of calibration_inputs must be a tensor, a tuple or a dict of tensors, "
        f"got {type(item).__name__}."
    )


def _tensor(value):
    return torch.from_numpy(value) if isinstance(value, np.ndarray) else value


def _rows(batch, rows):
    args, kwargs = batch
    n_rows = rows_of(batch)

    def cut(value):
        is_tensor = isinstance(value, torch.Tensor) and value.ndim
        return value[rows] if is_tensor and len(value) == n_rows else value

    return tuple(cut(v) for v in args), {key: cut(v) for key, v in kwargs.items()}


def parted(batches, share=0.75):
    """Return two sequences of batches: the first rows of each, and the others.

    Of batches with few rows, or whose tensors have not the same number, every fourth
    is held out whole.
    """
    sizes, evens = zip(*((rows_of(b), _is_even(b)) for b in batches), strict=True)
    if (np.median(sizes) < 4 or not all(evens)) and len(batches) > 1:
        held = set(range(3, len(batches), 4)) or {len(batches) - 1}
        cuts = [0 if k in held else size for k, size in enumerate(sizes)]
    else:
        cuts = [max(1, round(share * size)) for size in sizes]
    if cuts == list(sizes):
        raise ValueError(
            "calibration_inputs has only one row, but budget and allocation ask for "
            "some to hold out: give at least two."
        )
    first = [slice(cut) for cut in cuts]
    return _cut(batches, first), _cut(batches, [slice(cut, None) for cut in cuts])


def _cut(batches, cuts):
    """Return some rows of each batch; whole batches whole."""

    def made():
        for batch, cut in zip(batches, cuts, strict=True):
            start, stop, _ = cut.indices(rows_of(batch))
            if stop - start == rows_of(batch):
                yield batch
            elif stop > start:
                yield _rows(batch, cut)

    return Passes(made) if isinstance(batches, Passes) else list(made())


def _is_even(batch):
    """Whether all tensors of a batch have the same number of rows."""
    tensors = [v for v in _values(batch) if isinstance(v, torch.Tensor)]
    return len({len(v) if v.ndim else -1 for v in tensors}) <= 1
