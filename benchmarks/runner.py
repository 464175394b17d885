"""The parent: starts a child per library and problem, and ends it when it is stuck."""

import multiprocessing
import os
import tempfile
import traceback
from dataclasses import dataclass, field, replace

from benchmarks.libraries import library
from benchmarks.worker import Run, work

SETUP_TIMEOUT = 600.0  # seconds for what is not a fit: imports, data, judging


@dataclass
class Failure:
    """A fit that did not end, or ended in an error."""

    tol: float | str | None  # None: default settings; "setup": outside any fit
    message: str
    is_timeout: bool = False


@dataclass
class Outcome:
    """All that one library did on one problem."""

    library: str
    problem: str
    supported: bool = True
    sweep: list = field(default_factory=list)
    default: Run | None = None
    first_fits: list = field(default_factory=list)  # cold, then cached
    failures: list = field(default_factory=list)

    @property
    def runs(self):
        """Return the runs of the sweep and at default settings."""
        return self.sweep + ([self.default] if self.default else [])


def race(task, per_decade):
    """Run one library on one problem: first fits, default settings, then the sweep."""
    outcome = Outcome(task.library, task.problem)
    try:
        adapter = library(task.library)
    except Exception:
        outcome.failures.append(Failure("setup", traceback.format_exc()))
        return outcome
    sweep = tuple(adapter.tolerances(per_decade))
    with tempfile.TemporaryDirectory() as cache:
        os.environ["NUMBA_CACHE_DIR"] = cache
        if adapter.compiles:
            _converse(replace(task, probe=True), outcome)
        if outcome.supported and not outcome.failures:
            _converse(replace(task, tolerances=(None, *sweep)), outcome)
        if [failure.tol for failure in outcome.failures] == [None]:
            _converse(replace(task, tolerances=sweep), outcome)
    return outcome


def _converse(task, outcome):
    """Start a child, listen to it, and stop it at the timeout of one fit."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=work, args=(task, theirs), daemon=True)
    child.start()
    theirs.close()
    try:
        _listen(task, ours, child, outcome)
    finally:
        child.kill()
        child.join()


def _listen(task, connection, child, outcome):
    limit, tol = SETUP_TIMEOUT, "setup"
    while connection.poll(limit):
        try:
            kind, content = connection.recv()
        except EOFError:
            child.join()
            message = f"the process died with exit code {child.exitcode}"
            outcome.failures.append(Failure(tol, message))
            return
        if kind == "start":
            limit, tol = task.timeout, content
        elif kind == "end":
            limit = SETUP_TIMEOUT
        elif kind == "finished":
            return
        else:
            _record(kind, content, tol, outcome)
    outcome.failures.append(Failure(tol, f"not done in {limit:g} s", is_timeout=True))


def _record(kind, content, tol, outcome):
    if kind == "unsupported":
        outcome.supported = False
    elif kind == "first_fit":
        outcome.first_fits.append(content)
    elif kind == "error":
        outcome.failures.append(Failure(tol, content))
    elif content["tol"] is None:
        outcome.default = Run(**content)
    else:
        outcome.sweep.append(Run(**content))
