"""PyTorch models that are written in unusual ways, and inputs that do not fit."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

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
    pruner = fitted(model, x, budget=0.5)
    assert {k: len(v) for k, v in pruner.kept_units_.items()}["a"] == 2
    assert pruner.model_(x).shape == (64, 5, 3)


def test_attention_next_to_what_shrinks_works():
    torch.manual_seed(0)
    model, x = Attentive(False).eval(), draw(64, 5, 16)
    small = fitted(model, x, targets=["ffn"]).model_
    assert small.o.in_features == 8
    assert small(x).shape == (64, 5, 3)
