"""Which fold holds out which row, where rows are read in chunks."""

import os

import numpy as np
from sklearn.model_selection import KFold, check_cv

from skstruct.solvers.cross_validation import list_of_folds
from skstruct.streams import DealtFolds, RowFolds, RowsNeeded


def streamed_folds(cv, stream, y, *, is_for_classes, **params):
    """Return the folds of a stream that a splitter makes.

    Parameters
    ----------
    cv : int, splitter, iterable or None
        As scikit-learn takes it.
    stream : Stream
        The rows.
    y : object
        Responses as they were given; used where they are in memory or a ``.npy`` file.
    is_for_classes : bool
        Whether to stratify where `cv` is a number.
    **params : dict
        For the splitter.

    Raises
    ------
    RowsNeeded
        If a row is held out twice.
    ValueError
        If the number of rows is not known and needed.
    """
    n = stream.n_rows
    labels = _labels(y) if is_for_classes and n is not None else None
    splitter = check_cv(cv, labels, classifier=is_for_classes and labels is not None)
    is_plain = type(splitter) is KFold and not splitter.shuffle
    if n is None:
        if not is_plain:
            raise ValueError(
                f"cv={cv!r} needs to know how many rows X has, which {stream.name} "
                "does not tell. Use a number of folds, or data whose rows are counted."
            )
        return DealtFolds(splitter.get_n_splits())
    if is_plain:
        return _consecutive(splitter.get_n_splits(), n)
    labels = _labels(y) if labels is None else labels
    X = np.broadcast_to(np.zeros(1), (n, 1))
    ids, n_folds = np.full(n, -1, dtype=np.int16), 0
    for split in splitter.split(X, labels, **params):
        ((train, test),) = list_of_folds([split], n)
        held_out = np.ones(n, dtype=bool)
        held_out[train] = False
        is_rest = len(train) + len(test) == n and held_out[test].all()
        if not is_rest or (ids[test] >= 0).any():
            raise RowsNeeded(_NOT_A_PARTITION.format(cv=cv))
        ids[test] = n_folds
        n_folds += 1
    return RowFolds(ids, n_folds)


_NOT_A_PARTITION = (
    "cv={cv!r}: where rows are read in chunks, each may be held out once at most, and "
    "every fold must train on all others. Use KFold or another splitter of that kind."
)


def _consecutive(n_folds, n_rows):
    if n_folds > n_rows:
        raise ValueError(f"cv={n_folds} is more folds than X has rows, {n_rows}.")
    sizes = np.full(n_folds, n_rows // n_folds)
    sizes[: n_rows % n_folds] += 1
    return RowFolds(np.repeat(np.arange(n_folds, dtype=np.int16), sizes), n_folds)


def _labels(y):
    """Return responses that a splitter may look at; None where they are elsewhere."""
    if isinstance(y, str | os.PathLike) and str(y).endswith(".npy"):
        return np.load(y, mmap_mode="r")
    return np.asarray(y) if isinstance(y, np.ndarray | list) else None
