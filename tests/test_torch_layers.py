"""Whole branches of PyTorch models removed, and layers with transposed weights."""

import copy
import io
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from skstruct import PruningDisplay, TorchPruner  # noqa: E402
from skstruct.pruning.torch.choosing import adjusted  # noqa: E402
from skstruct.pruning.torch.moments import Moments  # noqa: E402
from skstruct.pruning.torch.removed import Constant, Nothing  # noqa: E402
from torch_models import MODELS, Decoder, settled  # noqa: E402

torch.set_num_threads(1)


class Bottleneck(nn.Module):
    """Three convolutions, the middle one strided, with a gate and a shortcut."""

    def __init__(self):
        super().__init__()
        self.first, self.bn1 = nn.Conv2d(8, 4, 1, bias=False), nn.BatchNorm2d(4)
        self.middle = nn.Sequential(nn.Conv2d(4, 4, 3, 2, 1), nn.BatchNorm2d(4))
        self.gate = nn.Sequential(nn.Linear(4, 2), nn.ReLU(), nn.Linear(2, 4))
        self.last, self.bn2 = nn.Conv2d(4, 8, 1, bias=False), nn.BatchNorm2d(8)
        self.down = nn.Conv2d(8, 8, 1, 2)

    def forward(self, x):
        y = F.relu(self.bn1(self.first(x)), inplace=True)
        y = F.relu(self.middle(y), inplace=True)
        y = y * torch.sigmoid(self.gate(y.mean((2, 3))))[..., None, None]
        y = self.bn2(self.last(y))
        y += self.down(x)
        return F.relu(y, inplace=True)


def bottleneck():
    return nn.Sequential(
        nn.Conv2d(2, 8, 3, padding=1), Bottleneck(), nn.Flatten(), nn.Linear(128, 3)
    )


BRANCHES = {
    "residual": {"1.conv1", "2.conv1", "3.conv1"},
    "decoder": {"attention", "mlp.gate + mlp.up"},
    "encoder": set(MODELS["encoder"][2]),
    "bottleneck": {"1.middle.0 + 1.gate.2"},
    "plain": set(),
}
SHAPES = {name: shape for name, (_, shape, _) in MODELS.items()}
SHAPES["bottleneck"] = 2, 8, 8


def made(name, n_rows=60):
    make = bottleneck if name == "bottleneck" else MODELS[name][0]
    torch.manual_seed(0)
    model = settled(make(), SHAPES[name])
    return model, torch.randn(n_rows, *SHAPES[name])


def fitted(model, x, **parameters):
    return TorchPruner(model, random_state=0, **parameters).fit(x)


def without(pruner, name):
    """The budget that removes one branch and nothing else."""
    return [0 if key == name else len(kept) for key, kept in pruner.kept_units_.items()]


@pytest.mark.parametrize("name", [n for n in BRANCHES if n != "plain"])
def test_branches_go_whole_and_what_is_left_is_what_is_reported(name):
    model, x = made(name)
    whole = fitted(model, x, budget=1.0)
    for branch in BRANCHES[name]:
        pruner = fitted(model, x, budget=without(whole, branch))
        small = copy.deepcopy(pruner.model_).eval()
        assert len(pruner.kept_units_[branch]) == 0
        assert any(isinstance(module, Constant) for module in small.modules())
        counts = [sum(p.numel() for p in m.parameters()) for m in (model, small)]
        assert [step.n_parameters for step in pruner.path_] == counts
        assert counts[1] < counts[0]
        counter = FlopCounterMode(display=False)
        backend = torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH)
        with counter, backend, torch.no_grad():
            small(x[:1])
        if name != "encoder":  # whose attention PyTorch counts in another way
            assert pruner.flops_ == counter.get_total_flops() // 2
        assert pruner.flops_ < whole.flops_
        for width in (5, 9):  # the constant has the size of its input
            rows = x[..., :width] if x.ndim == 4 and width < x.shape[-1] else x
            if name != "bottleneck" or width == 9:
                assert small(rows[:3]).shape == model(rows[:3]).shape
        table = pruner.to_frame(output="dict")
        assert min(table["kept"]) == 0
        assert max(table["removed"]) == 1


def test_a_constant_is_the_mean_of_the_branch():
    model, x = made("decoder", 80)
    whole = fitted(model, x, budget=1.0)
    budget = without(whole, "mlp.gate + mlp.up")
    small = fitted(model, x, budget=budget).model_
    with torch.no_grad():
        before = x + model.attention(model.norm1(x))
        mean = model.mlp(model.norm2(before)).mean(dim=(0, 1))
        torch.testing.assert_close(small.mlp.value.detach(), mean, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(small(x), model.head(before + mean))
    assert small.norm2.forward(x).shape[-1] == 1
    left = fitted(model, x, budget=budget, refit=None).model_
    assert not left.mlp.value.any()


@pytest.mark.parametrize("name", ["residual", "bottleneck"])
def test_a_batch_norm_becomes_part_of_the_constant(name):
    model, x = made(name)
    for branch in BRANCHES[name]:
        budget = without(fitted(model, x, budget=1.0), branch)
        small = fitted(model, x, budget=budget, refit=None).model_
        is_wide = name == "bottleneck"
        last, norm = ("last", "bn2") if is_wide else ("conv2", "norm2")
        emptied, place = copy.deepcopy(model), int(branch[0])
        nn.init.zeros_(getattr(emptied[place], last).weight)
        torch.testing.assert_close(small(x), emptied(x))
        assert isinstance(getattr(small[place], norm), nn.Identity)


class Stack(nn.Module):
    """Layers of a decoder, of which some hardly add anything."""

    def __init__(self, idle=()):
        super().__init__()
        self.layers = nn.ModuleList([Decoder() for _ in range(2)])
        self.head = nn.Linear(16, 5)
        with torch.no_grad():
            for layer in self.layers:
                layer.head = nn.Identity()
                layer.mlp.down.weight *= 3.0
                layer.attention.o.weight *= 3.0
            for index in idle:
                self.layers[index].mlp.down.weight *= 1e-3
                self.layers[index].attention.o.weight *= 1e-3

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.head(x)


def stack(idle):
    torch.manual_seed(0)
    return Stack(idle).eval(), torch.randn(80, 5, 16)


def removed(pruner):
    return {name for name, kept in pruner.kept_units_.items() if not len(kept)}


def test_layers_go_that_are_missed_least():
    model, x = stack([1])
    idle = {"layers.1.attention", "layers.1.mlp.gate + layers.1.mlp.up"}
    pruner = fitted(model, x, targets=("layers",), budget=0.5)
    assert removed(pruner) == idle
    assert pruner.path_[1].output_error < 1e-4
    others = [k for n, k in pruner.kept_units_.items() if n not in idle]
    assert sorted(map(len, others)) == [2, 24]
    limit = {"params": int(0.7 * pruner.path_[0].n_parameters)}
    assert removed(fitted(model, x, targets=("layers",), budget=limit)) == idle
    drop = fitted(model, x, targets=("layers",), budget={"score_drop": 1e-3})
    assert removed(drop) == idle
    with pytest.raises(ValueError, match="cannot be met by removing layers"):
        fitted(model, x, targets=("layers",), budget={"params": 10})
    with pytest.raises(ValueError, match="can only be removed whole"):
        fitted(model, x, targets=("layers",), budget=[1, 24, 2, 24])
    with pytest.raises(ValueError, match=r"from \[0, 0, 0, 0\] to"):
        fitted(model, x, targets=("layers",), budget=[0, 0, -1, 2])


def test_sensitivity_removes_layers_where_that_costs_least():
    model, x = stack([0])
    limit = {"flops": 8000}
    some = {"budget": limit, "allocation": "sensitivity"}
    pruner = fitted(model, x, **some)
    assert removed(pruner) == {
        "layers.0.attention",
        "layers.0.mlp.gate + layers.0.mlp.up",
    }
    units = fitted(model, x, **some, targets=("heads", "ffn"))
    assert not removed(units)
    assert pruner.path_[1].output_error < units.path_[1].output_error
    assert pruner.path_[1].flops <= limit["flops"]
    few = {"budget": {"flops": 4000}, "allocation": "sensitivity"}
    assert fitted(model, x, **few).flops_ <= 4000
    with pytest.raises(ValueError, match="one unit a layer already costs 5520"):
        fitted(model, x, **few, targets=("heads", "ffn"))


def test_no_branch_no_layers():
    model, x = made("plain")
    with pytest.raises(ValueError, match="Nothing of the model can be pruned"):
        fitted(model, x, targets=("layers",))


def test_weights_move_as_far_as_cross_validation_says():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 8)) * np.linspace(0.2, 3, 8)
    now = rng.normal(size=(3, 8))
    for noise in (0.05, 5.0):
        Z = X @ (now + 0.2 * rng.normal(size=now.shape)).T + 4.0
        Z += noise * rng.normal(size=Z.shape)
        moments = Moments()
        moments.add(*map(torch.from_numpy, (X, Z)))
        found, intercept = adjusted(moments.centred(), now, 60)
        # Slow twin: the hat matrix of each ridge.
        H, Y = X - X.mean(axis=0), Z - Z.mean(axis=0)
        scores = [(np.sum((Y - H @ now.T) ** 2) / 59**2, now)]
        for strength in np.sum(H**2) / 8 * np.logspace(-4, 2, 13):
            solve = np.linalg.solve(H.T @ H + strength * np.eye(8), H.T)
            wanted = now + (solve @ (Y - H @ now.T)).T
            free = 59 - np.trace(H @ solve)
            scores.append((np.sum((Y - H @ wanted.T) ** 2) / free**2, wanted))
        best = min(scores, key=lambda pair: pair[0])[1]
        np.testing.assert_allclose(found, best, atol=1e-8)
        np.testing.assert_allclose(intercept, (Z - X @ best.T).mean(axis=0), atol=1e-8)
    assert not np.allclose(best, now)


# -- afterwards ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["residual", "encoder", "bottleneck"])
def test_model_with_fewer_layers_can_be_used_like_any(name):
    model, x = made(name)
    pruner = fitted(model, x, targets=("layers",), budget=0.0)
    assert removed(pruner) >= BRANCHES[name]
    small = pruner.model_.eval()
    with torch.no_grad():
        wanted = small(x[:4])
    file = io.BytesIO()
    torch.save(small, file)
    file.seek(0)
    assert torch.equal(torch.load(file, weights_only=False)(x[:4]), wanted)
    with torch.no_grad():
        exported = torch.export.export(small, (x[:4],), strict=False).module()(x[:4])
        compiled = torch.compile(small, backend="eager")(x[:4])
        without_mask = small(x[:4])
    for found in (exported, compiled, without_mask):
        torch.testing.assert_close(found, wanted)
    small.train()(x).sum().backward()
    constants = [m for m in small.modules() if isinstance(m, Constant)]
    assert constants
    assert all(m.value.grad is not None for m in constants)
    assert isinstance(pruner.to_frame(output="dict"), dict)


def test_attention_next_to_a_removed_layer_is_called_as_it_is():
    model, x = made("encoder")
    whole = fitted(model, x, budget=1.0)
    small = fitted(model, x, budget=without(whole, "encoder.layers.0.linear1")).model_
    layer = small.encoder.layers[0]
    assert isinstance(layer.linear1, Nothing)
    with torch.no_grad():  # when PyTorch may take a path of its own
        fast = small.eval()(x)
    torch.testing.assert_close(small(x).detach(), fast)


def test_types_and_frozen_layers_of_what_is_left():
    model, x = made("decoder")
    model = model.double()
    model.mlp.requires_grad_(False)
    budget = without(fitted(model, x.double(), budget=1.0), "mlp.gate + mlp.up")
    value = fitted(model, x.double(), budget=budget).model_.mlp.value
    assert value.dtype == torch.float64
    assert not value.requires_grad


def test_onnx_of_a_model_with_fewer_layers(tmp_path):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    model, x = made("residual")
    small = fitted(model, x, targets=("layers",), budget=0.0).model_.eval()
    file = str(tmp_path / "small.onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(small, (x[:4],), file, dynamo=True, verbose=False)
    session = runtime.InferenceSession(file)
    (found,) = session.run(None, {session.get_inputs()[0].name: x[:4].numpy()})
    np.testing.assert_allclose(found, small(x[:4]).detach().numpy(), atol=1e-4)


# -- transposed weights, and the picture -----------------------------------------


class Conv1D(nn.Module):
    """A linear layer as in `transformers`, its weight transposed."""

    def __init__(self, nf, nx):
        super().__init__()
        self.nf, self.nx = nf, nx
        self.weight = nn.Parameter(0.3 * torch.randn(nx, nf))
        self.bias = nn.Parameter(torch.randn(nf))

    def forward(self, x):
        size = (*x.size()[:-1], self.nf)
        return torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight).view(size)


def test_layers_with_transposed_weights_are_pruned_as_linear_layers():
    torch.manual_seed(0)
    model = nn.Sequential(Conv1D(20, 6), nn.Tanh(), Conv1D(4, 20)).eval()
    linear = nn.Sequential(nn.Linear(6, 20), nn.Tanh(), nn.Linear(20, 4))
    with torch.no_grad():
        for k in (0, 2):
            linear[k].weight.copy_(model[k].weight.T)
            linear[k].bias.copy_(model[k].bias)
    x = torch.randn(100, 3, 6)
    pruner = fitted(model, x, budget=0.5)
    wanted = fitted(linear, x, budget=0.5)
    small = pruner.model_
    assert type(small[0]) is Conv1D
    assert (small[0].nf, small[2].nx, small[2].weight.shape) == (10, 10, (10, 4))
    np.testing.assert_array_equal(pruner.kept_units_["0"], wanted.kept_units_["0"])
    torch.testing.assert_close(small(x), wanted.model_(x))
    assert model[0].weight.shape == (6, 20)


def test_display_of_a_model():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    model, x = stack([1])
    pruner = fitted(model, x, targets=("layers",), budget=0.5)
    display = PruningDisplay.from_estimator(pruner)
    assert [len(kept) for kept in pruner.kept_units_.values()] == display.kept
    shown = [text.get_text() for text in display.ax_.texts]
    assert "all 24 removed" in shown
    assert [bar.get_width() > 0 for bar in display.bars_] == [
        k > 0 for k in display.kept
    ]
    pyplot.close(display.figure_)
