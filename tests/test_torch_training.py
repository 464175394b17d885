"""PyTorch models trained to have units that are exactly zero, and these removed."""

import copy
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402

from skstruct import (  # noqa: E402
    TorchPruner,
    UnitGroups,
    proximal_step,
    removable_groups,
)
from skstruct.pruning.torch.step_sizes import step_sizes  # noqa: E402
from torch_models import mlp, rows, units_of_rows  # noqa: E402

torch.set_num_threads(1)


def entries(model, groups, unit):
    """Slow twin: all entries of a unit as one vector."""
    named, found = dict(model.named_parameters()), []
    for name, (dim, owner) in groups.parts.items():
        if dim is None:
            found += [named[name].detach().flatten()] * int(owner[0] == unit)
            continue
        for index in np.flatnonzero(owner == unit):
            found.append(named[name].detach().select(dim, int(index)).flatten())
    return torch.cat(found).double().numpy()


# -- the step ----------------------------------------------------------------------


def prox(v, threshold, l1_ratio, weight):
    """The formula, for one unit (Simon et al., 2013)."""
    u = np.sign(v) * np.maximum(np.abs(v) - threshold * l1_ratio, 0.0)
    norm = np.linalg.norm(u)
    bound = threshold * (1 - l1_ratio) * weight
    return u * (1 - bound / norm) if norm > bound else 0.0 * u


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 99),
    alpha=st.floats(0.0, 3.0),
    lr=st.floats(0.0, 1.0),
    l1_ratio=st.sampled_from([0.0, 0.3, 1.0]),
    dim=st.sampled_from([0, 1]),
)
def test_step_is_the_formula_of_each_unit(seed, alpha, lr, l1_ratio, dim):
    torch.manual_seed(seed)
    model = nn.ModuleList([nn.Conv2d(3, 4, 2), nn.Linear(4, 3)]).double()
    units = [
        [("0.weight", dim, j), ("1.weight", 1 - dim, [j])] for j in range(3)
    ]  # index 3, the biases and so on are in no unit
    groups = UnitGroups(model, units, group_weights=[0.5, 2.0, 1.0])
    before = copy.deepcopy(model)
    penalty, n_zero = proximal_step(model, groups, alpha, lr, l1_ratio=l1_ratio)
    total, zeros = 0.0, 0
    for unit, weight in enumerate([0.5, 2.0, 1.0]):
        v, c = entries(before, groups, unit), entries(model, groups, unit)
        np.testing.assert_allclose(c, prox(v, lr * alpha, l1_ratio, weight), atol=1e-12)
        total += l1_ratio * np.abs(c).sum()
        total += (1 - l1_ratio) * weight * np.linalg.norm(c)
        zeros += not c.any()
    assert penalty == pytest.approx(alpha * total, abs=1e-9)
    assert n_zero == zeros
    for (name, p), q in zip(model.named_parameters(), before.parameters(), strict=True):
        dim_of, owner = groups.parts.get(name, (0, np.full(len(p), 3)))
        rest = torch.from_numpy(np.flatnonzero(owner == 3))
        assert torch.equal(p.index_select(dim_of, rest), q.index_select(dim_of, rest))


def test_step_minimises_its_objective():
    # Against a general minimiser, for a unit that is made smaller and not zero.
    rng = np.random.default_rng(0)
    v = rng.normal(size=5)
    model = nn.Linear(5, 1, bias=False).double()
    model.weight.data[:] = torch.from_numpy(v)
    proximal_step(model, [["weight"]], 0.6, 0.5, l1_ratio=0.4)

    def objective(c):
        penalty = 0.4 * np.abs(c).sum() + 0.6 * np.sqrt(5) * np.linalg.norm(c)
        return 0.5 * np.sum((c - v) ** 2) + 0.5 * 0.6 * penalty

    found = model.weight.detach().numpy().ravel()
    best = minimize(
        objective, v, method="Powell", options={"xtol": 1e-9, "ftol": 1e-15}
    )
    assert objective(found) <= best.fun + 1e-12
    np.testing.assert_allclose(found, best.x, atol=1e-5)


def optimizers(parameters):
    """All optimizers whose step sizes are known, some in several ways."""
    parameters = list(parameters)
    return {
        "SGD": torch.optim.SGD(parameters, lr=0.05),
        "momentum": torch.optim.SGD(parameters, lr=0.05, momentum=0.9, nesterov=True),
        "dampened": torch.optim.SGD(parameters, lr=0.1, momentum=0.9, dampening=0.5),
        "Adam": torch.optim.Adam(parameters, lr=0.01),
        "AMSGrad": torch.optim.AdamW(parameters, 0.02, amsgrad=True, weight_decay=0),
        "RMSprop": torch.optim.RMSprop(parameters, 0.003, momentum=0.3, centered=True),
        "Adagrad": torch.optim.Adagrad(parameters, lr=0.1, lr_decay=1e-3),
    }


@pytest.mark.parametrize("name", ["SGD", "momentum", "Adam"])
def test_training_ends_at_a_stationary_point_of_the_objective(name):
    X, model = rows(40).double(), mlp(8, activation=nn.Tanh).double()
    y = torch.sin(X[:, :3])
    groups, alpha = removable_groups(model, X), 0.03
    optimizer = optimizers(model.parameters())[name]
    for _ in range(800 if name == "SGD" else 300):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(X), y).backward()
        optimizer.step()
        _, n_zero = proximal_step(model, groups, alpha, optimizer)
    assert 0 < n_zero < 8
    slopes = copy.deepcopy(model)
    for p, q in zip(slopes.parameters(), model.parameters(), strict=True):
        p.data = q.grad
    for unit, weight in enumerate(groups.weights):
        c, slope = entries(model, groups, unit), entries(slopes, groups, unit)
        if c.any():
            wanted = -alpha * weight * c / np.linalg.norm(c)
            np.testing.assert_allclose(slope, wanted, atol=0.25 * alpha)
        else:
            assert np.linalg.norm(slope) <= alpha * weight


@pytest.mark.parametrize("name", optimizers([nn.Parameter(torch.ones(1))]))
def test_step_sizes_are_what_a_constant_gradient_is_multiplied_by(name):
    model = nn.Linear(3, 2).double()
    optimizer = optimizers(model.parameters())[name]
    slopes = {p: torch.rand_like(p) for p in model.parameters()}
    for step in range(300):
        before = [p.detach().clone() for p in model.parameters()]
        for p, slope in slopes.items():  # second moments have to settle
            p.grad = slope * (1 + (step % 2) * (step < 100) * (name == "RMSprop"))
        optimizer.step()
    found = step_sizes(optimizer)
    for old, (p, slope) in zip(before, slopes.items(), strict=True):
        moved = (old - p) / slope
        wanted = torch.as_tensor(found[p]).expand_as(p).to(moved)
        torch.testing.assert_close(moved.detach(), wanted, rtol=5e-3, atol=0.0)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.4])
def test_step_with_step_sizes_by_entry_minimises_its_objective(l1_ratio):
    torch.manual_seed(0)
    model = nn.Linear(4, 6).double()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(4):
        optimizer.zero_grad()
        scales = torch.tensor([1e-3, 1e-1, 1.0, 1.0, 1e1, 1e3])
        (model(torch.randn(9, 4).double()) ** 2 * scales).sum().backward()
        optimizer.step()
    groups = UnitGroups(model, units_of_rows("", 6), group_weights=[1, 1, 0.5, 0, 1, 1])
    sizes = copy.deepcopy(model)
    for p, q in zip(sizes.parameters(), model.parameters(), strict=True):
        p.data = step_sizes(optimizer)[q]
    before = copy.deepcopy(model)
    penalty, n_zero = proximal_step(model, groups, 1.0, optimizer, l1_ratio=l1_ratio)
    assert 0 < n_zero < 5
    total = 0.0
    for unit, weight in enumerate(groups.weights):
        s, v, c = (entries(m, groups, unit) for m in (sizes, before, model))

        def value(c, weight=weight):
            sizes = l1_ratio * np.abs(c).sum() * (weight > 0)
            return sizes + (1 - l1_ratio) * weight * np.linalg.norm(c)

        def objective(c, s=s, v=v, value=value):
            return np.sum((c - v) ** 2 / (2 * s)) + value(c)

        ways = {"method": "Powell", "options": {"xtol": 1e-9, "ftol": 1e-14}}
        best = min(minimize(objective, start, **ways).fun for start in (v, 0.5 * v))
        assert objective(c) <= min(best, objective(0 * v)) + 1e-9
        total += value(c)
    assert penalty == pytest.approx(total)


@pytest.mark.parametrize(
    ("name", "side", "lr", "alpha"),
    [
        ("SGD", "outgoing", 0.1, 0.02),
        ("Adam", "incoming", None, 0.01),
        ("Adam", "outgoing", 0.01, 0.1),
        ("Adagrad", "outgoing", None, 0.01),
    ],
)
def test_training_ends_in_zeros_with_any_optimizer(name, side, lr, alpha):
    X, model = rows(), mlp(24)
    y = X[:, :3].abs()
    groups = removable_groups(model, X, side=side)
    optimizer = optimizers(model.parameters())[name]
    losses = []
    for _ in range(130):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(X), y)
        loss.backward()
        optimizer.step()
        _, n_zero = proximal_step(model, groups, alpha, lr or optimizer)
        losses.append(loss.item())
    assert 0 < n_zero < 24
    assert losses[-1] < 0.8 * losses[0]
    small = TorchPruner(model, budget="zeros").fit(X).model_
    assert small[0].out_features == 24 - n_zero
    torch.testing.assert_close(small(X), model(X), atol=1e-5, rtol=1e-5)


def test_no_penalty_changes_nothing():
    model = mlp()
    before = copy.deepcopy(model.state_dict())
    groups = removable_groups(model, rows())
    for alpha, lr in ((0.0, 0.1), (0.1, 0.0)):
        proximal_step(model, groups, alpha, lr, l1_ratio=0.5)
    unpenalised = UnitGroups(model, units_of_rows("0.", 12), group_weights=np.zeros(12))
    assert proximal_step(model, unpenalised, 9.0, 9.0, l1_ratio=0.5) == (0.0, 0)
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key])


def test_units_with_a_frozen_part_stay():
    model = nn.Sequential(nn.Conv2d(1, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 5, 1))
    groups = removable_groups(model, torch.randn(2, 1, 3, 3))
    model[1].weight.requires_grad_(False)
    before = copy.deepcopy(model.state_dict())
    assert proximal_step(model, groups, 1.0, 1e3) == (0.0, 0)
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key])
    for lr in (0.1, 0.0):
        optimizer = torch.optim.Adam([model[0].weight, model[0].bias], lr=lr)
        assert proximal_step(model, groups, 1.0, optimizer) == (0.0, 0)
    more = UnitGroups(model, [["2.weight"], [("0.weight", 0, 1), ("1.weight", 0, 1)]])
    assert proximal_step(model, more, 1.0, 1e3).n_zero == 1
    assert not model[2].weight.any()
    assert torch.equal(model[0].weight, before["0.weight"])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    model = mlp().to(dtype)
    model[0].weight.data[:6] *= 1e-3
    model[0].bias.data[:6] *= 1e-3
    model[0].weight.data[6:] *= 300  # whose squares are beyond half precision
    groups = removable_groups(model, rows())
    _, n_zero = proximal_step(model, groups, 0.1, 0.1, l1_ratio=0.1)
    assert n_zero == 6
    assert model[0].weight.dtype == dtype
    assert model[0].weight.isfinite().all()
    small = TorchPruner(model, budget="zeros").fit(rows()).model_
    assert small[0].weight.dtype == dtype
    x = rows(5).to(dtype)
    torch.testing.assert_close(small(x), model(x))


class Tied(nn.Module):
    """Two layers with one weight, read by a third."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(6, 8), nn.Linear(6, 8)
        self.second.weight = self.first.weight
        self.last = nn.Linear(8, 2)

    def forward(self, x):
        return self.last(torch.relu(self.first(x)) + torch.relu(self.second(-x)))


def test_shared_weights_are_shrunk_once_and_stay_shared():
    torch.manual_seed(0)
    model = Tied()
    groups = removable_groups(model, rows())
    assert [*groups.parts] == ["first.weight", "first.bias", "second.bias"]
    assert groups.sizes.tolist() == [8] * 8
    norms = groups.norms(model)["first"]
    _, n_zero = proximal_step(model, groups, 1.0, float(np.median(norms)) / np.sqrt(8))
    assert n_zero == 4
    small = TorchPruner(model, budget="zeros").fit(rows()).model_
    assert small.first.weight is small.second.weight
    assert small.first.weight.shape == (4, 6)
    torch.testing.assert_close(small(rows()), model(rows()))


def test_lack_of_torch_is_said():
    code = (
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'torch':\n"
        "            raise ModuleNotFoundError('none', name=name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        "import skstruct\n"
        "for call in (lambda: skstruct.proximal_step(None, [], 1, 1),\n"
        "             lambda: skstruct.removable_groups(None, None),\n"
        "             lambda: skstruct.DropAndGrow(None, [], until=1)):\n"
        "    try:\n"
        "        call()\n"
        "    except ImportError as error:\n"
        "        print(error)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.count("needs PyTorch: pip install 'skstruct[torch]'") == 3
