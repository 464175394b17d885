"""What MLPPruner offers beyond one shot: budgets, criteria, inputs, blocks, layers."""

import copy
import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skstruct import MLPPruner
from skstruct.pruning.allocation import allocate, pair_cost
from skstruct.pruning.budget import Latency, Widths
from skstruct.pruning.criteria import taylor_scores
from skstruct.pruning.importance import FLOOR, output_roots
from skstruct.pruning.network import pre_activations
from test_pruning import fitted, output, small

KINDS = ["binary", "classes", "labels", "value", "values"]


def share_missed(full, pruner, X):
    """Share of the variance of the last pre-activations missed, by hand."""
    wanted = pre_activations(full, X)[-1]
    found = pre_activations(pruner.estimator_, X[:, pruner.kept_features_])[-1]
    return np.sum((wanted - found) ** 2) / np.sum((wanted - wanted.mean(axis=0)) ** 2)


# -- criteria and refits -----------------------------------------------------------


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("kind", KINDS)
def test_joint_refit_is_nearer_to_the_full_output(kind, activation):
    network, X, _ = small(kind, activation, solver="lbfgs")
    errors = {}
    for refit in ("lstsq", "joint"):
        pruner = MLPPruner(network, budget=0.3, refit=refit, prefit=True).fit(X)
        errors[refit] = pruner.path_[-1].output_error
        assert_allclose(share_missed(network, pruner, X), errors[refit], atol=1e-6)
        assert pruner.path_[0].output_error == 0
    assert errors["joint"] <= errors["lstsq"] * (1 + 1e-9) + 1e-12


def test_joint_refit_finds_the_network_that_needs_no_more():
    """Three units a layer suffice for a linear map to three outputs."""
    network, X, _ = small("values", "identity", solver="lbfgs")
    pruner = MLPPruner(
        network, budget=[3, 3], refit="joint", refit_iter=2000, prefit=True
    ).fit(X)
    assert pruner.path_[-1].output_error < 1e-4


@pytest.mark.parametrize("refit", ["lstsq", "joint", None])
@pytest.mark.parametrize("criterion", ["group_lasso", "adaptive_group_lasso", "taylor"])
def test_criteria_with_and_without_refit(criterion, refit):
    network, X, _ = small()
    found = MLPPruner(
        network, criterion=criterion, refit=refit, prefit=True, random_state=0
    ).fit(X)
    assert found.estimator_.hidden_layer_sizes == (6, 4)
    if refit is None:
        rows = found.kept_units_[0][:, None], found.kept_units_[1]
        assert_array_equal(found.estimator_.coefs_[1], network.coefs_[1][rows])


@pytest.mark.parametrize("kind", ["classes", "binary", "values"])
def test_taylor_is_the_squared_derivative_by_a_factor_on_the_unit(kind):
    network, X, _ = small(kind, "tanh", solver="lbfgs")
    X = X[:20]
    rng = np.random.RandomState(0)
    targets = pre_activations(network, X)
    scores = taylor_scores(network, X, targets, rng, to_inputs=True)
    step = 1e-5

    def outputs(layer, unit, factor):
        """Log-probability of each class (or each value), one unit scaled."""
        twin = copy.deepcopy(network)
        twin.coefs_[layer][unit] *= factor
        if kind == "values":
            return twin.predict(X)
        return np.log(twin.predict_proba(X))

    for layer, unit in [(0, 2), (1, 5), (2, 3)]:
        ends = [outputs(layer, unit, 1 + s * step) for s in (-1, 1)]
        slope = (ends[1] - ends[0]) / (2 * step)
        weight = 1.0 if kind == "values" else network.predict_proba(X)
        expected = np.mean(np.sum(weight * slope**2, axis=1))
        assert_allclose(scores[layer][unit], expected, rtol=1e-4)


@pytest.mark.parametrize("kind", ["classes", "value"])
def test_errors_count_as_the_output_feels_them(kind):
    """The roots are those of mean squared derivatives, here by finite differences."""
    network, X, _ = small(kind, "tanh", solver="lbfgs")
    X, step = X[:25], 1e-5
    targets = pre_activations(network, X)
    roots = output_roots(network, targets, np.random.RandomState(0), to_inputs=True)
    assert roots[2] is None
    for layer in (0, 1):
        width = len(network.intercepts_[layer])
        slopes = np.empty((width, *targets[-1].shape))
        for unit in range(width):
            ends = []
            for sign in (-1, 1):
                twin = copy.deepcopy(network)
                twin.intercepts_[layer][unit] += sign * step
                ends.append(pre_activations(twin, X)[-1])
            slopes[unit] = (ends[1] - ends[0]) / (2 * step)
        expected = np.einsum("ink,jnk->ij", slopes, slopes) / len(X)
        top = np.linalg.eigvalsh(expected)[-1]
        found = roots[layer] @ roots[layer].T - FLOOR * top * np.eye(width)
        assert_allclose(found, expected, atol=1e-6 * top)


@pytest.mark.parametrize("criterion", ["forward", "backward", "group_lasso"])
def test_inputs_that_only_add_noise_go_first(criterion):
    """They move the first layer as much as others, but not the output."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 8))
    y = X[:, 1] ** 2 + 2 * X[:, 6]
    network = MLPRegressor(hidden_layer_sizes=(20, 10), alpha=1e-2, random_state=0)
    fitted(network.set_params(solver="lbfgs", max_iter=150), X, y)
    pruner = MLPPruner(
        network,
        budget=[2, 20, 10],
        prune_inputs=True,
        criterion=criterion,
        prefit=True,
    ).fit(X)
    assert_array_equal(pruner.kept_features_, [1, 6])
    assert pruner.score(X, y) > 0.95


# -- budgets and allocation --------------------------------------------------------


@pytest.mark.parametrize("name", ["units", "params", "flops"])
@pytest.mark.parametrize("limit", [25, 60, 140])
def test_allocation_is_the_best_of_all(name, limit):
    rng = np.random.default_rng(limit)
    levels = [np.array([5]), np.array([1, 3, 6, 9]), np.array([1, 2, 4, 8])]
    errors = [np.sort(rng.uniform(size=len(w)))[::-1] for w in levels]
    shape = [*levels, np.array([3])]

    def cost(widths):
        full = [*widths, 3]
        steps = range(len(full) - 1)
        return sum(pair_cost(name, i, 3)(full[i], full[i + 1]) for i in steps)

    def error(widths):
        return sum(
            e[list(w).index(k)] for e, w, k in zip(errors, levels, widths, strict=True)
        )

    allowed = [w for w in itertools.product(*shape[:-1]) if cost(w) <= limit]
    found = allocate(levels, errors, 3, name, limit)
    assert cost(found) <= limit
    assert_allclose(error(found), min(error(w) for w in allowed))


def test_allocation_without_room_gives_nothing():
    assert allocate([np.array([5])], [np.zeros(1)], 3, "flops", 10) is None


@pytest.mark.parametrize("block_size", [1, 4, 5])
def test_uniform_widths_use_what_they_may(block_size):
    """No wider uniform widths meet the limit: all fractions are tried by hand."""
    widths = Widths([7, 13, 10, 3], True, block_size)
    every = {tuple(widths.uniform(f)) for f in np.linspace(0, 1, 2000)}
    for limit in (60, 120, 200):

        def cost(kept):
            return widths.cost("params", kept)

        if min(cost(w) for w in every) > limit:
            continue
        found = widths.largest_uniform(cost, limit, limit)
        assert cost(found) == max(cost(w) for w in every if cost(w) <= limit)
    assert widths.uniform(1.0) == [7, 13, 10]


@pytest.mark.parametrize("budget", [0.5, {"params": 90}, {"flops": 60}])
@pytest.mark.parametrize("prune_inputs", [False, True])
def test_sensitivity_keeps_to_the_budget(budget, prune_inputs):
    network, X, y = small()
    pruner = MLPPruner(
        network,
        budget=budget,
        allocation="sensitivity",
        prune_inputs=prune_inputs,
        prefit=True,
        random_state=0,
    )
    for target in (None, y):  # by the error of the output, or by the score
        pruner.fit(X, target)
        inputs, *hidden, _ = pruner.path_[-1].widths
        assert inputs == len(pruner.kept_features_)
        cost = {"params": pruner.n_parameters_, "flops": pruner.flops_}
        spent, limit = (
            (sum(hidden), 10)
            if isinstance(budget, float)
            else next((cost[name], limit) for name, limit in budget.items())
        )
        assert spent <= limit
        uniform = pruner.fit(X, target).trials_
        assert 1 <= len(uniform) <= 2
        assert max(uniform.values()) == uniform[inputs, *hidden]


def test_auto_allocation_searches_only_when_little_is_kept():
    network, X, _ = small()
    pruner = MLPPruner(network, budget=0.25, prefit=True, random_state=0)
    assert not pruner.fit(X).trials_
    wide = MLPRegressor(hidden_layer_sizes=(40, 30), max_iter=5, random_state=0)
    wide = fitted(wide, X, X[:, 0])
    pruner = MLPPruner(wide, budget=0.05, prefit=True, random_state=0)
    assert pruner.fit(X).trials_


def test_latency_budget(monkeypatch):
    network, X, _ = small()
    pruner = MLPPruner(network, budget={"latency": 100.0}, prefit=True)
    assert pruner.fit(X).estimator_.hidden_layer_sizes == (12, 9)
    with pytest.raises(ValueError, match="one unit a layer already costs"):
        pruner.set_params(budget={"latency": 0}).fit(X)
    calls = []

    def clock(self, network):
        assert len(network.predict(self.X)) == len(X)  # a network that works
        calls.append(network.hidden_layer_sizes)
        return sum(network.hidden_layer_sizes) * 1e-3

    monkeypatch.setattr(Latency, "measure", clock)
    for limit in (0.009, 0.0155):
        pruner.set_params(budget={"latency": limit}).fit(X)
        kept = sum(pruner.estimator_.hidden_layer_sizes)
        assert limit - 0.002 < kept * 1e-3 <= limit
    assert 2 < len(calls) < 20  # bisected


def test_latency_is_measured():
    network, X, _ = small()
    assert 0 < Latency(network, X)([6, 12, 9]) < 1
    assert Latency(network, X)([3, 2, 2]) > 0


@pytest.mark.parametrize("prefit", [True, False])
@pytest.mark.parametrize("cv", [None, 3])
def test_score_drop(prefit, cv):
    network, X, y = small(solver="lbfgs")
    pruner = MLPPruner(
        network, budget={"score_drop": 0.05}, prefit=prefit, cv=cv, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pruner.fit(X, y)
    trials = pruner.trials_
    chosen = pruner.path_[-1].widths[:-1]
    assert trials[chosen] >= trials[6, 12, 9] - 0.05
    narrower = [w for w in trials if sum(w) < sum(chosen)]
    assert all(trials[w] < trials[6, 12, 9] - 0.05 for w in narrower)
    assert len(trials) > 2
    free = pruner.set_params(budget={"score_drop": 10.0}, prefit=True)
    assert free.fit(X, y).estimator_.hidden_layer_sizes == (1, 1)


def test_score_drop_is_in_the_units_of_the_scorer():
    network, X, y = small("value", solver="lbfgs")
    scoring = "neg_mean_absolute_error"
    pruner = MLPPruner(
        network,
        budget={"score_drop": 0.1},
        scoring=scoring,
        prefit=True,
        random_state=0,
    ).fit(X, y)
    assert max(pruner.trials_.values()) <= 0
    assert_allclose(pruner.path_[0].score, -np.abs(network.predict(X) - y).mean())


# -- inputs, blocks, layers ---------------------------------------------------------


def test_inputs_that_do_nothing_go_first():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(200, 6)), columns=list("abcdef"))
    y = frame["b"] ** 2 + 2 * frame["e"]
    network = MLPRegressor(
        hidden_layer_sizes=(12,), solver="lbfgs", max_iter=300, random_state=0
    )
    fitted(network, frame, y)
    network.coefs_[0][[0, 2, 3, 5]] *= 1e-3
    pruner = MLPPruner(network, budget=[2, 12], prune_inputs=True, prefit=True)
    pruner.fit(frame)
    assert_array_equal(pruner.kept_features_, [1, 4])
    assert_array_equal(pruner.feature_names_in_, list("abcdef"))
    assert_array_equal(pruner.estimator_.feature_names_in_, ["b", "e"])
    assert pruner.estimator_.n_features_in_ == 2
    inner = pruner.estimator_.predict(frame[["b", "e"]])
    assert_array_equal(pruner.predict(frame), inner)
    assert pruner.score(frame, y) > 0.9 * network.score(frame, y)
    assert len(pruner.reconstruction_error_) == 2
    by_hand = LinearRegression().fit(frame[["b", "e"]], frame @ network.coefs_[0])
    assert_allclose(pruner.estimator_.coefs_[0], by_hand.coef_.T, rtol=1e-2, atol=1e-3)
    with pytest.raises(ValueError, match="feature names"):
        pruner.predict(frame[list("bacdef")])
    with pytest.raises(ValueError, match="names and the order"):
        pruner.fit(frame[list("bacdef")])


@pytest.mark.parametrize("kind", KINDS)
def test_everything_together_in_float32(kind):
    network, X, y = small(kind, dtype=np.float32)
    pruner = MLPPruner(
        network,
        budget=0.5,
        prune_inputs=True,
        refit="joint",
        schedule="iterative",
        n_steps=2,
        fine_tune_epochs=1,
        prefit=True,
    ).fit(X, y)
    found = pruner.estimator_
    assert {W.dtype for W in found.coefs_ + found.intercepts_} == {np.dtype("f4")}
    assert output(found, X[:, pruner.kept_features_]).dtype == np.float32
    assert found.coefs_[0].shape == (3, 6)
    found.partial_fit(X[:, pruner.kept_features_], y)


def test_blocks_are_kept_whole():
    network, X, _ = small()
    for criterion in ("forward", "backward", "group_lasso", "magnitude", "taylor"):
        pruner = MLPPruner(
            network,
            granularity="block",
            block_size=4,
            criterion=criterion,
            prune_inputs=True,
            prefit=True,
        ).fit(X)
        for kept, full in zip(
            [pruner.kept_features_, *pruner.kept_units_], [6, 12, 9], strict=True
        ):
            for start in range(0, full, 4):
                block = np.arange(start, min(start + 4, full))
                assert np.isin(block, kept).sum() in (0, len(block))
        assert pruner.estimator_.hidden_layer_sizes[0] == 8
    whole = pruner.set_params(budget=1.0).fit(X).estimator_
    assert_array_equal(output(whole, X), output(network, X))


@pytest.mark.parametrize("refit", ["lstsq", "joint"])
def test_linear_layers_go_for_nothing(refit):
    network, X, y = small("values", "identity", solver="lbfgs")
    pruner = MLPPruner(
        network, granularity="layer", budget=0, refit=refit, ridge=1e-12, prefit=True
    ).fit(X)
    assert pruner.estimator_.hidden_layer_sizes == ()
    assert [len(kept) for kept in pruner.kept_units_] == [0, 0]
    assert_allclose(pruner.predict(X), network.predict(X), atol=1e-6)
    assert pruner.n_parameters_ == 6 * 3 + 3
    fitted(pruner.estimator_, X, y)


def test_layers_go_while_the_score_allows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    y = np.abs(X[:, 0])
    network = MLPRegressor(
        hidden_layer_sizes=(20, 10, 8), solver="lbfgs", max_iter=300, random_state=0
    )
    fitted(network, X, y)
    drop = {"score_drop": 0.1}
    pruner = MLPPruner(network, granularity="layer", budget=drop, prefit=True, cv=3)
    pruner.fit(X, y)
    n_layers = len(pruner.estimator_.hidden_layer_sizes)
    assert 1 <= n_layers < 3  # no layer at all would be a straight line
    assert pruner.score(X, y) > network.score(X, y) - 0.15
    assert sum(len(kept) > 0 for kept in pruner.kept_units_) == n_layers
    for budget in ({"flops": 200}, {"params": 260}, 0.34):
        pruner.set_params(budget=budget).fit(X)
        assert len(pruner.estimator_.hidden_layer_sizes) < 3
    assert pruner.set_params(budget=1.0).fit(X).predict(X).shape == (300,)
    with pytest.raises(ValueError, match="cannot be met by removing layers"):
        pruner.set_params(budget={"params": 3}).fit(X)
    with pytest.raises(ValueError, match="gives widths"):
        pruner.set_params(budget=[2, 2, 2]).fit(X)
    with pytest.raises(ValueError, match="schedule='one_shot' only"):
        pruner.set_params(schedule="iterative").fit(X)


# -- schedules ---------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_iterative_schedule(solver):
    network, X, y = small(solver=solver)
    pruner = MLPPruner(
        network,
        budget=[3, 2],
        schedule="iterative",
        n_steps=3,
        fine_tune_epochs=2,
        prefit=True,
    ).fit(X, y)
    shapes = [step.widths for step in pruner.path_]
    assert shapes == [(6, 12, 9, 3), (6, 8, 5, 3), (6, 5, 3, 3), (6, 3, 2, 3)]
    assert [len(kept) for kept in pruner.kept_units_] == [3, 2]
    sizes = [step.n_parameters for step in pruner.path_]
    assert sizes == sorted(sizes, reverse=True)
    assert pruner.path_[-1].score == pruner.estimator_.score(X, y)
    again = MLPPruner(network, budget=[3, 2], schedule="iterative", prefit=True).fit(X)
    first = again.estimator_.coefs_[0]
    assert_array_equal(first, network.coefs_[0][:, again.kept_units_[0]])
    assert again.path_[-1].score is None


# -- hostile and surrounding ---------------------------------------------------------


def test_frozen_networks_survive_grid_search_and_pipelines():
    network, X, y = small(solver="lbfgs")
    before = [W.copy() for W in network.coefs_]
    pipeline = make_pipeline(StandardScaler(), MLPPruner(FrozenEstimator(network)))
    grid = {"mlppruner__budget": [0.25, 1.0], "mlppruner__refit": ["lstsq", "joint"]}
    search = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(X, y)
    assert search.best_params_["mlppruner__budget"] in grid["mlppruner__budget"]
    assert MLPPruner(FrozenEstimator(network)).fit(X).score(X, y) > 0.5
    for old, new in zip(before, network.coefs_, strict=True):
        assert_array_equal(old, new)
    with pytest.raises(ValueError, match="must be a MLPClassifier"):
        MLPPruner(FrozenEstimator(LinearRegression().fit(X, y))).fit(X)


@pytest.mark.parametrize(
    "budget",
    [{"latency": -1}, {"score_drop": np.nan}, {"params": "many"}, {"flops": np.inf}],
)
def test_bad_numbers_in_budgets_are_named(budget):
    network, X, y = small()
    with pytest.raises(ValueError, match="budget="):
        MLPPruner(network, budget=budget, prefit=True).fit(X, y)


@pytest.mark.parametrize("criterion", ["forward", "group_lasso", "taylor", "random"])
@pytest.mark.parametrize("refit", ["lstsq", "joint"])
def test_hostile_rows(criterion, refit):
    network, X, _ = small()
    pruner = MLPPruner(
        network, criterion=criterion, refit=refit, prune_inputs=True, prefit=True
    )
    for rows in (X[:1], X[:4], np.ones((5, 6)), np.zeros((5, 6)), 1e6 * X):
        found = pruner.fit(rows)
        assert np.isfinite(found.predict_proba(rows)).all()
        assert found.estimator_.hidden_layer_sizes == (6, 4)
    for bad in (np.nan, np.inf):
        rows = X.copy()
        rows[3, 2] = bad
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            pruner.fit(rows)
    with pytest.raises(ValueError, match="'score_drop'"):
        pruner.set_params(budget={"score_drop": 0.1}).fit(X)
