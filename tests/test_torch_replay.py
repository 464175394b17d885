"""What does not change any more is run once: with the same result, or not at all."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from skstruct import TorchPruner  # noqa: E402
from skstruct.pruning.torch import replay  # noqa: E402
from torch_models import Encoder, residual, settled  # noqa: E402

torch.set_num_threads(1)


def rows(*shape):
    return torch.randn(200, *shape, generator=torch.Generator().manual_seed(1))


def outputs(model, x, monkeypatch, limit):
    """Return the errors of layers and the output, with so many bytes to hold."""
    monkeypatch.setattr(replay, "LIMIT", limit)
    pruner = TorchPruner(model, budget=0.5, random_state=0, batch_size=40).fit(x)
    with torch.no_grad():
        return pruner.reconstruction_error_, pruner.model_(x[:9])


def assert_same(one, other):
    assert one[0] == pytest.approx(other[0], rel=1e-3)
    torch.testing.assert_close(one[1], other[1], rtol=1e-3, atol=1e-4)


class Parts(nn.Module):
    """Feed-forward parts, each of them a module."""

    def __init__(self, n_parts=4):
        super().__init__()
        self.parts = nn.ModuleList(
            nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 6))
            for _ in range(n_parts)
        )

    def forward(self, x):
        for part in self.parts:
            y = part(x)
            y += x  # in place: not into what is held
            x = y
        return x


class Halving(nn.Module):
    """Changes its input in place, and gives something else."""

    def __init__(self):
        super().__init__()
        self.inside = nn.Linear(6, 6)

    def forward(self, x):
        return self.inside(x.mul_(0.5))


class Odd(nn.Module):
    """Uses what one of its modules has changed in passing."""

    def __init__(self):
        super().__init__()
        self.first, self.halving, self.rest = nn.Linear(6, 6), Halving(), Parts(2)

    def forward(self, x):
        x = self.first(x)
        y = self.halving(x)
        return self.rest(x + y)


def test_modules_run_once_where_nothing_changes_any_more(monkeypatch):
    torch.manual_seed(0)
    model, x, own = Parts(), rows(6), F.linear
    found, counts = [], []
    for limit in (0, 2**29):
        calls = []
        monkeypatch.setattr(F, "linear", lambda *a, c=calls: c.append(1) or own(*a))
        found.append(outputs(model, x, monkeypatch, limit))
        counts.append(len(calls))
    assert_same(*found)
    # Parts have two layers. Of five batches, the third pass runs one part less and the
    # fourth two; one batch is then run twice more, once without its first three parts.
    assert counts[0] - counts[1] == 5 * (2 + 4) - 8 - 2


@pytest.mark.parametrize(
    ("model", "shape"),
    [(settled(residual(), (2, 8, 8)), (2, 8, 8)), (Encoder(), (7, 16))],
    ids=["residual", "encoder"],
)
def test_the_result_is_that_of_running_all_anew(model, shape, monkeypatch):
    found = [outputs(model.eval(), rows(*shape), monkeypatch, n) for n in (0, 2**29)]
    assert_same(*found)


def test_what_cannot_be_replayed_is_run_anew(monkeypatch):
    torch.manual_seed(0)
    model, answers, own = Odd(), [], replay.Replay.is_true

    def noted(*args):
        answers.append(own(*args))
        return answers[-1]

    monkeypatch.setattr(replay.Replay, "is_true", noted)
    found = [outputs(model, rows(6), monkeypatch, limit) for limit in (0, 2**29)]
    assert answers == [True, False]
    assert_same(*found)
