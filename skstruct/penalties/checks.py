"""Checks of penalties' parameters, with messages that say the way out."""

from numbers import Real


def check_ratio(penalty, low_is_allowed, way_out):
    """Raise ValueError unless ``penalty.l1_ratio`` is a share.

    Parameters
    ----------
    penalty : Penalty
        Has a parameter `l1_ratio`.
    low_is_allowed : bool
        Whether 0 is among the values allowed.
    way_out : str
        What to use instead, a sentence.
    """
    ratio = penalty.l1_ratio
    if isinstance(ratio, Real) and 0 <= ratio <= 1 and (low_is_allowed or ratio > 0):
        return
    interval = "from 0 to 1" if low_is_allowed else "above 0 and at most 1"
    raise ValueError(
        f"l1_ratio of {type(penalty).__name__} must be {interval}, got {ratio!r}. "
        f"{way_out}"
    )


def check_gamma(penalty, bound, way_out):
    """Raise ValueError unless ``penalty.gamma`` is finite and above `bound`."""
    gamma = penalty.gamma
    if isinstance(gamma, Real) and bound < gamma < float("inf"):
        return
    raise ValueError(
        f"gamma of {type(penalty).__name__} must be finite and above {bound}, got "
        f"{gamma!r}. {way_out}"
    )
