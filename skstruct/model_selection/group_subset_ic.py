"""Subsets of groups, their number chosen by an information criterion."""

from numbers import Real

import numpy as np

from skstruct._compat import Interval, StrOptions, fit_context
from skstruct.linear_model.docs import shared_docs
from skstruct.linear_model.fitting import atomic_fit
from skstruct.linear_model.subset_selection import SubsetRegressor
from skstruct.model_selection.group_subset_cv import check_sizes
from skstruct.model_selection.information_criterion import (
    choice_price,
    coefficient_price,
)
from skstruct.solvers.subset_path import subset_path

_TINY = np.finfo(np.float64).tiny


@shared_docs
class GroupSubsetSelectionIC(SubsetRegressor):
    r"""Least squares on the best few groups, their number chosen by a criterion.

    One path on all data gives a subset of each number of groups; the least of

    .. math::

        nq \log \frac{\mathrm{RSS}_k}{nq} + c_n \, q \, (m_k + 1)
        + 2 \gamma \log \binom{G}{k}

    chooses, with :math:`m_k` coefficients that are not zero for each of q outputs,
    :math:`c_n` 2 ("aic") or :math:`\log (nq)` ("bic", "ebic"), and the last term, for k
    of G groups, with "ebic" only (Chen and Chen, 2008). It is the price of having
    searched; without it, criteria keep too many groups where there are many.

    Parameters
    ----------
    {groups}
    {subset_sizes}
    criterion : {"aic", "bic", "ebic"}, default="ebic"
        What to minimise.
    ebic_gamma : float, default=1.0
        Weight :math:`\gamma`, from 0 ("bic") to 1.
    {subset}

    Attributes
    ----------
    n_groups_ : int
        The chosen number.
    {subset_path}
    criterion_path_ : ndarray of shape (n_sizes,)
        The criterion; smaller is better. Infinite where no degrees of freedom are left.
    {coef}
    {subset_fitted}

    See Also
    --------
    GroupSubsetSelection : For a given number of groups.
    GroupSubsetSelectionCV : Chooses the number by cross-validation.

    References
    ----------
    Chen, J. and Chen, Z. (2008). Extended Bayesian information criteria for model
    selection with large model spaces. Biometrika 95(3), 759-771.

    Examples
    --------
    >>> from skstruct import GroupSubsetSelectionIC
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups = make_group_regression(
    ...     n_samples=100, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> model = GroupSubsetSelectionIC(groups=groups).fit(X, y)
    >>> print(model.n_groups_, model.selected_groups_)
    2 [2 5]
    """

    _parameter_constraints: dict = {
        **SubsetRegressor._parameter_constraints,
        "n_groups": "no_validation",  # check_sizes says what is wrong
        "criterion": [StrOptions({"aic", "bic", "ebic"})],
        "ebic_gamma": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        groups=None,
        *,
        n_groups=20,
        criterion="ebic",
        ebic_gamma=1.0,
        method="forward",
        n_swaps=None,
        ridge=0.0,
        group_weights=None,
        remainder="error",
        fit_intercept=True,
    ):
        self.groups = groups
        self.n_groups = n_groups
        self.criterion = criterion
        self.ebic_gamma = ebic_gamma
        self.method = method
        self.n_swaps = n_swaps
        self.ridge = ridge
        self.group_weights = group_weights
        self.remainder = remainder
        self.fit_intercept = fit_intercept

    @atomic_fit
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, offset=None):
        """Choose the number of groups by the criterion, and fit them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Responses.
        sample_weight : array-like of shape (n_samples,), default=None
            Nonnegative weights; their sum is the number of samples n.
        offset : array-like of shape (n_samples,) or (n_samples, n_outputs), \
                default=None
            Known part of the predictions.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If data, groups or parameters are not valid; the estimator then stays as
            it was.
        """
        X, y, problem = self._make_problem(X, y, sample_weight, offset)
        n_there = np.count_nonzero(problem.layout.weights)
        sizes = check_sizes(self.n_groups, n_there)
        path = subset_path(problem, sizes, **self._how)
        self.criterion_path_ = self._criterion(problem, path, n_there)
        best = int(np.argmin(self.criterion_path_))
        self.n_groups_, self.n_groups_path_ = int(sizes[best]), sizes
        self.coef_path_, self.intercept_path_ = self._path_arrays(problem, path)
        self._set_solution(problem, path, best)
        return self

    def _criterion(self, problem, path, n_there):
        q = problem.y.shape[1]
        size = self._n_effective * q
        norms = np.linalg.norm(path.coefs, axis=(1, 2))
        rss = 2 * path.objectives - self.ridge * norms**2  # a share of n
        n_used = path.coefs.any(axis=2).sum(axis=1) + self.fit_intercept
        criterion = (
            size * np.log(np.maximum(rss / q, _TINY))
            + coefficient_price(self.criterion, size) * q * n_used
            + choice_price(self.criterion, self.ebic_gamma, path.sizes, n_there)
        )
        # A saturated model fits anything: its likelihood says nothing.
        saturated = n_used >= self._n_effective
        saturated[0] = False
        return np.where(saturated, np.inf, criterion)
