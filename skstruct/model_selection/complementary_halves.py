"""Random splits of samples into two halves."""

import numpy as np


def complementary_halves(rows, classes, n_pairs, rng):
    """Split rows at random into two halves of one size, many times.

    Parameters
    ----------
    rows : (m,) integer array
        The rows to split; if m is odd, each split leaves one of them out at random.
    classes : array of a value for each sample, or None
        If given, halves have as nearly as possible half of the rows of each class.
    n_pairs : int
        Number of splits.
    rng : RandomState
        Draws them.

    Returns
    -------
    list of integer arrays
        The halves, ascending, of one split after the other.

    Raises
    ------
    ValueError
        If there is one row only, or one of some class.
    """
    if len(rows) < 2:
        raise ValueError(
            f"Samples are to be split in halves, which cannot be done with "
            f"n_samples={len(rows)} of positive weight."
        )
    labels = np.zeros(len(rows)) if classes is None else classes[rows]
    values, counts = np.unique(labels, return_counts=True)
    if counts.min() < 2:
        raise ValueError(
            f"class {values[np.argmin(counts)]} has one sample of positive weight, "
            "and both halves need one: leave the class out, or merge it."
        )
    # The row left out must not be one of two of a class.
    in_odd_class = np.isin(labels, values[counts % 2 == 1])
    halves = []
    for _ in range(n_pairs):
        order = rng.permutation(len(rows))
        if len(rows) % 2:
            order = np.delete(order, np.argmax(in_odd_class[order]))
        # By class, in random order inside: every other row goes to one half.
        order = order[np.argsort(labels[order], kind="stable")]
        halves += [np.sort(rows[order[k::2]]) for k in (0, 1)]
    return halves
