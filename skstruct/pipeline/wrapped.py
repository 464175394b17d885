"""The model with groups inside other estimators: before a fit, and after it."""

from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skstruct.groups.frame import is_selected
from skstruct.pipeline.trace import is_passthrough

# Where estimators of scikit-learn keep the one that they fitted, or several.
_FITTED = ("best_estimator_", "estimator_", "regressor_", "classifier_")
_SEVERAL = ("estimators_", "calibrated_classifiers_")


def groups_parameters(step: Any, name: str, wanted: Any = None) -> list[str]:
    """Find the parameters of a step that take the groups of its features.

    Parameters
    ----------
    step : estimator
        A model with a parameter `groups`, or one that wraps such a model.
    name : str
        What the step is called, for messages.
    wanted : str, list of str or None
        The parameters, where the user says them.

    Returns
    -------
    list of str
        Names for `set_params`, such as "groups" or "estimator__groups". All are None.

    Raises
    ------
    TypeError
        If there is no such parameter.
    ValueError
        If there are several, or one is not None, or its model is behind transformers.
    """
    params = getattr(step, "get_params", dict)()
    # The model's own parameter; what it wraps, if anything, is its own affair.
    found = [key for key in params if key.rpartition("__")[2] == "groups"]
    found = ["groups"] if "groups" in found else found
    if wanted is not None:
        chosen = [wanted] if isinstance(wanted, str) else list(wanted)
        if not chosen or not set(chosen) <= params.keys():
            raise ValueError(
                f"groups_param={wanted!r} must name parameters of the last step, "
                f"{name!r}, that take groups; it has {found or 'none'}."
            )
        found = chosen
    elif not found:
        raise TypeError(
            f"The last step of a GroupedPipeline, {name!r}, must have a parameter "
            f"groups, or wrap a model that has; got {type(step).__name__}. Use "
            "Pipeline without."
        )
    elif len(found) > 1:
        raise ValueError(
            f"The last step, {name!r}, has several parameters for groups: "
            f"{', '.join(found)}. Say which of them take the groups of the pipeline's "
            f"features: GroupedPipeline(..., groups_param={found[:1]!r}), or all."
        )
    for key in found:
        check_nothing_between(step, params, key, name)
        if params[key] is not None:
            raise ValueError(
                f"{key}={params[key]!r} of step {name!r} must be None in a "
                "GroupedPipeline, which derives it; use Pipeline to give groups."
            )
    return found


def check_nothing_between(step: Any, params: dict, key: str, name: str) -> None:
    """Raise ValueError if transformers come between a step's input and a model."""
    owner, rest = step, key.split("__")
    for i, part in enumerate(rest[:-1]):
        if isinstance(owner, Pipeline):
            first = next(n for n, own in owner.steps if not is_passthrough(own))
            if first != part:
                raise ValueError(
                    f"The model of {key!r} of step {name!r} is behind the transformer "
                    f"{first!r}, which changes the features. Move the transformer in "
                    "front of the last step, or put the GroupedPipeline inside: "
                    "GridSearchCV(GroupedPipeline(...), ...)."
                )
        owner = params["__".join(rest[: i + 1])]


def has_groups(estimator: Any) -> bool:
    """Return whether an estimator is a fitted model with groups."""
    return all(hasattr(estimator, own) for own in ("groups_", "group_norms_"))


def fitted_model(estimator: Any) -> Any:
    """Return the fitted model with groups that an estimator is or contains.

    Parameters
    ----------
    estimator : estimator
        The model itself; or a Pipeline that ends in it, a search, or another estimator
        that fitted one of it.

    Returns
    -------
    estimator
        A model with `groups_` and `group_norms_`.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the estimator has not been fitted.
    TypeError
        If there is no such model in it, or several.
    """
    inner = estimator
    while not has_groups(inner):
        check_is_fitted(inner)
        following = next_inside(inner)
        if following is None:
            raise TypeError(
                f"{type(estimator).__name__} has no fitted model with groups inside, "
                f"such as GroupLasso: looked as far as {type(inner).__name__}."
            )
        inner = following
    return inner


def features_of_selected(model: Any) -> np.ndarray:
    """Return the indices of the features in selected groups of a fitted model."""
    kept = [
        own
        for own, is_in in zip(model.groups_, is_selected(model), strict=True)
        if is_in
    ]
    return np.unique(np.concatenate(kept)) if kept else np.empty(0, dtype=np.intp)


def contains_groups(estimator: Any) -> bool:
    """Return whether `fitted_model` finds one."""
    try:
        fitted_model(estimator)
    except (TypeError, NotFittedError):
        return False
    return True


def next_inside(estimator: Any) -> Any:
    """Return the estimator that another one fitted, None if there is none."""
    if isinstance(estimator, Pipeline):
        return estimator.steps[-1][1]
    for attribute in _FITTED:
        if hasattr(estimator, attribute):
            return getattr(estimator, attribute)
    for attribute in _SEVERAL:
        several = getattr(estimator, attribute, None)
        if several is not None:
            if len(several) > 1:
                raise TypeError(
                    f"{type(estimator).__name__} fitted {len(several)} models, each "
                    f"with groups of its own; pass one of them: {attribute}[0]."
                )
            return several[0]
    # Only a frozen or calibrated one keeps a fitted model as its parameter.
    return getattr(estimator, "estimator", None)
