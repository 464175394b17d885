"""Features selected by networks, beside lassonet: ``python -m benchmarks.sparse_mlp``.

Each method follows its path from all features to none on the training rows. Of the
networks with at most k features (groups), the largest is judged: by its own test score,
and by that of a fresh scikit-learn network on the features alone. CPU seconds are for
the whole path, one thread. Needs torch and ``pip install lassonet`` (0.0.21 here).
"""

import argparse
import time
import warnings

import numpy as np
import torch
from lassonet import LassoNetClassifier, LassoNetRegressor
from sklearn.datasets import load_digits, make_friedman1
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from skstruct import (
    GroupSparseMLPClassifier,
    GroupSparseMLPRegressor,
    sparse_mlp_path,
)


def friedman(seed):
    """Five features that matter, 45 that do not."""
    X, y = make_friedman1(1500, 50, noise=1.0, random_state=seed)
    X, y = StandardScaler().fit_transform(X), (y - y.mean()) / y.std()
    return X, y, None, 1000, (5, 10), set(range(5))


def digits(seed):
    """Pixels of handwritten digits; nobody knows which matter."""
    X, y = load_digits(return_X_y=True)
    return X / 16, y, None, 540, (10, 20, 30), None


def levels(seed):
    """One-hot levels of 20 variables of 5 levels; three matter, two of them jointly."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(5, size=(1500, 20))
    table, alone = rng.normal(size=(5, 5)), rng.normal(size=5)
    signal = table[codes[:, 0], codes[:, 1]] + alone[codes[:, 2]]
    y = signal + 0.3 * rng.normal(size=len(codes))
    X = (codes[:, :, None] == np.arange(5)).reshape(len(codes), -1).astype(float)
    groups = [list(range(5 * g, 5 * g + 5)) for g in range(20)]
    return X, (y - y.mean()) / y.std(), groups, 1000, (3, 6), {0, 1, 2}


DATA = {"friedman1": friedman, "digits": digits, "levels": levels}
WIDTHS = (50,)


def ours(penalty, unit_penalty):
    """Return a function that follows our path: -> (selected groups, score) pairs."""

    def run(train, test, groups, seed):
        is_numeric = train[1].dtype.kind == "f"
        cls = GroupSparseMLPRegressor if is_numeric else GroupSparseMLPClassifier
        model = cls(
            WIDTHS,
            penalty=penalty,
            groups=groups,
            unit_penalty=unit_penalty,
            random_state=seed,
            learning_rate_init=0.005,
        )
        path = sparse_mlp_path(model, *train, X_val=test[0], y_val=test[1])
        return [(list(step.selected_groups), step.score) for step in path]

    return run


def theirs(train, test, groups, seed):
    """Follow lassonet's path, in steps of 5 % (its default: 2 %)."""
    cls = LassoNetRegressor if train[1].dtype.kind == "f" else LassoNetClassifier
    model = cls(
        hidden_dims=WIDTHS,
        path_multiplier=1.05,
        groups=groups,
        verbose=0,
        random_state=seed,
        torch_seed=seed,
    )
    own = [train[0].astype(np.float32), train[1]]
    own[1] = own[1].astype(np.float32) if own[1].dtype.kind == "f" else own[1]
    found = []
    for step in model.path(*own, return_state_dicts=True):
        model.load(step.state_dict)
        used = step.selected.numpy()
        if groups is not None:
            used = np.array([used[own].any() for own in groups])
        score = model.score(test[0].astype(np.float32), test[1])
        found.append((list(np.flatnonzero(used)), float(score)))
    return found


METHODS = {
    "hierarchical": ours("hierarchical", 0.003),
    "hierarchical, no unit penalty": ours("hierarchical", 0.0),
    "group": ours("group", 0.003),
    "lassonet": theirs,
}


def fresh_score(train, test, groups, chosen, seed):
    """Return the score of a plain network on the chosen features alone."""
    columns = np.concatenate([groups[g] for g in chosen]) if groups else chosen
    cls = MLPRegressor if train[1].dtype.kind == "f" else MLPClassifier
    model = cls(hidden_layer_sizes=WIDTHS, random_state=seed, learning_rate_init=0.005)
    model.fit(train[0][:, columns], train[1])
    return model.score(test[0][:, columns], test[1])


def main(names, seeds):
    """Print a table for each data set."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", ConvergenceWarning)
    for name in names:
        rows, times, full, sizes, true = {}, {}, [], (), None
        for seed in range(seeds):
            X, y, groups, n_test, sizes, true = DATA[name](seed)
            X, test_X, y, test_y = train_test_split(
                X, y, test_size=n_test, random_state=seed
            )
            train, test = (X, y), (test_X, test_y)
            everything = range(len(groups) if groups else X.shape[1])
            full.append(fresh_score(train, test, groups, list(everything), seed))
            for method, run in METHODS.items():
                start = time.process_time()
                path = run(train, test, groups, seed)
                times.setdefault(method, []).append(time.process_time() - start)
                for k in sizes:
                    fitting = [step for step in path if 0 < len(step[0]) <= k]
                    chosen, score = max(
                        fitting, key=lambda s: len(s[0]), default=([], 0)
                    )
                    again = 0.0
                    if chosen:
                        again = fresh_score(train, test, groups, chosen, seed)
                    hits = len(true & set(chosen)) if true else np.nan
                    rows.setdefault((method, k), []).append(
                        (len(chosen), hits, 100 * score, 100 * again)
                    )
        print(
            f"\n{name}, {seeds} seeds; all features, plain: {100 * np.mean(full):.1f}\n"
        )
        print("| | at most | found | true | own score | fresh network | path, s |")
        print("|---|---|---|---|---|---|---|")
        for (method, k), values in rows.items():
            n, hits, own, again = np.mean(values, axis=0)
            print(
                f"| {method} | {k} | {n:.1f} | {hits:.1f} | {own:.1f} | {again:.1f} | "
                f"{np.mean(times[method]):.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="*", default=[*DATA], choices=[*DATA])
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    main(options.data, options.seeds)
