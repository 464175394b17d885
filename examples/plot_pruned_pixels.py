"""
=================================================
Which pixels does a pruned network still look at?
=================================================

``prune_inputs=True`` prunes input features like the units of a layer: a pixel stays
if the network needs it to give the same output. No labels are used. The
wrapper still takes whole images; the network inside takes the pixels kept.

Run as a script, this saves the picture to ``pruned_pixels.png``, or to the file named
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

from skstruct import MLPPruner

# %%
# A network that reads 8 x 8 images of digits
# -------------------------------------------

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, test_size=0.3, random_state=0
)
network = MLPClassifier(hidden_layer_sizes=(128, 64), max_iter=60, random_state=0)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)
    network.fit(X_train, y_train)
print(f"All 64 pixels: accuracy {network.score(X_test, y_test):.1%}")

# %%
# Fewer and fewer pixels
# ----------------------
# The hidden layers keep half of their units each time, and all weights are refitted to
# give the full network's output. For comparison, the same number of pixels by chance.

N_PIXELS = [48, 32, 20, 12]
pruned, by_chance = {}, {}
for n_pixels in N_PIXELS:
    params = {
        "budget": [n_pixels, 64, 32],
        "prune_inputs": True,
        "refit": "joint",
        "prefit": True,
    }
    pruned[n_pixels] = MLPPruner(network, **params).fit(X_train)
    by_chance[n_pixels] = [
        MLPPruner(network, criterion="random", random_state=seed, **params)
        .fit(X_train)
        .score(X_test, y_test)
        for seed in range(3)
    ]
    print(
        f"{n_pixels} pixels: accuracy {pruned[n_pixels].score(X_test, y_test):.1%}, "
        f"by chance {np.mean(by_chance[n_pixels]):.1%}"
    )

# %%
# The network inside takes the pixels kept, and nothing else.

smallest = pruned[N_PIXELS[-1]]
inside = smallest.estimator_.predict(X_test[:, smallest.kept_features_])
assert (inside == smallest.predict(X_test)).all()
print(f"Its estimator_ takes {smallest.estimator_.n_features_in_} features")

# %%
# Where they are
# --------------
# First how much each pixel varies, then those kept, on the mean image.

figure, axes = plt.subplots(
    1, len(N_PIXELS) + 1, figsize=(10, 2.6), layout="constrained"
)
axes[0].imshow(X_train.std(axis=0).reshape(8, 8), cmap="Blues")
axes[0].set_title("variation of the pixels\n(all 64)", fontsize="small")
for ax, n_pixels in zip(axes[1:], N_PIXELS, strict=True):
    pruner = pruned[n_pixels]
    ax.imshow(X_train.mean(axis=0).reshape(8, 8), cmap="Greys", vmax=2)
    rows, columns = np.divmod(pruner.kept_features_, 8)
    ax.scatter(columns, rows, marker="s", s=70, color="#D55E00", linewidth=0)
    ax.set_title(
        f"{n_pixels} pixels: {pruner.score(X_test, y_test):.1%}\n"
        f"(by chance {np.mean(by_chance[n_pixels]):.1%})",
        fontsize="small",
    )
for ax in axes:
    ax.set_xticks([])
    ax.set_yticks([])
picture = sys.argv[1] if len(sys.argv) > 1 else "pruned_pixels.png"
figure.savefig(picture, dpi=150)
print(f"Picture: {picture}")
