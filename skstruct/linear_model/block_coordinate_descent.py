"""Any loss with any penalty, for numbers and for classes."""

from skstruct._compat import StrOptions
from skstruct.linear_model.choices import loss_of, penalty_of
from skstruct.linear_model.classifier import GroupClassifier
from skstruct.linear_model.docs import shared_docs
from skstruct.linear_model.one_alpha import FitAtOneAlpha
from skstruct.linear_model.partial import PartialFit
from skstruct.linear_model.regressor import GroupRegressor
from skstruct.losses import Loss
from skstruct.penalties import Penalty


class AnyPenalty:
    """Models whose penalty is a parameter."""

    _parameter_constraints: dict = {
        "penalty": [str, Penalty],  # penalty_of says which there are
        "alpha": FitAtOneAlpha._parameter_constraints["alpha"],
        "warm_start": FitAtOneAlpha._parameter_constraints["warm_start"],
    }

    def _penalty(self):
        return penalty_of(self.penalty)


@shared_docs
class BlockCoordinateDescentRegressor(
    AnyPenalty, PartialFit, FitAtOneAlpha, GroupRegressor
):
    r"""Linear regression with any loss and any penalty on groups.

    Minimises, over coefficients B and intercept b,

    .. math::

        \frac{1}{\sum_i s_i} \sum_i s_i \, \ell(y_i, o_i + x_i^\top B + b)
        + \alpha \Omega(B)

    with sample weights s, offsets o, the loss :math:`\ell` and the penalty
    :math:`\Omega`, whose classes have the formulas. Your own classes serve as well:
    CONTRIBUTING.md shows a penalty in twenty lines.

    Parameters
    ----------
    {loss}
    penalty : str or Penalty, default="group_l2"
        The penalty, as an object such as ``GroupMCP(gamma=3.0)``, or by name:
        "group_l2", "sparse_group_l2", "group_elastic_net", "l1", "elastic_net",
        "group_mcp", "group_scad", "group_linf", "exclusive_l1", "squared_l2",
        "latent_overlap", "intersection_overlap", "tree_group_l2", "group_slope".
        Its parameters are reached as ``penalty__gamma``; those of objects only.
    {alpha}
    {groups}
    {shape}
    {solver}
    {warm_start}

    Attributes
    ----------
    {coef}
    {fitted}

    See Also
    --------
    GroupLasso : The group lasso penalty, with adaptive weights and refits.
    BlockCoordinateDescentClassifier : For classes.

    Notes
    -----
    Block separable penalties are solved by block coordinate descent on a working set,
    inside prox-Newton steps for curved losses; penalties that couple groups by FISTA.
    For penalties that are not convex (MCP, SCAD) the solution is a local minimum,
    found from the group lasso's, and ``dual_gap_`` is the largest violation of the
    optimality conditions relative to alpha; `tol` bounds that.

    References
    ----------
    Tseng, P. (2001). Convergence of a block coordinate descent method for
    nondifferentiable minimization. JOTA 109, 475-494.

    Breheny, P. and Huang, J. (2015). Group descent algorithms for nonconvex penalized
    linear and logistic regression models with grouped predictors. Statistics and
    Computing 25, 173-187.

    {standardize_references}

    Examples
    --------
    >>> from skstruct import BlockCoordinateDescentRegressor, GroupMCP
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups = make_group_regression(
    ...     n_samples=100, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> model = BlockCoordinateDescentRegressor(
    ...     "huber", GroupMCP(gamma=4.0), alpha=0.1, groups=groups).fit(X, y)
    >>> print(model.selected_groups_)
    [2 5]
    """

    _parameter_constraints: dict = {
        **GroupRegressor._parameter_constraints,
        **AnyPenalty._parameter_constraints,
    }

    def __init__(
        self,
        loss="squared_error",
        penalty="group_l2",
        *,
        alpha=1.0,
        groups=None,
        group_weights=None,
        remainder="error",
        fit_intercept=True,
        standardize="none",
        tol=1e-4,
        max_iter=10_000,
        warm_start=False,
        verbose=False,
    ):
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.groups = groups
        self.group_weights = group_weights
        self.remainder = remainder
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.verbose = verbose


@shared_docs
class BlockCoordinateDescentClassifier(AnyPenalty, FitAtOneAlpha, GroupClassifier):
    r"""Linear classification with any loss and any penalty on groups.

    Minimises the objective of :class:`BlockCoordinateDescentRegressor` for classes.

    Parameters
    ----------
    loss : {"auto", "logistic", "multinomial"} or Loss, default="auto"
        The loss. "auto" is "logistic" for two classes, "multinomial" for more. A
        loss of your own gets labels -1 and 1, or, if it ``is_joint``, one-hot rows.
    penalty : str or Penalty, default="group_l2"
        The penalty, by name or as an object such as ``GroupMCP(gamma=3.0)``; see
        :class:`BlockCoordinateDescentRegressor`.
    {class_alpha}
    {groups}
    {class_weight}
    {shape}
    {solver}
    {warm_start}

    Attributes
    ----------
    {class_coef}
    {fitted}

    See Also
    --------
    GroupLassoClassifier : The group lasso penalty, with adaptive weights and refits.
    BlockCoordinateDescentRegressor : For numbers; its notes hold here as well.

    References
    ----------
    Breheny, P. and Huang, J. (2015). Group descent algorithms for nonconvex penalized
    linear and logistic regression models with grouped predictors. Statistics and
    Computing 25, 173-187.

    {standardize_references}

    Examples
    --------
    >>> from skstruct import BlockCoordinateDescentClassifier, GroupSCAD
    >>> from skstruct.datasets import make_group_classification
    >>> X, y, groups = make_group_classification(
    ...     n_samples=200, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> model = BlockCoordinateDescentClassifier(
    ...     penalty=GroupSCAD(), alpha=0.05, groups=groups).fit(X, y)
    >>> print(model.selected_groups_)
    [2 5]
    """

    _parameter_constraints: dict = {
        **GroupClassifier._parameter_constraints,
        **AnyPenalty._parameter_constraints,
        "loss": [StrOptions({"auto", "logistic", "multinomial"}), Loss],
    }

    def __init__(
        self,
        loss="auto",
        penalty="group_l2",
        *,
        alpha=0.01,
        groups=None,
        class_weight=None,
        group_weights=None,
        remainder="error",
        fit_intercept=True,
        standardize="none",
        tol=1e-4,
        max_iter=10_000,
        warm_start=False,
        verbose=False,
    ):
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.groups = groups
        self.class_weight = class_weight
        self.group_weights = group_weights
        self.remainder = remainder
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.verbose = verbose

    def _class_loss(self, n_classes):
        if isinstance(self.loss, str) and self.loss == "auto":
            return super()._class_loss(n_classes)
        loss = loss_of(self.loss, for_classes=True)
        if n_classes > 2 and not loss.is_joint:
            raise ValueError(
                f"loss={self.loss!r} is for two classes, y has {n_classes}: use "
                "loss='multinomial', or sklearn.multiclass.OneVsRestClassifier around "
                "this estimator."
            )
        return loss
