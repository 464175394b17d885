"""The groups of whatever contains a fitted model."""

from typing import Any

from skstruct.groups.frame import as_frame
from skstruct.pipeline.table import group_table


def groups_to_frame(estimator: Any, *, output: str | None = None) -> Any:
    """Show the groups of a fitted model, one row each, as a table.

    Parameters
    ----------
    estimator : estimator
        A fitted model with groups, such as GroupLasso, or what contains one: a
        Pipeline, a search (its best model), a GroupSelector.
    output : {"pandas", "polars", "dict"} or None, default=None
        What to return. None is what ``sklearn.set_config(transform_output=...)``
        says, pandas if that is not set.

    Returns
    -------
    pandas.DataFrame, polars.DataFrame or dict
        With columns ``name``, ``features`` (names, or indices), ``size``, ``weight``
        (where the model has some), ``norm`` and ``selected``; of a model behind
        transformers also ``columns``, those of X that the features are made of.

    Raises
    ------
    ImportError
        If pandas, or polars, is not installed.
    TypeError
        If there is no fitted model with groups in the estimator, or several.
    sklearn.exceptions.NotFittedError
        If the estimator has not been fitted.

    Examples
    --------
    >>> from sklearn.preprocessing import SplineTransformer
    >>> from skstruct import GroupLasso, groups_to_frame, make_grouped_pipeline
    >>> from sklearn.datasets import make_regression
    >>> X, y = make_regression(n_features=3, n_informative=1, random_state=0)
    >>> model = make_grouped_pipeline(SplineTransformer(n_knots=3), GroupLasso(5.0))
    >>> groups_to_frame(model.fit(X, y))[["name", "size", "selected", "columns"]]
      name  size  selected columns
    0   x0     5     False    [x0]
    1   x1     5      True    [x1]
    2   x2     5     False    [x2]
    """
    return as_frame(group_table(estimator), output)
