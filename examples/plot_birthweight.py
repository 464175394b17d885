"""
====================================
Which factors go with birth weight?
====================================

189 births at one hospital, eight variables on the mothers. Most variables take
several columns: polynomials of age and weight, indicators of the levels of race.
Keeping half of a variable's columns makes little sense, so the group lasso keeps or
drops whole variables. How strongly it should select is chosen by cross-validation.

Run as a script, this saves the picture to ``birthweight_path.png``, or to the file
named as its argument.
"""

import sys

import numpy as np
from sklearn.linear_model import LassoCV, LinearRegression
from sklearn.model_selection import KFold, ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skstruct import GroupLasso, GroupLassoCV, GroupPathDisplay
from skstruct.datasets import load_birthwt

# %%
# The data
# --------
# ``groups`` has one label for each column: the variable it was made from.

birthwt = load_birthwt(as_frame=True)
X, y, groups = birthwt.data, birthwt.target, birthwt.groups
print(f"{X.shape[0]} births, {X.shape[1]} columns in {len(birthwt.group_names)} groups")
print(f"Birth weight: mean {y.mean():.3f} kg, standard deviation {y.std():.3f} kg")

# %%
# The model
# ---------
# The table is sorted by birth weight below 2.5 kg, so the folds must be shuffled.
# The columns are on different scales; ``standardize="groups"`` penalises a group by
# the size of what it contributes to the prediction, whatever its scale.

folds = KFold(n_splits=10, shuffle=True, random_state=0)
model = GroupLassoCV(groups=groups, alphas=50, standardize="groups", cv=folds)
model.fit(X, y)

# %%
# Which groups, and how sure we are of the solution
# -------------------------------------------------
# Norms of coefficients depend on the scale of the columns. The last column does not:
# it is the standard deviation, over all births, of what a group adds to the
# prediction.

table = model.groups_to_frame()
parts = [X.iloc[:, own] @ model.coef_[own] for own in model.groups_]
table["effect in g"] = [1000 * part.std(ddof=0) for part in parts]
table = table[table["selected"]].sort_values("effect in g", ascending=False)
columns = ["name", "size", "norm", "effect in g"]
print(f"\nSelected groups: {len(table)} of {len(model.groups_)}")
print(table[columns].to_string(index=False, float_format="{:.3f}".format))

sparser = GroupLasso(model.alpha_1se_, groups=groups, standardize="groups").fit(X, y)
print(f"\nChosen alpha: {model.alpha_:.4g}, of the best mean score in 10 folds")
print(
    f"One-standard-error alpha: {model.alpha_1se_:.4g}, which keeps "
    f"{len(sparser.selected_groups_)} groups: {', '.join(sparser.selected_groups_)}"
)
print(
    f"Duality gap at the chosen alpha: {model.dual_gap_:.1e} kg²:\n"
    "the objective is at most this far above its minimum"
)

# %%
# The path
# --------
# Groups enter from left to right as the penalty gets weaker.

display = GroupPathDisplay.from_estimator(model, X=X)
display.ax_.set_ylabel("Standard deviation of the group's contribution, in kg")
picture = sys.argv[1] if len(sys.argv) > 1 else "birthweight_path.png"
display.figure_.savefig(picture, dpi=150)
print(f"\nPath by group: {picture}")

# %%
# Does it predict better?
# -----------------------
# One split of 189 births would tell more about the split than about the models. So we
# take twenty: train on two thirds, choosing alpha by five folds of these, and score on
# the other third. The splits share births, so their standard deviation shows how much
# the score varies between splits; it is not the error of the mean.


def fitted_models(X, y):
    """Fit all models to the same rows."""
    cv = KFold(n_splits=5, shuffle=True, random_state=0)
    grouped = {"groups": groups, "standardize": "groups"}
    best = GroupLassoCV(alphas=50, cv=cv, **grouped).fit(X, y)
    return {
        "unpenalised": LinearRegression().fit(X, y),
        "lasso": make_pipeline(StandardScaler(), LassoCV(cv=cv)).fit(X, y),
        "group lasso": best,
        "group lasso, 1-SE": GroupLasso(best.alpha_1se_, **grouped).fit(X, y),
    }


scores = []
for train, test in ShuffleSplit(n_splits=20, test_size=1 / 3, random_state=0).split(X):
    models = fitted_models(X.iloc[train], y.iloc[train])
    scores.append([m.score(X.iloc[test], y.iloc[test]) for m in models.values()])
scores = np.array(scores)
ours = scores[:, list(models).index("group lasso")]

print("\nTest R², 20 random splits (126 births to train, 63 to test):")
print(f"{'':18} {'mean':>7} {'std':>7} {'median':>7}   group lasso is better in")
for name, own in zip(models, scores.T, strict=True):
    better = "" if name == "group lasso" else f"   {(ours > own).sum()} of {len(own)}"
    line = f"{name:18} {own.mean():7.3f} {own.std():7.3f} {np.median(own):7.3f}{better}"
    print(line)
