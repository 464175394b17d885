"""Where the outputs of transformers come from, one transformer after the other."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_regression
from sklearn.frozen import FrozenEstimator
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)

from skstruct import groups_from_transformer

rng = np.random.default_rng(3)
N = 90
FRAME = pd.DataFrame(
    {
        "a": rng.choice(["p", "q", "r"], N),
        "a_p": rng.choice(["p", "_p", "q_p"], N),
        "u": rng.normal(size=N),
        "u v": rng.normal(size=N),
    }
)
Y = FRAME["u"].to_numpy() + (FRAME["a"] == "p")
CLASSES = np.asarray(rng.choice(["x", "y", "z"], N))
LEVELS, NUMBERS = ["a", "a_p"], ["u", "u v"]


def moved_outputs(fitted, frame, column):
    """The outputs that change when the values of one column are permuted."""
    before = dense(fitted.transform(frame))
    other = frame.copy()
    other[column] = frame[column].to_numpy()[::-1]
    changed = dense(fitted.transform(other)) != before
    return np.flatnonzero(np.any(changed, axis=0)).tolist()


def dense(values):
    return values.toarray() if hasattr(values, "toarray") else np.asarray(values)


def doubled(transformer, names):
    return [f"twice {name}" for name in names]


COLUMNWISE = {
    "one hot": (OneHotEncoder(), LEVELS),
    "one hot, first dropped": (OneHotEncoder(drop="first"), LEVELS),
    "one hot, binary kept": (OneHotEncoder(drop="if_binary"), LEVELS),
    "one hot, infrequent": (OneHotEncoder(min_frequency=31), LEVELS),
    "one hot, at most": (OneHotEncoder(max_categories=2, drop="first"), LEVELS),
    "one hot, own names": (
        OneHotEncoder(feature_name_combiner=lambda name, level: f"{level}|{name}"),
        LEVELS,
    ),
    "ordinal": (OrdinalEncoder(), LEVELS),
    "target": (TargetEncoder(target_type="continuous"), LEVELS),
    "spline": (SplineTransformer(n_knots=4, include_bias=False), NUMBERS),
    "periodic spline": (SplineTransformer(extrapolation="periodic"), NUMBERS),
    "bins": (KBinsDiscretizer(3, strategy="uniform"), NUMBERS),
    "ordinal bins": (
        KBinsDiscretizer(3, encode="ordinal", strategy="uniform"),
        NUMBERS,
    ),
    "powers and products": (PolynomialFeatures(3, include_bias=False), NUMBERS),
    "products": (PolynomialFeatures(interaction_only=True), NUMBERS),
    "function": (
        FunctionTransformer(lambda X: 2 * X, feature_names_out=doubled),
        NUMBERS,
    ),
    "selector": (SelectKBest(f_regression, k=1), NUMBERS),
    "nested": (
        make_column_transformer(
            (make_pipeline(StandardScaler(), SplineTransformer(3)), ["u"]),
            (
                FeatureUnion([("raw", "passthrough"), ("pow", PolynomialFeatures(2))]),
                NUMBERS,
            ),
            (make_pipeline(OneHotEncoder(), VarianceThreshold(0.2)), LEVELS),
        ),
        [*LEVELS, *NUMBERS],
    ),
}


@pytest.mark.parametrize("case", COLUMNWISE)
def test_a_group_is_what_its_column_moves(case):
    transformer, columns = COLUMNWISE[case]
    frame = FRAME[columns]
    fitted = transformer.fit(frame, Y)
    groups = groups_from_transformer(fitted)
    for column in columns:
        # A basis function or a cross may stay where it is, but none moves unasked.
        assert moved_outputs(fitted, frame, column) == groups.get(column, [])


@pytest.mark.parametrize(
    ("transformer", "groups"),
    [
        (StandardScaler(), {"s": [0], "t": [1]}),
        (SplineTransformer(n_knots=2), {"s": [0, 1, 2, 3], "t": [4, 5, 6, 7]}),
        (KBinsDiscretizer(2, strategy="uniform"), {"s": [0, 1], "t": [2, 3]}),
        (
            KBinsDiscretizer(2, encode="ordinal", strategy="uniform"),
            {"s": [0], "t": [1]},
        ),
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
    frame = pd.DataFrame(FRAME[NUMBERS].to_numpy(), columns=["s", "t"])
    if isinstance(transformer, Pipeline):
        frame.loc[3, "s"] = np.nan
    assert groups_from_transformer(transformer.fit(frame, Y)) == groups


def test_target_encoder_of_classes_has_one_output_a_class():
    fitted = TargetEncoder(random_state=0).fit(FRAME[LEVELS], CLASSES)
    assert groups_from_transformer(fitted) == {"a": [0, 1, 2], "a_p": [3, 4, 5]}


def test_indicators_of_missing_values_belong_to_their_column():
    frame = FRAME[NUMBERS].copy()
    frame.loc[2, "u v"] = np.nan
    for imputer in (SimpleImputer(add_indicator=True), KNNImputer(add_indicator=True)):
        assert groups_from_transformer(imputer.fit(frame)) == {"u": [0], "u v": [1, 2]}
    fitted = MissingIndicator(features="all").fit(frame)
    assert groups_from_transformer(fitted) == {"u": [0], "u v": [1]}


def test_the_constant_of_a_polynomial_is_a_group_and_no_warning():
    fitted = PolynomialFeatures(1).fit(FRAME[NUMBERS])
    groups = groups_from_transformer(fitted)
    assert groups == {"polynomialfeatures": [0], "u": [1], "u v": [2]}


def test_what_is_made_of_one_column_is_traced_whatever_its_names():
    text = pd.DataFrame({"words": ["one two", "two three", "one"], "n": [1.0, 2, 3]})
    columns = make_column_transformer(
        (CountVectorizer(), "words"),
        (make_pipeline(SplineTransformer(3), PCA(2)), ["n"]),
    )
    groups = groups_from_transformer(columns.fit(text))
    assert groups == {"words": [0, 1, 2], "n": [3, 4]}


def test_steps_that_hide_their_inputs_warn_once_and_get_names_of_their_own():
    frame = pd.DataFrame(rng.normal(size=(20, 4)), columns=["pca", "b", "c", "d"])
    pair = [("scale", StandardScaler()), ("pca", PCA(1))]
    columns = ColumnTransformer(
        [
            ("left", Pipeline(pair), ["pca", "b"]),
            ("right", Pipeline(pair), ["c", "d"]),
            ("raw", "passthrough", ["pca"]),
        ]
    )
    with pytest.warns(UserWarning, match="cannot be traced") as warned:
        groups = groups_from_transformer(columns.fit(frame))
    assert len(warned) == 1
    assert groups == {"left__pca": [0], "right__pca": [1], "pca": [2]}
    alone = ColumnTransformer([*columns.transformers[::2]]).fit(frame)
    with pytest.warns(UserWarning, match=r"'step:pca' \(1 outputs\)"):
        assert groups_from_transformer(alone) == {"step:pca": [0], "pca": [1]}


@pytest.mark.parametrize(
    ("group_by", "expected"),
    [
        ("transformer", {"levels": [0, 1, 2, 3, 4, 5], "numbers": [6, 7, 8, 9, 10]}),
        (
            lambda name, columns: "wide" if len(columns) > 1 else columns[0],
            {
                "a": [0, 1, 2],
                "a_p": [3, 4, 5],
                "u": [6, 8],
                "u v": [7, 10],
                "wide": [9],
            },
        ),
        (
            lambda name, columns: [*columns, "all"],
            {
                "a": [0, 1, 2],
                "all": list(range(11)),
                "a_p": [3, 4, 5],
                "u": [6, 8, 9],
                "u v": [7, 9, 10],
            },
        ),
    ],
)
def test_group_by(group_by, expected):
    columns = ColumnTransformer(
        [
            ("levels", OneHotEncoder(sparse_output=False), LEVELS),
            ("numbers", PolynomialFeatures(include_bias=False), NUMBERS),
        ]
    )
    fitted = make_pipeline(columns, StandardScaler()).fit(FRAME)
    assert groups_from_transformer(fitted, group_by=group_by) == expected


def test_group_by_transformer_without_parts_is_one_group():
    fitted = make_pipeline(StandardScaler(), PCA(2), "passthrough").fit(FRAME[NUMBERS])
    groups = groups_from_transformer(fitted, group_by="transformer")
    assert groups == {"pca": [0, 1]}


def test_errors_of_group_by():
    fitted = StandardScaler().fit(FRAME[NUMBERS])
    with pytest.raises(ValueError, match="group_by='level' must be 'column'"):
        groups_from_transformer(fitted, group_by="level")
    function = FunctionTransformer().fit(FRAME[["u"]])
    with pytest.raises(ValueError, match="feature_names_out='one-to-one'"):
        groups_from_transformer(function)
    pipeline = make_pipeline(FunctionTransformer(), StandardScaler()).fit(FRAME[["u"]])
    with pytest.raises(ValueError, match="names of the outputs"):
        groups_from_transformer(pipeline, group_by=lambda name, columns: name)


class Named(StandardScaler):
    """A transformer whose output names do not depend on those of its input."""

    def get_feature_names_out(self):
        return np.array(["one", "two"], dtype=object)


def test_unusual_transformers():
    frozen = FrozenEstimator(make_column_transformer((StandardScaler(), NUMBERS)))
    frozen.estimator.fit(FRAME)
    assert groups_from_transformer(frozen) == {"u": [0], "u v": [1]}
    with pytest.warns(UserWarning, match="'named'"):
        groups = groups_from_transformer(Named().fit(FRAME[NUMBERS]))
    assert groups == {"named": [0, 1]}
    dicts = DictVectorizer().fit([{"city": "a", "n": 1.0}, {"city": "b", "n": 2.0}])
    assert groups_from_transformer(dicts) == {"x0": [0, 1, 2]}
    groups = groups_from_transformer(
        dicts, group_by=lambda name, columns: name.partition("=")[0]
    )
    assert groups == {"city": [0, 1], "n": [2]}
