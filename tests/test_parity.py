"""Other libraries' solutions: stored ones, and scikit-learn's as it is installed.

tests/data/parity.json holds what the libraries returned, tests/data/make_parity.py made
it. Nothing here needs them. Objectives are computed by the formulas below, not by
skstruct. Ours may not be above the other library's, and the coefficients must agree as
closely as that library solves (`accuracy`, relative to the largest coefficient).
"""

import inspect
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    Lasso,
    LogisticRegression,
    MultiTaskElasticNet,
    PoissonRegressor,
    QuantileRegressor,
    TweedieRegressor,
)

from skstruct import GroupLasso
from skstruct.groups import make_layout
from skstruct.losses import LOSSES
from skstruct.penalties import PENALTIES
from skstruct.solvers.matrix import as_matrix
from skstruct.solvers.solution import Problem
from skstruct.solvers.solve import solve_path

STORED = json.loads((Path(__file__).parent / "data" / "parity.json").read_text())
DATA = {name: np.array(values) for name, values in STORED["data"].items()}
X = DATA["X"]
N, P = X.shape

# --- The objective, written out --------------------------------------------------


def pinball(r, quantile):
    return np.maximum(quantile * r, (quantile - 1) * r)


def huber(r, delta):
    return np.where(abs(r) <= delta, r**2 / 2, delta * abs(r) - delta**2 / 2)


ELEMENTWISE = {
    "squared_error": lambda y, f: (y - f) ** 2 / 2,
    "huber": lambda y, f, delta: huber(y - f, delta),
    "quantile": lambda y, f, quantile: pinball(y - f, quantile),
    "logistic": lambda y, f: np.logaddexp(0, -y * f),
    "poisson": lambda y, f: np.exp(f) - y * f,
    "gamma": lambda y, f: y * np.exp(-f) + f,
}


def losses(asked, y, f):
    """Loss of each row."""
    parameters = asked.get("loss_parameters", {})
    if asked["loss"] == "multinomial":
        return np.logaddexp.reduce(f, axis=1) - np.sum(y * f, axis=1)
    return ELEMENTWISE[asked["loss"]](y, f, **parameters).sum(axis=1)


def mcp(s, t, gamma):
    return t * s - s**2 / (2 * gamma) if s <= gamma * t else gamma * t**2 / 2


def scad(s, t, gamma):
    if s <= t:
        return t * s
    if s <= gamma * t:
        return (2 * gamma * t * s - s**2 - t**2) / (2 * (gamma - 1))
    return t**2 * (gamma + 1) / 2


def penalty(asked, groups, B):
    """alpha times the penalty; group norms are Frobenius norms."""
    name, alpha, w = asked["penalty"], asked["alpha"], np.array(asked["weights"])
    more = asked.get("parameters", {})
    norms = np.array([np.linalg.norm(B[g]) for g in groups])
    l1 = sum(v * abs(B[g]).sum() for v, g in zip(w, groups, strict=True))
    if name == "group_l2":
        return alpha * w @ norms
    if name == "l1":
        return alpha * l1
    if name == "group_slope":
        return alpha * np.sort(w * norms)[::-1] @ more["lambdas"]
    if name in ("group_mcp", "group_scad"):
        rho = mcp if name == "group_mcp" else scad
        pairs = zip(norms, alpha * w, strict=True)
        return sum(rho(s, t, more["gamma"]) for s, t in pairs)
    ratio = more["l1_ratio"]
    if name == "sparse_group_l2":
        return alpha * (ratio * abs(B).sum() + (1 - ratio) * w @ norms)
    first = {"group_elastic_net": w @ norms, "elastic_net": l1}[name]
    return alpha * (ratio * first + (1 - ratio) / 2 * np.sum(B**2))


def penalised(asked, groups, B):
    """B in the coordinates in which it is penalised."""
    if asked.get("standardize") == "features":
        return X.std(axis=0)[:, None] * B
    if asked.get("standardize") == "groups":
        centred, B = X - X.mean(axis=0), B.copy()
        for g in groups:
            B[g] = np.linalg.qr(centred[:, g] / np.sqrt(N)).R @ B[g]
    return B


def objective(asked, B, b):
    weights = shares(asked)
    f = X @ B + b + offset(asked)
    groups = members(asked)
    loss = weights @ losses(asked, target(asked), f)
    return loss + penalty(asked, groups, penalised(asked, groups, B))


# --- What is asked ---------------------------------------------------------------


def target(asked):
    y = DATA[asked["y"]].astype(float)
    return np.eye(3)[DATA["classes"]] if asked["y"] == "classes" else y.reshape(N, -1)


def members(asked):
    """The groups as lists of features."""
    if asked["groups"] == "single":
        return [[j] for j in range(P)]
    if asked["groups"] == "sizes":
        return np.split(np.arange(P), np.cumsum(STORED["sizes"])[:-1])
    return asked["groups"]


def shares(asked):
    s = DATA["sample_weight"] if asked.get("sample_weight") else np.ones(N)
    return s / s.sum()


def offset(asked):
    return DATA["offset"][:, None] if asked.get("offset") else 0.0


def our_problem(asked):
    loss = LOSSES[asked["loss"]][0](**asked.get("loss_parameters", {}))
    our_penalty = PENALTIES[asked["penalty"]][0](**asked.get("parameters", {}))
    overlap = not isinstance(asked["groups"], str)
    layout = make_layout(members(asked), P, weights=asked["weights"], overlap=overlap)
    return Problem(
        matrix=as_matrix(X),
        y=target(asked),
        weights=shares(asked),
        layout=layout,
        penalty=our_penalty,
        loss=loss,
        fit_intercept=asked.get("fit_intercept", True),
        scaling=asked.get("standardize", "none"),
        offset=DATA["offset"][:, None] if asked.get("offset") else None,
    )


@cache
def solved(name):
    """Our coefficients (p, q) and intercepts (q,)."""
    asked = STORED["problems"][name]
    return solution(our_problem(asked), asked["alpha"])


def solution(problem, alpha, tol=1e-12):
    found = solve_path(problem, np.array([alpha]), tol=tol, max_iter=100_000)
    return found.coefs[0], found.intercepts[0]


def centred(asked, b):
    """Intercepts of classes are defined up to a constant."""
    return b - b.mean() if asked["loss"] == "multinomial" else b


# --- Stored solutions ------------------------------------------------------------


def result_id(result):
    return f"{result['library']}-{result['problem']}"


@pytest.mark.parametrize("result", STORED["results"], ids=result_id)
def test_no_worse_than_and_close_to(result):
    asked = STORED["problems"][result["problem"]]
    coef, intercept = solved(result["problem"])
    theirs, their_intercept = np.array(result["coef"]), np.array(result["intercept"])
    largest = abs(theirs).max()
    assert np.count_nonzero(abs(theirs).max(axis=1) > 1e-6 * largest) > 0
    close = {"atol": result["accuracy"] * largest, "rtol": 0}
    assert_allclose(coef, theirs, **close)
    ours_b, theirs_b = centred(asked, intercept), centred(asked, their_intercept)
    assert_allclose(ours_b, theirs_b, **close)

    if asked["penalty"] == "latent_overlap":  # its value is itself a minimum
        return
    ours = objective(asked, coef, intercept)
    reference = objective(asked, theirs, their_intercept)
    assert ours <= reference + 1e-9 * abs(reference)


def test_the_estimator_solves_what_the_engine_solves():
    asked = STORED["problems"]["group_weights"]
    model = GroupLasso(
        alpha=asked["alpha"],
        groups=[list(g) for g in members(asked)],
        group_weights=asked["weights"],
        tol=1e-12,
    ).fit(X, DATA["y"])
    coef, intercept = solved("group_weights")
    assert_allclose(model.coef_, coef[:, 0], atol=1e-10)
    assert_allclose(model.intercept_, intercept[0], atol=1e-10)


# --- scikit-learn, live ----------------------------------------------------------

TIGHT = {"tol": 1e-12, "max_iter": 1_000_000}
SINGLE = {"groups": "single", "weights": [1.0] * P}


def compare(model, asked, *, rtol=1e-6, tol=1e-12):
    """Compare a fitted model of scikit-learn with ours."""
    coef, intercept = solution(our_problem(asked), asked["alpha"], tol)
    theirs = np.atleast_2d(model.coef_).T
    their_intercept = np.atleast_1d(model.intercept_)
    ours = objective(asked, coef, intercept)
    reference = objective(asked, theirs, their_intercept)
    assert ours <= reference + 1e-9 * abs(reference)
    close = {"atol": rtol * abs(theirs).max(), "rtol": 0}
    assert_allclose(coef, theirs, **close)
    assert_allclose(centred(asked, intercept), centred(asked, their_intercept), **close)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("l1_ratio", [0.4, 1.0])
def test_lasso_and_elastic_net(l1_ratio, weighted):
    asked = {"y": "y", "loss": "squared_error", "penalty": "elastic_net"}
    asked |= {"alpha": 0.4, "parameters": {"l1_ratio": l1_ratio}, **SINGLE}
    asked["sample_weight"] = weighted
    model = Lasso(0.4, **TIGHT)
    if l1_ratio < 1:
        model = ElasticNet(0.4, l1_ratio=l1_ratio, **TIGHT)
    s = DATA["sample_weight"] if weighted else None
    compare(model.fit(X, DATA["y"], sample_weight=s), asked)


@pytest.mark.parametrize("l1_ratio", [0.4, 1.0])
def test_multi_task_elastic_net(l1_ratio):
    asked = {"y": "Y", "loss": "squared_error", "penalty": "group_elastic_net"}
    asked |= {"alpha": 0.7, "parameters": {"l1_ratio": l1_ratio}, **SINGLE}
    model = MultiTaskElasticNet(0.7, l1_ratio=l1_ratio, **TIGHT)
    compare(model.fit(X, DATA["Y"]), asked)


def logistic_regression(alpha, l1_ratio):
    """C is 1 / (n alpha)."""
    options = {"C": 1 / (N * alpha), "l1_ratio": l1_ratio, "solver": "saga"}
    known = inspect.signature(LogisticRegression).parameters["penalty"].default
    if known != "deprecated":  # before scikit-learn 1.8
        options["penalty"] = "elasticnet"
    return LogisticRegression(tol=1e-10, max_iter=100_000, random_state=0, **options)


@pytest.mark.parametrize("l1_ratio", [0.4, 1.0])
@pytest.mark.parametrize(("y", "loss"), [("labels", "logistic"), ("classes", "multi")])
def test_logistic_regression(y, loss, l1_ratio):
    loss = "multinomial" if loss == "multi" else loss
    asked = {"y": y, "loss": loss, "penalty": "elastic_net"}
    asked |= {"alpha": 0.04, "parameters": {"l1_ratio": l1_ratio}, **SINGLE}
    model = logistic_regression(0.04, l1_ratio).fit(X, DATA[y])
    compare(model, asked, rtol=1e-5)


@pytest.mark.parametrize("quantile", [0.25, 0.5])
def test_quantile_regressor(quantile):
    asked = {"y": "outliers", "loss": "quantile", "penalty": "l1", "alpha": 0.05}
    asked |= {"loss_parameters": {"quantile": quantile}, **SINGLE}
    model = QuantileRegressor(quantile=quantile, alpha=0.05, solver="highs")
    compare(model.fit(X, DATA["outliers"]), asked)


UNPENALISED = {
    "poisson": (PoissonRegressor, "counts"),
    "gamma": (GammaRegressor, "positive"),
}


@pytest.mark.parametrize("loss", UNPENALISED)
def test_unpenalised_glm(loss):
    estimator, y = UNPENALISED[loss]
    model = estimator(alpha=0, solver="newton-cholesky", tol=1e-10).fit(X, DATA[y])
    asked = {"y": y, "loss": loss, "penalty": "group_l2", "alpha": 0.0, **SINGLE}
    compare(model, asked)


def test_unpenalised_tweedie():
    model = TweedieRegressor(
        power=1.5, alpha=0, link="log", solver="newton-cholesky", tol=1e-10
    ).fit(X, DATA["counts"])
    asked = {"y": "counts", "loss": "tweedie", "penalty": "group_l2", "alpha": 0.0}
    asked |= {"loss_parameters": {"power": 1.5}, **SINGLE}
    coef, intercept = solution(our_problem(asked), 0.0)
    assert_allclose(coef[:, 0], model.coef_, atol=1e-6)
    assert_allclose(intercept[0], model.intercept_, atol=1e-6)
