"""Networks trained with group penalties: zeros, the smaller network, its proxes."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import optimize, sparse
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.datasets import load_iris, make_friedman1
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skstruct import (
    GroupSparseMLPClassifier,
    GroupSparseMLPRegressor,
    sparse_mlp_path,
)
from skstruct.groups import make_layout
from skstruct.pruning.compact import compacted, without_skip
from skstruct.pruning.group_prox import GroupPenalty, HierarchicalPenalty, hier_prox
from skstruct.pruning.training import Objective, Weights, initial_weights

PENALTIES = ["group", "hierarchical"]
every_penalty = pytest.mark.parametrize("penalty", PENALTIES)
# Strengths at which some features leave and some stay.
STRENGTH = {"group": 0.2, "hierarchical": 4.0}
FAST = {"learning_rate_init": 0.01, "random_state": 0, "max_iter": 300}


def quietly(model, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


def friedman(n=150, n_noise=5, seed=0):
    X, y = make_friedman1(n, 5 + n_noise, noise=0.3, random_state=seed)
    return StandardScaler().fit_transform(X), (y - y.mean()) / y.std()


def iris():
    X, y = load_iris(return_X_y=True)
    noise = np.random.default_rng(0).normal(size=(len(X), 4))
    return np.hstack([StandardScaler().fit_transform(X), noise]), y


TARGETS = {
    "binary": lambda y: np.where(y > 0, "yes", "no"),
    "multiclass": lambda y: np.digitize(y, [0, 1]) * 10,
    "multilabel": lambda y: np.column_stack([y > 0, y > 1]).astype(int),
    "one output": lambda y: y,
    "two outputs": lambda y: np.column_stack([y, -2 * y]),
}


def fitted(target, X, y, **params):
    cls = GroupSparseMLPRegressor
    if "output" not in target:
        cls = GroupSparseMLPClassifier
    return quietly(cls((12, 8), **FAST, **params), X, TARGETS[target](y))


@parametrize_with_checks(
    [
        cls(8, penalty=penalty, learning_rate_init=0.05, max_iter=20)
        for cls, penalty in [
            (GroupSparseMLPClassifier, "group"),
            (GroupSparseMLPRegressor, "hierarchical"),
        ]
    ]
)
def test_scikit_learn_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        check(estimator)


# --- the smaller network --------------------------------------------------------------


def penalised_predictor(model, X):
    """What the large network computes, by its definition."""
    H = X
    for W, b in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        H = np.maximum(H @ W + b, 0)
    Z = H @ model.coefs_[-1] + model.intercepts_[-1]
    return Z + X @ model.skip_coef_ if hasattr(model, "skip_coef_") else Z


@every_penalty
@pytest.mark.parametrize("target", TARGETS)
def test_the_smaller_network_computes_the_same(penalty, target):
    X, y = friedman()
    model = fitted(
        target, X, y, penalty=penalty, refit=False,
        feature_penalty=STRENGTH[penalty], unit_penalty=0.02,
    )  # fmt: skip
    peer = MLPRegressor if "output" in target else MLPClassifier
    assert type(model.network_) is peer
    assert model.network_.n_features_in_ == len(model.selected_features_) < 10
    assert model.n_parameters_ == sum(
        a.size for a in model.network_.coefs_ + model.network_.intercepts_
    )
    Z = penalised_predictor(model, X)
    if target == "multiclass":
        expected = softmax(Z, axis=1)
    elif target == "binary":
        expected = np.column_stack([1 - expit(Z), expit(Z)])
    else:
        expected = (
            expit(Z) if target == "multilabel" else Z.reshape(TARGETS[target](y).shape)
        )
    found = model.predict if "output" in target else model.predict_proba
    assert_allclose(found(X), expected, rtol=1e-8, atol=1e-10)
    assert_array_equal(
        model.predict(X), model.network_.predict(X[:, model.selected_features_])
    )


@every_penalty
def test_rows_are_exactly_zero_and_groups_leave_together(penalty):
    X, y = friedman()
    groups = {"a": [0, 5], "b": [1, 6], "c": [2, 3, 4], "d": [7, 8, 9]}
    strength = {"group": 1.0, "hierarchical": 12.0}[penalty]
    model = fitted(
        "one output", X, y, penalty=penalty, groups=groups,
        feature_penalty=strength, unit_penalty=0.02,
    )  # fmt: skip
    assert "d" not in model.selected_groups_
    assert {"c"} <= set(model.selected_groups_)
    rows = model.coefs_[0].any(axis=1)
    for name, own in groups.items():
        assert rows[own].any() <= (name in model.selected_groups_)
    assert not model.coefs_[0][groups["d"]].any()
    assert set(model.selected_features_) <= {
        j for g in model.selected_groups_ for j in groups[g]
    }
    if penalty == "hierarchical":
        norms = dict(zip(model.group_names_, model.group_norms_, strict=True))
        for name, own in groups.items():
            largest = np.abs(model.coefs_[0][own]).max()
            assert largest <= model.hierarchy * norms[name] * (1 + 1e-9)


def test_units_without_outgoing_weights_leave():
    X, y = friedman()
    model = fitted("one output", X, y, feature_penalty=0, unit_penalty=0.02)
    large, small = model.coefs_, model.network_.coefs_
    assert [len(u) for u in model.kept_units_] == [W.shape[1] for W in small[:-1]]
    assert small[0].shape[1] < large[0].shape[1]
    dead = np.setdiff1d(np.arange(8), model.kept_units_[1])
    assert_array_equal(large[2][dead], 0)


@pytest.mark.parametrize("activation", ["identity", "relu"])
@pytest.mark.parametrize("widths", [(3,), (4, 3, 2)])
def test_compact_networks_compute_the_same(activation, widths):
    rng = np.random.RandomState(0)
    weights = initial_weights([5, *widths, 2], activation, True, rng, np.float64)
    weights.skip[:] = rng.normal(size=weights.skip.shape)
    weights.coefs[0][[1, 3]] = 0  # without first-layer weights, not without skip
    weights.coefs[0][:, 1] = 0  # a constant unit
    weights.coefs[-1][0] = 0  # a dead one
    weights.skip[[0, 1]] = 0
    X = rng.normal(size=(20, 5))
    objective = Objective(activation, "identity")
    expected = objective.layers(weights, X)[1]
    small = compacted(weights, activation)
    assert_array_equal(small.features, [0, 2, 3, 4])
    assert all(len(u) < w for u, w in zip(small.units[:1], widths[:1], strict=True))
    found = objective.layers(small.weights, X[:, small.features])[1]
    assert_allclose(found, expected, atol=1e-12)
    plain = Weights(*without_skip(small.weights, activation))
    found = objective.layers(plain, X[:, small.features])[1]
    assert_allclose(found, expected, atol=1e-12)


def test_a_linear_model_is_left_where_no_unit_is():
    X, y = friedman(100)
    model = fitted(
        "two outputs", X, y, penalty="hierarchical", feature_penalty=0.1,
        unit_penalty=2.0, refit=False,
    )  # fmt: skip
    assert [len(units) for units in model.kept_units_] == [0, 0]
    assert len(model.selected_features_) > 0
    assert model.network_.hidden_layer_sizes == (4, 4)
    expected = X @ model.skip_coef_ + model.predict(np.zeros((1, 10)))
    assert_allclose(model.predict(X), expected, atol=1e-10)
    refit = fitted(
        "two outputs", X, y, penalty="hierarchical", feature_penalty=0.1,
        unit_penalty=2.0,
    )  # fmt: skip
    assert refit.score(X, TARGETS["two outputs"](y)) > model.score(
        X, TARGETS["two outputs"](y)
    )


@every_penalty
def test_nothing_is_left_under_a_huge_penalty(penalty):
    X, y = friedman(60)
    model = fitted("one output", X, y, penalty=penalty, feature_penalty=1e4)
    assert len(model.selected_features_) == len(model.selected_groups_) == 0
    assert np.ptp(model.predict(X)) == 0
    assert_allclose(model.predict(X)[0], y.mean(), atol=0.1)


# --- the proxes -----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_hier_prox_is_the_minimiser(seed):
    rng = np.random.default_rng(seed)
    k, m, M = [(1, 3, 1.0), (2, 4, 10.0), (3, 2, 0.3)][seed % 3]
    v, u = rng.normal(size=(1, k)), rng.normal(size=(1, m))
    u[0, 0] *= 5
    threshold, ratio = rng.uniform(0, 2), rng.choice([0.2, 1.0, 5.0])

    def value(b, W):
        squares = ratio * np.sum((b - v) ** 2) + np.sum((W - u) ** 2)
        return 0.5 * squares + threshold * np.linalg.norm(b)

    def reduced(r):
        """Least value with |b| = r: b along v, W clipped."""
        b = r * v / np.linalg.norm(v)
        return value(b, np.clip(u, -M * r, M * r))

    most = np.linalg.norm(v) + M * np.abs(u).sum() / ratio
    radii = np.linspace(0, most, 2001)
    start = radii[np.argmin([reduced(r) for r in radii])]
    step = radii[1]
    best = optimize.minimize_scalar(
        reduced, bounds=(max(start - step, 0), start + step), method="bounded",
        options={"xatol": 1e-12},
    )  # fmt: skip
    b, W = hier_prox(v, u, np.array([threshold]), M, np.array([ratio]))
    assert np.abs(W).max() <= M * np.linalg.norm(b) * (1 + 1e-12)
    assert value(b, W) <= min(best.fun, reduced(0.0)) + 1e-12
    assert_allclose(value(b, W), min(best.fun, reduced(0.0)), rtol=1e-6)


def test_hier_prox_does_not_mind_padding_and_special_values():
    v = np.array([[1.0, 0.0], [0.0, 0.0], [3.0, 4.0]])
    u = np.array([[2.0, -1.0, 0.0], [1.0, 1.0, 0.0], [0.1, 0.1, 0.0]])
    b, W = hier_prox(v, u, np.array([0.1, 50.0, 0.0]), 2.0)
    short = hier_prox(v, u[:, :2], np.array([0.1, 50.0, 0.0]), 2.0)
    assert_allclose(b, short[0])
    assert_allclose(W[:, :2], short[1])
    assert_array_equal(b[1], 0)
    assert_array_equal(W[1], 0)
    assert_allclose(b[2], v[2])
    assert_allclose(W[2], u[2])
    # Nothing to start from, but enough first-layer weight to pay for a skip.
    b, W = hier_prox(np.zeros((1, 2)), np.full((1, 3), 2.0), np.array([0.5]), 1.0)
    assert_allclose(np.linalg.norm(b), (3 * 2.0 - 0.5) / 4)


@every_penalty
def test_training_ends_at_a_stationary_point_of_the_stated_objective(penalty):
    X, y = friedman(80, n_noise=3)
    params = {"groups": [[0, 1], [2, 3], [4], [5, 6], [7]], "feature_penalty": 0.05}
    model = GroupSparseMLPRegressor(
        6, penalty=penalty, unit_penalty=0.02, activation="identity", refit=False,
        tol=0, n_iter_no_change=30, max_iter=1500, learning_rate_init=0.006,
        random_state=0, **params,
    )  # fmt: skip
    model = quietly(model, X, y)
    objective = Objective("identity", "identity", model.alpha)
    skip = getattr(model, "skip_coef_", None)
    weights = Weights(model.coefs_, model.intercepts_, skip)
    _, gradient = objective.gradient(weights, X, y[:, None])
    units, W = gradient.coefs[1], model.coefs_[1]
    slope = np.linalg.norm(units, axis=1)
    alive = W.any(axis=1)
    assert (slope[~alive] <= 0.02 * 1.02).all()
    assert_allclose(units[alive] + 0.02 * np.sign(W[alive]), 0, atol=2e-3)
    if penalty == "group":
        for own, weight in zip(model.groups_, np.sqrt([2, 2, 1, 2, 1]), strict=True):
            g, w = gradient.coefs[0][own], model.coefs_[0][own]
            if w.any():
                unit = w / np.linalg.norm(w)
                assert_allclose(g + 0.05 * weight * unit, 0, atol=3e-3)
            else:
                assert np.linalg.norm(g) <= 0.05 * weight * 1.02


def test_gradients_are_those_of_the_objective():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(9, 4))
    for output, q in [("identity", 2), ("logistic", 2), ("softmax", 3)]:
        T = np.eye(3)[rng.randint(3, size=9)][:, :q]
        for activation in ("identity", "logistic", "tanh", "relu"):
            weights = initial_weights([4, 5, 3, q], activation, True, rng, np.float64)
            objective = Objective(activation, output, alpha=0.5)
            value, gradient = objective.gradient(weights, X, T)
            assert_allclose(value, objective.value(weights, X, T))
            for array, slope in zip(weights.arrays(), gradient.arrays(), strict=True):
                direction = rng.normal(size=array.shape)
                array += 1e-6 * direction
                up = objective.value(weights, X, T)
                array -= 2e-6 * direction
                down = objective.value(weights, X, T)
                array += 1e-6 * direction
                assert_allclose(
                    (up - down) / 2e-6, np.vdot(slope, direction), rtol=1e-5, atol=1e-8
                )


@pytest.mark.parametrize("kind", [GroupPenalty, HierarchicalPenalty])
def test_the_proximal_step_lowers_the_model(kind):
    rng = np.random.RandomState(0)
    layout = make_layout([[0, 3], [1], [2, 4]], 5)
    extra = (2.0,) if kind is HierarchicalPenalty else ()
    penalty = kind(layout, 0.3, 0.1, *extra)
    v = initial_weights([5, 4, 2], "relu", bool(extra), rng, np.float64)
    if extra:
        v.skip[:] = rng.normal(size=v.skip.shape)
    steps = penalty.pooled(v.mapped(lambda a: 0.5 + np.square(a)))
    w = v.copy()
    penalty.apply(w, steps)

    def model(x):
        squares = sum(
            float((np.square(a - b) / s).sum())
            for a, b, s in zip(x.arrays(), v.arrays(), steps.arrays(), strict=True)
        )
        return 0.5 * squares + penalty.value(x)

    least = model(w)
    for _ in range(200):
        other = w.mapped(
            lambda a: a + rng.choice([1e-1, 1e-3]) * rng.normal(size=a.shape)
        )
        if extra:  # stay where the constraint holds
            penalty_free = kind(layout, 0.0, 0.0, *extra)
            penalty_free.apply(other, steps)
        assert model(other) >= least - 1e-12


# --- quality, and how it is used ------------------------------------------------------


def test_without_penalty_it_is_as_good_as_a_plain_network():
    X, y = friedman(300)
    train, test = slice(0, 200), slice(200, None)
    own, peers = [], []
    for seed in range(3):
        how = {"hidden_layer_sizes": 20, **FAST, "random_state": seed}
        ours = GroupSparseMLPRegressor(**how, feature_penalty=0, unit_penalty=0)
        own.append(quietly(ours, X[train], y[train]).score(X[test], y[test]))
        peer = quietly(MLPRegressor(**how), X[train], y[train])
        peers.append(peer.score(X[test], y[test]))
    assert np.mean(own) > np.mean(peers) - 0.03


@every_penalty
def test_the_true_features_are_found(penalty):
    X, y = friedman(400)
    model = GroupSparseMLPRegressor(
        20, penalty=penalty, feature_penalty=STRENGTH[penalty], **FAST
    )
    model = quietly(model, X, y)
    assert {0, 1, 3, 4} <= set(model.selected_features_)
    assert len(model.selected_features_) <= 7
    assert model.score(X, y) > 0.8


def test_float32_sparse_and_warm_start():
    X, y = iris()
    model = GroupSparseMLPClassifier(
        10, feature_penalty=0.03, learning_rate_init=0.02, max_iter=60, random_state=0
    )
    double = quietly(clone(model), X, y)
    single = quietly(clone(model), X.astype(np.float32), y)
    assert single.network_.coefs_[0].dtype == np.float32
    assert_array_equal(single.selected_features_, double.selected_features_)
    stored = quietly(clone(model), sparse.csr_array(X), y)
    assert_allclose(stored.coefs_[0], double.coefs_[0], atol=1e-8)
    assert_array_equal(stored.predict(sparse.csr_array(X)), double.predict(X))
    warm = quietly(clone(model).set_params(warm_start=True), X, y)
    assert_array_equal(warm.coefs_[0], double.coefs_[0])
    quietly(warm, X, y)
    assert "first" not in warm.n_iters_
    quietly(warm.set_params(feature_penalty=0, unit_penalty=0), X, y)
    assert [*warm.n_iters_] == ["first"]


def test_early_stopping_keeps_the_best_weights():
    X, y = iris()
    model = GroupSparseMLPClassifier(
        10, early_stopping=True, validation_fraction=0.3, **FAST
    )
    model = quietly(model, X, y)
    assert len(model.validation_loss_curve_) == len(model.loss_curve_) == model.n_iter_
    assert model.score(X, y) > 0.9
    model.network_.partial_fit(X[:, model.selected_features_], y)


def test_the_path_goes_from_all_features_to_none():
    X, y = iris()
    model = GroupSparseMLPClassifier(
        10, penalty="hierarchical", tol=1e-3, n_iter_no_change=5, **FAST
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        path = sparse_mlp_path(
            model, X[::2], y[::2], feature_penalties=6, X_val=X[1::2], y_val=y[1::2]
        )
    sizes = [len(step.selected_features) for step in path]
    assert sizes[0] == 8
    assert sizes[-1] == 0
    assert (np.diff([step.feature_penalty for step in path]) > 0).all()
    few = [s for s in path if 1 <= len(s.selected_features) <= 3]
    assert few
    assert max(s.score for s in few) > 0.9
    for step in path:
        assert step.score == step.estimator.score(X[1::2], y[1::2])


def test_training_that_has_not_converged_says_so():
    X, y = friedman(60)
    no_penalty = {"feature_penalty": 0, "unit_penalty": 0}
    with pytest.warns(ConvergenceWarning, match="first stage .* max_iter=3 epochs"):
        GroupSparseMLPRegressor(5, max_iter=3, **no_penalty).fit(X, y)


def test_bad_input_is_named():
    X, y = friedman(40)
    with pytest.raises(ValueError, match="activation='tanh' cannot"):
        GroupSparseMLPRegressor(penalty="hierarchical", activation="tanh").fit(X, y)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=\(3, 0\)"):
        GroupSparseMLPRegressor((3, 0)).fit(X, y)
    with pytest.raises(ValueError, match="groups"):
        GroupSparseMLPRegressor(groups=[[0, 1]]).fit(X, y)
    with (
        np.errstate(all="ignore"),
        pytest.raises(ValueError, match="Training diverged"),
    ):
        GroupSparseMLPRegressor(5, learning_rate_init=1e200).fit(X, y)
    with pytest.raises(ValueError, match="X_val and y_val"):
        sparse_mlp_path(GroupSparseMLPRegressor(), X, y, X_val=X)
    with pytest.raises(ValueError, match="must be a GroupSparseMLP"):
        sparse_mlp_path(MLPRegressor(), X, y)
