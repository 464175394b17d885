"""PyTorch models that are written in unusual ways, and inputs that do not fit."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn.utils import prune  # noqa: E402

from skstruct import TorchPruner  # noqa: E402

torch.set_num_threads(1)


def draw(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def mlp():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3)).eval()


def fitted(model, x, **parameters):
    return TorchPruner(model, random_state=0, **parameters).fit(x)


def size(model):
    return sum(p.numel() for p in model.parameters())


class Twice(nn.Module):
    """Two attentions whose layers are all direct children of one module."""

    def __init__(self):
        super().__init__()
        for name in ("q1", "k1", "v1", "o1", "q2", "k2", "v2", "o2"):
            setattr(self, name, nn.Linear(16, 16))

    def forward(self, x):
        for index in (1, 2):
            q, k, v = (
                getattr(self, f"{n}{index}")(x).unflatten(-1, (-1, 4)).transpose(1, 2)
                for n in "qkv"
            )
            found = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
            x = x + getattr(self, f"o{index}")(found)
        return x


class Body(nn.Module):
    """Around something that has several groups of one place."""

    def __init__(self):
        super().__init__()
        self.body = Twice()

    def forward(self, x):
        return self.body(x)


def test_groups_of_one_place_have_names_of_their_own():
    torch.manual_seed(0)
    model, x = Body().eval(), draw(64, 5, 16)
    pruner = fitted(model, x, budget=0.5, targets=["heads"])
    assert [len(kept) for kept in pruner.kept_units_.values()] == [2, 2]
    assert len(pruner.to_frame()) == 2
    assert pruner.model_.body.o2.in_features == 8
    assert pruner.n_parameters_ == size(pruner.model_)


class Attentive(nn.Module):
    """Attention whose weights are computed and not used, or not computed."""

    def __init__(self, need_weights):
        super().__init__()
        self.need_weights = need_weights
        self.a = nn.MultiheadAttention(16, 4, batch_first=True)
        self.o = nn.Linear(16, 3)

    def forward(self, q):
        return self.o(self.a(q, q, q, need_weights=self.need_weights)[0])


@pytest.mark.parametrize("need_weights", [True, False])
def test_heads_go_though_weights_are_computed(need_weights):
    torch.manual_seed(0)
    model, x = Attentive(need_weights).eval(), draw(64, 5, 16)
    pruner = fitted(model, x, budget=0.5, allocation="uniform")
    assert {k: len(v) for k, v in pruner.kept_units_.items()}["a"] == 2
    assert pruner.model_(x).shape == (64, 5, 3)


def test_attention_next_to_what_shrinks_works():
    torch.manual_seed(0)
    model, x = Attentive(False).eval(), draw(64, 5, 16)
    small = fitted(model, x, targets=["ffn"]).model_
    assert small.o.in_features == 8
    assert small(x).shape == (64, 5, 3)


class Doubling(nn.Linear):
    """A linear layer that does more than it says."""

    def forward(self, x):
        return 2 * super().forward(x) + 1


class Named(nn.Linear):
    """A linear layer under another name."""


def hooked():
    layer = nn.Linear(16, 3)
    layer.register_forward_hook(lambda module, args, output: output * 2)
    return layer


def test_layers_with_a_forward_of_their_own_are_not_refitted():
    for odd in (Doubling(16, 3), hooked()):
        model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 16), odd)
        pruner = fitted(model.eval(), draw(100, 6), budget=0.5)
        assert list(pruner.kept_units_) == ["0"]
        assert "forward is not that of nn.Linear" in pruner.left_whole_["2"]
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), Named(16, 3)).eval()
    assert list(fitted(model, draw(100, 6)).kept_units_) == ["0"]


class Scaled(nn.Module):
    """A residual block whose branch is added with a factor, in either way."""

    def __init__(self, alpha, folded):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Linear(6, 8), nn.Linear(8, 3)
        self.inside = nn.Linear(8, 16)
        self.outside = nn.Linear(16, 8)
        self.alpha, self.folded = alpha, folded

    def forward(self, x):
        x = torch.tanh(self.first(x))
        branch = self.outside(torch.tanh(self.inside(x)))
        if self.folded:
            return self.last(torch.add(input=x, other=self.alpha * branch))
        return self.last(torch.add(x, branch, alpha=self.alpha))


def test_additions_with_a_factor_or_named_operands():
    x, errors = draw(200, 6), []
    for folded in (False, True):
        model = Scaled(-1.0, folded).eval()
        pruner = fitted(model, x, budget=0.5, targets=["ffn"])
        errors.append(pruner.path_[1].output_error)
    assert errors[0] == pytest.approx(errors[1], rel=1e-3)
    assert fitted(Scaled(1, True).eval(), x).path_[1].output_error < 0.5


# -- inputs ------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 2, 3, 40])
def test_errors_do_not_depend_on_batches(batch_size):
    model, x = mlp(), draw(40, 6)
    found, wanted = (
        fitted(model, x, budget=0.5, batch_size=size) for size in (batch_size, 20)
    )
    error = found.path_[1].output_error
    assert error == pytest.approx(wanted.path_[1].output_error, rel=0.05)
    with torch.no_grad():
        full, small = model(x), found.model_(x)
    spread = (full - full.mean(dim=0)).pow(2).sum()
    assert error == pytest.approx(float((full - small).pow(2).sum() / spread))
    drop = fitted(model, x, budget={"score_drop": 0.2}, batch_size=batch_size)
    assert 1 < len(drop.kept_units_["0"]) < 16
    assert {len(widths) for widths in drop.trials_} == {1}


def test_one_row_cannot_be_held_out():
    with pytest.raises(ValueError, match="only one row"):
        fitted(mlp(), draw(1, 6), budget={"score_drop": 0.2})


class Silent(nn.Module):
    """Gives classes, not scores; or values without derivatives."""

    def __init__(self, classes):
        super().__init__()
        self.body, self.classes = mlp(), classes

    def forward(self, x):
        with torch.no_grad():
            found = self.body(x)
        return found.argmax(1) if self.classes else found


def test_what_the_model_does_not_take_or_give_is_said():
    x = draw(64, 6)
    batches = [(x[:32], torch.zeros(32)), (x[32:], torch.zeros(32))]
    with pytest.raises(ValueError, match="with labels"):
        fitted(mlp(), batches)
    with pytest.raises(ValueError, match="does not take calibration_inputs"):
        fitted(mlp(), draw(64, 7))
    with pytest.raises(ValueError, match="no tensor of floating numbers"):
        fitted(Silent(True), x)
    with pytest.raises(ValueError, match="weighting=None"):
        fitted(Silent(False), x)
    assert len(fitted(Silent(False), x, weighting=None).kept_units_) == 1
    model = mlp()
    with torch.no_grad():
        model[2].weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match="is not finite"):
        fitted(model, x)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_gradients_may_be_off(mode):
    model, x = mlp(), draw(64, 6)
    with mode():
        small = fitted(model, x.clone()).model_
    wanted = fitted(model, x).model_
    torch.testing.assert_close(small(x), wanted(x))
    assert small(x).requires_grad


def test_scoring_gets_models_in_evaluation_mode():
    torch.manual_seed(0)
    model, x, modes = nn.Sequential(nn.BatchNorm1d(6), *mlp()).train(), draw(64, 6), []

    def score(candidate):
        modes.append(any(m.training for m in candidate.modules()))
        return -float(candidate(x).detach().var())

    before = model[0].running_mean.clone()
    fitted(model, x, budget={"score_drop": 0.1}, scoring=score)
    assert set(modes) == {False}
    assert torch.equal(model[0].running_mean, before)
    assert model.training


@pytest.mark.parametrize("score", [float("nan"), None])
def test_scores_are_finite_numbers(score):
    with pytest.raises(ValueError, match="scoring must return a finite number"):
        fitted(mlp(), draw(64, 6), scoring=lambda model: score)


def test_what_is_frozen_stays_frozen():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 4, 24, dropout=0.0, batch_first=True)
    frozen = layer.eval().requires_grad_(False)
    small = fitted(frozen, draw(40, 5, 16), budget=0.5).model_
    assert small.self_attn.num_heads == 2
    assert not any(p.requires_grad for p in small.parameters())


def test_added_intercepts_are_counted():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(6, 16, bias=False), nn.Tanh(), nn.Linear(16, 5, bias=False)
    ).requires_grad_(False)
    pruner = fitted(model, draw(64, 6), budget={"params": 100})
    assert size(pruner.model_) == pruner.n_parameters_ == pruner.path_[1].n_parameters
    assert pruner.n_parameters_ == 8 * 11 + 5 <= 100
    assert not any(p.requires_grad for p in pruner.model_.parameters())
    assert pruner.path_[0].n_parameters == size(model)
    plain = fitted(model, draw(64, 6), budget={"params": 100}, refit=None)
    assert plain.n_parameters_ == size(plain.model_) == 9 * 11


class Sharing(nn.Module):
    """One batch norm after two convolutions without intercept, or one for each."""

    def __init__(self, shares):
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b = (nn.Conv2d(1, 8, 3, bias=False) for _ in range(2))
        self.c, self.d = (nn.Conv2d(8, 6, 1, bias=False) for _ in range(2))
        self.norm = nn.BatchNorm2d(6)
        self.other = self.norm if shares else nn.BatchNorm2d(6)

    def forward(self, x):
        first, second = torch.relu(self.a(x)), torch.relu(self.b(x - 1))
        return self.norm(self.c(first)), self.other(self.d(second))


def test_a_batch_norm_that_is_shared_does_not_take_intercepts():
    x = draw(100, 1, 6, 6)
    errors = [
        fitted(Sharing(shares).eval(), x).path_[1].output_error
        for shares in (True, False)
    ]
    assert errors[0] == pytest.approx(errors[1], rel=1e-2)


class Causal(nn.Module):
    """Gets a mask of the length, not of the rows."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.TransformerEncoderLayer(16, 4, 24, batch_first=True)

    def forward(self, x, mask):
        return self.layer(x, src_mask=mask)


def test_masks_of_other_sizes_go_into_each_batch():
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    inputs = draw(40, 5, 16), mask
    pruner = fitted(Causal().eval(), inputs, batch_size=8, budget={"score_drop": 0.2})
    assert pruner.path_[1].output_error < 0.3
    assert pruner.model_(*inputs).shape == (40, 5, 16)


class Chunked(nn.Module):
    """Parts of equal size, each for a layer of its own; a batch norm without module."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.a, self.last = nn.Linear(6, 24), nn.Linear(12, 10, bias=False)
        self.parts = nn.ModuleList(nn.Linear(8, 4) for _ in range(3))
        self.out = nn.Linear(10, 2)
        self.register_buffer("mean", torch.zeros(10))
        self.register_buffer("var", torch.ones(10))

    def forward(self, x):
        cut = torch.relu(self.a(x)).chunk(3, -1)
        found = torch.cat([f(u) for f, u in zip(self.parts, cut, strict=True)], 1)
        found = F.batch_norm(self.last(torch.relu(found)), self.mean, self.var)
        return self.out(torch.relu(found))


def test_parts_of_equal_size_stay_and_functional_batch_norm_is_no_module():
    pruner = fitted(Chunked().eval(), draw(100, 6), budget=0.5)
    assert pruner.model_.a.out_features == 24
    assert "sizes go together" in " ".join(pruner.left_whole_.values())
    assert pruner.model_.out.in_features == 5
    assert pruner.path_[1].output_error < 0.5


def test_what_cannot_be_copied_is_said():
    model = mlp()
    prune.l1_unstructured(model[0], "weight", 0.3)
    model(draw(2, 6))
    with pytest.raises(ValueError, match="cannot be copied"):
        fitted(model, draw(64, 6))
