"""
Lags of series: what announces unemployment?
============================================

Next quarter's change of the unemployment rate in the United States, from the last
four quarters of eight series. A series with all of its lags is a group: the model
answers which series to watch, not which lag to believe in.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import TimeSeriesSplit
from sklearn.preprocessing import StandardScaler
from statsmodels.datasets import macrodata

from skstruct import GroupLassoCV

table = macrodata.load_pandas().data
levels = ["realgdp", "realcons", "realinv", "realdpi", "m1"]
series = pd.concat(
    [
        100 * np.log(table[levels]).diff(),  # growth in percent
        table[["unemp", "tbilrate", "infl"]].diff(),
    ],
    axis=1,
)
lags = pd.concat(
    {(name, lag): series[name].shift(lag) for name in series for lag in range(1, 5)},
    axis=1,
).dropna()
y = series["unemp"].loc[lags.index]
X = StandardScaler().fit_transform(lags)
groups = [name for name, _ in lags.columns]

# %%
# Folds that never look ahead: each is predicted from the quarters before it.

model = GroupLassoCV(
    groups, alphas=40, eps=1e-2, cv=TimeSeriesSplit(8), selection="1se"
)
model.fit(X, y)
print("Selected:", ", ".join(model.selected_groups_))
print(f"R² of the fit {model.score(X, y):.2f}")

figure, (left, right) = plt.subplots(
    1, 2, figsize=(12, 4.2), width_ratios=[1, 1.6], layout="constrained"
)
limit = np.abs(model.coef_).max()
coefs = (
    pd.Series(model.coef_, index=lags.columns).unstack(sort=False).loc[series.columns]
)
image = left.imshow(
    coefs.where(coefs != 0), cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto"
)
left.set_facecolor("0.92")
left.set_xticks(range(4), [f"t - {lag}" for lag in coefs.columns])
left.set_yticks(range(len(coefs)), coefs.index)
left.set_title("Coefficients, grey: group is zero", fontsize=10)
figure.colorbar(image, ax=left)
when = table["year"].loc[lags.index] + (table["quarter"].loc[lags.index] - 1) / 4
right.plot(when, y, color="0.6", label="observed")
right.plot(when, model.predict(X), label="fitted, one quarter ahead")
right.set(ylabel="Change of the unemployment rate", title="Percentage points a quarter")
right.legend()
plt.show()
