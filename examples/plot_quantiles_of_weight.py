"""
Light, middling and heavy newborns: quantiles
=============================================

What goes with a low birth weight need not be what goes with a high one. Quantile
regression asks for each: here the lowest tenth, the median and the highest tenth of
189 newborns, each with a group lasso.
"""

import matplotlib.pyplot as plt
import numpy as np

from skstruct import QuantileLoss, group_lasso_path
from skstruct.datasets import load_birthwt

birthwt = load_birthwt(as_frame=True)
X, y = birthwt.data, birthwt.target
names = sorted(birthwt.group_names)
columns = [np.flatnonzero(np.asarray(birthwt.groups) == name) for name in names]

# %%
# One path for each quantile. The table holds how much each group moves the quantile,
# as standard deviation over the newborns, at a third of each path's largest alpha.

quantiles = (0.1, 0.5, 0.9)
table = np.empty((len(quantiles), len(names)))
for row, quantile in zip(table, quantiles, strict=True):
    path = group_lasso_path(
        X,
        y,
        groups=birthwt.groups,
        loss=QuantileLoss(quantile=quantile),
        standardize="groups",
        alphas=8,
        eps=0.3,
    )
    coef = path.coefs[:, -1]
    row[:] = [np.std(X.to_numpy()[:, own] @ coef[own]) for own in columns]
    below = np.mean(y < X @ coef + path.intercepts[-1])
    print(f"quantile {quantile}: {below:.2f} of the newborns are below it")

figure, ax = plt.subplots(figsize=(8, 3), layout="constrained")
shown = np.where(table > 0, 1000 * table, np.nan)
image = ax.imshow(shown, cmap="viridis_r", aspect="auto")
ax.set_facecolor("0.92")
for (i, j), value in np.ndenumerate(shown):
    if not np.isnan(value):
        color = "white" if value > np.nanmax(shown) / 2 else "black"
        ax.text(j, i, f"{value:.0f}", ha="center", va="center", color=color)
ax.set_xticks(range(len(names)), names)
ax.set_yticks(range(3), ["lowest tenth", "median", "highest tenth"])
figure.colorbar(image, label="Effect in g")
plt.show()
