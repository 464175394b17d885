"""The overlapping group lasso, for numbers and for classes."""

from skstruct.linear_model.classifier import GroupClassifier
from skstruct.linear_model.docs import shared_docs
from skstruct.linear_model.families import OverlappingGroupLassoFamily
from skstruct.linear_model.one_alpha import FitAtOneAlpha
from skstruct.linear_model.partial import PartialFit
from skstruct.linear_model.regressor import GroupRegressor


@shared_docs
class OverlappingGroupLasso(
    OverlappingGroupLassoFamily, PartialFit, FitAtOneAlpha, GroupRegressor
):
    r"""Linear regression whose groups may share features.

    Minimises, over coefficients B and intercept b,

    .. math::

        \frac{1}{\sum_i s_i} \sum_i s_i \, \ell(y_i, o_i + x_i^\top B + b)
        + \alpha \, \Omega(B)

    with sample weights s, offsets o and group weights w. The loss is :math:`\ell(y, f)
    = \lVert y - f \rVert^2 / 2` unless `loss` says otherwise; its class has the
    formula. With ``overlap="latent"``, :math:`\Omega` is the least :math:`\sum_g w_g
    \lVert V_g \rVert_F` of all sums :math:`B = \sum_g V_g` in which :math:`V_g` is zero
    outside g, so that the features selected are a union of groups (Jacob, Obozinski and
    Vert, 2009). With "intersection" it is :math:`\sum_g w_g \lVert B_g \rVert_F`, and
    the features left out are a union of groups (Jenatton, Audibert and Bach, 2011);
    "tree" is the same for groups that are nested or disjoint (Zhao, Rocha and Yu,
    2009).

    Parameters
    ----------
    {alpha}
    {groups}
    {overlap}
    {loss}
    {shape}
    {positive}
    {adaptive}
    {relax}
    {solver}
    {warm_start}

    Attributes
    ----------
    {coef}
    {fitted}

    See Also
    --------
    OverlappingGroupLassoCV : Chooses alpha by cross-validation.
    OverlappingGroupLassoIC : Chooses alpha by an information criterion.
    overlapping_group_lasso_path : Solutions for many alphas.

    Notes
    -----
    Solved by block coordinate descent on a growing working set of groups, each block
    minimised as exactly as its penalty allows, with extrapolation; curved losses by
    prox-Newton around it, norms that couple groups by FISTA.
    ``doc/design/solver.md`` has the details.

    References
    ----------
    Jacob, L., Obozinski, G. and Vert, J.-P. (2009). Group lasso with overlap and graph
    lasso. ICML, 433-440.

    Jenatton, R., Audibert, J.-Y. and Bach, F. (2011). Structured variable selection
    with sparsity-inducing norms. JMLR 12, 2777-2824.

    Zhao, P., Rocha, G. and Yu, B. (2009). The composite absolute penalties family for
    grouped and hierarchical variable selection. Annals of Statistics 37, 3468-3497.

    {standardize_references}

    {adaptive_references}

    {relax_references}

    Examples
    --------
    >>> from skstruct import OverlappingGroupLasso
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups = make_group_regression(
    ...     n_samples=100, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> groups = [range(0, 8), range(6, 14), range(12, 18)]
    >>> model = OverlappingGroupLasso(alpha=0.3, groups=groups).fit(X, y)
    >>> print(model.selected_groups_)
    [0 1 2]
    """

    _parameter_constraints: dict = {
        **GroupRegressor._parameter_constraints,
        **OverlappingGroupLassoFamily._parameter_constraints,
        **FitAtOneAlpha._parameter_constraints,
    }

    def __init__(
        self,
        alpha=1.0,
        *,
        groups=None,
        overlap="latent",
        loss="squared_error",
        group_weights=None,
        remainder="error",
        fit_intercept=True,
        standardize="none",
        positive=False,
        adaptive=None,
        gamma=1.0,
        relax=False,
        relax_alpha=0.0,
        tol=1e-4,
        max_iter=10_000,
        warm_start=False,
        verbose=False,
    ):
        self.alpha = alpha
        self.groups = groups
        self.overlap = overlap
        self.loss = loss
        self.group_weights = group_weights
        self.remainder = remainder
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.positive = positive
        self.adaptive = adaptive
        self.gamma = gamma
        self.relax = relax
        self.relax_alpha = relax_alpha
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.verbose = verbose


@shared_docs
class OverlappingGroupLassoClassifier(
    OverlappingGroupLassoFamily, FitAtOneAlpha, GroupClassifier
):
    r"""Linear classification whose groups may share features.

    Minimises, over coefficients B and intercept b,

    .. math::

        \frac{1}{\sum_i s_i} \sum_i s_i \, \ell(y_i, o_i + x_i^\top B + b)
        + \alpha \, \Omega(B)

    with sample weights s, offsets o and group weights w. The loss is :math:`\log(1 +
    e^{-y f})` with y in {-1, 1} for two classes, and the softmax cross-entropy with one
    set of coefficients a class for more. With ``overlap="latent"``, :math:`\Omega` is
    the least :math:`\sum_g w_g \lVert V_g \rVert_F` of all sums :math:`B = \sum_g V_g`
    in which :math:`V_g` is zero outside g, so that the features selected are a union of
    groups (Jacob, Obozinski and Vert, 2009). With "intersection" it is :math:`\sum_g
    w_g \lVert B_g \rVert_F`, and the features left out are a union of groups (Jenatton,
    Audibert and Bach, 2011); "tree" is the same for groups that are nested or disjoint
    (Zhao, Rocha and Yu, 2009).

    Parameters
    ----------
    {class_alpha}
    {groups}
    {overlap}
    {class_weight}
    {shape}
    {positive}
    {adaptive}
    {relax}
    {solver}
    {warm_start}

    Attributes
    ----------
    {class_coef}
    {fitted}

    See Also
    --------
    OverlappingGroupLassoClassifierCV : Chooses alpha by cross-validation.
    OverlappingGroupLassoClassifierIC : Chooses alpha by an information criterion.

    Notes
    -----
    Solved by block coordinate descent on a growing working set of groups, each block
    minimised as exactly as its penalty allows, with extrapolation; curved losses by
    prox-Newton around it, norms that couple groups by FISTA.
    ``doc/design/solver.md`` has the details.

    References
    ----------
    Jacob, L., Obozinski, G. and Vert, J.-P. (2009). Group lasso with overlap and graph
    lasso. ICML, 433-440.

    Jenatton, R., Audibert, J.-Y. and Bach, F. (2011). Structured variable selection
    with sparsity-inducing norms. JMLR 12, 2777-2824.

    Zhao, P., Rocha, G. and Yu, B. (2009). The composite absolute penalties family for
    grouped and hierarchical variable selection. Annals of Statistics 37, 3468-3497.

    {standardize_references}

    {adaptive_references}

    {relax_references}

    Examples
    --------
    >>> from skstruct import OverlappingGroupLassoClassifier
    >>> from skstruct.datasets import make_group_classification
    >>> X, y, groups = make_group_classification(
    ...     n_samples=200, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> groups = [range(0, 8), range(6, 14), range(12, 18)]
    >>> model = OverlappingGroupLassoClassifier(alpha=0.05, groups=groups).fit(X, y)
    >>> print(model.selected_groups_)
    [0 1 2]
    """

    _parameter_constraints: dict = {
        **GroupClassifier._parameter_constraints,
        **OverlappingGroupLassoFamily._parameter_constraints,
        **FitAtOneAlpha._parameter_constraints,
    }

    def __init__(
        self,
        alpha=0.01,
        *,
        groups=None,
        overlap="latent",
        class_weight=None,
        group_weights=None,
        remainder="error",
        fit_intercept=True,
        standardize="none",
        positive=False,
        adaptive=None,
        gamma=1.0,
        relax=False,
        relax_alpha=0.0,
        tol=1e-4,
        max_iter=10_000,
        warm_start=False,
        verbose=False,
    ):
        self.alpha = alpha
        self.groups = groups
        self.overlap = overlap
        self.class_weight = class_weight
        self.group_weights = group_weights
        self.remainder = remainder
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.positive = positive
        self.adaptive = adaptive
        self.gamma = gamma
        self.relax = relax
        self.relax_alpha = relax_alpha
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.verbose = verbose
