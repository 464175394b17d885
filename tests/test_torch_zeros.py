"""Groups of units of PyTorch models, and the removal of those that are zero."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402

from skstruct import (  # noqa: E402
    TorchPruner,
    UnitGroups,
    proximal_step,
    removable_groups,
)
from torch_models import MODELS, mlp, rows, settled, units_of_rows  # noqa: E402

torch.set_num_threads(1)


SIDES = ["incoming", "outgoing"]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", MODELS)
def test_zero_units_are_removed_and_outputs_stay(name, side):
    make, shape, counts = MODELS[name]
    model, x = settled(make(), shape), torch.randn(6, *shape)
    weights = {key: np.arange(n) % 2 for key, n in counts.items()}
    groups = removable_groups(model, x, side=side, group_weights=weights)
    assert {key: own.stop - own.start for key, own in groups.layers.items()} == counts
    _, n_zero = proximal_step(model, groups, 1.0, 1e3)
    assert n_zero == groups.n_units // 2
    for key, norms in groups.norms(model).items():
        assert (norms[1::2] == 0).all()
        assert (norms[::2] > 0).all(), key
    pruner = TorchPruner(model, budget="zeros").fit(x)
    for key, units in pruner.kept_units_.items():
        np.testing.assert_array_equal(units, np.arange(0, counts[key], 2))
    with torch.no_grad():
        found, wanted = pruner.model_.eval()(x), model.eval()(x)
    if isinstance(wanted, dict):
        found, wanted = found["y"], wanted["y"]
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-5)
    assert pruner.n_parameters_ < sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("activation", [nn.Sigmoid, nn.Softplus, nn.GELU])
def test_constants_go_into_intercepts(activation):
    model = mlp(10, activation=activation)
    model[2].bias = None
    with torch.no_grad():
        model[0].weight[:4] = 0.0  # with their biases: any constant
        model[2].weight[:, 9] = 0.0
    pruner = TorchPruner(model, budget="zeros").fit(rows())
    np.testing.assert_array_equal(pruner.kept_units_["0"], np.arange(4, 9))
    torch.testing.assert_close(pruner.model_(rows()), model(rows()))
    assert pruner.reconstruction_error_ == {}
    assert pruner.path_[-1].output_error < 1e-10


def test_constant_channels_next_to_padding_stay():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 6, 3),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Conv2d(6, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 2, 2),
        nn.Flatten(),
    )
    x = torch.randn(8, 1, 6, 6)
    with torch.no_grad():
        for norm in (model[1], model[4]):  # as network slimming leaves them
            norm.weight[0] = norm.weight[1] = 0.0
            norm.bias[0], norm.bias[1] = 0.5, -0.5
    with pytest.warns(UserWarning, match=r"\{'0': 1\} by group, and stay"):
        pruner = TorchPruner(model, budget="zeros").fit(x)
    assert [len(kept) for kept in pruner.kept_units_.values()] == [5, 2]
    with torch.no_grad():
        torch.testing.assert_close(pruner.model_.eval()(x), model.eval()(x))


def test_one_unit_stays_of_a_layer_of_zeros():
    model = mlp()
    groups = removable_groups(model, rows())
    assert proximal_step(model, groups, 1.0, 1e3).n_zero == 12
    pruner = TorchPruner(model, budget="zeros").fit(rows())
    assert pruner.model_[0].out_features == 1
    torch.testing.assert_close(pruner.model_(rows()), model(rows()))


def test_without_zeros_everything_stays():
    pruner = TorchPruner(mlp(), budget="zeros").fit(rows())
    assert [len(kept) for kept in pruner.kept_units_.values()] == [12]
    with pytest.raises(ValueError, match="budget"):
        TorchPruner(mlp(), budget="zero").fit(rows())


class Conv1D(nn.Module):
    """A linear layer whose weight is transposed, as in `transformers`."""

    def __init__(self, n_out, n_in):
        super().__init__()
        self.nf, self.nx = n_out, n_in
        self.weight = nn.Parameter(torch.randn(n_in, n_out))
        self.bias = nn.Parameter(torch.randn(n_out))

    def forward(self, x):
        return x @ self.weight + self.bias


@pytest.mark.parametrize("side", SIDES)
def test_transposed_weights(side):
    torch.manual_seed(0)
    model = nn.Sequential(Conv1D(8, 6), nn.ReLU(), Conv1D(3, 8))
    groups = removable_groups(
        model, rows(), side=side, group_weights={"0": np.arange(8) % 2}
    )
    dims = {name: dim for name, (dim, _) in groups.parts.items()}
    wanted = {"incoming": {"0.weight": 1, "0.bias": 0}, "outgoing": {"2.weight": 0}}
    assert dims == wanted[side]
    proximal_step(model, groups, 1.0, 1e3)
    small = TorchPruner(model, budget="zeros").fit(rows()).model_
    assert small[0].weight.shape == (6, 4)
    torch.testing.assert_close(small(rows()), model(rows()))


# -- groups ------------------------------------------------------------------------


def test_groups_by_hand_are_those_that_are_found():
    model = mlp()
    found = removable_groups(model, rows())
    by_hand = UnitGroups(model, {"0": units_of_rows("0.", 12)})
    assert found.layers == by_hand.layers == {"0": slice(0, 12)}
    assert len(found) == 12
    np.testing.assert_array_equal(found.weights, np.full(12, np.sqrt(7)))
    np.testing.assert_array_equal(by_hand.weights, found.weights)
    for name, (dim, owner) in by_hand.parts.items():
        assert found.parts[name][0] == dim
        np.testing.assert_array_equal(found.parts[name][1], owner)
    twins = [copy.deepcopy(model) for _ in range(2)]
    for twin, groups in zip(twins, (found, units_of_rows("0.", 12)), strict=True):
        proximal_step(twin, groups, 0.1, 1.0)
    for p, q in zip(*(twin.parameters() for twin in twins), strict=True):
        assert torch.equal(p, q)


@pytest.mark.parametrize(
    ("units", "message"),
    [
        ([[("0.weight", 0, 1)], [("0.weight", 0, [0, 1])]], "units overlap: unit 1"),
        ([[("0.weight", 0, 1)], [("0.weight", 1, 0)]], "units overlap: unit 1"),
        ([[("0.weight", 0, 1)], ["0.weight"]], "units overlap: unit 1"),
        ([[("0.weight", 0, 12)]], r"integers from 0 to 11"),
        ([[("0.weight", 0, 1.5)]], r"integers from 0 to 11"),
        ([[("0.weight", 2, 0)]], r"dimension 2 of '0.weight', which has shape"),
        ([[("0.scale", 0, 0)]], "'0.scale', which is no parameter"),
        ({"hidden": []}, "units is empty"),
        ([[]], "unit 0 of all has no entries"),
    ],
)
def test_groups_that_make_no_sense_are_refused(units, message):
    with pytest.raises(ValueError, match=message):
        UnitGroups(mlp(), units)


def test_bad_input_is_refused():
    model, groups = mlp(), UnitGroups(mlp(), units_of_rows("0.", 12))
    with pytest.raises(TypeError, match="must be a tuple"):
        UnitGroups(model, [[("0.weight", 0)]])
    with pytest.raises(ValueError, match=r"group_weights has shape \(3,\)"):
        UnitGroups(model, units_of_rows("0.", 12), group_weights=[1, 2, 3])
    with pytest.raises(ValueError, match=r"group_weights names \['a'\]"):
        UnitGroups(model, units_of_rows("0.", 12), group_weights={"a": 1.0})
    with pytest.raises(ValueError, match="at least 0"):
        UnitGroups(model, units_of_rows("0.", 12), group_weights={"units": -1.0})
    adadelta = torch.optim.Adadelta(model.parameters())
    with pytest.raises(ValueError, match="Adadelta, whose step sizes are not known"):
        proximal_step(model, groups, 1, adadelta)
    for name, value in (("alpha", -1), ("lr", np.nan), ("l1_ratio", 2)):
        with pytest.raises(ValueError, match=f"{name}="):
            proximal_step(model, groups, **{"alpha": 1, "lr": 1, name: value})
    with pytest.raises(ValueError, match="make them anew after pruning"):
        proximal_step(mlp(5), groups, 1, 1)
    with pytest.raises(ValueError, match=r"without wrappers"):
        proximal_step(nn.ModuleDict({"m": model}), groups, 1, 1)
    with pytest.raises(ValueError, match="side="):
        removable_groups(model, rows(), side="both")
    with pytest.raises(ValueError, match="targets="):
        removable_groups(model, rows(), targets="ffn")
    with pytest.raises(ValueError, match="Left whole: 0: is part of the output"):
        removable_groups(nn.Sequential(nn.Linear(6, 2)), rows())
    with pytest.raises(TypeError, match=r"torch\.nn\.Module"):
        removable_groups("resnet", rows())
    with pytest.raises(ValueError, match="does not take calibration_inputs"):
        removable_groups(model, rows(width=5))
    with pytest.raises(TypeError, match="calibration_inputs must be"):
        removable_groups(model, 3)
