"""One layer's least squares: reproduce the next layer's input from some units."""

from typing import NamedTuple

import numpy as np

from skstruct.pruning.criteria import unit_scores
from skstruct.solvers.block_selection import select_blocks
from skstruct.solvers.tableau import Tableau

GREEDY = ("forward", "backward")
EXACT = (*GREEDY, "group_lasso", "adaptive_group_lasso")
# Beyond, the adaptive group lasso leaves most units out before the greedy steps.
WIDE = 1536
SCREEN = 1.5  # times the number of units kept


class Options(NamedTuple):
    """How units are chosen and refitted; see `MLPPruner`."""

    criterion: object = "forward"
    n_swaps: object = "auto"
    refit: str | None = "lstsq"
    ridge: float = 1e-4
    prune_inputs: bool = False
    block_size: int = 1
    refit_iter: int = 50
    rng: object = None

    def swaps(self, width):
        """Return the rounds of swaps in a layer of this width."""
        if self.n_swaps != "auto":
            return self.n_swaps
        is_small = width <= WIDE or self.criterion in GREEDY
        return 1 if is_small else 0


class LayerProblem:
    """Least squares of targets Z (n, q) on activations H (n, d), intercept free.

    Units are chosen for the targets times `root` (q, r), which weighs them by what the
    output does with them; the refit of each target is the same with any weights.

    Attributes
    ----------
    gram, cross, target : (d, d) array, (d, q) array, float
        ``H'H``, ``H'Z`` and ``|Z|^2`` of centred columns.
    strength : float
        The ridge, in the units of `gram`.
    """

    def __init__(self, H, Z, ridge, root=None):
        H, Z = H.astype(np.float64), Z.astype(np.float64)
        self.n_rows, self.H_mean, self.Z_mean = len(H), H.mean(axis=0), Z.mean(axis=0)
        H -= self.H_mean
        Z -= self.Z_mean
        self.gram, self.cross = H.T @ H, H.T @ Z
        self.target = float(np.vdot(Z, Z))
        self.strength = ridge * np.trace(self.gram) / len(self.gram)
        aim, goal = self.cross, self.target
        if root is not None:
            aim, Z = self.cross @ root, Z @ root
            goal = float(np.vdot(Z, Z))
        self._few, self._goal = leading_directions(aim, Z.T @ Z, goal), goal

    def select(self, ptr, n_blocks, method, n_swaps):
        """Return the blocks to keep by a method that looks at the error."""
        is_screened = len(self.gram) > WIDE and method in GREEDY
        chosen = select_blocks(
            self.gram,
            self._few,
            self._goal,
            ptr,
            n_blocks,
            method=method,
            ridge=self.strength,
            n_swaps=n_swaps,
            screen=int(SCREEN * n_blocks) if is_screened else None,
        )
        return filled(chosen.kept, n_blocks, len(ptr) - 1)

    def order(self, ptr, n_most, method):
        """Return blocks in the order of their importance, all or `n_most` of them."""
        total = len(ptr) - 1
        found = select_blocks(
            self.gram,
            self._few,
            self._goal,
            ptr,
            0 if method == "backward" else n_most,
            method=method,
            ridge=self.strength,
        )
        order = found.order[::-1] if method == "backward" else found.order
        rest = np.setdiff1d(np.arange(total), order)
        return np.concatenate([order, rest])[:n_most]

    def refit(self, units):
        """Return least-squares weights (len(units), q) and intercept."""
        tableau = Tableau(
            self.gram[np.ix_(units, units)],
            self.cross[units],
            self.target,
            np.arange(len(units) + 1),
            self.strength,
        )
        tableau.enter(np.arange(len(units)))
        coef = tableau.weights()
        return coef, self.Z_mean - self.H_mean[units] @ coef

    def error(self, units, coef, intercept):
        """Return the share of the targets' variance that is missed."""
        if self.target == 0:
            return 0.0
        shift = self.H_mean[units] @ coef + intercept - self.Z_mean
        fit = 2 * np.vdot(self.cross[units], coef)
        fit -= np.vdot(coef, self.gram[np.ix_(units, units)] @ coef)
        missed = self.target - fit + self.n_rows * np.vdot(shift, shift)
        return float(max(missed / self.target, 0.0))


def blocks_of(width, block_size):
    """Return where blocks of so many consecutive units start and end."""
    return np.append(np.arange(0, width, block_size), width)


def choose_units(problem, n_kept, options, H, W_in, W_out, scores=None):
    """Return the units to keep, `n_kept` or as many whole blocks as fit in it.

    `scores` are those of "taylor", which need the whole network.
    """
    width = H.shape[1]
    ptr = blocks_of(width, options.block_size)
    n_blocks = max(1, n_kept // options.block_size)
    if n_kept == width:
        return np.arange(width)
    if isinstance(options.criterion, str) and options.criterion in EXACT:
        n_swaps = options.swaps(width)
        kept = problem.select(ptr, n_blocks, options.criterion, n_swaps)
    else:
        if scores is None:
            scores = unit_scores(options.criterion, H, W_in, W_out, options.rng)
        by_block = np.add.reduceat(scores, ptr[:-1])
        kept = np.sort(np.argsort(-by_block, kind="stable")[:n_blocks])
    return np.concatenate([np.arange(ptr[g], ptr[g + 1]) for g in kept])


def rank_units(problem, n_most, options, H, W_in, W_out, scores=None):
    """Return up to `n_most` units, the most important first: a nested path.

    From one run of the criterion, without swaps; blocks are kept together.
    """
    ptr = blocks_of(H.shape[1], options.block_size)
    total = len(ptr) - 1
    if isinstance(options.criterion, str) and options.criterion in EXACT:
        order = problem.order(ptr, min(n_most, total), options.criterion)
    else:
        if scores is None:
            scores = unit_scores(options.criterion, H, W_in, W_out, options.rng)
        order = np.argsort(-np.add.reduceat(scores, ptr[:-1]), kind="stable")
    units = [np.arange(ptr[g], ptr[g + 1]) for g in order]
    return np.concatenate(units)[:n_most]


def leading_directions(cross, energy, target, lost=1e-4):
    """Rotate the targets to the few directions that hold nearly all their energy.

    The choice hardly changes, and each step costs less. The error then counts the
    lost energy as missed, which moves all candidates alike.

    Parameters
    ----------
    cross : (d, q) array
        ``H'Z``.
    energy : (q, q) array
        ``Z'Z``.
    target : float
        ``|Z|^2``, the trace of it.
    lost : float, default=1e-4
        Share of the energy that may be lost.
    """
    energies, directions = np.linalg.eigh(energy)
    few = np.cumsum(energies) > lost * max(target, np.finfo(float).tiny)
    few[-1] = True
    return cross @ directions[:, few]


def filled(kept, n_kept, n_blocks):
    """Add the first other blocks where fewer than `n_kept` carry anything."""
    others = np.setdiff1d(np.arange(n_blocks), kept)
    return np.sort(np.concatenate([kept, others[: n_kept - len(kept)]])).astype(int)
