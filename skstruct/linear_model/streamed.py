"""Where `fit` leaves the rows where they are, and reads them in chunks."""

from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from skstruct.groups import make_layout
from skstruct.solvers.lockstep import obstacle_to_passes
from skstruct.solvers.passes import PassKernel
from skstruct.solvers.solution import Problem
from skstruct.solvers.streamed_moments import FoldMoments, MomentsKernel, stand_in
from skstruct.streams import RowsNeeded, is_streamed, open_stream
from skstruct.streams.chunk import Form
from skstruct.streams.open import is_large_memmap

# Most columns of which all products are kept, 8 bytes for each pair. With more, the
# squared error is minimised in several passes, as other losses are.
_MOST_FEATURES = 5000


class Data(NamedTuple):
    """What a fit goes on with.

    Attributes
    ----------
    X, y : object
        As validated; as they were given, where they are read in chunks.
    problem : Problem
        What to solve.
    n_folds : int
        Folds into which rows that are read in chunks are split.
    moments : FoldMoments or None
        Of rows that were read in chunks.
    target : Numbers, Labels or None
        How responses of rows that are read in passes were encoded.
    """

    X: Any
    y: Any
    problem: Problem
    n_folds: int = 0
    moments: FoldMoments | None = None
    target: Any = None


class ReadsInChunks:
    """Mixin of linear models that can be fitted to rows that are not in memory."""

    def _problem_to_fit(self, X, y, sample_weight, offset, make_folds=None):
        """Validate everything that fit was given; return `Data`.

        The one place where it is seen that X is no array in memory.

        Parameters
        ----------
        X, y, sample_weight, offset
            As given.
        make_folds : callable or None
            ``make_folds(stream)`` returns the folds of a stream.
        """
        if is_streamed(X, y):
            return self._read(X, y, sample_weight, offset, make_folds)
        if is_large_memmap(X) and not self._obstacle():
            # What needs all rows can be made of them too: they are an array.
            with suppress(RowsNeeded):
                return self._read(X, y, sample_weight, offset, make_folds)
        vars(self).pop("n_passes_", None)
        return Data(*self._make_problem(X, y, sample_weight, offset))

    def _obstacle(self):
        """Say why rows cannot be read in chunks with these parameters, or ''."""
        adaptive = getattr(self, "adaptive", None)
        if isinstance(adaptive, str):
            return (
                f"adaptive={adaptive!r} cross-validates a first fit, which needs all "
                "rows. Fit it yourself, and pass its coef_ as adaptive."
            )
        if self._has_squared_error():
            return ""
        if adaptive is not None and self.standardize != "none":
            return (
                f"adaptive with standardize={self.standardize!r} needs the columns' "
                "scales before the fit. Pass group_weights."
            )
        if np.any(getattr(self, "relax", False)):
            return f"relax={self.relax!r} is for the squared error alone then."
        return obstacle_to_passes(self._stream_loss(), self._penalty())

    def _has_squared_error(self):
        return self._stream_loss().is_quadratic

    def _read(self, X, y, sample_weight, offset, make_folds=None):
        """Read rows in chunks: all that is needed of them, or to be read in passes."""
        obstacle = self._obstacle()
        if obstacle:
            raise ValueError(
                f"{type(self).__name__} cannot read X, a {type(X).__name__}, in "
                f"chunks: {obstacle}"
            )
        n_jobs = getattr(self, "n_jobs", None)
        stream = open_stream(X, y, sample_weight, offset, n_jobs)
        in_one_pass = self._has_squared_error() and stream.n_features <= _MOST_FEATURES
        if stream.why_once and not in_one_pass:
            raise ValueError(stream.why_once)
        template = self._template(stream)
        target, q = self._target_of(stream)
        template = replace(template, y=np.empty((0, q)), loss=self._stream_loss(target))
        folds = None if make_folds is None else make_folds(stream)
        n_folds = 0 if folds is None else folds.n_folds
        form = Form(stream.n_features, stream.feature_names, stream.y_shape, target)

        def run(kernel):
            found = stream.sum(kernel, form, folds)
            self.n_passes_ = stream.n_passes
            if found is None:
                raise ValueError(f"X ({stream.name}) has no rows.")
            return found

        if not in_one_pass:
            problem = replace(
                template,
                has_rows=False,
                run_pass=lambda request: run(PassKernel(template.loss, request)),
            )
            return Data(X, y, problem, n_folds, target=target)
        found = run(MomentsKernel(n_folds))
        total = found.without(None)
        if total.weight == 0:
            raise ValueError(
                f"sample_weight is zero for every row of X ({stream.name}): at least "
                "one weight must be positive."
            )
        self._n_effective = total.weight
        return Data(X, y, stand_in(template, total), n_folds, found)

    def _template(self, stream):
        """Return the problem of a stream's columns, without rows."""
        p = stream.n_features
        self.n_features_in_ = p
        if stream.feature_names is not None:
            self.feature_names_in_ = np.array(stream.feature_names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        penalty = self._penalty()
        layout = make_layout(
            self.groups,
            p,
            feature_names=getattr(self, "feature_names_in_", None),
            weights=self.group_weights,
            remainder=self.remainder,
            overlap=penalty.overlap != "refused",
        )
        return Problem(
            matrix=None,
            y=None,
            weights=None,
            layout=layout,
            penalty=penalty,
            fit_intercept=self.fit_intercept,
            scaling=self.standardize,
            dtype=stream.dtype,
        )
