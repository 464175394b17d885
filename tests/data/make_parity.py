"""Solve small problems with other libraries and store what they return.

    python tests/data/make_parity.py

runs every library that can be imported, or those that are named behind it, and R's
glmnet where there is ``Rscript``, and writes their coefficients to parity.json beside
this file. Results of the others stay as they are, so that environments which exclude
each other can be run one after the other:

    adelie celer "numpy<2" skglm, and R with glmnet and jsonlite
    asgl group-lasso
    groupyr sparse-lm "scikit-learn<1.6"
    copt "numpy<2"

Problems are named by our objective: alpha, weights and parameters are skstruct's. The
code of a result turns them into the library's own; it is stored as it was run.
"""

import datetime
import json
import subprocess
import sys
import tempfile
import warnings
from importlib import import_module, metadata
from itertools import pairwise
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("parity.json")
SIZES = [1, 4, 2, 3, 2]


def make_data():
    """Data of few digits, so that the file holds them exactly."""
    rng = np.random.RandomState(7)
    n, p = 48, sum(SIZES)
    X = rng.normal(size=(n, p))
    X[:, 1:] += 0.5 * X[:, :-1]
    X = np.round(X + 0.5 * rng.normal(size=p), 2)
    B = rng.normal(size=(p, 3))
    B[5:10] = 0
    signal = X @ B
    Y = np.round(1.0 + signal + rng.normal(size=(n, 3)), 2)
    y = Y[:, 0]
    outliers = np.round(y + 4 * rng.standard_t(1.5, size=n), 2)
    labels = np.where(signal[:, 0] + rng.logistic(size=n) > 0, 1, -1)
    mean = np.exp(0.5 + 0.2 * signal[:, 1])
    counts = rng.poisson(mean)
    positive = np.round(mean * rng.gamma(2.0, 0.5, size=n), 2) + 0.01
    classes = np.argmax(signal + rng.gumbel(size=(n, 3)), axis=1)
    return {
        "X": X,
        "y": y,
        "Y": Y,
        "outliers": outliers,
        "labels": labels,
        "counts": counts,
        "positive": positive,
        "classes": classes,
        "sample_weight": rng.randint(1, 4, size=n),
        "offset": np.round(0.3 * rng.normal(size=n), 2),
    }


ROOT = np.sqrt(SIZES).tolist()
WEIGHTS = [0.8, 2.1, 1.0, 1.9, 1.3]


def problem(y, loss, penalty, alpha, groups="sizes", weights=None, **more):
    """One problem; groups are "sizes", blocks of them, or "single" features."""
    if weights is None:
        weights = ROOT if groups == "sizes" else [1.0] * sum(SIZES)
    named = {"y": y, "loss": loss, "penalty": penalty, "alpha": alpha}
    return named | {"groups": groups, "weights": weights} | more


SINGLE_WEIGHTS = [0.5, 1.5, 1.0, 2.0, 0.7, 1.0, 1.2, 0.4, 1.0, 1.6, 0.9, 2.5]
NEAR = {"overlap": [[0, 1, 2, 3], [2, 3, 4, 5], [5, 6, 7], [7, 8, 9, 10], [10, 11]]}

PROBLEMS = {
    "group": problem("y", "squared_error", "group_l2", 0.3),
    "group_weights": problem("y", "squared_error", "group_l2", 0.4, weights=WEIGHTS),
    "group_small": problem("y", "squared_error", "group_l2", 0.01),
    "group_plain": problem(
        "y",
        "squared_error",
        "group_l2",
        0.6,
        weights=[1.0] * 5,
        fit_intercept=False,
    ),
    "group_positive": problem(
        "y", "squared_error", "group_l2", 0.3, parameters={"positive": True}
    ),
    "group_orthonormal": problem(
        "y", "squared_error", "group_l2", 0.3, standardize="groups"
    ),
    "group_sample_weight": problem(
        "y", "squared_error", "group_l2", 0.3, sample_weight=True
    ),
    "group_elastic_net": problem(
        "y",
        "squared_error",
        "group_elastic_net",
        0.5,
        weights=[1.5] * 5,
        parameters={"l1_ratio": 0.6},
    ),
    "sparse_group": problem(
        "y", "squared_error", "sparse_group_l2", 0.3, parameters={"l1_ratio": 0.4}
    ),
    "sparse_group_small": problem(
        "y", "squared_error", "sparse_group_l2", 0.01, parameters={"l1_ratio": 0.4}
    ),
    "latent_overlap": problem(
        "y",
        "squared_error",
        "latent_overlap",
        0.4,
        groups=NEAR["overlap"],
        weights=[2.0, 2.0, 1.7, 2.0, 1.4],
    ),
    "lasso": problem("y", "squared_error", "l1", 0.4, "single"),
    "lasso_weights": problem("y", "squared_error", "l1", 0.4, "single", SINGLE_WEIGHTS),
    "lasso_standardized": problem(
        "y", "squared_error", "l1", 0.4, "single", standardize="features"
    ),
    "elastic_net": problem(
        "y",
        "squared_error",
        "elastic_net",
        0.5,
        "single",
        parameters={"l1_ratio": 0.7},
    ),
    "mcp": problem(
        "y", "squared_error", "group_mcp", 0.3, "single", parameters={"gamma": 3.0}
    ),
    "scad": problem(
        "y", "squared_error", "group_scad", 0.3, "single", parameters={"gamma": 3.7}
    ),
    "slope": problem(
        "y",
        "squared_error",
        "group_slope",
        0.2,
        "single",
        parameters={"lambdas": [round(2 - 0.15 * i, 2) for i in range(12)]},
        fit_intercept=False,
    ),
    "rows": problem("Y", "squared_error", "group_l2", 0.7, "single"),
    "rows_elastic_net": problem(
        "Y",
        "squared_error",
        "group_elastic_net",
        0.7,
        "single",
        parameters={"l1_ratio": 0.7},
    ),
    "rows_mcp": problem(
        "Y", "squared_error", "group_mcp", 0.5, "single", parameters={"gamma": 3.0}
    ),
    "rows_scad": problem(
        "Y", "squared_error", "group_scad", 0.5, "single", parameters={"gamma": 3.7}
    ),
    "outputs_group": problem("Y", "squared_error", "group_l2", 0.6, weights=WEIGHTS),
    "huber_lasso": problem(
        "outliers", "huber", "l1", 0.2, "single", loss_parameters={"delta": 1.5}
    ),
    "quantile_lasso": problem(
        "outliers", "quantile", "l1", 0.1, "single", loss_parameters={"quantile": 0.3}
    ),
    "quantile_sparse_group": problem(
        "outliers",
        "quantile",
        "sparse_group_l2",
        0.1,
        parameters={"l1_ratio": 0.4},
        loss_parameters={"quantile": 0.7},
    ),
    "logistic_group": problem("labels", "logistic", "group_l2", 0.03),
    "logistic_sparse_group": problem(
        "labels", "logistic", "sparse_group_l2", 0.03, parameters={"l1_ratio": 0.4}
    ),
    "logistic_lasso": problem("labels", "logistic", "l1", 0.05, "single"),
    "logistic_elastic_net": problem(
        "labels",
        "logistic",
        "elastic_net",
        0.05,
        "single",
        parameters={"l1_ratio": 0.7},
    ),
    "logistic_lasso_no_intercept": problem(
        "labels", "logistic", "l1", 0.05, "single", fit_intercept=False
    ),
    "poisson_group": problem("counts", "poisson", "group_l2", 0.2, weights=WEIGHTS),
    "poisson_lasso_offset": problem(
        "counts", "poisson", "l1", 0.2, "single", sample_weight=True, offset=True
    ),
    "gamma_lasso": problem("positive", "gamma", "l1", 0.1, "single"),
    "multinomial_group": problem(
        "classes", "multinomial", "group_l2", 0.03, weights=WEIGHTS
    ),
    "multinomial_rows": problem("classes", "multinomial", "group_l2", 0.05, "single"),
    "multinomial_lasso": problem("classes", "multinomial", "l1", 0.04, "single"),
}

# Each library: its package, names that its code may use, and, by problem, how far its
# coefficients may be off (relative to the largest) and the code that finds them.
SKGLM_FIT = """
solver.fit_intercept, solver.tol, solver.max_iter = True, 1e-11, 1000
w = solver.solve(X, np.asfortranarray(y), datafit, penalty)[0]
coef, intercept = w[:-1], w[-1]
"""
SKGLM_GROUP = "datafit = QuadraticGroup(ptr, indices)\nsolver = GroupBCD()\n"
SKGLM = {
    "group": (
        1e-6,
        SKGLM_GROUP
        + "penalty = WeightedGroupL2(alpha, weights, ptr, indices)"
        + SKGLM_FIT,
    ),
    "group_weights": (
        1e-6,
        "model = skglm.GroupLasso(\n"
        "    sizes, alpha=alpha, weights=weights, tol=1e-11, max_iter=1000\n"
        ").fit(X, y)\n"
        "coef, intercept = model.coef_, model.intercept_\n",
    ),
    "group_positive": (
        1e-6,
        SKGLM_GROUP
        + "penalty = WeightedGroupL2(alpha, weights, ptr, indices, positive=True)"
        + SKGLM_FIT,
    ),
    "sparse_group": (
        1e-6,
        SKGLM_GROUP
        + "solver.ws_strategy = 'fixpoint'\n"
        + "features = np.append(np.full(p, l1_ratio), 0.0)  # the intercept has none\n"
        + "penalty = WeightedL1GroupL2(\n"
        + "    alpha, (1 - l1_ratio) * weights, features, ptr, indices\n"
        + ")"
        + SKGLM_FIT,
    ),
    "lasso_weights": (
        1e-6,
        "datafit, solver = Quadratic(), AndersonCD()\n"
        "penalty = WeightedL1(alpha, weights)" + SKGLM_FIT,
    ),
    "elastic_net": (
        1e-6,
        "datafit, solver = Quadratic(), AndersonCD()\n"
        "penalty = L1_plus_L2(alpha, l1_ratio)" + SKGLM_FIT,
    ),
    "mcp": (
        1e-6,
        "datafit, solver = Quadratic(), AndersonCD()\n"
        "penalty = MCPenalty(alpha, gamma)" + SKGLM_FIT,
    ),
    "scad": (
        1e-6,
        "datafit, solver = Quadratic(), AndersonCD()\n"
        "penalty = SCAD(alpha, gamma)" + SKGLM_FIT,
    ),
    "slope": (
        1e-5,
        "solver = FISTA(max_iter=100_000, tol=1e-11, opt_strategy='fixpoint')\n"
        "coef = solver.solve(X, y, Quadratic(), SLOPE(lambdas, alpha))[0]\n"
        "intercept = 0.0\n",
    ),
    "rows": (
        1e-6,
        "datafit, solver = QuadraticMultiTask(), MultiTaskBCD()\n"
        "penalty = L2_1(alpha)" + SKGLM_FIT,
    ),
    "rows_mcp": (
        1e-6,
        "datafit, solver = QuadraticMultiTask(), MultiTaskBCD()\n"
        "penalty = BlockMCPenalty(alpha, gamma)" + SKGLM_FIT,
    ),
    "rows_scad": (
        1e-6,
        "datafit, solver = QuadraticMultiTask(), MultiTaskBCD()\n"
        "penalty = BlockSCAD(alpha, gamma)" + SKGLM_FIT,
    ),
    "huber_lasso": (
        1e-6,
        "datafit, solver = Huber(delta), AndersonCD()\npenalty = L1(alpha)" + SKGLM_FIT,
    ),
    "logistic_group": (
        1e-6,
        "datafit, solver = LogisticGroup(ptr, indices), GroupProxNewton()\n"
        "penalty = WeightedGroupL2(alpha, weights, ptr, indices)" + SKGLM_FIT,
    ),
    "logistic_lasso": (
        1e-6,
        "datafit, solver = Logistic(), ProxNewton()\npenalty = L1(alpha)" + SKGLM_FIT,
    ),
    "poisson_group": (
        1e-6,
        "datafit, solver = PoissonGroup(ptr, indices), GroupProxNewton()\n"
        "penalty = WeightedGroupL2(alpha, weights, ptr, indices)" + SKGLM_FIT,
    ),
}

CELER_FIT = "\ncoef, intercept = model.coef_.T, model.intercept_\n"
CELER = {
    "group": (
        1e-6,
        "model = celer.GroupLasso(\n"
        "    sizes, alpha=alpha, weights=weights, tol=1e-13\n"
        ").fit(X, y)" + CELER_FIT,
    ),
    "group_weights": (
        1e-6,
        "model = celer.GroupLasso(\n"
        "    sizes, alpha=alpha, weights=weights, tol=1e-13\n"
        ").fit(X, y)" + CELER_FIT,
    ),
    "lasso": (1e-6, "model = celer.Lasso(alpha, tol=1e-13).fit(X, y)" + CELER_FIT),
    "lasso_weights": (
        1e-6,
        "model = celer.Lasso(alpha, weights=weights, tol=1e-13).fit(X, y)" + CELER_FIT,
    ),
    "elastic_net": (
        1e-6,
        "model = celer.ElasticNet(alpha, l1_ratio=l1_ratio, tol=1e-13).fit(X, y)"
        + CELER_FIT,
    ),
    "rows": (
        1e-6,
        "# its MultiTaskLasso fails with scikit-learn 1.9: the path function\n"
        "Xc, Yc = np.asfortranarray(X - X.mean(0)), np.asfortranarray(y - y.mean(0))\n"
        "coef = celer.homotopy.mtl_path(Xc, Yc, alphas=[alpha], tol=1e-13)[1][..., 0].T"
        "\nintercept = y.mean(0) - X.mean(0) @ coef\n",
    ),
    "logistic_lasso_no_intercept": (
        1e-6,
        "model = celer.LogisticRegression(\n"
        "    C=1 / (n * alpha), fit_intercept=False, tol=1e-13\n"
        ").fit(X, y)" + CELER_FIT,
    ),
}

ADELIE_FIT = """
state = ad.grpnet(
    X, glm, groups=starts, penalty=weights, lmda_path=alphas, tol=1e-20, irls_tol=1e-16,
    early_exit=False, progress_bar=False,
)
coef, intercept = state.betas.toarray()[-1], state.intercepts[-1]
"""
TO_ALPHA = "alphas = [64 * alpha, 16 * alpha, 4 * alpha, alpha]\n"
OVER_K = "alphas = np.array([64, 16, 4, 1]) * alpha / K\n"
ADELIE = {
    "group": (1e-6, TO_ALPHA + "glm = ad.glm.gaussian(y)" + ADELIE_FIT),
    "group_weights": (1e-6, TO_ALPHA + "glm = ad.glm.gaussian(y)" + ADELIE_FIT),
    "group_sample_weight": (
        1e-6,
        TO_ALPHA + "glm = ad.glm.gaussian(y, weights=s / s.sum())" + ADELIE_FIT,
    ),
    "group_elastic_net": (
        1e-6,
        "# its ridge is weighted too: one weight w for all groups\n"
        "w = weights[0]\n"
        "lmda = alpha * (l1_ratio + (1 - l1_ratio) / w)\n"
        "ratio = alpha * l1_ratio / lmda\n"
        "state = ad.grpnet(\n"
        "    X, ad.glm.gaussian(y), groups=starts, penalty=weights, alpha=ratio,\n"
        "    lmda_path=[64 * lmda, 8 * lmda, lmda], tol=1e-20, early_exit=False,\n"
        "    progress_bar=False,\n"
        ")\n"
        "coef, intercept = state.betas.toarray()[-1], state.intercepts[-1]\n",
    ),
    "rows": (1e-6, OVER_K + "glm = ad.glm.multigaussian(y)" + ADELIE_FIT),
    "outputs_group": (1e-6, OVER_K + "glm = ad.glm.multigaussian(y)" + ADELIE_FIT),
    "logistic_group": (
        1e-6,
        TO_ALPHA + "glm = ad.glm.binomial((y + 1) / 2)" + ADELIE_FIT,
    ),
    "poisson_group": (1e-6, TO_ALPHA + "glm = ad.glm.poisson(y)" + ADELIE_FIT),
    "multinomial_group": (
        1e-5,
        OVER_K + "glm = ad.glm.multinomial(y)" + ADELIE_FIT,
    ),
    "multinomial_rows": (
        1e-5,
        OVER_K + "glm = ad.glm.multinomial(y)" + ADELIE_FIT,
    ),
}

ASGL_FIT = """,
    solver="CLARABEL", tol=1e-9,
).fit(X, y, group_index=labels)
coef, intercept = model.coef_, model.intercept_
"""
ASGL_HEAD = 'model = asgl.Regressor(\n    model="{}", penalization="{}", '
ASGL = {
    "group": (1e-4, ASGL_HEAD.format("lm", "gl") + "lambda1=2 * alpha" + ASGL_FIT),
    "sparse_group": (
        1e-4,
        ASGL_HEAD.format("lm", "sgl") + "lambda1=2 * alpha, alpha=l1_ratio" + ASGL_FIT,
    ),
    "lasso": (1e-4, ASGL_HEAD.format("lm", "lasso") + "lambda1=2 * alpha" + ASGL_FIT),
    "lasso_weights": (
        1e-4,
        ASGL_HEAD.format("lm", "alasso")
        + "lambda1=2 * alpha, individual_weights=weights"
        + ASGL_FIT,
    ),
    "group_weights": (
        1e-4,
        ASGL_HEAD.format("lm", "agl")
        + "lambda1=2 * alpha,\n    group_weights=weights / np.sqrt(sizes)"
        + ASGL_FIT,
    ),
    "quantile_lasso": (
        1e-4,
        ASGL_HEAD.format("qr", "lasso") + "quantile=quantile, lambda1=alpha" + ASGL_FIT,
    ),
    "quantile_sparse_group": (
        1e-4,
        ASGL_HEAD.format("qr", "sgl")
        + "quantile=quantile, lambda1=alpha, alpha=l1_ratio"
        + ASGL_FIT,
    ),
    "logistic_group": (
        1e-4,
        "y = (y + 1) / 2\n" + ASGL_HEAD.format("logit", "gl") + "lambda1=alpha"
        "" + ASGL_FIT,
    ),
    "logistic_sparse_group": (
        1e-4,
        "y = (y + 1) / 2\n"
        + ASGL_HEAD.format("logit", "sgl")
        + "lambda1=alpha, alpha=l1_ratio"
        + ASGL_FIT,
    ),
}

GROUPYR_FIT = """,
    max_iter=100_000, tol=1e-12,
).fit(X, y)
coef, intercept = model.coef_, model.intercept_
"""
GROUPYR = {  # where no group is zero: else it does not shrink the others
    "group_small": (
        1e-6,
        "model = groupyr.SGL(\n    l1_ratio=0, alpha=alpha, groups=groups"
        + GROUPYR_FIT,
    ),
    "sparse_group_small": (
        1e-6,
        "model = groupyr.SGL(\n    l1_ratio=l1_ratio, alpha=alpha, groups=groups"
        + GROUPYR_FIT,
    ),
    "logistic_group": (
        1e-6,
        "model = groupyr.LogisticSGL(\n    l1_ratio=0, alpha=alpha, groups=groups"
        + GROUPYR_FIT,
    ),
    "logistic_sparse_group": (
        1e-6,
        "model = groupyr.LogisticSGL(\n    l1_ratio=l1_ratio, alpha=alpha, "
        "groups=groups" + GROUPYR_FIT,
    ),
}

COPT_FIT = """
blocks = [list(group) for group in groups]
penalty = copt.penalty.GroupL1(alpha, blocks)
found = copt.minimize_proximal_gradient(
    loss.f_grad, np.zeros(p), penalty.prox, jac=True, step=lambda _: 1 / loss.lipschitz,
    tol=1e-14, max_iter=200_000,
)
coef, intercept = found.x, 0.0
"""
COPT = {"group_plain": (1e-6, "loss = copt.loss.SquareLoss(X, y)" + COPT_FIT)}

GROUP_LASSO_FIT = """,
    frobenius_lipschitz=True, n_iter=200_000, tol=1e-10, old_regularisation=False,
    supress_warning=True, random_state=0,
).fit(X, y)
coef, intercept = model.coef_, model.intercept_
"""
GROUP_LASSO = {  # its solver takes half the gradient, hence alpha / 2
    "group": (
        1e-4,
        "model = group_lasso.GroupLasso(\n    labels, group_reg=alpha / 2, l1_reg=0"
        + GROUP_LASSO_FIT,
    ),
    "group_weights": (
        1e-4,
        "model = group_lasso.GroupLasso(\n    labels, group_reg=alpha / 2 * weights, "
        "l1_reg=0, scale_reg='none'" + GROUP_LASSO_FIT,
    ),
    "sparse_group": (
        1e-4,
        "model = group_lasso.GroupLasso(\n    labels, "
        "group_reg=alpha / 2 * (1 - l1_ratio), l1_reg=alpha / 2 * l1_ratio"
        + GROUP_LASSO_FIT,
    ),
    "outputs_group": (
        1e-4,
        "model = group_lasso.GroupLasso(\n    labels, group_reg=alpha / 2 * weights, "
        "l1_reg=0, scale_reg='none'" + GROUP_LASSO_FIT,
    ),
    "multinomial_group": (
        1e-3,
        "y = y.argmax(axis=1)\n"
        "model = group_lasso.LogisticGroupLasso(\n    labels, "
        "group_reg=alpha / 2 * weights, l1_reg=0, scale_reg='none'"
        + GROUP_LASSO_FIT.replace("frobenius_lipschitz=True, ", ""),
    ),
}

SPARSE_LM_FIT = """,
    fit_intercept=True, solver="CLARABEL",
).fit(X, y)
coef, intercept = model.coef_, model.intercept_
"""
SPARSE_LM = {
    "group": (
        1e-4,
        "model = sparselm.model.GroupLasso(\n    labels, alpha=alpha, "
        "group_weights=weights" + SPARSE_LM_FIT,
    ),
    "group_orthonormal": (
        1e-4,
        "model = sparselm.model.GroupLasso(\n    labels, alpha=alpha / np.sqrt(n), "
        "group_weights=weights,\n    standardize=True" + SPARSE_LM_FIT,
    ),
    "sparse_group": (
        1e-4,
        "model = sparselm.model.SparseGroupLasso(\n    labels, l1_ratio=l1_ratio, "
        "alpha=alpha, group_weights=weights" + SPARSE_LM_FIT,
    ),
    "latent_overlap": (
        1e-4,
        "lists = [[g for g, one in enumerate(groups) if j in one] for j in range(p)]\n"
        "model = sparselm.model.OverlapGroupLasso(\n    lists, alpha=alpha, "
        "group_weights=weights" + SPARSE_LM_FIT,
    ),
}

GLMNET_FIT = """
coef <- as.matrix(fit$beta)
intercept <- fit$a0
"""
GLMNET_MANY = """
coef <- sapply(fit$beta, as.matrix)
intercept <- drop(fit$a0)
"""
EXACT = "standardize = FALSE, thresh = 1e-22, maxit = 1e7"
GLMNET = {
    "lasso": (1e-6, f"fit <- glmnet(X, y, lambda = alpha, {EXACT})" + GLMNET_FIT),
    "lasso_weights": (
        1e-6,
        "fit <- glmnet(\n  X, y, lambda = alpha * mean(weights), penalty.factor = "
        f"weights,\n  {EXACT})" + GLMNET_FIT,
    ),
    "lasso_standardized": (
        1e-6,
        "fit <- glmnet(X, y, lambda = alpha, thresh = 1e-22)" + GLMNET_FIT,
    ),
    "elastic_net": (
        1e-6,
        "# it scales y to variance 1, and the ridge is not rescaled\n"
        "sd <- sqrt(mean((y - mean(y))^2))\n"
        "lambda <- alpha * (l1_ratio + (1 - l1_ratio) * sd)\n"
        "fit <- glmnet(\n  X, y, lambda = lambda, alpha = alpha * l1_ratio / lambda,\n"
        f"  {EXACT})" + GLMNET_FIT,
    ),
    "rows": (
        1e-6,
        "fit <- glmnet(\n  X, y, family = 'mgaussian', lambda = alpha,\n  "
        f"{EXACT})" + GLMNET_MANY,
    ),
    "rows_elastic_net": (
        1e-6,
        "fit <- glmnet(\n  X, y, family = 'mgaussian', lambda = alpha, alpha = "
        f"l1_ratio,\n  {EXACT})" + GLMNET_MANY,
    ),
    "logistic_elastic_net": (
        1e-6,
        "fit <- glmnet(\n  X, (y + 1) / 2, family = 'binomial', lambda = alpha,\n  "
        f"alpha = l1_ratio,\n  {EXACT})" + GLMNET_FIT,
    ),
    "logistic_lasso": (
        1e-6,
        "fit <- glmnet(\n  X, (y + 1) / 2, family = 'binomial', lambda = alpha,\n  "
        f"{EXACT})" + GLMNET_FIT,
    ),
    "logistic_lasso_no_intercept": (
        1e-6,
        "fit <- glmnet(\n  X, (y + 1) / 2, family = 'binomial', lambda = alpha,\n  "
        f"intercept = FALSE, {EXACT})" + GLMNET_FIT,
    ),
    "poisson_lasso_offset": (
        1e-6,
        "fit <- glmnet(\n  X, y, family = 'poisson', lambda = alpha, weights = s, "
        f"offset = o,\n  {EXACT})" + GLMNET_FIT,
    ),
    "gamma_lasso": (
        1e-4,
        "glmnet.control(epsnr = 1e-14, mxitnr = 1000)\n"
        "fit <- glmnet(\n  X, y, family = Gamma(link = 'log'), lambda = alpha,\n  "
        f"{EXACT})" + GLMNET_FIT,
    ),
    "multinomial_rows": (
        1e-6,
        "fit <- glmnet(\n  X, y, family = 'multinomial', type.multinomial = 'grouped',"
        f"\n  lambda = alpha, {EXACT})" + GLMNET_MANY,
    ),
    "multinomial_lasso": (
        1e-6,
        "fit <- glmnet(\n  X, y, family = 'multinomial', lambda = alpha,\n  "
        f"{EXACT})" + GLMNET_MANY,
    ),
}

# Distribution, modules that its code names, and codes.
LIBRARIES = {
    "skglm": (
        ["skglm", "skglm.datafits", "skglm.penalties", "skglm.solvers"],
        SKGLM,
    ),
    "celer": (["celer", "celer.homotopy"], CELER),
    "adelie": (["adelie"], ADELIE),
    "asgl": (["asgl"], ASGL),
    "copt": (["copt.loss", "copt.penalty"], COPT),
    "groupyr": (["groupyr"], GROUPYR),
    "group-lasso": (["group_lasso"], GROUP_LASSO),
    "sparse-lm": (["sparselm.model"], SPARSE_LM),
}


def names_of(asked, data):
    """What codes may refer to, R's too."""
    n, p = data["X"].shape
    y = data[asked["y"]].astype(float)
    if asked["y"] == "classes":
        y = np.eye(3)[data["classes"]]
    groups = asked["groups"]
    sizes = [1] * p if groups == "single" else SIZES
    starts = np.concatenate([[0], np.cumsum(sizes)])
    if groups in ("single", "sizes"):
        groups = [np.arange(*ends) for ends in pairwise(starts)]
    names = {
        "np": np,
        "X": np.asfortranarray(data["X"]),
        "y": y,
        "n": n,
        "p": p,
        "alpha": asked["alpha"],
        "weights": np.array(asked["weights"]),
        "sizes": sizes,
        "groups": groups,
        "labels": np.repeat(np.arange(len(sizes)), sizes),
        "starts": starts[:-1],
        "ptr": starts.astype(np.int32),
        "indices": np.arange(p, dtype=np.int32),
        "K": 1 if y.ndim == 1 else y.shape[1],
        "s": data["sample_weight"].astype(float),
        "o": data["offset"],
    }
    parameters = asked.get("parameters", {}) | asked.get("loss_parameters", {})
    return names | {
        name: np.array(value) if isinstance(value, list) else value
        for name, value in parameters.items()
    }


def run_python(modules, code, names):
    """Return (coef, intercept) as the code leaves them."""
    for module in modules:
        loaded = import_module(module)
        names[module.split(".")[0]] = import_module(module.split(".")[0])
        if len(modules) > 1:
            public = getattr(loaded, "__all__", [])
            public = [x if isinstance(x, str) else x.__name__ for x in public]
            names |= {name: getattr(loaded, name) for name in public}
    names["ad"] = names.get("adelie")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(code, names)
    return names["coef"], names["intercept"]


def run_r(code, names):
    """Return (coef, intercept) of an R code, which reads and writes JSON."""
    sent = {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in names.items()
        if name not in ("np", "groups", "indices", "ptr")
    }
    with tempfile.TemporaryDirectory() as folder:
        read, write = Path(folder) / "in.json", Path(folder) / "out.json"
        read.write_text(json.dumps(sent))
        lines = [
            "suppressMessages(library(glmnet))",
            f"list2env(jsonlite::fromJSON('{read}'), environment())",
            code,
            "found <- list(coef = coef, intercept = intercept)",
            f"jsonlite::write_json(found, '{write}', digits = NA)",
        ]
        script = Path(folder) / "run.R"
        script.write_text("\n".join(lines))
        subprocess.run(["Rscript", "--vanilla", str(script)], check=True)
        found = json.loads(write.read_text())
    return found["coef"], found["intercept"]


def r_version():
    """Return glmnet's version, None without R."""
    show = "cat(as.character(packageVersion('glmnet')), as.character(getRversion()))"
    try:
        said = subprocess.run(
            ["Rscript", "-e", show], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return "{} (R {})".format(*said.stdout.split())


def version_of(library):
    """Return the version of what is installed, or None."""
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


def _beside():
    return " ".join(f"{name} {version_of(name)}" for name in ("numpy", "scikit-learn"))


def digits(values):
    """Round to twelve digits, nested lists."""
    return json.loads(
        json.dumps(np.asarray(values, dtype=float).tolist()), parse_float=_short
    )


def _short(text):
    return float(f"{float(text):.12g}")


def main():
    """Run what is installed and write the file."""
    data = make_data()
    old = json.loads(FILE.read_text())["results"] if FILE.exists() else []
    stored = {(r["library"], r["problem"]): r for r in old}
    libraries = {
        library: (version_of(library), codes, modules)
        for library, (modules, codes) in LIBRARIES.items()
    }
    libraries["glmnet"] = (r_version(), GLMNET, None)
    for library, (version, codes, modules) in libraries.items():
        if version is None or (sys.argv[1:] and library not in sys.argv[1:]):
            continue
        stored = {key: r for key, r in stored.items() if key[0] != library}
        for name, (accuracy, code) in codes.items():
            print(library, version, name, flush=True)
            names = names_of(PROBLEMS[name], data)
            try:
                if modules is None:
                    coef, intercept = run_r(code, names)
                else:
                    coef, intercept = run_python(modules, code, names)
            except Exception as error:
                print("   failed:", repr(error)[:500])
                continue
            outputs = names["K"]
            stored[library, name] = {
                "library": library,
                "version": version,
                "beside": _beside(),
                "date": datetime.date.today().isoformat(),
                "problem": name,
                "accuracy": accuracy,
                "code": code.strip().splitlines(),
                "coef": digits(np.reshape(coef, (-1, outputs))),
                "intercept": digits(np.broadcast_to(np.ravel(intercept), (outputs,))),
            }
    whole = {
        "about": "Made by make_parity.py: what other libraries return.",
        "data": {name: values.tolist() for name, values in data.items()},
        "sizes": SIZES,
        "problems": PROBLEMS,
        "results": [stored[key] for key in sorted(stored)],
    }
    FILE.write_text(_compact(whole) + "\n")


def _compact(whole):
    """JSON with one line for each array, problem or result's field."""
    lines = []
    for name, part in whole.items():
        if name in ("data", "problems"):
            rows = [f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in part.items()]
            lines.append(f" {json.dumps(name)}: {{\n" + ",\n".join(rows) + "\n }")
        elif name == "results":
            rows = [
                "  {\n"
                + ",\n".join(
                    f"   {json.dumps(k)}: {json.dumps(v)}" for k, v in r.items()
                )
                + "\n  }"
                for r in part
            ]
            lines.append(f" {json.dumps(name)}: [\n" + ",\n".join(rows) + "\n ]")
        else:
            lines.append(f" {json.dumps(name)}: {json.dumps(part)}")
    return "{\n" + ",\n".join(lines) + "\n}"


if __name__ == "__main__":
    main()
