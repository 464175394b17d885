"""Scores of classifiers from how often they took one class for another.

That is all that passes over the rows bring back. A scorer that looks at predicted
labels cannot tell it from the rows: it is given one row for each pair of classes, with
the number of rows as its weight.
"""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import check_scoring

from skstruct.streams import RowsNeeded


class _Counted(ClassifierMixin, BaseEstimator):
    """A classifier that predicts the class whose number is the only feature."""

    def __init__(self, classes):
        self.classes = classes

    @property
    def classes_(self):
        """The classes."""
        return self.classes

    def predict(self, X):
        """Return the classes."""
        return self.classes_[X[:, 0]]


def check_label_scorer(scoring, classes):
    """Raise a `RowsNeeded` unless a scorer looks at labels alone.

    Parameters
    ----------
    scoring : str or callable
        As scikit-learn takes it.
    classes : (k,) array
        The classes.
    """
    ones = np.ones((1, 1, len(classes), len(classes)))
    # Functions of (estimator, X, y) may look at X, which would be none.
    is_scorer = isinstance(scoring, str) or hasattr(scoring, "set_score_request")
    reason = "a function of rows"
    if is_scorer:
        try:
            label_scores(scoring, classes, ones, ones)
            return
        except (AttributeError, TypeError) as error:
            reason = str(error).split("\n", 1)[0]
    raise RowsNeeded(
        f"scoring={scoring!r} needs rows ({reason}). Where they are read in chunks, "
        "all that is known of held-out rows is how many of one class are classified as "
        "another: use scoring=None, minus the mean deviance, or a scorer of labels "
        "that takes sample_weight, such as 'accuracy', 'balanced_accuracy' or "
        "'f1_macro'."
    )


def label_scores(scoring, classes, counts, weights):
    """Return scores (n_folds, A) of confusion matrices.

    Parameters
    ----------
    scoring : str or callable
        As scikit-learn takes it.
    classes : (k,) array
        The classes.
    counts, weights : (n_folds, A, k, k) arrays
        How many rows, and of what weight, are of one class and classified as another.
    """
    model = _Counted(np.asarray(classes))
    scorer = check_scoring(model, scoring=scoring)
    scores = np.empty(counts.shape[:2])
    for place in np.ndindex(scores.shape):
        true, predicted = np.nonzero(counts[place])
        scores[place] = scorer(
            model,
            predicted[:, None],
            model.classes_[true],
            sample_weight=weights[place][true, predicted],
        )
    return scores
