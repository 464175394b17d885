"""PyTorch models of which only some units are active."""

import io

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402

from skstruct import (  # noqa: E402
    DropAndGrow,
    TorchPruner,
    removable_groups,
)
from torch_models import MODELS, mlp, rows, settled  # noqa: E402

torch.set_num_threads(1)


def trained(model, schedule, optimizer, n_steps, X=None, y=None):
    X = rows() if X is None else X
    y = X[:, :3].abs() if y is None else y
    counts = []
    for _ in range(n_steps):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(X), y).backward()
        optimizer.step()
        counts.append(schedule.step())
    return counts


@pytest.mark.parametrize("criterion", ["magnitude", "taylor", "random"])
@pytest.mark.parametrize("name", ["plain", "decoder"])
def test_as_many_units_are_active_at_all_times(name, criterion):
    make, shape, counts = MODELS[name]
    model, x = settled(make(), shape).train(), torch.randn(20, *shape)
    with torch.no_grad():
        y = torch.randn_like(model(x))
    groups = removable_groups(model, x, side="outgoing")
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    schedule = DropAndGrow(
        model,
        groups,
        until=12,
        every=2,
        fraction=0.6,
        criterion=criterion,
        optimizer=optimizer,
        random_state=0,
    )
    exchanged = []
    for _ in range(16):
        exchanged += trained(model, schedule, optimizer, 1, x, y)
        for key, norms in groups.norms(model).items():
            assert schedule.active[key].sum() == counts[key] // 2
            assert not norms[~schedule.active[key]].any()
        for parameter, state in optimizer.state.items():
            zero = parameter == 0
            for momentum in ("exp_avg", "exp_avg_sq"):
                assert not state[momentum][zero].any()
    assert exchanged[0::2] == [0] * 8
    assert exchanged[11:] == [0] * 5
    assert exchanged[1] > 0
    assert exchanged[1] >= exchanged[9]
    model.eval()
    pruner = TorchPruner(model, budget="zeros").fit(x)
    for key, units in pruner.kept_units_.items():
        np.testing.assert_array_equal(units, np.flatnonzero(schedule.active[key]))
    with torch.no_grad():
        torch.testing.assert_close(pruner.model_(x), model(x), atol=1e-5, rtol=1e-5)


def test_units_with_the_largest_gradients_are_grown_and_the_weakest_dropped():
    model, X = mlp(20), rows()
    y = X[:, :3].abs()
    groups = removable_groups(model, X, side="outgoing")
    schedule = DropAndGrow(model, groups, 10, until=100, every=1, fraction=0.4)
    before = schedule.active["0"].copy()
    model.zero_grad()
    nn.functional.mse_loss(model(X), y).backward()
    slopes = model[2].weight.grad.norm(dim=0).numpy()
    norms = model[2].weight.detach().norm(dim=0).numpy()
    assert schedule.step() == 4  # 0.4 / 2 * (1 + cos(pi / 100)) * 10
    dropped = np.flatnonzero(before & ~schedule.active["0"])
    grown = np.flatnonzero(schedule.active["0"] & ~before)
    active, resting = np.flatnonzero(before), np.flatnonzero(~before)
    assert set(dropped) == set(active[np.argsort(norms[active])[:4]])
    assert set(grown) == set(resting[np.argsort(-slopes[resting])[:4]])
    # What is grown starts from zero, so that the loss does not jump.
    assert not model[2].weight[:, grown].any()


def test_growth_finds_units_that_are_needed():
    # All active units see noise only; those that matter are among the resting ones.
    model, X = mlp(16), rows(300)
    y = X[:, :1].abs().expand(-1, 3)
    with torch.no_grad():
        model[0].weight.zero_()
        model[0].weight[:8, 1:] = torch.randn(8, 5)
        model[0].weight[8:, 0] = torch.tensor([1.0, -1.0] * 4)
        model[0].bias.zero_()
        model[2].weight[:, :8] = 0.5
        model[2].weight[:, 8:] = 0.01
    groups = removable_groups(model, X, side="outgoing")
    schedule = DropAndGrow(model, groups, 4, until=160, every=20, fraction=0.5)
    assert not schedule.active["0"][8:].any()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    trained(model, schedule, optimizer, 200, X, y)
    assert schedule.active["0"][8:].sum() >= 2
    assert nn.functional.mse_loss(model(X), y).item() < 0.2 * float(y.var())


def test_checkpoint_goes_on_as_if_nothing_had_been():
    def made(seed):
        model = mlp(20)
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
        groups = removable_groups(model, rows(), side="outgoing")
        ways = {"criterion": "random", "grow": "random", "random_state": seed}
        schedule = DropAndGrow(
            model, groups, {"0": 0.3}, until=60, every=5, optimizer=optimizer, **ways
        )
        return model, schedule, optimizer

    model, schedule, optimizer = made(0)
    trained(model, schedule, optimizer, 17)
    file = io.BytesIO()
    torch.save([part.state_dict() for part in (model, optimizer, schedule)], file)
    trained(model, schedule, optimizer, 30)
    file.seek(0)
    saved = torch.load(file)
    other, other_schedule, other_optimizer = made(1)
    for part, state in zip(
        (other, other_optimizer, other_schedule), saved, strict=True
    ):
        part.load_state_dict(state)
    trained(other, other_schedule, other_optimizer, 30)
    np.testing.assert_array_equal(other_schedule.active["0"], schedule.active["0"])
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(p, q)
    with pytest.raises(ValueError, match="state_dict is of layers"):
        schedule.load_state_dict({**saved[2], "active": {"0": [True]}})


def test_bad_schedules_are_refused():
    model = mlp()
    groups = removable_groups(model, rows(), side="outgoing")
    with pytest.raises(ValueError, match="never return"):
        DropAndGrow(model, removable_groups(model, rows()), until=10)
    for name, value in (
        ("density", 0.0),
        ("density", 13),
        ("density", True),
        ("density", {"1": 0.5}),
        ("until", 0),
        ("every", 1.5),
        ("fraction", 1.5),
        ("criterion", "backward"),
        ("grow", "all"),
    ):
        with pytest.raises(ValueError, match=name):
            DropAndGrow(model, groups, **{"until": 10, name: value})
    schedule = DropAndGrow(model, groups, until=10, every=1)
    with pytest.raises(ValueError, match="has no gradient"):
        schedule.step()


def test_exchange_waits_for_gradients_that_are_finite():
    model = mlp()
    groups = removable_groups(model, rows(), side="outgoing")
    schedule = DropAndGrow(model, groups, until=10, every=1, fraction=1.0)
    model(rows()).sum().backward()
    model[2].weight.grad[0, 0] = np.nan
    before = schedule.active["0"].copy()
    assert schedule.step() == 0
    np.testing.assert_array_equal(schedule.active["0"], before)
