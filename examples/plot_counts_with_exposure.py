"""
Counts with an exposure: school districts
=========================================

In each of 303 Californian school districts some students scored above the national
median in mathematics. How many could have is known: it is the exposure, and its
logarithm is the ``offset`` of a Poisson model, whose coefficients then speak of the
share. The predictors are grouped by what they are about.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import KFold
from statsmodels.datasets import star98

from skstruct import GroupLasso, GroupLassoCV, GroupPathDisplay

# %%
# The table comes from the public domain, with statsmodels.

table = star98.load_pandas().data
above = table["NABOVE"]
students = above + table["NBELOW"]
groups = {
    "income": ["LOWINC"],
    "origin": ["PERASIAN", "PERBLACK", "PERHISP"],
    "teachers": ["PERMINTE", "AVYRSEXP", "AVSALK"],
    "money": ["PERSPENK", "PTRATIO"],
    "courses": ["PCTAF"],
    "kind of school": ["PCTCHRT", "PCTYRRND"],
}
columns = [name for group in groups.values() for name in group]
X, offset = table[columns], np.log(students)

# %%
# Districts differ by more than chance, so the number of students is no guide to the
# precision of a district's share. Cross-validation over districts does not suppose it
# is.

model = GroupLassoCV(
    groups,
    loss="poisson",
    standardize="groups",
    alphas=40,
    eps=1e-2,
    cv=KFold(10, shuffle=True, random_state=0),
    selection="1se",
)
model.fit(X, above, offset=offset)
print("Selected:", ", ".join(model.selected_groups_))

# %%
# Without the offset the model would explain how large a district is, not how well its
# students do. The right panel has both, the second scaled to shares for comparison.

blind = GroupLasso(model.alpha_, groups=groups, loss="poisson", standardize="groups")
blind.fit(X, above)
share = above / students

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
GroupPathDisplay.from_estimator(model, X=X, ax=left)
left.set_ylabel("Effect on the log share (standard deviation)")
right.plot([0, 1], [0, 1], color="0.6", linewidth=1)
right.plot(blind.predict(X) / students, share, ".", color="0.7", label="without offset")
right.plot(np.exp(X @ model.coef_ + model.intercept_), share, ".", label="with offset")
right.set(xlim=(0, 1), ylim=(0, 1), xlabel="Predicted share", ylabel="Observed share")
right.legend(loc="lower right")
plt.show()
