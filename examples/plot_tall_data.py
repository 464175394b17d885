"""
Tall data are read once
=======================

For the squared error, all that a fit needs to know of many rows is their second
moments. Where there are at least four rows a column, the whole path, and the whole
cross-validation, cost one reading of X. Here 20,190 person-years of the RAND health
insurance experiment (Newhouse et al., 1993), with all products of the questions.
"""

from time import process_time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import KFold
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from statsmodels.datasets import randhie

from skstruct import GroupLassoCV, HuberLoss

table = randhie.load_pandas().data
visits = np.log1p(table.pop("mdvis").to_numpy())
products = PolynomialFeatures(2, include_bias=False)
Z = StandardScaler().fit_transform(products.fit_transform(table))
varies = Z.std(axis=0) > 0
X, order = np.asfortranarray(Z[:, varies]), products.powers_[varies]

# %%
# A product belongs to the group of its questions: ``a`` and ``a²`` to {a}, ``a b`` to
# {a, b}.

names = np.array(table.columns)
groups = [" x ".join(names[powers > 0]) for powers in order]
print(f"{X.shape[0]} rows, {X.shape[1]} columns, {len(set(groups))} groups")

# %%
# The same problem solved by its rows: Huber's loss with a threshold beyond all
# residuals is the squared error, but the solver does not know that, and passes over
# the rows again and again. Both give the same model.

common = {
    "groups": groups,
    "cv": KFold(5, shuffle=True, random_state=0),
    "alphas": 20,
    "eps": 1e-2,
    "selection": "1se",
}
losses = {"by moments": "squared_error", "by rows": HuberLoss(delta=1e6)}
sizes, seconds = [1_000, 5_000, 10_000, 20_190], {name: [] for name in losses}
rows = np.random.default_rng(0).permutation(len(X))
for name, loss in losses.items():
    model = GroupLassoCV(loss=loss, **common)
    model.fit(X[:500], visits[:500])  # compiles
    for size in sizes:
        part = rows[:size]
        start = process_time()
        model.fit(X[part], visits[part])
        seconds[name].append(process_time() - start)
    print(f"{name}: {len(model.selected_groups_)} groups, alpha {model.alpha_:.4g}")

# %%
# CPU times of the machine that built this page.

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for name, times in seconds.items():
    ax.plot(sizes, times, "o-", label=name)
ax.set(xlabel="Rows", ylabel="CPU seconds, 5 folds and 20 alphas", ylim=(0, None))
ax.legend()
plt.show()
