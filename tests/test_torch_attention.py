"""Attention with fewer heads against PyTorch's own."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402

from skstruct import TorchPruner  # noqa: E402
from skstruct.pruning.torch.attention import SmallerAttention  # noqa: E402

torch.set_num_threads(1)

PADDING = torch.zeros(3, 6, dtype=torch.bool)
PADDING[0, 4:] = True
CASES = {
    "plain": {},
    "no weights": {"need_weights": False},
    "padding": {"key_padding_mask": PADDING},
    "both": {
        "attn_mask": torch.arange(30.0).reshape(5, 6) / 10,
        "key_padding_mask": torch.zeros(3, 6).masked_fill(PADDING, float("-inf")),
    },
    "by head": {
        "attn_mask": torch.arange(360.0).reshape(12, 5, 6) / 100,
        "average_attn_weights": False,
    },
}


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_all_heads_give_the_same(case, batch_first):
    torch.manual_seed(0)
    attention = nn.MultiheadAttention(16, 4, kdim=8, vdim=9, batch_first=batch_first)
    if case == "plain":
        attention = nn.MultiheadAttention(16, 4, bias=False, batch_first=batch_first)
    width = attention.kdim, attention.vdim
    q, k, v = torch.randn(3, 5, 16), torch.randn(3, 6, width[0]), None
    v = torch.randn(3, 6, width[1])
    if not batch_first:
        q, k, v = (t.transpose(0, 1) for t in (q, k, v))
    wanted = attention.eval()(q, k, v, **CASES[case])
    found = SmallerAttention(attention).eval()(q, k, v, **CASES[case])
    for a, b in zip(found, wanted, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            torch.testing.assert_close(a, b)


def test_one_row_without_a_batch():
    torch.manual_seed(0)
    attention = nn.MultiheadAttention(16, 4).eval()
    q, k = torch.randn(5, 16), torch.randn(6, 16)
    found = SmallerAttention(attention)(q, k, k)
    for a, b in zip(found, attention(q, k, k), strict=True):
        torch.testing.assert_close(a, b)


class Padded(nn.Module):
    """An encoder that is told what is padding, and may pack what is not."""

    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 4, 24, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)

    def forward(self, src, mask):
        return self.encoder(src, src_key_padding_mask=mask)[:, :3]


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_encoder_with_padding_is_pruned():
    torch.manual_seed(0)
    model, x = Padded().eval(), torch.randn(60, 5, 16)
    mask = torch.zeros(60, 5, dtype=torch.bool)
    mask[:30, 3:] = True
    inputs = {"src": x, "mask": mask}
    whole = TorchPruner(model, budget=1.0, random_state=0).fit(inputs).model_
    assert whole.encoder.use_nested_tensor == model.encoder.use_nested_tensor
    half = TorchPruner(model, budget=0.5, allocation="uniform", random_state=0)
    half = half.fit(inputs)
    assert [len(kept) for kept in half.kept_units_.values()] == [2, 12, 2, 12]
    with torch.no_grad():
        wanted = model(x, mask)
        torch.testing.assert_close(whole(x, mask), wanted)
        found = half.model_(x, mask)
    assert ((found - wanted) ** 2).mean() < 0.3 * wanted.var()
    attention = half.model_.encoder.layers[0].self_attn
    with pytest.raises(ValueError, match="only 2 of 4 are left"):
        attention(x, x, x, attn_mask=torch.zeros(240, 5, 5))
