"""Pruning of PyTorch models: structure, reconstruction, budgets."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from sklearn.neural_network import MLPRegressor  # noqa: E402
from torch import nn  # noqa: E402

from skstruct import MLPPruner, TorchPruner  # noqa: E402
from torch_models import MODELS, settled  # noqa: E402

torch.set_num_threads(1)


def made(name, seed=0):
    make, shape, groups = MODELS[name]
    torch.manual_seed(seed)
    return settled(make(), shape), shape, groups


def first_of(output):
    return output["y"] if isinstance(output, dict) else output


def run(model, x):
    with torch.no_grad():
        return first_of(copy.deepcopy(model).eval()(x))


def doubled(model):
    """Make the second half of what each layer computes a copy of the first."""
    layers = (nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.GroupNorm, nn.PReLU)
    for name, module in model.named_modules():
        is_last = name.split(".")[-1] in ("head", "last", "o", "linear2", "down")
        if not isinstance(module, layers) or is_last or "out_proj" in name:
            continue
        own = [*module.named_parameters(recurse=False)]
        for _, tensor in [*own, *module.named_buffers(recurse=False)]:
            if tensor.ndim:
                half = len(tensor) // 2
                tensor.data[half : 2 * half] = tensor.data[:half]
    for module in model.modules():
        if isinstance(module, nn.MultiheadAttention):
            for part in (
                *module.in_proj_weight.chunk(3),
                *module.in_proj_bias.chunk(3),
            ):
                half = len(part) // 2
                part.data[half:] = part.data[:half]
    return model


# -- structure -------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_groups_are_found_and_everything_kept_changes_nothing(name):
    model, shape, groups = made(name)
    x = torch.randn(20, *shape)
    pruner = TorchPruner(model, budget=1.0, random_state=0).fit(x)
    assert {key: len(kept) for key, kept in pruner.kept_units_.items()} == groups
    torch.testing.assert_close(run(pruner.model_, x), run(model, x))
    assert type(pruner.model_) is type(model)
    assert pruner.n_parameters_ == sum(p.numel() for p in model.parameters())
    assert [str(m) for m in pruner.model_.modules()] == [
        str(m) for m in model.modules()
    ]


@pytest.mark.parametrize("criterion", ["backward", "forward"])
@pytest.mark.parametrize("name", MODELS)
def test_what_is_there_twice_is_removed_without_loss(name, criterion):
    model, shape, groups = made(name)
    model = doubled(model)
    if name in ("plain", "residual", "mobile"):  # but not what it gives
        nn.init.normal_(model[-1].weight)
    torch.manual_seed(1)
    x = torch.randn(400, *shape)
    pruner = TorchPruner(
        model, budget=0.5, criterion=criterion, ridge=1e-5, random_state=0
    ).fit(x)
    for key, kept in pruner.kept_units_.items():
        assert len(kept) == groups[key] // 2
    torch.testing.assert_close(
        run(pruner.model_, x), run(model, x), atol=2e-3, rtol=1e-3
    )
    assert pruner.path_[-1].output_error < 1e-5


@pytest.mark.parametrize("name", MODELS)
def test_pruned_model_is_smaller_and_is_what_is_reported(name):
    model, shape, groups = made(name)
    x = torch.randn(40, *shape)
    pruner = TorchPruner(model, budget=0.5, random_state=0).fit(x)
    small = pruner.model_
    count = sum(p.numel() for p in small.parameters())
    assert pruner.path_[-1].n_parameters == pruner.n_parameters_ == count
    assert count < sum(p.numel() for p in model.parameters())
    assert pruner.flops_ < pruner.path_[0].flops
    for module in small.modules():  # what modules say of themselves is true
        if isinstance(module, nn.Linear):
            assert module.weight.shape == (module.out_features, module.in_features)
        elif isinstance(module, nn.Conv2d):
            inside = module.in_channels // module.groups
            assert module.weight.shape[:2] == (module.out_channels, inside)
    table = pruner.to_frame(output="dict")
    assert dict(zip(table["name"], table["units"], strict=True)) == groups
    assert table["kept"] == [len(kept) for kept in pruner.kept_units_.values()]


def test_multiply_adds_are_counted_as_by_pytorch():
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    for name in ("plain", "residual", "decoder"):
        model, shape, _ = made(name)
        pruner = TorchPruner(model, budget=0.5, random_state=0)
        pruner.fit(torch.randn(100, *shape))
        for step, counted in zip(pruner.path_, (model, pruner.model_), strict=True):
            counter = FlopCounterMode(display=False)
            with counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
                counted.eval()(torch.randn(1, *shape))
            assert step.flops == counter.get_total_flops() // 2


# -- reconstruction --------------------------------------------------------------


def test_same_units_and_weights_as_for_scikit_learn():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 6))
    y = np.column_stack([np.sin(X[:, 0]), X[:, 1] * X[:, 2], X[:, 3]])
    network = MLPRegressor(
        hidden_layer_sizes=(30,), max_iter=60, random_state=0, solver="lbfgs"
    )
    with pytest.warns(match="lbfgs"):
        network.fit(X, y)
    model = nn.Sequential(nn.Linear(6, 30), nn.ReLU(), nn.Linear(30, 3)).double()
    with torch.no_grad():
        for layer, W, b in zip(
            (model[0], model[2]), network.coefs_, network.intercepts_, strict=True
        ):
            layer.weight.copy_(torch.from_numpy(W.T))
            layer.bias.copy_(torch.from_numpy(b))
    ours = TorchPruner(model, budget=0.3, ridge=0.0, weighting=None, random_state=0)
    ours.fit(torch.from_numpy(X))
    theirs = MLPPruner(
        network, budget=0.3, criterion="backward", ridge=0.0, prefit=True
    ).fit(X)
    np.testing.assert_array_equal(ours.kept_units_["0"], theirs.kept_units_[0])
    np.testing.assert_allclose(
        ours.model_[2].weight.detach().T, theirs.estimator_.coefs_[1], atol=1e-4
    )
    np.testing.assert_allclose(
        ours.model_[2].bias.detach(), theirs.estimator_.intercepts_[1], atol=1e-4
    )
    assert ours.model_[2].weight.dtype == torch.float64


def ridge_solution(H, Z, now, ridge):
    """Slow twin: least squares with rows that pull towards the weights of now."""
    H, Z = H - H.mean(axis=0), Z - Z.mean(axis=0)
    strength = np.sqrt(ridge * np.sum(H**2) / H.shape[1])
    rows = np.vstack([H, strength * np.eye(H.shape[1])])
    return np.linalg.lstsq(rows, np.vstack([Z, strength * now]), rcond=None)[0]


@pytest.mark.parametrize("stride", [1, 2])
def test_convolution_is_refitted_by_least_squares(stride):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1),
        nn.Tanh(),
        nn.Conv2d(6, 4, (3, 2), stride, padding=(1, 0), dilation=(1, 2)),
        nn.AdaptiveAvgPool2d(1),
    )
    x = torch.randn(50, 2, 7, 7)
    pruner = TorchPruner(model, budget=[3], ridge=1e-2, batch_size=7, random_state=0)
    small = pruner.fit(x).model_
    kept = pruner.kept_units_["0"]
    with torch.no_grad():
        hidden = model[:2](x)[:, kept]
        Z = model[2](model[:2](x))
        columns = nn.functional.unfold(
            hidden, (3, 2), dilation=(1, 2), padding=(1, 0), stride=stride
        )
    H = columns.transpose(1, 2).reshape(-1, columns.shape[1]).double().numpy()
    Z = Z.flatten(2).transpose(1, 2).reshape(-1, 4).double().numpy()
    now = model[2].weight[:, kept].detach().flatten(1).T.double().numpy()
    wanted = ridge_solution(H, Z, now, 1e-2)
    found = small[2].weight.detach().flatten(1).T
    np.testing.assert_allclose(found, wanted, atol=2e-4)
    intercept = Z.mean(axis=0) - H.mean(axis=0) @ wanted
    np.testing.assert_allclose(small[2].bias.detach(), intercept, atol=2e-4)
