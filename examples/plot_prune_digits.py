"""
======================================
How small can a digits network become?
======================================

A network with 256 and 128 hidden units learns to read handwritten digits. How many
of its units does it need? ``MLPPruner`` removes units and refits what is left, from
images without labels and without training again. Here is the accuracy on new images
against the size of the network, for four ways of doing so.

Run as a script, this saves the picture to ``prune_digits.png``, or to the file named
as its argument.
"""

import sys
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from skstruct import MLPPruner, MLPPrunerCV

# %%
# The full network
# ----------------

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, test_size=0.3, random_state=0
)
network = MLPClassifier(hidden_layer_sizes=(256, 128), max_iter=60, random_state=0)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)
    network.fit(X_train, y_train)
full = MLPPruner(network, budget=1.0, prefit=True).fit(X_train)
print(
    f"Full network: {full.n_parameters_:,} weights, "
    f"accuracy {network.score(X_test, y_test):.1%}"
)

# %%
# Four ways to prune it
# ---------------------
# By the size of weights, as is common, without a refit; the same with the next
# layer's weights refitted by least squares; with units chosen by what the next layer
# needs, the default; and with all weights refitted together in the end.

WAYS = {
    "largest weights": {"criterion": "magnitude", "refit": None},
    "largest weights, refitted": {"criterion": "magnitude"},
    "greedy choice, refitted (default)": {},
    "greedy choice, joint refit": {"refit": "joint"},
}
KEPT = [0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0]

curves = {}
for name, params in WAYS.items():
    points = []
    for kept in KEPT:
        pruner = MLPPruner(
            network, budget=kept, allocation="uniform", prefit=True, **params
        )
        pruner.fit(X_train)
        points.append((pruner.n_parameters_, pruner.score(X_test, y_test)))
    curves[name] = np.array(points)

print(f"\n{'units kept':34}" + "".join(f"{kept:>8.0%}" for kept in (0.25, 0.1, 0.05)))
for name, points in curves.items():
    shown = [points[KEPT.index(kept), 1] for kept in (0.25, 0.1, 0.05)]
    print(f"{name:34}" + "".join(f"{score:8.1%}" for score in shown))

# %%
# Which size to take?
# -------------------
# The smallest network that loses no more than one point of accuracy in
# cross-validation: in each fold a network is trained, pruned and scored.

search = MLPPrunerCV(
    network, budgets=KEPT[:-1], refit="joint", max_drop=0.01, cv=3, random_state=0
)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)
    search.fit(X_train, y_train)
print(
    f"\nAt most one point lost: keep {search.best_params_['budget']:.1%} of the units, "
    f"{search.n_parameters_:,} weights instead of {full.n_parameters_:,};\n"
    f"accuracy on new images {search.score(X_test, y_test):.1%}"
)

# %%
# The picture
# -----------

colors = ["#BBBBBB", "#E69F00", "#0072B2", "#D55E00"]
figure, ax = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
for (name, points), color in zip(curves.items(), colors, strict=True):
    ax.plot(*points.T, marker="o", markersize=4, color=color, label=name)
ax.axvline(
    search.n_parameters_,
    color="#444444",
    linestyle=":",
    linewidth=1,
    label="chosen by MLPPrunerCV",
)
ax.set_xscale("log")
ax.set_xlabel("Weights and intercepts of the pruned network")
ax.set_ylabel("Accuracy on new images")
ax.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
ax.legend(loc="lower right", fontsize="small")
picture = sys.argv[1] if len(sys.argv) > 1 else "prune_digits.png"
figure.savefig(picture, dpi=150)
print(f"\nPicture: {picture}")
