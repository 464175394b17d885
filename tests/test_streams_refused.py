"""Rows that cannot be read in chunks: what is said of them."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import ShuffleSplit

from makers import GROUPS
from skstruct import (
    BlockCoordinateDescentRegressor,
    GroupKnockoffSelector,
    GroupLasso,
    GroupLassoClassifier,
    GroupLassoCV,
    GroupLassoIC,
    GroupSelector,
    GroupStabilitySelection,
    GroupSubsetSelection,
    OverlappingGroupLasso,
)
from stream_sources import STEP, Chunks, assert_same, chunks, counts, data, files


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr("skstruct.streams.arrays.CHUNK_BYTES", 8 * 9 * STEP)
    monkeypatch.setattr("skstruct.streams.open.LARGE_MEMMAP", 0)


def broken(X, y, weights=None, *, where=2):
    """Chunks whose third is replaced."""
    parts = chunks(*data()[:3], step=50)
    parts[where] = (X, y) if weights is None else (X, y, weights)
    return parts


BAD = np.full((4, 9), 1.0)
BAD[2, 7] = np.nan


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (broken(BAD, np.ones(4)), r"chunk 2 .*NaN.*row 2, column 7"),
        (broken(sparse.csr_array(BAD), np.ones(4)), r"chunk 2 .*NaN"),
        (broken(np.ones((4, 8)), np.ones(4)), r"chunk 2 .*8 features.*has 9"),
        (broken(np.ones((4, 9)), np.ones(3)), r"chunk 2 .*y has shape \(3,\)"),
        (broken(np.ones((4, 9)), np.array([1, np.inf, 1, 1])), r"chunk 2 .*row 1"),
        (broken(np.ones((4, 9)), np.array(list("abcd"))), r"chunk 2 .*numbers"),
        (broken(np.ones((4, 9)), np.ones(4), -np.ones(4)), r"chunk 2 .*negative"),
        (broken(np.ones((4, 9)), np.ones(4), np.ones(5)), r"chunk 2 .*\(5,\)"),
        (broken(np.full((4, 9), "a"), np.ones(4)), r"chunk 2 .*numbers"),
        (broken(1e200 * np.eye(9), np.ones(9)), r"chunk 2 .*too large"),
        (broken(1j * np.eye(9), np.ones(9)), r"chunk 2 .*complex"),
        ([(np.ones((4, 9)), np.ones(4), np.zeros(4))], "sample_weight is zero"),
        (lambda: iter([]), "no chunks"),
    ],
)
def test_bad_chunks_are_named(parts, message):
    model = GroupLasso(groups=GROUPS)
    with pytest.raises(ValueError, match=message):
        model.fit(parts)
    assert not vars(model).keys() & {"coef_", "n_features_in_"}


def test_errors_of_a_source_say_which_chunk():
    def fail():
        raise OSError("disk full")

    parts = [lambda: (np.ones((5, 9)), np.ones(5)), fail]
    with pytest.raises(OSError, match="disk full") as caught:
        GroupLasso().fit(parts)
    assert "chunk 1" in caught.value.__notes__[0]


def test_labels_that_were_not_there_before():
    X, *_ = data()
    y = np.where(X[:, 0] > 1, "b", "a")
    n_passes = iter(range(100))

    def source():
        labels = y.astype(object)
        labels[300] = "new" if next(n_passes) > 1 else "a"
        return iter(chunks(X, labels))

    with pytest.raises(ValueError, match=r"chunk 2 .*'new'.*row 40"):
        GroupLassoClassifier().fit(source)


def test_responses_out_of_the_domain_of_the_loss():
    X, *_ = data()
    y, _ = counts(X)
    y[300] = -1
    with pytest.raises(ValueError, match=r"chunk 2 .*nonnegative.*sample 40"):
        GroupLasso(loss="poisson").fit(chunks(X, y))


def test_iterators_are_read_once():
    X, y, *_ = data()
    model = GroupLasso(alpha=0.1, groups=GROUPS)
    found = clone(model).fit(iter(chunks(X, y)))
    assert_same(found, model.fit(X, y))
    cv = GroupLassoCV(groups=GROUPS, alphas=3, cv=2).fit(iter(chunks(X, y)))
    assert cv.n_passes_ == 1
    for curved in (GroupLasso(loss="huber"), GroupLassoClassifier()):
        unread = iter(chunks(X, y))
        with pytest.raises(ValueError, match=r"can be read once.*several passes"):
            curved.fit(unread)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (GroupLasso(adaptive="ridge"), "adaptive='ridge'.*pass its coef_"),
        (GroupLasso(loss="quantile"), "has kinks"),
        (GroupLasso(loss="huber", relax=True), "relax=True"),
        (GroupLassoCV(scoring="r2"), "scoring='r2'"),
        (GroupLassoIC(loss="poisson"), "Use GroupLassoCV"),
        (
            BlockCoordinateDescentRegressor(loss="huber", penalty="group_mcp"),
            "not convex",
        ),
        (OverlappingGroupLasso(loss="huber", overlap="tree"), "couples its groups"),
        (
            GroupLassoCV(cv=ShuffleSplit(3, test_size=0.5, random_state=0)),
            "held out once at most",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_needs_rows_says_so(model, message, tmp_path):
    X, y, *_ = data()
    paths = files(tmp_path, X, y, None, None)
    with pytest.raises(ValueError, match=message):
        model.fit(paths["X"], paths["y"])


@pytest.mark.parametrize(
    "model",
    [
        GroupLasso(adaptive="ridge"),
        GroupLassoCV(scoring="r2", alphas=2),
        GroupLassoCV(cv=ShuffleSplit(3, test_size=0.5, random_state=0), alphas=2),
    ],
    ids=lambda model: f"{type(model).__name__}{len(str(model))}",
)
def test_a_memmap_is_an_array_where_rows_are_needed(model, tmp_path):
    X, y, *_ = data()
    paths = files(tmp_path, X, y, None, None)
    model.fit(np.load(paths["X"], mmap_mode="r"), y)
    assert not hasattr(model, "n_passes_")
    assert_same(model, clone(model).fit(X, y))


@pytest.mark.parametrize(
    "model",
    [
        GroupSubsetSelection(),
        GroupStabilitySelection(GroupLasso()),
        GroupKnockoffSelector(),
        GroupSelector(GroupLasso()),
    ],
    ids=lambda model: type(model).__name__,
)
def test_models_that_need_all_rows_in_memory(model, tmp_path):
    paths = files(tmp_path, *data()[:2], None, None)
    with pytest.raises(TypeError, match="needs all rows in memory"):
        model.fit(paths["X"], np.ones(400))


def test_what_cannot_be_opened(tmp_path):
    X, y, *_ = data()
    paths = files(tmp_path, X, y, None, None)
    model = GroupLasso()
    with pytest.raises(FileNotFoundError, match="no such file"):
        model.fit(tmp_path / "other.npy", y)
    with pytest.raises(FileNotFoundError, match="no such file"):
        model.fit(paths["X"], tmp_path / "other.npy")
    with pytest.raises(ValueError, match="y is needed"):
        model.fit(paths["X"])
    with pytest.raises(ValueError, match="3 rows, where X has 400"):
        model.fit(paths["X"], y[:3])
    with pytest.raises(ValueError, match="two-dimensional"):
        model.fit(paths["y"], y)
    with pytest.raises(ValueError, match="must come with each chunk"):
        model.fit(Chunks(chunks(X, y)), y)
    (tmp_path / "X.csv").write_text("1,2")
    with pytest.raises(ValueError, match=r"\.npy or \.parquet"):
        model.fit(tmp_path / "X.csv", y)
    with pytest.raises(ValueError, match="a tuple of 5"):
        model.fit([(X, y, y, y, y)])
    with pytest.raises(TypeError, match="must return an iterator"):
        model.fit(lambda: 3)


def test_an_error_of_a_chunk_says_which_it_was():
    X, y, *_ = data()

    def broken():
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone") as caught:
        GroupLasso().fit([lambda: (X, y), broken])
    assert caught.value.__notes__ == ["while loading chunk 1 (item 1 of the list)"]
