"""The same optimum as other solvers: cvxpy, scikit-learn, and grpreg's manual."""

import itertools
import warnings

import cvxpy as cp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import Lasso, MultiTaskLasso

import naive
from makers import GROUPS, STORAGES, as_lists, coefficients, columns, make_data
from skstruct import GroupLasso, group_lasso_path
from skstruct.datasets import load_birthwt

AXES = {
    "n_outputs": [None, 3],
    "storage": ["dense", "csc_matrix", "csc_array", "csr_matrix"],
    "standardize": ["none", "features", "groups"],
    "weights": [None, {"a": 0.7, "b": 0, "c": 2.0}],
    "positive": [False, True],
    "sample_weight": [False, True],
    "offset": [False, True],
    "fit_intercept": [True, False],
}


def sampled_cases(n_cases=60):
    """Every value of every axis many times, every pair of values at least once."""
    grid = [dict(zip(AXES, v, strict=True)) for v in itertools.product(*AXES.values())]
    grid = [c for c in grid if not (c["positive"] and c["standardize"] == "groups")]
    chosen = np.random.default_rng(4).permutation(len(grid))[:n_cases]
    return [grid[i] for i in chosen]


def case_id(case):
    return "-".join(
        f"{key}={'dict' if isinstance(value, dict) else value}"
        for key, value in case.items()
        if value not in (None, False)
    )


def solve_with_cvxpy(X, y, groups, weights, alpha, options, positive):
    """The objective of doc/explain/objective.md as a conic program."""
    d = naive.sample_shares(len(y), options["sample_weight"])
    known = 0.0 if options["offset"] is None else columns(options["offset"])
    target = y - known
    B = cp.Variable((X.shape[1], y.shape[1]))
    mean = d @ X if options["fit_intercept"] else np.zeros(X.shape[1])
    shift = d @ target if options["fit_intercept"] else np.zeros(y.shape[1])
    # The best intercept for given B is known: the residuals' mean is zero.
    root = np.sqrt(d)[:, None]
    Z = root * (X - mean)
    loss = cp.sum_squares(root * (target - shift) - Z @ B) / 2
    deviations = np.linalg.norm(Z, axis=0)
    penalty = 0.0
    for group, weight in zip(groups, weights, strict=True):
        block = {
            "none": B[group],
            "features": np.diag(deviations[group]) @ B[group],
            "groups": np.linalg.qr(Z[:, group]).R @ B[group],
        }[options["standardize"]]
        penalty += weight * cp.norm(cp.vec(block, order="F"), 2)
    constraints = [B >= 0] if positive else []
    tight = {f"tol_{name}": 1e-9 for name in ("gap_abs", "gap_rel", "feas")}
    with warnings.catch_warnings():
        # CLARABEL calls 1e-9 inaccurate then; the comparison is two-sided anyway.
        warnings.filterwarnings("ignore", message="Solution may be inaccurate")
        cp.Problem(cp.Minimize(loss + alpha * penalty), constraints).solve(
            solver=cp.CLARABEL, **tight
        )
    coef = np.maximum(B.value, 0) if positive else B.value
    return coef, shift - mean @ coef


@pytest.mark.parametrize("case", sampled_cases(), ids=case_id)
def test_objective_agrees_with_cvxpy(case):
    X, y = make_data(n_outputs=case["n_outputs"], density=0.5)
    rng = np.random.default_rng(1)
    options = {
        "sample_weight": rng.integers(0, 4, len(y)) if case["sample_weight"] else None,
        "offset": 2 * rng.normal(size=y.shape) if case["offset"] else None,
    }
    shape = {key: case[key] for key in ("fit_intercept", "standardize")}
    model = GroupLasso(
        alpha=0.15,
        groups=GROUPS,
        group_weights=case["weights"],
        positive=case["positive"],
        tol=1e-10,
        **shape,
    ).fit(STORAGES[case["storage"]](X), y, **options)

    options |= shape
    problem = (0.15, *as_lists(model))
    ours = naive.objective(X, columns(y), *coefficients(model), *problem, **options)
    expected = solve_with_cvxpy(
        X, columns(y), *problem[1:], 0.15, options, case["positive"]
    )
    reference = naive.objective(X, columns(y), *expected, *problem, **options)
    assert abs(ours - reference) <= 1e-8 * reference
    assert 0 <= model.dual_gap_ <= 1e-9 * columns(y).var() * len(columns(y).T)
    if case["positive"]:
        assert (model.coef_ >= 0).all()


def test_the_sampled_cases_hold_every_pair_of_values():
    cases = sampled_cases()
    for (a, values_a), (b, values_b) in itertools.combinations(AXES.items(), 2):
        for pair in itertools.product(values_a, values_b):
            if {a: pair[0], b: pair[1]} == {"standardize": "groups", "positive": True}:
                continue
            assert any((c[a], c[b]) == pair for c in cases), (a, b, pair)


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_groups_of_one_are_the_lasso(positive, fit_intercept):
    X, y = make_data(n_samples=60, n_features=20)
    how = {"alpha": 0.1, "positive": positive, "fit_intercept": fit_intercept}
    ours = GroupLasso(tol=1e-12, **how).fit(X, y)
    lasso = Lasso(tol=1e-12, max_iter=100_000, **how).fit(X, y)
    assert_allclose(ours.coef_, lasso.coef_, atol=1e-8)
    assert_allclose(ours.intercept_, lasso.intercept_, atol=1e-8)
    assert 0 < np.count_nonzero(lasso.coef_) < 20


def test_several_outputs_are_the_multi_task_lasso():
    X, y = make_data(n_samples=60, n_features=20, n_outputs=4)
    ours = GroupLasso(alpha=0.3, tol=1e-12).fit(X, y)
    theirs = MultiTaskLasso(alpha=0.3, tol=1e-12, max_iter=100_000).fit(X, y)
    assert_allclose(ours.coef_, theirs.coef_, atol=1e-8)
    assert 0 < np.count_nonzero(theirs.coef_[0]) < 20


def test_path_agrees_with_single_fits():
    X, y = make_data(n_outputs=2)
    path = group_lasso_path(X, y, groups=GROUPS, alphas=8, tol=1e-11)
    for i, alpha in enumerate(path.alphas):
        model = GroupLasso(alpha=alpha, groups=GROUPS, tol=1e-11).fit(X, y)
        assert_allclose(path.coefs[:, :, i], model.coef_, atol=1e-7)
        assert_allclose(path.intercepts[:, i], model.intercept_, atol=1e-7)


def test_birthwt_gives_the_coefficients_that_grpreg_prints():
    # coef(grpreg(X, y, group), lambda = 0.05) in grpreg's "Getting started" article
    # (see test_datasets.py); grpreg orthonormalises groups and stops at eps = 1e-4.
    expected = [0.14045229, 0.62608119, 0.37683684, 0.74715315, -0.15825582]
    expected += [0.58290856, 0.18344777, -0.06107624, -0.18778377, -0.17422515]
    expected += [0.05710668, -0.29776948, -0.38050822, 0, 0, 0]
    birthwt = load_birthwt()
    model = GroupLasso(
        alpha=0.05, groups=birthwt.groups, standardize="groups", tol=1e-10
    ).fit(birthwt.data, birthwt.target)
    assert_allclose(model.coef_, expected, atol=2e-3)
    assert_allclose(model.intercept_, 3.02892181, atol=2e-3)
