"""Codes of signals over dictionaries, sparse by group of atoms."""

from skstruct.decomposition.group_sparse_coder import GroupSparseCoder

__all__ = ["GroupSparseCoder"]
