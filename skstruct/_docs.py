"""Entries that several docstrings share, written once."""

import re
import textwrap


def fill_docs(entries):
    """Return a decorator that fills ``{name}`` lines of docstrings with entries.

    Parameters
    ----------
    entries : dict of str to str
        What each name stands for.
    """

    def decorate(thing):
        def entry(match):
            text = entries[match["name"]].strip("\n")
            return f"{textwrap.indent(text, match['indent'])}\n"

        if thing.__doc__:  # there is none under python -OO
            pattern = r"^(?P<indent> *)\{(?P<name>\w+)\}\n"
            thing.__doc__ = re.sub(pattern, entry, thing.__doc__, flags=re.MULTILINE)
        return thing

    return decorate
