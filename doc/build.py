"""Build the site: ``python -m doc.build`` in the root of a clone.

Needs the extra ``doc``. The examples run; warnings are errors, and so are links of the
built pages that lead nowhere. ``--fast`` leaves the examples out.
"""

import argparse
import sys
from pathlib import Path

from sphinx.cmd.build import main as sphinx_build

from doc.site_links import broken_links

DOC = Path(__file__).resolve().parent


def build(fast=False):
    """Build ``doc/_build/html``; return the exit status."""
    out = DOC / "_build" / ("fast" if fast else "html")
    options = ["-W", "--keep-going", "-q", "-b", "html"]
    if fast:
        options += ["-D", "plot_gallery=0"]
    status = sphinx_build([*options, str(DOC), str(out)])
    if status != 0:
        return status
    if broken := broken_links(out):
        print("Links that lead nowhere:", *broken, sep="\n  ")
        return 1
    print(f"The site starts at {out / 'index.html'}")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fast", action="store_true", help="without running examples")
    sys.exit(build(parser.parse_args().fast))
