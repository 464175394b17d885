"""How a model is to be pruned, and what comes out."""

from typing import NamedTuple

from torch import nn


class Options(NamedTuple):
    """How units are chosen and refitted; see `TorchPruner`."""

    criterion: object
    refit: str | None
    ridge: float
    n_swaps: int
    n_positions: int
    weighted: bool
    seed: int


class Pruned(NamedTuple):
    """A pruned model.

    Attributes
    ----------
    model : nn.Module
        The model.
    kept : dict
        Name of each group -> units kept.
    errors : dict
        Weight of each reader -> share of the variance of its target that is missed.
    few : dict
        Weight of each reader that was looked at in fewer places than it has inputs ->
        (places, inputs).
    """

    model: nn.Module
    kept: dict
    errors: dict
    few: dict
