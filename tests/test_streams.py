"""Rows that are read in chunks: the same fit as in memory."""

import pickle
import subprocess
import sys
import threading
import time

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.metrics import f1_score, get_scorer, make_scorer
from sklearn.model_selection import KFold, PredefinedSplit

from makers import GROUPS, make_data
from skstruct import (
    BlockCoordinateDescentRegressor,
    GroupLasso,
    GroupLassoClassifier,
    GroupLassoClassifierCV,
    GroupLassoCV,
    GroupLassoIC,
    GroupMCP,
    OverlappingGroupLasso,
    SparseGroupLasso,
    SparseGroupLassoCV,
    duality_gap,
    group_lasso_path,
)
from skstruct.streams.reduce import added, tree_sum
from stream_sources import (
    KINDS,
    STEP,
    Chunks,
    assert_is_whole,
    assert_same,
    chunks,
    counts,
    data,
    files,
    sources,
)

SHARED = {"a": [0, 7, 3, 5], "b": [8, 1, 2, 3], "c": [4, 6]}


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr("skstruct.streams.arrays.CHUNK_BYTES", 8 * 9 * STEP)
    monkeypatch.setattr("skstruct.streams.open.LARGE_MEMMAP", 0)


# -- the same fit ------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_source_gives_the_fit_in_memory(kind, tmp_path):
    X, y, weights, offset = data()
    model = GroupLasso(alpha=0.1, groups=GROUPS)
    expected = clone(model).fit(X, y, weights, offset)
    args, kwargs = sources(tmp_path, X, y, weights, offset)[kind]
    found = clone(model).fit(*args, **kwargs)
    assert_same(found, expected)
    assert found.n_passes_ == 1
    assert not hasattr(expected, "n_passes_")
    assert_is_whole(found, X)
    gap = duality_gap(found, X, y, weights, offset)
    assert gap <= found.dual_gap_ + 1e-15
    assert_allclose(duality_gap(found, *args, **kwargs), gap, atol=1e-13)


@pytest.mark.parametrize(
    "model",
    [
        GroupLasso(alpha=0.1, groups=GROUPS, fit_intercept=False),
        GroupLasso(alpha=0.1, groups=GROUPS, standardize="features"),
        GroupLasso(alpha=0.1, groups=GROUPS, standardize="groups"),
        GroupLasso(alpha=0.1, groups=GROUPS, relax=True),
        GroupLasso(alpha=0.0, groups=GROUPS),
        GroupLasso(alpha=0.1, groups=GROUPS, adaptive=np.arange(1.0, 10.0)),
        SparseGroupLasso(alpha=0.1, groups=GROUPS, l1_ratio=0.5, positive=True),
        OverlappingGroupLasso(alpha=0.1, groups=SHARED),
        OverlappingGroupLasso(alpha=0.1, groups=SHARED, overlap="intersection"),
        BlockCoordinateDescentRegressor(
            alpha=0.1, groups=GROUPS, penalty=GroupMCP(), tol=1e-11
        ),
    ],
    ids=lambda model: f"{type(model).__name__}{len(str(model))}",
)
def test_every_model_of_the_squared_error(model):
    X, y, weights, _ = data()
    model.set_params(tol=min(model.tol, 1e-10))
    expected = clone(model).fit(X, y, weights)
    assert_same(clone(model).fit(chunks(X, y, weights)), expected, 1e-8)


def test_several_outputs():
    X, y, weights, offset = data(n_outputs=3)
    model = GroupLasso(alpha=0.1, groups=GROUPS)
    found = clone(model).fit(chunks(X, y, weights, offset))
    assert found.coef_.shape == (3, 9)
    assert_same(found, clone(model).fit(X, y, weights, offset))


def test_columns_far_from_zero():
    """Means of 1e7 deviations cost no more than they must: 1e-8."""
    X, y = make_data(n_samples=400)
    far = X + 1e7 * X.std(axis=0)
    near = far - far.mean(axis=0)  # exact to rounding of `far`
    model = GroupLasso(alpha=0.1, groups=GROUPS, tol=1e-12)
    expected = clone(model).fit(near, y)
    found = clone(model).fit(chunks(far, y))
    assert_allclose(found.coef_, expected.coef_, rtol=1e-8, atol=1e-8)


def test_chunks_that_drift():
    """Neither the first rows of a chunk nor the first chunk are like the others."""
    X, y = make_data(n_samples=400)
    X = X + 1e3 * np.arange(400)[:, None] ** 2 * [0, 0, 0, 0, 0, 0, 0, 0, 1]
    model = GroupLasso(alpha=0.1, groups=GROUPS, standardize="features", tol=1e-12)
    assert_same(model.fit(chunks(X, y)), clone(model).fit(X, y), 1e-9)


@pytest.mark.parametrize("form", ["float32", "int", "csr", "csc", "pandas"])
def test_forms_of_chunks(form):
    X, y, weights, _ = data()
    X = np.round(X * (np.abs(X) > 1) * 8)
    forms = {
        "float32": lambda X: X.astype(np.float32),
        "int": lambda X: X.astype(int),
        "csr": sparse.csr_array,
        "csc": sparse.csc_matrix,
        "pandas": _frame,
    }
    expected = GroupLasso(alpha=0.1, groups=GROUPS).fit(X, y, weights)
    parts = [(forms[form](X), *rest) for X, *rest in chunks(X, y, weights)]
    found = GroupLasso(alpha=0.1, groups=GROUPS).fit(parts)
    if form == "float32":
        assert found.coef_.dtype == np.float32
        assert_same(found, expected, 1e-6)
    else:
        assert_same(found, expected)
    if form == "pandas":
        assert list(found.feature_names_in_) == [f"x{j}" for j in range(9)]
        assert found.predict(_frame(X)).shape == y.shape


def _frame(X):
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])])


def test_columns_of_later_tables_are_put_in_order():
    X, y = make_data()
    parts = [(_frame(X[:20]), y[:20]), (_frame(X[20:]).iloc[:, ::-1], y[20:])]
    groups = {"first": ["x0", "x3"], "rest": [f"x{j}" for j in (1, 2, 4, 5, 6, 7, 8)]}
    model = GroupLasso(alpha=0.1, groups=groups)
    assert_same(clone(model).fit(parts), clone(model).fit(_frame(X), y))
    parts[1] = (parts[1][0].rename(columns={"x4": "z"}), parts[1][1])
    with pytest.raises(ValueError, match=r"chunk 1 .*\['x4'\] are missing"):
        clone(model).fit(parts)


def test_paths(tmp_path):
    X, y, *_ = data()
    paths = files(tmp_path, X, y, None, None)
    expected = group_lasso_path(X, y, groups=GROUPS, alphas=10)
    found = group_lasso_path(paths["X"], paths["y"], groups=GROUPS, alphas=10)
    assert_allclose(found.alphas, expected.alphas, rtol=1e-12)
    assert_allclose(found.coefs, expected.coefs, atol=1e-12)
    assert_allclose(found.intercepts, expected.intercepts, rtol=1e-10)


# -- selection along the path ------------------------------------------------------


@pytest.mark.parametrize(
    "cv", [4, KFold(3, shuffle=True, random_state=0), "predefined"]
)
def test_cross_validation_in_one_pass(cv, tmp_path):
    X, y, weights, offset = data()
    if isinstance(cv, str):
        cv = PredefinedSplit(np.random.default_rng(0).integers(-1, 3, len(y)))
    model = SparseGroupLassoCV(groups=GROUPS, l1_ratio=[0.2, 0.8], alphas=8, cv=cv)
    expected = clone(model).fit(X, y, weights, offset)
    paths = files(tmp_path, X, y, weights, offset)
    found = clone(model).fit(*paths.values())
    assert found.n_passes_ == 1
    assert_same(found, expected)
    assert found.alpha_ == pytest.approx(expected.alpha_, rel=1e-12)
    assert_allclose(found.scores_path_, expected.scores_path_, rtol=1e-9)


def test_rows_of_unknown_number_are_dealt_out():
    X, y, *_ = data()
    parts = chunks(X, y)
    held_out = np.concatenate(
        [(np.arange(len(y)) + c) % 4 for c, (_, y) in enumerate(parts)]
    )
    model = GroupLassoCV(groups=GROUPS, alphas=8, cv=PredefinedSplit(held_out))
    source = Chunks(parts)
    found = clone(model).set_params(cv=4).fit(source)
    assert source.n_passes == 1
    expected = model.fit(X, y)
    assert_same(found, expected)
    assert_allclose(found.scores_path_, expected.scores_path_, rtol=1e-9)
    with pytest.raises(ValueError, match="how many rows"):
        clone(model).fit(source)


def test_information_criterion():
    X, y, weights, offset = data()
    for options in ({}, {"standardize": "features", "degrees_of_freedom": "yuan_lin"}):
        model = GroupLassoIC(groups=GROUPS, alphas=8, **options)
        found = clone(model).fit(chunks(X, y, weights, offset))
        expected = clone(model).fit(X, y, weights, offset)
        assert_same(found, expected)
        for name in ("criterion_path_", "degrees_of_freedom_path_", "noise_variance_"):
            assert_allclose(
                getattr(found, name), getattr(expected, name), rtol=1e-9, err_msg=name
            )


# -- partial fits ------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_partial_fit_is_the_fit_of_all_rows(seed):
    X, y, weights, offset = data()
    rng = np.random.default_rng(seed)
    model = GroupLasso(alpha=0.1, groups=GROUPS, standardize="features")
    expected = clone(model).fit(X, y, weights, offset)
    rows = rng.permutation(len(y))
    cuts = np.sort(rng.integers(2, len(y), 5))
    for batch in np.split(rows, cuts):
        if len(batch) > 1 and weights[batch].any():
            model.partial_fit(X[batch], y[batch], weights[batch], offset[batch])
            model = pickle.loads(pickle.dumps(model))
        else:  # it may not be fitted alone
            weights[batch] = 0
    expected.fit(X, y, weights, offset)
    assert_same(model, expected)


def test_partial_fit_of_files_and_sparse_batches(tmp_path):
    X, y, *_ = data()
    paths = files(tmp_path, X[:200], y[:200], None, None)
    model = GroupLasso(alpha=0.1, groups=GROUPS).partial_fit(paths["X"], paths["y"])
    model.partial_fit(sparse.csr_array(X[200:]), y[200:])
    assert_same(model, clone(model).fit(X, y))


def test_fit_forgets_partial_fits():
    X, y, *_ = data()
    model = GroupLasso(alpha=0.1, groups=GROUPS)
    model.partial_fit(X[:50], y[:50]).fit(X[:50], y[:50])
    model.partial_fit(X[50:], y[50:])
    assert_same(model, clone(model).fit(X[50:], y[50:]))


def test_a_partial_fit_that_fails_changes_nothing():
    X, y, *_ = data()
    model = GroupLasso(alpha=0.1, groups=GROUPS).partial_fit(X[:100], y[:100])
    bad = X[100:].copy()
    bad[3, 3] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(bad, y[100:])
    with pytest.raises(ValueError, match="8 features"):
        model.partial_fit(X[100:, 1:], y[100:])
    with pytest.raises(ValueError, match="11 columns"):
        model.partial_fit(X[100:], np.column_stack([y, y])[100:])
    model.partial_fit(X[100:], y[100:])
    assert_same(model, clone(model).fit(X, y))


def test_partial_fit_is_for_the_squared_error():
    assert not hasattr(GroupLasso(loss="huber"), "partial_fit")
    assert not hasattr(GroupLassoClassifier(), "partial_fit")
    with pytest.raises(AttributeError, match="partial_fit"):
        GroupLasso(loss="huber").partial_fit([[1.0]], [1.0])


# -- curved losses -----------------------------------------------------------------


def test_a_curved_loss_in_a_few_passes():
    X, _, weights, offset = data()
    y, _ = counts(X)
    model = GroupLasso(loss="poisson", alpha=0.03, groups=GROUPS, tol=1e-13)
    expected = clone(model).fit(X, y, weights, offset)
    source = Chunks(chunks(X, y, weights, offset))
    found = clone(model).fit(source)
    assert_same(found, expected)
    assert source.n_passes == found.n_passes_ <= 10
    assert found.dual_gap_ <= 1e-13
    assert_is_whole(found, X)


@pytest.mark.parametrize(
    "how", [{"warm_start": True}, {"adaptive": np.arange(1.0, 10)}]
)
def test_a_curved_loss_that_starts_from_a_fit(how):
    """Passes start from zero all the same; the first fit may make the weights."""
    X, _, weights, _ = data()
    y, _ = counts(X)
    model = GroupLasso(loss="poisson", groups=GROUPS, tol=1e-13, **how)
    source = Chunks(chunks(X, y, weights))
    model.set_params(alpha=0.1).fit(source).set_params(alpha=0.03).fit(source)
    assert_same(model, clone(model).fit(X, y, weights))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_classes(n_classes, tmp_path):
    X, _, weights, _ = data()
    y = labels(X, n_classes)
    model = GroupLassoClassifier(
        alpha=0.01, groups=GROUPS, class_weight="balanced", tol=1e-13
    )
    expected = clone(model).fit(X, y, weights)
    paths = files(tmp_path, X, None, weights, None)
    found = clone(model).fit(paths["X"], y, paths["weights"])
    assert_array_equal(found.classes_, expected.classes_)
    assert_same(found, expected)
    assert_is_whole(found, X)
    source = Chunks(chunks(X, y, weights))
    again = clone(model).fit(source)
    assert_same(again, found)
    # Labels are found in a pass of their own, where they do not lie apart.
    assert source.n_passes == again.n_passes_ == found.n_passes_ + 1


def test_cross_validation_of_a_curved_loss(tmp_path):
    X, *_ = data()
    y, _ = counts(X)
    model = GroupLassoCV(groups=GROUPS, loss="poisson", alphas=4, eps=0.05, cv=3)
    model.set_params(tol=1e-13)
    expected = clone(model).fit(X, y)
    paths = files(tmp_path, X, y, None, None)
    found = clone(model).fit(paths["X"], paths["y"])
    # At alpha_max, where a fold's groups are about to enter, gaps say less of them.
    assert_allclose(found.scores_path_, expected.scores_path_, rtol=1e-8)
    assert found.alpha_ == pytest.approx(expected.alpha_, rel=1e-12)
    assert_same(found, expected)
    assert found.n_passes_ < 20


def labels(X, n_classes):
    """Classes by how large counts(X) would be, with noise."""
    _, eta = counts(X)
    cuts = np.quantile(eta, np.arange(1, n_classes) / n_classes)
    noise = np.random.default_rng(3).normal(size=len(eta))
    return np.array(["low", "mid", "top"])[np.searchsorted(cuts, eta + noise)]


@pytest.mark.parametrize(
    ("n_classes", "scoring"),
    [
        (2, None),
        (2, "accuracy"),
        (3, make_scorer(f1_score, average="macro", pos_label=None)),
    ],
)
def test_a_classifier_that_is_cross_validated(n_classes, scoring, tmp_path):
    X, _, weights, _ = data()
    y = labels(X, n_classes)
    model = GroupLassoClassifierCV(groups=GROUPS, alphas=3, eps=0.1, cv=3, tol=1e-12)
    model.set_params(scoring=scoring, class_weight="balanced")
    paths = files(tmp_path, X, None, weights, None)
    found = clone(model).fit(paths["X"], y, paths["weights"])
    expected = clone(model).fit(X, y, weights)
    assert_allclose(found.scores_path_, expected.scores_path_, rtol=1e-8)
    assert found.alpha_ == pytest.approx(expected.alpha_, rel=1e-9)


def test_scorers_of_labels_get_the_weights_that_they_request(tmp_path):
    X, _, weights, _ = data()
    y = labels(X, 2)
    paths = files(tmp_path, X, None, None, None)
    with config_context(enable_metadata_routing=True):
        scorer = get_scorer("balanced_accuracy").set_score_request(sample_weight=True)
        model = GroupLassoClassifierCV(groups=GROUPS, alphas=3, eps=0.1, cv=3)
        model.set_params(scoring=scorer, class_weight={"low": 1, "mid": 3}, tol=1e-12)
        found = clone(model).fit(paths["X"], y, weights)
        expected = clone(model).fit(X, y, weights)
    assert_allclose(found.scores_path_, expected.scores_path_, rtol=1e-12)


@pytest.mark.parametrize("scoring", ["roc_auc", lambda model, X, y: 1.0])
def test_scorers_that_need_rows_are_refused(scoring, tmp_path):
    X, *_ = data()
    y = labels(X, 2)
    paths = files(tmp_path, X, None, None, None)
    model = GroupLassoClassifierCV(groups=GROUPS, alphas=2, cv=2, scoring=scoring)
    with pytest.raises(ValueError, match=r"needs rows.*such as 'accuracy'"):
        model.fit(paths["X"], y)
    model.fit(np.load(paths["X"], mmap_mode="r"), y)  # as an array
    assert not hasattr(model, "n_passes_")


def test_more_columns_than_a_gram_matrix_has_room_for(monkeypatch):
    monkeypatch.setattr("skstruct.linear_model.streamed._MOST_FEATURES", 8)
    X, y, weights, _ = data()
    model = GroupLasso(alpha=0.1, groups=GROUPS, tol=1e-12)
    found = clone(model).fit(chunks(X, y, weights))
    assert_same(found, clone(model).fit(X, y, weights))
    assert 1 < found.n_passes_ <= 6
    with pytest.raises(ValueError, match=r"9 features.*partial_fit keeps"):
        model.partial_fit(chunks(X, y))
    with pytest.raises(ValueError, match="Use GroupLassoCV"):
        GroupLassoIC(groups=GROUPS).fit(chunks(X, y))


# -- where it is computed ----------------------------------------------------------


def test_threads_change_no_bit(tmp_path):
    X, y, weights, offset = data()
    paths = list(files(tmp_path, X, y, weights, offset).values())
    model = GroupLassoCV(groups=GROUPS, alphas=4, cv=3)
    one = clone(model).set_params(n_jobs=1).fit(*paths)
    three = clone(model).set_params(n_jobs=3).fit(*paths)
    with joblib.parallel_config("threading", n_jobs=2):
        two = clone(model).fit(*paths)
    for other in (two, three):
        assert_array_equal(other.coef_, one.coef_)
        assert_array_equal(other.scores_path_, one.scores_path_)


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 63, 64, 65, 600])
def test_the_order_of_sums_is_the_same_when_it_is_planned(n):
    terms = [f"{k}" for k in range(n)]
    added_at_once = tree_sum(
        terms,
        start=lambda term: term,
        join=lambda node, term: f"({node}+{term})",
        close=lambda node: node,
    )

    def close(node):
        total = node[0]
        for term in node[1:]:
            total = f"({total}+{term})"
        return total

    planned = tree_sum(terms, lambda t: [t], lambda node, t: [*node, t], close)
    assert added_at_once == planned
    assert added([1, 2, 3]) == 6
    assert tree_sum([], None, None, None) is None


def test_memory_does_not_grow_with_the_rows(tmp_path, monkeypatch):
    monkeypatch.undo()
    n, p = 100_000, 100
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.float64, (n, p))
    for rows in range(0, n, 10_000):
        X[rows : rows + 10_000] = np.random.default_rng(rows).normal(size=(10_000, p))
    X.flush()
    y = X[:, 0] + 1.0
    model = GroupLasso(alpha=0.1, groups=10)
    model.fit(str(tmp_path / "X.npy"), y)  # whatever is loaded and compiled once
    with AnonymousMemory() as memory:
        model.fit(np.load(tmp_path / "X.npy", mmap_mode="r"), y)
    assert model.n_passes_ == 1
    assert memory.peak < 40e6  # of 80 MB


class AnonymousMemory:
    """Peak growth of this process's anonymous memory, in bytes."""

    def __enter__(self):
        self.start, self.peak, self._is_over = self._now(), 0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._is_over.set()
        self._thread.join()

    def _watch(self):
        while not self._is_over.is_set():
            self.peak = max(self.peak, self._now() - self.start)
            time.sleep(0.002)

    @staticmethod
    def _now():
        try:
            with open("/proc/self/status", encoding="ascii") as status:
                (line,) = (one for one in status if one.startswith("RssAnon"))
        except FileNotFoundError:
            pytest.skip("anonymous memory is told by /proc")
        return 1024 * int(line.split()[1])


@pytest.mark.parametrize("model", [GroupLasso(alpha=0.1), GroupLassoCV(cv=2, alphas=3)])
def test_rows_as_tuples_are_no_chunks(model):
    """As `zip` makes them of columns, of numpy's numbers."""
    X, y, *_ = data()
    rows = list(zip(*X.T[:3], strict=True))
    found, expected = clone(model).fit(rows, y), clone(model).fit(X[:, :3], y)
    assert_allclose(found.coef_, expected.coef_, rtol=1e-9)


def test_importing_skstruct_imports_no_dask(tmp_path):
    """Nor does a fit to files."""
    X, y, *_ = data()
    paths = files(tmp_path, X, y, None, None)
    code = (
        "import sys; from skstruct import GroupLasso; "
        f"GroupLasso().fit({str(paths['X'])!r}, {str(paths['y'])!r}); "
        "assert not {'dask', 'distributed'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
