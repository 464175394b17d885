"""
From a raw pandas table to the columns that matter
==================================================

6,366 married women answered a magazine's survey in 1974 (Fair, 1978): about their
marriage, their work and their husband's, and whether they had had an affair. Numbers
become splines, occupations become indicators; the group lasso then keeps or drops what
was made from a column as a whole, so that the answer is in columns of the table.

The data come with statsmodels. Run it as ``python examples/plot_affairs_pandas.py
[picture.png]``.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
import statsmodels.api as sm
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import OneHotEncoder, SplineTransformer

from skstruct import (
    GroupCVDisplay,
    GroupImportanceDisplay,
    GroupLassoClassifierCV,
    make_grouped_pipeline,
)

# %%
# The table
# ---------
# Occupations are codes in the file; as words they are what they are: categories.

table = sm.datasets.fair.load_pandas().data
jobs = ["student", "manual", "white-collar", "teacher or skilled", "manager", "expert"]
for column in ("occupation", "occupation_husb"):
    table[column] = table[column].map(dict(enumerate(jobs, start=1)))
y = np.where(table.pop("affairs") > 0, "affair", "none")
print(table.head(3).to_string(index=False))
print(f"{len(table)} women, {(y == 'affair').mean():.0%} with an affair")

# %%
# The model
# ---------
# All of it. The groups are found from the fitted transformers, anew in every fold.

numbers = make_column_selector(dtype_include="number")
words = make_column_selector(dtype_exclude="number")
prepare = make_column_transformer(
    (SplineTransformer(n_knots=4, degree=3, include_bias=False), numbers),
    (OneHotEncoder(min_frequency=50), words),
)
lasso = GroupLassoClassifierCV(
    alphas=30,
    eps=1e-2,
    cv=StratifiedKFold(5, shuffle=True, random_state=0),
    selection="1se",
    standardize="groups",
)
model = make_grouped_pipeline(prepare, lasso).fit(table, y)
print("Columns that matter:", ", ".join(model[-1].selected_groups_))

# %%
# What it found
# -------------
# The bars are the standard deviation, over the women, of what a column adds to the
# log-odds: the same unit for splines and for occupations.

features = model[:-1].transform(table)
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
GroupCVDisplay.from_estimator(lasso, ax=left, negate_score=True)
GroupImportanceDisplay.from_estimator(lasso, X=features, ax=right)
right.set_xlabel("Standard deviation of the column's part of the log-odds")
accuracy, always = model.score(table, y), (y == "none").mean()
print(f"Accuracy on the same women: {accuracy:.2f}; of 'none' always: {always:.2f}")
picture = sys.argv[1] if len(sys.argv) > 1 else "affairs_pandas.png"
figure.savefig(picture, dpi=120)
print(f"Picture saved as {picture}")
