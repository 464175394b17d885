"""Structured pruning: trained networks made physically smaller."""

from skstruct.pruning.group_sparse_mlp import (
    GroupSparseMLPClassifier,
    GroupSparseMLPRegressor,
)
from skstruct.pruning.mlp_pruner import MLPPruner
from skstruct.pruning.sensitivity import sensitivity_curves
from skstruct.pruning.sparse_path import sparse_mlp_path
from skstruct.pruning.torch_drop_and_grow import DropAndGrow
from skstruct.pruning.torch_groups import UnitGroups, removable_groups
from skstruct.pruning.torch_proximal_step import proximal_step
from skstruct.pruning.torch_pruner import TorchPruner

__all__ = [
    "DropAndGrow",
    "GroupSparseMLPClassifier",
    "GroupSparseMLPRegressor",
    "MLPPruner",
    "TorchPruner",
    "UnitGroups",
    "proximal_step",
    "removable_groups",
    "sensitivity_curves",
    "sparse_mlp_path",
]
