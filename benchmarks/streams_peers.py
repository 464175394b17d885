"""Rows past memory, beside SGD and dask-ml: ``-m benchmarks.streams_peers``.

The same objective, without an intercept, since dask-ml penalises it: suboptimality
relative to our minimum at a tolerance of 1e-12, by passes and CPU seconds. SGD is given
the array in memory, dask-ml a Dask array of 20,000-row chunks, computed in this thread.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.linear_model import SGDClassifier, SGDRegressor

from benchmarks.streams import FOLDER, STEP, Watch, largest_alpha, write
from skstruct import GroupLasso, GroupLassoClassifier

#: Options of dask-ml's solvers for l1, from loose to tight.
DASK_ML = [
    ("proximal_grad", {"max_iter": 20}),
    ("proximal_grad", {"max_iter": 100}),
    ("proximal_grad", {"max_iter": 1000, "solver_kwargs": {"tol": 1e-12}}),
    ("admm", {"max_iter": 10}),
]


def logistic(X, y, alpha, coef):
    """Return the objective of the logistic lasso."""
    return (
        np.logaddexp(0, -(2 * y - 1) * (X @ coef)).mean() + alpha * np.abs(coef).sum()
    )


def linear(X, y, alpha, coef):
    """Return the objective of the lasso."""
    return 0.5 * np.mean((y - X @ coef) ** 2) + alpha * np.abs(coef).sum()


class Table:
    """Prints suboptimality and time, fit by fit."""

    def __init__(self, title, objective, X, y, alpha, best):
        self.of = lambda coef: objective(X, y, alpha, np.ravel(coef))
        self.least = self.of(best.coef_)
        print(f"\n| {title} | passes | CPU s | relative suboptimality | nonzero |")
        print("|---|---|---|---|---|")

    def row(self, name, model, *data, passes=None):
        """Fit a model and print its row."""
        try:
            with Watch() as watch:
                model.fit(*data)
        except Exception as error:  # a peer that fails is a row as well
            print(f"| {name} | {passes} | - | {type(error).__name__} | - |")
            return
        above = max(self.of(model.coef_) - self.least, 0) / self.least
        passes = passes or getattr(model, "n_passes_", None)
        used = np.count_nonzero(model.coef_)
        print(
            f"| {name} | {passes} | {watch.cpu:.1f} | {above:.1e} | {used} |", flush=1
        )


def dask_ml(table, cls, X, y, C):
    """Run dask-ml's solvers that know l1, if it is installed."""
    try:
        import dask
        import dask.array as da
        from dask_ml import linear_model
    except ImportError:
        print("dask-ml is not installed.")
        return
    chunks = da.from_array(X, chunks=(STEP, X.shape[1])), da.from_array(y, chunks=STEP)
    with dask.config.set(scheduler="synchronous"):
        for solver, options in DASK_ML:
            model = getattr(linear_model, cls)(
                penalty="l1", C=C, solver=solver, fit_intercept=False, **options
            )
            name = f"dask-ml, {solver}"
            if "solver_kwargs" in options:
                name += ", tight"
            table.row(name, model, *chunks, passes=f"<= {options['max_iter']} steps")


def classes(path, X, label, how):
    """Compare the logistic lasso."""
    best = GroupLassoClassifier(**how, tol=1e-12).fit([(X, label)])
    table = Table("logistic, l1", logistic, X, label, how["alpha"], best)
    for tol in (1e-2, 1e-4, 1e-6, 1e-8):
        model = GroupLassoClassifier(**how, tol=tol)
        table.row(f"ours, tol {tol:g}", model, path, label)
    sgd(table, SGDClassifier(loss="log_loss"), X, label, how)
    C = 1 / (how["alpha"] * len(X))
    dask_ml(table, "LogisticRegression", X, label, C)


def numbers(path, X, number, how):
    """Compare the lasso."""
    best = GroupLasso(**how, tol=1e-12).fit([(X, number)])
    table = Table("squared error, l1", linear, X, number, how["alpha"], best)
    table.row("ours", GroupLasso(**how), path, number)
    sgd(table, SGDRegressor(), X, number, how)
    C = 1 / (2 * how["alpha"] * len(X))  # its squared error is not halved
    dask_ml(table, "LinearRegression", X, number, C)


def sgd(table, model, X, y, how):
    """Run scikit-learn's stochastic gradients."""
    model.set_params(penalty="l1", **how, tol=None, random_state=0)
    for average in (False, True):
        for passes in (5, 20):
            model.set_params(average=average, max_iter=passes)
            name = f"{type(model).__name__}{', averaged' if average else ''}"
            table.row(name, model, X, y, passes=passes)


def main():
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("classes", "numbers"))
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--columns", type=int, default=200)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    args = parser.parse_args()
    args.folder.mkdir(exist_ok=True)
    path, targets = write(args.folder, args.rows, args.columns)
    # As groups of ten; one column weighs a root of ten less.
    top = largest_alpha(path, targets["label"].astype(float), "")
    how = {"alpha": 0.02 * np.sqrt(10) * top, "fit_intercept": False}
    parts = {"classes": (classes, "label"), "numbers": (numbers, "number")}
    for name, (run, target) in parts.items():
        if args.only in (None, name):
            run(path, np.load(path), targets[target], how)


if __name__ == "__main__":
    main()
