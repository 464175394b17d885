"""From what users say to a layout."""

from typing import Any

import numpy as np

from skstruct.groups.checks import add_remainder, check_groups, check_remainder
from skstruct.groups.features import Features
from skstruct.groups.layout import GroupLayout
from skstruct.groups.parse import parse_groups
from skstruct.groups.parsed import ParsedGroups
from skstruct.groups.weights import resolve_weights


def make_layout(
    groups: Any,
    n_features: int,
    *,
    feature_names: Any = None,
    weights: Any = None,
    remainder: str = "error",
    overlap: bool = False,
) -> GroupLayout:
    """Turn groups as users say them into a validated layout.

    Parameters
    ----------
    groups : None, int, labels, list of collections, dict, callable or GroupLayout
        - None: each feature is its own group, called by its name, else its index.
        - int k: consecutive blocks of k features, called 0, 1, ...; k must divide
          `n_features`.
        - labels of shape (n_features,): features with the same label are a group,
          next to each other or not. Any hashables in a list, tuple, range, 1-D
          ndarray, or pandas or polars object. None, NaN and NA: in no group. Groups
          come in sorted order of the labels (as ``classes_``) if these can be sorted
          together, else in order of first appearance. Whole floats become ints. A
          pandas Series whose index holds the feature names in another order is
          aligned to them.
        - list or tuple of collections (list, tuple, set, range, slice, ndarray,
          pandas Index, ...): the members of each group, called 0, 1, ... in the order
          given. Members are integer indices, column names or a boolean mask of
          length `n_features`. A list of tuples is a list of groups; to use tuples as
          labels, pass a pandas MultiIndex or a 1-D object ndarray.
        - dict name -> members, as above, or one column name, one index, or a regular
          expression: a str that is no column of X must match whole names
          (``re.fullmatch``), a compiled pattern any part (``.search``).
        - callable: called with the feature names, an object ndarray of shape
          (n_features,) ("x0", "x1", ... if X has none), returns any other form.
        - GroupLayout: taken as it is, with its weights unless `weights` is given.
    n_features : int
        Number of features of X.
    feature_names : array-like of str of shape (n_features,), default=None
        Column names of X, None if it has none.
    weights : array-like of shape (n_groups,), dict or pandas Series, default=None
        Weights in the order of the groups (with or without those for the
        remainder), or by group name. The default, also of the groups that a dict or
        a named Series leaves out, is the square root of the group's size. 0 leaves a
        group unpenalised. Messages call it ``group_weights``, as the estimators do.
    remainder : {"error", "singletons", "unpenalized"}, default="error"
        What to do with features in no group: raise, make each its own group, called
        by its name, else its index (followed by " (feature)" if a group is called
        that), or put all of them in one group "unpenalized" of weight 0.
    overlap : bool, default=False
        Whether a feature may be in several groups.

    Returns
    -------
    layout : GroupLayout
        Groups in the order described, those for the remainder last.

    Raises
    ------
    ValueError
        If groups or weights do not fit the features or each other. The message names
        what is at fault and says the way out.
    TypeError
        If groups, members or weights are of a type that has no meaning here.

    Examples
    --------
    >>> from skstruct.groups import make_layout
    >>> make_layout(2, 6).feature_groups()
    [array([0, 1]), array([2, 3]), array([4, 5])]

    >>> names = ["age", "sex_f", "sex_m", "bmi"]
    >>> layout = make_layout(
    ...     {"sex": "sex_.*", "body": ["age", "bmi"]}, 4, feature_names=names
    ... )
    >>> layout.names
    ('sex', 'body')
    >>> layout.feature_groups()
    [array([1, 2]), array([0, 3])]

    >>> layout = make_layout(
    ...     lambda names: [name.split("_")[0] for name in names],
    ...     4,
    ...     feature_names=names,
    ...     weights={"sex": 3.0},
    ... )
    >>> layout.names, layout.weights
    (('age', 'bmi', 'sex'), array([1., 1., 3.]))

    >>> layout = make_layout([[0, 1]], 4, remainder="unpenalized")
    >>> layout.names, layout.weights.round(3)
    ((0, 'unpenalized'), array([1.414, 0.   ]))
    """
    check_remainder(remainder)
    features = Features(n_features, feature_names)
    given = check_groups(parse_groups(groups, features), features, overlap)
    full = add_remainder(given, features, remainder)
    if full is given and weights is None and isinstance(groups, GroupLayout):
        return groups  # immutable, so it can be shared
    default = default_weights(given, full, remainder)
    weights = resolve_weights(weights, full.names, default, len(given.names))
    return GroupLayout(features.n, full.ptr, full.indices, weights, tuple(full.names))


def default_weights(
    given: ParsedGroups, full: ParsedGroups, remainder: str
) -> np.ndarray:
    """Weights where the user says none: sqrt(size), 0 for "unpenalized"."""
    weights = np.sqrt(full.sizes)
    n_given = len(given.names)
    if given.weights is not None:
        weights[:n_given] = given.weights
    if remainder == "unpenalized":
        weights[n_given:] = 0.0
    return weights
