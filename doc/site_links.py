"""Links of the built site: each leads to a page and an anchor that are there.

What a page needs to be seen (pictures, scripts, styles) has to be in the site, so that
it can be read without a network.
"""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """Anchors of a page, where its links lead, and the files that it needs."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.links, self.needs = {""}, set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Take down what a tag says of anchors, links and files."""
        found = dict(attrs)
        self.anchors |= {found.get("id"), found.get("name")}
        if tag == "a" and found.get("href"):
            self.links.add(found["href"])
        if tag in ("img", "script") and found.get("src"):
            self.needs.add(found["src"])
        if tag == "link" and found.get("rel") == "stylesheet":
            self.needs.add(found["href"])


def broken_links(site):
    """Return a line for each link or file of the site's pages that leads nowhere."""
    site = Path(site).resolve()
    pages = {
        path: Page(path.read_text(encoding="utf-8"))
        for path in site.rglob("*.html")
        if "_static" not in path.parts
    }
    broken = []
    for path, page in pages.items():
        for target in sorted(page.links | page.needs):
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                is_fine = target in page.links or parts.scheme == "data"
            else:
                there = path.parent / unquote(parts.path) if parts.path else path
                there = there.resolve()
                anchors = pages[there].anchors if there in pages else {""}
                is_fine = there.exists() and unquote(parts.fragment) in anchors
            if not is_fine:
                broken.append(f"{path.relative_to(site)}: {target}")
    return broken
