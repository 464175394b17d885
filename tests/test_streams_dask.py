"""Dask's arrays, tables and clusters: the same bits as here, whatever fails."""

import os
import signal
import threading
import time
import warnings

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPRegressor
from threadpoolctl import threadpool_limits

from makers import GROUPS
from skstruct import (
    GroupLasso,
    GroupLassoClassifier,
    GroupLassoCV,
    GroupStabilitySelection,
    MLPPrunerCV,
)
from stream_sources import (
    STEP,
    Loaded,
    assert_is_whole,
    assert_same,
    chunks,
    counts,
    data,
    files,
)

WHY = "Dask is not installed: pip install 'skstruct[dask]'"
dask = pytest.importorskip("dask", reason=WHY)
da = pytest.importorskip("dask.array", reason=WHY)
distributed = pytest.importorskip("distributed", reason=WHY)

MODEL = GroupLasso(alpha=0.1, groups=GROUPS)


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr("skstruct.streams.arrays.CHUNK_BYTES", 8 * 9 * STEP)


@pytest.fixture(autouse=True)
def _as_many_blas_threads_as_workers_have():
    """One: products that BLAS splits over several are summed in another order."""
    with threadpool_limits(1, "blas"):
        yield


@pytest.fixture(scope="module")
def client():
    """Two workers, processes of their own, on this machine."""
    with (
        warnings.catch_warnings(),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",  # several may run at once
            host="127.0.0.1",
            silence_logs=50,
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


def dask_arrays(*arrays, step=90):
    return [da.from_array(a, chunks=(step, *a.shape[1:])) for a in arrays]


def dask_frame(X, y, weights, npartitions=4):
    dd = pytest.importorskip("dask.dataframe", reason=WHY)
    return dd.from_pandas(frame(X, y, weights), npartitions=npartitions)


def frame(X, y, weights):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])])
    return table.assign(target=y, weight=weights)


# -- arrays and tables -------------------------------------------------------------


def test_arrays():
    X, y, weights, offset = data()
    expected = clone(MODEL).fit(X, y, weights, offset)
    arrays = dask_arrays(X, y, weights, offset)
    found = clone(MODEL).fit(*arrays)
    assert_same(found, expected)
    assert_is_whole(found, X)
    assert found.n_passes_ == 1
    # Blocks of columns, and rows cut elsewhere than in X.
    blocks = [arrays[0].rechunk((90, 4)), arrays[1].rechunk(77), weights, offset]
    assert_array_equal(clone(MODEL).fit(*blocks).coef_, found.coef_)
    with pytest.raises(ValueError, match="399 rows, where X has 400"):
        clone(MODEL).fit(arrays[0], arrays[1][1:])
    with pytest.raises(ValueError, match="y is needed"):
        clone(MODEL).fit(arrays[0])


def test_arrays_of_unknown_size_and_several_outputs():
    X, y, *_ = data(n_outputs=2)
    rows, targets = dask_arrays(X, y)
    kept = X[:, 0] > X[0, 0]
    some = rows[:, 0] > X[0, 0]
    found = clone(MODEL).fit(rows[some], targets[some])
    assert_same(found, clone(MODEL).fit(X[kept], y[kept]))
    with pytest.raises(ValueError, match="must be a Dask collection"):
        clone(MODEL).fit(rows[some], y[kept])


def test_sparse_blocks():
    X, y, *_ = data()
    X = X * (np.abs(X) > 1)
    rows, targets = dask_arrays(X, y)
    rows = rows.map_blocks(sparse.csr_array, dtype=float)
    found = clone(MODEL).fit(rows, targets)
    assert_same(found, clone(MODEL).fit(X, y))
    assert_is_whole(found, X)
    y, _ = counts(X)
    poisson = clone(MODEL).set_params(loss="poisson", alpha=0.03, tol=1e-13)
    found = clone(poisson).fit(rows, dask_arrays(y)[0])
    assert_same(found, poisson.fit(X, y))


def test_tables():
    X, y, weights, _ = data()
    table = dask_frame(X, y, weights)
    names = [f"x{j}" for j in range(9)]
    expected = clone(MODEL).fit(frame(X, y, weights)[names], y, weights)
    found = clone(MODEL).fit(table, "target", "weight")
    assert_same(found, expected)
    assert_array_equal(found.feature_names_in_, expected.feature_names_in_)
    assert_is_whole(found, frame(X, y, weights)[names])
    apart = clone(MODEL).fit(table[names], table["target"], table["weight"])
    assert_array_equal(apart.coef_, found.coef_)
    with pytest.raises(ValueError, match="must be the name of a column"):
        clone(MODEL).fit(table, "goal")
    words = table.assign(x3="word")
    with pytest.raises(ValueError, match=r"chunk \d .*converted to numbers"):
        clone(MODEL).fit(words, "target", "weight")


def test_classes_of_a_table():
    X, _, weights, _ = data()
    y = np.where(counts(X)[0] > 1, "many", "few")
    model = GroupLassoClassifier(alpha=0.02, groups=GROUPS, tol=1e-13)
    table = dask_frame(X, y, weights)
    found = clone(model).fit(table, "target", "weight")
    expected = clone(model).fit(X, y, weights)
    assert_array_equal(found.classes_, expected.classes_)
    assert_same(found, expected)
    assert_is_whole(found, frame(X, y, weights)[table.columns[:9]])


@pytest.mark.parametrize("is_folder", [False, True])
def test_parquet(is_folder, tmp_path):
    pytest.importorskip("pyarrow", reason="parquet needs pyarrow")
    X, y, weights, _ = data()
    expected = clone(MODEL).fit(X, y, weights)
    path = tmp_path / "rows.parquet"
    table = frame(X, y, weights)
    if is_folder:  # as Dask writes it, with an index among the columns
        path.mkdir()
        for k in range(12):
            part = table[k * 40 : k * 40 + 40].rename_axis("row")
            part.to_parquet(path / f"part.{k}.parquet", index=True)
    else:
        table.to_parquet(path, row_group_size=90)
    found = clone(MODEL).fit(path, "target", "weight")
    assert_same(found, expected)
    assert list(found.feature_names_in_) == [f"x{j}" for j in range(9)]
    assert_is_whole(found, table[list(found.feature_names_in_)])
    cv = GroupLassoCV(groups=GROUPS, alphas=4, cv=3)
    assert_same(clone(cv).fit(path, "target", "weight"), cv.fit(X, y, weights))
    with pytest.raises(ValueError, match="must be the name of a column"):
        clone(MODEL).fit(path, "goal")
    with pytest.raises(ValueError, match="must be the name of a column"):
        clone(MODEL).fit(path, y)


# -- a cluster ---------------------------------------------------------------------


def test_a_cluster_changes_no_bit(client, tmp_path):
    X, y, weights, offset = data()
    paths = list(files(tmp_path, X, y, weights, offset).values())
    here = clone(MODEL).fit(*paths)
    with joblib.parallel_config("dask", client=client):
        there = clone(MODEL).fit(*paths)
    assert_array_equal(there.coef_, here.coef_)
    arrays = dask_arrays(X, y, weights, offset)
    in_threads = clone(MODEL).fit(*arrays)
    with client.as_current():
        on_cluster = clone(MODEL).fit(*arrays)
    assert_array_equal(on_cluster.coef_, in_threads.coef_)


def test_cross_validation_on_a_cluster(client, tmp_path):
    X, y, weights, offset = data()
    paths = list(files(tmp_path, X, y, weights, offset).values())
    cv = GroupLassoCV(groups=GROUPS, alphas=4, cv=3)
    here = clone(cv).fit(*paths)
    with joblib.parallel_config("dask", client=client):
        there = clone(cv).fit(*paths)
    assert_same(there, here, 1e-13)
    assert_allclose(there.scores_path_, here.scores_path_, rtol=1e-12)


class Slow(Loaded):
    """A chunk that takes its time, and leaves a mark when it is computed."""

    def __init__(self, chunk, marks):
        super().__init__(chunk)
        self.marks = marks

    def __call__(self):
        with open(self.marks, "a", encoding="ascii") as marks:
            marks.write(f"{os.getpid()}\n")
        time.sleep(0.05)
        return self.chunk


def slow_chunks(folder, n_samples=800):
    X, y, weights, _ = data(n_samples)
    marks = folder / "marks"
    return [Slow(chunk, marks) for chunk in chunks(X, y, weights, step=20)], marks


def pids(marks):
    return marks.read_text(encoding="ascii").split() if marks.exists() else []


def test_a_worker_that_is_killed_costs_time_only(client, tmp_path):
    source, marks = slow_chunks(tmp_path)
    here = clone(MODEL).fit([Loaded(part.chunk) for part in source])

    def kill():
        while len(pids(marks)) < 8:
            time.sleep(0.01)
        victim = next(pid for pid in pids(marks)[1:] if int(pid) != os.getpid())
        os.kill(int(victim), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with joblib.parallel_config("dask", client=client):
        there = clone(MODEL).fit(source)
    killer.join()
    client.wait_for_workers(2)
    assert len(pids(marks)) > len(source)  # some were computed again
    assert_array_equal(there.coef_, here.coef_)
    assert there.intercept_ == here.intercept_


class Changing(Loaded):
    """A chunk that has a new label in its row 3, from the second time on."""

    def __init__(self, chunk, mark):
        super().__init__(chunk)
        self.mark = mark

    def __call__(self):
        X, y = self.chunk
        if self.mark.exists():
            y = y.copy()
            y[3] = "new"
        self.mark.touch()
        return X, y


@pytest.mark.parametrize("what", ["NaN", "width", "label"])
def test_a_bad_chunk_on_a_cluster_is_named(what, client, tmp_path):
    X, y, *_ = data()
    model, listed = clone(MODEL), chunks(X, y, step=90)
    message = r"chunk 2 \(item 2 of the list\): "
    if what == "NaN":
        listed[2][0][70, 3] = np.nan  # of X itself
        message += "X contains NaN or infinity, first in row 70, column 3"
    elif what == "width":
        listed[2] = listed[2][0][:, 1:], listed[2][1]
        message += "X has 8 features, where the first chunk has 9"
    else:
        model = GroupLassoClassifier(groups=GROUPS)
        listed = chunks(X, np.where(y > y.mean(), "yes", "no").astype("<U3"), step=90)
        message += "y has the label 'new' in row 3, which is none of the classes"
    source = [Loaded(chunk) for chunk in listed]
    if what == "label":
        source[2] = Changing(listed[2], tmp_path / "mark")
    with (
        joblib.parallel_config("dask", client=client),
        pytest.raises(ValueError, match=message),
    ):
        model.fit(source)
    assert_nothing_runs(client)
    assert not hasattr(model, "coef_")


def test_a_bad_block_of_an_array_is_named(client):
    X, y, *_ = data()
    X[250, 3] = np.nan
    rows, targets = dask_arrays(X, y)
    with (
        client.as_current(),
        pytest.raises(ValueError, match=r"chunk 2 \(block 2 of X\).*row 70, column 3"),
    ):
        clone(MODEL).fit(rows, targets)
    assert_nothing_runs(client)


def test_an_interrupted_fit_leaves_nothing_running(client, tmp_path):
    source, marks = slow_chunks(tmp_path)

    def interrupt(*_):
        raise KeyboardInterrupt

    def send():
        while len(pids(marks)) < 4:
            if is_over.wait(0.01):
                return
        signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)

    before = signal.signal(signal.SIGALRM, interrupt)
    model = clone(MODEL)
    is_over, sender = threading.Event(), threading.Thread(target=send)
    sender.start()
    try:
        with (
            joblib.parallel_config("dask", client=client),
            pytest.raises(KeyboardInterrupt),
        ):
            model.fit(source)
    finally:
        is_over.set()
        sender.join()
        signal.signal(signal.SIGALRM, before)
    assert_nothing_runs(client)
    n_begun = [0]  # workers may begin another chunk before they have the news
    while len(pids(marks)) > n_begun[-1]:
        n_begun.append(len(pids(marks)))
        time.sleep(0.3)
    assert 0 < n_begun[-1] < len(source)
    assert not hasattr(model, "coef_")


def assert_nothing_runs(client):
    """Tasks that run when a fit ends may end; no other may be left."""
    deadline = time.monotonic() + 5
    while any(client.processing().values()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(client.processing().values())


def selections():
    """Models that try many fits, and what to compare of them."""
    network = MLPRegressor(hidden_layer_sizes=(6,), solver="lbfgs", random_state=0)
    network.set_params(max_iter=2000, tol=1e-2)
    base = GroupLasso(groups=GROUPS)
    return {
        "scored": (
            GroupLassoCV(groups=GROUPS, alphas=4, cv=3, scoring="r2"),
            "scores_path_",
        ),
        "stability": (
            GroupStabilitySelection(base, n_pairs=2, alphas=4, random_state=0),
            "stability_scores_",
        ),
        "grid": (GridSearchCV(base, {"alpha": [0.1, 1.0]}, cv=2), "best_score_"),
        "pruner": (
            MLPPrunerCV(network, budgets=(0.5,), cv=2, random_state=0),
            "full_scores_",
        ),
    }


@pytest.mark.parametrize("name", list(selections()))
def test_selections_spread_over_a_cluster(name, client):
    X, y, *_ = data()
    model, what = selections()[name]
    with joblib.parallel_config("threading", n_jobs=2):
        in_threads = clone(model).fit(X, y)
    with joblib.parallel_config("dask", client=client):
        spread = clone(model).fit(X, y)
    # A process that compiled kernels and one that loaded them may differ in a last bit.
    assert_allclose(getattr(spread, what), getattr(in_threads, what), rtol=1e-12)
