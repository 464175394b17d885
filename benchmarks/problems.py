"""The benchmark problems: one small function each, made from a fixed seed.

A problem is data, contiguous groups, group weights and a decreasing grid of alphas::

    1/(2n) ||y - X b - b0||^2 + alpha * sum_g w_g ||b_g||
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.signal import lfilter

from benchmarks.judge import dual_norm, null_loss


@dataclass(frozen=True)
class Problem:
    """Data, groups and alphas of one benchmark."""

    name: str
    text: str
    X: Any  # (n, p), Fortran-ordered float64 or scipy CSC
    y: np.ndarray  # (n,) or (n, q)
    ptr: np.ndarray  # (G + 1,): group g holds columns ptr[g]:ptr[g + 1]
    weights: np.ndarray  # (G,)
    alphas: np.ndarray  # decreasing

    @property
    def sizes(self):
        """Return the number of features of each group."""
        return np.diff(self.ptr)

    @property
    def is_sparse(self):
        """Tell whether X is a scipy sparse matrix."""
        return sparse.issparse(self.X)

    @property
    def kind(self):
        """Return the name that solvers give to this problem."""
        if self.y.ndim == 2:
            return "multitask"
        return "lasso" if np.all(self.sizes == 1) else "group"

    @property
    def null_loss(self):
        """Return the loss of the null model, to which all gaps are relative."""
        return null_loss(self.y)

    def describe(self):
        """Say the sizes in one line."""
        n, p = self.X.shape
        last = self.alphas[-1] / self.alpha_max
        return (
            f"{self.text}; n {n:,}, p {p:,}, {len(self.weights):,} groups, "
            f"{len(self.alphas)} alpha(s) down to alpha_max/{1 / last:.3g}"
        )

    @property
    def alpha_max(self):
        """Return the smallest alpha at which every group is zero."""
        return dual_norm(self.X, self.y - self.y.mean(axis=0), self.ptr, self.weights)


def problem_a(scale, name="A", text="dense, groups of 5, AR(.5) columns, path"):
    """Return the wide dense path."""
    rng = np.random.default_rng(0)
    X = _ar_columns(rng, _scaled(1_000, scale), _scaled(10_000, scale))
    ptr = np.arange(0, X.shape[1] + 1, 5)
    y = _response(rng, X, ptr, _scaled(20, scale, 3), 3.0)
    return _make(name, text, X, y, ptr, _path(50, 100))


def problem_a20(scale):
    """Return the sparse part of A's path: where users live."""
    a = problem_a(scale, "A20", "A, first 20 alphas")
    return _with(a, alphas=a.alphas[:20])


def problem_a1(scale):
    """Return A at one alpha."""
    a = problem_a(scale, "A1", "A, one alpha")
    return _with(a, alphas=a.alphas[:1] / 20)


def problem_b(scale):
    """Return the tall dense path."""
    rng = np.random.default_rng(1)
    X = _ar_columns(rng, _scaled(100_000, scale), _scaled(500, scale))
    ptr = np.arange(0, X.shape[1] + 1, 10)
    y = _response(rng, X, ptr, _scaled(10, scale, 2), 3.0)
    return _make("B", "tall dense, groups of 10, path", X, y, ptr, _path(50, 100))


def problem_c(scale):
    """Return the path over uneven groups of strongly correlated columns."""
    rng = np.random.default_rng(2)
    n, p = _scaled(200, scale, 40), _scaled(20_000, scale)
    ptr = _uneven_groups(rng, p, 200)
    shared = rng.standard_normal((n, len(ptr) - 1))
    X = np.sqrt(0.9) * np.repeat(shared, np.diff(ptr), axis=1)
    X += np.sqrt(0.1) * rng.standard_normal((n, p))
    y = _response(rng, X, ptr, _scaled(10, scale, 3), 3.0)
    text = "dense, uneven groups of 1..200, correlation .9 inside, path"
    return _make("C", text, np.asfortranarray(X), y, ptr, _path(50, 50))


def problem_f(scale):
    """Return the sparse path."""
    rng = np.random.default_rng(3)
    n, p = _scaled(20_000, scale), _scaled(100_000, scale)
    X = sparse.random(
        n, p, max(1e-3, 10 / n), "csc", rng=rng, data_rvs=rng.standard_normal
    )
    ptr = np.arange(0, p + 1, 10)
    y = _response(rng, X, ptr, _scaled(20, scale, 3), 3.0)
    return _make("F", "CSC, groups of 10, path", X, y, ptr, _path(20, 20))


def problem_g(scale, name="G", text="10 outputs, row groups, AR(.5) columns, path"):
    """Return the path with several outputs."""
    rng = np.random.default_rng(4)
    X = _ar_columns(rng, _scaled(500, scale), _scaled(5_000, scale))
    ptr = np.arange(X.shape[1] + 1)
    y = _response(rng, X, ptr, _scaled(20, scale, 3), 3.0, n_outputs=10)
    return _make(name, text, X, y, ptr, _path(50, 100))


def problem_g1(scale):
    """Return G at one alpha."""
    g = problem_g(scale, "G1", "G, one alpha")
    return _with(g, alphas=g.alphas[:1] / 20)


def problem_h(scale, name="H", text="A's data, groups of one feature (lasso), path"):
    """Return the lasso path on A's data."""
    a = problem_a(scale)
    return _make(name, text, a.X, a.y, np.arange(a.X.shape[1] + 1), _path(50, 100))


def problem_h1(scale):
    """Return H at one alpha."""
    h = problem_h(scale, "H1", "H, one alpha")
    return _with(h, alphas=h.alphas[:1] / 20)


PROBLEMS = {
    "A": problem_a,
    "A20": problem_a20,
    "A1": problem_a1,
    "B": problem_b,
    "C": problem_c,
    "F": problem_f,
    "G": problem_g,
    "G1": problem_g1,
    "H": problem_h,
    "H1": problem_h1,
}


def _make(name, text, X, y, ptr, path):
    """Weigh the groups by the root of their size and scale the path by alpha_max."""
    weights = np.sqrt(np.diff(ptr))
    problem = Problem(name, text, X, y, ptr, weights, path)
    return _with(problem, alphas=problem.alpha_max * path)


def _with(problem, **changes):
    return Problem(**{**problem.__dict__, **changes})


def _path(n_alphas, depth):
    return np.geomspace(1.0, 1.0 / depth, n_alphas)


def _scaled(size, scale, least=50):
    """Shrink a size, in multiples of ten above the least."""
    return size if scale == 1 else max(least, int(size * scale) // 10 * 10)


def _ar_columns(rng, n, p, rho=0.5):
    """Draw rows of a stationary AR(1) process over the columns."""
    noise = rng.standard_normal((n, p))
    noise[:, 1:] *= np.sqrt(1 - rho**2)
    return np.asfortranarray(lfilter([1.0], [1.0, -rho], noise, axis=1))


def _uneven_groups(rng, p, largest):
    """Cut p columns into groups of uniformly drawn sizes 1..largest."""
    cuts = np.cumsum(rng.integers(1, largest + 1, size=p))
    return np.concatenate([[0], cuts[cuts < p], [p]])


def _response(rng, X, ptr, n_active, snr, n_outputs=None):
    """Draw y = X b + noise: b lives on n_active groups, var(X b) = snr var(noise)."""
    shape = (X.shape[1],) if n_outputs is None else (X.shape[1], n_outputs)
    coef = np.zeros(shape)
    for g in rng.choice(len(ptr) - 1, n_active, replace=False):
        block = coef[ptr[g] : ptr[g + 1]]
        block[:] = rng.standard_normal(block.shape)
    signal = X @ coef
    noise = rng.standard_normal(signal.shape)
    return signal + noise * np.sqrt(signal.var() / (snr * noise.var())) + 1.0
