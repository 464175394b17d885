"""Best subsets of groups beside abess: ``python -m benchmarks.subset``.

Both choose k of the groups; the judge refits whatever columns are not zero by least
squares and compares half the mean squared residual. CPU seconds of one fit, kernels
compiled before. Needs ``pip install abess`` (0.4.11 here).
"""

import argparse
import time

import numpy as np
from abess.linear import LinearRegression as Abess

from skstruct import GroupSubsetSelection, GroupSubsetSelectionIC

# n, number of groups, size of groups, correlation of neighbours, true groups, SNR
PROBLEMS = {
    "n 500, 40 x 5, rho .5": (500, 40, 5, 0.5, 8, 1.0),
    "n 100, 40 x 5, rho .9": (100, 40, 5, 0.9, 8, 1.0),
    "n 1000, 200 x 5, rho .5": (1000, 200, 5, 0.5, 10, 1.0),
    "n 300, 500 x 4, rho .9": (300, 500, 4, 0.9, 10, 3.0),
    "n 20000, 100 x 5, rho .7": (20_000, 100, 5, 0.7, 10, 0.3),
    "n 500, 1000 x 1, rho .8": (500, 1000, 1, 0.8, 15, 2.0),
    "n 500, 800 x 5, rho .5": (500, 800, 5, 0.5, 10, 2.0),
}


def draw(seed, n, n_groups, size, rho, k, snr):
    """Return X, y and the size of groups; columns are AR(1), true groups anywhere."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_groups * size))
    for j in range(1, X.shape[1]):
        X[:, j] = rho * X[:, j - 1] + np.sqrt(1 - rho**2) * X[:, j]
    beta = np.zeros((n_groups, size))
    beta[rng.choice(n_groups, k, replace=False)] = rng.normal(size=(k, size))
    signal = X @ beta.ravel()
    return X, signal + rng.normal(size=n) * signal.std() / np.sqrt(snr)


def judged(X, y, coef):
    """Return the objective of the least squares refit on the columns in use."""
    columns = np.flatnonzero(np.ravel(coef))
    Z, r = X[:, columns] - X[:, columns].mean(axis=0), y - y.mean()
    return 0.5 * np.mean((r - Z @ np.linalg.lstsq(Z, r, rcond=None)[0]) ** 2)


def methods(size, n_groups, k):
    """Return the functions that fit: name -> (X, y) -> coefficients."""
    labels = np.repeat(np.arange(n_groups), size)

    def ours(**how):
        return lambda X, y: GroupSubsetSelection(k, groups=size, **how).fit(X, y).coef_

    def theirs(sizes, **how):
        model = Abess(support_size=sizes, group=labels, **how)
        return lambda X, y: model.fit(X, y).coef_

    return {
        "forward, no trades": ours(n_swaps=0),
        "forward + trades (default)": ours(),
        "backward + trades": ours(method="backward"),
        "abess, k only": theirs([k]),
        "abess, k only, covariance_update": theirs([k], covariance_update=True),
        "abess, 1..k": theirs(range(1, k + 1), ic_coef=0.0),
        "0..k by BIC, all with trades": lambda X, y: (
            GroupSubsetSelectionIC(size, n_groups=k, criterion="bic")
            .fit(X, y)
            .coef_path_[:, -1]
        ),
    }


def cpu_time(run):
    """Return CPU seconds and the result; short runs are repeated."""
    start, times = time.process_time(), []
    while not times or (len(times) < 5 and time.process_time() - start < 0.5):
        begun = time.process_time()
        result = run()
        times.append(time.process_time() - begun)
    return min(times), result


def main(seeds):
    """Print one table: objective over the best found, and time, by method."""
    for name, (n, n_groups, size, rho, k, snr) in PROBLEMS.items():
        found, times = {}, {}
        for seed in range(seeds):
            X, y = draw(seed, n, n_groups, size, rho, k, snr)
            for method, fit in methods(size, n_groups, k).items():
                if method.startswith("backward") and n_groups * size > 1000:
                    continue
                if seed == 0:
                    fit(X[:50], y[:50])
                seconds, coef = cpu_time(lambda fit=fit, X=X, y=y: fit(X, y))
                found.setdefault(method, []).append(judged(X, y, coef))
                times.setdefault(method, []).append(seconds)
        best = np.min(list(found.values()), axis=0)
        print(f"\n{name}, k = {k}, {seeds} seeds\n")
        print("| | best found | mean excess | worst | seconds |\n|---|---|---|---|---|")
        for method, values in found.items():
            excess = np.array(values) / best - 1
            print(
                f"| {method} | {np.sum(excess < 1e-9)} | {excess.mean():.2%} | "
                f"{excess.max():.2%} | {np.median(times[method]):.4f} |"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    main(parser.parse_args().seeds)
