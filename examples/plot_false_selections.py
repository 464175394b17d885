"""
How many of the selected columns are false?
===========================================

Real data do not say which columns have no effect. So we add some: a copy of each column
of the diabetes table, its rows shuffled, which cannot have any. Then we count how many
of these each method selects: a cross-validated group lasso at both choices of alpha,
which aims at prediction; stability selection, which bounds the expected number of false
selections; and knockoffs, which bound their share.

Run it as ``python examples/plot_false_selections.py [picture.png]``.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.model_selection import KFold
from sklearn.preprocessing import OneHotEncoder, SplineTransformer

from skstruct import (
    GroupKnockoffSelector,
    GroupLasso,
    GroupLassoCV,
    GroupStabilitySelection,
    make_grouped_pipeline,
)

# %%
# The table, with shuffled copies
# -------------------------------

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
X["sex"] = X["sex"].map({1.0: "one", 2.0: "other"})


def with_shuffled_copies(seed):
    """Return the table beside a shuffled copy of each column."""
    rng = np.random.default_rng(seed)
    copies = {f"shuffled {name}": rng.permutation(X[name]) for name in X}
    return pd.concat([X, pd.DataFrame(copies)], axis=1)


# %%
# Four ways to select
# -------------------
# A spline for each measurement, an indicator for sex.

prepare = make_column_transformer(
    (
        SplineTransformer(n_knots=3, degree=2, include_bias=False),
        make_column_selector(dtype_include="number"),
    ),
    (
        OneHotEncoder(drop="first", sparse_output=False),
        make_column_selector(dtype_exclude="number"),
    ),
)
folds = KFold(5, shuffle=True, random_state=0)
grouped = GroupLasso(standardize="groups")


def selectors(seed):
    """Return what is compared."""
    tuned = {"alphas": 25, "eps": 2e-2, "cv": folds, "standardize": "groups"}
    return {
        "CV, best score": GroupLassoCV(**tuned),
        "CV, 1-SE rule": GroupLassoCV(selection="1se", **tuned),
        "stability selection": GroupStabilitySelection(
            grouped, max_groups=5, n_pairs=15, alphas=15, eps=0.1, random_state=seed
        ),
        "knockoffs, FDR 0.3": GroupKnockoffSelector(
            grouped, fdr=0.3, alphas=50, random_state=seed
        ),
    }


counts = {name: [] for name in selectors(0)}
for seed in range(8):
    table = with_shuffled_copies(seed)
    for name, selector in selectors(seed).items():
        model = make_grouped_pipeline(prepare, selector).fit(table, y)
        is_shuffled = [g.startswith("shuffled") for g in model[-1].selected_groups_]
        counts[name].append([is_shuffled.count(False), is_shuffled.count(True)])
bound = make_grouped_pipeline(prepare, selectors(0)["stability selection"])
bounds = bound.fit(with_shuffled_copies(0), y)[-1].error_bounds()

# Knockoffs bound the mean of the last column, stability selection that of the one
# before it.

print("Columns selected, of 10 real and 10 shuffled ones, means of 8 shuffles:")
print(f"{'':20} {'real':>8} {'shuffled':>8} {'share of shuffled':>18}")
for name, own in counts.items():
    real, shuffled = np.mean(own, axis=0)
    share = np.mean([b / max(a + b, 1) for a, b in own])
    print(f"{name:20} {real:8.1f} {shuffled:8.1f} {share:18.2f}")
print(f"Bound of stability selection: {bounds['unimodal']:.1f} false selections")

# %%
# The picture
# -----------

figure, ax = plt.subplots(figsize=(8, 3), layout="constrained")
for row, own in enumerate(counts.values()):
    real, shuffled = np.mean(own, axis=0)
    ax.barh(row, real, color="#0072B2", label="real" if row == 0 else None)
    ax.barh(row, -shuffled, color="#D55E00", label="shuffled" if row == 0 else None)
    ax.text(real + 0.1, row, f"{real:.1f}", va="center")
    ax.text(-shuffled - 0.1, row, f"{shuffled:.1f}", va="center", ha="right")
ax.axvline(0, color="0.6", linewidth=0.8)
ax.set_yticks(range(len(counts)), counts)
ax.set_ylim(len(counts) - 0.4, -0.6)
ax.set_xticks([])
ax.tick_params(length=0)
ax.set_xlim(-9, 11)
ax.set_xlabel("Shuffled columns selected (left), real ones (right), mean of 8 shuffles")
ax.spines[["top", "right", "left", "bottom"]].set_visible(False)
picture = sys.argv[1] if len(sys.argv) > 1 else "false_selections.png"
figure.savefig(picture, dpi=120)
print(f"Picture saved as {picture}")
