"""Structured pruning: trained networks made physically smaller."""

from skstruct.pruning.group_sparse_mlp import (
    GroupSparseMLPClassifier,
    GroupSparseMLPRegressor,
)
from skstruct.pruning.mlp_pruner import MLPPruner
from skstruct.pruning.sensitivity import sensitivity_curves
from skstruct.pruning.sparse_path import sparse_mlp_path
from skstruct.pruning.torch_pruner import TorchPruner

__all__ = [
    "GroupSparseMLPClassifier",
    "GroupSparseMLPRegressor",
    "MLPPruner",
    "TorchPruner",
    "sensitivity_curves",
    "sparse_mlp_path",
]
