"""
A tree of wavelets finds the drop of the Nile
=============================================

The yearly flow of the Nile at Aswan dropped around 1898. In the Haar basis, a step is
a chain of coefficients: one for each interval that holds it, from the longest down.
Groups that form a tree say so: an interval's coefficient may only be nonzero if those
of the intervals around it are.
"""

import matplotlib.pyplot as plt
import numpy as np
from statsmodels.datasets import nile

from skstruct import GroupLassoIC, OverlappingGroupLassoIC

table = nile.load_pandas().data.iloc[:64]  # 1871 to 1934
years, flow = table["year"].to_numpy(int), table["volume"].to_numpy()

# %%
# The basis: 63 steps, the first across all years, the last 32 between two neighbours.
# Interval i contains the intervals 2i + 1 and 2i + 2.

n = len(flow)
basis, groups = [], []
for depth in range(6):
    length = n >> depth
    for start in range(0, n, length):
        step = np.zeros(n)
        step[start : start + length // 2] = 1
        step[start + length // 2 : start + length] = -1
        basis.append(step / np.sqrt(length))
X = np.array(basis).T * np.sqrt(n)


def inside(i):
    """Return an interval and all intervals within it."""
    return [] if i >= n - 1 else [i, *inside(2 * i + 1), *inside(2 * i + 2)]


groups = [inside(i) for i in range(n - 1)]

# %%
# Both models choose alpha by BIC, with the noise estimated along the path.

grid = {"alphas": 60, "eps": 0.05, "criterion": "bic", "noise_variance": "profile"}
tree = OverlappingGroupLassoIC(
    groups, overlap="tree", group_weights=np.ones(len(groups)), **grid
).fit(X, flow)
lasso = GroupLassoIC(**grid).fit(X, flow)

figure, ax = plt.subplots(figsize=(9, 4), layout="constrained")
ax.plot(years, flow, ".", color="0.6", label="flow")
for name, model in (("lasso", lasso), ("tree of groups", tree)):
    count = np.count_nonzero(model.coef_)
    ax.step(years, model.predict(X), where="mid", label=f"{name}, {count} coefficients")
ax.axvline(1898.5, color="0.8", zorder=0)
ax.set(xlabel="Year", ylabel="Flow in 10⁸ m³", title="The Nile at Aswan")
ax.legend()
plt.show()
