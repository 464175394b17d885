"""Blocks chosen on a Gram matrix, against twins that solve every least squares anew."""

from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skstruct.solvers import tableau
from skstruct.solvers.block_selection import select_blocks, select_jointly

SIZES = {"units": [1] * 7, "blocks": [2, 1, 3, 2, 1]}
every_size = pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)


def problem(sizes, seed=0, n=60, q=3):
    rng = np.random.default_rng(seed)
    ptr = np.concatenate([[0], np.cumsum(sizes)])
    H = rng.normal(size=(n, ptr[-1])) @ rng.normal(size=(ptr[-1], ptr[-1]))
    return H, H @ rng.normal(size=(ptr[-1], q)) + rng.normal(size=(n, q)), ptr


def error_of(H, Z, ptr, blocks, ridge):
    columns = [j for g in blocks for j in range(ptr[g], ptr[g + 1])]
    K = H[:, columns]
    W = np.linalg.solve(K.T @ K + ridge * np.eye(len(columns)), K.T @ Z)
    return np.sum((Z - K @ W) ** 2) + ridge * np.sum(W**2)


def twin(H, Z, ptr, n_blocks, method, ridge):
    everything = set(range(len(ptr) - 1))
    kept = set() if method == "forward" else set(everything)
    order = []
    while len(kept) != n_blocks:
        moves = everything - kept if method == "forward" else kept
        g = min(moves, key=lambda b: error_of(H, Z, ptr, kept ^ {b}, ridge))
        kept = kept ^ {g}
        order.append(g)
    return kept, order


def select(H, Z, ptr, n_blocks, **kwargs):
    return select_blocks(H.T @ H, H.T @ Z, np.sum(Z**2), ptr, n_blocks, **kwargs)


@pytest.mark.parametrize("ridge", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_backward_by_matrix_products_is_the_slow_twin(monkeypatch, ridge, seed):
    monkeypatch.setattr(tableau, "MANY", 1)
    monkeypatch.setattr(tableau, "STRIDE", 2)
    test_greedy_is_the_slow_twin([1] * 7, "backward", ridge, seed)


@every_size
@pytest.mark.parametrize("method", ["forward", "backward"])
@pytest.mark.parametrize("ridge", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_greedy_is_the_slow_twin(sizes, method, ridge, seed):
    H, Z, ptr = problem(sizes, seed)
    for n_blocks in range(len(sizes) + 1):
        got = select(H, Z, ptr, n_blocks, method=method, ridge=ridge)
        kept, order = twin(H, Z, ptr, n_blocks, method, ridge)
        assert set(got.kept) == kept
        assert_array_equal(got.order, order)
        expected = error_of(H, Z, ptr, sorted(kept), ridge)
        assert_allclose(got.error, expected, rtol=1e-6)
        assert_allclose(got.errors[-1], expected, rtol=1e-6)


@every_size
@pytest.mark.parametrize("seed", range(6))
def test_after_swaps_no_single_trade_helps(sizes, seed):
    H, Z, ptr = problem(sizes, seed)
    greedy = select(H, Z, ptr, 2)
    got = select(H, Z, ptr, 2, n_swaps=20)
    assert len(got.kept) == 2
    assert got.error <= greedy.error * (1 + 1e-12)
    outside = set(range(len(sizes))) - set(got.kept)
    for out in got.kept:
        for new in outside:
            traded = (set(got.kept) - {out}) | {new}
            assert error_of(H, Z, ptr, traded, 0.0) >= got.error * (1 - 1e-6)
    best = min(
        error_of(H, Z, ptr, pair, 0.0) for pair in combinations(range(len(sizes)), 2)
    )
    assert got.error >= best * (1 - 1e-6)


def test_many_columns_go_as_few_do_with_trades_after(monkeypatch):
    H, Z, ptr = problem([1] * 150, n=200, q=5)
    H[:, 7] = H[:, 3]
    settings = {"method": "backward", "ridge": 1e-3, "n_swaps": 3}
    monkeypatch.setattr(tableau, "MANY", 1)
    many = select(H, Z, ptr, 40, **settings)
    monkeypatch.setattr(tableau, "MANY", 1000)
    few = select(H, Z, ptr, 40, **settings)
    assert_array_equal(many.order, few.order)
    assert_array_equal(many.kept, few.kept)
    assert_allclose(many.weights, few.weights, rtol=1e-6, atol=1e-8)
    assert_allclose(many.errors, few.errors, rtol=1e-6)
    greedy = select(H, Z, ptr, 40, method="backward", ridge=1e-3)
    assert many.error < greedy.error


@pytest.mark.parametrize("method", ["forward", "backward"])
def test_dependent_blocks_are_left_out(method):
    H, Z, ptr = problem([1] * 4)
    H = np.column_stack([H, H[:, 0], np.zeros(len(H))])
    got = select(H, Z, np.arange(7), 6, method=method)
    assert len(got.kept) == 4
    assert_allclose(got.error, error_of(H, Z, ptr, range(4), 0.0), rtol=1e-6)


@pytest.mark.parametrize("method", ["forward", "backward"])
@pytest.mark.parametrize("n_blocks", [0, 2, 5])
def test_joint_choice_adds_up_relative_errors(method, n_blocks):
    shapes = ([2, 1, 3, 2, 1], [1, 1, 1, 1, 1])
    problems = [problem(sizes, seed) for seed, sizes in enumerate(shapes)]
    ridges = (0.0, 2.0)

    def total(blocks):
        return sum(
            error_of(*p, sorted(blocks), ridge) / np.sum(p[1] ** 2)
            for p, ridge in zip(problems, ridges, strict=True)
        )

    kept = set() if method == "forward" else set(range(5))
    while len(kept) != n_blocks:
        moves = set(range(5)) - kept if method == "forward" else kept
        kept = min((kept ^ {g} for g in moves), key=total)
    got = select_jointly(
        [
            (H.T @ H, H.T @ Z, np.sum(Z**2), ptr, ridge)
            for (H, Z, ptr), ridge in zip(problems, ridges, strict=True)
        ],
        n_blocks,
        method=method,
    )
    assert_array_equal(got, sorted(kept))


def test_bad_input_is_named():
    H, Z, ptr = problem([1] * 3)
    with pytest.raises(ValueError, match=r"n_blocks must be in \[0, 3\], got 4"):
        select(H, Z, ptr, 4)
    with pytest.raises(ValueError, match="got 'both'"):
        select(H, Z, ptr, 1, method="both")
    H[0, 0] = np.nan
    with pytest.raises(ValueError, match="must be finite"):
        select(H, Z, ptr, 1)
