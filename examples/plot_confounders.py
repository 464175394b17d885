"""
Confounders that must stay: unpenalised groups
==============================================

Does smoking lower the weight of a newborn? The mother's age and weight must be in the
model, and their coefficients unshrunken, or what they explain would leak into what is
left. A group of weight 0 is not penalised: it is in the model at every alpha.
"""

import matplotlib.pyplot as plt
from sklearn.model_selection import KFold

from skstruct import GroupLassoCV, GroupPathDisplay
from skstruct.datasets import load_birthwt

birthwt = load_birthwt(as_frame=True)
X, y = birthwt.data, birthwt.target

# %%
# The same model twice. In the second, age and weight (``lwt``) have weight 0.

common = {
    "groups": birthwt.groups,
    "standardize": "groups",
    "alphas": 50,
    "eps": 0.01,
    "cv": KFold(10, shuffle=True, random_state=0),
}
plain = GroupLassoCV(**common).fit(X, y)
adjusted = GroupLassoCV(group_weights={"age": 0, "lwt": 0}, **common).fit(X, y)
smoke = list(X.columns).index("smoke")
for name, model in (("all penalised", plain), ("age, lwt free", adjusted)):
    print(f"{name}: smoking {1000 * model.coef_[smoke]:.0f} g", end=", ")
    print("selected", ", ".join(model.selected_groups_))

# %%
# On the right the confounders' lines start at full height, before any other group
# comes in, and then move only as far as the others take over what they explain.

figure, axes = plt.subplots(1, 2, figsize=(12, 4.4), sharey=True, layout="constrained")
for ax, model, title in zip(
    axes, (plain, adjusted), ("All penalised", "Age and lwt unpenalised"), strict=True
):
    GroupPathDisplay.from_estimator(model, X=X, ax=ax)
    ax.set_title(title, pad=28)
    ax.set_ylabel("")
axes[0].set_ylabel("Contribution in kg (standard deviation)")
plt.show()
