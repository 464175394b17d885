"""What must hold for any data: certificate, optimality, invariance, storage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import optimize

import naive
from makers import STORAGES, as_lists, coefficients, columns, make_data
from skstruct import GroupLasso, GroupLassoCV, group_lasso_path

standardizations = ["none", "features", "groups"]


def alpha_max(X, y, **options):
    return group_lasso_path(X, y, alphas=1, **options).alphas[0]


@st.composite
def problems(draw, n_outputs=(None, 1, 3)):
    """X, y and options of a fit; labels of groups in no order; weights positive."""
    n, p = draw(st.integers(2, 30)), draw(st.integers(1, 12))
    X, y = make_data(
        seed=draw(st.integers(0, 10**6)),
        n_samples=n,
        n_features=p,
        n_outputs=draw(st.sampled_from(n_outputs)),
        density=draw(st.sampled_from([1.0, 0.3])),
    )
    groups = draw(st.lists(st.integers(0, 4), min_size=p, max_size=p))
    weights = {g: draw(st.sampled_from([0.5, 1.0, 3.0])) for g in set(groups)}
    options = {
        "groups": groups,
        "group_weights": weights,
        "positive": draw(st.booleans()),
    }
    strength = draw(st.sampled_from([0.9, 0.3, 0.03]))
    options["alpha"] = max(strength * alpha_max(X, y, **options), 1e-3)
    return X, y, options


# --- the certificate ------------------------------------------------------------------


@given(problems(), st.sampled_from([1e-1, 1e-3, 1e-6]))
def test_gap_is_honest(problem, tol):
    """0 <= suboptimality <= gap, and it is the gap that a slow twin computes."""
    X, y, options = problem
    model = GroupLasso(tol=tol, **options).fit(X, y)
    groups, weights = as_lists(model)
    alpha, positive = options["alpha"], options["positive"]

    def objective(coef, intercept):
        return naive.objective(X, columns(y), coef, intercept, alpha, groups, weights)

    best = naive.proximal_gradient(
        X, columns(y), groups, weights, alpha, positive=positive
    )
    ours, optimum = objective(*coefficients(model)), objective(*best)
    size = columns(y).var(axis=0).sum()
    assert model.dual_gap_ >= 0
    assert ours - optimum <= model.dual_gap_ + 1e-12 * size
    assert optimum - ours <= 1e-9 * size
    assert model.dual_gap_ <= tol * size / 2 + 1e-12 * size
    gap = naive.dual_gap(
        X, columns(y), *coefficients(model), alpha, groups, weights, positive=positive
    )
    assert_allclose(model.dual_gap_, gap, atol=1e-12 * size, rtol=1e-6)


@given(problems())
def test_optimality_conditions(problem):
    """Of Karush, Kuhn and Tucker, group by group."""
    X, y, options = problem
    model = GroupLasso(tol=1e-9, **options).fit(X, y)
    coef, intercept = coefficients(model)
    residual = columns(y) - X @ coef - intercept
    assert_allclose(residual.mean(axis=0), 0, atol=1e-10)
    gradient = (X - X.mean(axis=0)).T @ residual / len(y)
    slack = 1e-4 * (options["alpha"] + np.abs(gradient).max())
    for group, weight in zip(*as_lists(model), strict=True):
        B, G, bound = coef[group], gradient[group], options["alpha"] * weight
        norm = np.linalg.norm(B)
        free = (B > 0) if options["positive"] else np.ones_like(B, dtype=bool)
        if norm > 1e-6:
            assert_allclose(G[free], (bound * B / norm)[free], atol=slack)
            assert (G[~free] <= slack).all()
        if norm == 0:
            G = np.maximum(G, 0) if options["positive"] else G
            assert np.linalg.norm(G) <= bound + slack


@given(problems())
def test_alpha_max_is_the_smallest_that_gives_zeros(problem):
    X, y, options = problem
    del options["alpha"]
    largest = alpha_max(X, y, **options)
    if largest < 1e-8:  # with `positive`, or for constant columns, nothing may enter
        return
    above = GroupLasso(largest * (1 + 1e-9), tol=1e-10, **options).fit(X, y)
    below = GroupLasso(largest * (1 - 1e-3), tol=1e-10, **options).fit(X, y)
    assert not above.coef_.any()
    assert below.coef_.any()
    assert_allclose(above.intercept_, y.mean(axis=0))
    assert len(above.selected_groups_) == 0 < len(below.selected_groups_)


@pytest.mark.parametrize("standardize", standardizations)
def test_weight_zero_is_least_squares_when_alpha_is_huge(standardize):
    X, y = make_data(n_outputs=2)
    free = [1, 4, 6]
    groups = {"free": free, "rest": [0, 2, 3, 5, 7, 8]}
    model = GroupLasso(
        1e6, groups=groups, group_weights={"free": 0}, standardize=standardize
    ).fit(X, y)
    ones = np.ones((len(y), 1))
    expected = np.linalg.lstsq(np.hstack([X[:, free], ones]), y, rcond=None)[0]
    assert_allclose(model.coef_[:, free], expected[:-1].T)
    assert_allclose(model.intercept_, expected[-1])
    assert list(model.selected_groups_) == ["free"]
    path = group_lasso_path(X, y, groups=groups, group_weights=[0, 1], alphas=5)
    assert (np.linalg.norm(path.coefs[:, free], axis=1) > 0).all()
    assert not path.coefs[:, groups["rest"], 0].any()


@pytest.mark.parametrize("storage", ["dense", "csc_array"])
@pytest.mark.parametrize("shape", [(40, 20), (8, 30)])
def test_positive_groups_of_weight_zero_are_fitted_first(storage, shape):
    """By nonnegative least squares; the path starts where a first group joins them."""
    X, y = make_data(seed=1, n_samples=shape[0], n_features=shape[1])
    free, penalised = np.split(np.arange(shape[1]), 2)
    centred = X - X.mean(axis=0)
    expected, _ = optimize.nnls(centred[:, free], y - y.mean())
    left = y - y.mean() - centred[:, free] @ expected
    largest = np.max(centred[:, penalised].T @ left) / shape[0]
    how = {
        "groups": [free, *penalised[:, None]],
        "group_weights": [0.0] + [1.0] * len(penalised),
        "positive": True,
        "tol": 1e-9,
    }
    X = STORAGES[storage](X)
    assert_allclose(alpha_max(X, y, **how), largest)
    for alpha in (1e6, 2 * largest):
        model = GroupLasso(alpha, **how).fit(X, y)
        assert_allclose(model.coef_[free], expected, atol=1e-4)
        assert not model.coef_[penalised].any()


@pytest.mark.parametrize("seed", [0, 12, 15, 21])
def test_unpenalised_levels_of_two_factors_are_collinear_and_certified(seed):
    """All levels of both, beside the intercept: two columns too many."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, 60))
    levels = [np.eye(k)[rng.integers(0, k, n)] for k in (5, 6)]
    X = np.hstack([*levels, rng.normal(size=(n, 6))])
    y = X @ rng.normal(size=17) + rng.normal(size=n)
    path = group_lasso_path(
        X,
        y,
        groups=[0] * 11 + [1, 1, 1, 2, 2, 2],
        group_weights=[0, 1, 1],
        alphas=10,
        sample_weight=rng.integers(0, 4, n),
    )
    assert path.dual_gaps.max() <= 1e-4 * y.var()


@pytest.mark.parametrize("storage", ["dense", "csc_array"])
@pytest.mark.parametrize("seed", range(4))
def test_unpenalised_groups_that_leave_nothing_to_explain(storage, seed):
    """The null model is perfect: rounding is no reason to warn."""
    X, y = make_data(seed=seed, n_samples=6, n_features=12)
    how = {"groups": [0] * 9 + [1] * 3, "group_weights": [0, 1]}
    path = group_lasso_path(STORAGES[storage](X), y, alphas=5, **how)
    assert not path.coefs[9:].any()
    model = GroupLasso(0.1, **how).fit(STORAGES[storage](X), y)
    assert_allclose(model.predict(X), y, atol=1e-9)


# --- invariance -----------------------------------------------------------------------


@given(problems(), st.randoms(use_true_random=False))
def test_order_of_features_rows_and_labels_does_not_matter(problem, random):
    X, y, options = problem
    n, p = X.shape
    columns_as = random.sample(range(p), p)
    rows_as = random.sample(range(n), n)
    relabel = dict(zip(range(5), random.sample("vwxyz", 5), strict=True))
    moved = {
        **options,
        "groups": [relabel[options["groups"][j]] for j in columns_as],
        "group_weights": {relabel[g]: w for g, w in options["group_weights"].items()},
    }
    model = GroupLasso(tol=1e-9, **options).fit(X, y)
    twin = GroupLasso(tol=1e-9, **moved)
    twin.fit(X[rows_as][:, columns_as], y[rows_as])
    assert_allclose(
        twin.predict(X[:, columns_as]), model.predict(X), atol=1e-4 * (1 + np.ptp(y))
    )
    norms = dict(zip(model.group_names_, model.group_norms_, strict=True))
    for name, norm in zip(twin.group_names_, twin.group_norms_, strict=True):
        (old,) = [g for g, label in relabel.items() if label == name]
        assert_allclose(norm, norms[old], atol=1e-3 * (1 + max(norms.values())))


@given(problems(), st.sampled_from([1e-6, 2.0, 1e6]))
def test_y_and_alpha_scale_together(problem, factor):
    X, y, options = problem
    model = GroupLasso(**options).fit(X, y)
    options["alpha"] *= factor
    scaled = GroupLasso(**options).fit(X, factor * y)
    assert_allclose(scaled.coef_, factor * model.coef_, rtol=1e-6, atol=1e-7 * factor)
    assert_allclose(
        scaled.dual_gap_, factor**2 * model.dual_gap_, atol=1e-6 * factor**2
    )


@pytest.mark.parametrize("standardize", ["features", "groups"])
@pytest.mark.parametrize("storage", ["dense", "csc_array"])
def test_units_do_not_matter_when_standardised(standardize, storage):
    X, y = make_data(density=0.4)
    units = 10.0 ** np.random.default_rng(0).integers(-4, 5, X.shape[1])
    how = {"groups": 3, "standardize": standardize, "tol": 1e-10}
    model = GroupLasso(0.1, **how).fit(STORAGES[storage](X), y)
    scaled = GroupLasso(0.1, **how).fit(STORAGES[storage](X * units), y)
    assert model.coef_.any()
    assert_allclose(scaled.coef_ * units, model.coef_, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_standardize_features_is_what_standardising_by_hand_gives(fit_intercept):
    X, y = make_data()
    deviations = X.std(axis=0) if fit_intercept else np.sqrt((X**2).mean(axis=0))
    how = {"groups": 3, "fit_intercept": fit_intercept, "tol": 1e-10}
    model = GroupLasso(0.1, standardize="features", **how).fit(X, y)
    by_hand = GroupLasso(0.1, **how).fit(X / deviations, y)
    assert_allclose(model.coef_ * deviations, by_hand.coef_, atol=1e-7)


# --- weights are repetitions, offsets are known parts ---------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("standardize", standardizations)
@pytest.mark.parametrize("storage", ["dense", "csc_matrix", "csr_array"])
def test_weights_are_repetitions(storage, standardize, dtype):
    X, y = make_data(n_outputs=2, density=0.5)
    counts = np.random.default_rng(0).integers(0, 4, len(y))
    X, repeated = X.astype(dtype), np.repeat(np.arange(len(y)), counts)
    hold = STORAGES[storage]
    tol = 1e-9 if dtype == np.float64 else 1e-6
    model = GroupLasso(0.1, groups=3, standardize=standardize, tol=tol)
    weighted = model.fit(hold(X), y, sample_weight=counts).coef_
    assert weighted.dtype == dtype
    doubled = model.fit(hold(X), y, sample_weight=2.0 * counts).coef_
    twin = model.fit(hold(X[repeated]), y[repeated]).coef_
    assert_allclose(weighted, twin, atol=100 * tol)
    assert_allclose(weighted, doubled, atol=100 * tol)
    assert twin.any()


def test_tiny_and_huge_weights_are_only_relative():
    X, y = make_data()
    weights = np.random.default_rng(0).uniform(0.1, 1, len(y))
    model = GroupLasso(0.1)
    expected = model.fit(X, y, sample_weight=weights).coef_
    for factor in (1e-300, 1e300):
        model.fit(X, y, sample_weight=factor * weights)
        assert_allclose(model.coef_, expected, rtol=1e-9)


@pytest.mark.parametrize("n_outputs", [None, 3])
def test_offset_is_subtracted_from_y(n_outputs):
    X, y = make_data(n_outputs=n_outputs)
    offset = 3 * np.random.default_rng(0).normal(size=y.shape)
    model = GroupLasso(0.1).fit(X, y + offset, offset=offset)
    without = GroupLasso(0.1).fit(X, y)
    assert_allclose(model.coef_, without.coef_, rtol=1e-10, atol=1e-12)
    assert_allclose(model.predict(X, offset=offset), without.predict(X) + offset)
    assert model.score(X, y + offset, offset=offset) > model.score(X, y + offset)


# --- storage --------------------------------------------------------------------------


def stored(X, tmp_path):
    """X in every other way of holding it."""
    file = tmp_path / "X.npy"
    np.save(file, X)
    read_only = X.copy()
    read_only.flags.writeable = False
    spread = np.zeros((2 * len(X), 3 * X.shape[1]))[::2, ::3]
    spread[:] = X
    long = STORAGES["csc_array"](X)
    long.indices, long.indptr = long.indices.astype("i8"), long.indptr.astype("i8")
    yield from (hold(X) for hold in STORAGES.values())
    yield from (np.load(file, mmap_mode="r"), read_only, spread, X[:, ::-1][:, ::-1])
    yield from (long, X.tolist())


@pytest.mark.parametrize("standardize", standardizations)
@pytest.mark.parametrize("positive", [False, True])
def test_storage_does_not_matter(tmp_path, standardize, positive):
    if positive and standardize == "groups":
        pytest.skip("signs mean nothing in orthonormalised groups")
    X, y = make_data(n_samples=25, n_outputs=2, density=0.3)
    y = np.asfortranarray(y)
    how = {"standardize": standardize, "positive": positive, "tol": 1e-10}
    expected = GroupLasso(0.05, groups=[0, 1, 2] * 3, **how).fit(X, y)
    assert expected.coef_.any()
    for held in stored(X, tmp_path):
        model = GroupLasso(0.05, groups=[0, 1, 2] * 3, **how).fit(held, y)
        assert_allclose(model.coef_, expected.coef_, atol=1e-7)
        assert_allclose(model.predict(held), expected.predict(X), atol=1e-6)


@pytest.mark.parametrize("storage", ["dense", "fortran", "csc_array", "csr_array"])
def test_float32_is_kept_and_as_good_as_its_precision(storage):
    X, y = make_data(n_samples=200, density=0.4)
    hold = STORAGES[storage]
    expected = GroupLasso(0.1, groups=3, tol=1e-6).fit(hold(X), y)
    model = GroupLasso(0.1, groups=3, tol=1e-6).fit(hold(X.astype(np.float32)), y)
    assert model.coef_.dtype == model.predict(hold(X.astype("f4"))).dtype == np.float32
    assert_allclose(model.coef_, expected.coef_, atol=1e-3)
    assert model.dual_gap_ <= 1e-6 * y.var()


@pytest.mark.parametrize("storage", ["dense", "csc_array"])
def test_cross_validation_is_the_same_for_any_storage(storage):
    X, y = make_data(density=0.4)
    how = {"groups": 3, "alphas": 10, "tol": 1e-9, "scoring": "r2"}
    expected = GroupLassoCV(**how).fit(np.asfortranarray(X), y)
    model = GroupLassoCV(**how).fit(STORAGES[storage](X), y)
    assert_allclose(model.scores_path_, expected.scores_path_, atol=1e-7)


def test_a_warm_start_gives_the_same_answer_sooner():
    X, y = make_data(n_samples=60, n_features=30)
    cold = GroupLasso(0.02, groups=3, tol=1e-9).fit(X, y)
    warm = GroupLasso(0.03, groups=3, tol=1e-9, warm_start=True).fit(X, y)
    warm.set_params(alpha=0.02).fit(X, y)
    assert_allclose(warm.coef_, cold.coef_, atol=1e-6)
    again = warm.fit(X, y).n_iter_
    assert again < cold.n_iter_
