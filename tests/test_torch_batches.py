"""Calibration inputs that are gone through several times, and what is kept of them."""

import gc
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from skstruct import TorchPruner  # noqa: E402
from skstruct.pruning.torch.moments import Moments  # noqa: E402


def network():
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 6, 3)]
    return nn.Sequential(*layers, nn.ReLU(), nn.Flatten(), nn.Linear(96, 3)).eval()


def images(n_rows, seed=1):
    return torch.randn(n_rows, 1, 8, 8, generator=torch.Generator().manual_seed(seed))


def fitted(inputs, **parameters):
    return TorchPruner(network(), random_state=0, **parameters).fit(inputs)


def bytes_of_tensors():
    """Return the bytes of all tensors that are there."""
    gc.collect()
    there = [x for x in gc.get_objects() if type(x) in (torch.Tensor, nn.Parameter)]
    storages = [x.untyped_storage() for x in there if x.layout is torch.strided]
    return sum({s.data_ptr(): s.nbytes() for s in storages}.values())


class Source:
    """Batches made anew in each pass; notes the bytes there are at its end."""

    def __init__(self, n_rows, size=20):
        self.n_rows, self.size, self.n_bytes = n_rows, size, []

    def __iter__(self):
        for start in range(0, self.n_rows, self.size):
            yield images(self.size, start)
        self.n_bytes.append(bytes_of_tensors())


def test_memory_does_not_grow_with_rows(monkeypatch):
    fitted(images(200))  # what libraries keep from the first time on
    if replay := sys.modules.get("skstruct.pruning.torch.replay"):
        # Outputs that are held to save time, as many as fit into a limit: here none.
        monkeypatch.setattr(replay, "LIMIT", 0)
    most = {}
    for n_rows in (200, 2000):
        source = Source(n_rows)
        before = bytes_of_tensors()
        # Places that are drawn, and rows that are probed, are reached by 200 rows.
        fitted(source, n_positions=200, budget={"params": 300})
        assert len(source.n_bytes) >= 4  # to count, to look, and one for each layer
        most[n_rows] = max(source.n_bytes) - before
    data = images(2000).nbytes
    assert most[2000] < 1.1 * most[200] + 0.05 * data
    # What is measured does show batches that are held.
    source, before = Source(2000), bytes_of_tensors()
    held = list(source)
    assert source.n_bytes[0] - before > 0.9 * data
    assert len(held) == 100


@pytest.mark.parametrize(
    "parameters", [{}, {"allocation": "sensitivity"}, {"criterion": "taylor"}]
)
def test_loaders_give_what_lists_give(parameters):
    x = images(90)
    loader = DataLoader(TensorDataset(x), batch_size=20)
    found = [
        fitted(inputs, **parameters).model_
        for inputs in (list(x.split(20)), loader, (part for part in x.split(20)))
    ]
    for other in found[1:]:
        for a, b in zip(found[0].parameters(), other.parameters(), strict=True):
            assert torch.equal(a, b)


def test_loaders_that_shuffle_are_held():
    loader = DataLoader(TensorDataset(images(90)), batch_size=20, shuffle=True)
    found = [fitted(loader).model_ for _ in range(2)]  # and drawn by random_state
    for a, b in zip(*(model.parameters() for model in found), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("change", ["other", "fewer", "more"])
def test_batches_that_change_later_are_an_error(change):
    class Changing:
        passes = 0

        def __iter__(self):
            self.passes += 1
            yield images(30)
            if change != "fewer" or self.passes == 1:
                yield images(30, seed=self.passes if change == "other" else 2)
            if change == "more" and self.passes > 1:
                yield images(30)

    with pytest.raises(ValueError, match="calibration_inputs gives other batches"):
        fitted(Changing())


def test_products_are_single_and_sums_double():
    rng = np.random.default_rng(0)
    X, Z = rng.normal(size=(5000, 7)) + 100, rng.normal(size=(5000, 2)) - 10
    moments = Moments()
    for k in range(0, 5000, 50):
        parts = (torch.from_numpy(part[k : k + 50]).float() for part in (X, Z))
        moments.add(*parts)
    x, z, gram, cross, energy = moments.centred()
    X, Z = X.astype(np.float32).astype(float), Z.astype(np.float32).astype(float)
    np.testing.assert_allclose(x, X.mean(axis=0), rtol=1e-7)
    np.testing.assert_allclose(z, Z.mean(axis=0), rtol=1e-7)
    X, Z = X - X.mean(axis=0), Z - Z.mean(axis=0)
    for found, wanted in ((gram, X.T @ X), (cross, X.T @ Z), (energy, Z.T @ Z)):
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, wanted, atol=1e-6 * 5000)
