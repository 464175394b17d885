"""
==================================================
A convolutional network with a quarter of the work
==================================================

A network of three convolutions learns to read handwritten digits. ``TorchPruner`` takes
channels out of it until an image costs a quarter of the multiply-adds, and refits the
layers that read the channels left: from images without labels, and without training
again. What comes out is an ordinary PyTorch module with smaller tensors.

This needs PyTorch, ``pip install 'skstruct[torch]'``. Run as a script, it saves the
picture to ``prune_convolutions.png``, or to the file named as its argument.
"""

import sys

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from skstruct import TorchPruner

torch.manual_seed(0)
torch.set_num_threads(1)

# %%
# The full network
# ----------------

X, y = load_digits(return_X_y=True)
X = torch.tensor(X / 16, dtype=torch.float32).reshape(-1, 1, 8, 8)
X_train, X_test, y_train, y_test = train_test_split(
    X, torch.tensor(y), test_size=0.3, random_state=0
)


def convolution(n_in, n_out, stride=1):
    """Return a convolution, its batch norm, and what cuts off negative values."""
    layer = nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False)
    return [layer, nn.BatchNorm2d(n_out), nn.ReLU()]


network = nn.Sequential(
    *convolution(1, 16),
    *convolution(16, 32),
    *convolution(32, 32, stride=2),
    nn.AdaptiveAvgPool2d(2),
    nn.Flatten(),
    nn.Linear(128, 10),
)
n_epochs = 8
optimizer = torch.optim.Adam(network.parameters())
rate = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, 0.01, total_steps=n_epochs * -(-len(X_train) // 64)
)
for _ in range(n_epochs):
    for rows in torch.randperm(len(X_train)).split(64):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(X_train[rows]), y_train[rows]).backward()
        optimizer.step()
        rate.step()


def accuracy(model):
    """Return the share of new images that are read right."""
    with torch.no_grad():
        return float((model.eval()(X_test).argmax(dim=1) == y_test).float().mean())


print(f"Full network: accuracy {accuracy(network):.1%}")

# %%
# Fewer multiply-adds
# -------------------
# Three ways to choose channels for the same cost: those with the largest weights, and
# nothing else, as is common; the same with a refit of the next layer; and those from
# which the next layer can be refitted best, the default. All look at 500 images.

WAYS = {
    "largest weights": {"criterion": "magnitude", "refit": None},
    "largest weights, refitted": {"criterion": "magnitude"},
    "greedy choice, refitted (default)": {},
}
FEWER = [2, 4, 8, 16]


def pruned(budget, **params):
    """Return a pruner that has pruned the network."""
    pruner = TorchPruner(network, budget=budget, random_state=0, **params)
    return pruner.fit(X_train[:500])


full = pruned(1.0).flops_
found = {
    (name, fewer): pruned({"flops": full // fewer}, **params)
    for name, params in WAYS.items()
    for fewer in FEWER
}
print(f"\n{'times fewer than ' + format(full, ','):36}", end="")
print("".join(f"{fewer:>8}" for fewer in FEWER))
for name in WAYS:
    scores = [accuracy(found[name, fewer].model_) for fewer in FEWER]
    print(f"{name:36}" + "".join(f"{score:8.1%}" for score in scores))

# %%
# The refit is what counts; at a quarter of the cost it makes up for either choice. The
# choice counts where little is left.
#
# What was kept
# -------------

best = found["greedy choice, refitted (default)", 4]
print(f"\n{best.to_frame().to_string(index=False)}\n")
print(best.model_)

# %%
# The picture
# -----------
# Left, the accuracy. Right, what the channels of the first two convolutions make of a
# digit in the full network, those of the small one in blue frames.

figure = plt.figure(figsize=(9, 4.5), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=[1, 1.2])
ax = left.subplots()
for (name, _), color in zip(
    WAYS.items(), ["#BBBBBB", "#E69F00", "#0072B2"], strict=True
):
    scores = [accuracy(found[name, fewer].model_) for fewer in FEWER]
    ax.plot([1, *FEWER], [accuracy(network), *scores], "o-", color=color, label=name)
ax.set_xscale("log", base=2)
ax.set_xticks([1, *FEWER], ["full", *(f"1/{fewer}" for fewer in FEWER)])
ax.set_xlabel("Multiply-adds")
ax.set_ylabel("Accuracy on new images")
ax.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
ax.legend(loc="lower left", fontsize="small")

with torch.no_grad():
    first = network[:3](X_test[:1])[0]
    second = network[3:6](first[None])[0]
axes = right.subplots(6, 8)
for channels, kept, places in (
    (first, best.kept_units_["0"], axes[:2]),
    (second, best.kept_units_["3"], axes[2:]),
):
    for unit, (channel, ax) in enumerate(zip(channels, places.flat, strict=True)):
        ax.imshow(channel, cmap="gray_r")
        ax.set_xticks([])
        ax.set_yticks([])
        is_kept = unit in kept
        ax.spines[:].set_color("#0072B2" if is_kept else "#DDDDDD")
        ax.spines[:].set_linewidth(2.5 if is_kept else 0.5)
        ax.images[0].set_alpha(1.0 if is_kept else 0.3)
axes[0, 0].set_title("first convolution", loc="left", fontsize="small")
axes[2, 0].set_title("second convolution", loc="left", fontsize="small")
picture = sys.argv[1] if len(sys.argv) > 1 else "prune_convolutions.png"
figure.savefig(picture, dpi=150)
print(f"\nPicture: {picture}")
