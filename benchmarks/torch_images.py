"""Accuracy and time of pruned convolutional networks, next to torch-pruning's.

``python -m benchmarks.torch_images``, in an environment with ``torch``, ``mlxtend`` and
``torch-pruning==1.6.1``. Networks are trained once a seed; all methods prune the same
ones to the same multiply-adds, ours without labels; then all are trained on alike.
Networks, pruned ones and results are kept in ``--cache``; what is there is not done
again. ``--latency`` then times what is there.
"""

import argparse
import copy
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.torch_image_models import accuracy, count, images, train, trained
from skstruct import TorchPruner

DATA = ("digits", "mnist")
FACTORS = {"resnet8": (4,), "plain": (4, 7.6, 15), "resnet14": (4,)}
N_TUNED = 3  # epochs after which the default and torch-pruning are compared, at 4x
N_CALIBRATION = 1000


def ours(model, X, y, flops, criterion):
    """Return the model pruned by this package, and the CPU seconds of `fit`."""
    pruner = TorchPruner(
        model, budget={"flops": flops}, criterion=criterion, random_state=0
    )
    start = time.process_time()
    pruner.fit(X[:N_CALIBRATION])
    return pruner.model_, time.process_time() - start


def theirs(model, X, y, flops, kind):
    """Return the model pruned by torch-pruning, and the CPU seconds of one pruning.

    Its one ratio for all layers does not give any number of multiply-adds: it gets the
    next larger one. Batch norms are estimated anew, on the inputs that ours gets.
    """
    import torch_pruning as tp

    make = {
        "magnitude": lambda: tp.importance.MagnitudeImportance(
            p=2, group_reduction="first"
        ),
        "group norm": lambda: tp.importance.GroupMagnitudeImportance(
            p=2, normalizer="mean"
        ),
        "taylor": lambda: tp.importance.GroupTaylorImportance(),
    }[kind]
    low, high, best = 0.0, 1.0, None
    for _ in range(8):
        ratio, small = (low + high) / 2, copy.deepcopy(model)
        start = time.process_time()
        ignored = [m for m in small.modules() if isinstance(m, nn.Linear)]
        pruner = tp.pruner.MetaPruner(
            small, X[:1], make(), pruning_ratio=ratio, ignored_layers=ignored
        )
        if kind == "taylor":
            for rows in torch.arange(500).split(100):
                F.cross_entropy(small(X[rows]), y[rows]).backward()
        pruner.step()
        seconds = time.process_time() - start
        if count(small, X) < flops:
            high = ratio
        else:
            low, best = ratio, (small, seconds)
    small, seconds = best
    small.zero_grad()
    norms = [m for m in small.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over batches
    with torch.no_grad():
        for rows in X[:N_CALIBRATION].split(100):
            small.train()(rows)
    for norm in norms:
        norm.momentum = 0.1
    return small.eval(), seconds


METHODS = {
    "backward": ("backward + refit (the default)", ours, "backward"),
    "taylor": ("taylor + refit", ours, "taylor"),
    "magnitude": ("magnitude + refit", ours, "magnitude"),
    "tp-magnitude": ("torch-pruning, magnitude", theirs, "magnitude"),
    "tp-group-norm": ("torch-pruning, group norm", theirs, "group norm"),
    "tp-taylor": ("torch-pruning, taylor", theirs, "taylor"),
}


def compare(data, network, seed, factors, methods, cache):
    """Prune one network by all methods; keep what comes out in the cache."""
    X, X_test, y, y_test = images(data, seed)
    dense = trained(network, data, seed, cache)
    full = count(dense, X)
    found = {"accuracy": [accuracy(dense, X_test, y_test)], "flops": full}
    store(cache, (data, network, seed, 1, "full"), found, dense)
    for factor in factors:
        for method in methods:
            key = (data, network, seed, factor, method)
            if result_file(cache, key).exists():
                continue
            _, prune, kind = METHODS[method]
            small, seconds = prune(dense, X, y, int(full / factor), kind)
            scores = [accuracy(small, X_test, y_test)]
            if factor == 4 and (prune is theirs or method == "backward"):
                tuned = train(copy.deepcopy(small), X, y, N_TUNED, seed, lr=1e-3)
                scores.append(accuracy(tuned, X_test, y_test))
            found = {"accuracy": scores, "flops": count(small, X), "seconds": seconds}
            store(cache, key, found, small)
            print(*key, found, flush=True)


def result_file(cache, key):
    """Return the file of a result."""
    data, network, seed, factor, method = key
    return cache / f"{data}-{network}-{seed}-{factor:g}-{method}.json"


def store(cache, key, found, model):
    """Keep a result and its model."""
    file = result_file(cache, key)
    torch.save(model, file.with_suffix(".model"))
    file.write_text(json.dumps({"key": key, **found}), encoding="utf-8")


def results(cache, options):
    """Return the results of the data and networks that are asked for."""
    found = [json.loads(file.read_text("utf-8")) for file in cache.glob("*.json")]
    return [
        result
        for result in found
        if result["key"][0] in options.data
        and result["key"][1] in options.networks
        and result["key"][2] < options.seeds
    ]


def time_passes(cache, options, n_images=256, n_rounds=8):
    """Add to results the ratio of least CPU times of a pass, both models in turn."""
    for result in results(cache, options):
        data, network, seed, factor, method = result["key"]
        wanted = options.factors or FACTORS[network]
        if method not in options.methods or factor not in wanted:
            continue
        file = result_file(cache, result["key"])
        small = torch.load(file.with_suffix(".model"), weights_only=False).eval()
        dense = trained(network, data, seed, cache).eval()
        X = images(data, seed)[0][:n_images]
        times = [], []
        with torch.inference_mode():
            for _ in range(n_rounds):
                for model, taken in zip((dense, small), times, strict=True):
                    start = time.process_time()
                    model(X)
                    taken.append(time.process_time() - start)
        result["faster"] = min(times[0]) / min(times[1])
        file.write_text(json.dumps(result), encoding="utf-8")


def cell(rows, get):
    """Return mean and standard error over seeds, as text."""
    values = [get(row) for row in rows if get(row) is not None]
    if not values:
        return ""
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0
    return f"{np.mean(values):.2f} ({error:.2f})"


def show(cache, options):
    """Print a table of what is in the cache: means (standard errors) over seeds."""
    found = {}
    for result in results(cache, options):
        data, network, _, factor, method = result["key"]
        found.setdefault((data, network, factor, method), []).append(result)
    order = ["full", *METHODS]
    full = {key[:2]: rows[0]["flops"] for key, rows in found.items() if key[2] == 1}
    print(
        "| data, network | fewer | units chosen by | one shot | 3 epochs | s | faster |"
    )
    print("|---|---|---|---|---|---|---|")
    for key in sorted(found, key=lambda k: (*k[:3], order.index(k[3]))):
        data, network, factor, method = key
        rows = found[key]
        fewer = np.mean([full[data, network] / row["flops"] for row in rows])
        label = METHODS[method][0] if method in METHODS else f"full, {len(rows)} seeds"
        scores = [
            cell(rows, lambda row, k=k: dict(enumerate(row["accuracy"])).get(k))
            for k in range(2)
        ]
        taken = [row["seconds"] for row in rows if "seconds" in row]
        seconds = f"{np.mean(taken):.1f}" if taken else ""
        faster = [row["faster"] for row in rows if "faster" in row]
        speed = f"{np.mean(faster):.2f}x" if faster else ""
        print(
            f"| {data}, {network} | {fewer:.1f}x | {label} | {' | '.join(scores)} "
            f"| {seconds} | {speed} |"
        )


def warm_up():
    """Prune something small once, so that no time counts imports and compilations."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    model.extend([nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3), nn.Flatten()])
    for criterion in ("backward", "magnitude"):
        TorchPruner(model, criterion=criterion).fit(torch.randn(50, 1, 8, 8))


def main():
    """Prune, tune, measure, and print what is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", default=list(DATA), choices=DATA)
    parser.add_argument("--networks", nargs="+", default=["resnet8", "plain"])
    parser.add_argument("--factors", nargs="+", type=float)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--latency", action="store_true", help="time what is there")
    where = Path(tempfile.gettempdir()) / "skstruct-torch-images"
    parser.add_argument("--cache", type=Path, default=where)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.latency:
        time_passes(options.cache, options)
    else:
        warm_up()
        for data in options.data:
            for seed in range(options.seeds):
                for network in options.networks:
                    factors = options.factors or FACTORS[network]
                    methods = options.methods
                    compare(data, network, seed, factors, methods, options.cache)
    show(options.cache, options)


if __name__ == "__main__":
    main()
