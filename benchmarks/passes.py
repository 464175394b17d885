"""Curved losses by passes over the rows: ``-m benchmarks.passes``.

What a pass costs, beside numpy's bare products with the same rows, and how many passes
fits take. Rows are made chunk by chunk, or held in memory where costs are measured;
seconds are CPU seconds of one thread, the least of a few runs. Columns follow AR(0.5),
groups are of 10, and of the first five groups the coefficients are not zero.
"""

import argparse
import time

import numpy as np
from scipy.special import expit
from sklearn.linear_model import SGDClassifier

from skstruct.groups import make_layout
from skstruct.losses import HuberLoss, LogisticLoss, MultinomialLoss, PoissonLoss
from skstruct.penalties import L1, GroupL2
from skstruct.solvers.chunk_pass import Point, Points, answer_chunk
from skstruct.solvers.first_look import FirstLook
from skstruct.solvers.lockstep import solve_in_passes

P, SIZE, CHUNK = 200, 10, 20_000
LOSSES = {
    "logistic": LogisticLoss(),
    "poisson": PoissonLoss(),
    "huber": HuberLoss(),
    "multinomial, 3 classes": MultinomialLoss(),
}


class Rows:
    """Rows that are made anew in every pass."""

    def __init__(self, loss, n, p=P, n_folds=0, is_kept=False):
        self.loss, self.n, self.p, self.n_folds = loss, n, p, n_folds
        q = 3 if loss.is_joint else 1
        rng = np.random.default_rng(0)
        self.coef = np.zeros((p, q))
        self.coef[: 5 * SIZE] = 0.1 * rng.normal(size=(5 * SIZE, q))
        self.kept = list(self._chunks()) if is_kept else None
        self.n_passes, self.seconds = 0, 0.0

    def _chunks(self):
        for i in range(0, self.n, CHUNK):
            rng = np.random.default_rng([1, i])
            m = min(CHUNK, self.n - i)
            X = rng.normal(size=(m, self.p))
            for j in range(1, self.p):
                X[:, j] = 0.5 * X[:, j - 1] + np.sqrt(0.75) * X[:, j]
            yield X, self._responses(X @ self.coef, rng), rng.integers(0, 5, size=m)

    def _responses(self, eta, rng):
        if isinstance(self.loss, LogisticLoss):
            return np.where(rng.random(eta.shape) < expit(eta), 1.0, -1.0)
        if isinstance(self.loss, PoissonLoss):
            return rng.poisson(np.exp(np.clip(eta - 0.5, -5, 3))).astype(float)
        if isinstance(self.loss, MultinomialLoss):
            return np.eye(3)[np.argmax(eta + rng.gumbel(size=eta.shape), axis=1)]
        return eta + rng.standard_t(3, size=eta.shape)

    def __call__(self, request):
        """Run one pass."""
        self.n_passes += 1
        total = None
        for X, y, ids in self.kept or self._chunks():
            start = time.process_time()
            ids = ids if self.n_folds else None
            answer = answer_chunk(X, y, None, None, ids, self.loss, request)
            total = answer if total is None else total + answer
            self.seconds += time.process_time() - start
        return total


def cpu_time(run, repeats=5):
    """Return the least CPU time of a few runs."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def costs(n):
    """Print what one pass costs, beside numpy's bare products."""
    rows = Rows(LogisticLoss(), n, n_folds=5, is_kept=True)
    shift, b = np.zeros(P), np.zeros(1)
    coef = np.zeros((P, 1))
    coef[:50] = rows.coef[:50]

    def asked(points, **how):
        request = Points(tuple(points), shift, n_folds=rows.n_folds, **how)
        return cpu_time(lambda: rows(request))

    def bare(product):
        return cpu_time(lambda: [product(X) for X, _, _ in rows.kept])

    gradient = bare(lambda X: X.T @ (X @ coef))
    gram = bare(lambda X: X.T @ X)
    print(f"| X'(Xb) by numpy | {gradient:.3f} | 1 |")
    print(f"| X'X by numpy | {gram:.3f} | {gram / gradient:.1f} |")
    doubt = {"before": (0 * coef, b), "steps": (0.5, 0.25, 0.1, 0.03, 0.01)}
    many = [coef * share for share in np.linspace(0, 1, 20)]
    asks = {
        "first look": None,
        "gradient": [Point(coef, b)],
        "gradient, columns centred": [Point(coef, b)],
        "and five step sizes, conjugate": [Point(coef, b, **doubt, scale=0.999)],
        "and curvature of 20 columns": [Point(coef, b, columns=np.arange(20))],
        "of 50": [Point(coef, b, columns=np.arange(50))],
        "of all 200": [Point(coef, b, columns=np.arange(P))],
        "of all 200, 5 folds apart": [
            Point(coef, b, columns=np.arange(P), by_part=True)
        ],
        "20 gradients": [Point(c, b) for c in many],
        "20 gradients, curvatures of 50": [
            Point(c, b, columns=np.arange(50)) for c in many
        ],
    }
    for name, points in asks.items():
        if points is None:
            seconds = cpu_time(lambda: rows(FirstLook()))
        else:
            seconds = asked(points, is_far="centred" in name)
        print(f"| {name} | {seconds:.3f} | {seconds / gradient:.1f} |")


def solve(rows, alphas, tol=1e-6, penalty=None, size=SIZE, **how):
    """Fit; return what was found, passes, and CPU seconds in passes and beside them."""
    layout = make_layout(size, rows.p)
    rows.n_passes, rows.seconds = 0, 0.0
    start = time.process_time()
    found = solve_in_passes(
        rows,
        layout=layout,
        penalty=penalty or GroupL2(),
        loss=rows.loss,
        alphas=alphas,
        tol=tol,
        n_folds=rows.n_folds,
        **how,
    )
    total = time.process_time() - start
    return found, rows.n_passes, rows.seconds, total - rows.seconds


def fits(n):
    """Print how many passes fits take."""
    for name, loss in LOSSES.items():
        rows = Rows(loss, n, is_kept=True)
        alpha_max = solve(rows, 1, tol=1e-2)[0].solution.alphas[0]
        tasks = {f"alpha_max x {s}": ([s * alpha_max], 0) for s in (0.3, 0.05, 0.005)}
        tasks["20 alphas"] = (20, 0)
        tasks["20 alphas, 5 folds"] = (20, 5)
        for task, (alphas, n_folds) in tasks.items():
            rows.n_folds = n_folds
            found, n_passes, passing, beside = solve(rows, alphas, eps=1e-2)
            worst = max(
                (one.gaps / one.null_loss).max()
                for one in (found.solution, *found.folds)
            )
            print(
                f"| {name} | {task} | {n_passes} | {passing:.1f} | {beside:.1f} "
                f"| {worst:.0e} |"
            )


def against_sgd(n):
    """Print the objective of a lasso after each pass of ours, and of SGD's."""
    rows = Rows(LogisticLoss(), n, is_kept=True)
    X = np.concatenate([chunk[0] for chunk in rows.kept])
    y = np.concatenate([chunk[1] for chunk in rows.kept])
    lasso = {"penalty": L1(), "size": 1}
    alpha = 0.05 * solve(rows, 1, tol=1e-2, **lasso)[0].solution.alphas[0]

    def objective(coef, b):
        value = rows.loss.value(y, X @ coef + b, np.full(len(y), 1 / len(y)))
        return value + alpha * np.abs(coef).sum()

    best = solve(rows, [alpha], tol=1e-9, **lasso)[0].solution
    best = objective(best.coefs[0], best.intercepts[0])
    print("passes ours:", end="")
    for n_passes in range(3, 10):
        one = solve(rows, [alpha], tol=1e-12, max_passes=n_passes, **lasso)[0].solution
        print(
            f" {n_passes}: {objective(one.coefs[0], one.intercepts[0]) - best:.0e}",
            end="",
        )
    print()
    for average in (False, True):
        model = SGDClassifier(
            "log_loss", penalty="l1", alpha=alpha, average=average, random_state=0
        )
        print(f"passes SGDClassifier(average={average}):", end="")
        for k in range(1, 21):
            model.partial_fit(X, y[:, 0], classes=[-1, 1])
            if k in (1, 5, 10, 20):
                gap = objective(model.coef_.T, model.intercept_) - best
                print(f" {k}: {gap:.0e}", end="")
        print()


def main():
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--only", choices=["costs", "fits", "sgd"])
    args = parser.parse_args()
    for name, run in {"costs": costs, "fits": fits, "sgd": against_sgd}.items():
        if args.only in (None, name):
            run(args.rows)


if __name__ == "__main__":
    main()
