"""A table of groups."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def groups_frame(
    names: np.ndarray,
    groups: Sequence[np.ndarray],
    feature_names: np.ndarray | None,
    weights: np.ndarray,
    norms: np.ndarray,
) -> Any:
    """Return a pandas DataFrame with one row a group.

    Parameters
    ----------
    names : (n_groups,) array
        Group names.
    groups : list of index arrays
        Features of each group.
    feature_names : (n_features,) array or None
        Shown instead of indices where given.
    weights, norms : (n_groups,) arrays
        Weight and coefficient norm of each group.

    Returns
    -------
    pandas.DataFrame
        Columns ``name, features, size, weight, norm, selected``.

    Raises
    ------
    ImportError
        If pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            "A table of groups needs pandas: pip install 'skstruct[frame]'."
        ) from error
    if feature_names is None:
        features = [own.tolist() for own in groups]
    else:
        features = [feature_names[own].tolist() for own in groups]
    return pd.DataFrame(
        {
            "name": names,
            "features": features,
            "size": [len(own) for own in groups],
            "weight": weights,
            "norm": norms,
            "selected": np.asarray(norms) > 0,
        }
    )
