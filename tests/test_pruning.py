"""Pruned networks: exact where they can be, small, and still scikit-learn's."""

import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skstruct import MLPPruner

CRITERIA = ["forward", "backward", "magnitude", "activation", "sensitivity", "random"]


def fitted(network, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return network.fit(X, y)


def small(kind="classes", activation="relu", solver="adam", dtype=np.float64, **kwargs):
    """A quickly fitted 6-12-9 network, and its rows."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 6)).astype(dtype)
    Y = X @ rng.normal(size=(6, 3))
    y = {
        "binary": Y[:, 0] > 0,
        "classes": Y.argmax(axis=1),
        "labels": (Y > 0).astype(int),
        "value": Y[:, 0],
        "values": Y,
    }[kind]
    cls = MLPRegressor if kind.startswith("value") else MLPClassifier
    network = cls(
        hidden_layer_sizes=(12, 9),
        activation=activation,
        solver=solver,
        max_iter=8,
        random_state=0,
        **kwargs,
    )
    return fitted(network, X, y), X, y


def output(network, X):
    if isinstance(network, MLPClassifier):
        return network.predict_proba(X)
    return network.predict(X)


@pytest.mark.parametrize("kind", ["binary", "classes", "labels", "value", "values"])
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_keeping_everything_changes_nothing(kind, activation):
    network, X, _ = small(kind, activation, solver="lbfgs")
    pruner = MLPPruner(network, budget=1.0, ridge=1e-12, prefit=True).fit(X)
    assert_allclose(output(pruner.estimator_, X), output(network, X), atol=1e-5)


@pytest.mark.parametrize("criterion", ["forward", "backward"])
def test_dead_and_duplicated_units_go_for_nothing(criterion):
    network, X, _ = small(alpha=1e-2)
    W, b = network.coefs_[0], network.intercepts_[0]
    W[:, [2, 5]], b[[2, 5]] = 0.0, -1.0  # dead
    W[:, 7], b[7] = W[:, 3], b[3]  # twins
    before = output(network, X)
    pruner = MLPPruner(
        network, budget=[9, 9], criterion=criterion, ridge=1e-12, prefit=True
    ).fit(X)
    assert not {2, 5} & set(pruner.kept_units_[0])
    assert len({3, 7} & set(pruner.kept_units_[0])) == 1
    assert_allclose(output(pruner.estimator_, X), before, atol=1e-4)
    assert_array_equal(output(network, X), before)  # left as it was


@pytest.mark.parametrize("solver", ["lbfgs", "sgd", "adam"])
@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("refit", ["lstsq", None])
def test_shapes_and_costs(solver, criterion, refit):
    network, X, _ = small(solver=solver)
    pruner = MLPPruner(
        network,
        budget=0.5,
        criterion=criterion,
        refit=refit,
        prefit=True,
        random_state=0,
    ).fit(X)
    found = pruner.estimator_
    assert type(found) is MLPClassifier
    assert found.hidden_layer_sizes == (6, 4)
    assert [W.shape for W in found.coefs_] == [(6, 6), (6, 4), (4, 3)]
    assert pruner.n_parameters_ == sum(w.size for w in found.coefs_) + sum(
        b.size for b in found.intercepts_
    )
    assert pruner.flops_ == sum(w.size for w in found.coefs_)
    for kept, old, new in zip(
        pruner.kept_units_, [12, 9], found.hidden_layer_sizes, strict=True
    ):
        assert len(set(kept)) == new
        assert 0 <= kept.min() <= kept.max() < old
    assert_array_equal(found.coefs_[0], network.coefs_[0][:, pruner.kept_units_[0]])
    assert_array_equal(pruner.predict(X), found.predict(X))


def test_refitted_weights_are_least_squares():
    network, X, _ = small()
    pruner = MLPPruner(network, budget=[4, 9], ridge=0.0, prefit=True).fit(X)
    hidden = np.maximum(X @ network.coefs_[0] + network.intercepts_[0], 0)
    target = hidden @ network.coefs_[1] + network.intercepts_[1]
    kept = hidden[:, pruner.kept_units_[0]]
    by_hand = LinearRegression().fit(kept, target)
    columns = pruner.kept_units_[1]
    assert_allclose(pruner.estimator_.coefs_[1], by_hand.coef_.T[:, columns], atol=1e-8)
    missed = np.sum((target - by_hand.predict(kept)) ** 2) / np.sum(
        (target - target.mean(axis=0)) ** 2
    )
    assert_allclose(pruner.reconstruction_error_[0], missed, rtol=1e-8)


@pytest.mark.parametrize("name", ["params", "flops"])
def test_cost_budgets_are_met_and_used(name):
    network, X, _ = small()
    for limit in (60, 100, 150):
        pruner = MLPPruner(network, budget={name: limit}, prefit=True).fit(X)
        cost = {"params": pruner.n_parameters_, "flops": pruner.flops_}[name]
        assert 0.6 * limit <= cost <= limit
    with pytest.raises(ValueError, match="one unit a layer already costs"):
        MLPPruner(network, budget={name: 3}, prefit=True).fit(X)


def test_float32_stays_float32():
    network, X, _ = small(dtype=np.float32)
    found = MLPPruner(network, prefit=True).fit(X).estimator_
    assert {W.dtype for W in found.coefs_ + found.intercepts_} == {np.dtype("f4")}


def test_pruned_networks_train_on_pickle_and_clone():
    network, X, y = small()
    pruner = MLPPruner(network, prefit=True, fine_tune_epochs=2).fit(X, y)
    twin = pickle.loads(pickle.dumps(pruner))
    assert_array_equal(twin.predict(X), pruner.predict(X))
    pruner.estimator_.partial_fit(X, y)
    assert pruner.estimator_.coefs_[0].shape == (6, 6)
    fresh = fitted(clone(pruner.estimator_), X, y)
    assert fresh.coefs_[1].shape == (6, 4)
    assert not hasattr(MLPPruner(network, prefit=True).fit(X).estimator_, "_optimizer")


def test_early_stopped_networks():
    network, X, _ = small(early_stopping=True)
    pruner = MLPPruner(network, prefit=True).fit(X)
    assert pruner.predict(X).shape == (120,)
    with pytest.raises(ValueError, match="needs partial_fit"):
        pruner.set_params(fine_tune_epochs=1).fit(X, np.zeros(120))


def test_fewer_rows_than_units_and_constant_rows():
    network, X, _ = small()
    for rows in (X[:4], np.ones((5, 6))):
        pruner = MLPPruner(network, prefit=True, ridge=0.0).fit(rows)
        assert pruner.estimator_.hidden_layer_sizes == (6, 4)
        assert_allclose(output(pruner.estimator_, rows[:1]).sum(), 1)


def test_least_budget_keeps_a_unit():
    network, X, _ = small()
    pruner = MLPPruner(network, budget=0, prefit=True).fit(X)
    assert pruner.estimator_.hidden_layer_sizes == (1, 1)


def test_callable_criterion():
    network, X, _ = small()
    pruner = MLPPruner(
        network, criterion=lambda H, *_: np.arange(H.shape[1]), prefit=True
    ).fit(X)
    assert_array_equal(pruner.kept_units_[0], np.arange(6, 12))
    with pytest.raises(ValueError, match="one number, not NaN, for each of 12"):
        pruner.set_params(criterion=lambda *_: 1.0).fit(X)


@pytest.mark.parametrize(
    "budget", [[5], [13, 2], [0, 2], {"params": 9, "flops": 9}, {"size": 3}, "half"]
)
def test_bad_budgets_are_named(budget):
    network, X, _ = small()
    with pytest.raises(ValueError, match="budget"):
        MLPPruner(network, budget=budget, prefit=True).fit(X)


def test_misuse():
    network, X, y = small()
    with pytest.raises(ValueError, match="estimator"):
        MLPPruner(LinearRegression()).fit(X, y)
    with pytest.raises(NotFittedError):
        MLPPruner(clone(network), prefit=True).fit(X)
    with pytest.raises(ValueError, match="unless prefit=True"):
        MLPPruner(network).fit(X)
    with pytest.raises(ValueError, match="4 features, but the network was fitted"):
        MLPPruner(network, prefit=True).fit(X[:, :4])
    with pytest.raises(NotFittedError):
        MLPPruner(network).predict(X)
    regressor, *_ = small("value")
    assert not hasattr(MLPPruner(regressor), "predict_proba")


def test_grid_search_around_it():
    _, X, y = small()
    pipeline = make_pipeline(
        StandardScaler(),
        MLPPruner(
            MLPClassifier(hidden_layer_sizes=(8,), solver="lbfgs", random_state=0)
        ),
    )
    grid = {"mlppruner__budget": [0.25, 1.0]}
    search = fitted(GridSearchCV(pipeline, grid, cv=3), X, y)
    assert search.best_score_ > 0.7


def test_digits_survive_three_quarters_of_the_units_gone():
    X, y = load_digits(return_X_y=True)
    train, test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
    network = fitted(
        MLPClassifier(hidden_layer_sizes=(128, 64), max_iter=25, random_state=0),
        train,
        y_train,
    )
    full = network.score(test, y_test)
    pruner = MLPPruner(network, budget=0.25, prefit=True).fit(train)
    assert pruner.score(test, y_test) > full - 0.015
    bare = MLPPruner(
        network, budget=0.25, criterion="magnitude", refit=None, prefit=True
    ).fit(train)
    assert bare.score(test, y_test) < pruner.score(test, y_test) - 0.1


@parametrize_with_checks(
    [
        MLPPruner(
            MLPClassifier(
                hidden_layer_sizes=(10,), solver="lbfgs", max_iter=200, random_state=0
            )
        ),
        MLPPruner(
            MLPRegressor(
                hidden_layer_sizes=(10,), solver="lbfgs", max_iter=200, random_state=0
            )
        ),
    ]
)
def test_scikit_learn_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        check(estimator)
