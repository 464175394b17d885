"""From judged runs to markdown: time to a given accuracy, and ratios.

Suboptimality is relative to F*, the best objective that any run of any library
reached at that alpha, and so only known when all have run.
"""

import numpy as np

from benchmarks.libraries import OURS

TARGETS = (
    ("1e-4", "subopt", 1e-4),
    ("1e-8", "subopt", 1e-8),
    ("certified 1e-6", "gap", 1e-6),
)
NOT_REACHED = "-"


class Verdict:
    """The outcomes of all libraries on one problem, judged against each other."""

    def __init__(self, problem, description, outcomes):
        self.problem = problem
        self.description = description
        self.outcomes = [outcome for outcome in outcomes if outcome.supported]
        runs = [run for outcome in self.outcomes for run in outcome.runs]
        if runs:
            self.best = np.min([run.objectives for run in runs], axis=0)
            self.bound = np.max([run.duals for run in runs], axis=0)

    def subopt(self, run):
        """Return the worst relative suboptimality of a run's path."""
        return float(np.max(run.objectives - self.best))

    def gap(self, run):
        """Return the worst relative duality gap of a run's path."""
        return run.gap

    def time_to(self, outcome, measure, target):
        """Return the least CPU seconds in which the target was reached, or None."""
        value = getattr(self, measure)
        times = [run.seconds for run in outcome.runs if value(run) < target]
        return min(times, default=None)

    def ratio(self, measure, target):
        """Return our time, the fastest peer's time and its name, each maybe None."""
        times = {o.library: self.time_to(o, measure, target) for o in self.outcomes}
        ours = times.pop(OURS, None)
        reached = {name: time for name, time in times.items() if time is not None}
        peer = min(reached, key=reached.get, default=None)
        return ours, reached.get(peer), peer


def header(info, settings):
    """Return the machine, the versions and the settings."""
    versions = ", ".join(f"{name} {v}" for name, v in info["versions"].items())
    return (
        f"{info['processor']}, {info['cores']} cores, one used. {versions}.\n"
        f"Settings: {settings}. CPU seconds, median of the repeats."
    )


def table(verdict):
    """Return one problem's table, with its errors and timeouts underneath."""
    lines = [f"### {verdict.problem}: {verdict.description}", ""]
    if hasattr(verdict, "best"):
        known = float(np.max(verdict.best - verdict.bound))
        lines += [f"F* (best objective of any run) is certified to {known:.1e}.", ""]
    columns = [name for name, *_ in TARGETS]
    columns += ["default: s", "subopt", "gap", "first fit cold / cached"]
    lines += _row("library", *columns), "|---" * (len(columns) + 1) + "|"
    lines += [_outcome_row(verdict, outcome) for outcome in verdict.outcomes]
    return "\n".join([*lines, "", *_notes(verdict)])


def ratios(verdicts):
    """Return the last table: how many times faster than the fastest peer we are."""
    columns = ["problem"] + [name for name, *_ in TARGETS]
    lines = [f"### Times faster than the fastest peer ({OURS})", ""]
    lines += _row(*columns), "|---" * len(columns) + "|"
    for verdict in verdicts:
        cells = [_ratio_cell(*verdict.ratio(*target)) for _, *target in TARGETS]
        lines.append(_row(verdict.problem, *cells))
    return "\n".join(lines)


def _row(*cells):
    return "| " + " | ".join(cells) + " |"


def _outcome_row(verdict, outcome):
    cells = [_seconds(verdict.time_to(outcome, *target)) for _, *target in TARGETS]
    errors = [f for f in outcome.failures if not f.is_timeout]
    if errors and not outcome.runs:
        cells = ["error"] * len(cells)
    if run := outcome.default:
        cells += [
            _seconds(run.seconds),
            f"{verdict.subopt(run):.0e}",
            f"{verdict.gap(run):.0e}",
        ]
    else:
        failed = any(error.tol is None for error in errors)
        cells += ["error" if failed else NOT_REACHED] * 3
    fits = " / ".join(_seconds(first["fit"]) for first in outcome.first_fits[:2])
    return _row(outcome.library, *cells, fits or NOT_REACHED)


def _notes(verdict):
    """Say what failed, and at which tolerance."""
    notes = []
    for outcome in verdict.outcomes:
        for failure in outcome.failures:
            where = "default settings" if failure.tol is None else failure.tol
            what = failure.message.strip().splitlines()[-1]
            notes.append(f"- {outcome.library}, tol {where}: {what}")
    return [*notes, ""] if notes else []


def _seconds(time):
    return NOT_REACHED if time is None else f"{time:.3g}"


def _ratio_cell(ours, peer, name):
    if ours is None:
        return f"{NOT_REACHED} (peer {name} {peer:.3g} s)" if peer else NOT_REACHED
    if peer is None:
        return f"no peer ({ours:.3g} s)"
    return f"{peer / ours:.2f} ({name} {peer:.3g} s, {ours:.3g} s)"
