"""The overlapping group lasso with alpha chosen by cross-validation."""

from skstruct.linear_model.classifier import GroupClassifier
from skstruct.linear_model.docs import shared_docs
from skstruct.linear_model.families import OverlappingGroupLassoFamily
from skstruct.linear_model.overlapping_group_lasso import (
    OverlappingGroupLasso,
    OverlappingGroupLassoClassifier,
)
from skstruct.linear_model.regressor import GroupRegressor
from skstruct.model_selection.fit_by_cv import FitByCV


@shared_docs
class OverlappingGroupLassoCV(OverlappingGroupLassoFamily, FitByCV, GroupRegressor):
    """Overlapping group lasso with its strength chosen by cross-validation.

    Every fold follows the whole path of alphas with warm starts; folds run in threads
    and share one X. The model is then fitted to all data along the same path, and the
    chosen alpha gives ``coef_``. The objective is that of
    :class:`OverlappingGroupLasso`.

    Parameters
    ----------
    {groups}
    {overlap}
    {alphas}
    {cv_folds}
    {cv_selection}
    {loss}
    {shape}
    {positive}
    {adaptive}
    {relax_cv}
    {solver}
    {n_jobs}

    Attributes
    ----------
    {path}
    {cv_fitted}
    {coef}
    {fitted}

    See Also
    --------
    OverlappingGroupLasso : For one alpha.
    OverlappingGroupLassoIC : Chooses alpha by an information criterion.

    References
    ----------
    {cv_references}

    {adaptive_references}

    {relax_references}

    Examples
    --------
    >>> from skstruct import OverlappingGroupLassoCV
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups = make_group_regression(
    ...     n_samples=100, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> groups = [range(0, 8), range(6, 14), range(12, 18)]
    >>> model = OverlappingGroupLassoCV(groups=groups, selection="1se").fit(X, y)
    >>> print(model.selected_groups_)
    [0 1 2]
    """

    _parameter_constraints: dict = {
        **GroupRegressor._parameter_constraints,
        **OverlappingGroupLassoFamily._parameter_constraints,
        **FitByCV._parameter_constraints,
    }
    _plain = OverlappingGroupLasso

    def __init__(
        self,
        groups=None,
        *,
        overlap="latent",
        alphas=100,
        eps=1e-3,
        cv=None,
        scoring=None,
        selection="min",
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
        n_jobs=None,
        verbose=False,
    ):
        self.groups = groups
        self.overlap = overlap
        self.alphas = alphas
        self.eps = eps
        self.cv = cv
        self.scoring = scoring
        self.selection = selection
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
        self.n_jobs = n_jobs
        self.verbose = verbose


@shared_docs
class OverlappingGroupLassoClassifierCV(
    OverlappingGroupLassoFamily, FitByCV, GroupClassifier
):
    """Overlapping group lasso classifier with its strength chosen by cross-validation.

    Every fold follows the whole path of alphas with warm starts; folds run in threads
    and share one X. The model is then fitted to all data along the same path, and the
    chosen alpha gives ``coef_``. The objective is that of
    :class:`OverlappingGroupLassoClassifier`.

    Parameters
    ----------
    {groups}
    {overlap}
    {alphas}
    {cv_folds}
    {cv_selection}
    {class_weight}
    {shape}
    {positive}
    {adaptive}
    {relax_cv}
    {solver}
    {n_jobs}

    Attributes
    ----------
    {path}
    {cv_fitted}
    {class_coef}
    {fitted}

    See Also
    --------
    OverlappingGroupLassoClassifier : For one alpha.
    OverlappingGroupLassoClassifierIC : Chooses alpha by an information criterion.

    References
    ----------
    {cv_references}

    {adaptive_references}

    {relax_references}

    Examples
    --------
    >>> from skstruct import OverlappingGroupLassoClassifierCV
    >>> from skstruct.datasets import make_group_classification
    >>> X, y, groups = make_group_classification(
    ...     n_samples=200, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> groups = [range(0, 8), range(6, 14), range(12, 18)]
    >>> model = OverlappingGroupLassoClassifierCV(groups=groups, selection="1se")
    >>> model = model.fit(X, y)
    >>> print(model.selected_groups_)
    [0 1 2]
    """

    _parameter_constraints: dict = {
        **GroupClassifier._parameter_constraints,
        **OverlappingGroupLassoFamily._parameter_constraints,
        **FitByCV._parameter_constraints,
    }
    _plain = OverlappingGroupLassoClassifier

    def __init__(
        self,
        groups=None,
        *,
        overlap="latent",
        alphas=100,
        eps=1e-3,
        cv=None,
        scoring=None,
        selection="min",
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
        n_jobs=None,
        verbose=False,
    ):
        self.groups = groups
        self.overlap = overlap
        self.alphas = alphas
        self.eps = eps
        self.cv = cv
        self.scoring = scoring
        self.selection = selection
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
        self.n_jobs = n_jobs
        self.verbose = verbose
