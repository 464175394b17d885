"""Losses and penalties by name or by object, as estimators take them."""

import inspect

from skstruct.losses import LOSSES, Loss
from skstruct.penalties import PENALTIES, Penalty


def loss_of(loss, *, for_classes=False):
    """Return the loss that `loss`, a name or an object, stands for.

    Raises
    ------
    ValueError
        If there is no such loss, or if it is for other responses.
    """
    kind = "classes" if for_classes else "numbers"
    fitting = [n for n, (cls, _) in LOSSES.items() if cls.is_for_classes == for_classes]
    if isinstance(loss, str):
        if loss not in LOSSES:
            raise ValueError(
                f"loss={loss!r} is not known; use one of {fitting}, or an object such "
                "as skstruct.HuberLoss(delta=2.0)."
            )
        loss = LOSSES[loss][0]()
    if not isinstance(loss, Loss):
        raise ValueError(
            f"loss={loss!r} must be one of {fitting}, or an object such as "
            "skstruct.HuberLoss(delta=2.0), not a class."
        )
    if loss.is_for_classes != for_classes:
        raise ValueError(
            f"loss={loss!r} is not for responses that are {kind}; use one of {fitting}"
            f", or {'a regressor' if for_classes else 'a classifier'}."
        )
    return loss


def penalty_of(penalty):
    """Return the penalty that `penalty`, a name or an object, stands for.

    Raises
    ------
    ValueError
        If there is no such penalty.
    """
    if isinstance(penalty, str) and penalty in PENALTIES:
        cls = PENALTIES[penalty][0]
        needed = [
            name
            for name, parameter in inspect.signature(cls).parameters.items()
            if parameter.default is inspect.Parameter.empty
        ]
        if not needed:
            return cls()
        raise ValueError(
            f"penalty={penalty!r} needs {needed}: pass an object, "
            f"skstruct.{cls.__name__}({', '.join(f'{n}=...' for n in needed)})."
        )
    if not isinstance(penalty, Penalty):
        raise ValueError(
            f"penalty={penalty!r} must be one of {list(PENALTIES)}, or an object such "
            "as skstruct.GroupMCP(gamma=3.0), not a class."
        )
    return penalty
