"""The group lasso on a Gram matrix, against cvxpy; entering many blocks at once."""

from itertools import pairwise

import cvxpy as cp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skstruct.solvers.block_lasso import BlockLassoPath, block_weights, lasso_order
from skstruct.solvers.block_selection import select_blocks
from skstruct.solvers.tableau import Tableau

SIZES = [2, 1, 3, 2, 1]


def problem(sizes=SIZES, seed=0, n=60, q=3):
    rng = np.random.default_rng(seed)
    ptr = np.concatenate([[0], np.cumsum(sizes)])
    H = rng.normal(size=(n, ptr[-1])) + rng.normal(size=(n, 1))
    return H, H @ rng.normal(size=(ptr[-1], q)) + rng.normal(size=(n, q)), ptr


def by_cvxpy(H, Z, ptr, weights, alpha):
    B = cp.Variable((H.shape[1], Z.shape[1]))
    blocks = [slice(a, b) for a, b in pairwise(ptr)]
    norms = [w * cp.norm(B[g], "fro") for g, w in zip(blocks, weights, strict=True)]
    objective = 0.5 * cp.sum_squares(Z - H @ B) + alpha * cp.sum(cp.hstack(norms))
    cp.Problem(cp.Minimize(objective)).solve(solver="CLARABEL")
    return np.array([np.linalg.norm(B.value[g]) for g in blocks])


@pytest.mark.parametrize("is_adaptive", [False, True])
def test_norms_on_the_path_are_those_of_cvxpy(is_adaptive):
    H, Z, ptr = problem()
    gram, cross = H.T @ H, H.T @ Z
    weights = block_weights(gram, cross, ptr, 0.0, is_adaptive)
    path = BlockLassoPath(gram, cross, ptr, weights, tol=1e-12, max_iter=5000)
    first = path.polars().max()
    assert not path.solve(first * 1.001).any()
    for share in (0.7, 0.3, 0.05):
        found = path.solve(share * first)
        expected = by_cvxpy(H, Z, ptr, weights, share * first)
        assert_allclose(found, expected, atol=1e-4 * expected.max())


def test_order_is_that_of_the_supports_on_a_fine_path():
    H, Z, ptr = problem(seed=3)
    gram, cross = H.T @ H, H.T @ Z
    order = lasso_order(gram, cross, ptr, len(SIZES), tol=1e-10)
    assert sorted(order) == list(range(len(SIZES)))
    weights = block_weights(gram, cross, ptr, 0.0, False)
    alpha = BlockLassoPath(gram, cross, ptr, weights).polars().max()
    seen = []
    while len(seen) < len(SIZES):
        norms = by_cvxpy(H, Z, ptr, weights, alpha)
        new = [g for g in np.flatnonzero(norms > 1e-3) if g not in seen]
        assert set(order[: len(seen) + len(new)]) == {*seen, *new}
        seen += new
        alpha *= 0.85


def test_scale_of_columns_does_not_matter():
    H, Z, ptr = problem()
    scale = np.repeat(10.0 ** np.arange(-2, 3), SIZES)
    for is_adaptive in (False, True):
        orders = [
            lasso_order(K.T @ K, K.T @ Z, ptr, 5, is_adaptive=is_adaptive)
            for K in (H, H * scale)
        ]
        assert_array_equal(*orders)


@pytest.mark.parametrize("method", ["group_lasso", "adaptive_group_lasso"])
def test_chosen_blocks_are_refitted(method):
    H, Z, ptr = problem()
    gram, cross, target = H.T @ H, H.T @ Z, np.sum(Z**2)
    got = select_blocks(gram, cross, target, ptr, 2, method=method)
    columns = np.concatenate([np.arange(ptr[g], ptr[g + 1]) for g in got.kept])
    fit, missed, *_ = np.linalg.lstsq(H[:, columns], Z, rcond=None)
    assert_allclose(got.weights[columns], fit, rtol=1e-8)
    assert_allclose(got.error, missed.sum(), rtol=1e-8)
    assert_allclose(got.errors, [target, missed.sum()], rtol=1e-8)
    swapped = select_blocks(gram, cross, target, ptr, 2, method=method, n_swaps=5)
    assert swapped.error <= got.error * (1 + 1e-12)


@pytest.mark.parametrize("method", ["forward", "backward", "group_lasso"])
def test_screen(method):
    H, Z, ptr = problem([1] * 30, n=200)
    Z = H[:, [4, 9, 20]] @ np.ones((3, 3)) + 0.1 * Z
    state = H.T @ H, H.T @ Z, np.sum(Z**2), ptr
    whole = select_blocks(*state, 3, method=method)
    same = select_blocks(*state, 3, method=method, screen=30)
    assert_array_equal(same.kept, whole.kept)
    few = select_blocks(*state, 3, method=method, screen=8)
    assert_array_equal(few.kept, whole.kept)
    assert_allclose(few.weights, whole.weights, atol=1e-10)
    assert_allclose(few.error, whole.error, rtol=1e-10)
    none_left_out = select_blocks(*state, 3, method=method, screen=1)
    assert len(none_left_out.kept) == 3  # a screen never keeps fewer than wanted


def test_zero_and_dependent_columns_carry_nothing():
    H, Z, _ = problem([1] * 4)
    H = np.column_stack([H, H[:, 0], np.zeros(len(H))])
    order = lasso_order(H.T @ H, H.T @ Z, np.arange(7), 6)
    assert 5 not in order
    got = select_blocks(
        H.T @ H, H.T @ Z, np.sum(Z**2), np.arange(7), 6, method="group_lasso"
    )
    assert len(got.kept) == 4
    assert len(lasso_order(H.T @ H, 0 * H.T @ Z, np.arange(7), 6)) == 0


@pytest.mark.parametrize("blocks", [[0], [1, 3, 4], range(5)])
def test_entering_at_once_is_entering_one_by_one(blocks):
    H, Z, ptr = problem()
    tableaus = [Tableau(H.T @ H, H.T @ Z, np.sum(Z**2), ptr, 0.1) for _ in range(2)]
    tableaus[0].enter(blocks)
    tableaus[1].move(blocks)
    for name in ("A", "B", "kept", "error"):
        assert_allclose(*(getattr(t, name) for t in tableaus), rtol=1e-8, atol=1e-10)
