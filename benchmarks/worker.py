"""The child process: one library on one problem, judged, results sent as they come.

Messages to the parent are ``(kind, content)``: "start" before and "end" after every
call into the library (the parent's clock runs between them), "first_fit", "run",
"unsupported", "error" and "finished".
"""

import statistics
import time
import traceback
import warnings
from dataclasses import asdict, dataclass, field

from benchmarks.judge import judge
from benchmarks.libraries import library
from benchmarks.problems import PROBLEMS

TIGHT_ENOUGH = 1e-9  # a certified gap below which the sweep stops
WARM_UP_SCALE = 0.05


@dataclass(frozen=True)
class Task:
    """What a child process is to do; ``tol=None`` is the library's default."""

    library: str
    problem: str
    scale: float
    repeats: int
    timeout: float
    tolerances: tuple = ()
    probe: bool = False  # only the first fit in a new process


@dataclass
class Run:
    """One judged setting: CPU and wall seconds, objectives and dual values."""

    tol: float | None
    seconds: float
    wall: float
    repeats: int
    objectives: list
    duals: list
    warnings: list = field(default_factory=list)

    @property
    def gap(self):
        """Return the worst relative duality gap of the path."""
        return max(p - d for p, d in zip(self.objectives, self.duals, strict=True))


def work(task, connection):
    """Do the task and send what comes of it."""
    try:
        _work(task, connection.send)
    except Exception:
        connection.send(("error", traceback.format_exc()))
    connection.send(("finished", None))


def _work(task, send):
    began = time.process_time()
    adapter = library(task.library)
    imported = time.process_time() - began
    problem = PROBLEMS[task.problem](task.scale)
    if not adapter.supports(problem):
        send(("unsupported", None))
        return
    first = _first_fit(adapter, task)
    send(("first_fit", {"import": imported, "fit": first}))
    if task.probe:
        return
    prepared = adapter.prepare(problem)
    _timed(adapter, prepared, problem.alphas, adapter.loosest, send)
    for tol in task.tolerances:
        run = _run(adapter, prepared, problem, tol, task, send)
        send(("run", asdict(run)))
        if tol is not None and run.gap < TIGHT_ENOUGH:
            return


def _first_fit(adapter, task):
    """Time the first fit of this process, on a small twin of the problem.

    The parent's clock does not run: a compiler may take longer than any fit.
    """
    small = PROBLEMS[task.problem](min(task.scale, WARM_UP_SCALE))
    prepared = adapter.prepare(small)
    loosest = adapter.loosest
    return _timed(adapter, prepared, small.alphas, loosest, send=lambda _: None)[1]


def _run(adapter, prepared, problem, tol, task, send):
    """Fit several times, but not for longer than the timeout in all, and judge."""
    spent, walls = [], []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        while len(spent) < task.repeats and sum(walls) < task.timeout:
            result, seconds, wall = _timed(adapter, prepared, problem.alphas, tol, send)
            spent.append(seconds)
            walls.append(wall)
    objectives, duals = judge(problem, *adapter.unpack(prepared, result))
    return Run(
        tol=tol,
        seconds=statistics.median(spent),
        wall=statistics.median(walls),
        repeats=len(spent),
        objectives=objectives.tolist(),
        duals=duals.tolist(),
        warnings=sorted({f"{w.category.__name__}: {w.message}"[:200] for w in caught}),
    )


def _timed(adapter, prepared, alphas, tol, send):
    """Return the result, CPU seconds and wall seconds of one fit."""
    send(("start", tol))
    wall, cpu = time.perf_counter(), time.process_time()
    result = adapter.fit_path(prepared, alphas, tol)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    send(("end", tol))
    return result, cpu, wall
