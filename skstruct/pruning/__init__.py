"""Structured pruning: trained networks made physically smaller."""

from skstruct.pruning.mlp_pruner import MLPPruner
from skstruct.pruning.sensitivity import sensitivity_curves

__all__ = ["MLPPruner", "sensitivity_curves"]
