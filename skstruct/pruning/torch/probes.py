"""How much the output of a model depends on what its layers pass on."""

import warnings

import numpy as np
import torch

from skstruct.pruning.torch.batches import mask_of
from skstruct.pruning.torch.capture import run
from skstruct.pruning.torch.surgery import Conv


def outputs_of(found):
    """Return the floating tensors in the output of a model, whatever it is."""
    if isinstance(found, torch.Tensor):
        return [found] if found.is_floating_point() else []
    if isinstance(found, dict):
        found = list(found.values())
    elif not isinstance(found, list | tuple):
        found = list(getattr(found, "__dict__", {}).values())
    return [tensor for part in found for tensor in outputs_of(part)]


def check_outputs(model, batch):
    """Run a model on a few rows and look at whether what it gives can be used.

    Raises
    ------
    ValueError
        If it fails, gives no floating numbers, or some that are not finite.
    """
    try:
        found = run(model, batch)
    except Exception as error:  # whatever a model raises
        raise ValueError(
            "The model does not take calibration_inputs: on their first rows, a copy "
            f"in single precision gives {type(error).__name__}: {error}. A batch with "
            "labels? Give inputs only."
        ) from error
    outputs = outputs_of(found)
    if not outputs:
        raise ValueError(
            "The output of the model has no tensor of floating numbers, but is "
            f"{type(found).__name__}: give a model that returns scores or values."
        )
    if not all(output.isfinite().all() for output in outputs):
        raise ValueError(
            "The model's output on the first rows of calibration_inputs is not finite "
            "(NaN or infinite); look at the inputs and at the weights of the model."
        )


class Probes:
    """Sums over random projections of the output, by backpropagation.

    For signs v drawn at random, the mean of ``(v'J)' (v'J)`` is J'J, with J the
    derivatives of the output: the Gauss-Newton matrix, without labels.

    Parameters
    ----------
    model : nn.Module
        The full model, in evaluation mode.
    readers : dict
        Weight -> names of the layers that read units with it.
    n_probes : int
        Projections for each batch.
    seed : int
        Draws them.

    Attributes
    ----------
    outer : dict
        Weight -> (q, q) sum of g'g over places, g the derivative by the output of the
        layer.
    """

    def __init__(self, model, readers, n_probes, seed):
        self.model, self.readers, self.n_probes = model, readers, n_probes
        self._draw = torch.Generator().manual_seed(seed)
        self.outer, self._changes = dict.fromkeys(readers, 0.0), []

    def add(self, batch):
        """Add a batch."""
        given, gives = {}, {}

        def enter(tensor):
            def hook(module, args, kwargs):
                # A copy, as later layers may work in place.
                first = (args[0] if args else kwargs["input"]).clone()
                given.setdefault(tensor, []).append(first)
                return (first, *args[1:]), {k: v for k, v in kwargs.items() if args}

            return hook

        def leave(tensor):
            def hook(module, args, output):
                gives.setdefault(tensor, []).append(output)
                return output.clone()

            return hook

        handles = []
        for tensor, name in [
            (t, n) for t, names in self.readers.items() for n in names
        ]:
            module = self.model.get_submodule(name)
            handles.append(
                module.register_forward_pre_hook(enter(tensor), with_kwargs=True)
            )
            handles.append(module.register_forward_hook(leave(tensor)))
        try:
            with torch.enable_grad(), warnings.catch_warnings():
                # A model may look at values, which is not differentiated.
                warnings.simplefilter("ignore")
                found = self.model(*batch[0], **batch[1])
        finally:
            for handle in handles:
                handle.remove()
        self._backward(masked_outputs(found, batch), given, gives)

    def _backward(self, outputs, given, gives):
        outputs = [out for out in outputs if out.requires_grad]
        if not outputs:
            raise ValueError(
                "The output of the model has no derivatives (does its forward run "
                "without gradients?): use weighting=None, and another criterion than "
                "'taylor'."
            )
        order = [(t, k) for t in gives for k in range(len(gives[t]))]
        inputs = [given[t][k] for t, k in order]
        results = [gives[t][k] for t, k in order]
        for probe in range(self.n_probes):
            total = sum((out * self._signs(out)).sum() for out in outputs)
            slopes = torch.autograd.grad(
                total,
                [*inputs, *results],
                retain_graph=probe + 1 < self.n_probes,
                allow_unused=True,
            )
            changes = {}
            for index, (tensor, _) in enumerate(order):
                module = self.model.get_submodule(self.readers[tensor][0])
                back, slope = slopes[index], slopes[len(order) + index]
                if back is None:
                    continue
                dim = 1 if isinstance(module, Conv) else back.ndim - 1
                others = [d for d in range(1, back.ndim) if d != dim]
                product = (back * inputs[index]).detach()
                change = product.sum(dim=others) if others else product
                changes[tensor] = changes.get(tensor, 0.0) + change
                out = 1 if isinstance(module, Conv) else slope.ndim - 1
                flat = slope.movedim(out, -1).reshape(-1, slope.shape[out])
                self.outer[tensor] = self.outer[tensor] + (flat.T @ flat).double()
            self._changes.append(changes)

    def _signs(self, like):
        signs = torch.randint(0, 2, like.shape, generator=self._draw) * 2 - 1
        return signs.to(like)

    def root(self, tensor, floor=1e-3):
        """Return R with R R' the mean Gauss-Newton matrix of a layer's output."""
        outer = self.outer[tensor]
        if isinstance(outer, float):
            return None
        values, vectors = np.linalg.eigh(outer.cpu().numpy())
        if not values[-1] > 0:
            return None
        return vectors * np.sqrt(np.maximum(values / values[-1], 0.0) + floor)

    def taylor(self, group, axes):
        """Score units by the mean square of what the output would change without them.

        To first order in what readers get of the unit, all together.

        Parameters
        ----------
        group : Group
            The units.
        axes : dict
            Reader -> axis of its inputs.
        """
        scores, n_rows = np.zeros(group.n_units), 0
        for changes in self._changes:
            total = 0.0
            for tensor in group.readers:
                if tensor in changes:
                    indices = torch.from_numpy(group.indices[axes[tensor]])
                    total = total + changes[tensor][:, indices].sum(dim=2)
            if not isinstance(total, float):
                scores += (total.double() ** 2).sum(dim=0).cpu().numpy()
                n_rows += len(total)
        return scores / max(n_rows, 1)


def masked_outputs(found, batch):
    """Return the floating outputs, zero where tokens do not count."""
    return [_masked(output, mask_of(batch)) for output in outputs_of(found)]


def _masked(output, mask):
    if mask is None or tuple(output.shape[:2]) != tuple(mask.shape):
        return output
    return output * mask.reshape(*mask.shape, *(1,) * (output.ndim - 2))
