"""Losses, one file each; the registry says which there are."""

from skstruct.losses.base import Loss
from skstruct.losses.gamma import GammaLoss
from skstruct.losses.huber import HuberLoss
from skstruct.losses.logistic import LogisticLoss
from skstruct.losses.multinomial import MultinomialLoss
from skstruct.losses.poisson import PoissonLoss
from skstruct.losses.quantile import QuantileLoss
from skstruct.losses.squared_error import SquaredError
from skstruct.losses.tweedie import TweedieLoss

#: Name -> class and example parameters on which the tests run.
LOSSES = {
    "squared_error": (SquaredError, [{}]),
    "huber": (HuberLoss, [{}, {"delta": 0.1}]),
    "quantile": (QuantileLoss, [{}, {"quantile": 0.9}]),
    "logistic": (LogisticLoss, [{}]),
    "multinomial": (MultinomialLoss, [{}]),
    "poisson": (PoissonLoss, [{}]),
    "gamma": (GammaLoss, [{}]),
    "tweedie": (TweedieLoss, [{"power": 1.1}, {"power": 1.5}, {"power": 1.9}]),
}

__all__ = [
    "LOSSES",
    "GammaLoss",
    "HuberLoss",
    "LogisticLoss",
    "Loss",
    "MultinomialLoss",
    "PoissonLoss",
    "QuantileLoss",
    "SquaredError",
    "TweedieLoss",
]
