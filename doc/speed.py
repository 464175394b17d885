"""The picture of the speed comparison, from the recorded table of benchmarks/README.md.

``python -m doc.speed picture.png`` draws it; building the site does so too.
"""

import math
import re
import sys
from pathlib import Path

TABLE = Path(__file__).resolve().parent.parent / "benchmarks" / "README.md"
HEADING = "### Times faster than the fastest peer"
CELL = re.compile(r"(?P<ratio>[\d.]+) \((?P<peer>[\w-]+) ")


def read_ratios(text):
    """Return the targets, and for each problem what was reached, by target.

    That is (ratio, peer), (inf, "") if no peer got there, None if nobody did.
    """
    section = text.split(HEADING, 1)[1].split("\n###", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    header, _, *body = rows
    found = {}
    for problem, *cells in body:
        found[problem] = [read_cell(cell) for cell in cells]
    return header[1:], found


def read_cell(cell):
    """Return what a cell of the table says."""
    if cell.startswith("no peer"):
        return math.inf, ""
    match = CELL.match(cell)
    return match and (float(match["ratio"]), match["peer"])


def draw(path):
    """Draw how many times faster than the fastest peer, by problem and accuracy."""
    from matplotlib.figure import Figure

    targets, ratios = read_ratios(TABLE.read_text(encoding="utf-8"))
    figure = Figure(figsize=(9, 4.6), layout="constrained")
    axes = figure.subplots(1, len(targets), sharex=True, sharey=True)
    for ax, column, target in zip(axes, range(len(targets)), targets, strict=True):
        for row, cells in enumerate(ratios.values()):
            ratio, peer = cells[column] or (math.inf, "")
            if ratio == math.inf:
                who = "no peer" if cells[column] else "nobody"
                ax.text(1.1, row, f"{who} got there", va="center", fontsize=7)
                continue
            color = "C0" if ratio >= 1 else "C3"
            ax.barh(row, ratio - 1, left=1, color=color, height=0.6)
            side = {"ha": "left"} if ratio >= 1 else {"ha": "right"}
            shift = 1.06 if ratio >= 1 else 1 / 1.06
            ax.text(ratio * shift, row, peer, va="center", fontsize=7, **side)
        ax.axvline(1, color="black", linewidth=0.8)
        ax.set_title(f"to {target}" if target[0] == "1" else target, fontsize=10)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_xscale("log", base=2)
    axes[0].set_xlim(0.2, 16)
    axes[0].set_xticks([0.5, 1, 2, 4, 8], ["½", "1", "2", "4", "8"])
    axes[0].set_yticks(range(len(ratios)), list(ratios))
    axes[0].invert_yaxis()
    figure.supxlabel(
        "Times as fast as the fastest other library, which is named", fontsize=9
    )
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    draw(sys.argv[1] if len(sys.argv) > 1 else "speed.png")
