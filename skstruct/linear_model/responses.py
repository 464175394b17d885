"""Any data as the problem of a fitted linear model: responses, weights, predictors."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import validate_data

from skstruct.losses import Loss


class FittedResponses(NamedTuple):
    """What a loss needs to know of data and model."""

    loss: Loss
    y: np.ndarray  #: (n_samples, q), as the loss wants them
    weights: np.ndarray  #: (n_samples,), they sum to one
    X: Any  #: (n_samples, n_features), validated
    predictor: np.ndarray  #: (n_samples, q)
    coef: np.ndarray  #: (n_features, q)


def fitted_problem(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any,
    offset: Any = None,
    in_chunks: bool = False,
) -> tuple[Any, Any, np.ndarray]:
    """Check data against a fitted linear model, which stays as it is.

    Parameters
    ----------
    estimator : linear model of this package
        A fitted estimator.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Responses.
    sample_weight : array-like of shape (n_samples,) or None
        Sample weights.
    offset : array-like of shape (n_samples,) or (n_samples, n_outputs) or None
        Offsets.
    in_chunks : bool
        Whether X may be what is read in chunks.

    Returns
    -------
    X : (n_samples, n_features) array or sparse matrix
        As validated.
    problem : Problem
        Of these samples.
    coef : (n_features, q) float64 array
        Coefficients of the model.

    Raises
    ------
    ValueError
        If the data do not fit the estimator.
    """
    twin = clone(estimator)  # validation of X and y leaves its traces there
    make = twin._problem_to_fit if in_chunks else twin._make_problem
    X, _, problem, *_ = make(X, y, sample_weight, offset)
    name = type(estimator).__name__
    if twin.n_features_in_ != estimator.n_features_in_:
        raise ValueError(
            f"X has {twin.n_features_in_} features, but {name} was fitted with "
            f"{estimator.n_features_in_}."
        )
    if hasattr(estimator, "classes_"):
        known, given = estimator.classes_.tolist(), twin.classes_.tolist()
        if known != given:
            raise ValueError(
                f"y has the classes {given}, but {name} was fitted with {known}."
            )
    coef = np.atleast_2d(estimator.coef_).T.astype(np.float64)
    if coef.shape[1] != problem.y.shape[1]:
        raise ValueError(
            f"y has {problem.y.shape[1]} outputs, but {name} was fitted with "
            f"{coef.shape[1]}."
        )
    return X, problem, coef


def fitted_responses(
    estimator: Any, X: Any, y: Any, sample_weight: Any
) -> FittedResponses:
    """Encode y as the loss of a fitted linear model takes it, and predict for X.

    Parameters
    ----------
    estimator : linear model of this package
        A fitted estimator.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Responses.
    sample_weight : array-like of shape (n_samples,) or None
        Sample weights.

    Returns
    -------
    FittedResponses
        Of these samples.

    Raises
    ------
    ValueError
        If the data do not fit the estimator.
    """
    validate_data(estimator, X, skip_check_array=True, reset=False)
    X, problem, coef = fitted_problem(estimator, X, y, sample_weight)
    problem.loss.check_target(problem.y, problem.weights)
    predictor = X @ coef + np.atleast_1d(estimator.intercept_)
    return FittedResponses(problem.loss, problem.y, problem.weights, X, predictor, coef)
