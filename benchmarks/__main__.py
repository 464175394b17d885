"""Command line: ``python -m benchmarks --problems A,C``."""

import os

# one thread for all, before anything numerical is imported (children inherit it)
for _name in ("OPENBLAS", "OMP", "MKL", "NUMBA", "BLIS", "VECLIB"):
    os.environ[f"{_name}_NUM_THREADS"] = "1"

import argparse  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from dataclasses import asdict  # noqa: E402
from pathlib import Path  # noqa: E402

from benchmarks.libraries import LIBRARIES  # noqa: E402
from benchmarks.machine import machine  # noqa: E402
from benchmarks.problems import PROBLEMS  # noqa: E402
from benchmarks.report import Verdict, header, ratios, table  # noqa: E402
from benchmarks.runner import race  # noqa: E402
from benchmarks.worker import Task  # noqa: E402


def main(arguments=None):
    """Race the libraries, print markdown and write JSON."""
    options = _parser().parse_args(arguments)
    info = machine()
    print(header(info, _settings(options)), end="\n\n", flush=True)
    verdicts = []
    for name in options.problems:
        verdict = _race_all(name, options)
        verdicts.append(verdict)
        print(table(verdict), flush=True)
        if options.output:
            _write(options.output, info, options, verdicts)
    print(ratios(verdicts))


def _race_all(name, options):
    outcomes = []
    for library in options.libraries:
        print(f"{name}: {library}", file=sys.stderr, flush=True)
        task = Task(library, name, options.scale, options.repeats, options.timeout)
        outcomes.append(race(task, options.per_decade))
    return Verdict(name, PROBLEMS[name](options.scale).describe(), outcomes)


def _write(path, info, options, verdicts):
    """Write all runs, alpha by alpha, to a JSON file."""
    content = {
        "machine": info,
        "settings": _settings(options),
        "problems": {
            verdict.problem: {
                "description": verdict.description,
                "outcomes": [asdict(outcome) for outcome in verdict.outcomes],
            }
            for verdict in verdicts
        },
    }
    path.write_text(json.dumps(content, indent=1))


def _settings(options):
    return (
        f"scale {options.scale:g}, repeats {options.repeats}, timeout "
        f"{options.timeout:g} s a fit, {options.per_decade} tolerance(s) per decade"
    )


def _parser():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--problems", type=_names(PROBLEMS), default=["A", "C"], help="default A,C")
    add("--libraries", type=_names(LIBRARIES), default=[*LIBRARIES], help="default all")
    add("--scale", type=float, default=1.0, help="shrink the problems (smoke tests)")
    add("--repeats", type=int, default=3, help="fits per setting, their median counts")
    add(
        "--timeout", type=float, default=60.0, help="wall seconds that one fit may take"
    )
    add("--per-decade", type=int, default=1, help="tolerances per factor of ten")
    add("--output", type=Path, help="JSON file for all runs")
    return parser


def _names(known):
    """Return a parser of comma-separated names."""

    def parse(text):
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(
                f"unknown {', '.join(unknown)}; choose from {', '.join(known)}"
            )
        return names

    return parse


if __name__ == "__main__":
    main()
