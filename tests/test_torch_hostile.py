"""PyTorch models and inputs that are awkward; budgets, baselines, and what goes on."""

import copy
import io
import subprocess
import sys
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import torch.nn.functional as F  # noqa: E402
from sklearn.base import clone  # noqa: E402
from torch import nn  # noqa: E402

from skstruct import TorchPruner  # noqa: E402
from skstruct.pruning.torch import search  # noqa: E402
from torch_models import MODELS, settled  # noqa: E402

torch.set_num_threads(1)


def mlp(hidden=16, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, hidden), nn.ReLU(), nn.Linear(hidden, 3))


def rows(n=100, width=6, seed=1):
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed))


def fitted(model, x, **parameters):
    return TorchPruner(model, random_state=0, **parameters).fit(x)


# -- models ----------------------------------------------------------------------


class Tied(nn.Module):
    """One layer twice, another with the same weight as a third, one never used."""

    def __init__(self):
        super().__init__()
        self.first, self.twice = nn.Linear(6, 10), nn.Linear(10, 10)
        self.second, self.third = nn.Linear(10, 10), nn.Linear(10, 10)
        self.third.weight = self.second.weight
        self.last, self.unused = nn.Linear(10, 2), nn.Linear(7, 7)

    def forward(self, x):
        x = torch.tanh(self.first(x))
        x = torch.tanh(self.twice(torch.tanh(self.twice(x))))
        x = torch.tanh(self.third(torch.tanh(self.second(x))))
        return self.last(x)


def test_shared_weights_stay_shared_and_unused_layers_stay():
    torch.manual_seed(0)
    model = Tied()
    small = fitted(model, rows(), budget=0.5).model_
    assert small.second.weight is small.third.weight
    assert small.unused.weight.shape == (7, 7)
    assert sum(p.numel() for p in small.parameters()) < 400
    assert small(rows(3)).shape == (3, 2)


class Written(nn.Module):
    """A size in the code, a branch on values, and outputs that are no tensors."""

    def __init__(self, size=None):
        super().__init__()
        self.size = size
        self.conv = nn.Conv2d(1, 4, 3)
        self.hidden, self.last = nn.Linear(64, 12), nn.Linear(12, 2)

    def forward(self, x):
        x = F.relu(self.conv(x))
        x = x.view(-1, 64) if self.size else x.flatten(1)
        return {
            "scores": [self.last(F.relu(self.hidden(x)))],
            "name": "written",
            "n": 3,
        }


def test_sizes_in_the_code_are_left_whole_and_said():
    torch.manual_seed(0)
    x = torch.randn(80, 1, 6, 6)
    free, written = (fitted(Written(size), x, budget=0.5) for size in (None, 64))
    assert [len(kept) for kept in free.kept_units_.values()] == [2, 6]
    assert [len(kept) for kept in written.kept_units_.values()] == [6]
    assert "written into the code" in written.left_whole_["conv"]
    assert written.model_(x)["scores"][0].shape == (80, 2)


class Branching(nn.Module):
    """Control flow that depends on values: its parts can be traced, it cannot."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(6, 6)
        self.parts = nn.ModuleList([mlp(), nn.Linear(3, 3)])

    def forward(self, x):
        x = self.stem(x)
        if float(x.mean()) > 1e6:
            x = -x
        for part in self.parts:
            x = part(x)
        return x


def test_what_cannot_be_traced_is_named_and_its_parts_are_pruned():
    torch.manual_seed(0)
    model = Branching()
    pruner = fitted(model, rows(), budget=0.5)
    assert "cannot be traced" in pruner.left_whole_["Branching"]
    assert "output" in pruner.left_whole_["stem"]
    assert {k: len(v) for k, v in pruner.kept_units_.items()} == {"parts.0.0": 8}
    assert pruner.model_.parts[0][2].in_features == 8


def test_modes_types_and_gradients_are_those_of_the_model():
    make, shape, _ = MODELS["residual"]
    model = settled(make(), shape).half().train()
    model[1].eval()
    model[6].weight.requires_grad_(False)
    before = copy.deepcopy(model.state_dict())
    x = torch.randn(60, *shape)
    small = fitted(model, x, budget=0.5).model_
    assert {t.dtype for t in small.parameters()} == {torch.float16}
    modes = [m.training for m in (small, small[1], small[1].norm1, small[2])]
    assert modes == [True, False, False, True]
    assert [p.requires_grad for p in small[6].parameters()] == [False, True]
    assert all(p.grad is None for p in small.parameters())
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key])
    assert model.training
    assert all(p.grad is None for p in model.parameters())


def test_nothing_to_prune_is_an_error_with_reasons():
    with pytest.raises(ValueError, match="Left whole: 0: is part of the output"):
        fitted(nn.Sequential(nn.Linear(6, 2)), rows())
    with pytest.raises(ValueError, match="targets="):
        fitted(mlp(), rows(), targets=["heads"])
    with pytest.raises(ValueError, match="no parameters"):
        fitted(nn.ReLU(), rows())
    with pytest.raises(TypeError, match=r"model must be a torch\.nn\.Module"):
        fitted("resnet", rows())


# -- inputs ----------------------------------------------------------------------


def test_zero_rows_and_wrong_inputs_are_errors():
    with pytest.raises(ValueError, match="calibration_inputs has no rows"):
        fitted(mlp(), rows(0))
    with pytest.raises(ValueError, match="calibration_inputs has no rows"):
        fitted(mlp(), [])
    with pytest.raises(TypeError, match="calibration_inputs must be a tensor"):
        fitted(mlp(), 3)
    bad = rows()
    bad[3, 2] = float("nan")
    with pytest.raises(ValueError, match="'2' that are not finite"):
        fitted(mlp(), bad)


def test_too_few_rows_are_warned_of_and_do_no_harm():
    model = mlp()
    with pytest.warns(UserWarning, match="layer '2' in 4 places only"):
        pruner = fitted(model, rows(4), budget=0.5)
    x = rows(200, seed=2)
    with torch.no_grad():
        found, wanted = pruner.model_(x), model(x)
    assert torch.isfinite(found).all()
    assert ((found - wanted) ** 2).mean() < wanted.var()


def test_all_ways_to_give_inputs_are_the_same():
    model, x = mlp(), rows()
    ways = [x, x.numpy(), (x,), {"input": x}, list(x.split(20)), [(x[:50],), [x[50:]]]]
    found = [fitted(model, way, budget=0.25).model_ for way in ways]
    found += [fitted(model, x, budget=0.25, batch_size=7).model_]
    for other in found[1:]:
        for a, b in zip(found[0].parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)


def test_tokens_that_are_masked_do_not_count():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = mlp()

        def forward(self, x, attention_mask):
            return self.body(x)

    torch.manual_seed(0)
    model, x = Tokens(), torch.randn(40, 5, 6)
    mask = torch.ones(40, 5, dtype=torch.long)
    mask[:, 3:] = 0
    spoiled = x.clone()
    spoiled[:, 3:] = 100.0
    found = [
        fitted(model, {"x": inputs, "attention_mask": mask}, budget=0.5).model_
        for inputs in (x, spoiled)
    ]
    for a, b in zip(*(m.parameters() for m in found), strict=True):
        torch.testing.assert_close(a, b)


def test_places_are_drawn_where_there_are_many():
    make, shape, _ = MODELS["plain"]
    model, x = settled(make(), shape), torch.randn(100, *shape)
    every = fitted(model, x, budget=0.5)
    some = fitted(model, x, budget=0.5, n_positions=400)
    again = fitted(model, x, budget=0.5, n_positions=400)
    for a, b in zip(some.model_.parameters(), again.model_.parameters(), strict=True):
        assert torch.equal(a, b)
    assert some.path_[1].output_error < 2 * every.path_[1].output_error + 0.05


# -- budgets ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["params", "flops"])
def test_cost_is_met_and_nearly_used(kind):
    make, shape, _ = MODELS["residual"]
    model, x = settled(make(), shape), torch.randn(60, *shape)
    place = 1 if kind == "params" else 2
    full = fitted(model, x, budget=1.0).path_[0][place]
    found = fitted(model, x, budget={kind: full // 3}).path_[1][place]
    assert 0.75 * full / 3 < found <= full / 3
    with pytest.raises(ValueError, match=rf"'{kind}': 5.* cannot be met"):
        fitted(model, x, budget={kind: 5})


def test_latency_score_drop_and_numbers_of_units():
    x = rows(200)
    model = mlp(32)
    assert len(fitted(model, x, budget={"latency": 10.0}).kept_units_["0"]) == 32
    with pytest.raises(ValueError, match=r"latency.* cannot be met"):
        fitted(model, x, budget={"latency": 0.0})
    assert len(fitted(model, x, budget=[5]).kept_units_["0"]) == 5
    with pytest.raises(ValueError, match=r"budget=\[50\]"):
        fitted(model, x, budget=[50])
    pruner = fitted(model, x, budget={"score_drop": 0.05})
    assert 1 < len(pruner.kept_units_["0"]) < 32
    assert min(v for v in pruner.trials_.values()) < -0.05
    seen = []

    def score(candidate):
        with torch.no_grad():
            seen.append(candidate[0].out_features)
            return -float(((candidate(x) - model(x)) ** 2).mean())

    limit = fitted(model, x, budget={"score_drop": 0.01}, scoring=score)
    assert limit.path_[1].score > limit.path_[0].score - 0.02
    assert {1, 32} <= set(seen) or len(seen) > 3


def test_latency_is_that_of_the_first_batch(monkeypatch):
    model, x = mlp(64), rows(100)
    clock, run, calls = [0.0], search.run, []

    def slow(candidate, batch):  # a second for each unit
        clock[0] += float(candidate[0].out_features)
        calls.append(len(batch[0][0]))
        return run(candidate, batch)

    monkeypatch.setattr(search, "run", slow)
    monkeypatch.setattr(search.time, "perf_counter", lambda: clock[0])
    pruner = fitted(model, x, budget={"latency": 20.5}, batch_size=25)
    assert len(pruner.kept_units_["0"]) == 20
    assert calls[0] == 25


def test_sensitivity_spends_where_it_matters():
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Linear(6, 20), nn.Tanh(), nn.Linear(20, 20), nn.Tanh()),
        nn.Linear(20, 2),
    )
    with torch.no_grad():  # the first layer's units are copies of two
        model[0].weight[2:] = model[0].weight[:2].repeat(9, 1)
        model[0].bias[2:] = model[0].bias[:2].repeat(9)
    x = rows(200)
    uniform = fitted(model, x, budget=0.4)
    other = fitted(model, x, budget=0.4, allocation="sensitivity")
    assert [len(kept) for kept in uniform.kept_units_.values()] == [8, 8]
    first, second = (len(kept) for kept in other.kept_units_.values())
    assert first < 8 < second
    assert other.flops_ <= uniform.flops_  # what a fraction allows
    assert other.path_[1].output_error < 0.8 * uniform.path_[1].output_error
    assert len(other.trials_) == 2


def test_auto_looks_at_heads_and_at_what_is_small():
    make, shape, _ = MODELS["decoder"]
    torch.manual_seed(0)
    decoder, some = make().eval(), torch.randn(40, *shape)
    assert fitted(decoder, some, budget=0.5).trials_
    assert not fitted(decoder, some, budget=0.5, targets=["ffn"]).trials_
    deep = nn.Sequential(*mlp(20)[:2], nn.Linear(20, 20), nn.ReLU(), nn.Linear(20, 2))
    assert not fitted(deep, rows(), budget=0.5).trials_
    assert fitted(deep, rows(), budget=0.2).trials_
    assert not fitted(deep, rows(), budget=0.2, allocation="uniform").trials_


# -- baselines -------------------------------------------------------------------


def test_every_criterion_prunes_and_the_refit_helps():
    make, shape, _ = MODELS["plain"]
    model, x = settled(make(), shape), torch.randn(150, *shape)
    errors = {}
    for criterion in ("backward", "forward", "magnitude", "taylor", "random"):
        for refit in ("lstsq", None):
            pruner = fitted(model, x, budget=0.5, criterion=criterion, refit=refit)
            assert [len(kept) for kept in pruner.kept_units_.values()] == [4, 6, 5]
            errors[criterion, refit] = pruner.path_[1].output_error
    for criterion in ("backward", "forward", "magnitude", "taylor", "random"):
        assert errors[criterion, "lstsq"] < errors[criterion, None]
    assert errors["backward", "lstsq"] < errors["random", "lstsq"]
    assert errors["backward", "lstsq"] < errors["magnitude", "lstsq"]


def test_scores_are_what_they_say():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 1))
    x = rows()
    with torch.no_grad():
        hidden = model[1](model[0](x))
    outgoing = model[2].weight.detach()[0]
    taylor = (hidden * outgoing).pow(2).mean(dim=0)  # exact: the output is linear
    magnitude = model[0].weight.detach().norm(dim=1) * outgoing.abs()
    for criterion, scores in (("taylor", taylor), ("magnitude", magnitude)):
        kept = fitted(model, x, budget=[4], criterion=criterion).kept_units_["0"]
        np.testing.assert_array_equal(kept, np.sort(scores.argsort()[-4:].numpy()))


# -- afterwards ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["residual", "encoder"])
def test_pruned_model_can_be_saved_trained_exported_and_compiled(name):
    make, shape, _ = MODELS[name]
    torch.manual_seed(0)
    model, x = settled(make(), shape), torch.randn(60, *shape)
    small = fitted(model, x, budget=0.5, allocation="uniform").model_.eval()
    with torch.no_grad():
        wanted = small(x[:4])
    file = io.BytesIO()
    torch.save(small, file)
    file.seek(0)
    again = torch.load(file, weights_only=False)
    assert torch.equal(again(x[:4]), wanted)
    with torch.no_grad():
        exported = torch.export.export(small, (x[:4],), strict=False).module()(x[:4])
        compiled = torch.compile(small, backend="eager")(x[:4])
    torch.testing.assert_close(exported, wanted)
    torch.testing.assert_close(compiled, wanted)
    small.train()(x).sum().backward()
    assert all(p.grad is not None for p in small.parameters())
    # And once more: a pruned model is a model.
    assert fitted(small.eval(), x, budget=0.5).n_parameters_ > 0


@pytest.mark.parametrize("name", ["residual", "encoder"])
def test_onnx_gives_the_same(name, tmp_path):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    make, shape, _ = MODELS[name]
    torch.manual_seed(0)
    model, x = settled(make(), shape), torch.randn(60, *shape)
    small = fitted(model, x, budget=0.5).model_.eval()
    path = tmp_path / "small.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(small, (x[:4],), path, dynamo=True, verbose=False)
    session = runtime.InferenceSession(path)
    (found,) = session.run(None, {session.get_inputs()[0].name: x[:4].numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(found, small(x[:4]).numpy(), atol=1e-4)


def test_pruner_is_a_scikit_learn_estimator():
    pruner = TorchPruner(mlp(), budget=0.25, ridge=0.1)
    twin = clone(pruner)
    assert twin.get_params()["ridge"] == 0.1
    assert twin.model is not pruner.model
    assert len(twin.fit(rows()).kept_units_["0"]) == 4
    with pytest.raises(ValueError, match="criterion"):
        TorchPruner(mlp(), criterion="best").fit(rows())
    with pytest.raises(ValueError, match="targets="):
        TorchPruner(mlp(), targets=["channels", "bits"]).fit(rows())


def test_importing_does_not_import_torch():
    code = "import sys, skstruct; skstruct.TorchPruner; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True)
    assert done.stdout.strip() == "False", done.stderr
