"""What the displays show, taken from paths of coefficients."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted, validate_data


def check_has_path(estimator: Any, display: str) -> None:
    """Raise unless the estimator is fitted and kept a path of coefficients."""
    check_is_fitted(estimator)
    if not hasattr(estimator, "coef_path_"):
        raise TypeError(
            f"{display} shows a path of models, which {type(estimator).__name__} does "
            "not have. Pass a fitted GroupLassoCV (of a pipeline: its last step, "
            "pipeline[-1])."
        )


def of_chosen_path(estimator: Any, values: Any) -> Any:
    """Return those values of several paths, one for each l1_ratio, of the chosen one.

    Values of the only path are returned as they are; alphas say which it is.
    """
    return values[estimator._chosen] if np.ndim(estimator.alphas_) == 2 else values


def coefficient_lines(
    coefs: np.ndarray, groups: Sequence[np.ndarray]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return one line for each coefficient, and which lines are each group's.

    Parameters
    ----------
    coefs : (n_features, n_alphas) or (n_outputs, n_features, n_alphas) array
        Coefficients along the path.
    groups : sequence of index arrays
        Features of each group.

    Returns
    -------
    lines : (n_outputs * n_features, n_alphas) array
        All coefficients of the first output, then of the next.
    members : list of integer arrays
        Lines of each group.
    """
    n_features = coefs.shape[-2]
    lines = coefs.astype(np.float64).reshape(-1, coefs.shape[-1])
    first = np.arange(0, len(lines), n_features)
    return lines, [(first[:, None] + own).ravel() for own in groups]


def norm_path(coefs: np.ndarray, groups: Sequence[np.ndarray]) -> np.ndarray:
    """Return the norm of each group at each alpha.

    Parameters
    ----------
    coefs : (n_features, n_alphas) or (n_outputs, n_features, n_alphas) array
        Coefficients along the path.
    groups : sequence of index arrays
        Features of each group.

    Returns
    -------
    (n_groups, n_alphas) array
        Euclidean norms, all outputs together.
    """
    outputs = coefs.astype(np.float64).reshape(-1, *coefs.shape[-2:])
    scale = np.abs(outputs).max(initial=0.0) or 1.0  # squares must not overflow
    squares = np.square(outputs / scale).sum(axis=0)
    return scale * np.array([np.sqrt(squares[own].sum(axis=0)) for own in groups])


def effect_path(coefs: np.ndarray, groups: Sequence[np.ndarray], X: Any) -> np.ndarray:
    """Return the standard deviation of what each group adds to predictions.

    Parameters
    ----------
    coefs : (n_features, n_alphas) or (n_outputs, n_features, n_alphas) array
        Coefficients along the path.
    groups : sequence of index arrays
        Features of each group.
    X : (n_samples, n_features) array or sparse matrix
        Samples, validated.

    Returns
    -------
    (n_groups, n_alphas) array
        Standard deviations over the samples; of several outputs, the root of the sum
        of their variances.
    """
    outputs = coefs.astype(np.float64).reshape(-1, *coefs.shape[-2:])
    effects = np.empty((len(groups), coefs.shape[-1]))
    columns = X.tocsc() if sparse.issparse(X) else X
    for g, own in enumerate(groups):
        parts = [columns[:, own] @ coef[own] for coef in outputs]
        effects[g] = np.sqrt(sum(part.var(axis=0) for part in parts))
    return effects


def as_samples(estimator: Any, X: Any) -> Any:
    """Return X as the estimator's ``predict`` would see it."""
    return validate_data(
        estimator, X, accept_sparse=["csr", "csc"], dtype=np.float64, reset=False
    )
