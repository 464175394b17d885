"""GroupSparseCoder: objectives, pursuits, supports, and scikit-learn's conventions."""

import pickle

import cvxpy as cp
import numpy as np
import pytest
from joblib import parallel_backend
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.fft import dct
from sklearn.datasets import load_digits, load_sample_image
from sklearn.decomposition import SparseCoder
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.image import (
    extract_patches_2d,
    reconstruct_from_patches_2d,
)
from sklearn.linear_model import LogisticRegression, orthogonal_mp
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skstruct import GroupSparseCoder

DISJOINT = [[0, 5, 7], [1, 2, 3, 4], [6], range(8, 12)]
TREE = [range(12), [0, 1, 2, 3], [1, 2], [6, 7, 8]]
ALGORITHMS = sorted(
    ["lasso", "group_lasso", "sparse_group_lasso", "tree", "omp", "ormp", "group_omp"]
)


def make_signals(n=6, n_atoms=12, n_features=8, seed=0):
    rng = np.random.default_rng(seed)
    D = rng.normal(size=(n_atoms, n_features))
    D /= np.linalg.norm(D, axis=1, keepdims=True)
    return rng.normal(size=(n, n_features)), D


def penalty(c, algorithm, groups, ratio=0.5):
    if algorithm == "lasso":
        return cp.norm1(c)
    norms = sum(np.sqrt(len(g)) * cp.norm(c[list(g)]) for g in groups)
    if algorithm != "sparse_group_lasso":
        return norms
    return ratio * cp.norm1(c) + (1 - ratio) * norms


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize(
    "algorithm", ["lasso", "group_lasso", "sparse_group_lasso", "tree"]
)
def test_objective_is_that_of_a_generic_solver(algorithm, positive):
    X, D = make_signals()
    groups = (
        TREE if algorithm == "tree" else [[0, 5, 7], [1, 2, 3, 4], [6], range(8, 12)]
    )
    coder = GroupSparseCoder(
        D,
        algorithm=algorithm,
        groups=groups,
        alpha=0.1,
        tol=1e-9,
        transform_max_iter=10**5,
        positive_code=positive,
    )
    if algorithm == "tree":
        coder.set_params(group_weights=[np.sqrt(len(g)) for g in TREE])
    codes = coder.fit_transform(X)
    assert not positive or codes.min() >= 0
    for x, code in zip(X, codes, strict=True):
        c = cp.Variable(12, nonneg=positive)
        value = 0.5 * cp.sum_squares(x - D.T @ c) + 0.1 * penalty(c, algorithm, groups)
        best = cp.Problem(cp.Minimize(value)).solve(solver="CLARABEL")
        c.project_and_assign(code)
        assert value.value <= best * (1 + 1e-6)
        assert value.value >= best * (1 - 1e-6)


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("scale", [2.0**-130, 2.0**130])
def test_codes_scale_with_signals_and_against_atoms(positive, scale):
    # Beyond single precision, in which codes are guessed.
    X, D = make_signals()
    params = {"algorithm": "group_lasso", "groups": DISJOINT, "positive_code": positive}
    codes = GroupSparseCoder(D, alpha=0.2, tol=1e-10, **params).fit_transform(X)
    assert 0 < np.count_nonzero(codes) < codes.size
    params |= {"alpha": 0.2 * scale, "tol": 1e-10}
    scaled = GroupSparseCoder(D, **params).fit_transform(scale * X)
    assert_allclose(scaled / scale, codes, rtol=1e-4, atol=1e-6)
    scaled = GroupSparseCoder(scale * D, **params).fit_transform(X)
    assert_allclose(scaled * scale, codes, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("limit", [{"n_nonzero_coefs": 4}, {"tol": 0.5}])
def test_omp_is_that_of_scikit_learn(limit):
    X, D = make_signals(n=40, n_atoms=30, n_features=16)
    codes = GroupSparseCoder(D, algorithm="omp", **limit).fit_transform(X)
    theirs = orthogonal_mp(D.T, X.T, **limit).T
    assert_allclose(codes, theirs, atol=1e-10)


def naive_greedy(x, D, groups, n_groups, score):
    taken, code = [], np.zeros(len(D))
    for _ in range(n_groups):
        free = [g for g in groups if g[0] not in taken]
        taken += max(free, key=lambda g: score(x, D, taken, g))
        code[taken] = np.linalg.lstsq(D[taken].T, x, rcond=None)[0]
    return code


def residual(x, D, taken):
    if not taken:
        return x
    return x - D[taken].T @ np.linalg.lstsq(D[taken].T, x, rcond=None)[0]


def test_ormp_lowers_the_residual_most_at_each_step():
    X, D = make_signals(n=10, n_atoms=30, n_features=16)
    single = [[j] for j in range(30)]

    def score(x, D, taken, g):
        return -np.linalg.norm(residual(x, D, taken + g))

    codes = GroupSparseCoder(D, algorithm="ormp", n_nonzero_coefs=4).fit_transform(X)
    expected = [naive_greedy(x, D, single, 4, score) for x in X]
    assert_allclose(codes, expected, atol=1e-10)


def test_group_omp_takes_the_group_with_the_largest_correlations():
    X, D = make_signals(n=10, n_atoms=30, n_features=16)
    labels = np.arange(30) % 10
    groups = [list(np.flatnonzero(labels == g)) for g in range(10)]

    def score(x, D, taken, g):
        return np.linalg.norm(D[g] @ residual(x, D, taken))

    coder = GroupSparseCoder(D, algorithm="group_omp", groups=labels)
    codes = coder.set_params(n_nonzero_groups=3).fit_transform(X)
    expected = [naive_greedy(x, D, groups, 3, score) for x in X]
    assert_allclose(codes, expected, atol=1e-10)


@pytest.mark.parametrize("algorithm", ["group_lasso", "group_omp"])
def test_supports_of_group_sparse_signals_are_recovered(algorithm):
    rng = np.random.default_rng(1)
    _, D = make_signals(n_atoms=80, n_features=60)
    truth = np.zeros((30, 20, 4))
    for row in truth:
        row[rng.choice(20, 2, replace=False)] = rng.choice([-1, 1], (2, 4)) * 2
    X = truth.reshape(30, 80) @ D + 0.01 * rng.normal(size=(30, 60))
    coder = GroupSparseCoder(D, algorithm=algorithm, groups=4, alpha=0.2)
    codes = coder.set_params(n_nonzero_groups=2).fit_transform(X)
    norms = np.linalg.norm(codes.reshape(30, 20, 4), axis=2)
    top = np.sort(np.argsort(norms, axis=1)[:, -2:], axis=1)
    assert_array_equal(top, [np.flatnonzero(row.any(axis=1)) for row in truth])


# -- scikit-learn's conventions ------------------------------------------------


@parametrize_with_checks([GroupSparseCoder(), GroupSparseCoder(algorithm="omp")])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_threads_storages_and_dtypes_give_the_same_codes():
    X, D = make_signals(n=50)
    coder = GroupSparseCoder(D, groups=4, alpha=0.1, tol=1e-12).fit(X)
    codes = coder.transform(X)
    twin = pickle.loads(pickle.dumps(coder))
    assert_allclose(twin.transform(X), codes, atol=1e-10)
    assert_allclose(coder.transform(sparse.csr_array(X)), codes, atol=1e-10)
    single = coder.transform(X.astype(np.float32))
    assert single.dtype == np.float32
    assert_allclose(single, codes, atol=1e-5)
    many = np.tile(X, (30, 1))  # several batches, which threads share
    found = coder.set_params(n_jobs=2).transform(many)
    assert_allclose(found, np.tile(codes, (30, 1)), atol=1e-10)
    with parallel_backend("loky"):  # processes would write codes that nobody reads
        assert_array_equal(coder.transform(many), found)
    held = coder.set_params(sparse_output=True).transform(X)
    assert sparse.issparse(held)
    assert_allclose(held.toarray(), codes, atol=1e-10)
    assert_allclose(coder.inverse_transform(held), codes @ D, atol=1e-10)


def test_set_output_names_the_codes():
    X, D = make_signals()
    frame = GroupSparseCoder(D).set_output(transform="pandas").fit_transform(X)
    assert frame.columns[0] == "groupsparsecoder0"
    assert frame.shape == (6, 12)


def test_digits_pipeline_tuned_by_grid_search():
    X, y = load_digits(return_X_y=True)
    X = X / 16.0
    atoms = np.concatenate([X[y == k][:8] for k in range(10)])
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    coder = GroupSparseCoder(atoms, groups=8)
    pipeline = make_pipeline(coder, LogisticRegression(max_iter=2000))
    grid = {"groupsparsecoder__alpha": [0.01, 1.0]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X[100:700], y[100:700])
    assert search.best_params_["groupsparsecoder__alpha"] == 0.01
    assert search.score(X[700:], y[700:]) > 0.85


def test_codes_are_those_of_scikit_learn_under_its_parameter_names():
    X, D = make_signals(n=30, n_atoms=20, n_features=10)
    shared = {"transform_algorithm": "lasso_cd", "transform_alpha": 0.2}
    theirs = SparseCoder(D, split_sign=True, transform_max_iter=10**5, **shared)
    ours = GroupSparseCoder(D, split_sign=True, tol=1e-9, n_jobs=None, **shared)
    codes, expected = ours.fit_transform(X), theirs.fit_transform(X)

    def objective(codes):
        residual = X - (codes[:, :20] - codes[:, 20:]) @ D
        return 0.5 * np.sum(residual**2) + 0.2 * codes.sum()

    # Old versions of scikit-learn stop earlier, some 0.03 away in single codes.
    assert objective(codes) <= objective(expected) * (1 + 1e-9)
    assert_allclose(objective(expected), objective(codes), rtol=1e-3)
    assert_allclose(codes, expected, atol=0.1)
    assert codes.shape == (30, 40)
    assert len(ours.get_feature_names_out()) == 40
    difference = codes[:, :20] - codes[:, 20:]
    assert_allclose(ours.inverse_transform(codes), difference @ D)
    shared = {"transform_algorithm": "omp", "transform_n_nonzero_coefs": 3}
    codes = GroupSparseCoder(D, **shared).fit_transform(X)
    assert_allclose(codes, SparseCoder(D, **shared).fit_transform(X), atol=1e-10)


@pytest.mark.parametrize("algorithm", ["lasso", "group_lasso", "tree"])
def test_gaps_bound_the_distance_from_the_optimum(algorithm):
    X, D = make_signals(n=30, n_atoms=20, n_features=10)
    groups = 4 if algorithm != "tree" else [range(20), range(8), range(8, 20)]

    def objectives(tol):
        coder = GroupSparseCoder(D, algorithm=algorithm, groups=groups, alpha=0.05)
        coder.set_params(tol=tol, transform_max_iter=10**5)
        codes = coder.fit_transform(X)
        error = 0.5 * np.sum((X - codes @ D) ** 2, axis=1)
        if algorithm == "lasso":
            return error + 0.05 * np.abs(codes).sum(axis=1)
        members = zip(coder.groups_, coder.group_weights_, strict=True)
        norms = sum(w * np.linalg.norm(codes[:, g], axis=1) for g, w in members)
        return error + 0.05 * norms

    best = objectives(1e-10)
    for tol in (1e-1, 1e-3):
        excess = objectives(tol) - best
        assert (excess <= tol * 0.5 * np.sum(X**2, axis=1) + 1e-12).all()
        assert (excess >= -1e-8).all()


def denoised(noisy, dictionary, **params):
    """Code all 6 x 6 colour patches of an image and average what they say."""
    patches = extract_patches_2d(noisy, (6, 6)).reshape(-1, 36, 3).transpose(0, 2, 1)
    means = patches.mean(axis=2, keepdims=True)
    signals = (patches - means).reshape(len(patches), -1)
    coder = GroupSparseCoder(dictionary, **params)
    clean = coder.inverse_transform(coder.fit_transform(signals))
    clean = clean.reshape(patches.shape) + means
    clean = clean.transpose(0, 2, 1).reshape(-1, 6, 6, 3)
    return reconstruct_from_patches_2d(clean, noisy.shape)


def test_groups_of_colours_denoise_a_photograph_better_than_the_lasso():
    photograph = load_sample_image("china.jpg") / 255
    noise = np.random.default_rng(0).normal(scale=0.1, size=photograph.shape)
    noisy = photograph + noise
    validation, test = (slice(240, 270), slice(330, 360)), (slice(200, 240),) * 2
    cosines = dct(np.eye(6), norm="ortho", axis=0)
    dictionary = np.kron(np.eye(3), np.kron(cosines, cosines))
    labels = np.tile(np.arange(36), 3)
    errors = {}
    for algorithm in ("lasso", "group_lasso"):

        def error(region, alpha, algorithm=algorithm):
            params = {"algorithm": algorithm, "alpha": alpha, "groups": labels}
            clean = denoised(noisy[region], dictionary, **params)
            return np.mean((clean - photograph[region]) ** 2)

        alpha = min((0.07, 0.1, 0.14, 0.2), key=lambda a, e=error: e(validation, a))
        errors[algorithm] = error(test, alpha)
    decibels = 10 * np.log10(errors["lasso"] / errors["group_lasso"])
    assert errors["group_lasso"] < 0.5 * np.mean(noise[test] ** 2)
    assert decibels > 0.3


# -- hostile input -------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_zero_signals_zero_atoms_and_duplicates_give_finite_codes(algorithm):
    X, D = make_signals(n_atoms=4)
    D = np.concatenate([D, D, np.zeros((4, 8))])
    X[0] = 0.0
    groups = TREE if algorithm == "tree" else 4
    coder = GroupSparseCoder(
        D, algorithm=algorithm, groups=groups, n_nonzero_coefs=99, n_nonzero_groups=99
    )
    codes = coder.set_params(alpha=0.01).fit_transform(X)
    assert np.isfinite(codes).all()
    assert not codes[0].any()
    assert codes[1:].any(axis=1).all()
    assert not codes[:, 8:].any()


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("algorithm", ["group_lasso", "sparse_group_lasso"])
@pytest.mark.parametrize("what", ["scales", "scales in groups", "near copies"])
def test_atoms_that_are_hard_to_tell_apart_converge(what, algorithm, positive):
    X, D = make_signals(n=20, n_atoms=40)
    if what == "scales":
        D = D * np.logspace(-2, 2, 10).repeat(4)[:, None]
    elif what == "scales in groups":
        D = D * np.tile([1.0, 0.1, 0.01, 1e-3], 10)[:, None]
    else:
        D = D[::4].repeat(4, axis=0) + 1e-3 * D
    largest = np.linalg.norm((X @ D.T).reshape(20, 10, 4), axis=2).max()
    params = {"groups": 4, "alpha": 0.02 * largest, "tol": 1e-9}
    coder = GroupSparseCoder(D, algorithm=algorithm, positive_code=positive, **params)
    assert np.isfinite(coder.fit_transform(X)).all()  # or it warns


@pytest.mark.parametrize("power", [-160, -170, -300])
def test_atoms_whose_squares_vanish_are_not_used(power):
    X, D = make_signals()
    D[:4] *= 10.0**power
    params = {"groups": 4, "group_weights": [0, 1, 1], "alpha": 0.1, "tol": 1e-9}
    codes = GroupSparseCoder(D, **params).fit_transform(X)
    assert np.isfinite(codes).all()
    without = GroupSparseCoder(D[4:], groups=4, alpha=0.1, tol=1e-9)
    without.set_params(group_weights=[1, 1])
    assert_allclose(codes[:, 4:], without.fit_transform(X), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_one_feature_and_one_atom(algorithm):
    coder = GroupSparseCoder([[2.0]], algorithm=algorithm, alpha=0.5, tol=1e-9)
    expected = 1.5 if algorithm in ("omp", "ormp", "group_omp") else 1.375
    assert_allclose(coder.fit_transform([[3.0]]), [[expected]])


def test_errors_say_what_is_wrong():
    X, D = make_signals()
    with pytest.raises(ValueError, match="dictionary has 12 features, but X has 8"):
        GroupSparseCoder(D.T).fit(X)
    with pytest.raises(ValueError, match="positive_code=True is not possible"):
        GroupSparseCoder(D, algorithm="omp", positive_code=True).fit(X)
    with pytest.raises(ValueError, match="NaN"):
        GroupSparseCoder(D * np.nan).fit(X)
    with pytest.raises(ValueError, match=r"atoms overflow.*e\+199.*unit norm"):
        GroupSparseCoder(1e200 * D).fit(X).transform(X)
    with pytest.raises(ValueError, match="5"):
        GroupSparseCoder(D, groups=5).fit(X)
    with pytest.raises(ValueError, match="neither holds the other"):
        GroupSparseCoder(D, algorithm="tree", groups=[range(8), range(4, 12)]).fit(X)
    with pytest.raises(ValueError, match="X has 8 columns, but there are 12 atoms"):
        GroupSparseCoder(D).fit(X).inverse_transform(X)
    coder = GroupSparseCoder(D, groups=4, alpha=0.01, transform_max_iter=1).fit(X)
    with pytest.warns(ConvergenceWarning, match="worst duality gap is .* Raise"):
        coder.transform(X)
