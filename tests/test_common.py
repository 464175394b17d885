"""Every public estimator inside scikit-learn: checks, cloning, tuning, routing."""

import copy
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import RegressorMixin, clone
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import skstruct
from makers import columns, estimators, make_data, make_target, regressors
from skstruct import GroupLasso, GroupLassoCV

NAMES = list("abcdefghi")
every_estimator = pytest.mark.parametrize("cls", estimators(), ids=lambda c: c.__name__)
every_regressor = pytest.mark.parametrize("cls", regressors(), ids=lambda c: c.__name__)


def quick(cls, **params):
    """An estimator with few alphas and folds where it tunes."""
    few = {"alphas": 3, "eps": 0.05, "cv": 2}
    if issubclass(cls, RegressorMixin):  # weights and repeated rows agree to 1e-7
        few["tol"] = 1e-7
    few = {k: v for k, v in few.items() if k in cls().get_params()}
    return cls(**few, **params)


def test_public_names_are_all_there():
    assert {"GroupLasso", "GroupLassoCV"} <= {c.__name__ for c in estimators()}
    for name in skstruct.__all__:
        assert getattr(skstruct, name) is not None
    assert dir(skstruct) == sorted(skstruct.__all__)
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = skstruct.no_such_thing


@parametrize_with_checks([quick(cls) for cls in estimators()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@every_estimator
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_copies_are_the_same_model(cls, copied):
    X, y = make_data(n_outputs=2)
    y = make_target(cls, y)
    model = quick(cls, groups=[[0, 2, 4], [1, 3, 5], [6, 7, 8]]).fit(X, y)
    twin = copied(model)
    assert vars(twin).keys() == vars(model).keys()
    assert_array_equal(twin.predict(X), model.predict(X))
    assert_array_equal(twin.fit(X, y).coef_, model.coef_)


@every_estimator
def test_clone_keeps_parameters_and_forgets_the_fit(cls):
    X, y = make_data()
    y = make_target(cls, y, n_classes=2)
    model = quick(cls, groups={"x": slice(0, 4), "y": slice(4, 9)}).fit(X, y)
    twin = clone(model)
    assert twin.get_params() == model.get_params()
    assert not hasattr(twin, "coef_")
    assert_array_equal(twin.fit(X, y).coef_, model.coef_)


@every_estimator
def test_constructor_arguments_are_kept_as_given(cls):
    groups, weights = {"x": [0, 1], "y": [2]}, {"x": 0.5}
    model = quick(cls, groups=groups, group_weights=weights)
    assert model.groups is groups
    assert model.group_weights is weights
    X, y = make_data(n_features=3)
    model.fit(X, make_target(cls, y))
    assert groups == {"x": [0, 1], "y": [2]}
    assert model.groups is groups
    assert model.group_weights is weights


# --- inside other estimators ----------------------------------------------------------


def test_grid_search_over_alpha_in_a_pipeline():
    X, y = make_data()
    pipeline = make_pipeline(StandardScaler(), GroupLasso(groups=3))
    grid = {"grouplasso__alpha": [10.0, 1.0, 0.01], "grouplasso__groups": [3, 1]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
    assert search.best_params_["grouplasso__alpha"] == 0.01
    assert len(set(search.cv_results_["mean_test_score"])) > 3


def test_processes_and_threads_give_the_same_scores():
    X, y = make_data()
    model = GroupLasso(alpha=0.1, groups=3)
    expected = cross_val_score(model, X, y, cv=3)
    assert_allclose(cross_val_score(model, X, y, cv=3, n_jobs=2), expected)


@every_estimator
def test_cv_inside_cv(cls):
    X, y = make_data()
    y = make_target(cls, y)
    assert cross_val_predict(quick(cls, groups=3), X, y, cv=3).shape == y.shape


# --- metadata -------------------------------------------------------------------------


def weighted_score_by_hand(X, y, weights, cv=4):
    scores = []
    for train, test in sklearn.model_selection.KFold(cv).split(X):
        model = GroupLasso(alpha=0.1, groups=3, tol=1e-8)
        model.fit(X[train], y[train], sample_weight=weights[train])
        scores.append(model.score(X[test], y[test], sample_weight=weights[test]))
    return scores


def test_sample_weight_is_routed_by_cross_validation(metadata_routing):
    X, y = make_data()
    weights = np.random.default_rng(0).uniform(0, 3, len(y))
    model = GroupLasso(alpha=0.1, groups=3, tol=1e-8)
    model.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    params = {"sample_weight": weights}
    expected = weighted_score_by_hand(X, y, weights)
    assert_allclose(cross_val_score(model, X, y, cv=4, params=params), expected)
    search = GridSearchCV(model, {"alpha": [0.1, 5.0]}, cv=4).fit(X, y, **params)
    assert_allclose(search.cv_results_["mean_test_score"][0], np.mean(expected))
    assert search.best_params_ == {"alpha": 0.1}
    refitted = clone(model).fit(X, y, **params)
    assert_array_equal(search.best_estimator_.coef_, refitted.coef_)


def test_offset_is_routed_through_a_pipeline(metadata_routing):
    X, y = make_data()
    offset = np.linspace(-3, 3, len(y))
    model = GroupLasso(alpha=0.1).set_fit_request(offset=True)
    pipeline = make_pipeline(StandardScaler(), model).fit(X, y, offset=offset)
    direct = GroupLasso(alpha=0.1)
    direct.fit(StandardScaler().fit_transform(X), y, offset=offset)
    assert_array_equal(pipeline[-1].coef_, direct.coef_)


def test_cv_groups_reach_the_splitter(metadata_routing):
    X, y = make_data()
    subjects = np.arange(len(y)) % 5
    model = GroupLassoCV(groups=3, alphas=5, cv=GroupKFold(n_splits=4))
    model.fit(X, y, groups=subjects)
    splits = list(GroupKFold(n_splits=4).split(X, groups=subjects))
    by_hand = GroupLassoCV(groups=3, alphas=5, cv=splits).fit(X, y)
    assert_array_equal(model.scores_path_, by_hand.scores_path_)
    outer = cross_validate(
        model, X, y, cv=GroupKFold(n_splits=5), params={"groups": subjects}
    )
    assert np.isfinite(outer["test_score"]).all()


def test_metadata_without_routing_is_refused_with_the_remedy():
    X, y = make_data()
    with pytest.raises(ValueError, match="enable_metadata_routing"):
        GroupLassoCV(cv=GroupKFold(4)).fit(X, y, groups=np.arange(len(y)))


# --- frames ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"]
)
@every_estimator
def test_frames_give_names_and_the_same_answer(cls, frame):
    X, y = make_data()
    y = make_target(cls, y)
    groups = {"first": ["a", "c", "e"], "rest": "^[bdfghi]$"}
    named = frame(dict(zip(NAMES, X.T, strict=True)))
    model = quick(cls, groups=groups).fit(named, y)
    same = quick(cls, groups=[[0, 2, 4], [1, 3, 5, 6, 7, 8]]).fit(X, y)
    assert_array_equal(model.feature_names_in_, NAMES)
    assert_array_equal(model.group_names_, ["first", "rest"])
    assert_allclose(model.coef_, same.coef_, rtol=1e-6, atol=1e-9)
    if hasattr(model, "classes_"):
        assert_array_equal(model.predict(named), same.predict(X))
    else:
        assert_allclose(model.predict(named), same.predict(X))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(named[NAMES[::-1]])


@pytest.mark.parametrize("series", [pd.Series, pl.Series])
def test_series_of_responses_and_weights(series):
    X, y = make_data()
    weights = np.arange(1.0, len(y) + 1)
    expected = GroupLasso(0.1).fit(X, y, sample_weight=weights, offset=weights / 9)
    model = GroupLasso(0.1)
    model.fit(X, series(y), sample_weight=series(weights), offset=series(weights / 9))
    assert_array_equal(model.coef_, expected.coef_)


def test_set_output_does_no_harm():
    X, y = make_data()
    frame = pd.DataFrame(X, columns=NAMES)
    pipeline = make_pipeline(StandardScaler(), GroupLasso(0.1, groups={"x": NAMES}))
    pipeline.set_output(transform="pandas").fit(frame, y)
    assert isinstance(pipeline.predict(frame), np.ndarray)
    assert_array_equal(pipeline[-1].feature_names_in_, NAMES)


@every_regressor
@pytest.mark.parametrize("n_outputs", [None, 1, 3])
def test_shapes_of_attributes(cls, n_outputs):
    X, y = make_data(n_outputs=n_outputs)
    model = quick(cls, groups=3).fit(X, y)
    outputs = () if n_outputs is None else (n_outputs,)
    assert model.coef_.shape == (*outputs, 9)
    assert np.shape(model.intercept_) == outputs
    assert model.group_norms_.shape == model.group_names_.shape == (3,)
    assert model.predict(X).shape == y.shape
    residual = y - model.predict(X)
    assert_allclose(residual.mean(axis=0), 0, atol=1e-12)
    assert_allclose(
        model.score(X, y),
        np.mean(1 - columns(residual).var(axis=0) / columns(y).var(axis=0)),
    )
    table = model.groups_to_frame()
    assert table.columns.tolist() == [
        "name",
        "features",
        "size",
        "weight",
        "norm",
        "selected",
    ]
    assert table["name"][table["selected"]].tolist() == list(model.selected_groups_)


@every_estimator
def test_the_html_repr_links_to_the_documentation(cls):
    html = cls()._repr_html_()
    assert f"/reference/skstruct.{cls.__name__}.html" in html
