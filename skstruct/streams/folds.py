"""Which fold holds out which row of a stream."""

from dataclasses import dataclass

import numpy as np


class RowsNeeded(ValueError):
    """Folds cannot be made of rows that are read in chunks."""


@dataclass(frozen=True)
class RowFolds:
    """Folds of rows whose positions are known.

    Attributes
    ----------
    ids : (n,) integer array
        The fold that holds out each row, -1 for none.
    n_folds : int
        Number of folds.
    """

    ids: np.ndarray
    n_folds: int

    def of_part(self, part):
        """Return the folds of a part: those of the rows from its start on."""
        if part.start is None:
            raise ValueError(f"{part.name}: the position of its rows is not known.")
        return _Ids(self.ids[part.start : part.stop])


@dataclass(frozen=True)
class _Ids:
    known: np.ndarray

    def ids(self, n_rows):
        return self.known


@dataclass(frozen=True)
class DealtFolds:
    """Rows dealt out in turn, chunk by chunk, where the number of rows is not known.

    Row r of chunk c is held out by fold ``(r + c) % n_folds``.
    """

    n_folds: int

    def of_part(self, part):
        """Return the folds of a part."""
        return _Dealt(self.n_folds, part.index)


@dataclass(frozen=True)
class _Dealt:
    n_folds: int
    first: int

    def ids(self, n_rows):
        return (np.arange(n_rows) + self.first) % self.n_folds
