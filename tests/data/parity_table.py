"""Print doc/parity.md: our solutions beside the stored ones of other libraries.

Run as ``PYTHONPATH=tests python tests/data/parity_table.py > doc/parity.md``.
"""

import numpy as np

from test_parity import STORED, objective, solved

HEAD = """# Our numbers beside those of other libraries

One row a solution stored in `tests/data/parity.json`, with the call that made it;
`tests/test_parity.py` checks them all, by the constants of
[Converting alpha, weights and scaling](conversions.md). *Objective* is by how much the
other library's objective is above ours, as a
share of ours, computed by formulas that are neither's; *coefficients* is the largest
difference of a coefficient, as a share of the largest one. Libraries stop where they
stop: the differences are theirs. glmnet is R's own. R's
grpreg, gglasso and sparsegl could not be installed where these numbers were made;
`tests/test_references.py` compares with the printed output of grpreg's manual.

| library | problem | objective | coefficients |
|---|---|---|---|"""


def main():
    """Print the page."""
    print(HEAD)
    for result in STORED["results"]:
        asked = STORED["problems"][result["problem"]]
        ours, b = solved(result["problem"])
        theirs, their_b = np.array(result["coef"]), np.array(result["intercept"])
        gap = np.abs(ours - theirs).max() / np.abs(theirs).max()
        excess = "-"  # a latent norm is itself a minimum
        if asked["penalty"] != "latent_overlap":
            value = objective(asked, ours, b)
            excess = f"{(objective(asked, theirs, their_b) - value) / abs(value):.0e}"
        library = f"{result['library']} {result['version']}"
        print(f"| {library} | {result['problem']} | {excess} | {gap:.0e} |")


if __name__ == "__main__":
    main()
