"""Permutation importances and deviance shares of groups, against other computations."""

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.integrate import quad
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression
from sklearn.metrics import d2_log_loss_score, r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from makers import make_data
from skstruct import (
    GroupLasso,
    GroupLassoClassifier,
    OverlappingGroupLasso,
    group_deviance_share,
    group_permutation_importance,
    make_grouped_pipeline,
)

X, Y = make_data(n_features=6, n_samples=60)
WEIGHTS = np.random.default_rng(1).uniform(0.5, 2.0, size=60)
GROUPS = {"a": [0, 3], "b": [1, 2], "c": [4, 5]}


# --- permutation importance -----------------------------------------------------------


@pytest.mark.parametrize("max_samples", [1.0, 0.5, 20])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("frame", [np.asarray, pd.DataFrame])
def test_single_columns_are_as_scikit_learns(max_samples, weights, frame):
    data = frame(X)
    if frame is pd.DataFrame:
        data.columns = list("abcdef")
    model = LinearRegression().fit(data, Y)
    params = {
        "n_repeats": 3,
        "random_state": 7,
        "max_samples": max_samples,
        "sample_weight": weights,
    }
    theirs = permutation_importance(model, data, Y, **params)
    ours = group_permutation_importance(model, data, Y, **params)
    assert_allclose(ours.importances, theirs.importances, atol=1e-12)
    assert_allclose(ours.importances_mean, theirs.importances_mean, atol=1e-12)
    assert_allclose(ours.importances_std, theirs.importances_std, atol=1e-12)
    names = list("abcdef") if frame is pd.DataFrame else range(6)
    assert ours.group_names.tolist() == list(names)


def test_several_scorers_are_as_scikit_learns():
    model = LinearRegression().fit(X, Y)
    scoring = ["r2", "neg_mean_absolute_error"]
    theirs = permutation_importance(model, X, Y, scoring=scoring, random_state=0)
    with joblib.parallel_backend("threading"):
        ours = group_permutation_importance(
            model, X, Y, scoring=scoring, random_state=0, n_jobs=2
        )
    assert list(ours) == list(theirs)
    for name in scoring:
        assert_allclose(ours[name].importances, theirs[name].importances, atol=1e-12)


class Recorder:
    """Keeps the data that it is asked to score."""

    def __init__(self):
        self.seen = []

    def fit(self, X, y=None):
        return self

    def score(self, X, y):
        self.seen.append(X)
        return 0.0


STORAGES = {
    "array": np.asarray,
    "pandas": lambda a: pd.DataFrame(a, index=np.arange(60)[::-1], columns=[*"uvwxyz"]),
    "polars": lambda a: pl.DataFrame(a, schema=[*"uvwxyz"]),
    "csr": sparse.csr_array,
    "csc": sparse.csc_matrix,
}


@pytest.mark.parametrize("storage", STORAGES)
def test_columns_of_a_group_move_together(storage):
    estimator, data = Recorder(), STORAGES[storage](X)
    groups = [[0, 3], [3, 5, 1]]
    result = group_permutation_importance(
        estimator, data, Y, groups=groups, n_repeats=2, random_state=0
    )
    assert [own.tolist() for own in result.groups] == [[0, 3], [1, 3, 5], [2], [4]]
    assert_array_equal(dense(data), X)  # untouched
    _, *seen = estimator.seen
    for k, moved in enumerate(seen):
        own = result.groups[k // 2]
        assert isinstance(moved, pd.DataFrame) == (storage == "pandas")
        values = dense(moved)
        rest = np.setdiff1d(np.arange(6), own)
        assert_array_equal(values[:, rest], X[:, rest])
        order = np.array(
            [np.flatnonzero(X[:, own[0]] == v)[0] for v in values[:, own[0]]]
        )
        assert sorted(order) == list(range(60))
        assert (order != np.arange(60)).any()
        assert_array_equal(values[:, own], X[order][:, own])


def dense(data):
    return data.toarray() if sparse.issparse(data) else np.asarray(data)


def test_a_pair_that_stands_in_for_each_other_shows_only_as_a_group():
    rng = np.random.default_rng(0)
    twin = rng.normal(size=(200, 1))
    data = np.hstack([twin, twin, rng.normal(size=(200, 1))])
    forest = RandomForestRegressor(20, random_state=0, max_features=1).fit(
        data, twin[:, 0]
    )
    groups = {"twins": [0, 1], "first": [0], "noise": [2]}
    result = group_permutation_importance(
        forest, data, twin[:, 0], groups=groups, random_state=0
    )
    both, first, noise = result.importances_mean[:3]
    assert both > 1.5 * first > 10 * noise


def test_raw_columns_through_a_pipeline():
    frame = pd.DataFrame(
        {"k": np.where(X[:, 0] > 0, "p", "q"), "u": X[:, 1], "v": X[:, 2]}
    )
    y = 2.0 * (X[:, 0] > 0) + X[:, 1] * X[:, 2]
    columns = make_column_transformer(
        (OneHotEncoder(), ["k"]),
        (PolynomialFeatures(interaction_only=True, include_bias=False), ["u", "v"]),
    )
    model = make_grouped_pipeline(
        columns, OverlappingGroupLasso(0.01, overlap="intersection")
    ).fit(frame, y)
    result = group_permutation_importance(model, frame, y, random_state=0)
    assert result.group_names.tolist() == ["k", "u", "v"]
    assert [own.tolist() for own in result.groups] == [[0], [1], [2]]
    theirs = permutation_importance(model, frame, y, random_state=0)
    assert_allclose(result.importances, theirs.importances, atol=1e-12)
    parts = make_grouped_pipeline(columns, GroupLasso(0.01), group_by="transformer")
    result = group_permutation_importance(parts.fit(frame, y), frame, y)
    assert [own.tolist() for own in result.groups] == [[0], [1, 2]]


def test_groups_of_a_model_on_x_are_the_default():
    model = GroupLasso(0.1, groups=GROUPS).fit(X, Y)
    result = group_permutation_importance(model, X, Y)
    assert result.group_names.tolist() == ["a", "b", "c"]
    assert result.importances.shape == (3, 5)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_repeats": 0}, "n_repeats=0 must be"),
        ({"max_samples": 1.5}, "max_samples=1.5 must be"),
        ({"max_samples": 61}, "max_samples=61 must be"),
        ({"groups": {"a": [7]}}, "7"),
    ],
)
def test_errors_of_permutation_importance(params, message):
    with pytest.raises(ValueError, match=message):
        group_permutation_importance(LinearRegression().fit(X, Y), X, Y, **params)


# --- shares of deviance ---------------------------------------------------------------


def shares_by_hand(loss, model, y, s):
    """Null deviance and the integral of each group, one scalar quadrature at a time.

    `loss(y, f)` gives values and slopes, and the predictor of the mean of y.
    """
    mean = np.average(y, weights=s)
    null = loss.link(mean)
    parts = [
        (X[:, own] - np.average(X[:, own], axis=0, weights=s))
        @ np.ravel(model.coef_)[own]
        for own in model.groups_
    ]
    fit = X @ np.ravel(model.coef_) + np.ravel(model.intercept_)

    def earned(part):
        def slope(t):
            return np.average(loss.slope(y, null + t * (fit - null)) * part, weights=s)

        return -quad(slope, 0, 1, epsabs=1e-12)[0]

    deviance = np.average(loss.value(y, np.full_like(y, null)), weights=s)
    return np.array([earned(part) for part in parts]) / deviance


class Squared:
    link = staticmethod(lambda mean: mean)
    value = staticmethod(lambda y, f: (y - f) ** 2 / 2)
    slope = staticmethod(lambda y, f: f - y)


class Poisson:
    link = staticmethod(np.log)
    slope = staticmethod(lambda y, f: np.exp(f) - y)

    @staticmethod
    def value(y, f):
        return np.exp(f) - y * f - (y - y * np.log(np.maximum(y, 1e-300)))


class Logistic:
    link = staticmethod(lambda mean: np.log(mean / (1 - mean)))
    value = staticmethod(lambda y, f: np.logaddexp(0, f) - y * f)
    slope = staticmethod(lambda y, f: 1 / (1 + np.exp(-f)) - y)


CASES = {
    "squared": (GroupLasso(0.1), Squared, Y),
    "poisson": (GroupLasso(0.02, loss="poisson"), Poisson, np.floor(np.exp(Y / 3))),
    "logistic": (GroupLassoClassifier(0.02), Logistic, (np.median(Y) < Y) * 1.0),
}


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("case", CASES)
def test_shares_are_the_integrals_and_add_up(case, weights):
    model, loss, y = CASES[case]
    model.set_params(groups=GROUPS, tol=1e-10).fit(X, y, sample_weight=weights)
    result = group_deviance_share(model, X, y, sample_weight=weights)
    s = np.ones(60) if weights is None else weights
    assert_allclose(result.shares, shares_by_hand(loss, model, y, s), atol=1e-9)
    explained = (
        d2_log_loss_score(y, model.predict_proba(X), sample_weight=weights)
        if case == "logistic"
        else model.score(X, y, sample_weight=weights)
    )
    assert_allclose(result.explained, explained, atol=1e-12)
    assert_allclose(result.shares.sum() + result.intercept, explained, atol=1e-9)
    assert (result.unique > 0).all()
    if case == "squared":
        assert_allclose(result.intercept, 0.0, atol=1e-12)


def test_shares_of_least_squares_are_covariances():
    model = GroupLasso(0.0, groups=GROUPS, tol=1e-14).fit(X, Y)
    parts = np.array([X[:, own] @ model.coef_[own] for own in model.groups_])
    expected = [np.cov(part, Y, ddof=0)[0, 1] / Y.var() for part in parts]
    result = group_deviance_share(model, X, Y)
    assert_allclose(result.shares, expected, atol=1e-6)
    for g, own in enumerate(model.groups_):
        without = model.predict(X) - (parts[g] - parts[g].mean())
        drop = model.score(X, Y) - r2_score(Y, without)
        assert_allclose(result.unique[g], drop, atol=1e-12)
        assert len(own) == 2


def test_shares_of_other_rows_sparse_data_several_outputs_and_many_classes():
    model = GroupLasso(0.1, groups=GROUPS).fit(X[:40], Y[:40])
    result = group_deviance_share(model, sparse.csr_array(X[40:]), Y[40:])
    explained = model.score(X[40:], Y[40:])
    assert_allclose(result.shares.sum() + result.intercept, explained, atol=1e-10)
    both = np.column_stack([Y, -2 * Y])
    result = group_deviance_share(model.fit(X, both), X, both)
    assert_allclose(result.explained, model.score(X, both), atol=1e-10)
    classes = np.digitize(Y, np.quantile(Y, [0.3, 0.6]))
    model = GroupLassoClassifier(0.01, groups=GROUPS).fit(X, classes)
    result = group_deviance_share(model, X, classes)
    explained = d2_log_loss_score(classes, model.predict_proba(X))
    assert_allclose(result.shares.sum() + result.intercept, explained, atol=1e-9)


def test_shares_through_pipelines_and_of_overlapping_groups():
    model = make_pipeline(
        StandardScaler(),
        OverlappingGroupLasso(
            0.1, groups=[[0, 1, 2], [2, 3, 4, 5]], overlap="intersection"
        ),
    )
    search = GridSearchCV(model, {}, cv=2).fit(X, Y)
    result = group_deviance_share(search, X, Y)
    assert_allclose(result.shares.sum(), search.score(X, Y), atol=1e-10)


def test_errors_of_deviance_shares():
    model = GroupLasso(0.1, groups=GROUPS).fit(X, Y)
    with pytest.raises(ValueError, match="y is constant"):
        group_deviance_share(model, X, np.ones(60))
    with pytest.raises(ValueError, match="y has 2 outputs"):
        group_deviance_share(model, X, np.column_stack([Y, Y]))
    with pytest.raises(ValueError, match="expecting 6"):
        group_deviance_share(model, X[:, :5], Y)
    target = TransformedTargetRegressor(GroupLasso(0.1)).fit(X, Y)
    with pytest.raises(TypeError, match="target is transformed"):
        group_deviance_share(target, X, Y)
    classes = np.array(["p", "q"] * 30)
    classifier = GroupLassoClassifier().fit(X, classes)
    with pytest.raises(ValueError, match="has the classes"):
        group_deviance_share(classifier, X, classes == "p")
