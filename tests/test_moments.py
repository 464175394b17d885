"""Tall squared-error problems, solved by moments: the same answers as by rows."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import skstruct.solvers.cross_validation as cross_validation
import skstruct.solvers.moments as moments_module
import skstruct.solvers.solve as solve
from skstruct import (
    BlockCoordinateDescentRegressor,
    GroupLasso,
    GroupLassoCV,
    GroupMCP,
    OverlappingGroupLasso,
    SparseGroupLasso,
    duality_gap,
    group_lasso_path,
)
from skstruct.solvers.matrix import as_matrix
from skstruct.solvers.moments import Moments, ShortProblem

N, P = 20_000, 12


def tall_data(seed=0, n_outputs=1):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, P)) @ (np.eye(P) + 0.2 * rng.normal(size=(P, P)))
    X *= 10.0 ** rng.integers(-2, 3, P)
    coef = rng.normal(size=(P, n_outputs)) * (np.arange(P) < 6)[:, None]
    y = (X / X.std(axis=0)) @ coef + rng.normal(size=(N, n_outputs)) + 5
    return X, y if n_outputs > 1 else y[:, 0]


@pytest.fixture
def by_rows(monkeypatch):
    """Return a function that calls another one with moments switched off."""

    def call(function, *args, **kwargs):
        with monkeypatch.context() as patch:
            for module in solve, cross_validation:
                patch.setattr(module, "moments_pay", lambda *args: False)
            return function(*args, **kwargs)

    return call


@pytest.fixture
def calls(monkeypatch):
    """Return a list that gets an entry for each problem solved by its moments."""
    found = []
    solve_short = solve._solve_short

    def counted(*args, **kwargs):
        result = solve_short(*args, **kwargs)
        found.append(result[1])
        return result

    monkeypatch.setattr(solve, "_solve_short", counted)
    return found


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("standardize", ["none", "features", "groups"])
def test_same_model_as_by_rows(by_rows, calls, n_outputs, fit_intercept, standardize):
    X, y = tall_data(1, n_outputs)
    weights = np.random.default_rng(2).integers(0, 3, N)
    model = GroupLasso(
        alpha=0.05,
        groups=3,
        tol=1e-9,
        standardize=standardize,
        fit_intercept=fit_intercept,
        group_weights={0: 0.0, 1: 2.0},
    )
    expected = by_rows(model.fit, X, y, weights)
    coef, intercept = expected.coef_.copy(), expected.intercept_
    assert calls == []
    model.fit(X, y, weights)
    assert calls == [True]
    scale = X.std(axis=0)
    assert_allclose(model.coef_ * scale, coef * scale, atol=2e-4)
    assert_allclose(model.intercept_, intercept, rtol=1e-3)
    assert duality_gap(model, X, y, weights) <= 1.1e-9 * np.var(y) * n_outputs


@pytest.mark.parametrize(
    "model",
    [
        SparseGroupLasso(alpha=0.05, groups=3, l1_ratio=0.5, tol=1e-9, positive=True),
        OverlappingGroupLasso(alpha=0.05, groups=[range(7), range(5, P)], tol=1e-9),
        OverlappingGroupLasso(
            alpha=0.05,
            groups=[range(7), range(5, P)],
            tol=1e-9,
            overlap="intersection",
        ),
    ],
    ids=["sparse group, positive", "latent", "intersection"],
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_kind_of_penalty(calls, model, dtype):
    X, y = tall_data(2)
    X = np.asarray(X / X.std(axis=0), dtype=dtype, order="F")
    offset = 3 * X[:, 1].astype(float)
    model.set_params(tol=1e-9 if dtype == np.float64 else 1e-4)
    model.fit(X, y, offset=offset)
    assert calls == [True]
    gap = duality_gap(model, X.astype(float), y, offset=offset)
    assert gap <= 1.1 * model.tol * np.var(y - offset)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_units_of_y_change_nothing_where_the_penalty_is_not_convex(calls, unit):
    X, y = tall_data(5)
    X /= X.std(axis=0)
    model = BlockCoordinateDescentRegressor(
        penalty=GroupMCP(), alpha=0.3 * unit, groups=3, tol=1e-6
    ).fit(X, unit * y)
    assert calls == [True]
    plain = BlockCoordinateDescentRegressor(
        penalty=GroupMCP(), alpha=0.3, groups=3, tol=1e-6
    ).fit(X, y)
    assert_allclose(model.coef_, unit * plain.coef_, rtol=1e-5, atol=1e-7 * unit)


def test_columns_far_from_zero(calls):
    X, y = tall_data(3)
    X /= X.std(axis=0)
    far = X + 1e7
    near = GroupLasso(alpha=0.05, groups=3, tol=1e-10).fit(far - 1e7, y)
    model = GroupLasso(alpha=0.05, groups=3, tol=1e-10).fit(far, y)
    assert calls == [True, True]
    assert_allclose(model.coef_, near.coef_, rtol=1e-8, atol=1e-10)


def test_constant_and_repeated_columns(calls):
    X, y = tall_data(4)
    X /= X.std(axis=0)
    X[:, 3], X[:, 4], X[:, 5] = 1234.567, X[:, 1], X[:, 1] - X[:, 2]
    model = GroupLasso(alpha=0.01, groups=2, tol=1e-9).fit(X, y)
    assert calls == [True]
    assert model.coef_[3] == 0
    assert duality_gap(model, X, y) <= 1.1e-9 * np.var(y)


def test_where_rounding_would_harm_rows_decide(calls, by_rows):
    X, y = tall_data(5)
    X /= X.std(axis=0)
    # Two columns that differ by 1e-9, and a response that needs their difference.
    noise = np.random.default_rng(0).normal(size=N)
    X[:, 1] = X[:, 0] + 1e-9 * noise
    model = GroupLasso(alpha=1e-3, groups=2, group_weights={0: 0.0}, tol=1e-8)
    model.fit(X, y + noise)
    assert calls == [False]
    assert duality_gap(model, X, y + noise) <= 1e-8 * np.var(y + noise)
    expected = by_rows(model.fit, X, y + noise)
    assert_allclose(model.predict(X), expected.predict(X), atol=1e-6)


def test_path_starts_at_zero():
    X, y = tall_data(6)
    path = group_lasso_path(X, y, groups=3, alphas=5)
    assert (path.coefs[:, 0] == 0).all()
    assert path.coefs[:, 1].any()


@pytest.mark.parametrize("params", [{}, {"adaptive": "ridge"}, {"relax": True}])
def test_cross_validation_reads_the_rows_once(by_rows, calls, params):
    X, y = tall_data(7)
    weights = np.random.default_rng(2).integers(1, 3, N)
    model = GroupLassoCV(groups=3, alphas=6, eps=1e-2, cv=3, tol=1e-6, **params)
    expected = by_rows(model.fit, X, y, weights).scores_mean_.copy()
    grid = model.alphas_.copy()
    assert calls == []
    model.fit(X, y, weights)
    assert len(calls) >= 4
    assert all(calls)
    assert_allclose(model.alphas_, grid, rtol=1e-3 if params else 1e-9)
    assert_allclose(model.scores_mean_, expected, rtol=1e-5)
    assert (np.atleast_2d(model.coef_path_[:, 0]) == 0).all() or params


def test_folds_that_leave_rows_out_twice(by_rows):
    X, y = tall_data(8)
    rows = np.arange(N)
    cv = [(rows[5000:], rows[:5000]), (rows[9000:], rows[:9000])]
    model = GroupLassoCV(groups=3, alphas=4, cv=cv)
    expected = by_rows(model.fit, X, y).scores_mean_.copy()
    assert_allclose(model.fit(X, y).scores_mean_, expected, rtol=1e-4)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 60),
    st.integers(0, 60),
    st.sampled_from([0.0, 1.0, -1e6]),
)
def test_moments_merge(seed, n, cut, shift):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(n, 3)) + shift, rng.normal(size=(n, 2))
    weights = rng.integers(0, 3, n) + (np.arange(n) == 0)
    weights = weights / weights.sum()

    def moments(kept):
        if not (weights * kept).any():
            return Moments.nothing()
        return Moments.of(as_matrix(X), y, weights * kept)

    cut = min(cut, n)
    found = moments(np.arange(n) < cut) + moments(np.arange(n) >= cut)
    Z = np.hstack([X, y])
    mean = weights @ Z
    centred = Z - mean
    assert_allclose(found.weight, 1.0)
    assert_allclose(found.mean, mean, rtol=1e-12, atol=1e-12)
    scatter = centred.T @ (weights[:, None] * centred)
    assert_allclose(found.scatter, scatter, atol=1e-9 if shift == -1e6 else 1e-12)
    for is_centred in (True, False):
        rows = found.rows(is_centred)
        square = scatter if is_centred else scatter + np.outer(mean, mean)
        assert_allclose(rows.T @ rows, square, atol=1e-9 * (1 + shift**2))


@pytest.mark.parametrize("far", [0.0, 3.0, 9.0, 90.0])
@pytest.mark.parametrize("drift", [0.0, 90.0])
def test_the_bound_on_rounding_is_one(far, drift):
    """Of an objective, beside the same sum in extended precision."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(4000, 8)) + far
        X[600:] += drift  # the first rows say little of the mean
        coef = rng.normal(size=(1, 8, 1))
        y = X @ coef[0] + 0.01 * rng.normal(size=(4000, 1))
        moments = Moments.of_rows(X, y)
        combined = np.vstack([-coef[0], [[1.0]]]).astype(np.longdouble)
        Z = np.hstack([X, y]).astype(np.longdouble)
        exact = np.sum(((Z - Z.mean(axis=0)) @ combined) ** 2) / 8000
        scatter = moments.scatter.astype(np.longdouble)
        found = (combined.T @ scatter @ combined).item() / moments.weight / 2
        problem = SimpleNamespace(fit_intercept=True)
        (bound,) = ShortProblem(moments, problem, None).rounding(coef)
        assert abs(found - exact) <= bound
        assert bound <= 1e-8 * np.var(y)


def test_a_constant_column_is_summed_up_once(monkeypatch):
    """Its mean is rounded, which is no reason to do so again about another guess."""
    calls = []
    original = moments_module._sums
    monkeypatch.setattr(
        moments_module, "_sums", lambda *args: calls.append(1) or original(*args)
    )
    X = np.random.default_rng(0).normal(size=(3000, 3)) + 30
    X[:, 1] = 0.1
    Moments.of_rows(X, X[:, :1])
    assert len(calls) == 1
