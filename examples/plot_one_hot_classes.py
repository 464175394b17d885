"""
Categories in a classifier: which answers matter?
=================================================

A survey of 6,366 married women (Redbook, 1974; Fair, 1978) asked about marriage,
religion, occupations, and affairs. Most answers are categories. Each question is a
group: one indicator a level, in or out together. The groups follow the encoder
through every fold of the cross-validation.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import OneHotEncoder, SplineTransformer
from statsmodels.datasets import fair

from skstruct import GroupLassoClassifierCV, make_grouped_pipeline

table = fair.load_pandas().data
answer = np.where(table.pop("affairs") > 0, "yes", "no")
numbers = ["age", "yrs_married", "children"]
categories = [name for name in table if name not in numbers]
table[categories] = table[categories].astype(int).astype(str)

# %%
# Numbers become splines, categories indicators. A quarter of the rows is enough to
# show how it is done, and quick.

rows = np.random.default_rng(0).permutation(len(table))[:1500]
model = make_grouped_pipeline(
    make_column_transformer(
        (SplineTransformer(n_knots=3, degree=2, include_bias=False), numbers),
        (OneHotEncoder(handle_unknown="ignore"), categories),
    ),
    GroupLassoClassifierCV(
        standardize="groups",
        alphas=25,
        eps=2e-2,
        cv=StratifiedKFold(5, shuffle=True, random_state=0),
        selection="1se",
    ),
)
model.fit(table.iloc[rows], answer[rows])
others = np.setdiff1d(np.arange(len(table)), rows)
lasso = model[-1]
print("Selected:", ", ".join(lasso.selected_groups_))
print(f"Accuracy on the other {len(others)}:", end=" ")
print(f"{model.score(table.iloc[others], answer[others]):.3f}", end=", ")
print(f"always the same answer: {(answer[others] == 'no').mean():.3f}")

# %%
# One panel a question: how the answer moves the log odds of an affair, away from the
# mean over the people asked. Grey questions were left out.

Z = np.asarray(model[:-1].transform(table.iloc[rows]))
figure, axes = plt.subplots(2, 4, figsize=(11, 5), sharey=True, layout="constrained")
for ax, name, own in zip(axes.flat, lasso.group_names_, lasso.groups_, strict=True):
    effect = Z[:, own] @ lasso.coef_[0, own]
    value = table[str(name)].iloc[rows].astype(float)
    points = np.unique(np.column_stack([value, effect - effect.mean()]), axis=0)
    color = "C0" if name in lasso.selected_groups_ else "0.8"
    style = "o-" if name in categories else "-"
    ax.plot(*points.T, style, color=color)
    ax.set_title(str(name), fontsize=10, color="black" if color == "C0" else "0.5")
for ax in axes[:, 0]:
    ax.set_ylabel("Log odds")
plt.show()
