"""
How far back? Nested groups choose the order of an autoregression
=================================================================

Yearly sunspots since 1700, predicted from up to 24 years before. Groups that are
nested say that a lag may only be used if all shorter ones are: group k holds the lags
from k on. Leaving a group out cuts the memory at k years, so selection is the choice
of an order.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import TimeSeriesSplit
from statsmodels.datasets import sunspots

from skstruct import GroupLassoCV, OverlappingGroupLassoCV

activity = np.sqrt(sunspots.load_pandas().data["SUNACTIVITY"].to_numpy())
longest = 24
X = np.column_stack([activity[longest - k : -k] for k in range(1, longest + 1)])
y = activity[longest:]

# %%
# The same folds for both, each after the years it learns from.

settings = {"alphas": 30, "eps": 1e-2, "cv": TimeSeriesSplit(6), "selection": "1se"}
nested = OverlappingGroupLassoCV(
    [range(k, longest) for k in range(longest)],
    overlap="tree",
    group_weights=np.ones(longest),
    **settings,
).fit(X, y)
lasso = GroupLassoCV(**settings).fit(X, y)
for name, model in (("nested", nested), ("lasso", lasso)):
    lags = np.flatnonzero(model.coef_) + 1
    print(f"{name}: {len(lags)} lags, the longest {lags.max()}, ", end="")
    print(f"R² {model.score(X, y):.3f}")

# %%
# The nested groups keep the lags up to one solar cycle, without gaps; the lasso picks
# single lags from all over.

figure, axes = plt.subplots(2, 1, figsize=(8, 4.6), sharex=True, layout="constrained")
for ax, model, title in zip(
    axes, (nested, lasso), ("Nested groups", "Lasso"), strict=True
):
    lags = np.arange(1, longest + 1)
    used = model.coef_ != 0
    ax.vlines(lags[used], 0, model.coef_[used], linewidth=4)
    ax.plot(lags[~used], np.zeros((~used).sum()), "x", color="0.6", markersize=5)
    ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    ax.set(title=title, ylabel="Coefficient")
axes[1].set(xlabel="Lag in years", xticks=range(1, longest + 1, 2))
plt.show()
