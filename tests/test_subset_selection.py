"""Subsets of groups against brute force, and on data that are not kind."""

from functools import cache
from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import KFold

from makers import STORAGES, make_data
from skstruct import (
    GroupSubsetSelection,
    GroupSubsetSelectionCV,
    GroupSubsetSelectionIC,
)

GROUPS = [[0, 7], [1, 3, 5], [2], [4, 8], [6]]


def problem(seed, n=40, n_groups=8, size=2, correlation=0.6):
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(n, 1)) * np.sqrt(correlation)
    own = rng.normal(size=(n, n_groups * size)) * np.sqrt(1 - correlation)
    X = common + own + rng.normal(size=n_groups * size)
    y = X[:, : 3 * size] @ rng.normal(size=3 * size) + 2 * rng.normal(size=n)
    return X, y


def objective(X, y, columns, weights=None, ridge=0.0):
    """Half the mean squared error of least squares with intercept, ridge included."""
    weights = np.ones(len(y)) if weights is None else weights
    d = weights / weights.sum()
    Y = np.reshape(y - d @ y, (len(y), -1))
    Z = (X - d @ X)[:, columns]
    H = Z.T @ (d[:, None] * Z) + ridge * np.eye(len(columns))
    b = np.linalg.lstsq(H, Z.T @ (d[:, None] * Y), rcond=None)[0]
    return 0.5 * (d @ (Y - Z @ b) ** 2).sum() + 0.5 * ridge * np.sum(b**2)


def brute_force(X, y, groups, k, **how):
    return min(
        objective(X, y, [j for g in subset for j in groups[g]], **how)
        for subset in combinations(range(len(groups)), k)
    )


@cache
def optimum(seed):
    return brute_force(*problem(seed), [[2 * g, 2 * g + 1] for g in range(8)], 3)


# --- against brute force --------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "n_swaps", "share", "bound"),
    [
        ("forward", 0, 0.8, 0.1),
        ("forward", None, 0.95, 0.05),
        ("backward", None, 0.95, 0.05),
        ("both", None, 0.95, 0.05),
    ],
)
def test_the_optimum_is_found_in_most_problems(method, n_swaps, share, bound):
    excess = []
    for seed in range(20):
        model = GroupSubsetSelection(3, groups=2, method=method, n_swaps=n_swaps)
        excess.append(model.fit(*problem(seed)).objective_ / optimum(seed) - 1)
    assert min(excess) > -1e-10
    assert np.mean(np.array(excess) < 1e-9) >= share
    assert max(excess) <= bound


@pytest.mark.parametrize("k", range(6))
def test_groups_of_different_sizes_weights_ridge_and_outputs(k):
    X, y = make_data(n_outputs=2)
    weights = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
    model = GroupSubsetSelection(k, groups=GROUPS, method="both", ridge=0.1)
    model.fit(X, y, sample_weight=weights)
    best = brute_force(X, y, GROUPS, k, weights=weights, ridge=0.1)
    assert_allclose(model.objective_, best, rtol=1e-9)
    assert len(model.selected_groups_) == k
    columns = [j for g in model.selected_groups_ for j in GROUPS[g]]
    if columns:
        peer = Ridge(alpha=0.1 * weights.sum()).fit(X[:, columns], y, weights)
        assert_allclose(model.coef_[:, columns], peer.coef_, rtol=1e-8, atol=1e-10)
        assert_allclose(model.intercept_, peer.intercept_, rtol=1e-8)


def test_everything_kept_is_least_squares():
    X, y = make_data()
    model, peer = GroupSubsetSelection(100).fit(X, y), LinearRegression().fit(X, y)
    assert_allclose(model.coef_, peer.coef_, rtol=1e-10)
    assert_allclose(model.predict(X), peer.predict(X), rtol=1e-10)


def test_an_offset_is_subtracted_and_no_intercept_goes_through_zero():
    X, y = make_data()
    offset = np.linspace(-1, 2, len(y))
    model = GroupSubsetSelection(3, fit_intercept=False).fit(X, y, offset=offset)
    assert model.intercept_ == 0
    kept = np.flatnonzero(model.coef_)
    peer = LinearRegression(fit_intercept=False).fit(X[:, kept], y - offset)
    assert_allclose(model.coef_[kept], peer.coef_, rtol=1e-9)
    assert_allclose(model.predict(X, offset), peer.predict(X[:, kept]) + offset)


# --- the path -------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["forward", "backward"])
def test_the_greedy_path_is_nested(method):
    X, y = problem(3)
    longest = GroupSubsetSelection(8, groups=2, method=method, n_swaps=0).fit(X, y)
    for k in range(9):
        model = GroupSubsetSelection(k, groups=2, method=method, n_swaps=0).fit(X, y)
        assert set(model.selected_groups_) == set(longest.path_[:k])
        assert_allclose(longest.path_objectives_[k], model.objective_, rtol=1e-8)
        polished = GroupSubsetSelection(k, groups=2, method=method).fit(X, y)
        assert polished.objective_ <= model.objective_ * (1 + 1e-12)


def test_groups_of_weight_zero_are_always_in_and_not_counted():
    X, y = make_data()
    weights = {2: 0.0}
    model = GroupSubsetSelection(1, groups=GROUPS, group_weights=weights).fit(X, y)
    best = min(objective(X, y, [*GROUPS[g], *GROUPS[2]]) for g in range(5) if g != 2)
    assert_allclose(model.objective_, best, rtol=1e-9)
    assert 2 in model.selected_groups_
    assert len(model.selected_groups_) == 2
    nothing = GroupSubsetSelection(0, groups=GROUPS, group_weights=weights).fit(X, y)
    assert_array_equal(nothing.selected_groups_, [2])


# --- data that are not kind -----------------------------------------------------------


@pytest.mark.parametrize("storage", STORAGES)
def test_storage_does_not_matter(storage):
    X, y = make_data(density=0.2)
    free = {"group_weights": {4: 0.0}}
    expected = GroupSubsetSelection(2, groups=GROUPS, **free).fit(X, y)
    model = GroupSubsetSelection(2, groups=GROUPS, **free)
    model.fit(STORAGES[storage](X), y)
    assert_array_equal(model.selected_groups_, expected.selected_groups_)
    assert_allclose(model.coef_, expected.coef_, rtol=1e-8, atol=1e-12)


def test_units_do_not_matter():
    X, y = problem(0)
    units = 10.0 ** np.arange(-80, 80, 10)
    plain = GroupSubsetSelection(3, groups=2).fit(X, y)
    model = GroupSubsetSelection(3, groups=2).fit(X * units, 1e50 * y)
    assert_array_equal(model.selected_groups_, plain.selected_groups_)
    assert_allclose(model.coef_ * units, 1e50 * plain.coef_, rtol=1e-7)


def test_one_hot_levels_and_copies_are_used_for_what_is_new():
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 4, 80)
    hot = np.eye(4)[levels]
    z = rng.normal(size=(80, 2))
    # The second group has a copy of the first's column; the third depends on itself.
    X = np.column_stack([z[:, 0], z[:, 0], z[:, 1], hot, np.ones(80), np.zeros(80)])
    groups = {"a": [0], "b": [1, 2], "levels": [3, 4, 5, 6], "constant": [7, 8]}
    y = 2 * z[:, 0] + z[:, 1] + hot @ [1.0, -1.0, 3.0, 0.0] + 0.1 * rng.normal(size=80)
    for storage in (np.asarray, sparse.csc_array):
        for method in ("forward", "backward"):
            for ridge in (0.0, 1e-8):
                model = GroupSubsetSelection(
                    4, groups=groups, method=method, ridge=ridge
                ).fit(storage(X), y)
                assert {"b", "levels"} <= set(model.selected_groups_)
                assert "constant" not in model.selected_groups_
                full = objective(X, y, list(range(7)))
                assert_allclose(model.objective_, full, rtol=1e-5)
                assert np.abs(model.coef_).max() < 100


@pytest.mark.parametrize("method", ["forward", "backward", "both"])
def test_fewer_samples_than_columns(method):
    X, y = problem(1, n=7, n_groups=10)
    model = GroupSubsetSelection(9, groups=2, method=method).fit(X, y)
    assert np.isfinite(model.coef_).all()
    assert model.objective_ < 1e-12 * y.var()
    small = GroupSubsetSelection(2, groups=2, method=method).fit(X, y)
    assert len(small.selected_groups_) == 2


def test_constant_responses_and_features():
    X, y = make_data()
    model = GroupSubsetSelection(2).fit(X, np.full(len(y), 3.0))
    assert_allclose(model.predict(X), 3.0, rtol=1e-12)
    model = GroupSubsetSelection(2).fit(np.ones_like(X), y)
    assert_array_equal(model.coef_, 0)
    assert_allclose(model.intercept_, y.mean())


def test_bad_input_is_named():
    X, y = make_data()
    with pytest.raises(ValueError, match="groups"):
        GroupSubsetSelection(groups=[[0, 1], [1, 2]], remainder="singletons").fit(X, y)
    for bad, words in [(-1, "negative"), (1.5, "must be an int"), ([0.5], "integers")]:
        with pytest.raises(ValueError, match=words):
            GroupSubsetSelectionCV(n_groups=bad).fit(X, y)
    wide = sparse.csc_array((3, 30_000))
    with pytest.raises(ValueError, match="too large"):
        GroupSubsetSelection().fit(wide, np.arange(3.0))


# --- the number of groups -------------------------------------------------------------


def test_cv_scores_are_those_of_the_plain_model_by_hand():
    X, y = problem(5)
    weights = np.random.default_rng(1).uniform(0.5, 2, len(y))
    folds = list(KFold(4, shuffle=True, random_state=0).split(X))
    model = GroupSubsetSelectionCV(groups=2, n_groups=[1, 3, 99], cv=folds)
    model.fit(X, y, sample_weight=weights)
    assert_array_equal(model.n_groups_path_, [1, 3, 8])
    for i, k in enumerate(model.n_groups_path_):
        for j, (train, test) in enumerate(folds):
            plain = GroupSubsetSelection(int(k), groups=2)
            plain.fit(X[train], y[train], sample_weight=weights[train])
            squares = (y[test] - plain.predict(X[test])) ** 2
            expected = -np.average(squares, weights=weights[test])
            found = model.cv_results_[f"split{j}_test_score"][i]
            assert_allclose(found, expected, rtol=1e-8)
    mean, se = (model.cv_results_[f"{name}_test_score"] for name in ("mean", "se"))
    assert model.n_groups_ == model.n_groups_best_
    assert model.n_groups_ == model.n_groups_path_[np.argmax(mean)]
    within = mean >= mean.max() - se[np.argmax(mean)]
    assert model.n_groups_1se_ == model.n_groups_path_[within].min()
    plain = GroupSubsetSelection(model.n_groups_, groups=2)
    assert_allclose(model.coef_, plain.fit(X, y, weights).coef_, rtol=1e-8)


def test_scorers_and_threads():
    X, y = make_data(n_outputs=2)
    kwargs = {"groups": GROUPS, "cv": 3, "selection": "1se"}
    one = GroupSubsetSelectionCV(**kwargs, scoring="r2").fit(X, y)
    two = GroupSubsetSelectionCV(**kwargs, scoring="r2", n_jobs=2).fit(X, y)
    assert_array_equal(one.coef_, two.coef_)
    assert one.n_groups_ == one.n_groups_1se_
    assert one.cv_results_["mean_test_score"].max() <= 1
    assert one.coef_path_.shape == (2, 9, 6)


def test_criteria_choose_the_true_groups():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 60))
    y = X[:, :6] @ np.ones(6) + 0.5 * rng.normal(size=150)
    found = {
        c: GroupSubsetSelectionIC(groups=2, criterion=c).fit(X, y)
        for c in ("aic", "bic", "ebic")
    }
    assert_array_equal(found["ebic"].selected_groups_, [0, 1, 2])
    assert found["aic"].n_groups_ >= found["bic"].n_groups_ >= 3
    model, n = found["bic"], len(y)
    assert set(model.selected_groups_) >= {0, 1, 2}
    for i, k in enumerate(model.n_groups_path_):
        residual = y - X @ model.coef_path_[:, i] - model.intercept_path_[i]
        expected = n * np.log(np.mean(residual**2)) + np.log(n) * (2 * k + 1)
        assert_allclose(model.criterion_path_[i], expected, rtol=1e-9)
