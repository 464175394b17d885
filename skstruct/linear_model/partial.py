"""Fits that go on where the last batch of rows ended."""

from sklearn.utils.metaestimators import available_if

from skstruct._compat import fit_context
from skstruct.linear_model.choices import loss_of
from skstruct.linear_model.fitting import atomic_fit
from skstruct.solvers.moments import Moments
from skstruct.solvers.streamed_moments import stand_in
from skstruct.streams import is_streamed


def _has_moments(estimator):
    """Whether the loss is the squared error; else say why there is no partial fit."""
    loss = getattr(estimator, "loss", None)
    if loss is None or not loss_of(loss).is_quadratic:
        raise AttributeError(
            f"{type(estimator).__name__} has partial_fit for the squared error alone: "
            "of other losses, rows that are gone cannot be taken into account exactly. "
            "Pass fit a source of all chunks, which it reads again and again."
        )
    return True


class PartialFit:
    """Mixin of regressors that take their rows batch by batch."""

    _moments = None

    @available_if(_has_moments)
    @atomic_fit
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None, offset=None):
        """Fit the model to these rows and all that came before.

        Exact: the model is that of :meth:`fit` to all rows together, whatever the
        sizes of the batches; their order only matters to rounding. Of the rows, the
        means and the products of all pairs of columns are kept, so that a pickled
        model can go on. :meth:`fit` starts afresh.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or anything \
                that `fit` reads in chunks
            More rows. All batches have the same columns.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Responses.
        sample_weight : array-like of shape (n_samples,), default=None
            Nonnegative weights.
        offset : array-like of shape (n_samples,) or (n_samples, n_outputs), \
                default=None
            Known part of the linear predictor.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If data, groups or parameters are not valid; the message says which, and
            the estimator stays as it was.
        AttributeError
            If the loss is not the squared error.

        Warns
        -----
        sklearn.exceptions.ConvergenceWarning
            If the duality gap is larger than asked for.
        """
        before = self._moments
        if is_streamed(X, y):
            data = self._read(X, y, sample_weight, offset)
            problem, moments = data.problem, data.problem.moments
            if moments is None:
                raise ValueError(
                    f"X has {self.n_features_in_} features: partial_fit keeps the "
                    "products of all pairs of columns, which are too many. Select "
                    "columns before, or pass fit a source of all chunks."
                )
        else:
            _, _, problem = self._make_problem(
                X, y, sample_weight, offset, reset=before is None
            )
            moments = self._moments_of(problem)
        if before is not None:
            _check_width(before, moments)
            moments = before + moments
        self._n_effective = moments.weight
        problem = stand_in(problem, moments)
        self._solve(problem)
        self._moments = moments
        return self

    def _moments_of(self, problem):
        problem = problem.prepared()
        X, weights = problem.matrix.X, problem.weights * self._n_effective
        if problem.matrix.is_sparse:
            X = X.tocsr()
        return Moments.of_rows(X, problem.y, weights)


def _check_width(before, moments):
    """Raise a ValueError unless batches have the same columns."""
    if len(before.mean) != len(moments.mean):
        raise ValueError(
            f"X and y have {len(moments.mean)} columns together, where earlier batches "
            f"had {len(before.mean)}."
        )
