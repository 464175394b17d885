"""The sparse group lasso with alpha chosen by cross-validation."""

import numpy as np

from skstruct.linear_model.classifier import GroupClassifier
from skstruct.linear_model.docs import shared_docs
from skstruct.linear_model.families import SparseGroupLassoFamily
from skstruct.linear_model.regressor import GroupRegressor
from skstruct.linear_model.sparse_group_lasso import (
    SparseGroupLasso,
    SparseGroupLassoClassifier,
)
from skstruct.model_selection.fit_by_cv import FitByCV
from skstruct.penalties import SparseGroupL2


class SeveralRatios:
    """Mixin of CV estimators that may choose among several values of `l1_ratio`."""

    @property
    def _l1_ratio(self):
        return getattr(self, "l1_ratio_", self._l1_ratios[0])

    @property
    def _l1_ratios(self):
        ratios = np.atleast_1d(np.asarray(self.l1_ratio, dtype=np.float64))
        if (
            ratios.ndim != 1
            or not len(ratios)
            or not ((ratios >= 0) & (ratios <= 1)).all()
        ):
            raise ValueError(
                f"l1_ratio={self.l1_ratio!r} must be one or several numbers from 0 "
                "(the group lasso) to 1 (the lasso)."
            )
        return ratios

    def _penalties(self):
        own = self._penalty().get_params()
        return [
            SparseGroupL2(**{**own, "l1_ratio": r}) for r in self._l1_ratios.tolist()
        ]

    def _choose(self, scores, shares, candidates):
        super()._choose(scores, shares, candidates)
        self.l1_ratio_ = float(self._l1_ratios[self._chosen])

    def _by_candidate(self, values):
        return np.array(values if np.ndim(self.l1_ratio) else values[0])


@shared_docs
class SparseGroupLassoCV(
    SeveralRatios, SparseGroupLassoFamily, FitByCV, GroupRegressor
):
    """Sparse group lasso with its strength chosen by cross-validation.

    Every fold follows the whole path of alphas with warm starts; folds run in threads
    and share one X. The model is then fitted to all data along the same path, and the
    chosen alpha gives ``coef_``. The objective is that of
    :class:`SparseGroupLasso`.

    Parameters
    ----------
    {groups}
    {l1_ratios}
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
    l1_ratio_ : float
        The chosen l1_ratio. Of several, ``alphas_`` has a row each, and
        ``scores_path_``, ``scores_mean_`` and ``scores_se_`` a first axis for them.
    {cv_fitted}
    {coef}
    {fitted}

    See Also
    --------
    SparseGroupLasso : For one alpha.
    SparseGroupLassoIC : Chooses alpha by an information criterion.

    References
    ----------
    {cv_references}

    {adaptive_references}

    {relax_references}

    Examples
    --------
    >>> from skstruct import SparseGroupLassoCV
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups = make_group_regression(
    ...     n_samples=100, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> model = SparseGroupLassoCV(groups=groups, selection="1se").fit(X, y)
    >>> print(model.selected_groups_)
    [2 5]
    """

    _parameter_constraints: dict = {
        **GroupRegressor._parameter_constraints,
        **SparseGroupLassoFamily._parameter_constraints,
        **FitByCV._parameter_constraints,
        "l1_ratio": "no_validation",  # one or several
    }
    _plain = SparseGroupLasso

    def __init__(
        self,
        groups=None,
        *,
        l1_ratio=0.05,
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
        self.l1_ratio = l1_ratio
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
class SparseGroupLassoClassifierCV(
    SeveralRatios, SparseGroupLassoFamily, FitByCV, GroupClassifier
):
    """Sparse group lasso classifier with its strength chosen by cross-validation.

    Every fold follows the whole path of alphas with warm starts; folds run in threads
    and share one X. The model is then fitted to all data along the same path, and the
    chosen alpha gives ``coef_``. The objective is that of
    :class:`SparseGroupLassoClassifier`.

    Parameters
    ----------
    {groups}
    {l1_ratios}
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
    l1_ratio_ : float
        The chosen l1_ratio. Of several, ``alphas_`` has a row each, and
        ``scores_path_``, ``scores_mean_`` and ``scores_se_`` a first axis for them.
    {cv_fitted}
    {class_coef}
    {fitted}

    See Also
    --------
    SparseGroupLassoClassifier : For one alpha.
    SparseGroupLassoClassifierIC : Chooses alpha by an information criterion.

    References
    ----------
    {cv_references}

    {adaptive_references}

    {relax_references}

    Examples
    --------
    >>> from skstruct import SparseGroupLassoClassifierCV
    >>> from skstruct.datasets import make_group_classification
    >>> X, y, groups = make_group_classification(
    ...     n_samples=200, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> model = SparseGroupLassoClassifierCV(groups=groups, selection="1se").fit(X, y)
    >>> print(model.selected_groups_)
    [0 2 4 5]
    """

    _parameter_constraints: dict = {
        **GroupClassifier._parameter_constraints,
        **SparseGroupLassoFamily._parameter_constraints,
        **FitByCV._parameter_constraints,
        "l1_ratio": "no_validation",  # one or several
    }
    _plain = SparseGroupLassoClassifier

    def __init__(
        self,
        groups=None,
        *,
        l1_ratio=0.05,
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
        self.l1_ratio = l1_ratio
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
