"""Groups cut down to some of the features."""

import numpy as np


def restricted(layout, features):
    """Cut the groups of a layout down to some features.

    Parameters
    ----------
    layout : GroupLayout
    features : (k,) integer array
        Ascending.

    Returns
    -------
    ptr, indices : integer arrays
        Group g has the features ``features[indices[ptr[g]:ptr[g + 1]]]``. Groups of
        weight 0 are left out, and groups that have none of the features.
    weights : (n_groups,) array
    n_features : int
        k.
    """
    features = np.asarray(features, dtype=np.intp)
    place = np.full(layout.n_features, -1, dtype=np.intp)
    place[features] = np.arange(len(features))
    local = place[layout.indices]
    group_of = np.repeat(np.arange(layout.n_groups), layout.sizes)
    kept = (local >= 0) & (layout.weights[group_of] > 0)
    sizes = np.bincount(group_of[kept], minlength=layout.n_groups)
    filled = np.flatnonzero(sizes)
    ptr = np.concatenate([[0], np.cumsum(sizes[filled])]).astype(np.intp)
    return ptr, local[kept], layout.weights[filled], len(features)
