"""GroupedPipeline: what a Pipeline can do, with groups that follow."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import VotingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
)
from sklearn.utils.estimator_checks import parametrize_with_checks

from makers import HAS_CALLBACKS
from skstruct import (
    GroupedPipeline,
    GroupLasso,
    GroupLassoClassifier,
    GroupSelector,
    OverlappingGroupLasso,
    make_grouped_pipeline,
)

rng = np.random.default_rng(5)
N = 60
FRAME = pd.DataFrame(
    {
        "a": np.where(np.arange(N) % 2, "p", "q"),
        "u": rng.normal(size=N),
        "v": rng.normal(size=N),
    }
)
FRAME.loc[0, "a"] = "z"  # a level that is missing from all folds but one
Y = FRAME["u"].to_numpy() + 2 * (FRAME["a"] == "p")
NAMES = ["a", "u", "v"]


def cube(y):
    return y**3


def columns(**one_hot):
    return make_column_transformer(
        (OneHotEncoder(sparse_output=False, **one_hot), ["a"]),
        (SplineTransformer(n_knots=3), ["u", "v"]),
    )


def names_and_sizes(model):
    return dict(zip(model.group_names_.tolist(), map(len, model.groups_), strict=True))


# --- a last step that wraps the model -------------------------------------------------


@pytest.mark.parametrize(
    ("last", "inner"),
    [
        (
            GridSearchCV(GroupLasso(), {"alpha": [0.01, 0.1]}, cv=3),
            lambda step: step.best_estimator_,
        ),
        (
            TransformedTargetRegressor(
                GroupLasso(0.1), func=np.cbrt, inverse_func=cube
            ),
            lambda step: step.regressor_,
        ),
        (
            GridSearchCV(
                make_pipeline("passthrough", GroupLasso()),
                {"grouplasso__alpha": [0.1]},
                cv=2,
            ),
            lambda step: step.best_estimator_[-1],
        ),
    ],
    ids=["search", "target", "search of a pipeline"],
)
def test_the_model_may_be_wrapped(last, inner):
    model = make_grouped_pipeline(columns(), clone(last)).fit(FRAME, Y)
    fitted = inner(model[-1])
    assert names_and_sizes(fitted) == {"a": 3, "u": 5, "v": 5}
    assert model.selected_groups_.tolist() == fitted.selected_groups_.tolist()
    # Parameters are as they were, so that the next fit derives groups of its own.
    assert repr(model.get_params()) == repr(clone(model).get_params())
    again = pickle.loads(pickle.dumps(fitted))
    assert again.groups == {
        "a": [0, 1, 2],
        "u": list(range(3, 8)),
        "v": list(range(8, 13)),
    }
    refitted = clone(model).fit(FRAME[1:], Y[1:])
    assert names_and_sizes(inner(refitted[-1])) == {"a": 2, "u": 5, "v": 5}


def test_calibration_of_several_models_sets_groups_of_all():
    classes = Y > 0
    model = make_grouped_pipeline(
        columns(), CalibratedClassifierCV(GroupLassoClassifier(), cv=2)
    ).fit(FRAME, classes)
    for own in model[-1].calibrated_classifiers_:
        assert names_and_sizes(own.estimator) == {"a": 3, "u": 5, "v": 5}
    with pytest.raises(AttributeError, match="fitted 2 models"):
        _ = model.selected_groups_
    assert "skstruct-groups" not in model._repr_html_()


def test_several_parameters_for_groups_must_be_named():
    vote = VotingRegressor([("weak", GroupLasso(0.01)), ("strong", GroupLasso(0.5))])
    with pytest.raises(ValueError, match=r"weak__groups.*groups_param=\["):
        make_grouped_pipeline(columns(), vote).fit(FRAME, Y)
    named = ["weak__groups", "strong__groups"]
    model = make_grouped_pipeline(columns(), vote, groups_param=named).fit(FRAME, Y)
    for own in model[-1].estimators_:
        assert names_and_sizes(own) == {"a": 3, "u": 5, "v": 5}
    one = make_grouped_pipeline(columns(), vote, groups_param="weak__groups")
    weak, strong = one.fit(FRAME, Y)[-1].estimators_
    assert (len(weak.groups_), len(strong.groups_)) == (3, 13)
    with pytest.raises(ValueError, match="groups_param='groups' must name"):
        make_grouped_pipeline(columns(), vote, groups_param="groups").fit(FRAME, Y)


def test_errors_of_last_steps():
    search = GridSearchCV(GroupLasso(groups=2), {"alpha": [1.0]})
    with pytest.raises(ValueError, match="estimator__groups=2 of step 'gridsearchcv'"):
        make_grouped_pipeline(columns(), search).fit(FRAME, Y)
    search = GridSearchCV(make_pipeline(PCA(), GroupLasso()), {"pca": ["passthrough"]})
    with pytest.raises(ValueError, match="behind the transformer 'pca'"):
        make_grouped_pipeline(columns(), search).fit(FRAME, Y)
    with pytest.raises(TypeError, match="or wrap a model"):
        make_grouped_pipeline(columns(), "passthrough").fit(FRAME, Y)
    with pytest.raises(ValueError, match=r"empty|unpack"):
        GroupedPipeline([]).fit(FRAME, Y)
    with pytest.raises(ValueError, match="'group_by' parameter"):
        make_grouped_pipeline(columns(), GroupLasso(), group_by="x").fit(FRAME, Y)


def test_groups_are_taken_back_when_a_fit_fails():
    model = make_grouped_pipeline(StandardScaler(), GroupLasso(alpha=-1.0))
    with pytest.raises(ValueError, match="alpha"):
        model.fit(FRAME[["u", "v"]], Y)
    assert model[-1].groups is None


# --- groups ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group_by", "sizes"),
    [
        ("transformer", {"onehotencoder": 3, "splinetransformer": 10}),
        (
            lambda name, own: "level" if own == ("a",) else "number",
            {"level": 3, "number": 10},
        ),
    ],
)
def test_group_by(group_by, sizes):
    model = make_grouped_pipeline(columns(), GroupLasso(0.01), group_by=group_by)
    assert names_and_sizes(model.fit(FRAME, Y)[-1]) == sizes
    assert model[0:].group_by is group_by
    assert clone(model).get_params()["group_by"] is group_by


@pytest.mark.filterwarnings("ignore:Found unknown categories")
@pytest.mark.parametrize("handling", ["ignore", "infrequent_if_exist"])
@pytest.mark.parametrize("drop", [None, "first"])
def test_a_rare_level_may_miss_in_a_fold(handling, drop):
    one_hot = {"handle_unknown": handling, "drop": drop}
    model = make_grouped_pipeline(columns(**one_hot), GroupLasso(0.01))
    result = cross_validate(
        model, FRAME, Y, cv=KFold(5), error_score="raise", return_estimator=True
    )
    assert np.isfinite(result["test_score"]).all()
    sizes = [names_and_sizes(own[-1])["a"] for own in result["estimator"]]
    assert sizes == [size - (drop == "first") for size in [2, 3, 3, 3, 3]]


def test_names_of_weights_are_those_of_columns():
    lasso = GroupLasso(10.0, group_weights={"u": 0.0})
    model = make_grouped_pipeline(columns(), lasso).fit(FRAME, Y)
    assert model.selected_groups_.tolist() == ["u"]


def test_a_selector_takes_its_groups_inside_a_longer_pipeline():
    selecting = make_grouped_pipeline(columns(), GroupSelector(GroupLasso(0.1)))
    model = make_pipeline(selecting, LinearRegression()).fit(FRAME, Y)
    assert selecting.selected_groups_.tolist() == ["a", "u"]
    assert model[-1].n_features_in_ == 8
    strong = {"groupedpipeline__groupselector__max_groups": 1}
    assert model.set_params(**strong).fit(FRAME, Y)[-1].n_features_in_ == 3


def test_the_constant_of_a_polynomial_can_be_left_unpenalised():
    numbers, shifted = FRAME[["u", "v"]], FRAME["u"].to_numpy() + 5.0
    model = make_grouped_pipeline(PolynomialFeatures(1), GroupLasso(0.2))
    assert model.fit(numbers, shifted)[-1].coef_[0] == 0.0
    without = GroupLasso(
        0.2,
        fit_intercept=False,
        group_weights={"polynomialfeatures": 0.0},
        tol=1e-10,
    )
    again = make_grouped_pipeline(PolynomialFeatures(1), without)
    again.fit(numbers, shifted)
    model.set_params(grouplasso__tol=1e-10).fit(numbers, shifted)
    np.testing.assert_allclose(
        again.predict(numbers), model.predict(numbers), atol=1e-5
    )


def test_a_model_of_disjoint_groups_refuses_interactions():
    model = make_grouped_pipeline(
        PolynomialFeatures(interaction_only=True), GroupLasso(0.2)
    )
    with pytest.raises(ValueError, match="OverlappingGroupLasso"):
        model.fit(FRAME[["u", "v"]], Y)


def test_an_interaction_comes_with_both_parents():
    """Strong heredity: a product is there only where both its factors are."""
    X = np.random.default_rng(0).normal(size=(80, 4))
    y = X[:, 0] * X[:, 1] + X[:, 0] + 0.1 * X[:, 2]
    n_products = []
    for alpha in (0.5, 0.1, 0.02):
        model = make_grouped_pipeline(
            PolynomialFeatures(interaction_only=True, include_bias=False),
            OverlappingGroupLasso(alpha, overlap="intersection", tol=1e-6),
        ).fit(X, y)
        kept = [set(np.flatnonzero(p)) for p in model[0].powers_[model[-1].coef_ != 0]]
        factors = set().union(*(own for own in kept if len(own) == 1))
        products = [own for own in kept if len(own) == 2]
        assert all(own <= factors for own in products)
        n_products.append(len(products))
    assert n_products[0] < n_products[-1]


# --- what a Pipeline can do -----------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Found unknown categories")
def test_a_search_varies_any_step():
    grid = {
        "columntransformer__splinetransformer__n_knots": [2, 4],
        "columntransformer__onehotencoder__drop": [None, "first"],
        "grouplasso__alpha": [0.01],
    }
    model = make_grouped_pipeline(
        columns(handle_unknown="infrequent_if_exist", min_frequency=2), GroupLasso()
    )
    search = GridSearchCV(model, grid, cv=3, error_score="raise").fit(FRAME, Y)
    best = search.best_params_
    knots = best["columntransformer__splinetransformer__n_knots"]
    sizes = names_and_sizes(search.best_estimator_[-1])
    assert sizes["u"] == knots + 2


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_frames_between_the_steps(kind):
    frame = FRAME if kind == "pandas" else pl.DataFrame(FRAME.to_dict("list"))
    plain = make_grouped_pipeline(columns(), GroupLasso(0.01, tol=1e-12)).fit(FRAME, Y)
    model = clone(plain).set_output(transform=kind).fit(frame, Y)
    assert model[-1].feature_names_in_[0] == "onehotencoder__a_p"
    np.testing.assert_allclose(model.predict(frame), plain.predict(FRAME))
    assert names_and_sizes(model[-1]) == names_and_sizes(plain[-1])


def test_slices_caches_and_pickles(tmp_path):
    model = make_grouped_pipeline(
        columns(), GroupLasso(0.01), memory=str(tmp_path), group_by="transformer"
    )
    twice = [clone(model).fit(FRAME, Y).predict(FRAME) for _ in range(2)]
    np.testing.assert_array_equal(*twice)
    model.fit(FRAME, Y)
    assert any(tmp_path.rglob("*.pkl"))
    assert type(model[:-1]) is Pipeline
    assert type(model[-1:]) is GroupedPipeline
    assert model[-1] is model.named_steps["grouplasso"] is model["grouplasso"]
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(model)).predict(FRAME), twice[0]
    )
    assert not hasattr(model, "transform")


def test_weights_are_routed_to_the_last_step(metadata_routing):
    weights = np.arange(N) % 3
    lasso = GroupLasso(0.01, tol=1e-8).set_fit_request(sample_weight=True)
    spline = SplineTransformer(n_knots=3).set_fit_request(sample_weight=False)
    both = make_column_transformer((OneHotEncoder(), ["a"]), (spline, ["u", "v"]))
    model = make_grouped_pipeline(both, lasso).fit(FRAME, Y, sample_weight=weights)
    labels = ["a"] * 3 + ["u"] * 5 + ["v"] * 5
    by_hand = GroupLasso(0.01, tol=1e-8, groups=labels)
    by_hand.fit(model[:-1].transform(FRAME), Y, sample_weight=weights)
    np.testing.assert_allclose(model[-1].coef_, by_hand.coef_, atol=1e-10)


def test_weights_by_step_name():
    weights = np.arange(N) % 3
    model = make_grouped_pipeline(columns(), GroupLasso(0.01))
    model.fit(FRAME, Y, grouplasso__sample_weight=weights)
    plain = clone(model).fit(FRAME, Y)
    assert not np.allclose(model[-1].coef_, plain[-1].coef_)


@pytest.mark.skipif(not HAS_CALLBACKS, reason="scikit-learn has callbacks since 1.9")
@pytest.mark.filterwarnings("ignore:.*(xperimental|does not support callbacks)")
def test_callbacks_hear_of_all_steps():
    seen = []

    class Recorder:
        """Writes down which estimators begin a task; goes to the steps, too."""

        max_propagation_depth = None

        def setup(self, estimator, context):
            pass

        teardown = setup

        def on_fit_task_begin(self, estimator, context, **kwargs):
            seen.append(type(estimator).__name__)

        def on_fit_task_end(self, estimator, context, **kwargs):
            return False

    model = make_grouped_pipeline(columns(), GroupLasso(0.01))
    model.set_callbacks(Recorder()).fit(FRAME, Y)
    assert {"GroupedPipeline", "GroupLasso"} <= set(seen)
    assert model.selected_groups_.tolist() == ["a", "u"]


# --- scikit-learn's checks ------------------------------------------------------------


@parametrize_with_checks(
    [
        GroupedPipeline(
            [("scale", StandardScaler()), ("lasso", GroupLasso(0.01, tol=1e-8))]
        )
    ],
    # Pipeline fits its steps in place, and fails these two for it.
    expected_failed_checks=lambda estimator: {
        "check_estimators_overwrite_params": "steps are fitted in place",
        "check_dont_overwrite_parameters": "steps are fitted in place",
        # The name up to scikit-learn 1.6.
        "check_dont_overwrite_attributes": "steps are fitted in place",
    },
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)
