"""Calibration inputs as users have them, as batches of arguments of a model."""

from collections.abc import Mapping

import numpy as np
import torch


def as_batches(inputs, batch_size):
    """Return a list of (args, kwargs).

    Parameters
    ----------
    inputs : Tensor, tuple, mapping or iterable
        All inputs: one tensor or array; a tuple of them for several arguments; a
        mapping for named ones. Any other iterable, such as a list or a `DataLoader`,
        gives batches, each of them one of these.
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
    else:
        try:
            items = list(inputs)
        except TypeError as error:
            raise TypeError(
                "calibration_inputs must be a tensor, a tuple or dict of tensors, or "
                f"an iterable of such batches, got {type(inputs).__name__}."
            ) from error
        found = [
            _arguments(tuple(item) if isinstance(item, list) else item)
            for item in items
        ]
    if not sum(rows_of(batch) for batch in found):
        raise ValueError(
            "calibration_inputs has no rows: a few hundred inputs of the kind that the "
            "model will get are needed."
        )
    return [batch for batch in found if rows_of(batch)]


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
    """Return two lists of batches: the first rows of each, and the others.

    Of batches with few rows, or whose tensors have not the same number, every fourth
    is held out whole.
    """
    sizes = [rows_of(batch) for batch in batches]
    is_whole = np.median(sizes) < 4 or not all(map(_is_even, batches))
    if is_whole and len(batches) > 1:
        held = set(range(3, len(batches), 4)) or {len(batches) - 1}
        fit = [batch for k, batch in enumerate(batches) if k not in held]
        return fit, [batches[k] for k in sorted(held)]
    cuts = [max(1, round(share * size)) for size in sizes]
    if cuts == sizes:
        raise ValueError(
            "calibration_inputs has only one row, but budget and allocation ask for "
            "some to hold out: give at least two."
        )
    fit = [_rows(b, slice(cut)) for b, cut in zip(batches, cuts, strict=True)]
    rest = [_rows(b, slice(cut, None)) for b, cut in zip(batches, cuts, strict=True)]
    return fit, [batch for batch in rest if rows_of(batch)]


def _is_even(batch):
    """Whether all tensors of a batch have the same number of rows."""
    tensors = [v for v in _values(batch) if isinstance(v, torch.Tensor)]
    return len({len(v) if v.ndim else -1 for v in tensors}) <= 1
