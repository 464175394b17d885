"""A stream: what is known of all rows, and sums over their chunks."""

from dataclasses import dataclass, field, replace

import numpy as np

from skstruct.streams.chunk import refuse_not_finite
from skstruct.streams.executors import make_executor


@dataclass
class Stream:
    """Rows that come in chunks.

    Attributes
    ----------
    name : str
        What messages call it.
    n_features : int
        Width of X.
    feature_names : tuple of str or None
        Names of its columns.
    dtype : dtype
        In which coefficients are returned: that of X, or float64.
    y_shape : tuple
        Shape of y but for its rows.
    make_parts : callable
        Returns an iterable of `Part`, anew each time.
    n_rows : int or None
        Number of rows, where it is known beforehand.
    is_dask : bool
        Whether pieces are Dask's.
    is_apart : bool
        Whether labels can be read without the features.
    why_once : str
        Why there can be a single pass only; empty where there can be many.
    n_jobs : int or None
        Number of threads.
    n_passes : int
        Passes over the rows so far.
    """

    name: str
    n_features: int
    feature_names: tuple | None
    dtype: object
    y_shape: tuple
    make_parts: object = field(repr=False)
    n_rows: int | None = None
    is_dask: bool = False
    is_apart: bool = False
    why_once: str = ""
    n_jobs: int | None = None
    n_passes: int = 0

    def sum(self, kernel, form, folds=None):
        """Return the sum of ``kernel.of(chunk)`` over chunks; None if there are none.

        Parameters
        ----------
        kernel : object
            Can be pickled; its results can be added, and ``kernel.is_finite(result)``
            tells whether a result is free of NaN and infinity. If not, the chunk is
            searched for them; if it ``must_be_finite``, it is an error in any case.
        form : Form
            What chunks are checked against.
        folds : folds or None
            Which fold holds out each row.
        """
        if self.n_passes and self.why_once:
            raise ValueError(self.why_once)
        self.n_passes += 1
        parts = map(form.wanted, self.make_parts())
        if folds is not None:
            parts = (replace(part, folds=folds.of_part(part)) for part in parts)
        executor = make_executor(self.is_dask, self.n_jobs)
        return executor.sum(ChunkTask(kernel, form), parts)


@dataclass(frozen=True)
class ChunkTask:
    """A kernel and what its chunks must look like."""

    kernel: object
    form: object

    def run(self, part):
        """Return what the kernel says of a part.

        That X is finite is looked up in the results first, which are short.
        """
        chunk = self.form.read(part)
        with np.errstate(invalid="ignore", over="ignore"):
            result = self.kernel.of(chunk)
        if not self.kernel.is_finite(result):
            try:
                refuse_not_finite(chunk.X)
            except ValueError as error:
                raise ValueError(f"{part.name}: {error}") from None
            if self.kernel.must_be_finite:
                raise ValueError(
                    f"{part.name}: values of X or y are too large for their squares "
                    "to be finite; rescale them."
                )
        return result
