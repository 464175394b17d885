"""The documents: code runs and prints what they say, links lead somewhere."""

import contextlib
import importlib
import io
import math
import re
from importlib.util import find_spec
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pytest

import skstruct
from doc import speed
from doc.gallery_parts import left_out
from doc.reference_pages import module_page
from doc.site_links import broken_links

matplotlib.use("Agg")

ROOT = Path(__file__).resolve().parent.parent
DOC = ROOT / "doc"
GENERATED = ("_build", "gallery", "generated", "reference")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
PAGES += sorted((ROOT / "benchmarks").glob("*.md"))
PAGES += [
    page
    for page in sorted(DOC.rglob("*.md"))
    if page.relative_to(DOC).parts[0] not in GENERATED
]
# Their snippets call other libraries.
WITH_PEERS = {"doc/conversions.md", "doc/howto/prune-a-pytorch-model.md"}
NUMBER = re.compile(r"-?\d+\.?\d*(?:e[-+]?\d+)?")


def name_of(page):
    return page.relative_to(ROOT).as_posix()


def blocks(text):
    """Return (language, code) of the fenced blocks of a page, in order."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def missing_libraries(code):
    """Return the libraries that a block imports and that are not installed."""
    names = re.findall(r"^(?:import|from) (\w+)", code, re.MULTILINE)
    return [name for name in names if find_spec(name) is None]


def assert_same_output(printed, wanted):
    """Compare word by word; numbers may differ by a hundredth of their size."""
    assert NUMBER.sub("#", printed).split() == NUMBER.sub("#", wanted).split()
    found, told = (
        [float(number) for number in NUMBER.findall(text)] for text in (printed, wanted)
    )
    assert found == pytest.approx(told, rel=1e-2, abs=1e-9)


PAGES_WITH_CODE = [
    page for page in PAGES if "```python" in page.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("page", PAGES_WITH_CODE, ids=name_of)
def test_code_runs_and_prints_what_the_page_says(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # pages save pictures
    names = {"__name__": "page"}
    printed = ""
    for language, code in blocks(page.read_text(encoding="utf-8")):
        if language == "text":
            assert_same_output(printed, code)
        if language != "python":
            continue
        if missing := missing_libraries(code):
            assert name_of(page) in WITH_PEERS, f"needs {missing}"
            continue
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(code, name_of(page), "exec"), names)
        printed = out.getvalue()
    plt.close("all")


# -- links ---------------------------------------------------------------------


def links(text):
    """Return the targets of Markdown links and images, outside of code."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"`[^`]*`", "``", prose)
    return re.findall(r"\]\(([^)\s]+)\)", prose)


def anchors(page):
    """Return the anchors of a page's headings, as GitHub and myst make them."""
    text = re.sub(
        r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    headings = re.findall(r"^#+ +(.*)$", text, re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    for target in links(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            assert re.fullmatch(r"https://[\w.-]+\.\w+(/[^\s]*)?", target), target
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if path != "generated/speed.png":  # drawn when the site is built
            assert file.exists(), f"{name_of(page)} links to {target}"
        if anchor:
            assert anchor in anchors(file), f"{name_of(page)} links to {target}"


def test_links_of_the_built_site_are_checked(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "a b.png").touch()
    (tmp_path / "index.html").write_text(
        '<h1 id="top"><a href="#top">1</a><a href="deep/page.html#there">2</a>'
        '<img src="a%20b.png"><img src="data:image/png;base64,"></h1>'
        '<a href="https://example.org/x#y">3</a><a href="deep/page.html#gone">4</a>'
        '<script src="https://example.org/x.js"></script><a href="#gone">5</a>'
    )
    (tmp_path / "deep" / "page.html").write_text(
        '<p id="there"><a href="../index.html#top">1</a><img src="gone.png"></p>'
    )
    assert sorted(broken_links(tmp_path)) == [
        "deep/page.html: gone.png",
        "index.html: #gone",
        "index.html: deep/page.html#gone",
        "index.html: https://example.org/x.js",
    ]


def test_examples_without_their_library_are_left_out(tmp_path):
    (tmp_path / "a.py").write_text("import numpy\nimport not_there\n")
    (tmp_path / "b.py").write_text("from not_there.nn import x\n")
    (tmp_path / "c.py").write_text('"""import not_there"""\nimport numpy\n')
    found = [file.name for file in left_out(tmp_path, ["not_there", "numpy"])]
    assert found == ["a.py", "b.py"]
    assert left_out(tmp_path, ["numpy"]) == []


# -- reference -----------------------------------------------------------------


def test_reference_has_every_public_name():
    pages = {name: module_page(f"skstruct.{name}") for name in skstruct._SUBMODULES}
    for module, page in pages.items():
        for name in importlib.import_module(f"skstruct.{module}").__all__:
            assert re.search(rf"^(   |\.\. autodata:: ){name}$", page, re.MULTILINE)
    for name, module in skstruct._PUBLIC.items():
        assert module.removeprefix("skstruct.") in pages
        assert name in importlib.import_module(module).__all__


def test_speed_picture_has_the_recorded_ratios(tmp_path):
    targets, ratios = speed.read_ratios(speed.TABLE.read_text(encoding="utf-8"))
    assert targets == ["1e-4", "1e-8", "certified 1e-6"]
    assert len(ratios) >= 10
    text = """### Times faster than the fastest peer (skstruct)

| problem | 1e-4 | 1e-8 |
|---|---|---|
| A | 0.52 (adelie 0.475 s, 0.921 s) | 3.33 (adelie-cov 5.49 s, 1.65 s) |
| M | no peer (19.7 s) | - |

### A
"""
    _, ratios = speed.read_ratios(text)
    assert ratios == {
        "A": [(0.52, "adelie"), (3.33, "adelie-cov")],
        "M": [(math.inf, ""), None],
    }
    speed.draw(tmp_path / "speed.png")
    assert (tmp_path / "speed.png").read_bytes().startswith(b"\x89PNG")
