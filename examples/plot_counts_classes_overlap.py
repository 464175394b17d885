"""
Counts, classes and groups that overlap
=======================================

Three models on real data that scikit-learn ships, each with a short reading of what it
selected: a Poisson model of the progression of diabetes in whole points, with a spline
for each measurement; a multinomial model of three cultivars of wine; and a regression
whose groups overlap, since a product of two measurements belongs to both.

Run it as ``python examples/plot_counts_classes_overlap.py [picture.png]``.
"""

import sys
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes, load_wine
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, SplineTransformer, StandardScaler

from skstruct import GroupLassoClassifierCV, GroupLassoCV, OverlappingGroupLassoCV

# %%
# Counts: one spline for each of ten measurements
# -----------------------------------------------
# A spline of four columns is in the model or not. The mean is the exponential of the
# predictor, so no prediction is negative.
X, y = load_diabetes(return_X_y=True, as_frame=True)
names = list(X.columns)
folds = KFold(5, shuffle=True, random_state=0)
splines = make_pipeline(
    SplineTransformer(n_knots=3, degree=2, include_bias=False), StandardScaler()
)
basis = splines.fit_transform(X)
labels = np.repeat(names, basis.shape[1] // len(names))
poisson = GroupLassoCV(
    labels, loss="poisson", alphas=30, eps=1e-2, cv=folds, selection="1se"
)
poisson.fit(basis, y)
print("Poisson, splines of:", ", ".join(poisson.selected_groups_))
print(f"  D2 {poisson.score(basis, y):.2f}, duality gap {poisson.dual_gap_:.1e}")

# %%
# Classes: which measurements tell three cultivars apart
# ------------------------------------------------------
# A measurement's three coefficients, one a cultivar, are a group by themselves.
wine = load_wine(as_frame=True)
Z = StandardScaler().set_output(transform="pandas").fit_transform(wine.data)
cultivars = GroupLassoClassifierCV(
    alphas=30,
    eps=1e-2,
    cv=StratifiedKFold(5, shuffle=True, random_state=0),
    selection="1se",
)
cultivars.fit(Z, wine.target)
print(fill("Wine: " + ", ".join(cultivars.selected_groups_), subsequent_indent="  "))
print(
    f"  {len(cultivars.selected_groups_)} of 13, accuracy on the same rows "
    f"{cultivars.score(Z, wine.target):.2f}"
)

# %%
# Overlap: products belong to both measurements
# ---------------------------------------------
# With ``overlap="intersection"`` a measurement's group holds its own column and all its
# products; leaving it out leaves all of them out.
products = PolynomialFeatures(2, interaction_only=True, include_bias=False)
V = StandardScaler().fit_transform(products.fit_transform(X))
used = products.powers_ > 0
hierarchy = OverlappingGroupLassoCV(
    {name: np.flatnonzero(used[:, j]) for j, name in enumerate(names)},
    overlap="intersection",
    alphas=20,
    eps=2e-2,
    cv=folds,
    selection="1se",
)
hierarchy.fit(V, y)
print("Overlap:", ", ".join(hierarchy.selected_groups_))

# %%
# What each model keeps
# ---------------------
figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
for ax, model, title in zip(
    axes,
    (poisson, cultivars, hierarchy),
    ("Diabetes: Poisson, splines", "Wine: three classes", "Diabetes: overlap"),
    strict=True,
):
    order = np.argsort(model.group_norms_)
    colors = np.where(model.group_norms_[order] > 0, "C0", "0.8")
    ax.barh(range(len(order)), model.group_norms_[order], color=colors)
    ax.set_yticks(range(len(order)), [str(n)[:22] for n in model.group_names_[order]])
    ax.tick_params(labelsize=8)
    ax.set(title=title, xlabel="norm of the group's coefficients")
picture = sys.argv[1] if len(sys.argv) > 1 else "counts_classes_overlap.png"
figure.savefig(picture, dpi=120)
print(f"Picture saved as {picture}")
