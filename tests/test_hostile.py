"""Bad input gets an error that helps; odd but legal data get the right answer."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import optimize, sparse
from sklearn.exceptions import ConvergenceWarning

import naive
from makers import STORAGES, as_lists, coefficients, columns, make_data
from skstruct import GroupLasso, GroupLassoCV, group_lasso_path

dense_and_sparse = pytest.mark.parametrize("storage", ["dense", "fortran", "csc_array"])
standardizations = pytest.mark.parametrize(
    "standardize", ["none", "features", "groups"]
)


def optimum(X, y, alpha, model, **options):
    """The objective that a slow twin reaches."""
    best = naive.proximal_gradient(X, columns(y), *as_lists(model), alpha, **options)
    return naive.objective(X, columns(y), *best, alpha, *as_lists(model))


def reached(X, y, alpha, model):
    coef = coefficients(model)
    return naive.objective(X, columns(y), *coef, alpha, *as_lists(model))


def least_squares_error(X, y):
    centred = y - y.mean(axis=0)
    A = X - X.mean(axis=0)
    scale = np.linalg.norm(A, axis=0)
    A = A / np.where(scale > 0, scale, 1)
    return np.mean((centred - A @ np.linalg.lstsq(A, centred, rcond=None)[0]) ** 2)


# --- refused, with a reason -----------------------------------------------------------


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["X", "y", "sample_weight", "offset"])
@pytest.mark.parametrize("storage", ["dense", "csc_array"])
def test_not_finite_is_refused_by_name(where, bad, storage):
    X, y = make_data()
    data = {"X": X, "y": y, "sample_weight": np.ones(40), "offset": np.zeros(40)}
    data[where][3, ...] = bad
    data["X"] = STORAGES[storage](data["X"])
    with pytest.raises(
        ValueError, match=rf"(?s)(Input {where}|{where}).*(NaN|infinity)"
    ):
        GroupLasso().fit(**data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": [[0, 1], []]}, "empty|no features"),
        ({"groups": [[0, 1, 2], [2, 3]]}, "2"),
        ({"groups": [[0, 1, 2]]}, "remainder"),
        ({"groups": [0, 1, 0]}, "4"),
        ({"groups": {"a": [0, 9]}}, "9"),
        ({"groups": {"a": ["age"]}}, "group 'a' needs column names"),
        ({"groups": 3}, "3"),
        ({"groups": 2, "group_weights": [1, -1]}, "-1"),
        ({"groups": 2, "group_weights": [1, np.nan]}, "(?i)nan|finite"),
        ({"groups": 2, "group_weights": [1, np.inf]}, "(?i)inf"),
        ({"groups": 2, "group_weights": [1, 1, 1]}, "3"),
        ({"groups": 2, "group_weights": {"nobody": 1}}, "nobody"),
        ({"positive": True, "standardize": "groups"}, "standardize='groups'"),
        ({"alpha": -1}, "alpha"),
        ({"alpha": np.nan}, "alpha"),
        ({"alpha": np.inf}, "alpha"),
        ({"alpha": "big"}, "alpha"),
        ({"tol": 0}, "tol"),
        ({"max_iter": 0}, "max_iter"),
        ({"standardize": True}, "standardize"),
        ({"fit_intercept": "yes"}, "fit_intercept"),
        ({"positive": 3}, "positive"),
    ],
)
def test_bad_parameters_are_refused_by_name(options, message):
    X, y = make_data(n_features=4)
    with pytest.raises((ValueError, TypeError), match=message):
        GroupLasso(**options).fit(X, y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alphas": 0}, "alphas=0"),
        ({"alphas": True}, "alphas"),
        ({"alphas": 0.5}, r"alphas=\[0.5\]"),
        ({"alphas": [1.0, -1.0]}, "alphas"),
        ({"alphas": [1.0, np.nan]}, "alphas"),
        ({"alphas": []}, "alphas|sample"),
        ({"alphas": [[1.0]]}, "alphas"),
        ({"eps": 0}, "eps"),
        ({"eps": 1}, "eps"),
        ({"eps": "a"}, "eps"),
    ],
)
def test_bad_grids_are_refused(options, message):
    X, y = make_data(n_features=4)
    with pytest.raises(ValueError, match=message):
        group_lasso_path(X, y, **options)
    with pytest.raises(ValueError, match=message):
        GroupLassoCV(**options).fit(X, y)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"sample_weight": np.ones(39)}, r"sample_weight.*39"),
        ({"sample_weight": np.ones((40, 1))}, r"sample_weight.*40, 1"),
        ({"sample_weight": -np.ones(40)}, "sample_weight must not be negative"),
        ({"sample_weight": np.zeros(40)}, "sample_weight is zero"),
        ({"offset": np.ones(39)}, "inconsistent|offset"),
        ({"offset": np.ones((40, 2))}, "offset has 2 columns"),
        ({"y": np.ones(39)}, "inconsistent"),
        ({"y": np.full(40, "text")}, "(?i)string|str|convert|numeric"),
        ({"X": np.ones((40, 2, 2))}, "dim"),
        ({"X": np.ones((40, 0))}, "0 feature"),
        ({"X": np.ones((40, 2)) * 1j}, "Complex"),
        ({"X": np.array([["a"]] * 40)}, "convert|numeric|string"),
    ],
)
def test_bad_data_are_refused(data, message):
    X, y = make_data()
    with pytest.raises((ValueError, TypeError), match=message):
        GroupLasso().fit(**({"X": X, "y": y} | data))


# --- legal, and answered right --------------------------------------------------------


@dense_and_sparse
@standardizations
@pytest.mark.parametrize("groups", [None, 3, [0, 1, 2] * 3])
def test_constant_columns_are_not_used(storage, standardize, groups):
    X, y = make_data(density=0.6)
    X[:, 2], X[:, 4] = 0.0, 3.7
    model = GroupLasso(0.05, groups=groups, standardize=standardize, tol=1e-8)
    constant = model.fit(STORAGES[storage](X), y).coef_.copy()
    assert_allclose(constant[[2, 4]], 0, atol=1e-15)
    X[:, 4] = 0.0
    assert_allclose(model.fit(X, y).coef_, constant, atol=1e-7)
    assert constant.any()


@dense_and_sparse
@standardizations
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_samples", [1000, 30_000])
def test_constant_columns_of_many_rows(storage, standardize, weighted, n_samples):
    """The rounding of their mean grows with the rows; they stay constant."""
    X, y = make_data(n_samples=n_samples, n_features=4)
    X[:, 1], X[:, 3] = 3.7, 1e5 / 3
    weights = np.random.default_rng(0).uniform(size=n_samples) if weighted else None
    for alpha in (0.01, 0):
        model = GroupLasso(alpha, groups=2, standardize=standardize)
        model.fit(STORAGES[storage](X), y, sample_weight=weights)
        assert_allclose(model.coef_[[1, 3]], 0, atol=1e-12)
        assert model.coef_[[0, 2]].all()


@dense_and_sparse
@standardizations
def test_duplicated_columns_share_one_coefficient(storage, standardize):
    X, y = make_data(density=0.6)
    twice = np.hstack([X, X[:, :3]])  # in the first group, beside the originals
    groups = [0, 0, 0, 1, 1, 1, 2, 2, 2, 0, 0, 0]
    how = {"standardize": standardize, "group_weights": [1, 1, 1], "tol": 1e-10}
    model = GroupLasso(0.05, groups=groups, **how).fit(STORAGES[storage](twice), y)
    assert_allclose(model.coef_[:3], model.coef_[9:], atol=1e-7)
    # |(c, c)| = sqrt(2) |c|: as one column with a smaller weight, but in "groups".
    weight = 1 if standardize == "groups" else np.sqrt(0.5)
    how["group_weights"] = [weight, 1, 1]
    once = GroupLasso(0.05, groups=3, **how).fit(X, y)
    assert_allclose(2 * model.coef_[:3], once.coef_[:3], atol=1e-6)
    assert once.coef_[:3].any()


@dense_and_sparse
@pytest.mark.parametrize("constant", ["X", "y", "both"])
@pytest.mark.parametrize("cls", [GroupLasso, GroupLassoCV])
def test_nothing_to_explain_or_nothing_to_explain_it_with(storage, constant, cls):
    X, y = make_data()
    X, y = (0 * X if constant != "y" else X), (0 * y + 2 if constant != "X" else y)
    model = cls(groups=3).fit(STORAGES[storage](X), y)
    assert not model.coef_.any()
    assert_allclose(model.intercept_, y.mean())
    assert model.dual_gap_ <= 1e-12
    path = group_lasso_path(STORAGES[storage](X), y, groups=3, alphas=5)
    assert not path.coefs.any()
    assert (path.alphas > 0).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1), (3, 9), (5, 40)])
@pytest.mark.parametrize("positive", [False, True])
@standardizations
def test_small_and_wide_shapes(shape, positive, standardize):
    if positive and standardize == "groups":
        pytest.skip("refused")
    X, y = make_data(n_samples=shape[0], n_features=shape[1])
    # Collinear columns, each a group, are the worst for any coordinate descent.
    how = {"positive": positive, "standardize": standardize, "tol": 1e-4}
    for groups in (None, [0] * shape[1]):  # the last: one group, larger than n
        model = GroupLasso(0.01, groups=groups, **how).fit(X, y)
        if standardize == "none":
            best = optimum(X, y, 0.01, model, positive=positive, n_steps=5000)
            assert reached(X, y, 0.01, model) <= best + 1e-4 * (y.var() + 1e-12)
        if shape[0] == 1:
            assert not model.coef_.any()
            assert_allclose(model.intercept_, y[0])


@dense_and_sparse
@pytest.mark.parametrize("standardize", ["none", "features"])
def test_columns_of_wild_units(storage, standardize):
    """Groups of one unit each: then scaling columns and weights changes nothing."""
    X, y = make_data(density=0.7)
    units = np.repeat([1e12, 1.0, 1e-12], 3)
    weights = [1.0, 1.0, 1.0] if standardize == "features" else [1e12, 1.0, 1e-12]
    how = {"groups": 3, "standardize": standardize, "tol": 1e-6}
    model = GroupLasso(0.1, group_weights=weights, **how)
    model.fit(STORAGES[storage](X * units), y)
    plain = GroupLasso(0.1, group_weights=[1.0] * 3, **how).fit(X, y)
    assert (plain.group_norms_ > 0).sum() >= 2
    assert_allclose(model.coef_ * units, plain.coef_, rtol=1e-3, atol=1e-6)
    assert model.dual_gap_ <= 1e-6 * y.var()


@dense_and_sparse
def test_wild_units_inside_a_group_standardised(storage):
    X, y = make_data(density=0.7)
    units = 10.0 ** np.array([12, -12, 0] * 3)
    how = {"groups": 3, "standardize": "features", "tol": 1e-8}
    model = GroupLasso(0.1, **how).fit(STORAGES[storage](X * units), y)
    plain = GroupLasso(0.1, **how).fit(X, y)
    assert_allclose(model.coef_ * units, plain.coef_, rtol=1e-4, atol=1e-7)


@dense_and_sparse
@standardizations
def test_columns_with_huge_means(storage, standardize):
    X, y = make_data()
    X -= X.mean(axis=0)
    how = {"groups": 3, "standardize": standardize, "tol": 1e-6}
    model = GroupLasso(0.1, **how).fit(STORAGES[storage](X + 1e7), y)
    plain = GroupLasso(0.1, **how).fit(X, y)
    assert_allclose(model.coef_, plain.coef_, atol=1e-3)
    assert_allclose(model.predict(X + 1e7), plain.predict(X), atol=1e-3 * np.ptp(y))


@dense_and_sparse
def test_y_with_a_huge_mean(storage):
    X, y = make_data()
    model = GroupLasso(0.1, groups=3).fit(STORAGES[storage](X), y + 1e8)
    plain = GroupLasso(0.1, groups=3).fit(X, y)
    assert_allclose(model.coef_, plain.coef_, atol=1e-3)
    assert_allclose(model.intercept_ - 1e8, plain.intercept_, atol=1e-2)


@pytest.mark.parametrize("size", [1e-100, 1e-20, 1e20, 1e100])
def test_responses_of_extreme_size(size):
    X, y = make_data()
    model = GroupLasso(0.1 * size, groups=3, tol=1e-8).fit(X, y * size)
    plain = GroupLasso(0.1, groups=3, tol=1e-8).fit(X, y)
    assert_allclose(model.coef_ / size, plain.coef_, rtol=1e-4, atol=1e-6)


def test_orthonormal_groups_have_a_closed_form():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(40, 9))
    Q = np.linalg.qr(A - A.mean(axis=0)).Q * np.sqrt(40)
    y = Q[:, :4] @ [1.0, -2.0, 0.5, 0.1] + rng.normal(size=40)
    for standardize in ("none", "groups"):
        model = GroupLasso(0.4, groups=3, standardize=standardize, tol=1e-9).fit(Q, y)
        correlation = Q.T @ y / 40
        for group in model.groups_:
            expected = naive.prox_group_norm(correlation[group], 0.4 * np.sqrt(3))
            assert_allclose(model.coef_[group], expected, atol=1e-8)


# --- no penalty, and far too much -----------------------------------------------------


@pytest.mark.parametrize("storage", ["dense", "fortran", "csc_array"])
@pytest.mark.parametrize("shape", [(40, 9), (10, 25)])
@standardizations
def test_alpha_zero_is_least_squares(storage, shape, standardize):
    X, y = make_data(n_samples=shape[0], n_features=shape[1], n_outputs=2, density=0.6)
    model = GroupLasso(0, standardize=standardize).fit(STORAGES[storage](X), y)
    error = np.mean((y - model.predict(X)) ** 2)
    assert_allclose(error, least_squares_error(X, y), atol=1e-10)
    assert model.dual_gap_ <= 1e-9
    assert np.abs(model.coef_).max() < 100  # of many solutions, not a wild one


@pytest.mark.parametrize("storage", ["dense", "csc_array"])
@pytest.mark.parametrize("shape", [(40, 9), (10, 25)])
def test_alpha_zero_positive_is_nonnegative_least_squares(storage, shape):
    X, y = make_data(n_samples=shape[0], n_features=shape[1])
    model = GroupLasso(0.0, positive=True).fit(STORAGES[storage](X), y)
    _, norm = optimize.nnls(X - X.mean(axis=0), y - y.mean())
    assert_allclose(np.linalg.norm(y - model.predict(X)), norm, atol=1e-8)
    assert (model.coef_ >= 0).all()


@pytest.mark.parametrize("factor", [1.0 + 1e-12, 2.0, 1e6, 1e300])
@pytest.mark.parametrize("storage", ["dense", "csc_array"])
def test_alpha_beyond_its_maximum_gives_the_mean(factor, storage):
    X, y = make_data(n_outputs=2)
    largest = group_lasso_path(X, y, groups=3, alphas=1).alphas[0]
    model = GroupLasso(min(largest * factor, 1e300), groups=3)
    model.fit(STORAGES[storage](X), y)
    assert not model.coef_.any()
    assert_allclose(model.intercept_, y.mean(axis=0))
    assert model.dual_gap_ <= 1e-10


# --- types and layouts of X -----------------------------------------------------------


@pytest.mark.parametrize("dtype", [int, bool, object, "i1", "u8", "f2", "f4", ">f8"])
def test_other_types_of_X_are_converted(dtype):
    X, y = make_data(density=0.5)
    X = (X > 0.5).astype(dtype)
    model = GroupLasso(0.05, groups=3, tol=1e-6).fit(X, y)
    expected = GroupLasso(0.05, groups=3, tol=1e-6).fit(X.astype(float), y)
    assert_allclose(model.coef_, expected.coef_, atol=1e-4)
    assert expected.coef_.any()


@pytest.mark.parametrize("dtype", [int, bool, object, "f4"])
def test_other_types_of_y_are_converted(dtype):
    X, y = make_data()
    y = np.round(y).astype(dtype)
    model = GroupLasso(0.05).fit(X, y)
    assert_allclose(model.coef_, GroupLasso(0.05).fit(X, y.astype(float)).coef_)


def untidy_csc(X):
    """The same matrix with zeros stored, entries in halves, and rows in disorder."""
    coo = sparse.coo_array(np.where(X == 0, 1.0, X))
    row, col = np.tile(coo.row, 2), np.tile(coo.col, 2)
    half = np.where(X[coo.row, coo.col] == 0, 0.0, coo.data / 2)
    order = np.lexsort([np.random.default_rng(0).uniform(size=len(row)), col])
    indptr = np.searchsorted(col[order], np.arange(X.shape[1] + 1))
    return sparse.csc_array((np.tile(half, 2)[order], row[order], indptr), X.shape)


@standardizations
@pytest.mark.parametrize("index", ["i4", "i8"])
def test_untidy_sparse_matrices(standardize, index):
    X, y = make_data(density=0.2)
    held = untidy_csc(X)
    held.indices, held.indptr = held.indices.astype(index), held.indptr.astype(index)
    assert not held.has_canonical_format
    assert_array_equal(held.toarray(), X)
    copies = held.data.copy(), held.indices.copy(), held.indptr.copy()
    model = GroupLasso(0.02, groups=3, standardize=standardize, tol=1e-9).fit(held, y)
    tidy = GroupLasso(0.02, groups=3, standardize=standardize, tol=1e-9).fit(X, y)
    assert_allclose(model.coef_, tidy.coef_, atol=1e-7)
    assert tidy.coef_.any()
    for kept, now in zip(copies, (held.data, held.indices, held.indptr), strict=True):
        assert_array_equal(kept, now)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("cls", [GroupLasso, GroupLassoCV])
@pytest.mark.parametrize("alpha", [0.1, 0])
@standardizations
@dense_and_sparse
def test_the_data_are_never_changed(storage, standardize, alpha, cls, dtype):
    X, y = make_data(n_outputs=2, density=0.7)
    held, y = STORAGES[storage](X.astype(dtype)), np.asfortranarray(y)
    weights, offset = np.linspace(0, 1, len(y)), y / 2
    arrays = [y, weights, offset]
    arrays += [held.data, held.indices] if sparse.issparse(held) else [held]
    before = [a.copy() for a in arrays]
    strength = (
        {"alphas": [0.3, alpha], "cv": 2} if cls is GroupLassoCV else {"alpha": alpha}
    )
    model = cls(groups=[0, 1, 2] * 3, group_weights=[0, 1, 1], **strength)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.set_params(standardize=standardize).fit(held, y, weights, offset)
    model.predict(held)
    for now, then in zip(arrays, before, strict=True):
        assert_array_equal(now, then)
