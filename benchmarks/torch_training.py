"""Networks that are trained to be small, next to networks that are pruned.

``python -m benchmarks.torch_training``, in an environment with ``torch``. All small
networks for one alpha have the same widths: those that a group lasso found in three
quarters of the epochs. Those that are trained on after they were made smaller are so in
the last quarter: all others see all epochs, in one course of the learning rate.
"""

import argparse
import copy
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.torch_images import accuracy, count, images
from skstruct import DropAndGrow, TorchPruner, proximal_step, removable_groups

FULL = {"0": 32, "3": 32, "6": 64, "10": 64}


def network(widths=FULL):
    """Return three convolutions and a hidden layer, of some widths."""
    a, b, c, d = widths.values()
    layers, n_in = [], 1
    for width, stride in ((a, 1), (b, 2), (c, 2)):
        layers += [nn.Conv2d(n_in, width, 3, stride, 1), nn.BatchNorm2d(width)]
        layers += [nn.ReLU()]
        n_in = width
    layers += [nn.Flatten(), nn.Linear(4 * c, d), nn.ReLU(), nn.Linear(d, 10)]
    return nn.Sequential(*layers)


def train(model, data, n_epochs, *, lr=2e-3, after=None):
    """Train by Adam, the learning rate falling along a cosine; call `after` a step."""
    X, y = data
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr)
    n_steps = n_epochs * -(-len(X) // 64)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(n_steps, 1))
    step = None if after is None else after(model, optimizer, n_steps)
    for _ in range(n_epochs):
        for rows in torch.randperm(len(X)).split(64):
            optimizer.zero_grad()
            F.cross_entropy(model(X[rows]), y[rows]).backward()
            optimizer.step()
            if step is not None:
                step()
            schedule.step()
    return model.eval()


def group_lasso(model, X, alpha, side):
    """Return what prepares steps of a group lasso."""
    groups = removable_groups(model, X[:2], side=side)
    return lambda model, optimizer, n_steps: (
        lambda: proximal_step(model, groups, alpha, optimizer)
    )


def drop_and_grow(model, X, widths, seed, **parameters):
    """Return what prepares steps with these numbers of active units."""
    groups = removable_groups(model, X[:2], side="outgoing")

    def prepared(model, optimizer, n_steps):
        return DropAndGrow(
            model,
            groups,
            widths,
            until=3 * n_steps // 4,
            every=max(1, n_steps // 40),
            optimizer=optimizer,
            random_state=seed,
            **parameters,
        ).step

    return prepared


def without_zeros(model, X):
    """Return the smaller model, and its widths."""
    pruner = TorchPruner(model, budget="zeros").fit(X[:64])
    widths = {name: len(units) for name, units in pruner.kept_units_.items()}
    with torch.no_grad():
        wanted = model.eval()(X)
        error = (pruner.model_.eval()(X) - wanted).abs().max() / wanted.abs().max()
    if error > 1e-5:
        raise AssertionError(f"removing zeros changed the output by {float(error)}")
    return pruner.model_, widths


def uniform(widths):
    """Return the same share of all widths that has about as many parameters."""
    wanted = n_parameters(network(widths))
    trials = [
        {name: max(1, round(share * full)) for name, full in FULL.items()}
        for share in np.linspace(0, 1, 200)
    ]
    return min(trials, key=lambda trial: abs(n_parameters(network(trial)) - wanted))


def n_parameters(model):
    """Return the number of parameters."""
    return sum(p.numel() for p in model.parameters())


class Comparison:
    """All methods with one seed; each returns a model and the seconds it took."""

    def __init__(self, seed, n_epochs, side):
        X, self.X_test, y, self.y_test = images("digits", seed)
        self.seed, self.side, self.X, self.data = seed, side, X, (X, y)
        self.n_epochs, self.n_last = n_epochs, n_epochs // 4
        self.dense = self.trained(self.fresh(), n_epochs)
        self.shorter = self.trained(self.fresh(), n_epochs - self.n_last)

    def fresh(self, widths=FULL):
        """Return a network that has not been trained."""
        torch.manual_seed(self.seed)
        return network(widths)

    def trained(self, model, n_epochs, **parameters):
        """Train a model."""
        start = time.process_time()
        train(model, self.data, n_epochs, **parameters)
        return model, time.process_time() - start

    def penalised(self, alpha):
        """Train by group lasso; return also the widths without zeros."""
        model = self.fresh()
        steps = group_lasso(model, self.X, alpha, self.side)
        _, seconds = self.trained(model, self.n_epochs - self.n_last, after=steps)
        small, widths = without_zeros(model, self.X)
        print(f"  alpha {alpha:g}: widths {[*widths.values()]}", flush=True)
        return small, seconds, widths

    def pruned(self, model, widths):
        """Prune a trained model."""
        start = time.process_time()
        pruner = TorchPruner(model, budget=[*widths.values()], random_state=0)
        return pruner.fit(self.X).model_, time.process_time() - start

    def grown(self, widths, grow):
        """Train with so many units."""
        model = self.fresh()
        steps = drop_and_grow(model, self.X, widths, self.seed, grow=grow)
        _, seconds = self.trained(model, self.n_epochs, after=steps)
        return without_zeros(model, self.X)[0], seconds

    def methods(self, alpha, divisor):
        """Yield (name, (model, seconds)) of all methods for the widths of an alpha."""
        small, spent, widths = self.penalised(alpha)
        if divisor > 1:
            widths = {name: max(1, n // divisor) for name, n in widths.items()}
            yield from self.methods_for(widths)
            return
        yield "group lasso, zeros removed", (copy.deepcopy(small), spent)
        tuned, seconds = self.trained(small, self.n_last, lr=1e-3)
        yield "group lasso, zeros removed, trained on", (tuned, spent + seconds)
        yield from self.methods_for(widths)

    def methods_for(self, widths):
        """Yield (name, (model, seconds)) of methods that need to be told widths."""
        small, seconds = self.pruned(self.dense[0], widths)
        yield "pruned at once, without labels", (small, self.dense[1] + seconds)
        small, spent = self.pruned(self.shorter[0], widths)
        tuned, seconds = self.trained(small, self.n_last, lr=1e-3)
        yield "pruned, trained on", (tuned, self.shorter[1] + spent + seconds)
        for grow in ("gradient", "random"):
            name = f"drop and grow by {grow}, zeros removed"
            yield name, self.grown(widths, grow)
        for name, own in (("the same", widths), ("uniform", uniform(widths))):
            alone = self.trained(self.fresh(own), self.n_epochs)
            yield f"small from the start, {name} widths", alone


def main():
    """Print a line for each network, then the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alphas", nargs="+", type=float, default=[0.003])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=32)
    parser.add_argument("--side", choices=["incoming", "outgoing"], default="incoming")
    parser.add_argument(
        "--divide", type=int, default=1, help="what the widths found are divided by"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = {}
    for seed in range(options.seeds):
        print(f"seed {seed}", flush=True)
        one = Comparison(seed, options.epochs, options.side)
        rows = [(0.0, "full network", one.dense)]
        for alpha in options.alphas:
            rows += [(alpha, *row) for row in one.methods(alpha, options.divide)]
        for alpha, method, (model, seconds) in rows:
            row = [accuracy(model, one.X_test, one.y_test), n_parameters(model)]
            row += [count(model, one.X), seconds]
            found.setdefault((alpha, method), []).append(row)
            shown = " ".join(f"{value:.2f}" for value in row)
            print(f"  {alpha:g} {method}: {shown}", flush=True)
    print("| alpha | | % right, by seed | mean | parameters | multiply-adds | s |")
    print("|---|---|---|---|---|---|---|")
    for (alpha, method), values in found.items():
        right = ", ".join(f"{row[0]:.1f}" for row in values)
        mean, size, flops, seconds = np.mean(values, axis=0)
        print(
            f"| {alpha:g} | {method} | {right} | {mean:.2f} | {size:,.0f} "
            f"| {flops:,.0f} | {seconds:.0f} |"
        )


if __name__ == "__main__":
    main()
