"""
Which measurements bend? An additive model
==========================================

Each of ten measurements on 442 people with diabetes gets a spline, so that its effect
on the progression of the disease may take any smooth shape. A measurement's spline is
a group: it is in the model or not. What is left can be drawn, one curve a
measurement.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import KFold
from sklearn.preprocessing import SplineTransformer

from skstruct import GroupLassoCV, make_grouped_pipeline

# %%
# The groups come from the pipeline: whatever ``SplineTransformer`` makes of a column
# is that column's group. ``standardize="groups"`` penalises a curve by how much it
# moves the prediction, so neither the units of a measurement nor the number of its
# knots matter.

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
model = make_grouped_pipeline(
    SplineTransformer(n_knots=5, degree=3, knots="quantile", include_bias=False),
    GroupLassoCV(
        standardize="groups",
        alphas=40,
        eps=1e-2,
        cv=KFold(5, shuffle=True, random_state=0),
        selection="1se",
        relax=True,
    ),
)
model.fit(X, y)
lasso = model[-1]
print(
    "Selected:", ", ".join(lasso.selected_groups_), f"(share of refit {lasso.relax_})"
)

# %%
# To draw an effect, vary one measurement and leave the others at their median. The
# marks at the bottom are the people.

shown = [str(name) for name in lasso.selected_groups_]
figure, axes = plt.subplots(
    1, len(shown), figsize=(3 * len(shown), 3.4), sharey=True, layout="constrained"
)
for ax, name in zip(np.atleast_1d(axes), shown, strict=True):
    grid = X.median().to_frame().T.loc[[0] * 100].reset_index(drop=True)
    grid[name] = np.linspace(*X[name].quantile([0.01, 0.99]), 100)
    ax.plot(grid[name], model.predict(grid), linewidth=2)
    ax.plot(
        X[name],
        np.full(len(X), 0.02),
        "|",
        color="0.5",
        markersize=5,
        transform=ax.get_xaxis_transform(),
    )
    ax.set(title=name, xlim=grid[name].iloc[[0, -1]])
np.atleast_1d(axes)[0].set_ylabel("Predicted progression")
plt.show()
