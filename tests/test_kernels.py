"""Sweeps against slow twins, and structs whose source may change under the cache."""

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import linalg, sparse

import naive
import skstruct
from penalty_cases import EXAMPLES, layout_of
from skstruct.kernels.sparse_sweeps import sparse_sweep
from skstruct.kernels.sweeps import gradients, sweep

SIZES = [4, 1, 3, 5]
PTR = np.concatenate([[0], np.cumsum(SIZES)])
ORDER = np.array([2, 0, 3])  # not all blocks, and not in order
ALPHA = 0.6
WEIGHTS = np.array([1.0, 2.0, 0.5, 1.5])

every_penalty = pytest.mark.parametrize("example", EXAMPLES)
several_outputs = pytest.mark.parametrize("q", [1, 3])


def prepared(rows, penalty):
    """Rotated rows Z, the transforms, and h, h_ptr, lipschitz as kernels want them."""
    blocks, transforms, curvatures = [], [], []
    for start, end in itertools.pairwise(PTR):
        part, V = rows[start:end], np.eye(end - start)
        if penalty.is_rotation_invariant:
            V = np.linalg.eigh(part @ part.T).eigenvectors
        H = V.T @ part @ part.T @ V
        blocks.append(V.T @ part)
        transforms.append(V)
        curvatures.append(np.diag(H).copy() if penalty.is_rotation_invariant else H)
    h = np.concatenate([c.ravel() for c in curvatures])
    h_ptr = np.concatenate([[0], np.cumsum([c.size for c in curvatures])])
    lipschitz = np.array([np.linalg.norm(b, 2) ** 2 for b in blocks])
    return np.concatenate(blocks), transforms, (h, h_ptr, lipschitz)


def converged_sweeps(run, penalty):
    """One sweep where minimize is exact; sweeps of single blocks, repeated, if not."""
    is_exact = penalty.is_rotation_invariant and penalty.is_convex
    repeats = 1 if is_exact else 60
    return [run(np.array([g])) for g in ORDER for _ in range(repeats)]


def start(penalty, q, seed=0, n=20):
    rng = np.random.default_rng(seed)
    rows, Y = rng.normal(size=(PTR[-1], n)), rng.normal(size=(q, n)) * 3
    C = penalty.project(rng.normal(size=(PTR[-1], q)))
    C[PTR[3] :] = 0
    return rows, Y, C


def expected_sweep(Z, Y, C, bound):
    def prox(v, step, g):
        v = v.copy()
        bound.prox(v, step, g)
        return v

    return naive.sweep(Z, Y, C, PTR, prox, ORDER)


@every_penalty
@several_outputs
@pytest.mark.parametrize("is_gram", [False, True])
def test_sweep_is_block_coordinate_descent(example, q, is_gram):
    penalty = example.resolve(layout_of(SIZES))
    rows, Y, C = start(penalty, q)
    Z, _, curvature = prepared(rows, penalty)
    bound = penalty.bind(WEIGHTS, ALPHA)
    expected = expected_sweep(Z, Y, C, bound)
    held = Z @ Z.T if is_gram else Z
    R = (Y - C.T @ Z) @ Z.T if is_gram else Y - C.T @ Z
    nothing = np.empty((q, 0)), *2 * (np.empty((0, 0)),), np.empty((1, len(Z), 0))

    changes = converged_sweeps(
        lambda order: sweep(
            held, is_gram, R, *nothing, C, PTR, *curvature, bound, order
        ),
        penalty,
    )
    assert_allclose(C, expected, atol=1e-7)
    left = Y - expected.T @ Z
    assert_allclose(R, left @ Z.T if is_gram else left, atol=1e-5)
    assert np.max(changes) > 0
    assert expected[PTR[2] : PTR[3]].any()


@every_penalty
@several_outputs
@pytest.mark.parametrize("n_projected", [0, 2])
def test_sparse_sweep_is_the_dense_sweep_of_the_projected_design(
    example, q, n_projected
):
    penalty = example.resolve(layout_of(SIZES))
    rng = np.random.default_rng(1)
    rows, Y, C = start(penalty, q)
    rows[rng.uniform(size=rows.shape) < 0.6] = 0
    n = rows.shape[1]
    Q = np.linalg.qr(rng.normal(size=(n, n_projected)))[0].T
    without = np.eye(n) - Q.T @ Q
    Z, transforms, curvature = prepared(rows @ without, penalty)
    bound = penalty.bind(WEIGHTS, ALPHA)
    expected = expected_sweep(Z, Y @ without, C, bound)

    W = sparse.csc_array(rows.T)
    T = np.concatenate([V.ravel() for V in transforms])
    T_ptr = np.concatenate([[0], np.cumsum([V.size for V in transforms])])
    data = (W.data, W.indices.astype("i8"), W.indptr.astype("i8"), T, T_ptr, PTR)
    R = Y @ without - (linalg.block_diag(*transforms) @ C).T @ rows
    M, A = (rows @ Q.T)[None], np.ascontiguousarray(R @ Q.T)
    FK = np.empty((0, 0)), np.empty((0, 0))

    converged_sweeps(
        lambda order: sparse_sweep(
            *data, R, A, *FK, M, C, PTR, *curvature, bound, order
        ),
        penalty,
    )
    assert_allclose(C, expected, atol=1e-7)
    assert_allclose(R - A @ Q, Y @ without - expected.T @ Z, atol=1e-6)


@several_outputs
def test_gradients_of_some_blocks(q):
    rng = np.random.default_rng(0)
    Z, R = rng.normal(size=(PTR[-1], 20)), rng.normal(size=(q, 20))
    out = np.full((PTR[-1], q), 7.0)
    gradients(Z, R, PTR, ORDER, out)
    expected = Z @ R.T
    expected[PTR[1] : PTR[2]] = 7.0
    assert_allclose(out, expected)


# --- an edit reaches the answer although the cache is warm ----------------------------

USERS_MODULE = """
from typing import NamedTuple

from skstruct.kernels.prox import clip_negative
from skstruct.kernels.struct import struct


@struct
class Mine(NamedTuple):
    factor: float

    def minimize(self, h, lipschitz, u, g, c, scratch):
        pass

    def prox(self, v, step, g):
        for i in range(v.shape[0]):
            v[i, 0] *= 2.0 * self.factor
        clip_negative(v)
"""

KERNEL = """
from typing import NamedTuple

from numba import njit

from skstruct.kernels.struct import struct


@struct
class Around(NamedTuple):
    inner: tuple

    def prox(self, v, step, g):
        self.inner.prox(v, step, g)


@njit(cache=True)
def kernel(penalty, v):
    penalty.prox(v, 1.0, 0)
"""

RUN = """
import numpy as np
from users import Mine
from kernel import Around, kernel
v = np.array([[1.0], [-1.0]])
w = v.copy()
kernel(Mine(3.0), v)
kernel(Around(Mine(0.5)), w)
print(*v.ravel(), *w.ravel(), sum(kernel.stats.cache_hits.values()))
"""

REDEFINED = """

@njit(**JIT)
def clip_negative(v):
    for i in range(v.shape[0]):
        v[i, 0] = max(v[i, 0], -5.0)
"""


def test_an_edited_penalty_or_helper_gives_its_new_answer(tmp_path):
    package = tmp_path / "skstruct"
    shutil.copytree(Path(skstruct.__file__).parent, package)
    users = tmp_path / "users.py"
    users.write_text(USERS_MODULE)
    (tmp_path / "kernel.py").write_text(KERNEL)
    env = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
    }

    def answer():
        run = [sys.executable, "-W", "error", "-c", RUN]
        done = subprocess.run(run, env=env, capture_output=True, text=True, cwd="/")
        assert done.returncode == 0, done.stderr
        return [float(word) for word in done.stdout.split()]

    assert answer() == [6, 0, 1, 0, 0]
    assert answer() == [6, 0, 1, 0, 2]  # the cache is warm, ...
    users.write_text(USERS_MODULE.replace("2.0 * self", "4.0 * self"))
    assert answer() == [12, 0, 2, 0, 0]  # ... and not believed
    helpers = package / "kernels" / "prox.py"
    helpers.write_text(helpers.read_text() + REDEFINED)
    assert answer() == [12, -5, 2, -2, 0]
    # A class that is gone must not spoil the cache for the others.
    users.write_text(USERS_MODULE.replace("Mine", "Yours") + "\n\nMine = Yours\n")
    assert answer() == [6, -5, 1, -1, 0]
