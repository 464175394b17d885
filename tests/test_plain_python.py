"""Kernels are plain Python too: without compilation they give the same numbers."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.testing import assert_allclose

from penalty_cases import EXAMPLES, layout_of
from skstruct.penalties import PENALTIES

COUPLED = [
    cls(**params)
    for cls, examples in PENALTIES.values()
    for params in examples
    if not cls.is_block_separable
]


def numbers_of_structs():
    for case in EXAMPLES:
        penalty = case.values[0].resolve(layout_of([3, 1, 1]))
        struct = penalty.bind([1.0, 1.0, 1.0], 0.3)
        v = np.arange(6.0).reshape(3, 2)
        struct.prox(v, 0.5, 0)
        c, h = np.ones((1, 1)), np.array([2.0])
        struct.minimize(h, 2.0, np.array([[1.5]]), 0, c, np.empty((1, 1)))
        rows = np.arange(10.0).reshape(5, 2)
        polar = penalty.polar(rows, np.array([0, 3, 4, 5]), np.ones(3))
        yield [*v.ravel(), *c.ravel(), *polar]


def numbers_of_norms():
    layout = layout_of([2, 3, 1])
    for penalty in COUPLED:
        norm = penalty.resolve(layout).bind(layout, np.arange(6))
        v = np.arange(-3.0, 9.0).reshape(6, 2)
        yield [*norm.prox(v, 0.5).ravel(), norm.polar(v)]


RUN = """
from test_plain_python import numbers_of_norms, numbers_of_structs
for numbers in (numbers_of_structs, numbers_of_norms):
    print(*(number for row in numbers() for number in row))
"""


def test_structs_and_norms_run_without_compilation():
    path = [str(Path(__file__).parent), *filter(None, sys.path)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path), "NUMBA_DISABLE_JIT": "1"}
    run = [sys.executable, "-W", "error", "-c", RUN]
    done = subprocess.run(run, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    structs, norms = (np.array(line.split(), dtype=float) for line in lines)
    compiled = np.array(list(numbers_of_structs()))
    assert compiled.shape == (len(EXAMPLES), 10)
    assert_allclose(structs, compiled.ravel(), rtol=1e-12)
    compiled = np.array(list(numbers_of_norms()))
    assert compiled.shape == (len(COUPLED), 13)
    assert_allclose(norms, compiled.ravel(), rtol=1e-9)
