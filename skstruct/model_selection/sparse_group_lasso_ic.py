"""The sparse group lasso with alpha chosen by an information criterion."""

from skstruct.linear_model.classifier import GroupClassifier
from skstruct.linear_model.docs import shared_docs
from skstruct.linear_model.families import SparseGroupLassoFamily
from skstruct.linear_model.regressor import GroupRegressor
from skstruct.linear_model.sparse_group_lasso import (
    SparseGroupLasso,
    SparseGroupLassoClassifier,
)
from skstruct.model_selection.fit_by_ic import FitByIC


@shared_docs
class SparseGroupLassoIC(SparseGroupLassoFamily, FitByIC, GroupRegressor):
    """Sparse group lasso with its strength chosen by a criterion.

    The model is fitted to all data along a path of alphas, once; the alpha of the least
    information criterion gives ``coef_``. The objective is that of
    :class:`SparseGroupLasso`.

    Parameters
    ----------
    {groups}
    {l1_ratio}
    {alphas}
    {criterion}
    {loss}
    {shape}
    {positive}
    {adaptive}
    {solver}
    verbose : bool or int, default=False
        Print the choice when done.

    Attributes
    ----------
    {path}
    {ic_fitted}
    {coef}
    {fitted}

    See Also
    --------
    SparseGroupLasso : For one alpha.
    SparseGroupLassoCV : Chooses alpha by cross-validation.

    References
    ----------
    {ic_references}

    {adaptive_references}

    Examples
    --------
    >>> from skstruct import SparseGroupLassoIC
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups = make_group_regression(
    ...     n_samples=100, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> model = SparseGroupLassoIC(groups=groups).fit(X, y)
    >>> print(model.selected_groups_)
    [2 5]
    """

    _parameter_constraints: dict = {
        **GroupRegressor._parameter_constraints,
        **SparseGroupLassoFamily._parameter_constraints,
        **FitByIC._parameter_constraints,
    }
    _plain = SparseGroupLasso

    def __init__(
        self,
        groups=None,
        *,
        l1_ratio=0.05,
        alphas=100,
        eps=1e-3,
        criterion="bic",
        ebic_gamma=1.0,
        degrees_of_freedom="exact",
        noise_variance=None,
        loss="squared_error",
        group_weights=None,
        remainder="error",
        fit_intercept=True,
        standardize="none",
        positive=False,
        adaptive=None,
        gamma=1.0,
        tol=1e-4,
        max_iter=10_000,
        verbose=False,
    ):
        self.groups = groups
        self.l1_ratio = l1_ratio
        self.alphas = alphas
        self.eps = eps
        self.criterion = criterion
        self.ebic_gamma = ebic_gamma
        self.degrees_of_freedom = degrees_of_freedom
        self.noise_variance = noise_variance
        self.loss = loss
        self.group_weights = group_weights
        self.remainder = remainder
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.positive = positive
        self.adaptive = adaptive
        self.gamma = gamma
        self.tol = tol
        self.max_iter = max_iter
        self.verbose = verbose


@shared_docs
class SparseGroupLassoClassifierIC(SparseGroupLassoFamily, FitByIC, GroupClassifier):
    """Sparse group lasso classifier with its strength chosen by a criterion.

    The model is fitted to all data along a path of alphas, once; the alpha of the least
    information criterion gives ``coef_``. The objective is that of
    :class:`SparseGroupLassoClassifier`.

    Parameters
    ----------
    {groups}
    {l1_ratio}
    {alphas}
    {criterion}
    {class_weight}
    {shape}
    {positive}
    {adaptive}
    {solver}
    verbose : bool or int, default=False
        Print the choice when done.

    Attributes
    ----------
    {path}
    {ic_fitted}
    {class_coef}
    {fitted}

    See Also
    --------
    SparseGroupLassoClassifier : For one alpha.
    SparseGroupLassoClassifierCV : Chooses alpha by cross-validation.

    References
    ----------
    {ic_references}

    {adaptive_references}

    Examples
    --------
    >>> from skstruct import SparseGroupLassoClassifierIC
    >>> from skstruct.datasets import make_group_classification
    >>> X, y, groups = make_group_classification(
    ...     n_samples=200, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> model = SparseGroupLassoClassifierIC(groups=groups).fit(X, y)
    >>> print(model.selected_groups_)
    [2 5]
    """

    _parameter_constraints: dict = {
        **GroupClassifier._parameter_constraints,
        **SparseGroupLassoFamily._parameter_constraints,
        **FitByIC._parameter_constraints,
    }
    _plain = SparseGroupLassoClassifier

    def __init__(
        self,
        groups=None,
        *,
        l1_ratio=0.05,
        alphas=100,
        eps=1e-3,
        criterion="bic",
        ebic_gamma=1.0,
        degrees_of_freedom="exact",
        noise_variance=None,
        class_weight=None,
        group_weights=None,
        remainder="error",
        fit_intercept=True,
        standardize="none",
        positive=False,
        adaptive=None,
        gamma=1.0,
        tol=1e-4,
        max_iter=10_000,
        verbose=False,
    ):
        self.groups = groups
        self.l1_ratio = l1_ratio
        self.alphas = alphas
        self.eps = eps
        self.criterion = criterion
        self.ebic_gamma = ebic_gamma
        self.degrees_of_freedom = degrees_of_freedom
        self.noise_variance = noise_variance
        self.class_weight = class_weight
        self.group_weights = group_weights
        self.remainder = remainder
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.positive = positive
        self.adaptive = adaptive
        self.gamma = gamma
        self.tol = tol
        self.max_iter = max_iter
        self.verbose = verbose
