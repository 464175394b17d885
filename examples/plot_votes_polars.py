"""
From a raw polars table to the columns that matter, and how sure that is
========================================================================

944 people were asked before the election of 1996 whether they would vote for Clinton or
Dole, and about themselves (American National Election Studies). The table is polars;
numbers become splines, answers that are categories become indicators. The group lasso
selects columns of the table. Stability selection asks how often it would have done so
on half of the people, and bounds how many of its selections are false.

The data come with statsmodels. Run it as ``python examples/plot_votes_polars.py
[picture.png]``.
"""

import sys

import matplotlib.pyplot as plt
import polars as pl
import statsmodels.api as sm
from sklearn.compose import make_column_transformer
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import OneHotEncoder, SplineTransformer

from skstruct import (
    GroupLassoClassifier,
    GroupLassoClassifierCV,
    GroupPathDisplay,
    GroupStabilityDisplay,
    GroupStabilitySelection,
    make_grouped_pipeline,
)

# %%
# The table
# ---------
# Party identification in words, most of the rest as numbers.

data = sm.datasets.anes96.load().data.drop(columns="popul")
table = pl.DataFrame({name: data[name].to_numpy() for name in data})
parties = ["strong Democrat", "Democrat", "leans Democrat", "independent",
           "leans Republican", "Republican", "strong Republican"]  # fmt: skip
party = pl.col("PID").cast(int).replace_strict(dict(enumerate(parties)))
table = table.with_columns(party=party).drop("PID")
vote = table["vote"].cast(int).replace_strict({0: "Clinton", 1: "Dole"})
table = table.drop("vote")
print(table.head(3))

# %%
# The model
# ---------
# All of it.

numbers = [name for name in table.columns if name != "party"]
prepare = make_column_transformer(
    (SplineTransformer(n_knots=3, include_bias=False), numbers),
    (OneHotEncoder(drop="first"), ["party"]),
)
lasso = GroupLassoClassifierCV(
    alphas=30,
    eps=1e-2,
    cv=StratifiedKFold(5, shuffle=True, random_state=0),
    selection="1se",
    standardize="groups",
)
model = make_grouped_pipeline(prepare, lasso).fit(table, vote)
print("Columns that matter:", ", ".join(model[-1].selected_groups_))

# %%
# How sure is that?
# -----------------
# The same transformers, with stability selection in place of the model: at most four
# columns on each half of the people, in 25 random pairs of halves.

selector = GroupStabilitySelection(
    GroupLassoClassifier(standardize="groups"),
    max_groups=4,
    n_pairs=25,
    alphas=25,
    random_state=0,
)
stable = make_grouped_pipeline(prepare, selector).fit(table, vote)
bound = selector.error_bounds()["unimodal"]
print("Columns selected on most halves:", ", ".join(selector.selected_groups_))
print(f"Of these, at most {bound:.1f} expected to be no better than chance")

# %%
# Both paths
# ----------
# On the left, what each column adds to the log-odds along the path of all people. On
# the right, the share of the halves in which it was among the selected ones.

figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.5), layout="constrained")
GroupPathDisplay.from_estimator(lasso, X=model[:-1].transform(table), ax=left)
left.set_ylabel("Standard deviation of the column's part of the log-odds")
GroupStabilityDisplay.from_estimator(selector, ax=right)
picture = sys.argv[1] if len(sys.argv) > 1 else "votes_polars.png"
figure.savefig(picture, dpi=120)
print(f"Picture saved as {picture}")
