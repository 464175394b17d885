"""Grouped data, real and made, to learn and to test with."""

from skstruct.datasets._birthwt import load_birthwt
from skstruct.datasets._make import make_group_classification, make_group_regression

__all__ = [
    "load_birthwt",
    "make_group_classification",
    "make_group_regression",
]
