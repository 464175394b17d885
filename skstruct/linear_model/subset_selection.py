"""Least squares on a given number of groups."""

from numbers import Integral, Real

import numpy as np

from skstruct._compat import Interval, StrOptions, fit_context, with_callbacks
from skstruct.linear_model.docs import shared_docs
from skstruct.linear_model.fitting import atomic_fit
from skstruct.linear_model.regressor import GroupRegressor
from skstruct.penalties import GroupL2
from skstruct.solvers.subset_path import METHODS, subset_path


class SubsetRegressor(GroupRegressor):
    """Base of models that choose a number of groups, not a strength of a penalty."""

    _parameter_constraints: dict = {
        "groups": "no_validation",
        "method": [StrOptions(set(METHODS))],
        "n_swaps": [Interval(Integral, 0, None, closed="left"), None],
        "ridge": [Interval(Real, 0, None, closed="left")],
        "group_weights": "no_validation",
        "remainder": "no_validation",
        "fit_intercept": ["boolean"],
    }

    # What is a parameter of other linear models.
    loss = "squared_error"
    standardize = "none"

    def _penalty(self):
        return GroupL2()  # only its refusal of overlapping groups counts

    @property
    def _how(self):
        """How subsets are found."""
        return {"method": self.method, "n_swaps": self.n_swaps, "ridge": self.ridge}

    def _set_solution(self, problem, solution, i):
        self._set_coefficients(problem, solution, i)
        self.objective_ = float(solution.objectives[i])


@shared_docs
class GroupSubsetSelection(SubsetRegressor):
    r"""Least squares on the best few groups of features.

    Minimises, over coefficients B and intercept b,

    .. math::

        \frac{1}{2 \sum_i s_i} \sum_i s_i \lVert y_i - o_i - x_i^\top B - b \rVert^2
        + \frac{\rho}{2} \lVert B \rVert_F^2
        \quad \text{with } B_g \ne 0 \text{ for at most } k \text{ groups}

    with sample weights s, offsets o, `ridge` :math:`\rho` and k `n_groups`. Unlike a
    penalty, this does not shrink what it keeps. The problem is hard in general;
    groups are added or removed greedily, then traded one for one until no trade
    helps.

    Parameters
    ----------
    n_groups : int, default=10
        Most groups to keep. All are kept where there are no more.
    {groups}
    {subset}

    Attributes
    ----------
    {coef}
    path_ : ndarray of shape (n_steps,)
        Names of groups in the order of the greedy steps, without trades: the first k
        are the nested choice of k groups. "forward" stops at `n_groups`; "both" has
        the steps of "forward".
    path_objectives_ : ndarray of shape (n_steps + 1,)
        The objective of each start of ``path_``, from no group on.
    {subset_fitted}

    See Also
    --------
    GroupSubsetSelectionCV : Chooses the number of groups by cross-validation.
    GroupSubsetSelectionIC : Chooses the number of groups by an information criterion.
    GroupLasso : Convex, and with any loss; shrinks what it keeps.

    Notes
    -----
    Steps and trades run on the Gram matrix of the features, by the sweep operator
    (Efroymson, 1960), so time and memory grow with the square of their number: a few
    thousand at most. In a group of columns that depend on others kept, such as the
    last level of a one-hot encoding, only what is new counts.

    References
    ----------
    Efroymson, M. A. (1960). Multiple regression analysis. In Mathematical Methods for
    Digital Computers, 191-203.

    Zhang, Y., Zhu, J., Zhu, J. and Wang, X. (2023). A splicing approach to best subset
    of groups selection. INFORMS Journal on Computing 35(1), 104-119.

    Examples
    --------
    >>> from skstruct import GroupSubsetSelection
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups = make_group_regression(
    ...     n_samples=100, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> model = GroupSubsetSelection(n_groups=2, groups=groups).fit(X, y)
    >>> print(model.selected_groups_)
    [2 5]
    """

    _parameter_constraints: dict = {
        **SubsetRegressor._parameter_constraints,
        "n_groups": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        n_groups=10,
        *,
        groups=None,
        method="forward",
        n_swaps=None,
        ridge=0.0,
        group_weights=None,
        remainder="error",
        fit_intercept=True,
    ):
        self.n_groups = n_groups
        self.groups = groups
        self.method = method
        self.n_swaps = n_swaps
        self.ridge = ridge
        self.group_weights = group_weights
        self.remainder = remainder
        self.fit_intercept = fit_intercept

    @atomic_fit
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, offset=None):
        """Choose groups and fit them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Responses.
        sample_weight : array-like of shape (n_samples,), default=None
            Nonnegative weights; weight k is the same as repeating the sample k times.
        offset : array-like of shape (n_samples,) or (n_samples, n_outputs), \
                default=None
            Known part of the predictions, to which the model adds.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If data, groups or parameters are not valid, or if there are too many
            features for a Gram matrix; the estimator stays as it was.
        """
        X, y, problem = self._make_problem(X, y, sample_weight, offset)
        context = self._init_callback_context(max_subtasks=0)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        path = subset_path(problem, np.array([self.n_groups]), **self._how)
        self._set_solution(problem, path, 0)
        self.path_ = self.group_names_[path.order]
        self.path_objectives_ = path.order_objectives
        context.call_on_fit_task_end(
            estimator=self, X=X, y=y, reconstruction_attributes={}
        )
        return self
