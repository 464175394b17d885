"""Made data with a known model: which groups matter, and how much.

The pieces are in `_draw.py`; here they are put together and documented.
"""

import numpy as np
from sklearn.utils import check_random_state

from skstruct.datasets._checks import (
    check_bias,
    check_group_sizes,
    check_int,
    check_n_informative,
    check_option,
    check_real,
)
from skstruct.datasets._draw import (
    draw_coefs,
    draw_features,
    draw_labels,
    draw_order,
    scatter,
    signal_variance,
)

_DEFAULT_N_GROUPS = 20


def make_group_regression(
    n_samples=100,
    n_groups=None,
    group_size=5,
    *,
    n_informative_groups=5,
    n_targets=1,
    sparsity_within=0.0,
    correlation=0.0,
    correlation_structure="within",
    bias=0.0,
    noise=1.0,
    snr=None,
    shuffle_groups=True,
    contiguous=True,
    coef=False,
    random_state=None,
):
    """Make a regression problem in which few groups of features matter.

    ``y = X @ coef + bias + noise * e``, with X Gaussian of mean 0 and variance 1, e
    standard Gaussian, and coef zero outside `n_informative_groups` groups.

    Parameters
    ----------
    n_samples : int, default=100
        Number of rows.
    n_groups : int or None, default=None
        Number of groups. None means 20 if `group_size` is an int, else the number of
        sizes given.
    group_size : int or array-like of int of shape (n_groups,), default=5
        Number of features in every group, or in each.
    n_informative_groups : int, default=5
        Number of groups with a non-zero coefficient; at most the number of groups.
    n_targets : int, default=1
        Number of targets. All targets share the support (the non-zero rows of coef).
    sparsity_within : float in [0, 1], default=0.0
        Fraction of an informative group's features whose coefficient is zero. A group
        of k features keeps ``max(1, round((1 - sparsity_within) * k))`` of them.
    correlation : float, default=0.0
        Correlation rho of the features, see `correlation_structure`.
    correlation_structure : {"within", "ar1"}, default="within"
        - "within": two features of one group have correlation rho, features of
          different groups none; rho in [0, 1).
        - "ar1": features i and j have correlation ``rho ** abs(i - j)``, across the
          borders of groups; rho in (-1, 1). With ``contiguous=False``, i and j count
          before the features are scattered.
    bias : float or array-like of shape (n_targets,), default=0.0
        Intercept.
    noise : float, default=1.0
        Standard deviation of the noise. Not used if `snr` is given.
    snr : float or None, default=None
        Signal-to-noise ratio. If given, the noise's standard deviation is
        ``sqrt(coef.T @ Sigma @ coef / snr)`` for each target, where Sigma is the
        features' (population) covariance: the variance of the signal is `snr` times
        that of the noise.
    shuffle_groups : bool, default=True
        If True, the informative groups are drawn at random. If False, they are the
        first ones.
    contiguous : bool, default=True
        If True, the features of a group are adjacent. If False, the columns are
        scattered at random, `groups` and `coef` with them.
    coef : bool, default=False
        If True, also return the coefficients.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same data at each call.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        The features; n_features is the sum of the groups' sizes.
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)
        The target(s).
    groups : ndarray of int of shape (n_features,)
        The group of each feature, from 0 to n_groups - 1.
    coef : ndarray of shape (n_features,) or (n_features, n_targets)
        The coefficients. Only returned if ``coef=True``.

    See Also
    --------
    make_group_classification : The same for class labels.
    sklearn.datasets.make_regression : Without groups.

    Notes
    -----
    Each non-zero coefficient is drawn uniformly from [0.5, 1.5] and given a random
    sign, so that none is close to zero and the support is well defined.

    The model (support, coefficients, places of the columns) is drawn before the
    data: with the same int as `random_state`, it is the same for any `n_samples`,
    `correlation`, `bias`, `noise` and `snr`.

    References
    ----------
    .. [1] Yuan, M. and Lin, Y. (2006). Model selection and estimation in regression
       with grouped variables. Journal of the Royal Statistical Society B, 68(1),
       49-67.
    .. [2] Hastie, T., Tibshirani, R. and Tibshirani, R. (2020). Best subset, forward
       stepwise or lasso? Statistical Science, 35(4), 579-592. (signal-to-noise ratio)

    Examples
    --------
    >>> import numpy as np
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups, coef = make_group_regression(
    ...     n_samples=50, n_groups=4, group_size=3, n_informative_groups=2,
    ...     shuffle_groups=False, snr=5, coef=True, random_state=0)
    >>> X.shape, y.shape
    ((50, 12), (50,))
    >>> groups
    array([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
    >>> np.unique(groups[coef != 0])
    array([0, 1])
    """
    n_samples = check_int("n_samples", n_samples, 1)
    n_targets = check_int("n_targets", n_targets, 1)
    bias = check_bias(bias, n_targets, f"n_targets={n_targets}")
    noise = check_real("noise", noise, 0, np.inf, closed="left")
    if snr is not None:
        snr = check_real("snr", snr, 0, np.inf, closed="neither")
    sizes, n_informative_groups, sparsity_within, correlation = _check_design(
        n_groups,
        group_size,
        n_informative_groups,
        sparsity_within,
        correlation,
        correlation_structure,
    )
    if snr is not None and n_informative_groups == 0:
        raise ValueError(
            f"snr={snr} needs a signal, but n_informative_groups=0. Pass "
            "n_informative_groups >= 1, or leave snr=None and set noise."
        )
    rng = check_random_state(random_state)

    coefs = draw_coefs(
        rng, sizes, n_targets, n_informative_groups, sparsity_within, shuffle_groups
    )
    order = draw_order(rng, sizes, contiguous)
    X = draw_features(rng, n_samples, sizes, correlation, correlation_structure)
    if snr is not None:
        variance = signal_variance(coefs, sizes, correlation, correlation_structure)
        noise = np.sqrt(variance / snr)
    y = X @ coefs + bias + noise * rng.standard_normal((n_samples, n_targets))
    if n_targets == 1:
        y, coefs = y[:, 0], coefs[:, 0]
    return scatter(X, y, sizes, coefs, order, coef)


def make_group_classification(
    n_samples=100,
    n_groups=None,
    group_size=5,
    *,
    n_informative_groups=5,
    n_classes=2,
    sparsity_within=0.0,
    correlation=0.0,
    correlation_structure="within",
    bias=0.0,
    class_sep=3.0,
    flip_y=0.0,
    shuffle_groups=True,
    contiguous=True,
    coef=False,
    random_state=None,
):
    """Make a classification problem in which few groups of features matter.

    The labels are drawn from a logistic model, ``P(y = 1) = expit(X @ coef + bias)``,
    or for more than two classes ``P(y = k) = softmax(X @ coef + bias)[k]``, with X
    Gaussian of mean 0 and variance 1, and coef zero outside `n_informative_groups`
    groups.

    Parameters
    ----------
    n_samples : int, default=100
        Number of rows.
    n_groups : int or None, default=None
        Number of groups. None means 20 if `group_size` is an int, else the number of
        sizes given.
    group_size : int or array-like of int of shape (n_groups,), default=5
        Number of features in every group, or in each.
    n_informative_groups : int, default=5
        Number of groups with a non-zero coefficient; at most the number of groups.
    n_classes : int, default=2
        Number of classes. All classes share the support (the non-zero rows of coef).
    sparsity_within : float in [0, 1], default=0.0
        Fraction of an informative group's features whose coefficient is zero. A group
        of k features keeps ``max(1, round((1 - sparsity_within) * k))`` of them.
    correlation : float, default=0.0
        Correlation rho of the features, see `correlation_structure`.
    correlation_structure : {"within", "ar1"}, default="within"
        - "within": two features of one group have correlation rho, features of
          different groups none; rho in [0, 1).
        - "ar1": features i and j have correlation ``rho ** abs(i - j)``, across the
          borders of groups; rho in (-1, 1). With ``contiguous=False``, i and j count
          before the features are scattered.
    bias : float or array-like of shape (n_classes,), default=0.0
        Intercept of the logit (two classes: a float) or of each class's logit (more
        than two; the same number for all has no effect). Makes classes unbalanced.
    class_sep : float, default=3.0
        How well the features tell the classes apart: the standard deviation of the
        logit ``X @ coef`` in the population; for more than two classes the root mean
        square of the classes' standard deviations. 0 makes the labels independent of
        X.
    flip_y : float in [0, 1], default=0.0
        Probability that a label is replaced by one drawn uniformly from all classes.
    shuffle_groups : bool, default=True
        If True, the informative groups are drawn at random. If False, they are the
        first ones.
    contiguous : bool, default=True
        If True, the features of a group are adjacent. If False, the columns are
        scattered at random, `groups` and `coef` with them.
    coef : bool, default=False
        If True, also return the coefficients.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same data at each call.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        The features; n_features is the sum of the groups' sizes.
    y : ndarray of int of shape (n_samples,)
        The labels, from 0 to n_classes - 1. With few samples a class may be absent.
    groups : ndarray of int of shape (n_features,)
        The group of each feature, from 0 to n_groups - 1.
    coef : ndarray of shape (n_features,) or (n_features, n_classes)
        The coefficients, scaled to `class_sep`: of the logit of class 1 (two classes)
        or of each class's logit; these sum to zero over the classes. Only returned if
        ``coef=True``.

    See Also
    --------
    make_group_regression : The same for a continuous target.
    sklearn.datasets.make_classification : Without groups.

    Notes
    -----
    Before they are scaled, the non-zero coefficients are drawn uniformly from
    [0.5, 1.5] and given a random sign; with more than two classes each row is then
    centred. The model (support, coefficients, places of the columns) is drawn before
    the data: with the same int as `random_state`, it is the same for any `n_samples`,
    `bias` and `flip_y`, and but for its scale for any `correlation` and `class_sep`.

    References
    ----------
    .. [1] Meier, L., van de Geer, S. and Bühlmann, P. (2008). The group lasso for
       logistic regression. Journal of the Royal Statistical Society B, 70(1), 53-71.

    Examples
    --------
    >>> import numpy as np
    >>> from skstruct.datasets import make_group_classification
    >>> X, y, groups, coef = make_group_classification(
    ...     n_samples=60, group_size=[2, 3, 4], n_informative_groups=1, n_classes=3,
    ...     shuffle_groups=False, coef=True, random_state=0)
    >>> X.shape, coef.shape
    ((60, 9), (9, 3))
    >>> groups
    array([0, 0, 1, 1, 1, 2, 2, 2, 2])
    >>> np.unique(y)
    array([0, 1, 2])
    """
    n_samples = check_int("n_samples", n_samples, 1)
    n_classes = check_int("n_classes", n_classes, 2)
    n_logits = 1 if n_classes == 2 else n_classes
    bias = check_bias(bias, n_logits, f"one per logit, n_classes={n_classes}")
    class_sep = check_real("class_sep", class_sep, 0, np.inf, closed="left")
    flip_y = check_real("flip_y", flip_y, 0, 1)
    sizes, n_informative_groups, sparsity_within, correlation = _check_design(
        n_groups,
        group_size,
        n_informative_groups,
        sparsity_within,
        correlation,
        correlation_structure,
    )
    rng = check_random_state(random_state)

    coefs = draw_coefs(
        rng, sizes, n_logits, n_informative_groups, sparsity_within, shuffle_groups
    )
    if n_logits > 1:
        coefs -= coefs.mean(axis=1, keepdims=True)
    variance = signal_variance(coefs, sizes, correlation, correlation_structure)
    if n_informative_groups > 0:
        coefs *= class_sep / np.sqrt(variance.mean())
    order = draw_order(rng, sizes, contiguous)
    X = draw_features(rng, n_samples, sizes, correlation, correlation_structure)
    y = draw_labels(rng, X @ coefs + bias, n_classes, flip_y)
    if n_logits == 1:
        coefs = coefs[:, 0]
    return scatter(X, y, sizes, coefs, order, coef)


def _check_design(
    n_groups,
    group_size,
    n_informative_groups,
    sparsity_within,
    correlation,
    correlation_structure,
):
    """Check what both generators share; return it with the sizes as an array."""
    sizes = check_group_sizes(n_groups, group_size, _DEFAULT_N_GROUPS)
    n_informative_groups = check_n_informative(n_informative_groups, sizes.size)
    sparsity_within = check_real("sparsity_within", sparsity_within, 0, 1)
    structure = check_option(
        "correlation_structure", correlation_structure, ("within", "ar1")
    )
    low, closed = (0, "left") if structure == "within" else (-1, "neither")
    name = f"correlation (with correlation_structure={structure!r})"
    correlation = check_real(name, correlation, low, 1, closed=closed)
    return sizes, n_informative_groups, sparsity_within, correlation
