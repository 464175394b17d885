"""What all linear models share: data and groups in, attributes out."""

from dataclasses import replace
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from skstruct._compat import CallbackSupportMixin, Interval, StrOptions
from skstruct.groups import make_layout
from skstruct.groups.report import GroupReports
from skstruct.linear_model.validation import (
    check_offset,
    checked_weights,
    normalised,
)
from skstruct.solvers.matrix import as_matrix
from skstruct.solvers.solution import Problem
from skstruct.streams import refuse_stream

_PLACES = {"accept_sparse": "csc", "accept_large_sparse": True}


class GroupLinearModel(GroupReports, CallbackSupportMixin, BaseEstimator):
    """Base of linear models with a penalty on groups of coefficients.

    Subclasses set the parameters named in ``_parameter_constraints`` in their
    constructors, and say what their penalty is (`_penalty`), and their responses
    (`_encoded`).
    """

    _doc_link_module = "skstruct"
    _doc_link_template = (
        "https://skstruct.readthedocs.io/en/latest/reference/"
        "{estimator_module}.{estimator_name}.html"
    )

    def _doc_link_url_param_generator(self):
        return {
            "estimator_module": self._doc_link_module,
            "estimator_name": type(self).__name__,
        }

    _parameter_constraints: dict = {
        "groups": "no_validation",  # make_layout says what is wrong, and how to mend it
        "group_weights": "no_validation",
        "remainder": "no_validation",
        "fit_intercept": ["boolean"],
        "standardize": [StrOptions({"none", "features", "groups"})],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "verbose": ["verbose"],
    }

    #: Added to the linear predictor of rows that scorers see; theirs is X only.
    _known_offset = None

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _penalty(self):
        """Return the penalty that the parameters stand for."""
        raise NotImplementedError

    def _encoded(self, y, weights):
        """Return responses (n, q), sample weights and the loss for validated y.

        What predictions need to know of y is stored as attributes.
        """
        raise NotImplementedError

    def _validated(self, X, y, **how):
        """Return X and y, checked by scikit-learn."""
        raise NotImplementedError

    # -- data in ---------------------------------------------------------------

    def _make_problem(self, X, y, sample_weight, offset, **how):
        """Validate what fit was given, in memory; return X, y and the problem."""
        refuse_stream(self, X)
        X, y = self._validated(X, y, **how)
        if sparse.issparse(X):
            X = _with_sorted_sums(X)
        penalty = self._penalty()
        layout = make_layout(
            self.groups,
            X.shape[1],
            feature_names=getattr(self, "feature_names_in_", None),
            weights=self.group_weights,
            remainder=self.remainder,
            overlap=penalty.overlap != "refused",
        )
        weights = checked_weights(sample_weight, X.shape[0])
        responses, weights, loss = self._encoded(y, weights)
        if offset is not None:
            offset = check_offset(offset, *responses.shape)
        self._n_effective = float(weights.sum())
        problem = Problem(
            matrix=as_matrix(X),
            y=responses,
            offset=offset,
            weights=normalised(weights),
            layout=layout,
            penalty=penalty,
            loss=loss,
            fit_intercept=self.fit_intercept,
            scaling=self.standardize,
            dtype=X.dtype,
        )
        return X, y, problem

    def _validate(self, X, y, **how):
        return validate_data(
            self, X, y, dtype=[np.float64, np.float32], **_PLACES, **how
        )

    # -- attributes out --------------------------------------------------------

    @property
    def _is_flat(self):
        """Whether coefficients are those of one output, (n_features,)."""
        raise NotImplementedError

    def _set_solution(self, problem, solution, i):
        """Store the i-th solution of a path as fitted attributes."""
        self._set_coefficients(problem, solution, i)
        self.dual_gap_ = float(solution.gaps[i])
        self.n_iter_ = int(solution.n_iters[i])

    def _set_coefficients(self, problem, solution, i):
        layout = problem.layout
        coef = solution.coefs[i].T.astype(problem.dtype)
        intercept = solution.intercepts[i]
        if not self.fit_intercept:
            intercept = np.zeros_like(intercept)
        self._base_loss = problem.loss
        self.coef_ = coef[0] if self._is_flat else coef
        self.intercept_ = float(intercept[0]) if self._is_flat else intercept.copy()
        self.groups_ = layout.feature_groups()
        self.group_names_ = layout.names_array()
        self.group_weights_ = layout.weights.copy()
        self.group_norms_ = layout.norms(coef)
        self.selected_groups_ = self.group_names_[self.group_norms_ > 0]

    def _path_arrays(self, problem, solution):
        """Return coefs and intercepts of a path in the shapes of scikit-learn's."""
        coefs = solution.coefs.transpose(2, 1, 0).astype(problem.dtype)
        intercepts = solution.intercepts.T
        return (coefs[0], intercepts[0]) if self._is_flat else (coefs, intercepts)

    def _fitted_problem(self, problem):
        """Return a problem with the penalty and weights that this model ended with."""
        layout = replace(problem.layout, weights=self.group_weights_)
        return replace(problem, layout=layout, penalty=self._penalty())

    # -- predictions -----------------------------------------------------------

    def _linear_predictor(self, X, offset=None):
        """Return ``X @ coef_.T + intercept_ + offset``, (n,) or (n, q)."""
        check_is_fitted(self)
        X = validate_data(
            self,
            X,
            accept_sparse=["csr", "csc"],
            dtype=[np.float64, np.float32],
            reset=False,
        )
        predictor = np.asarray(X @ self.coef_.T + self.intercept_)
        offset = self._known_offset if offset is None else offset
        if offset is None:
            return predictor
        q = 1 if predictor.ndim == 1 else predictor.shape[1]
        known = check_offset(offset, len(predictor), q)
        return predictor + (known[:, 0] if predictor.ndim == 1 else known)


def _with_sorted_sums(X):
    """Return CSC data without duplicate entries, X itself left untouched."""
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X
