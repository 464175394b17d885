"""Where `fit` leaves the rows where they are, and reads them in chunks."""

from typing import Any, NamedTuple

import numpy as np

from skstruct.groups import make_layout
from skstruct.linear_model.choices import loss_of
from skstruct.linear_model.targets import Numbers
from skstruct.solvers.solution import Problem
from skstruct.solvers.streamed_moments import FoldMoments, MomentsKernel, stand_in
from skstruct.streams import is_streamed, open_stream
from skstruct.streams.chunk import Form
from skstruct.streams.open import is_large_memmap

# Most columns of which all products are kept: 8 bytes for each pair.
_MOST_FEATURES = 5000


class Data(NamedTuple):
    """What a fit goes on with.

    Attributes
    ----------
    X, y : object
        As validated; as they were given, where they are read in chunks.
    problem : Problem
        What to solve.
    moments : FoldMoments or None
        Of rows that were read in chunks.
    """

    X: Any
    y: Any
    problem: Problem
    moments: FoldMoments | None = None


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
        if is_streamed(X, y) or (is_large_memmap(X) and not self._obstacle()):
            return self._read(X, y, sample_weight, offset, make_folds)
        return Data(*self._make_problem(X, y, sample_weight, offset))

    def _obstacle(self):
        """Say why rows cannot be read in chunks with these parameters, or ''."""
        if isinstance(getattr(self, "adaptive", None), str):
            return (
                f"adaptive={self.adaptive!r} cross-validates a first fit, which needs "
                "all rows. Fit it yourself, and pass its coef_ as adaptive."
            )
        loss = getattr(self, "loss", None)
        if loss is None or not loss_of(loss).is_quadratic:
            return "The loss is not the squared error."
        return ""

    def _read(self, X, y, sample_weight, offset, make_folds=None):
        """Read rows in chunks, in one pass."""
        obstacle = self._obstacle()
        if obstacle:
            raise ValueError(
                f"{type(self).__name__} cannot read X, a {type(X).__name__}, in "
                f"chunks: {obstacle}"
            )
        n_jobs = getattr(self, "n_jobs", None)
        stream = open_stream(X, y, sample_weight, offset, n_jobs)
        template = self._template(stream)
        folds = None if make_folds is None else make_folds(stream)
        kernel = MomentsKernel(0 if folds is None else folds.n_folds)
        form = Form(
            stream.n_features,
            stream.feature_names,
            stream.y_shape,
            Numbers(template.loss),
        )
        found = stream.sum(kernel, form, folds)
        total = None if found is None else found.without(None)
        self._n_effective = _checked_weight(total, stream)
        self.n_passes_ = stream.n_passes
        return Data(X, y, stand_in(template, total), found)

    def _template(self, stream):
        """Return the problem of a stream's columns, without rows."""
        p = stream.n_features
        self.n_features_in_ = p
        if stream.feature_names is not None:
            self.feature_names_in_ = np.array(stream.feature_names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        if p > _MOST_FEATURES:
            raise ValueError(
                f"X has {p} features: with more than {_MOST_FEATURES}, the products of "
                "all pairs of columns, which the squared error needs of rows that are "
                "read in chunks, are too large. Select columns before, or load X."
            )
        penalty = self._penalty()
        layout = make_layout(
            self.groups,
            p,
            feature_names=getattr(self, "feature_names_in_", None),
            weights=self.group_weights,
            remainder=self.remainder,
            overlap=penalty.overlap != "refused",
        )
        self._n_dims = 1 + len(stream.y_shape)
        q = stream.y_shape[0] if stream.y_shape else 1
        return Problem(
            matrix=None,
            y=np.empty((0, q)),
            weights=np.empty(0),
            layout=layout,
            penalty=penalty,
            loss=loss_of(self.loss),
            fit_intercept=self.fit_intercept,
            scaling=self.standardize,
            dtype=stream.dtype,
        )


def _checked_weight(total, stream):
    """Return the sum of weights of a stream's rows."""
    if total is None or total.weight == 0:
        raise ValueError(
            f"X ({stream.name}) has no rows of positive weight: at least one weight "
            "must be positive."
        )
    return total.weight
