"""Sums whose order does not depend on where their terms are computed.

Floating point sums depend on their order. Terms are therefore always added along the
same tree, given by their number alone: eight neighbours at a time, each time from left
to right.
"""

_FAN_IN = 8


def tree_sum(terms, start, join, close):
    """Add up terms along the tree.

    Parameters
    ----------
    terms : iterable
        At least one.
    start : callable
        ``start(term)`` returns a node that holds one term.
    join : callable
        ``join(node, term)`` returns the node with another term.
    close : callable
        ``close(node)`` returns the sum of a node's terms, a term of the next level.

    Returns
    -------
    term or None
        The sum; None of no terms.
    """
    levels = []
    for term in terms:
        for level in range(len(levels) + 1):
            if level == len(levels):
                levels.append((0, None))
            levels[level] = _grown(levels[level], term, start, join)
            if levels[level][0] < _FAN_IN:
                break
            term = close(levels[level][1])
            levels[level] = (0, None)
    rest = None
    for size, node in levels:
        if rest is not None:
            size, node = _grown((size, node), rest, start, join)
        if size:
            rest = close(node)
    return rest


def _grown(node, term, start, join):
    size, held = node
    return size + 1, (start(term) if size == 0 else join(held, term))


def added(terms):
    """Return the sum of a list of terms, from left to right."""
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
