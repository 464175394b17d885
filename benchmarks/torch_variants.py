"""Ways to choose units that `TorchPruner` does not have, for `torch_sentences`."""

from contextlib import contextmanager
from itertools import combinations
from unittest.mock import patch

import numpy as np
import torch
from scipy.linalg import lapack
from torch import nn

from skstruct.pruning.torch import choosing
from skstruct.pruning.torch.probes import Probes
from skstruct.solvers.block_selection import select_blocks


@contextmanager
def all_sets(model, inputs):
    """Try all sets of units instead of removing them one by one."""

    def choose(gram, cross, target, ptr, n_blocks, *, ridge, **kwargs):
        kept = best_blocks(gram, cross, ptr, n_blocks, ridge)
        few = select_blocks(gram, cross, target, ptr, n_blocks, ridge=ridge, **kwargs)
        return few._replace(kept=kept)

    with patch.object(choosing, "select_blocks", choose):
        yield


def best_blocks(gram, cross, ptr, n_blocks, ridge):
    """Return the blocks with the least error, of all sets of so many.

    With P the inverse of the Gram matrix and W the weights of all columns, to remove
    the columns R costs ``trace(W_R' inv(P_RR) W_R)``.
    """
    inverse = np.linalg.inv(gram + ridge * np.eye(len(gram)))
    weights = inverse @ cross
    outer, total = weights @ weights.T, len(ptr) - 1
    columns = [np.arange(ptr[g], ptr[g + 1]) for g in range(total)]

    def cost(blocks):
        inside = np.concatenate([columns[g] for g in blocks])
        square = np.ix_(inside, inside)
        factor, _ = lapack.dpotrf(inverse[square], lower=1)
        lower = np.tril(lapack.dpotri(factor, lower=1)[0])
        full = lower + np.tril(lower, -1).T
        return np.vdot(full, outer[square])

    removed = min(combinations(range(total), total - n_blocks), key=cost)
    return np.setdiff1d(np.arange(total), removed)


@contextmanager
def layer_norms(model, inputs):
    """Weigh errors by what the layer norm right after an addition does with them."""
    found = {
        name.replace("LayerNorm", "dense.weight"): _Slopes(module)
        for name, module in model.named_modules()
        if isinstance(module, nn.LayerNorm) and name.endswith("output.LayerNorm")
    }
    with torch.no_grad():
        for batch in inputs:
            for slopes in found.values():
                slopes.mask = batch["attention_mask"] != 0
            model(**batch)
    roots = {name: slopes.root() for name, slopes in found.items()}
    for slopes in found.values():
        slopes.handle.remove()
    with patch.object(Probes, "root", lambda self, tensor: roots[tensor]):
        yield


class _Slopes:
    """Sums over tokens of J'J, with J the derivatives of a layer norm.

    ``J = diag(g) P / s`` with ``P = I - 11'/d - xx'/d``, x the input normalised, s its
    standard deviation, g the scale.
    """

    def __init__(self, module):
        self.scale, self.eps = module.weight.detach().double() ** 2, module.eps
        self.handle = module.register_forward_hook(self._add)
        self.first, self.second, self.total = 0.0, 0.0, 0.0

    def _add(self, module, args, output):
        x = args[0][self.mask].double()
        x = x - x.mean(dim=1, keepdim=True)
        weight = 1 / (x.pow(2).mean(dim=1) + self.eps)
        x = x * weight.sqrt()[:, None]
        self.first += (x * weight[:, None]).T @ x
        self.second += (x * (weight * (x**2 @ self.scale))[:, None]).T @ x
        self.total += weight.sum()

    def root(self, floor=1e-3):
        """Return R with R R' the sum, as `Probes.root`."""
        d = len(self.scale)
        centred = torch.eye(d, dtype=torch.float64) - 1 / d
        scaled = self.scale[:, None] * centred
        mixed = self.first @ scaled / d
        total = self.total * centred @ scaled - mixed - mixed.T + self.second / d**2
        values, vectors = np.linalg.eigh(total.numpy())
        return vectors * np.sqrt(np.maximum(values / values[-1], 0.0) + floor)
