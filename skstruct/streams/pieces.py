"""What a part of a stream holds of each of its arrays: enough to load its rows.

Pieces are small and can be pickled, so that any worker can load any of them again.
"""

from dataclasses import dataclass, field, replace

import numpy as np


@dataclass(frozen=True)
class FileRows:
    """Rows of an array in a file, mapped when they are loaded and not before.

    Attributes
    ----------
    path : str
        The file.
    dtype : dtype
        Of the array.
    shape : tuple
        Of the whole array.
    offset : int
        Where it starts in the file, in bytes.
    order : {"C", "F"}
        Its memory order.
    start, stop : int
        The rows.
    """

    path: str
    dtype: object
    shape: tuple
    offset: int
    order: str
    start: int = 0
    stop: int | None = None

    def __len__(self):
        return self.shape[0]

    def rows(self, start, stop):
        """Return the piece of these rows."""
        return replace(self, start=start, stop=stop)

    def load(self):
        """Return the rows, in pages of the file."""
        whole = np.memmap(
            self.path, self.dtype, "r", self.offset, self.shape, self.order
        )
        return np.asarray(whole[self.start : self.stop])


@dataclass(frozen=True)
class ArrayRows:
    """Rows of an array or sparse matrix in memory."""

    array: object

    def __len__(self):
        return self.array.shape[0]

    def rows(self, start, stop):
        """Return the piece of these rows."""
        return ArrayRows(self.array[start:stop])

    def load(self):
        """Return the rows."""
        return self.array


@dataclass(frozen=True)
class ParquetRows:
    """One row group of a parquet file, as a table."""

    path: str
    row_group: int
    columns: tuple

    def load(self):
        """Read the row group."""
        from pyarrow import parquet

        with parquet.ParquetFile(self.path) as file:
            return file.read_row_group(self.row_group, list(self.columns)).to_pandas()


@dataclass(frozen=True)
class ColumnOf:
    """A column, or some, of the table that is the part's first piece."""

    name: object


@dataclass(frozen=True)
class Called:
    """Rows that a function without arguments returns."""

    function: object

    def load(self):
        """Call the function."""
        return self.function()


_LOADED = (FileRows, ArrayRows, ParquetRows, Called)


@dataclass(frozen=True)
class Part:
    """Some rows of a stream.

    Attributes
    ----------
    index : int
        Its position among the parts.
    where : str
        Which rows they are, in words.
    pieces : tuple
        Of X, y, weights and offset, each None or a piece, or what Dask makes of one;
        or of a table before them, which they may be columns of; or a single piece that
        is a tuple of those arrays.
    start, stop : int or None
        Positions of its rows among all rows, where they are known.
    folds : object
        Tells which fold holds out each row, by ``folds.ids(n_rows)``; None without
        folds.
    """

    index: int
    where: str
    pieces: tuple = field(repr=False)
    start: int | None = None
    stop: int | None = None
    folds: object = None

    @property
    def name(self):
        """What messages call it."""
        return f"chunk {self.index} ({self.where})"

    def bare(self):
        """Return the part without its pieces."""
        return replace(self, pieces=())

    def holding(self, pieces):
        """Return the part with other pieces."""
        return replace(self, pieces=pieces)

    def load(self):
        """Return X, y, weights and offset as they were given, None for the last two.

        Errors on the way are noted to be of this part.
        """
        try:
            return self._loaded()
        except Exception as error:
            error.add_note(f"while loading {self.name}")
            raise

    def _loaded(self):
        arrays = [p.load() if isinstance(p, _LOADED) else p for p in self.pieces]
        if len(arrays) == 1:
            arrays = self._unpacked(arrays[0])
        if len(arrays) == 5:  # a table first, of which the rest may be columns
            table, *arrays = arrays
            arrays = [table[a.name] if isinstance(a, ColumnOf) else a for a in arrays]
        return arrays

    def _unpacked(self, chunk):
        if not isinstance(chunk, tuple) or not 2 <= len(chunk) <= 4:
            what = type(chunk).__name__
            if isinstance(chunk, tuple):
                what = f"a tuple of {len(chunk)}"
            raise ValueError(
                f"{self.name} must be a tuple (X, y), (X, y, sample_weight) or (X, y, "
                f"sample_weight, offset); got {what}."
            )
        return [*chunk, *[None] * (4 - len(chunk))]
