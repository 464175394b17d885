"""
Less shrinkage: MCP, adaptive weights and refits
================================================

The group lasso selects by shrinking, and shrinks what it selects. Three remedies, on
data whose truth is known: a concave penalty that levels off, weights that depend on a
first fit, and a refit of the selected groups without penalty.
"""

import matplotlib.pyplot as plt
import numpy as np

from skstruct import BlockCoordinateDescentRegressor, GroupLasso, GroupMCP
from skstruct.datasets import make_group_regression

X, y, groups, coef = make_group_regression(
    n_samples=150,
    n_groups=20,
    group_size=4,
    n_informative_groups=4,
    noise=3.0,
    coef=True,
    random_state=4,
)
truth = np.linalg.norm(np.asarray(coef).reshape(20, 4), axis=1)

# %%
# Each model has the alpha at which its coefficients are closest to the truth: the
# best that any way to choose alpha could do.

models = {
    "group lasso": GroupLasso(groups=groups),
    "adaptive": GroupLasso(groups=groups, adaptive="ridge"),
    "refit": GroupLasso(groups=groups, relax=True),
    "group MCP": BlockCoordinateDescentRegressor(penalty=GroupMCP(), groups=groups),
}
best = {}
for name, model in models.items():
    fits = []
    for alpha in np.geomspace(0.1, 3, 12):
        model.set_params(alpha=alpha).fit(X, y)
        error = np.linalg.norm(model.coef_ - np.ravel(coef))
        fits.append((error, len(model.selected_groups_), model.group_norms_.copy()))
    best[name] = min(fits, key=lambda fit: fit[0])
    print(f"{name:12} error {best[name][0]:.2f}, {best[name][1]} groups")

figure, axes = plt.subplots(1, 4, figsize=(12, 3.4), sharey=True, layout="constrained")
limit = 1.1 * truth.max()
for ax, (name, (error, count, norms)) in zip(axes, best.items(), strict=True):
    ax.plot([0, limit], [0, limit], color="0.7", linewidth=1)
    ax.plot(truth, norms, "o", markersize=5)
    ax.set(title=f"{name}: {count} groups\nerror {error:.2f}", xlabel="True norm")
axes[0].set_ylabel("Estimated norm of the group")
plt.show()
