"""The columns of a table of groups, and data frames of them."""

from typing import Any

import numpy as np
from sklearn import get_config

OUTPUTS = ("pandas", "polars", "dict")


def group_columns(model: Any, feature_names: Any = None) -> dict[str, Any]:
    """Collect what a fitted model says of its groups.

    Parameters
    ----------
    model : estimator
        With `groups_`, `group_names_`, `group_norms_` and `selected_groups_`, perhaps
        `group_weights_`.
    feature_names : (n_features,) array or None
        Names of the features where the model knows none.

    Returns
    -------
    dict of str -> sequence of length n_groups
        ``name, features, size, weight, norm, selected``.
    """
    names = getattr(model, "feature_names_in_", feature_names)
    table = {
        "name": model.group_names_,
        "features": [
            (own if names is None else np.asarray(names)[own]).tolist()
            for own in model.groups_
        ],
        "size": [len(own) for own in model.groups_],
        "norm": model.group_norms_,
        "selected": is_selected(model),
    }
    if hasattr(model, "group_weights_"):
        table["weight"] = model.group_weights_
    order = ("name", "features", "size", "weight", "norm", "selected")
    return {key: table[key] for key in order if key in table}


def is_selected(model: Any) -> np.ndarray:
    """Return, for each group of a fitted model, whether it is selected."""
    chosen = set(model.selected_groups_.tolist())
    return np.array(
        [name in chosen for name in model.group_names_.tolist()], dtype=bool
    )


def as_frame(table: dict[str, Any], output: str | None) -> Any:
    """Return a table as a data frame.

    Parameters
    ----------
    table : dict of str -> sequence
        Its columns.
    output : {"pandas", "polars", "dict"} or None
        What to return; None as scikit-learn is configured.

    Returns
    -------
    pandas.DataFrame, polars.DataFrame or dict
        The table.

    Raises
    ------
    ValueError
        If `output` is none of these.
    ImportError
        If what it needs is not installed.
    """
    if output is None:
        output = get_config()["transform_output"]
        output = "pandas" if output == "default" else output
    if output == "pandas":
        return pandas_frame(table)
    if output == "polars":
        return polars_frame(table)
    if output == "dict":
        return dict(table)
    raise ValueError(f"output={output!r} must be one of {OUTPUTS}, or None.")


def pandas_frame(table: dict[str, Any]) -> Any:
    """Return a pandas DataFrame."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            "A table of groups needs pandas: pip install 'skstruct[frame]'. Or pass "
            "output='polars' or output='dict'."
        ) from error
    return pd.DataFrame(table)


def polars_frame(table: dict[str, Any]) -> Any:
    """Return a polars DataFrame; names of several types become strings."""
    try:
        import polars as pl
    except ImportError as error:
        raise ImportError(
            "A table of groups as output='polars' needs polars: pip install polars. Or "
            "pass output='pandas' or output='dict'."
        ) from error
    columns = {key: list(values) for key, values in table.items()}
    if np.asarray(table["name"]).dtype.kind == "O":
        columns["name"] = [str(name) for name in table["name"]]
    return pl.DataFrame(columns)
