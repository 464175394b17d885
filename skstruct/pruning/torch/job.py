"""One run of a pruner on one model."""

import copy
import warnings

import torch
from torch import nn

from skstruct.pruning.job import PruningStep
from skstruct.pruning.reconstruction import GREEDY
from skstruct.pruning.torch.batches import as_batches
from skstruct.pruning.torch.capture import run
from skstruct.pruning.torch.finish import finished
from skstruct.pruning.torch.options import Options
from skstruct.pruning.torch.output_error import OutputError
from skstruct.pruning.torch.plan import Plan
from skstruct.pruning.torch.probes import outputs_of
from skstruct.pruning.torch.search import Budget, scored
from skstruct.pruning.torch.walk import Calibration
from skstruct.pruning.torch.zeros import without_zeros


def prune(pruner, inputs, seed):
    """Return the attributes of a fitted pruner.

    Parameters
    ----------
    pruner : TorchPruner
        What to do.
    inputs : Tensor, tuple, mapping or iterable
        Calibration inputs.
    seed : int
        For all that is drawn.

    Returns
    -------
    dict
        Name -> value.
    """
    model = pruner.model
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {type(model).__name__}.")
    if isinstance(model, torch.jit.ScriptModule):
        raise TypeError("model is compiled by torch.jit, give the module it is from.")
    if not any(True for _ in model.parameters()):
        raise ValueError("model has no parameters: there is nothing to prune.")
    own = torch.random.fork_rng(devices=[])
    with own, torch.inference_mode(False), torch.enable_grad():
        torch.manual_seed(seed)
        batches = as_batches(inputs, pruner.batch_size)
        return _prune(pruner, model, batches, seed)


def _prune(pruner, model, batches, seed):
    only_zeros = isinstance(pruner.budget, str)
    is_refitted = pruner.refit is not None or only_zeros
    plan = Plan(model, batches[0], pruner.targets, is_refitted)
    if not plan.groups:
        reasons = "; ".join(f"{k or 'model'}: {v}" for k, v in plan.left_whole.items())
        raise ValueError(
            f"Nothing of the model can be pruned with targets={pruner.targets!r}. "
            f"Left whole: {reasons or 'nothing'}."
        )
    options = Options(
        criterion=pruner.criterion,
        refit=pruner.refit,
        ridge=pruner.ridge,
        n_swaps=pruner.n_swaps,
        n_positions=pruner.n_positions,
        weighted=pruner.weighting == "output" and pruner.criterion in GREEDY,
        seed=seed,
    )
    if only_zeros:
        options = options._replace(criterion="magnitude", weighted=False)
    budget = Budget(
        plan, batches, options, pruner.budget, pruner.allocation, pruner.scoring
    )
    full = {group.name: group.n_units for group in plan.groups}
    widths = full if only_zeros else budget.found()
    calibration = Calibration(plan, batches, options)
    found = without_zeros(calibration) if only_zeros else calibration.prune(widths)
    widths = {name: len(found.kept[name]) for name in full}
    for tensor, (n_places, n_inputs) in found.few.items():
        if pruner.refit is not None:
            warnings.warn(
                f"calibration_inputs show layer {plan.readers[tensor]!r} in "
                f"{n_places} places only, not more than the {n_inputs} inputs of which "
                "its weights are refitted: give more of them, or a larger ridge or "
                "n_positions.",
                stacklevel=4,
            )
            break
    error = OutputError(calibration, calibration.some())(found.model)
    small = finished(plan, found.model, model)
    _check(small, plan)
    scores = [None, None]
    if pruner.scoring is not None:
        copies = (copy.deepcopy(m).eval() for m in (model, small))
        scores = [scored(pruner.scoring, m) for m in copies]
    costs = plan.costs
    n_parameters = sum(p.numel() for p in small.parameters())
    counts = costs.n_parameters(full), n_parameters
    path = [
        PruningStep(tuple(kept.values()), count, costs.flops(kept), lost, score)
        for kept, count, lost, score in zip(
            (full, widths), counts, (0.0, error), scores, strict=True
        )
    ]
    return {
        "model_": small,
        "kept_units_": {group.name: found.kept[group.name] for group in plan.groups},
        "_groups": _table(plan, full, widths),
        "reconstruction_error_": {
            plan.readers[tensor]: lost for tensor, lost in found.errors.items()
        },
        "left_whole_": plan.left_whole,
        "path_": path,
        "trials_": {widths[1:]: score for widths, score in budget.trials.items()},
        "n_parameters_": n_parameters,
        "flops_": path[-1].flops,
    }


def _table(plan, full, widths):
    """Return the columns of `TorchPruner.to_frame`, with a row for each group."""
    table = {}
    for group in plan.groups:
        kept = widths[group.name]
        alone = plan.closed({**full, group.name: kept})
        row = {
            "name": group.name,
            "kind": group.kind,
            "units": group.n_units,
            "kept": kept,
            "removed": 1 - kept / group.n_units,
            "params": plan.costs.n_parameters(full) - plan.costs.n_parameters(alone),
            "flops": plan.costs.flops(full) - plan.costs.flops(alone),
            "read_by": [plan.readers[tensor] for tensor in group.readers],
        }
        for column, value in row.items():
            table.setdefault(column, []).append(value)
    return table


def _check(model, plan):
    """Run a finished model once, so that none that fails is returned."""
    try:
        found = outputs_of(run(copy.deepcopy(model).eval().float(), plan.batch))
    except Exception as error:  # whatever a model raises
        raise RuntimeError(
            f"The pruned model fails on calibration_inputs ({type(error).__name__}: "
            f"{error}). Leave out some kinds of units by `targets`."
        ) from error
    wanted = outputs_of(run(plan.model, plan.batch))
    if [t.shape for t in found] != [t.shape for t in wanted]:
        raise RuntimeError(
            "The pruned model gives outputs of other shapes than the model. Leave out "
            "some kinds of units by `targets`."
        )
