"""Whether a model without some of its units gives what it should."""

import copy

import numpy as np
import torch

from skstruct.pruning.torch.capture import run
from skstruct.pruning.torch.links import Axis
from skstruct.pruning.torch.probes import outputs_of

TOLERANCE = 1e-3  # of the largest output: what the trial of a removal may differ


def try_halves(plan, groups):
    """Remove half the units of all groups, or where that fails, of one after another.

    Parameters
    ----------
    plan : Plan
        Of the model.
    groups : list of Group
        What might lose units.

    Returns
    -------
    fine : list of Group
        Those that can.
    reasons : dict
        Name of another -> why it cannot.
    """
    reasons, alone = {}, []
    for group in groups:
        if _goes_alone(plan, group, groups):
            alone.append(group)
        else:
            reasons[group.name] = "is cut into parts whose sizes go together"
    if _is_fine(plan, alone):
        return alone, reasons
    fine = []
    for group in alone:
        if _is_fine(plan, [*fine, group]):
            fine.append(group)
        else:
            reasons[group.name] = (
                "its size seems to be written into the code: without some units, "
                "the model fails or gives something else"
            )
    return fine, reasons


def try_branch(plan, branch):
    """Whether the model without a branch is that in which its last weights are zero."""

    def without():
        model = copy.deepcopy(plan.model)
        branch.cut(model, plan.owners)
        return model

    wanted = _outputs_without(plan, {branch.reader: slice(None)})
    return _gives(plan, without, wanted)


def _goes_alone(plan, group, groups):
    """Whether a group can shrink where others of the same layers do not.

    Not where a layer's output is cut into parts of equal size.
    """
    made = {a for a in group.indices if a.dim == 0 or a.tensor not in group.readers}
    others = (other.indices for other in groups if other.name != group.name)
    if not any(made & indices.keys() for indices in others):
        return True
    return _is_fine(plan, [group])


def _is_fine(plan, groups):
    lost, widths = {}, {group.name: group.n_units for group in plan.groups}
    for group in groups:
        widths[group.name] = group.n_units // 2
        for tensor in group.readers:
            columns = group.indices[Axis(tensor, 1)][group.n_units // 2 :].ravel()
            lost[tensor] = np.concatenate([lost.get(tensor, []), columns]).astype(int)
    wanted = _outputs_without(plan, lost)
    return _gives(plan, lambda: plan.resized(widths), wanted)


def _outputs_without(plan, lost):
    """Return outputs of the full model if layers do not read some of their inputs."""
    model = copy.deepcopy(plan.model)
    with torch.no_grad():
        for tensor, columns in lost.items():
            place, attribute = plan.owners[tensor][0]
            getattr(model.get_submodule(place), attribute)[:, columns] = 0.0
    return outputs_of(run(model, plan.batch))


def _gives(plan, make, wanted):
    try:
        found = outputs_of(run(make(), plan.batch))
    except Exception:  # whatever a model raises when a size is not what it expects
        return False
    return len(found) == len(wanted) and all(
        a.shape == b.shape
        and (a - b).abs().max() <= TOLERANCE * b.abs().max().clamp(min=1e-6)
        for a, b in zip(found, wanted, strict=True)
    )
