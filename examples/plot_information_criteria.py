"""
AIC, BIC and EBIC along one path
================================

Information criteria choose alpha from a single fit of the path: they add to the
deviance a price for each degree of freedom. The price differs, and so does what is
selected: AIC, like cross-validation, is after prediction and keeps more groups; BIC
and EBIC are after the groups.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import SplineTransformer

from skstruct import GroupLassoIC, make_grouped_pipeline

X, y = load_diabetes(return_X_y=True, as_frame=True)
models = {}
for criterion in ("aic", "bic", "ebic"):
    pipeline = make_grouped_pipeline(
        SplineTransformer(n_knots=4, degree=2, include_bias=False),
        GroupLassoIC(criterion=criterion, standardize="groups", alphas=60, eps=3e-3),
    )
    models[criterion] = pipeline.fit(X, y)[-1]
    print(f"{criterion:4}: {', '.join(models[criterion].selected_groups_)}")

# %%
# The right panel shows why coefficients must not be counted: a group of four that was
# just let in is shrunken nearly to zero, and worth much less than four degrees of
# freedom.

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
for color, (criterion, model) in zip(("C0", "C1", "C2"), models.items(), strict=True):
    above = model.criterion_path_ - model.criterion_path_.min()
    left.plot(model.alphas_, above, color=color, label=criterion.upper())
    left.axvline(model.alpha_, color=color, linestyle=":")
left.set(xscale="log", ylim=(-3, 60), xlabel="alpha (weaker penalty to the right)")
left.set_ylabel("Above its own minimum")
left.invert_xaxis()
left.legend()
model = models["bic"]
nonzero = (model.coef_path_ != 0).sum(axis=0) + 1
right.step(
    model.alphas_, nonzero, where="mid", color="0.6", label="nonzero coefficients"
)
right.plot(model.alphas_, model.degrees_of_freedom_path_, label="degrees of freedom")
right.set(xscale="log", xlabel="alpha (weaker penalty to the right)")
right.invert_xaxis()
right.legend()
plt.show()
