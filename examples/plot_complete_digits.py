"""
Many outputs: completing digits from a few pixels
=================================================

The upper half of a handwritten digit is known, the lower half is to be predicted: 32
pixels from 32 pixels. With several outputs, all coefficients of an input are a group,
so the model says which pixels are worth looking at, for the whole lower half at once.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skstruct import GroupLasso, group_lasso_path

digits = load_digits().images / 16
known, wanted = digits[:, :4].reshape(-1, 32), digits[:, 4:].reshape(-1, 32)
split = train_test_split(known, wanted, test_size=500, random_state=0)
X, X_test, Y, Y_test = split

# %%
# Along the path pixels come in one by one. The score on digits that were not seen
# levels off well before all of them are in.

path = group_lasso_path(X, Y, alphas=40, eps=1e-3)
used = (path.coefs != 0).any(axis=0).sum(axis=0)
residuals = [
    Y_test - X_test @ coef.T - intercept
    for coef, intercept in zip(
        np.moveaxis(path.coefs, -1, 0), np.atleast_2d(path.intercepts).T, strict=True
    )
]
variance = ((Y_test - Y.mean(axis=0)) ** 2).sum()
scores = 1 - np.array([(r**2).sum() for r in residuals]) / variance
chosen = int(np.flatnonzero(scores > 0.95 * scores.max())[0])
model = GroupLasso(path.alphas[chosen]).fit(X, Y)
print(
    f"{used[chosen]} of 32 pixels keep 95 % of the best score, "
    f"{scores[chosen]:.2f} of {scores.max():.2f}"
)

# %%
# Which pixels, the scores, and four digits that were not seen, their lower halves
# predicted.

figure = plt.figure(figsize=(11, 4.4), layout="constrained")
parts = figure.subfigures(1, 2, width_ratios=[3, 2])
ax, where = parts[0].subplots(1, 2)
ax.plot(used, scores, "o-", markersize=3)
ax.plot(used[chosen], scores[chosen], "o", color="C3", label="shown")
ax.set(xlabel="Pixels used", ylabel="R² of the lower half, new digits")
ax.legend(loc="lower right")
norms = np.full((8, 8), np.nan)
norms[:4] = model.group_norms_.reshape(4, 8) * X.std(axis=0).reshape(4, 8)
norms[norms == 0] = np.nan
where.imshow(norms, cmap="viridis_r")
where.axhline(3.5, color="0.5", linewidth=1)
where.set(title="What each pixel contributes", xticks=[], yticks=[])
grid = parts[1].subplots(2, 4)
for column, i in enumerate((0, 3, 8, 11)):
    guess = np.vstack([X_test[i], model.predict(X_test[[i]])[0]]).reshape(8, 8)
    true = np.vstack([X_test[i], Y_test[i]]).reshape(8, 8)
    for ax, image, title in zip(
        grid[:, column], (true, guess), ("true", "completed"), strict=True
    ):
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=1)
        ax.axhline(3.5, color="C3", linewidth=0.8)
        ax.set(title=title, xticks=[], yticks=[])
plt.show()
