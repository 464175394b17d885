"""One and the same data as everything that `fit` reads in chunks."""

import pickle

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.utils import get_tags

from makers import make_data

#: Rows in a chunk of files.
STEP = 70


def data(n_samples=400, n_outputs=None, seed=0):
    """X, y, weights and offset; several chunks of them."""
    X, y = make_data(seed, n_samples, n_outputs=n_outputs)
    rng = np.random.default_rng(seed + 1)
    weights = rng.integers(0, 4, n_samples).astype(float)
    offset = 0.3 * rng.normal(size=y.shape)
    return X, y, weights, offset


def counts(X, seed=2):
    """Counts that depend on some columns, and the logarithm of their means."""
    eta = 0.2 * (X[:, :4] - X[:, :4].mean(axis=0)).sum(axis=1)
    return np.random.default_rng(seed).poisson(np.exp(eta)).astype(float), eta


def chunks(*arrays, step=130):
    """Rows in chunks, as tuples."""
    n = len(arrays[0])
    return [
        tuple(None if a is None else a[i : i + step] for a in arrays)
        for i in range(0, n, step)
    ]


class Chunks:
    """A source that can be iterated again and again, and counts how often it was."""

    def __init__(self, parts):
        self.parts, self.n_read = parts, 0

    def __iter__(self):
        for part in self.parts:
            self.n_read += 1
            yield part

    @property
    def n_passes(self):
        """Passes, but for the look at the first chunk."""
        return (self.n_read - 1) / len(self.parts)


class Loaded:
    """A chunk that is computed when it is called for."""

    def __init__(self, chunk):
        self.chunk = chunk

    def __call__(self):
        return self.chunk


def files(folder, X, y, weights, offset):
    """The arrays in .npy files, by name."""
    arrays = {"X": X, "y": y, "weights": weights, "offset": offset}
    for name, array in arrays.items():
        if array is not None:
            np.save(folder / f"{name}.npy", array)
    return {
        name: None if a is None else folder / f"{name}.npy"
        for name, a in arrays.items()
    }


def sources(folder, X, y, weights, offset):
    """Arguments of `fit`, by the kind of source."""
    paths = files(folder, X, y, weights, offset)
    listed = chunks(X, y, weights, offset)
    raw = np.memmap(folder / "raw", np.float64, "w+", 24, X.shape, "F")
    raw[:] = X
    raw.flush()
    # Rows from the middle of a longer file.
    longer = np.lib.format.open_memmap(
        folder / "longer.npy", "w+", X.dtype, (len(X) + 20, X.shape[1])
    )
    longer[10:-10] = X
    longer.flush()
    beside = {"sample_weight": weights, "offset": offset}
    return {
        "paths": (
            (str(paths["X"]), paths["y"]),
            {"sample_weight": paths["weights"], "offset": paths["offset"]},
        ),
        "path": ((paths["X"], y), beside),
        "memmap": ((np.load(paths["X"], mmap_mode="r"), y), beside),
        "fortran": ((raw, y), beside),
        "rows": ((longer[10:-10], y), beside),
        "list": ((listed,), {}),
        "functions": (([Loaded(chunk) for chunk in listed],), {}),
        "function": ((lambda: iter(listed),), {}),
        "iterable": ((Chunks(listed),), {}),
    }


KINDS = (
    "paths", "path", "memmap", "fortran", "rows", "list", "functions", "function",
    "iterable",
)  # fmt: skip


def assert_same(found, expected, rtol=1e-10, names=("coef_", "intercept_")):
    """Two models are the same, but for rounding."""
    for name in names:
        a, b = getattr(found, name), getattr(expected, name)
        assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max(), err_msg=name)
    assert_array_equal(found.selected_groups_, expected.selected_groups_)


def assert_is_whole(found, X):
    """A fitted model holds nothing of where its rows came from."""
    copy = pickle.loads(pickle.dumps(found))
    assert_array_equal(copy.predict(X), found.predict(X))
    assert copy.n_features_in_ == X.shape[1]
    fresh = clone(found)
    assert get_tags(found) == get_tags(fresh)
    assert fresh.get_params() == found.get_params()
    assert not hasattr(fresh, "coef_")
