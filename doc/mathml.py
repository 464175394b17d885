"""Formulas as MathML, which browsers draw themselves: no script from elsewhere."""

import re

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml


def mathml(formula, as_block=False):
    r"""Convert LaTeX. ``\frac12`` fails: docutils takes it for 12 over what follows."""
    if re.search(r"frac\s*\d", formula):
        raise ValueError(rf"write \frac{{1}}{{2}} with braces in: {formula}")
    return tex2mathml(formula, as_block)


def inline(writer, node):
    """Write a formula in a line of text."""
    writer.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def block(writer, node):
    """Write a formula that stands by itself."""
    formula = mathml(node.astext(), as_block=True)
    writer.body.append(f'<div class="math">{formula}</div>')
    raise nodes.SkipNode


def setup(app):
    """Tell sphinx of it; ``html_math_renderer = "mathml"`` then takes it."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
