"""The documentation: pages, and ``python -m doc.build``, which makes the site."""
