"""
One outlier in fifty-one: Huber's loss
======================================

Murders per 100,000 people in the states of the USA, 2009, and the District of
Columbia, which has four times as many as most. Squared errors chase it; Huber's loss
counts residuals beyond ``delta`` by their size only. How much does the model change
when the District is left out?
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.preprocessing import SplineTransformer, StandardScaler
from statsmodels.datasets import statecrime

from skstruct import GroupLasso, HuberLoss, make_grouped_pipeline

table = statecrime.load_pandas().data
murder = table["murder"]
X = table[["hs_grad", "poverty", "single", "white", "urban"]]
states = (murder.index != "District of Columbia").nonzero()[0]

# %%
# Each predictor has a spline, which is its group. The noise without the outlier has a
# standard deviation of about 1.5, so delta is 2.

fits = {}
for name, loss in (("squared error", "squared_error"), ("Huber", HuberLoss(delta=2.0))):
    for rows, what in ((np.arange(len(X)), "all"), (states, "without DC")):
        model = make_grouped_pipeline(
            SplineTransformer(n_knots=3, degree=2, include_bias=False),
            StandardScaler(),
            GroupLasso(alpha=0.12, loss=loss),
        )
        fits[name, what] = model.fit(X.iloc[rows], murder.iloc[rows])
        selected = ", ".join(model[-1].selected_groups_)
        print(f"{name:13} {what:10}: {selected}")

# %%
# What is predicted for the states, with and without the District among the rows.

figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), sharey=True, layout="constrained")
for ax, name in zip(axes, ("squared error", "Huber"), strict=True):
    with_dc, without = (
        fits[name, what].predict(X.iloc[states]) for what in ("all", "without DC")
    )
    ax.plot([1, 11], [1, 11], color="0.7", linewidth=1)
    ax.plot(without, with_dc, "o", markersize=4)
    change = np.sqrt(np.mean((with_dc - without) ** 2))
    ax.set(title=f"{name}: states move by {change:.2f}", xlabel="Predicted without DC")
axes[0].set_ylabel("Predicted with DC among the rows")
plt.show()
