"""Settings of sphinx; ``python -m doc.build`` runs it."""

import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")  # the same digits everywhere

import skstruct  # noqa: E402
from doc.gallery_parts import left_out  # noqa: E402
from doc.reference_pages import write_reference  # noqa: E402
from doc.speed import draw  # noqa: E402

project = "skstruct"
author = "The skstruct developers"
copyright = f"2026, {author}"
version = release = skstruct.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "doc.mathml",
]
exclude_patterns = ["_build", "_templates", "images/README.md"]
templates_path = ["_templates"]

# -- pages ---------------------------------------------------------------------

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
html_math_renderer = "mathml"
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

(ROOT / "doc" / "generated").mkdir(exist_ok=True)
draw(ROOT / "doc" / "generated" / "speed.png")

# -- reference -----------------------------------------------------------------

autosummary_generate = True
autodoc_typehints = "none"  # types are in the docstrings
numpydoc_show_class_members = False  # the template lists methods
write_reference(ROOT / "doc" / "reference")


def skip_member(app, what, name, thing, skip, options):
    """Leave out methods that scikit-learn documents: its pages have them."""
    module = getattr(thing, "__module__", None) or ""
    if module.partition(".")[0] == "sklearn":
        return True
    return None


def setup(app):
    """Tell sphinx what to leave out."""
    app.connect("autodoc-skip-member", skip_member)


# -- gallery -------------------------------------------------------------------

NOT_SHOWN = left_out(ROOT / "examples")
for example in NOT_SHOWN:
    print(f"The gallery leaves out {example.name}, as PyTorch is not installed.")
# Pages of theirs from when it was.
exclude_patterns += [f"gallery/{example.stem}.rst" for example in NOT_SHOWN]

sphinx_gallery_conf = {
    "examples_dirs": str(ROOT / "examples"),
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_",
    "ignore_pattern": "|".join(
        [r"__init__\.py", *(re.escape(example.name) for example in NOT_SHOWN)]
    ),
    "within_subsection_order": "FileNameSortKey",
    "remove_config_comments": True,
    "show_memory": False,
    "min_reported_time": 1,
    "write_computation_times": False,
    "capture_repr": (),
    "abort_on_example_error": False,
    "matplotlib_animations": False,
}

# -- looks ---------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "skstruct"
html_show_sourcelink = False
html_use_index = False  # the reference lists all names, and there is the search
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "skstruct"},
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
}
html_sidebars = {page: [] for page in ("index", "tutorial", "compare")}
