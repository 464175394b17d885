"""The benchmark problems: one small function each, made from a fixed seed."""

from dataclasses import replace

import numpy as np
from scipy import sparse
from scipy.special import expit

from benchmarks.draw import (
    ar_columns,
    blocks,
    chain,
    of_spread,
    scaled,
    signal,
    uneven_groups,
    with_noise,
)
from benchmarks.losses import Logistic, Multinomial, Poisson, SquaredError
from benchmarks.penalties import GroupNorm, OverlapNorm, SparseGroupNorm
from benchmarks.problem import Problem

SQUARED = SquaredError()


def problem_a(scale, name="A", text="dense, groups of 5, AR(.5) columns, path"):
    """Return the wide dense path."""
    rng = np.random.default_rng(0)
    X = ar_columns(rng, scaled(1_000, scale), scaled(10_000, scale))
    ptr = blocks(X.shape[1], 5)
    y = with_noise(rng, signal(rng, X, ptr, scaled(20, scale, 3)), 3.0)
    return _make(name, text, X, y, _group_norm(ptr), _path(50, 100))


def problem_a20(scale):
    """Return the sparse part of A's path: where users live."""
    a = problem_a(scale, "A20", "A, first 20 alphas")
    return replace(a, alphas=a.alphas[:20])


def problem_a1(scale):
    """Return A at one alpha."""
    return _one_alpha(problem_a(scale, "A1", "A, one alpha"), 20)


def problem_b(scale):
    """Return the tall dense path."""
    rng = np.random.default_rng(1)
    X = ar_columns(rng, scaled(100_000, scale), scaled(500, scale))
    ptr = blocks(X.shape[1], 10)
    y = with_noise(rng, signal(rng, X, ptr, scaled(10, scale, 2)), 3.0)
    text = "tall dense, groups of 10, path"
    return _make("B", text, X, y, _group_norm(ptr), _path(50, 100))


def problem_c(scale):
    """Return the path over uneven groups of strongly correlated columns."""
    rng = np.random.default_rng(2)
    n, p = scaled(200, scale, 40), scaled(20_000, scale)
    ptr = uneven_groups(rng, p, 200)
    shared = rng.standard_normal((n, len(ptr) - 1))
    X = np.sqrt(0.9) * np.repeat(shared, np.diff(ptr), axis=1)
    X += np.sqrt(0.1) * rng.standard_normal((n, p))
    y = with_noise(rng, signal(rng, X, ptr, scaled(10, scale, 3)), 3.0)
    text = "dense, uneven groups of 1..200, correlation .9 inside, path"
    X = np.asfortranarray(X)
    return _make("C", text, X, y, _group_norm(ptr), _path(50, 50))


def problem_d05(scale, name="D05", text="A's data, sparse group, l1_ratio .05, path"):
    """Return the sparse group path on A's data."""
    return _sparse_group(scale, name, text, 0.05)


def problem_d05_1(scale):
    """Return D05 at one alpha."""
    return _one_alpha(problem_d05(scale, "D05-1", "D05, one alpha"), 20)


def problem_d50(scale, name="D50", text="A's data, sparse group, l1_ratio .5, path"):
    """Return the sparse group path with more weight on single features."""
    return _sparse_group(scale, name, text, 0.5)


def problem_d50_1(scale):
    """Return D50 at one alpha."""
    return _one_alpha(problem_d50(scale, "D50-1", "D50, one alpha"), 20)


def problem_e(scale, name="E", text="logistic, groups of 5, AR(.5) columns, path"):
    """Return the logistic path."""
    rng = np.random.default_rng(5)
    X = ar_columns(rng, scaled(2_000, scale), scaled(5_000, scale))
    ptr = blocks(X.shape[1], 5)
    logits = of_spread(signal(rng, X, ptr, scaled(20, scale, 3)), 2.0) + 0.5
    y = np.where(rng.random(len(X)) < expit(logits), 1.0, -1.0)
    return _make(name, text, X, y, _group_norm(ptr), _path(50, 50), Logistic())


def problem_e1(scale):
    """Return E at one alpha."""
    return _one_alpha(problem_e(scale, "E1", "E, one alpha"), 10)


def problem_ep(scale):
    """Return the Poisson path."""
    rng = np.random.default_rng(6)
    X = ar_columns(rng, scaled(2_000, scale), scaled(2_000, scale))
    ptr = blocks(X.shape[1], 5)
    logs = of_spread(signal(rng, X, ptr, scaled(20, scale, 3)), 0.7) + 0.5
    y = rng.poisson(np.exp(logs)).astype(float)
    text = "Poisson, groups of 5, AR(.5) columns, path"
    return _make("EP", text, X, y, _group_norm(ptr), _path(50, 50), Poisson())


def problem_f(scale):
    """Return the sparse path."""
    rng = np.random.default_rng(3)
    n, p = scaled(20_000, scale), scaled(100_000, scale)
    X = sparse.random(
        n, p, max(1e-3, 10 / n), "csc", rng=rng, data_rvs=rng.standard_normal
    )
    ptr = blocks(p, 10)
    y = with_noise(rng, signal(rng, X, ptr, scaled(20, scale, 3)), 3.0)
    return _make("F", "CSC, groups of 10, path", X, y, _group_norm(ptr), _path(20, 20))


def problem_g(scale, name="G", text="10 outputs, row groups, AR(.5) columns, path"):
    """Return the path with several outputs."""
    rng = np.random.default_rng(4)
    X = ar_columns(rng, scaled(500, scale), scaled(5_000, scale))
    ptr = blocks(X.shape[1], 1)
    y = with_noise(rng, signal(rng, X, ptr, scaled(20, scale, 3), n_outputs=10), 3.0)
    return _make(name, text, X, y, _group_norm(ptr), _path(50, 100))


def problem_g1(scale):
    """Return G at one alpha."""
    return _one_alpha(problem_g(scale, "G1", "G, one alpha"), 20)


def problem_h(scale, name="H", text="A's data, groups of one feature (lasso), path"):
    """Return the lasso path on A's data."""
    a = problem_a(scale)
    penalty = _group_norm(blocks(a.X.shape[1], 1))
    return _make(name, text, a.X, a.y, penalty, _path(50, 100))


def problem_h1(scale):
    """Return H at one alpha."""
    return _one_alpha(problem_h(scale, "H1", "H, one alpha"), 20)


def problem_i(scale, name="I", text="overlapping chain of groups of 20 by 5, path"):
    """Return the path over groups that share 5 columns with each neighbour."""
    rng = np.random.default_rng(7)
    ptr, indices = chain(max(6, round(133 * scale)), 20, 5)
    p = int(indices[-1]) + 1
    X = ar_columns(rng, scaled(1_000, scale), p)
    values = signal(rng, X, ptr, scaled(10, scale, 3), indices=indices)
    y = with_noise(rng, values, 3.0)
    penalty = OverlapNorm(ptr, np.sqrt(np.diff(ptr)), indices, p)
    return _make(name, text, X, y, penalty, _path(20, 50))


def problem_i1(scale):
    """Return I at one alpha."""
    return _one_alpha(problem_i(scale, "I1", "I, one alpha"), 10)


def problem_m(scale):
    """Return the multinomial path."""
    rng = np.random.default_rng(8)
    X = ar_columns(rng, scaled(1_000, scale), scaled(2_000, scale))
    ptr = blocks(X.shape[1], 5)
    logits = signal(rng, X, ptr, scaled(10, scale, 3), n_outputs=4)
    logits = of_spread(logits, 2.0)
    # the largest of logits with Gumbel noise is a draw from their softmax
    label = np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)
    text = "multinomial, 4 classes, groups of 5 rows, path"
    y = np.eye(4)[label]
    return _make("M", text, X, y, _group_norm(ptr), _path(50, 50), Multinomial())


PROBLEMS = {
    "A": problem_a,
    "A20": problem_a20,
    "A1": problem_a1,
    "B": problem_b,
    "C": problem_c,
    "D05": problem_d05,
    "D05-1": problem_d05_1,
    "D50": problem_d50,
    "D50-1": problem_d50_1,
    "E": problem_e,
    "E1": problem_e1,
    "EP": problem_ep,
    "F": problem_f,
    "G": problem_g,
    "G1": problem_g1,
    "H": problem_h,
    "H1": problem_h1,
    "I": problem_i,
    "I1": problem_i1,
    "M": problem_m,
}


def _make(name, text, X, y, penalty, path, loss=SQUARED):
    """Scale the path by alpha_max."""
    problem = Problem(name, text, X, y, penalty, path, loss)
    return replace(problem, alphas=problem.alpha_max * path)


def _sparse_group(scale, name, text, l1_ratio):
    """Put the sparse group penalty on A's data."""
    a = problem_a(scale)
    penalty = SparseGroupNorm(a.ptr, a.weights, l1_ratio)
    return _make(name, text, a.X, a.y, penalty, _path(50, 100))


def _group_norm(ptr):
    """Weigh the groups by the root of their size."""
    return GroupNorm(ptr, np.sqrt(np.diff(ptr)))


def _path(n_alphas, depth):
    return np.geomspace(1.0, 1.0 / depth, n_alphas)


def _one_alpha(problem, depth):
    return replace(problem, alphas=problem.alphas[:1] / depth)
