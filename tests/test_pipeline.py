"""Groups that follow the transformers."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)

from skstruct import (
    GroupedPipeline,
    GroupLasso,
    OverlappingGroupLasso,
    groups_from_transformer,
    make_grouped_pipeline,
)

rng = np.random.default_rng(0)
NUMBERS = rng.normal(size=(60, 2))
# The level "p" of "a" and a column "a_p" have the same prefix; "z" is in one row.
LEVELS = np.array(["p", "q"] * 30, dtype=object)
LEVELS[0] = "z"
TABLE = {"a": LEVELS, "a_p": LEVELS[::-1].copy(), "u": NUMBERS[:, 0]}
Y = NUMBERS[:, 0] + (LEVELS == "p")


def make_model(**options):
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = make_column_transformer(
        (one_hot, ["a", "a_p"]), (SplineTransformer(n_knots=4), ["u"])
    )
    return make_grouped_pipeline(columns, GroupLasso(alpha=0.01), **options)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_groups_are_the_source_columns(frame):
    model = make_model().fit(frame(TABLE), Y)
    assert model[-1].group_names_.tolist() == ["a", "a_p", "u"]
    assert [len(g) for g in model[-1].groups_] == [3, 3, 6]
    assert model[-1].groups is None


def test_a_rare_level_may_miss_in_a_fold():
    scores = cross_val_score(
        make_model(), pd.DataFrame(TABLE), Y, cv=KFold(5), error_score="raise"
    )
    assert np.isfinite(scores).all()


@pytest.mark.parametrize(
    ("transformer", "groups"),
    [
        (StandardScaler(), {"s": [0], "t": [1]}),
        (SplineTransformer(n_knots=2), {"s": [0, 1, 2, 3], "t": [4, 5, 6, 7]}),
        (KBinsDiscretizer(2), {"s": [0, 1], "t": [2, 3]}),
        (KBinsDiscretizer(2, encode="ordinal"), {"s": [0], "t": [1]}),
        (
            PolynomialFeatures(include_bias=False),
            {"s": [0, 2, 3], "t": [1, 3, 4]},
        ),
        (SelectKBest(f_regression, k=1), {"s": [0]}),
        (TargetEncoder(target_type="continuous"), {"s": [0], "t": [1]}),
        (
            FunctionTransformer(np.exp, feature_names_out="one-to-one"),
            {"s": [0], "t": [1]},
        ),
        (
            FeatureUnion([("x", "passthrough"), ("sc", StandardScaler())]),
            {"s": [0, 2], "t": [1, 3]},
        ),
        (
            make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()),
            {"s": [0, 2], "t": [1]},
        ),
        (
            make_column_transformer(
                (SplineTransformer(n_knots=2), slice("t", "t")),
                remainder="passthrough",
            ),
            {"t": [0, 1, 2, 3], "s": [4]},
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_transformers_are_traced(transformer, groups):
    frame = pd.DataFrame(NUMBERS.copy(), columns=["s", "t"])
    if isinstance(transformer, Pipeline):
        frame.loc[3, "s"] = np.nan
    assert groups_from_transformer(transformer.fit(frame, Y)) == groups


@pytest.mark.parametrize("drop", ["first", None])
@pytest.mark.parametrize("min_frequency", [2, None])
def test_one_hot_encoder_groups_have_its_widths(drop, min_frequency):
    frame = pd.DataFrame({name: TABLE[name].copy() for name in ("a", "a_p")})
    frame.loc[3, "a_p"] = "w"
    encoder = OneHotEncoder(drop=drop, min_frequency=min_frequency).fit(frame)
    groups = groups_from_transformer(encoder)
    n_out = encoder.get_feature_names_out().size
    assert sorted(groups["a"] + groups["a_p"]) == list(range(n_out))
    assert len(groups["a"]) == 3 - (drop == "first")


def test_what_cannot_be_traced_is_one_group_and_warns():
    model = make_pipeline(StandardScaler(), PCA(2)).fit(NUMBERS)
    with pytest.warns(UserWarning, match="'pca'.*cannot be traced"):
        assert groups_from_transformer(model) == {"pca": [0, 1]}


def test_a_function_without_names_says_the_way_out():
    with pytest.raises(ValueError, match="feature_names_out='one-to-one'"):
        groups_from_transformer(FunctionTransformer(np.exp).fit(NUMBERS))


def test_interactions_overlap():
    model = make_grouped_pipeline(
        PolynomialFeatures(include_bias=False),
        OverlappingGroupLasso(alpha=0.01, overlap="intersection"),
    ).fit(NUMBERS, Y)
    assert [g.tolist() for g in model[-1].groups_] == [[0, 2, 3], [1, 3, 4]]


def test_a_grid_search_clones_and_names_steps():
    search = GridSearchCV(make_model(), {"grouplasso__alpha": [0.01, 0.1]}, cv=3)
    search.fit(pd.DataFrame(TABLE), Y)
    assert clone(search.best_estimator_)[-1].groups is None


def test_what_a_pipeline_can_do(tmp_path):
    frame = pd.DataFrame(TABLE)
    model = make_model(memory=str(tmp_path)).set_output(transform="pandas")
    expected = model.fit(frame, Y).predict(frame)
    assert type(model[:-1]) is Pipeline
    assert type(model[-1:]) is GroupedPipeline
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(frame), expected)
    assert "GroupLasso" in model._repr_html_()
    assert not hasattr(model, "fit_transform")


def test_the_last_step_needs_groups_of_none():
    with pytest.raises(TypeError, match="must have a parameter groups"):
        make_grouped_pipeline(PCA(), StandardScaler()).fit(NUMBERS)
    with pytest.raises(ValueError, match="groups=1 of step 'grouplasso'"):
        make_grouped_pipeline(PCA(), GroupLasso(groups=1)).fit(NUMBERS, Y)
