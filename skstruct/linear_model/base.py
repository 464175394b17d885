"""What the linear estimators share: data and groups in, attributes out."""

import functools
import sys
import warnings
from contextlib import contextmanager
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import check_is_fitted, validate_data

from skstruct._compat import CallbackSupportMixin, Interval, StrOptions
from skstruct.groups import make_layout
from skstruct.groups.frame import groups_frame
from skstruct.penalties import GroupL2
from skstruct.solvers.matrix import as_matrix
from skstruct.solvers.outcomes import advice, measure, outcomes
from skstruct.solvers.solution import Problem


class GroupLinearRegressor(
    CallbackSupportMixin, MultiOutputMixin, RegressorMixin, BaseEstimator
):
    """Base of linear regressors with a penalty on groups of coefficients.

    Subclasses set the parameters named in ``_parameter_constraints`` in their
    constructors.
    """

    _parameter_constraints = {
        "groups": "no_validation",  # make_layout says what is wrong, and how to mend it
        "group_weights": "no_validation",
        "remainder": "no_validation",
        "fit_intercept": ["boolean"],
        "standardize": [StrOptions({"none", "features", "groups"})],
        "positive": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "verbose": ["verbose"],
    }

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # -- data in ---------------------------------------------------------------

    def _make_problem(self, X, y, sample_weight, offset):
        """Validate everything that fit was given; return X, y and the problem."""
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csc",
            accept_large_sparse=True,
            dtype=[np.float64, np.float32],
            multi_output=True,
            y_numeric=True,
        )
        if sparse.issparse(X):
            X = _with_sorted_sums(X)
        layout = make_layout(
            self.groups,
            X.shape[1],
            feature_names=getattr(self, "feature_names_in_", None),
            weights=self.group_weights,
            remainder=self.remainder,
        )
        y = np.asarray(y, dtype=np.float64)
        problem = Problem(
            matrix=as_matrix(X),
            y=y.reshape(len(y), -1),
            offset=None if offset is None else check_offset(offset, y),
            weights=normalised_weights(sample_weight, X.shape[0]),
            layout=layout,
            penalty=GroupL2(positive=self.positive),
            fit_intercept=self.fit_intercept,
            scaling=self.standardize,
            dtype=X.dtype,
        )
        return X, y, problem

    # -- attributes out --------------------------------------------------------

    def _set_solution(self, problem, solution, i, y):
        """Store the i-th solution of a path as fitted attributes."""
        layout = problem.layout
        coef = solution.coefs[i].T.astype(problem.dtype)
        intercept = solution.intercepts[i]
        if not self.fit_intercept:
            intercept = np.zeros_like(intercept)
        self.coef_ = coef[0] if y.ndim == 1 else coef
        self.intercept_ = float(intercept[0]) if y.ndim == 1 else intercept
        self.dual_gap_ = float(solution.gaps[i])
        self.n_iter_ = int(solution.n_iters[i])
        self.groups_ = layout.feature_groups()
        self.group_names_ = layout.names_array()
        self.group_weights_ = layout.weights.copy()
        self.group_norms_ = layout.norms(coef)
        self.selected_groups_ = self.group_names_[self.group_norms_ > 0]

    def groups_to_frame(self):
        """Show the groups, one row each, as a table.

        Returns
        -------
        pandas.DataFrame
            With columns ``name``, ``features`` (list of names, or indices where X
            had none), ``size``, ``weight``, ``norm`` (Euclidean norm of the group's
            coefficients, all outputs together) and ``selected`` (whether it is not
            zero). Rows are in the order of ``group_names_``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        sklearn.exceptions.NotFittedError
            If the estimator has not been fitted.
        """
        check_is_fitted(self)
        return groups_frame(
            names=self.group_names_,
            groups=self.groups_,
            feature_names=getattr(self, "feature_names_in_", None),
            weights=self.group_weights_,
            norms=self.group_norms_,
        )

    def predict(self, X, offset=None):
        """Predict the response.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        offset : array-like of shape (n_samples,) or (n_samples, n_outputs), \
                default=None
            Added to the prediction: the part of the response that is known.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            ``X @ coef_.T + intercept_ + offset``.
        """
        check_is_fitted(self)
        X = validate_data(
            self,
            X,
            accept_sparse=["csr", "csc"],
            dtype=[np.float64, np.float32],
            reset=False,
        )
        prediction = np.asarray(X @ self.coef_.T + self.intercept_)
        if offset is not None:
            known = check_offset(offset, prediction)
            prediction = prediction + (known[:, 0] if prediction.ndim == 1 else known)
        return prediction

    def score(self, X, y, sample_weight=None, offset=None):
        """Return the coefficient of determination of the prediction.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            True responses.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights.
        offset : array-like of shape (n_samples,) or (n_samples, n_outputs), \
                default=None
            Passed to :meth:`predict`.

        Returns
        -------
        float
            R squared, averaged over outputs.
        """
        from sklearn.metrics import r2_score

        prediction = self.predict(X, offset=offset)
        return r2_score(y, prediction, sample_weight=sample_weight)


def _with_sorted_sums(X):
    """Return CSC data without duplicate entries, X itself left untouched."""
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def normalised_weights(sample_weight, n_samples):
    """Return weights (n_samples,) that sum to one, zeros exactly where given.

    Raises
    ------
    ValueError
        If `sample_weight` has another shape, is negative, not finite, or all zero.
    """
    if sample_weight is None:
        return np.full(n_samples, 1.0 / n_samples)
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n_samples, sample_weight)
    weights = check_array(
        sample_weight,
        ensure_2d=False,
        dtype=np.float64,
        input_name="sample_weight",
    )
    if weights.shape != (n_samples,):
        raise ValueError(
            f"sample_weight has shape {weights.shape}; it must be 1D, one weight for "
            f"each of the {n_samples} samples: ({n_samples},)."
        )
    negative = np.flatnonzero(weights < 0)
    if len(negative):
        raise ValueError(
            f"sample_weight must not be negative; sample {negative[0]} has weight "
            f"{weights[negative[0]]:g}. Leave samples out with weight 0."
        )
    largest = weights.max()
    if largest == 0:
        raise ValueError(
            "sample_weight is zero for every sample: at least one weight must be "
            "positive."
        )
    weights = weights / largest  # first, as sums of weights may overflow
    return weights / weights.sum()


def check_offset(offset, y):
    """Return the offset as (n_samples, n_outputs or 1).

    Raises
    ------
    ValueError
        If `offset` is not finite or does not have one value for each response.
    """
    if np.ndim(offset) == 0:
        offset = np.full(len(y), offset)
    offset = check_array(offset, ensure_2d=False, dtype=np.float64, input_name="offset")
    check_consistent_length(offset, y)
    n_outputs = 1 if y.ndim == 1 else y.shape[1]
    offset = offset.reshape(len(offset), -1)
    if offset.shape[1] not in (1, n_outputs):
        raise ValueError(
            f"offset has {offset.shape[1]} columns where the response has {n_outputs}; "
            "give one value for each sample, or one for each sample and output."
        )
    return offset


@contextmanager
def unchanged_on_error(estimator):
    """Give the estimator back as it was if anything goes wrong."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def atomic_fit(fit):
    """Make a fit method all or nothing: an error leaves the estimator as it was."""

    @functools.wraps(fit)
    def fit_or_leave(self, *args, **kwargs):
        with unchanged_on_error(self):
            return fit(self, *args, **kwargs)

    return fit_or_leave


def warn_if_not_converged(solution, tol, max_iter, where=""):
    """Warn of the solutions whose gap is too large, with what to do about it."""
    failed = np.flatnonzero(~solution.converged)
    if len(failed) == 0:
        return
    worst = failed[np.argmax(solution.gaps[failed])]
    at = f"alpha={solution.alphas[worst]:.3g}"
    if len(failed) > 1:
        at = f"{len(failed)} of {len(solution.alphas)} alphas, worst at {at}"
    gap = f"{solution.gaps[worst]:.3g}"
    if solution.is_certified:
        relative = solution.gaps[worst] / max(solution.null_loss, np.finfo(float).tiny)
        gap += f", {relative:.2g} of the null model's loss"
    else:
        gap += " of alpha"
    outcome = outcomes(solution, max_iter)[worst]
    warnings.warn(
        f"Did not converge{where} ({at}): the {measure(solution)} is {gap}, "
        f"where tol={tol:.2g} was asked for. The best solution found is kept. "
        f"{advice(solution, outcome, max_iter)}",
        ConvergenceWarning,
        stacklevel=_frames_to_the_user(),
    )


def _frames_to_the_user():
    """Count the frames up to the first outside this package and scikit-learn's."""
    frame, level = sys._getframe(1), 1
    while frame is not None:
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        if package not in ("skstruct", "sklearn", "joblib", "contextlib"):
            return level
        frame, level = frame.f_back, level + 1
    return 2
