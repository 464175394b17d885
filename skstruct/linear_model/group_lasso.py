"""The group lasso, for numbers and for classes."""

from skstruct.linear_model.classifier import GroupClassifier
from skstruct.linear_model.docs import shared_docs
from skstruct.linear_model.families import GroupLassoFamily
from skstruct.linear_model.one_alpha import FitAtOneAlpha
from skstruct.linear_model.partial import PartialFit
from skstruct.linear_model.regressor import GroupRegressor


@shared_docs
class GroupLasso(GroupLassoFamily, PartialFit, FitAtOneAlpha, GroupRegressor):
    r"""Linear regression that keeps or drops whole groups of features.

    Minimises, over coefficients B and intercept b,

    .. math::

        \frac{1}{\sum_i s_i} \sum_i s_i \, \ell(y_i, o_i + x_i^\top B + b)
        + \alpha \sum_g w_g \lVert B_g \rVert_F

    with sample weights s, offsets o and group weights w. The loss is :math:`\ell(y, f)
    = \lVert y - f \rVert^2 / 2` unless `loss` says otherwise; its class has the
    formula. All coefficients of a group, for all outputs, are zero or nonzero together
    (Yuan and Lin, 2006). With groups of one feature this is the lasso; with several
    outputs, the multi-task lasso.

    Parameters
    ----------
    {alpha}
    {groups}
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
    GroupLassoCV : Chooses alpha by cross-validation.
    GroupLassoIC : Chooses alpha by an information criterion.
    group_lasso_path : Solutions for many alphas.

    Notes
    -----
    Solved by block coordinate descent on a growing working set of groups, each block
    minimised as exactly as its penalty allows, with extrapolation; curved losses by
    prox-Newton around it, norms that couple groups by FISTA.
    ``doc/design/solver.md`` has the details.

    References
    ----------
    Yuan, M. and Lin, Y. (2006). Model selection and estimation in regression with
    grouped variables. JRSS B 68(1), 49-67.

    {standardize_references}

    {adaptive_references}

    {relax_references}

    Examples
    --------
    >>> from skstruct import GroupLasso
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups = make_group_regression(
    ...     n_samples=100, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> model = GroupLasso(alpha=0.3, groups=groups).fit(X, y)
    >>> print(model.selected_groups_)
    [2 5]
    """

    _parameter_constraints: dict = {
        **GroupRegressor._parameter_constraints,
        **GroupLassoFamily._parameter_constraints,
        **FitAtOneAlpha._parameter_constraints,
    }

    def __init__(
        self,
        alpha=1.0,
        *,
        groups=None,
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
class GroupLassoClassifier(GroupLassoFamily, FitAtOneAlpha, GroupClassifier):
    r"""Linear classification that keeps or drops whole groups of features.

    Minimises, over coefficients B and intercept b,

    .. math::

        \frac{1}{\sum_i s_i} \sum_i s_i \, \ell(y_i, o_i + x_i^\top B + b)
        + \alpha \sum_g w_g \lVert B_g \rVert_F

    with sample weights s, offsets o and group weights w. The loss is :math:`\log(1 +
    e^{-y f})` with y in {-1, 1} for two classes, and the softmax cross-entropy with one
    set of coefficients a class for more. All coefficients of a group, for all classes,
    are zero or nonzero together (Meier, van de Geer and Buhlmann, 2008).

    Parameters
    ----------
    {class_alpha}
    {groups}
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
    GroupLassoClassifierCV : Chooses alpha by cross-validation.
    GroupLassoClassifierIC : Chooses alpha by an information criterion.

    Notes
    -----
    Solved by block coordinate descent on a growing working set of groups, each block
    minimised as exactly as its penalty allows, with extrapolation; curved losses by
    prox-Newton around it, norms that couple groups by FISTA.
    ``doc/design/solver.md`` has the details.

    References
    ----------
    Meier, L., van de Geer, S. and Buhlmann, P. (2008). The group lasso for logistic
    regression. JRSS B 70(1), 53-71.

    {standardize_references}

    {adaptive_references}

    {relax_references}

    Examples
    --------
    >>> from skstruct import GroupLassoClassifier
    >>> from skstruct.datasets import make_group_classification
    >>> X, y, groups = make_group_classification(
    ...     n_samples=200, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> model = GroupLassoClassifier(alpha=0.05, groups=groups).fit(X, y)
    >>> print(model.selected_groups_)
    [2 5]
    """

    _parameter_constraints: dict = {
        **GroupClassifier._parameter_constraints,
        **GroupLassoFamily._parameter_constraints,
        **FitAtOneAlpha._parameter_constraints,
    }

    def __init__(
        self,
        alpha=0.01,
        *,
        groups=None,
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
