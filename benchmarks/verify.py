"""Check that the judge is right, and every library given the same problem.

``python -m benchmarks.verify`` solves a tiny problem of each kind by cvxpy, straight
from its definition. The judge must agree with cvxpy's optimal value and certify it;
then every library must reach that value at a tight tolerance. A wrong factor in a
loss, a weight or an alpha leaves a gap many orders of magnitude larger.
"""

import argparse
import warnings
from dataclasses import replace

import cvxpy as cp
import numpy as np

from benchmarks.judge import judge
from benchmarks.libraries import LIBRARIES, library
from benchmarks.problems import PROBLEMS

KINDS = ("A", "B", "H", "G", "D05", "D50", "E", "EP", "M", "I")
SCALE = 0.02
FRACTIONS = np.array([1.001, 0.5, 0.1])  # of alpha_max
ACCEPTED = 1e-5  # relative gap or difference; exponential cones are the loosest
SOLVER_TOL = {"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-10, "tol_feas": 1e-10}


def main(arguments=None):
    """Print one line for each problem and library; fail if any disagrees."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verify")
    parser.add_argument("--problems", default=",".join(KINDS))
    parser.add_argument("--libraries", default=",".join(LIBRARIES))
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    results = []
    for name in options.problems.split(","):
        problem = PROBLEMS[name](SCALE)
        problem = replace(problem, alphas=problem.alpha_max * FRACTIONS)
        results.append(_verify_judge(problem))
        for other in options.libraries.split(","):
            results += [_verify_library(p, other) for p in (problem, _last(problem))]
    failed = [result for result in results if result is False]
    print(f"{len(failed)} of {len(results) - results.count(None)} disagree")
    raise SystemExit(bool(failed))


def _last(problem):
    """Return the problem at its last alpha, for libraries without paths."""
    return replace(problem, alphas=problem.alphas[-1:])


def _verify_judge(problem):
    """Compare the judge with cvxpy's own value and with the certificate."""
    values, coefs, intercepts = _reference(problem)
    objectives, duals = judge(problem, coefs, intercepts)
    off = np.max(np.abs(objectives - values / problem.null_loss))
    first = np.max(np.abs(coefs[..., 0])) / np.max(np.abs(coefs[..., -1]))
    print(f"{problem.name}: judge - cvxpy {off:.0e}, largest at alpha_max {first:.0e}")
    return _report(problem, "reference", np.max(objectives - duals))


def _verify_library(problem, name):
    """Judge one library's tightest answers; None if it does not take the problem."""
    try:
        adapter = library(name)
        if not adapter.supports(problem):
            return None
        prepared = adapter.prepare(problem)
        tol = max(adapter.tightest, 1e-13)
        result = adapter.fit_path(prepared, problem.alphas, tol)
        objectives, duals = judge(problem, *adapter.unpack(prepared, result))
    except Exception as error:
        print(f"{problem.name} {name}: {type(error).__name__}: {error}", flush=True)
        return False
    return _report(problem, name, np.max(objectives - duals))


def _report(problem, name, gap):
    good = bool(gap < ACCEPTED)
    verdict = "agrees" if good else "DISAGREES"
    count = len(problem.alphas)
    print(
        f"{problem.name} {name}, {count} alpha(s): gap {gap:.0e}, {verdict}", flush=True
    )
    return good


def _reference(problem):
    """Return values, coefs and intercepts by cvxpy, alpha by alpha."""
    Y = problem.y.reshape(len(problem.y), -1)
    solutions = [_solve(problem, Y, alpha) for alpha in problem.alphas]
    values, coefs, intercepts = (
        np.array(part) for part in zip(*solutions, strict=True)
    )
    coefs, intercepts = coefs.transpose(2, 1, 0), intercepts.T
    if problem.y.ndim == 1:
        coefs, intercepts = coefs[0], intercepts[0]
    return values, coefs, intercepts


def _solve(problem, Y, alpha):
    coef = cp.Variable((problem.X.shape[1], Y.shape[1]))
    intercept = cp.Variable((1, Y.shape[1]))
    fit = problem.X @ coef + np.ones((len(Y), 1)) @ intercept
    loss = _loss(problem.loss.name, Y, fit) / len(Y)
    model = cp.Problem(cp.Minimize(loss + alpha * _penalty(problem.penalty, coef)))
    value = model.solve(solver="CLARABEL", **SOLVER_TOL)
    return value, coef.value, intercept.value[0]


def _loss(name, Y, fit):
    if name == "squared_error":
        return cp.sum_squares(Y - fit) / 2
    if name == "logistic":
        return cp.sum(cp.logistic(-cp.multiply(Y, fit)))
    if name == "poisson":  # measured from the perfect fit
        perfect = np.sum(Y - Y * np.log(np.maximum(Y, 1)))
        return cp.sum(cp.exp(fit) - cp.multiply(Y, fit)) - perfect
    return cp.sum(cp.log_sum_exp(fit, axis=1)) - cp.sum(cp.multiply(Y, fit))


def _penalty(penalty, coef):
    l1_ratio = getattr(penalty, "l1_ratio", 0.0)
    indices = getattr(penalty, "indices", np.arange(coef.shape[0]))
    members = np.split(indices, penalty.ptr[1:-1])
    norms = cp.hstack([cp.norm(coef[columns], "fro") for columns in members])
    groups = penalty.weights @ norms
    return l1_ratio * cp.sum(cp.abs(coef)) + (1 - l1_ratio) * groups


if __name__ == "__main__":
    main()
