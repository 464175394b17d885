"""Learners of dictionaries: objectives, structure, and scikit-learn's conventions."""

import numpy as np
import pytest
import sklearn.decomposition
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from skstruct import (
    GroupSparseCoder,
    MiniBatchStructuredDictionaryLearning,
    StructuredDictionaryLearning,
)

LEARNERS = [StructuredDictionaryLearning, MiniBatchStructuredDictionaryLearning]
every_learner = pytest.mark.parametrize("cls", LEARNERS)


def make_signals(n=300, seed=0, noise=0.05):
    """Signals made of 2 of 6 groups of 2 atoms, over 10 features."""
    rng = np.random.default_rng(seed)
    D = rng.normal(size=(12, 10))
    D /= np.linalg.norm(D, axis=1, keepdims=True)
    codes = np.zeros((n, 6, 2))
    for row in codes:
        row[rng.choice(6, 2, replace=False)] = rng.normal(size=(2, 2))
    return codes.reshape(n, 12) @ D + noise * rng.normal(size=(n, 10)), D


def objective(X, D, alpha, groups=1):
    """Mean objective of the best codes over D."""
    coder = GroupSparseCoder(D, groups=groups, alpha=alpha, tol=1e-8).fit(X)
    codes = coder.transform(X)
    norms = np.linalg.norm(codes.reshape(len(X), -1, groups), axis=2).sum(axis=1)
    error = 0.5 * np.sum((X - codes @ D) ** 2, axis=1)
    return np.mean(error + alpha * np.sqrt(groups) * norms)


@parametrize_with_checks([cls() for cls in LEARNERS])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_objective_falls_and_is_what_it_is_said_to_be():
    X, _ = make_signals()
    learner = StructuredDictionaryLearning(
        12, groups=2, alpha=0.2, tol=1e-4, random_state=0
    ).fit(X)
    assert (np.diff(learner.objective_) < 1e-3 * learner.objective_[0]).all()
    assert learner.n_iter_ == len(learner.objective_)
    assert_allclose(learner.error_, 300 * learner.objective_)
    best = objective(X, learner.components_, 0.2, groups=2)
    assert_allclose(learner.objective_[-1], best, rtol=1e-2)
    assert learner.objective_[-1] < 0.85 * learner.objective_[0]
    assert (np.linalg.norm(learner.components_, axis=1) <= 1 + 1e-12).all()


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (StructuredDictionaryLearning, sklearn.decomposition.DictionaryLearning),
        (
            MiniBatchStructuredDictionaryLearning,
            sklearn.decomposition.MiniBatchDictionaryLearning,
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_objective_is_as_good_as_scikit_learns(ours, theirs):
    X, _ = make_signals()
    shared = {
        "n_components": 12,
        "alpha": 0.2,
        "max_iter": 30,
        "fit_algorithm": "cd",
        "transform_algorithm": "lasso_cd",
        "transform_alpha": 0.2,
        "positive_code": False,
        "dict_init": X[:12] / np.linalg.norm(X[:12], axis=1, keepdims=True),
        "random_state": 0,
    }
    if ours is MiniBatchStructuredDictionaryLearning:
        shared |= {"batch_size": 50, "max_no_improvement": None, "tol": 0.0}
    found, other = ours(**shared).fit(X), theirs(**shared).fit(X)
    best = objective(X, other.components_, 0.2)
    assert objective(X, found.components_, 0.2) <= best * 1.01
    assert found.transform(X).shape == other.transform(X).shape


@every_learner
def test_the_dictionary_of_group_sparse_signals_is_found_from_nearby(cls):
    X, truth = make_signals(n=1000, noise=0.01)
    start = truth + 0.2 * np.random.default_rng(1).normal(size=truth.shape)
    learner = cls(12, groups=2, alpha=0.05, tol=1e-4, max_iter=60, dict_init=start)
    if cls is MiniBatchStructuredDictionaryLearning:
        learner.set_params(batch_size=50, max_iter=20, tol=0.0)
        learner.set_params(max_no_improvement=None)
    learner.set_params(random_state=0).fit(X)
    assert cosines(truth, start).min() < 0.85
    assert np.median(cosines(truth, learner.components_)) > 0.95


def cosines(first, second):
    """Cosines of the largest angles between planes spanned by two atoms each."""
    bases = [
        np.linalg.qr(D.reshape(6, 2, 10).transpose(0, 2, 1))[0] for D in (first, second)
    ]
    products = bases[0].transpose(0, 2, 1) @ bases[1]
    return np.linalg.svd(products, compute_uv=False)[:, -1]


@every_learner
def test_the_same_seed_gives_the_same_dictionary(cls):
    X, _ = make_signals(n=60)
    kwargs = {"alpha": 0.2, "groups": 2, "random_state": 5, "tol": 1e-2}
    first, second = cls(12, **kwargs).fit(X), cls(12, n_jobs=2, **kwargs).fit(X)
    assert_array_equal(first.components_, second.components_)
    single = cls(12, **kwargs).fit(X.astype(np.float32))
    assert single.components_.dtype == np.float32
    assert single.transform(X.astype(np.float32)).dtype == np.float32
    assert_allclose(single.components_, first.components_, atol=1e-3)
    held = cls(12, **kwargs).fit(sparse.csr_array(X))
    assert_allclose(held.components_, first.components_, atol=1e-8)


def test_batches_out_of_core_are_those_in_memory():
    X, _ = make_signals(n=100)
    kwargs = {"n_components": 12, "groups": 2, "alpha": 0.2, "dict_init": X[:12] / 9}
    whole = MiniBatchStructuredDictionaryLearning(
        batch_size=25,
        shuffle=False,
        max_iter=1,
        tol=0,
        max_no_improvement=None,
        **kwargs,
    ).fit(X)
    parts = MiniBatchStructuredDictionaryLearning(**kwargs)
    for rows in np.split(X, 4):
        parts.partial_fit(rows)
    assert_allclose(parts.components_, whole.components_)
    assert parts.n_steps_ == whole.n_steps_ == 4
    assert_allclose(parts.objective_.mean(), whole.objective_[0])


@every_learner
def test_positive_dictionaries_and_codes(cls):
    X = np.abs(make_signals()[0])
    learner = cls(8, alpha=0.1, positive_dict=True, positive_code=True, tol=1e-3)
    codes = learner.set_params(random_state=0).fit_transform(X)
    assert learner.components_.min() >= 0
    assert codes.min() >= 0
    assert np.mean((X - learner.inverse_transform(codes)) ** 2) < 0.5 * np.mean(X**2)


@every_learner
def test_atoms_are_sparse_by_group_of_features(cls):
    rng = np.random.default_rng(0)
    D = np.zeros((4, 12))
    for j in range(4):
        D[j, 3 * j : 3 * j + 3] = 1 / np.sqrt(3)
    X = rng.normal(size=(300, 4)) @ D + 0.05 * rng.normal(size=(300, 12))
    learner = cls(4, alpha=0.05, atom_groups=3, atom_alpha=0.02, random_state=1)
    learner.set_params(tol=1e-4, dict_init=D + 0.2 * rng.normal(size=D.shape)).fit(X)
    norms = np.linalg.norm(learner.components_.reshape(4, 4, 3), axis=2)
    assert_array_equal((norms > 0).astype(int), np.eye(4))


def test_tree_codes_and_split_signs():
    X, _ = make_signals(n=80)
    tree = [range(4), [1, 2], [3]]
    learner = StructuredDictionaryLearning(
        4, fit_algorithm="tree", groups=tree, alpha=0.1, tol=1e-3, random_state=0
    )
    codes = learner.set_params(split_sign=True).fit_transform(X)
    assert codes.shape == (80, 8)
    assert codes.min() >= 0
    assert len(learner.get_feature_names_out()) == 8
    assert learner.inverse_transform(codes).shape == X.shape


def test_unused_atoms_are_replaced():
    X, _ = make_signals()
    start = np.zeros((12, 10))
    start[0, 0] = 1.0
    learner = StructuredDictionaryLearning(12, alpha=0.05, tol=1e-3, dict_init=start)
    codes = learner.fit_transform(X)
    assert np.abs(codes).sum(axis=0).min() > 0


@every_learner
def test_callback_sees_the_objective(cls):
    X, _ = make_signals(n=50)
    seen = []
    cls(3, callback=seen.append, tol=1e-2, random_state=0).fit(X)
    assert len(seen) >= 1
    assert np.isfinite([now["objective"] for now in seen]).all()


@every_learner
def test_hostile_data_gives_finite_dictionaries(cls):
    X, _ = make_signals(n=20)
    X[:5] = 0.0
    X[5:10] = X[10]
    for rows, n in ((X, 30), (np.zeros((4, 3)), 2), (X[:, :1], 3), (X[:1] + 1.0, 4)):
        learner = cls(n, alpha=0.1, random_state=0, tol=1e-2).fit(rows)
        assert np.isfinite(learner.components_).all()
        assert np.isfinite(learner.transform(rows)).all()


@every_learner
def test_errors_say_what_is_wrong(cls):
    X, _ = make_signals(n=20)
    with pytest.raises(ValueError, match="dict_init has shape"):
        cls(3, dict_init=np.ones((3, 4))).fit(X)
    with pytest.raises(ValueError, match="dict_init has negative entries"):
        cls(3, dict_init=-np.ones((3, 10)), positive_dict=True).fit(X)
    with pytest.raises(ValueError, match="5"):
        cls(12, groups=5).fit(X)
    with pytest.warns(ConvergenceWarning, match="Raise max_iter or tol"):
        cls(12, alpha=0.1, max_iter=1, tol=1e-9, random_state=0).fit(X)
