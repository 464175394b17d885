"""Codes of signals over dictionaries, sparse by group of atoms, and dictionaries."""

from skstruct.decomposition.dictionary_learning import StructuredDictionaryLearning
from skstruct.decomposition.group_sparse_coder import GroupSparseCoder
from skstruct.decomposition.mini_batch_dictionary_learning import (
    MiniBatchStructuredDictionaryLearning,
)

__all__ = [
    "GroupSparseCoder",
    "MiniBatchStructuredDictionaryLearning",
    "StructuredDictionaryLearning",
]
