"""
=======================================
A network that finds out how wide to be
=======================================

A convolutional network learns to read handwritten digits while a group lasso pulls at
its filters: after each step of the optimizer, ``proximal_step`` shortens all weights of
a filter by the same share, and makes those that are short enough zero. ``TorchPruner``
then takes the zeros out, which changes nothing but the size.

This needs PyTorch, ``pip install 'skstruct[torch]'``. Run as a script, it saves the
picture to ``group_lasso_training.png``, or to the file named as its argument.
"""

import sys

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from skstruct import TorchPruner, proximal_step, removable_groups

torch.manual_seed(0)
torch.set_num_threads(1)

X, y = load_digits(return_X_y=True)
X = torch.tensor(X / 16, dtype=torch.float32).reshape(-1, 1, 8, 8)
X_train, X_test, y_train, y_test = train_test_split(
    X, torch.tensor(y), test_size=0.3, random_state=0
)
network = nn.Sequential(
    nn.Conv2d(1, 32, 3, padding=1),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.Conv2d(32, 32, 3, stride=2, padding=1),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(32 * 16, 64),
    nn.ReLU(),
    nn.Linear(64, 10),
)


def accuracy(model):
    """Return the share of new images that are read right."""
    with torch.no_grad():
        return float((model.eval()(X_test).argmax(dim=1) == y_test).float().mean())


def train(model, n_epochs, lr, after_step=lambda optimizer: None):
    """Train by Adam, the learning rate falling to zero; yield after each epoch."""
    optimizer = torch.optim.Adam(model.parameters(), lr)
    n_steps = n_epochs * -(-len(X_train) // 64)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_steps)
    for _ in range(n_epochs):
        model.train()
        for rows in torch.randperm(len(X_train)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(X_train[rows]), y_train[rows]).backward()
            optimizer.step()
            after_step(optimizer)
            rate.step()
        yield


# %%
# Units and what belongs to them
# ------------------------------
# The group of a filter is all that makes it: its weights and its intercept, scale and
# shift of the batch norm.

groups = removable_groups(network, X_train[:2])
print(groups)
for name, own in groups.layers.items():
    print(
        f"Layer {name}: {own.stop - own.start} units of {groups.sizes[own][0]} entries"
    )

# %%
# Training
# --------
# Some epochs as usual, then with the penalty, then once more without it for what is
# left, as the penalty has also made that smaller.

ALPHA = 0.007
norms, scores = [], []


def look():
    """Note norms of all units, and the accuracy."""
    norms.append(groups.norms(network))
    scores.append(accuracy(network))


look()
for _ in train(network, 4, lr=3e-3):
    look()
n_before = len(norms) - 1
for _ in train(
    network,
    12,
    2e-3,
    lambda optimizer: proximal_step(network, groups, ALPHA, optimizer),
):
    look()

# %%
# The smaller network
# -------------------

pruner = TorchPruner(network, budget="zeros").fit(X_train[:64])
with torch.no_grad():
    change = (pruner.model_.eval()(X_test) - network.eval()(X_test)).abs().max()
full, small = (step.n_parameters for step in pruner.path_)
print(pruner.to_frame().to_string(index=False))
print(f"\nParameters: {small:,} of {full:,}; largest change of an output {change:.0e}")
print(f"Accuracy: after {n_before} epochs {scores[n_before]:.1%}, ", end="")
print(f"with the penalty {scores[-1]:.1%}")
for _ in train(pruner.model_, 4, lr=1e-3):
    scores.append(accuracy(pruner.model_))
print(f"After 4 more epochs of the small network: {scores[-1]:.1%}")

# %%
# The picture
# -----------
# Above, the norms of all units of each layer, epoch by epoch: grey where they end at
# zero. Below, how many are not zero, and the accuracy. Dotted lines: where the penalty
# begins, and where zeros are removed.

figure, axes = plt.subplots(2, 3, figsize=(9, 5.5), sharex=True, layout="constrained")
names = {"0": "first convolution", "3": "second convolution", "7": "hidden layer"}
for ax, below, (name, title) in zip(*axes, names.items(), strict=True):
    lines = [one[name] for one in norms]
    for unit, last in enumerate(lines[-1]):
        color = "#0072B2" if last > 0 else "#AAAAAA"
        line = [one[unit] for one in lines]
        ax.plot(line, color=color, linewidth=0.8, zorder=2 if last > 0 else 1)
    ax.set_title(title, fontsize="medium")
    ax.set_ylim(bottom=0)
    below.plot([(one > 0).sum() for one in lines], color="#0072B2")
    below.set_ylim(0, 1.08 * len(lines[0]))
    below.set_xlabel("Epoch")
    for one in (ax, below):
        one.axvline(n_before, color="#444444", linestyle=":", linewidth=1)
        one.axvline(len(lines) - 1, color="#444444", linestyle=":", linewidth=1)
    twin = below.twinx()
    twin.plot(scores, color="#D55E00")
    twin.set_ylim(0, 1.08)
    twin.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    twin.tick_params(labelright=name == "7", colors="#D55E00")
axes[0, 0].set_ylabel("Norm of a unit")
axes[1, 0].set_ylabel("Units that are not zero", color="#0072B2")
twin.set_ylabel("Accuracy on new images", color="#D55E00")
picture = sys.argv[1] if len(sys.argv) > 1 else "group_lasso_training.png"
figure.savefig(picture, dpi=150)
print(f"\nPicture: {picture}")
