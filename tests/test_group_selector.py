"""GroupSelector, and transformers cut down to what is still needed."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    OneHotEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
)
from sklearn.utils.estimator_checks import parametrize_with_checks

from makers import make_data
from skstruct import (
    GroupLasso,
    GroupSelector,
    groups_from_transformer,
    make_grouped_pipeline,
    prune_transformer,
    required_columns,
)

X, Y = make_data(n_features=9)
GROUPS = {"a": [0, 7, 3, 5], "b": [8, 1, 2], "c": [4, 6]}

rng = np.random.default_rng(11)
N = 50
FRAME = pd.DataFrame(
    {
        "city": rng.choice(["x", "yy", "zzz"], N),
        "kind": pd.Categorical(rng.choice(["p", "q"], N)),
        "u": rng.normal(size=N),
        "v": rng.normal(size=N),
        "w": np.where(rng.uniform(size=N) < 0.2, np.nan, rng.normal(size=N)),
        "text": rng.choice(["red", "red blue", "green"], N),
    }
)
TARGET = FRAME["u"].to_numpy() + 2 * (FRAME["city"] == "x")


@parametrize_with_checks([GroupSelector(GroupLasso(alpha=0.01))])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


# --- the selector ---------------------------------------------------------------------


def test_whole_groups_are_kept():
    model = GroupLasso(1.0, groups=GROUPS).fit(X, Y)
    selector = GroupSelector(GroupLasso(1.0, groups=GROUPS)).fit(X, Y)
    kept = sorted(i for name in model.selected_groups_ for i in GROUPS[name])
    assert 0 < len(kept) < 9
    assert selector.get_support(indices=True).tolist() == kept
    np.testing.assert_array_equal(selector.transform(X), X[:, kept])
    assert selector.selected_groups_.tolist() == model.selected_groups_.tolist()
    assert selector.get_feature_names_out().tolist() == [f"x{i}" for i in kept]


@pytest.mark.parametrize("max_groups", [1, 2, 3, 9])
def test_the_strongest_groups_are_kept(max_groups):
    model = GroupLasso(1e-3, groups=GROUPS).fit(X, Y)
    selector = GroupSelector(model, max_groups=max_groups, prefit=True).fit(X)
    strongest = np.argsort(-model.group_norms_)[:max_groups]
    assert set(selector.selected_groups_) == set(model.group_names_[strongest])
    threshold = np.sort(model.group_norms_)[-2]
    selector.set_params(threshold=threshold).fit(X)
    assert selector.selected_groups_.tolist() == [model.group_names_[strongest[0]]]
    assert selector.estimator_ is model


def test_selectors_in_pipelines_and_searches():
    selector = GroupSelector(GroupLasso(0.01, groups=GROUPS))
    pipeline = make_pipeline(selector, LinearRegression())
    grid = {
        "groupselector__max_groups": [1, 3],
        "groupselector__estimator__alpha": [0.1],
    }
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, Y)
    assert search.best_estimator_[-1].n_features_in_ in (2, 3, 4, 9)
    with pytest.raises(TypeError, match="no fitted model with groups"):
        GroupSelector(LinearRegression()).fit(X, Y)
    with pytest.raises(ValueError, match="'threshold'"):
        GroupSelector(GroupLasso(), threshold=-1.0).fit(X, Y)


def test_weights_reach_the_estimator(metadata_routing):
    weights = np.arange(len(Y)) % 3
    lasso = GroupLasso(0.1, groups=GROUPS).set_fit_request(sample_weight=True)
    selector = GroupSelector(lasso).fit(X, Y, sample_weight=weights)
    direct = clone(lasso).fit(X, Y, sample_weight=weights)
    np.testing.assert_array_equal(selector.group_norms_, direct.group_norms_)


def test_weights_reach_the_estimator_without_routing():
    weights = np.arange(len(Y)) % 3
    lasso = GroupLasso(0.1, groups=GROUPS)
    selector = GroupSelector(lasso).fit(X, Y, sample_weight=weights)
    direct = clone(lasso).fit(X, Y, sample_weight=weights)
    np.testing.assert_array_equal(selector.group_norms_, direct.group_norms_)


# --- raw columns ----------------------------------------------------------------------


def columns():
    return make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["city", "kind"]),
        (SplineTransformer(n_knots=3), ["v", "u"]),
        (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), ["w"]),
    )


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_a_selector_of_a_pipeline_selects_raw_columns(kind):
    frame = FRAME if kind == "pandas" else pl.DataFrame(FRAME.to_dict("list"))
    model = make_grouped_pipeline(columns(), GroupLasso(0.1))
    selector = GroupSelector(model).fit(frame, TARGET)
    assert selector.get_required_columns() == ["city", "u"]
    assert selector.estimator_.get_required_columns() == ["city", "u"]
    kept = selector.transform(frame)
    assert type(kept) is type(frame)
    assert list(kept.columns) == ["city", "u"]
    assert kept["u"].dtype == frame["u"].dtype
    assert clone(selector).fit_transform(FRAME, TARGET).shape == (N, 2)
    with pytest.raises(ValueError, match="feature names"):
        selector.transform(frame[["u", "city", "kind", "v", "w", "text"]])


def test_a_selector_behind_a_transformer_knows_its_raw_columns():
    model = make_grouped_pipeline(columns(), GroupSelector(GroupLasso(0.1)))
    model.fit(FRAME, TARGET)
    selector = model[-1]
    assert selector.get_required_columns(model[0]) == ["city", "u"]
    assert model.selected_groups_.tolist() == ["city", "u"]
    pruned = selector.prune_transformer(model[0], FRAME)
    assert isinstance(pruned, ColumnTransformer)
    assert pruned.feature_names_in_.tolist() == ["city", "u"]
    np.testing.assert_array_equal(
        pruned.transform(FRAME[["city", "u"]]), model.transform(FRAME)
    )
    names = model.get_feature_names_out()
    assert pruned.get_feature_names_out().tolist() == names.tolist()
    table = pruned.set_output(transform="pandas").transform(FRAME[["city", "u"]])
    assert table.columns.tolist() == names.tolist()


# --- pruned transformers --------------------------------------------------------------

ONE_HOT = OneHotEncoder(drop="first", sparse_output=False)
FULL = {
    "columns": columns(),
    "sparse": make_column_transformer(
        (OneHotEncoder(), ["city", "kind"]),
        (OneHotEncoder(), ["text"]),
        sparse_threshold=1.0,
    ),
    "after columns": make_pipeline(
        columns(),
        FeatureUnion([("raw", "passthrough"), ("scaled", StandardScaler())]),
        "passthrough",
        StandardScaler(),
    ),
    "nested": make_column_transformer(
        (
            make_column_transformer(
                (StandardScaler(), ["v", "u"]), (OneHotEncoder(), ["city"])
            ),
            ["city", "u", "v"],
        ),
        (CountVectorizer(), "text"),
        (PolynomialFeatures(interaction_only=True), ["v", "u"]),
        remainder=SimpleImputer(strategy="most_frequent"),
    ),
    "passed on": ColumnTransformer(
        [("cat", ONE_HOT, ["city", "kind"]), ("u", "drop", ["u"])],
        remainder="passthrough",
    ),
    "hidden": make_column_transformer(
        (PCA(2), ["v", "u"]), (StandardScaler(), ["v", "u"])
    ),
}


@pytest.mark.filterwarnings("ignore:.*cannot be traced")
@pytest.mark.parametrize("case", FULL)
@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_a_pruned_transformer_gives_what_the_full_one_does(case, kind):
    frame = FRAME if kind == "pandas" else pl.DataFrame(FRAME.to_dict("list"))
    full = clone(FULL[case]).fit(frame)
    expected = dense(full.transform(frame))
    groups = groups_from_transformer(full)
    for wanted in [
        *groups.values(),
        [*groups.get("u", []), 0],
    ]:
        needed = required_columns(full, wanted)
        pruned = prune_transformer(full, wanted, frame[:20])
        needed = needed or ["v"]  # a constant must know how many rows there are
        assert pruned.feature_names_in_.tolist() == needed
        rows = frame[needed][10:]
        wanted = np.unique(wanted)
        assert_same(pruned.transform(rows), expected[10:][:, wanted])
        names = full.get_feature_names_out()[wanted]
        assert pruned.get_feature_names_out().tolist() == names.tolist()
        # What is left of it is frozen: copies are the same, and need no more columns.
        again = clone(pickle.loads(pickle.dumps(pruned)))
        assert_same(again.fit(rows).transform(rows), expected[10:][:, wanted])


def assert_same(left, right):
    """Raise unless values are equal or missing in both; of objects, too."""
    left = dense(left)
    assert left.shape == right.shape
    assert np.all((left == right) | ((left != left) & (right != right)))


def dense(values):
    return values.toarray() if sparse.issparse(values) else np.asarray(values)


@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array, sparse.csc_matrix])
def test_pruned_transformers_of_arrays(storage):
    data = storage(np.round(X))
    full = ColumnTransformer(
        [("a", MaxAbsScaler(), [4, 2, 0]), ("b", OneHotEncoder(), slice(7, 9))]
    )
    full.fit(data) if not sparse.issparse(data) else full.set_params(
        transformers=full.transformers[:1]
    ).fit(data)
    pruned = prune_transformer(full, [1, 2], data)
    assert required_columns(full, [1, 2]) == ["x0", "x2"]
    np.testing.assert_array_equal(
        dense(pruned.transform(data[:, [0, 2]])), dense(full.transform(data))[:, [1, 2]]
    )


def test_what_mixes_columns_keeps_them_all():
    numbers = FRAME[["u", "v", "w"]]
    full = make_column_transformer((KNNImputer(n_neighbors=2), ["u", "v", "w"])).fit(
        numbers
    )
    assert groups_from_transformer(full)["w"] == [2]
    assert required_columns(full, [2]) == ["u", "v", "w"]

    def centred(rows):
        return rows - np.asarray(rows).mean(axis=1, keepdims=True)

    liar = FunctionTransformer(centred, feature_names_out="one-to-one")
    full = make_column_transformer((liar, ["u", "v"])).fit(numbers)
    assert required_columns(full, [1]) == ["v"]
    pruned = prune_transformer(full, [1], numbers)  # found out by its outputs
    assert pruned.feature_names_in_.tolist() == ["u", "v"]
    np.testing.assert_array_equal(
        pruned.transform(numbers), full.transform(numbers)[:, [1]]
    )


def test_a_pipeline_prunes_its_transformers():
    model = make_grouped_pipeline(columns(), StandardScaler(), GroupLasso(0.1))
    model.fit(FRAME, TARGET)
    pruned = model.prune_transformer(FRAME[:10])
    assert isinstance(pruned, Pipeline)
    own = model[-1].coef_[model[-1].coef_ != 0]
    kept = FRAME[model.get_required_columns()]
    predictions = pruned.transform(kept) @ own + model[-1].intercept_
    np.testing.assert_allclose(predictions, model.predict(FRAME))
    plain = make_grouped_pipeline(GroupLasso(0.1)).fit(FRAME[["v", "u"]], TARGET)
    assert plain.get_required_columns() == ["u"]
    with pytest.raises(ValueError, match="no transformers"):
        plain.prune_transformer(FRAME[["v", "u"]])


@pytest.mark.parametrize("outputs", [[9], [-1], [True, False]])
def test_outputs_must_be_there(outputs):
    full = StandardScaler().fit(X[:, :3])
    with pytest.raises(ValueError, match="must be indices below 3"):
        prune_transformer(full, outputs, X[:, :3])
    with pytest.raises(ValueError, match="none to keep"):
        prune_transformer(full, [], X[:, :3])
