"""One worker and two of a LocalCluster: ``-m benchmarks.streams_workers PART ...``.

Wall seconds, so the machine must be idle. ``pass``: the squared error from a file, once
with a worker killed in mid-pass. ``folds``: cross-validation of the same file, where
chunks and then folds are spread. ``selection``: fits to data in memory, by joblib.
"""

import argparse
import os
import signal
import threading
from contextlib import contextmanager
from pathlib import Path

import dask
import joblib
import numpy as np
from distributed import Client, LocalCluster
from sklearn.model_selection import GridSearchCV

from benchmarks.streams import FOLDER, SIZE, Watch, coefficients, write
from skstruct import (
    GroupLasso,
    GroupLassoClassifier,
    GroupLassoCV,
    GroupStabilitySelection,
)

# Dask has workers give memory back at once, and fits then fault it in again.
ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": 2**30,
    "MALLOC_MMAP_THRESHOLD_": 2**30,
    "OMP_NUM_THREADS": 1,
}


@contextmanager
def cluster_of(n_workers):
    """Have joblib use a cluster of so many workers of one thread.

    joblib fits in this process if there is only one.
    """
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": ENVIRONMENT}),
        LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            dashboard_address=None,
            silence_logs=50,
        ) as cluster,
        Client(cluster) as client,
        joblib.parallel_config("dask", client=client),
    ):
        yield client


def timed(model, *data, first=None, repeats=2):
    """Return the least wall seconds of some fits, after one that imports things."""
    model.fit(*(first or data))
    seconds = []
    for _ in range(repeats):
        with Watch() as watch:
            model.fit(*data)
        seconds.append(watch.wall)
    return min(seconds)


def row(name, one, two, remark):
    """Print one row."""
    print(
        f"| {name} | {one:.2f} | {two:.2f} | {one / two:.2f} | {remark} |", flush=True
    )


def of_file(model, what, folder, n, p):
    """Fit a model to a file by one worker and by two; return data and attributes."""
    path, y = write(folder, n, p)
    np.save(folder / "number.npy", y["number"])
    seconds, found = [], []
    data = path, folder / "number.npy"
    for n_workers in (1, 2):
        with cluster_of(n_workers):
            seconds.append(timed(model, *data))
            found.append(np.array(getattr(model, what)))
    model.fit(*data)
    apart = max(np.abs(one - getattr(model, what)).max() for one in found)
    return seconds, apart


def one_pass(folder, n, p):
    """Fit the squared error; then with a worker killed."""
    model = GroupLasso(alpha=0.05, groups=SIZE)
    seconds, apart = of_file(model, "coef_", folder, n, p)
    row("a pass", *seconds, f"largest difference from one process {apart:g}")
    here = model.coef_
    path = folder / f"X{n}x{p}.npy"
    with cluster_of(2) as client:
        model.fit(path, folder / "number.npy")
        victim = next(iter(client.run(os.getpid).values()))
        killer = threading.Timer(0.5, os.kill, [victim, signal.SIGKILL])
        killer.start()
        with Watch() as watch:
            model.fit(path, folder / "number.npy")
    apart = np.abs(model.coef_ - here).max()
    print(f"| a pass, one worker killed | - | {watch.wall:.2f} | - | {apart:g} |")


def folds(folder, n, p):
    """Cross-validate the squared error."""
    model = GroupLassoCV(groups=SIZE, alphas=100, cv=5)
    seconds, apart = of_file(model, "scores_path_", folder, n, p)
    row("5 folds x 100 alphas", *seconds, f"largest difference {apart:g}")


def selection(folder, n, p):
    """Search and select, by fits to data in memory."""
    rng, coef = np.random.default_rng(0), coefficients(p)
    X = rng.normal(size=(n, p))
    y = X @ coef + rng.normal(size=n)
    label = (y > 0).astype(int)
    models = {
        "GridSearchCV, 8 alphas x 3 folds": (
            GridSearchCV(
                GroupLassoClassifier(groups=SIZE, tol=1e-6),
                {"alpha": np.geomspace(0.001, 0.1, 8)},
                cv=3,
                refit=False,
            ),
            label,
            lambda model: model.cv_results_["mean_test_score"],
        ),
        "GroupStabilitySelection, 10 pairs": (
            GroupStabilitySelection(
                GroupLasso(groups=SIZE, loss="huber"), n_pairs=10, random_state=0
            ),
            y,
            lambda model: model.stability_scores_,
        ),
    }
    for name, (model, target, what) in models.items():
        seconds, found = [], []
        for n_workers in (1, 2):
            with cluster_of(n_workers):
                few = X[:300], target[:300]
                seconds.append(timed(model, X, target, first=few, repeats=1))
                found.append(what(model))
        with joblib.parallel_config("threading", n_jobs=2):
            model.fit(X, target)
        apart = max(np.abs(one - what(model)).max() for one in found)
        row(name, *seconds, f"largest difference from threads {apart:g}")


def main():
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parts = {"pass": one_pass, "folds": folds, "selection": selection}
    parser.add_argument("parts", nargs="+", choices=parts)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=200)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    args = parser.parse_args()
    args.folder.mkdir(exist_ok=True)
    print("| wall s | 1 worker | 2 workers | ratio | |\n|---|---|---|---|---|")
    for part in args.parts:
        parts[part](args.folder, args.rows, args.columns)


if __name__ == "__main__":
    main()
