"""Tiny PyTorch models that several test files prune."""

import torch
import torch.nn.functional as F
from torch import nn


class Residual(nn.Module):
    """Two convolutions around which the input is added."""

    def __init__(self, n_in, n_out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(n_out)
        self.down = None
        if n_in != n_out:
            down = nn.Conv2d(n_in, n_out, 1, stride, bias=False)
            self.down = nn.Sequential(down, nn.BatchNorm2d(n_out))

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)), inplace=True)
        y = self.norm2(self.conv2(y))
        y += x if self.down is None else self.down(x)
        return F.relu(y, inplace=True)


class Gate(nn.Module):
    """Squeeze and excite: channels weighed by their means."""

    def __init__(self, width):
        super().__init__()
        self.squeeze = nn.Conv2d(width, width // 2, 1)
        self.excite = nn.Conv2d(width // 2, width, 1)

    def forward(self, x):
        means = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.excite(F.relu(self.squeeze(means))))


class Concatenated(nn.Module):
    """Two convolutions side by side, and a dict as output."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(2, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(14)
        self.third = nn.Conv2d(14, 4, 1)
        self.last = nn.Linear(36, 3)

    def forward(self, x):
        first = F.relu(self.first(x))
        both = torch.cat([first, self.second(first)], dim=1)
        x = F.max_pool2d(F.relu(self.third(self.norm(both))), 2)
        return {"y": self.last(x.flatten(1)), "n": len(x)}


class Attention(nn.Module):
    """Attention with linear layers of its own; fewer keys and values than queries."""

    def __init__(self, width, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        self.head_dim = width // num_heads
        self.q = nn.Linear(width, width)
        self.k = nn.Linear(width, num_kv_heads * self.head_dim)
        self.v = nn.Linear(width, num_kv_heads * self.head_dim)
        self.o = nn.Linear(width, width, bias=False)

    def forward(self, x):
        n, length, _ = x.shape
        q = self.q(x).view(n, length, self.num_heads, self.head_dim).transpose(1, 2)
        k, v = (
            layer(x).view(n, length, self.num_kv_heads, self.head_dim).transpose(1, 2)
            for layer in (self.k, self.v)
        )
        shared = self.num_heads // self.num_kv_heads
        k, v = (t.repeat_interleave(shared, dim=1) for t in (k, v))
        found = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o(found.transpose(1, 2).reshape(n, length, -1))


class Gated(nn.Module):
    """A feed-forward layer with a gate, without intercepts."""

    def __init__(self, width, hidden):
        super().__init__()
        self.gate = nn.Linear(width, hidden, bias=False)
        self.up = nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x):
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Decoder(nn.Module):
    """A layer of a decoder: root mean square norms before attention and gate."""

    def __init__(self, width=16, num_kv_heads=2):
        super().__init__()
        self.norm1, self.norm2 = nn.RMSNorm(width), nn.RMSNorm(width)
        self.attention = Attention(width, 4, num_kv_heads)
        self.mlp = Gated(width, 24)
        self.head = nn.Linear(width, 5)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        return self.head(x)


class Encoder(nn.Module):
    """PyTorch's own encoder layers, which attend by `nn.MultiheadAttention`."""

    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 4, 24, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        return self.head(self.encoder(x).mean(dim=1))


def plain():
    return nn.Sequential(
        nn.Conv2d(2, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(12),
        nn.Hardswish(),
        nn.Flatten(),
        nn.Linear(12 * 4, 10),
        nn.ReLU(),
        nn.Linear(10, 3),
    )


def residual():
    return nn.Sequential(
        nn.Conv2d(2, 8, 3, padding=1),
        Residual(8, 8),
        Residual(8, 12, 2),
        Residual(12, 12),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(12, 3),
    )


def mobile():
    return nn.Sequential(
        nn.Conv2d(2, 8, 1),
        nn.GroupNorm(8, 8),
        nn.ReLU6(),
        nn.Conv2d(8, 8, 3, padding=1, groups=8),
        Gate(8),
        nn.Conv2d(8, 8, 3, groups=4),
        nn.PReLU(8),
        nn.Conv2d(8, 4, 1),
        nn.Flatten(),
        nn.Linear(4 * 16, 3),
    )


def mlp(hidden=12, seed=0, activation=nn.ReLU):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, hidden), activation(), nn.Linear(hidden, 3))


def rows(n=100, width=6, seed=1):
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed))


def units_of_rows(layer, n_units):
    return [[(f"{layer}weight", 0, j), (f"{layer}bias", 0, j)] for j in range(n_units)]


def settled(model, shape, seed=0):
    """The model with the statistics of batch norms of some data, as if trained."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.3)
        model.train()
        for _ in range(20):
            model(torch.randn(64, *shape))
    return model.eval()


#: Name -> (what makes the model, shape of a row, units by group).
MODELS = {
    "plain": (plain, (2, 8, 8), {"0": 8, "4": 12, "8": 10}),
    "residual": (
        residual,
        (2, 8, 8),
        {
            "1.conv1": 8,
            "2.conv1": 12,
            "0 + 1.conv2": 8,
            "3.conv1": 12,
            "2.conv2 + 2.down.0 + 3.conv2": 12,
        },
    ),
    "mobile": (
        mobile,
        (2, 6, 6),
        {"4.squeeze": 4, "0 + 3 + 4.excite + 5": 4, "7": 4},
    ),
    "concatenated": (
        Concatenated,
        (2, 6, 6),
        {"first": 8, "second": 6, "third": 4},
    ),
    "decoder": (Decoder, (5, 16), {"attention": 2, "mlp.gate + mlp.up": 24}),
    "encoder": (
        Encoder,
        (5, 16),
        {
            "encoder.layers.0.self_attn": 4,
            "encoder.layers.0.linear1": 24,
            "encoder.layers.1.self_attn": 4,
            "encoder.layers.1.linear1": 24,
        },
    ),
}
