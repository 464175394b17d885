"""Sensitivity curves, their picture, and the search for the smallest good network."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from joblib import parallel_backend
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import get_scorer
from sklearn.model_selection import KFold, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from skstruct import (
    MLPPruner,
    MLPPrunerCV,
    SensitivityDisplay,
    sensitivity_curves,
)
from test_pruning import fitted, small

matplotlib.use("Agg")
FRACTIONS = [0.1, 0.4, 0.7, 1.0]

# -- curves ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["labels", "values"])
@pytest.mark.parametrize("criterion", ["forward", "backward", "group_lasso", "taylor"])
def test_curves_are_those_of_networks_with_one_layer_pruned(kind, criterion):
    network, X, y = small(kind, solver="lbfgs")
    rows = {"fractions": FRACTIONS, "prune_inputs": True, "random_state": 0}
    curves = sensitivity_curves(network, X, y, criterion=criterion, **rows)
    assert_array_equal(curves.widths, [[1, 2, 4, 6], [1, 5, 8, 12], [1, 4, 6, 9]])
    assert_array_equal(curves.full_widths, [6, 12, 9])
    assert curves.layers == ["inputs", "hidden layer 1", "hidden layer 2"]
    assert_allclose(curves.output_errors[:, -1], 0, atol=1e-12)
    assert_allclose(curves.scores[:, -1], curves.full_score)
    assert (curves.reconstruction_errors >= 0).all()
    # The last layer's next layer is the output.
    assert_allclose(curves.output_errors[-1], curves.reconstruction_errors[-1])
    fit, test = train_test_split(
        np.arange(len(X)), test_size=0.25, random_state=np.random.RandomState(0)
    )
    # After the last layer nothing makes up for it: that is what the estimator does.
    pruner = MLPPruner(
        network, budget=[12, 4], criterion=criterion, n_swaps=0, prefit=True
    ).fit(X[fit])
    assert_allclose(curves.scores[2, 1], pruner.score(X[test], y[test]))


def test_curves_without_labels_or_refit():
    network, X, y = small()
    curves = sensitivity_curves(network, X, fractions=FRACTIONS, random_state=0)
    assert curves.scores is None
    assert curves.full_score is None
    bare = sensitivity_curves(
        network, X, y, fractions=FRACTIONS, refit=None, random_state=0
    )
    assert (bare.output_errors[:, 0] > curves.output_errors[:, 0]).all()
    named = fitted(
        MLPClassifier(hidden_layer_sizes=(5,), max_iter=3),
        pd.DataFrame(X, columns=list("abcdef")),
        y,
    )
    frame = pd.DataFrame(X, columns=list("abcdef"))
    assert sensitivity_curves(named, frame, y, random_state=0).scores.shape == (1, 9)


def test_curves_name_what_is_wrong():
    network, X, y = small()
    with pytest.raises(NotFittedError):
        sensitivity_curves(MLPClassifier(), X, y)
    with pytest.raises(ValueError, match=r"must be numbers in \(0, 1\]"):
        sensitivity_curves(network, X, y, fractions=[0.0, 0.5])
    with pytest.raises(ValueError, match="5 features, but the network was fitted"):
        sensitivity_curves(network, X[:, :5], y)
    with pytest.raises(ValueError, match="'test_size' parameter"):
        sensitivity_curves(network, X, y, test_size=3)
    with pytest.raises(ValueError, match="NaN"):
        sensitivity_curves(network, X * np.nan, y)
    with pytest.raises(ValueError, match="'criterion' parameter"):
        sensitivity_curves(network, X, y, criterion="best")


@pytest.mark.parametrize("metric", [None, "output_error", "reconstruction_error"])
def test_display(metric):
    import matplotlib.pyplot as plt

    network, X, y = small()
    rows = {"fractions": FRACTIONS, "random_state": 0}
    display = SensitivityDisplay.from_estimator(network, X, y, metric=metric, **rows)
    curves = sensitivity_curves(network, X, y, **rows)
    values = curves[f"{metric or 'score'}s"]
    for line, row, widths, full in zip(
        display.lines_, values, curves.widths, curves.full_widths, strict=True
    ):
        assert_allclose(line.get_ydata(), row)
        assert_allclose(line.get_xdata(), widths / full)
    assert display.ax_.figure is display.figure_
    _, ax = plt.subplots()
    assert display.plot(ax, line_kw={"color": "red"}).ax_ is ax
    plt.close("all")


def test_display_names_what_is_wrong():
    network, X, _ = small()
    assert SensitivityDisplay.from_estimator(network, X).metric == "output_error"
    with pytest.raises(ValueError, match="needs y"):
        SensitivityDisplay.from_estimator(network, X, metric="score")
    with pytest.raises(ValueError, match="metric='speed'"):
        SensitivityDisplay.from_estimator(network, X, metric="speed")
    with pytest.raises(ValueError, match="a row for each of 2 layers"):
        SensitivityDisplay(
            widths=[[1, 2]], full_widths=[3, 4], values=[[1.0, 2.0]], layers=["a"]
        ).plot()


# -- search ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["binary", "labels", "values"])
def test_search_takes_the_smallest_that_is_good_enough(kind):
    network, X, y = small(kind, solver="lbfgs")
    cv = KFold(3)
    scoring = "r2" if kind.startswith("value") else "accuracy"
    search = MLPPrunerCV(
        network,
        budgets=[[3, 3], {"params": 60}],
        criteria=["forward", "magnitude"],
        allocations=["uniform", "sensitivity"],
        cv=cv,
        scoring=scoring,
        random_state=0,
    )
    fitted(search, X, y)
    table = search.cv_results_
    assert len(table["params"]) == 1 + 2 * 2 * 2
    scores = np.array([table[f"split{i}_test_score"] for i in range(3)])
    assert_allclose(table["mean_test_score"], scores.mean(axis=0))
    assert_allclose(table["std_test_score"], scores.std(axis=0))
    full = search.full_scores_
    assert_allclose(table["mean_test_score"][0], full.mean())
    least = full.mean() - full.std(ddof=1) / np.sqrt(3)
    assert_allclose(search.threshold_, least)
    good = table["mean_test_score"] >= least
    smallest = table["mean_n_parameters"][good].min()
    assert table["mean_n_parameters"][search.best_index_] == smallest
    assert good[search.best_index_]
    # One cell by hand.
    fit, test = next(iter(cv.split(X)))
    fitted(network, X[fit], y[fit])
    pruner = MLPPruner(network, budget=[3, 3], allocation="uniform", prefit=True)
    pruner.fit(X[fit], y[fit])
    column = table["params"].index(
        {"budget": [3, 3], "criterion": "forward", "allocation": "uniform"}
    )
    by_hand = get_scorer(scoring)(pruner, X[test], y[test])
    assert_allclose(scores[0, column], by_hand)
    assert search.predict(X).shape == y.shape
    assert search.estimator_.coefs_[0].shape[0] == len(search.kept_features_)


def test_drop_and_jobs():
    network, X, y = small(solver="lbfgs")
    search = MLPPrunerCV(
        FrozenEstimator(network), budgets=[0.5, 0.1], max_drop=1.0, cv=2, random_state=0
    ).fit(X, y)
    assert search.best_params_["budget"] == 0.1
    assert_allclose(search.threshold_, search.full_scores_.mean() - 1)
    scores = search.cv_results_["mean_test_score"]
    with parallel_backend("threading"):
        search.set_params(n_jobs=2).fit(X, y)
    assert_array_equal(search.cv_results_["mean_test_score"], scores)
    none = search.set_params(max_drop=0.0, budgets=[0.01], criteria=["random"])
    none.fit(X, y)
    assert none.best_params_["budget"] == 1.0  # nothing but the full network
    with pytest.raises(ValueError, match="no budget to try"):
        search.set_params(budgets=[]).fit(X, y)
    with pytest.raises(ValueError, match="y is None"):
        search.fit(X)


NETWORK = {"hidden_layer_sizes": (10,), "solver": "lbfgs", "max_iter": 50}


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_data_frames_keep_their_names(cls):
    _, X, y = small()
    frame = pd.DataFrame(X, columns=list("abcdef"))
    network = cls(**NETWORK, random_state=0)
    search = MLPPrunerCV(network, budgets=[0.5], prune_inputs=True, cv=2, max_drop=9.0)
    fitted(search, frame, y)
    assert_array_equal(search.feature_names_in_, list("abcdef"))
    assert len(search.estimator_.feature_names_in_) == 3
    assert search.predict(frame).shape == (120,)


@parametrize_with_checks(
    [
        MLPPrunerCV(cls(**NETWORK, random_state=0), budgets=[0.5], cv=2)
        for cls in (MLPClassifier, MLPRegressor)
    ]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_warnings_of_the_network_are_not_swallowed():
    _, X, y = small()
    network = MLPClassifier(hidden_layer_sizes=(10,), max_iter=2, random_state=0)
    with pytest.warns(ConvergenceWarning):
        MLPPrunerCV(network, budgets=[0.5], cv=2).fit(X, y)
