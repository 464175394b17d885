"""Weights, offsets and classes as estimators are given them, checked."""

from numbers import Real

import numpy as np
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.class_weight import compute_class_weight


def checked_weights(sample_weight, n_samples):
    """Return sample weights (n_samples,) as they were given, ones for None.

    Raises
    ------
    ValueError
        If `sample_weight` has another shape, is negative, not finite, or all zero.
    """
    if sample_weight is None:
        return np.ones(n_samples)
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
    if not weights.any():
        raise ValueError(
            "sample_weight is zero for every sample: at least one weight must be "
            "positive."
        )
    return weights


def normalised(weights):
    """Return weights that sum to one, zeros exactly where they are."""
    weights = weights / weights.max()  # first, as sums of weights may overflow
    return weights / weights.sum()


def check_offset(offset, n_samples, n_outputs):
    """Return the offset as (n_samples, n_outputs or 1).

    Raises
    ------
    ValueError
        If `offset` is not finite or does not have one value for each response.
    """
    if np.ndim(offset) == 0:
        offset = np.full(n_samples, offset)
    offset = check_array(offset, ensure_2d=False, dtype=np.float64, input_name="offset")
    check_consistent_length(offset, np.empty(n_samples))
    offset = offset.reshape(len(offset), -1)
    if offset.shape[1] not in (1, n_outputs):
        raise ValueError(
            f"offset has {offset.shape[1]} columns where the response has {n_outputs}; "
            "give one value for each sample, or one for each sample and output."
        )
    return offset


def weights_with_classes(weights, codes, classes, class_weight):
    """Return sample weights multiplied by their class's weight.

    Parameters
    ----------
    weights : (n_samples,) array
        Sample weights.
    codes : (n_samples,) integer array
        Position of each sample's class.
    classes : (n_classes,) array
        The classes.
    class_weight : dict, "balanced" or None
        Weights of classes; "balanced" makes all classes weigh the same, sample
        weights included.
    """
    if class_weight is None:
        return weights
    if isinstance(class_weight, str):
        sizes = np.bincount(codes, weights, minlength=len(classes))
        present = sizes > 0
        balanced = np.zeros(len(classes))
        balanced[present] = weights.sum() / (present.sum() * sizes[present])
        return weights * balanced[codes]
    by_class = compute_class_weight(class_weight, classes=classes, y=classes[codes])
    if not (np.isfinite(by_class) & (by_class >= 0)).all():
        raise ValueError(
            f"class_weight={class_weight!r} must not have negative or infinite "
            "weights; leave samples of a class out with weight 0."
        )
    return weights * by_class[codes]
