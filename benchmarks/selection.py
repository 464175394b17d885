"""Error rates of the selectors of groups: ``python -m benchmarks.selection``.

Made data of which it is known which groups have an effect; each figure is a mean over
replications, with its standard error. ``doc/design/stability.md`` has the tables.
"""

import argparse
import warnings

import numpy as np
from scipy.linalg import toeplitz
from sklearn.preprocessing import OneHotEncoder

from skstruct import GroupKnockoffSelector, GroupStabilitySelection
from skstruct.model_selection.knockoffs import knockoff_threshold

FDR = 0.2


def effects(rng, X, groups, n_effects, size):
    """Return responses, noise of variance 1, and which groups have an effect."""
    n_groups = groups[-1] + 1
    active = np.zeros(n_groups, dtype=bool)
    active[rng.choice(n_groups, n_effects, replace=False)] = True
    signal = np.zeros(len(X))
    for g in np.flatnonzero(active):
        part = X[:, groups == g] @ rng.normal(size=(groups == g).sum())
        signal += size * (part - part.mean()) / part.std()
    return signal + rng.normal(size=len(X)), active


def gaussian(rng, n, n_groups, rho, n_effects=10, size=0.25):
    """Return Gaussian rows whose columns have correlations rho^|i - j|."""
    p = 3 * n_groups
    covariance = toeplitz(rho ** np.arange(p))
    X = rng.multivariate_normal(np.zeros(p), covariance, size=n, method="cholesky")
    groups = np.repeat(np.arange(n_groups), 3)
    return X, *effects(rng, X, groups, n_effects, size), groups, covariance


def levels(rng, n, n_groups, n_effects=10, size=0.25):
    """Return one-hot levels of dependent categories, without the first of each."""
    driver = rng.normal(size=(n, 1))
    scores = 0.7 * driver + rng.normal(size=(n, n_groups))
    codes = np.digitize(scores, [-1.0, 0.0, 1.0])
    X = OneHotEncoder(drop="first", sparse_output=False).fit_transform(codes)
    groups = np.repeat(np.arange(n_groups), 3)
    return X, *effects(rng, X, groups, n_effects, size), groups, None


KNOCKOFFS = {
    "fixed, independent": (lambda r: gaussian(r, 300, 40, 0.0), {}),
    "fixed, AR(.5)": (lambda r: gaussian(r, 300, 40, 0.5), {}),
    "fixed, one-hot": (lambda r: levels(r, 300, 40), {}),
    "gaussian, AR(.5), known": (lambda r: gaussian(r, 300, 40, 0.5), "known"),
    "gaussian, AR(.5), estimated": (lambda r: gaussian(r, 300, 40, 0.5), "entry"),
    "gaussian, AR(.5), norm": (lambda r: gaussian(r, 300, 40, 0.5), "norm"),
    "gaussian, p > n": (lambda r: gaussian(r, 150, 60, 0.5, size=0.4), "entry"),
    "gaussian, one-hot (not valid)": (lambda r: levels(r, 300, 40), "entry"),
}


def rates(chosen, active):
    """Return the share of false selections, that of effects found, and how many."""
    n_false = np.count_nonzero(chosen & ~active)
    found = np.count_nonzero(chosen & active) / active.sum()
    return n_false / max(chosen.sum(), 1), found, n_false


def knockoffs(name, seeds):
    """Print a row of false discovery rate and power for each offset."""
    draw, how = KNOCKOFFS[name]
    rows = {0: [], 1: []}
    for seed in range(seeds):
        X, y, active, groups, covariance = draw(np.random.default_rng(seed))
        params = {}
        if how:
            params = {
                "knockoffs": "gaussian",
                "statistic": "norm" if how == "norm" else "entry",
                "covariance": covariance if how == "known" else None,
            }
        selector = GroupKnockoffSelector(
            groups=groups, fdr=FDR, alphas=60, random_state=seed, **params
        ).fit(X, y)
        for offset, found in rows.items():
            chosen = knockoff_threshold(selector.W_, FDR, offset) <= selector.W_
            found.append(rates(chosen, active))
    cells = " | ".join(
        f"{summary(found, 0)} | {summary(found, 1)}"
        for found in map(np.array, rows.values())
    )
    print(f"| {name} | {cells} |", flush=True)


def summary(found, column):
    """Return mean and standard error of a column."""
    values = found[:, column]
    return f"{values.mean():.3f} ({values.std(ddof=1) / np.sqrt(len(values)):.3f})"


STABILITY = {
    "independent": lambda r: gaussian(r, 150, 50, 0.0, n_effects=5, size=0.5),
    "AR(.5)": lambda r: gaussian(r, 150, 50, 0.5, n_effects=5, size=0.5),
    "one-hot": lambda r: levels(r, 150, 50, n_effects=5, size=0.5),
}


def stability(name, seeds, thresholds=(0.6, 0.75, 0.9), max_groups=10, n_pairs=25):
    """Print a row of false selections, their bounds and power for each threshold."""
    found = {threshold: [] for threshold in thresholds}
    for seed in range(seeds):
        X, y, active, groups, _ = STABILITY[name](np.random.default_rng(seed))
        selector = GroupStabilitySelection(
            groups=groups,
            max_groups=max_groups,
            n_pairs=n_pairs,
            alphas=25,
            eps=0.2,
            random_state=seed,
        ).fit(X, y)
        for threshold, own in found.items():
            chosen = selector.selection_probabilities_ >= threshold - 1e-12
            own.append(rates(chosen, active))
    for threshold, own in found.items():
        bounds = " | ".join(
            f"{bound:.2f}" for bound in selector.error_bounds(threshold).values()
        )
        own = np.array(own)
        cells = f"{summary(own, 2)} | {bounds} | {summary(own, 1)}"
        print(f"| {name} | {threshold:g} | {cells} |", flush=True)


def main():
    """Print the tables asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--what", default="knockoffs,stability")
    arguments = parser.parse_args()
    warnings.simplefilter("error")
    if "knockoffs" in arguments.what:
        print(
            "| data and knockoffs | FDR | power | FDR+ | power+ |\n"
            "|---|---|---|---|---|"
        )
        for name in KNOCKOFFS:
            knockoffs(name, arguments.seeds)
    if "stability" in arguments.what:
        print(
            "\n| data | threshold | false | markov | unimodal | r_concave | power |\n"
            "|---|---|---|---|---|---|---|"
        )
        for name in STABILITY:
            stability(name, arguments.seeds // 2)


if __name__ == "__main__":
    main()
