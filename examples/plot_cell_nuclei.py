"""
Lasso, group lasso and what is between: cell nuclei
===================================================

Ten measurements of cell nuclei, each summed up in three ways (mean, standard error,
mean of the worst three), tell malignant from benign tumours. Is a measurement worth
taking? That is a question about groups. Which of its three summaries? That is one
about features. The sparse group lasso answers both.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from skstruct import SparseGroupLassoClassifierCV

data = load_breast_cancer()
X = StandardScaler().fit_transform(data.data)
measurements = [str(name).removeprefix("mean ") for name in data.feature_names[:10]]
groups = measurements * 3  # the columns: ten means, ten errors, ten worst

# %%
# One model, three shares of the l1 norm: none is the group lasso, all of it the
# lasso.

models = {}
for share in (0.0, 0.5, 1.0):
    model = SparseGroupLassoClassifierCV(
        groups,
        l1_ratio=share,
        alphas=20,
        eps=1e-2,
        cv=StratifiedKFold(5, shuffle=True, random_state=0),
        selection="1se",
    )
    models[share] = model.fit(X, data.target)

# %%
# Grey is zero. The group lasso has full columns, the lasso scattered cells, the mixture
# both: empty columns, and empty cells in the others.

titles = {0.0: "group lasso", 0.5: "sparse group lasso, half and half", 1.0: "lasso"}
figure, axes = plt.subplots(3, 1, figsize=(8, 5.6), sharex=True, layout="constrained")
limit = max(np.abs(model.coef_).max() for model in models.values())
for ax, (share, model) in zip(axes, models.items(), strict=True):
    table = np.where(model.coef_ == 0, np.nan, model.coef_).reshape(3, 10)
    image = ax.imshow(table, cmap="RdBu", vmin=-limit, vmax=limit, aspect="auto")
    ax.set_facecolor("0.92")
    ax.set_yticks(range(3), ["mean", "error", "worst"])
    score = model.scores_mean_[np.flatnonzero(model.alphas_ == model.alpha_)[0]]
    count = len(model.selected_groups_)
    ax.set_title(
        f"{titles[share]}: {count} measurements, {np.count_nonzero(model.coef_)} "
        f"features, log loss {-score:.3f}",
        fontsize=10,
    )
axes[-1].set_xticks(range(10), measurements, rotation=40, ha="right")
figure.colorbar(image, ax=axes, label="Coefficient (benign: positive)")
plt.show()
