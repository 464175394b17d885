"""Structured pruning: trained networks made physically smaller."""

from skstruct.pruning.mlp_pruner import MLPPruner

__all__ = ["MLPPruner"]
