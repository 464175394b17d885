"""The sparse group lasso, for numbers and for classes."""

from skstruct.linear_model.classifier import GroupClassifier
from skstruct.linear_model.docs import shared_docs
from skstruct.linear_model.families import SparseGroupLassoFamily
from skstruct.linear_model.one_alpha import FitAtOneAlpha
from skstruct.linear_model.partial import PartialFit
from skstruct.linear_model.regressor import GroupRegressor


@shared_docs
class SparseGroupLasso(
    SparseGroupLassoFamily, PartialFit, FitAtOneAlpha, GroupRegressor
):
    r"""Linear regression with few groups, and few features in each.

    Minimises, over coefficients B and intercept b,

    .. math::

        \frac{1}{\sum_i s_i} \sum_i s_i \, \ell(y_i, o_i + x_i^\top B + b)
        + \alpha \Bigl( \rho \lVert B \rVert_1
        + (1 - \rho) \sum_g w_g \lVert B_g \rVert_F \Bigr)

    with sample weights s, offsets o and group weights w. The loss is :math:`\ell(y, f)
    = \lVert y - f \rVert^2 / 2` unless `loss` says otherwise; its class has the
    formula. :math:`\rho` is `l1_ratio`: groups are dropped as a whole, and features
    within the groups that stay (Simon, Friedman, Hastie and Tibshirani, 2013). The l1
    norm of a group of weight 0 is not penalised either.

    Parameters
    ----------
    {alpha}
    {groups}
    {l1_ratio}
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
    SparseGroupLassoCV : Chooses alpha by cross-validation.
    SparseGroupLassoIC : Chooses alpha by an information criterion.
    sparse_group_lasso_path : Solutions for many alphas.

    Notes
    -----
    Solved by block coordinate descent on a growing working set of groups, each block
    minimised as exactly as its penalty allows, with extrapolation; curved losses by
    prox-Newton around it, norms that couple groups by FISTA.
    ``doc/design/solver.md`` has the details.

    References
    ----------
    Simon, N., Friedman, J., Hastie, T. and Tibshirani, R. (2013). A sparse-group lasso.
    Journal of Computational and Graphical Statistics 22(2), 231-245.

    {standardize_references}

    {adaptive_references}

    {relax_references}

    Examples
    --------
    >>> from skstruct import SparseGroupLasso
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups = make_group_regression(
    ...     n_samples=100, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> model = SparseGroupLasso(alpha=0.3, groups=groups).fit(X, y)
    >>> print(model.selected_groups_)
    [2 5]
    """

    _parameter_constraints: dict = {
        **GroupRegressor._parameter_constraints,
        **SparseGroupLassoFamily._parameter_constraints,
        **FitAtOneAlpha._parameter_constraints,
    }

    def __init__(
        self,
        alpha=1.0,
        *,
        groups=None,
        l1_ratio=0.05,
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
        self.l1_ratio = l1_ratio
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
class SparseGroupLassoClassifier(
    SparseGroupLassoFamily, FitAtOneAlpha, GroupClassifier
):
    r"""Linear classification with few groups, and few features in each.

    Minimises, over coefficients B and intercept b,

    .. math::

        \frac{1}{\sum_i s_i} \sum_i s_i \, \ell(y_i, o_i + x_i^\top B + b)
        + \alpha \Bigl( \rho \lVert B \rVert_1
        + (1 - \rho) \sum_g w_g \lVert B_g \rVert_F \Bigr)

    with sample weights s, offsets o and group weights w. The loss is :math:`\log(1 +
    e^{-y f})` with y in {-1, 1} for two classes, and the softmax cross-entropy with one
    set of coefficients a class for more. :math:`\rho` is `l1_ratio`: groups are dropped
    as a whole, and features within the groups that stay (Simon, Friedman, Hastie and
    Tibshirani, 2013). The l1 norm of a group of weight 0 is not penalised either.

    Parameters
    ----------
    {class_alpha}
    {groups}
    {l1_ratio}
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
    SparseGroupLassoClassifierCV : Chooses alpha by cross-validation.
    SparseGroupLassoClassifierIC : Chooses alpha by an information criterion.

    Notes
    -----
    Solved by block coordinate descent on a growing working set of groups, each block
    minimised as exactly as its penalty allows, with extrapolation; curved losses by
    prox-Newton around it, norms that couple groups by FISTA.
    ``doc/design/solver.md`` has the details.

    References
    ----------
    Simon, N., Friedman, J., Hastie, T. and Tibshirani, R. (2013). A sparse-group lasso.
    Journal of Computational and Graphical Statistics 22(2), 231-245.

    {standardize_references}

    {adaptive_references}

    {relax_references}

    Examples
    --------
    >>> from skstruct import SparseGroupLassoClassifier
    >>> from skstruct.datasets import make_group_classification
    >>> X, y, groups = make_group_classification(
    ...     n_samples=200, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> model = SparseGroupLassoClassifier(alpha=0.05, groups=groups).fit(X, y)
    >>> print(model.selected_groups_)
    [2 5]
    """

    _parameter_constraints: dict = {
        **GroupClassifier._parameter_constraints,
        **SparseGroupLassoFamily._parameter_constraints,
        **FitAtOneAlpha._parameter_constraints,
    }

    def __init__(
        self,
        alpha=0.01,
        *,
        groups=None,
        l1_ratio=0.05,
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
        self.l1_ratio = l1_ratio
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
