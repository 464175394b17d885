"""Choose blocks of columns that reproduce targets best, from a Gram matrix alone."""

from typing import NamedTuple

import numpy as np

from skstruct.solvers.block_lasso import lasso_order
from skstruct.solvers.tableau import Tableau

LASSO = ("group_lasso", "adaptive_group_lasso")


class BlockSelection(NamedTuple):
    """Blocks kept, and what they reproduce.

    Attributes
    ----------
    kept : (n_kept,) array of int
        Blocks kept, in increasing order.
    weights : (d, q) array
        Least-squares weights, zero outside the blocks kept.
    error : float
        ``|Z - H weights|^2 + ridge |weights|^2``, with the ridge as given.
    order : array of int
        Blocks in the order they were added or (backward) removed: each start of it
        is one step of the nested path.
    errors : array
        Error before the first step and after each, without swaps; for the group
        lasso, before the first and after the last.
    """

    kept: np.ndarray
    weights: np.ndarray
    error: float
    order: np.ndarray
    errors: np.ndarray


def select_blocks(
    gram,
    cross,
    target,
    ptr,
    n_blocks,
    *,
    method="forward",
    ridge=0.0,
    n_swaps=0,
    screen=None,
):
    """Keep the `n_blocks` blocks that reproduce the targets best, greedily.

    Parameters
    ----------
    gram, cross, target, ptr, ridge
        As in `Tableau`.
    n_blocks : int
        Blocks to keep, 0 to all.
    method : {"forward", "backward", "group_lasso", "adaptive_group_lasso"}, \
            default="forward"
        Add the best block to none, or remove the cheapest from all, one by one; or
        take blocks as they enter the path of the group lasso, and refit them.
    n_swaps : int, default=0
        Rounds of trades afterwards.
    screen : int, default=None
        Look only at so many blocks, the first on the path of the adaptive group lasso,
        and at no fewer than `n_blocks`. None means all.

    Returns
    -------
    BlockSelection
        Fewer than `n_blocks` blocks are kept if all others depend on them.
    """
    total = len(ptr) - 1
    if not 0 <= n_blocks <= total:
        raise ValueError(f"n_blocks must be in [0, {total}], got {n_blocks}.")
    if screen is not None and max(screen, n_blocks) < total:
        return _select_screened(
            gram, cross, target, ptr, n_blocks, screen, method, ridge, n_swaps
        )
    tableau = Tableau(gram, cross, target, ptr, ridge)
    order, errors = _run(tableau, gram, cross, n_blocks, method, ridge)
    if n_swaps:
        tableau.swap(n_swaps)
    weights = tableau.weights()
    shrunk = target - np.vdot(np.asarray(cross), weights)
    return BlockSelection(
        np.flatnonzero(tableau.kept), weights, float(shrunk), order, errors
    )


def _run(tableau, gram, cross, n_blocks, method, ridge):
    """Take blocks in or out; return their order and the errors on the way."""
    if method == "forward":
        return tableau.forward(n_blocks)
    if method == "backward":
        tableau.enter(range(len(tableau.kept)))
        return tableau.backward(max(int(tableau.kept.sum()) - n_blocks, 0))
    if method in LASSO:
        order = lasso_order(
            gram,
            cross,
            tableau.ptr,
            n_blocks,
            ridge=ridge,
            is_adaptive=method == "adaptive_group_lasso",
        )
        start = tableau.error
        tableau.enter(order[:n_blocks])
        order = order[:n_blocks][tableau.kept[order[:n_blocks]]]
        return order, np.array([start, tableau.error])
    raise ValueError(
        "method must be 'forward', 'backward', 'group_lasso' or "
        f"'adaptive_group_lasso', got {method!r}."
    )


def _select_screened(
    gram, cross, target, ptr, n_blocks, screen, method, ridge, n_swaps
):
    """Select among the first `screen` blocks of the path; give all their numbers."""
    n_candidates = max(screen, n_blocks)
    order = lasso_order(gram, cross, ptr, n_candidates, ridge=ridge, is_adaptive=True)
    # What has not entered the path carries little: it fills up in its own order.
    rest = np.setdiff1d(np.arange(len(ptr) - 1), order)
    blocks = np.sort(np.concatenate([order, rest])[:n_candidates])
    columns = np.concatenate([np.arange(ptr[g], ptr[g + 1]) for g in blocks])
    few = select_blocks(
        gram[np.ix_(columns, columns)],
        cross[columns],
        target,
        np.concatenate([[0], np.cumsum(np.diff(ptr)[blocks])]),
        n_blocks,
        method=method,
        ridge=ridge,
        n_swaps=n_swaps,
    )
    weights = np.zeros_like(cross, dtype=np.float64)
    weights[columns] = few.weights
    return few._replace(kept=blocks[few.kept], weights=weights, order=blocks[few.order])


def select_jointly(problems, n_blocks, *, method="backward"):
    """Keep the blocks that serve several least-squares problems best, greedily.

    The error is the sum of the problems' errors, each relative to its target: one
    problem after the other on the diagonal of a large one, which is never formed.

    Parameters
    ----------
    problems : list of (gram, cross, target, ptr, ridge)
        As in `Tableau`. All have the same number of blocks, of sizes of their own.
    n_blocks : int
        Blocks to keep, 0 to all.
    method : {"forward", "backward"}, default="backward"
        Add the best block to none, or remove the cheapest from all, one by one.

    Returns
    -------
    array of int
        Blocks kept, in increasing order. Those that are worth nothing stay out, or go
        first, in the order of their numbers.
    """
    total = len(problems[0][3]) - 1
    if not 0 <= n_blocks <= total:
        raise ValueError(f"n_blocks must be in [0, {total}], got {n_blocks}.")
    tableaus = []
    for gram, cross, target, ptr, ridge in problems:
        scale = 1 / np.sqrt(target) if target > 0 else 0.0
        tableaus.append(Tableau(gram, cross * scale, float(target > 0), ptr, ridge))
    is_backward = method == "backward"
    kept = np.full(total, is_backward)
    sign = -1.0 if is_backward else 1.0
    if is_backward:
        for tableau in tableaus:
            tableau.enter(range(total))
    for _ in range(total - n_blocks if is_backward else n_blocks):
        blocks = np.flatnonzero(kept == is_backward)
        worth = [sum(max(t.value(g, sign), 0.0) for t in tableaus) for g in blocks]
        found = blocks[np.argmin(worth) if is_backward else np.argmax(worth)]
        for tableau in tableaus:
            tableau.move([found], sign)
        kept[found] = not is_backward
    return np.flatnonzero(kept)
