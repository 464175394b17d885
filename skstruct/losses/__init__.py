"""Losses, one file each; the registry says which there are."""

from skstruct.losses.squared_error import SquaredError

#: Name -> class and example parameters on which the tests run.
LOSSES = {"squared_error": (SquaredError, [{}])}

__all__ = ["LOSSES", "SquaredError"]
