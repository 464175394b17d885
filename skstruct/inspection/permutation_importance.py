"""How much worse a model gets when the columns of a group are shuffled together."""

from numbers import Integral
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.metrics import check_scoring
from sklearn.utils import Bunch, check_array, check_random_state
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.random import sample_without_replacement

from skstruct._compat import safe_indexing
from skstruct.groups import make_layout
from skstruct.pipeline.table import input_groups, model_and_head
from skstruct.pipeline.trace import input_names
from skstruct.pipeline.wrapped import contains_groups


def group_permutation_importance(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    groups: Any = None,
    scoring: Any = None,
    n_repeats: int = 5,
    n_jobs: int | None = None,
    random_state: Any = None,
    sample_weight: Any = None,
    max_samples: float = 1.0,
) -> Bunch:
    """Measure the importance of groups of columns by shuffling their rows together.

    The importance of a group is the score on X minus the score once the rows of its
    columns, all by the same permutation, have been shuffled (Breiman, 2001): relations
    inside the group stay, those to the target and to other columns are cut. Of a
    pipeline, the columns are those of raw X.

    Parameters
    ----------
    estimator : estimator
        Any fitted estimator that scores: a model, a pipeline, a search.
    X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
        Data, as the estimator's `predict` takes them.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        Target.
    groups : None, int, labels, list, dict or callable, default=None
        Groups of columns of X, which may overlap, in any form that the estimators'
        `groups` takes; columns in no group are groups of their own. None takes the
        groups of the model inside the estimator: of a model on X itself, its groups;
        behind transformers, the column that a group is called after, else the columns
        that its features are made of. Without such a model, each column is a group.
    scoring : str, callable, list, tuple, dict or None, default=None
        One scorer or several, as in :func:`sklearn.metrics.check_scoring`; None is the
        estimator's `score`.
    n_repeats : int, default=5
        How often to shuffle each group. All groups see the same permutations.
    n_jobs : int or None, default=None
        Number of jobs, over groups.
    random_state : int, RandomState instance or None, default=None
        Draws permutations and, with `max_samples`, rows.
    sample_weight : array-like of shape (n_samples,), default=None
        Sample weights, for the scorer.
    max_samples : int or float, default=1.0
        Number, or share, of rows that are drawn without replacement for the shuffled
        scores.

    Returns
    -------
    sklearn.utils.Bunch
        With attributes

        - importances_mean, importances_std : ndarray of shape (n_groups,);
        - importances : ndarray of shape (n_groups, n_repeats);
        - group_names : ndarray of shape (n_groups,);
        - groups : list of ndarray of int, the columns of each group.

        With several scorers, a dict of the scorers' names and such Bunches.

    Raises
    ------
    ValueError
        If `groups`, `n_repeats` or `max_samples` make no sense.

    See Also
    --------
    group_deviance_share : What groups explain, without shuffling.
    sklearn.inspection.permutation_importance : The same for single columns.

    Notes
    -----
    For groups of one column, and the same `random_state`, the numbers are those of
    scikit-learn's function. Groups that other groups can stand in for look less
    important than they are.

    References
    ----------
    Breiman, L. (2001). Random forests. Machine Learning 45(1), 5-32.

    Examples
    --------
    >>> from skstruct import GroupLasso, group_permutation_importance
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups = make_group_regression(
    ...     n_samples=100, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> model = GroupLasso(alpha=0.3, groups=groups).fit(X, y)
    >>> result = group_permutation_importance(model, X, y, random_state=0)
    >>> (result.importances_mean > 0).tolist()
    [False, False, True, False, False, True]
    """
    X = as_columns(X)
    n_samples = X.shape[0]
    if not isinstance(n_repeats, Integral) or n_repeats < 1:
        raise ValueError(f"n_repeats={n_repeats!r} must be an int of at least 1.")
    n_drawn = drawn_rows(max_samples, n_samples)
    names, columns = groups_of_columns(estimator, X, groups)
    scorer = check_scoring(estimator, scoring=scoring)
    baseline = scored(scorer, estimator, X, y, sample_weight)

    # As scikit-learn does: one seed for all columns, rows first, then permutations.
    random = check_random_state(random_state)
    random = np.random.RandomState(random.randint(np.iinfo(np.int32).max + 1))
    if n_drawn < n_samples:
        rows = sample_without_replacement(n_samples, n_drawn, random_state=random)
        X = safe_indexing(X, rows)
        y = None if y is None else safe_indexing(y, rows)
        if sample_weight is not None:
            sample_weight = safe_indexing(sample_weight, rows)
    orders = permutations(random, n_drawn, n_repeats)
    scores = Parallel(n_jobs=n_jobs)(
        delayed(shuffled_scores)(scorer, estimator, X, y, sample_weight, own, orders)
        for own in columns
    )
    if not isinstance(baseline, dict):
        return summary(baseline, np.array(scores), names, columns)
    return Bunch(
        **{
            key: summary(
                value,
                np.array([[score[key] for score in own] for own in scores]),
                names,
                columns,
            )
            for key, value in baseline.items()
        }
    )


def as_columns(X: Any) -> Any:
    """Return X with columns to take: a data frame as it is, else an array."""
    if hasattr(X, "iloc") or hasattr(X, "with_columns"):
        return X
    X = check_array(
        X, accept_sparse=["csc", "csr"], dtype=None, ensure_all_finite="allow-nan"
    )
    return X.tocsc() if sparse.issparse(X) else X


def drawn_rows(max_samples: float, n_samples: int) -> int:
    """Return the number of rows that `max_samples` stands for."""
    n_drawn = max_samples
    if not isinstance(max_samples, Integral):
        n_drawn = int(max_samples * n_samples) if 0 < max_samples <= 1 else 0
    if not 1 <= n_drawn <= n_samples:
        raise ValueError(
            f"max_samples={max_samples!r} must be a number of rows from 1 to "
            f"{n_samples}, or a share in (0, 1] that makes at least one."
        )
    return int(n_drawn)


def groups_of_columns(
    estimator: Any, X: Any, groups: Any
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return names and columns of the groups to shuffle."""
    names = list(map(str, X.columns)) if hasattr(X, "columns") else None
    if groups is None and contains_groups(estimator):
        model, head = model_and_head(estimator)
        if head is None:
            return model.group_names_, list(model.groups_)
        place = {name: i for i, name in enumerate(input_names(head))}
        own = [
            np.array([place[name]]) if name in place else needed
            for name, needed in zip(
                model.group_names_.tolist(), input_groups(estimator), strict=True
            )
        ]
        filled = [g for g, columns in enumerate(own) if len(columns)]
        return model.group_names_[filled], [own[g] for g in filled]
    layout = make_layout(
        groups, X.shape[1], feature_names=names, remainder="singletons", overlap=True
    )
    return layout.names_array(), layout.feature_groups()


def scored(scorer: Any, estimator: Any, X: Any, y: Any, sample_weight: Any) -> Any:
    """Return the score, or dict of scores; without weights if there are none."""
    if sample_weight is None:
        return scorer(estimator, X, y)
    return scorer(estimator, X, y, sample_weight=sample_weight)


def permutations(random: Any, n_rows: int, n_repeats: int) -> list[np.ndarray]:
    """Draw orders of rows, each a shuffle of the one before."""
    shuffle, order, orders = np.arange(n_rows), np.arange(n_rows), []
    for _ in range(n_repeats):
        random.shuffle(shuffle)
        order = order[shuffle]
        orders.append(order)
    return orders


def shuffled_scores(
    scorer: Any,
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any,
    columns: np.ndarray,
    orders: list[np.ndarray],
) -> list:
    """Return the score for each order of the rows of some columns."""
    return [
        scored(scorer, estimator, with_shuffled(X, columns, order), y, sample_weight)
        for order in orders
    ]


def with_shuffled(X: Any, columns: np.ndarray, order: np.ndarray) -> Any:
    """Copy X with the rows of some columns in another order."""
    if sparse.issparse(X):
        both = sparse.hstack([X, X[:, columns][order]], format="csc")
        places = np.arange(X.shape[1])
        places[columns] = X.shape[1] + np.arange(len(columns))
        return both[:, places]
    if hasattr(X, "with_columns"):
        names = [X.columns[i] for i in columns]
        return X.with_columns(X[names][order].get_columns())
    other = X.copy()
    if hasattr(X, "iloc"):
        for i in columns:
            other.isetitem(int(i), X.iloc[order, int(i)].set_axis(X.index))
    else:
        other[:, columns] = X[np.ix_(order, columns)]
    return other


def summary(
    baseline: float, scores: np.ndarray, names: np.ndarray, columns: list[np.ndarray]
) -> Bunch:
    """Return the importances from the scores of shuffled columns."""
    importances = baseline - scores
    return Bunch(
        importances_mean=importances.mean(axis=1),
        importances_std=importances.std(axis=1),
        importances=importances,
        group_names=names,
        groups=columns,
    )
