"""Subsets of groups, their number chosen by cross-validation."""

from numbers import Integral

import numpy as np
from sklearn.model_selection import check_cv
from sklearn.utils import check_array

from skstruct._compat import StrOptions, fit_context, with_callbacks
from skstruct.linear_model.docs import shared_docs
from skstruct.linear_model.fitting import atomic_fit
from skstruct.linear_model.subset_selection import (
    GroupSubsetSelection,
    SubsetRegressor,
)
from skstruct.model_selection.progress import Progress
from skstruct.model_selection.scored_on_folds import ScoredOnFolds
from skstruct.solvers.cross_validation import (
    Choice,
    cross_validate_paths,
    list_of_folds,
)
from skstruct.solvers.subset_path import subset_path


@shared_docs
class GroupSubsetSelectionCV(ScoredOnFolds, SubsetRegressor):
    """Least squares on the best few groups, their number chosen by cross-validation.

    Every fold follows one path of greedy steps through all numbers of groups, with
    trades at each; folds run in threads and share one X. The objective is that of
    :class:`GroupSubsetSelection`.

    Parameters
    ----------
    {groups}
    {subset_sizes}
    {cv_folds}
    selection : {"best", "1se"}, default="best"
        Which number to choose: of the best mean score, or the smallest one whose mean
        score is within one standard error of the best (Breiman et al., 1984).
    {subset}
    {n_jobs}

    Attributes
    ----------
    n_groups_ : int
        The chosen number.
    n_groups_best_, n_groups_1se_ : int
        What ``selection="best"`` and ``"1se"`` choose.
    {subset_path}
    cv_results_ : dict of str to ndarray of shape (n_sizes,)
        ``n_groups``; ``split<k>_test_score`` of each fold, larger being better;
        ``mean_test_score``, ``std_test_score`` and ``se_test_score``, the standard
        error of the mean.
    {coef}
    {subset_fitted}

    See Also
    --------
    GroupSubsetSelection : For a given number of groups.
    GroupSubsetSelectionIC : Chooses the number by an information criterion.

    References
    ----------
    {cv_references}

    Examples
    --------
    >>> from skstruct import GroupSubsetSelectionCV
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups = make_group_regression(
    ...     n_samples=100, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> model = GroupSubsetSelectionCV(groups=groups, selection="1se").fit(X, y)
    >>> print(model.n_groups_, model.selected_groups_)
    2 [2 5]
    """

    _parameter_constraints: dict = {
        **SubsetRegressor._parameter_constraints,
        **ScoredOnFolds._parameter_constraints,
        "n_groups": "no_validation",  # check_sizes says what is wrong
        "selection": [StrOptions({"best", "1se"})],
        "verbose": ["verbose"],
    }
    _plain = GroupSubsetSelection
    _strength = "n_groups", "sizes"

    def __init__(
        self,
        groups=None,
        *,
        n_groups=20,
        cv=None,
        scoring=None,
        selection="best",
        method="forward",
        n_swaps=None,
        ridge=0.0,
        group_weights=None,
        remainder="error",
        fit_intercept=True,
        n_jobs=None,
        verbose=False,
    ):
        self.groups = groups
        self.n_groups = n_groups
        self.cv = cv
        self.scoring = scoring
        self.selection = selection
        self.method = method
        self.n_swaps = n_swaps
        self.ridge = ridge
        self.group_weights = group_weights
        self.remainder = remainder
        self.fit_intercept = fit_intercept
        self.n_jobs = n_jobs
        self.verbose = verbose

    @atomic_fit
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, offset=None, **params):
        """Choose the number of groups by cross-validation and fit to all data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Responses.
        sample_weight : array-like of shape (n_samples,), default=None
            Nonnegative weights, in the fits and in the default score.
        offset : array-like of shape (n_samples,) or (n_samples, n_outputs), \
                default=None
            Known part of the predictions.
        **params : dict
            Metadata for the splitter and the scorer, such as the splitter's
            ``groups``; needs ``sklearn.set_config(enable_metadata_routing=True)``.

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
        routed = self._routed(params, sample_weight)
        X, y, problem = self._make_problem(X, y, sample_weight, offset)
        sizes = check_sizes(self.n_groups, np.count_nonzero(problem.layout.weights))
        splits = check_cv(self.cv, y).split(X, y, **routed["splitter"])
        splits = list_of_folds(splits, len(y))
        names = ["fold"] * len(splits) + ["final path"]
        progress = Progress(self, X, y, names, len(sizes))
        scores, _ = cross_validate_paths(
            [(problem, sizes)],
            splits,
            self._fold_scorer(X, y, problem, routed["scorer"]),
            prepare=lambda fold: fold,
            variants=lambda fold, path: [path],
            n_jobs=self.n_jobs,
            on_solved=progress.step,
            solve=subset_path,
            **self._how,
        )
        position = self._choose(sizes, scores[0, 0])
        path = subset_path(
            problem, sizes, on_solved=lambda: progress.step(len(splits)), **self._how
        )
        self.n_groups_path_ = sizes
        self.coef_path_, self.intercept_path_ = self._path_arrays(problem, path)
        self._set_solution(problem, path, position)
        progress.finish()
        if self.verbose:
            print(
                f"{type(self).__name__}: {self.n_groups_} groups ({self.selection}) of "
                f"{len(self.groups_)}"
            )
        return self

    def _choose(self, sizes, scores):
        """Choose a size from scores (n_sizes, n_folds); return its position."""
        choice = Choice.from_scores(scores)
        position = choice.one_se if self.selection == "1se" else choice.best
        self.n_groups_ = int(sizes[position])
        self.n_groups_best_ = int(sizes[choice.best])
        self.n_groups_1se_ = int(sizes[choice.one_se])
        self.cv_results_ = {
            "n_groups": sizes.copy(),
            **{f"split{k}_test_score": one for k, one in enumerate(scores.T)},
            "mean_test_score": choice.mean,
            "std_test_score": scores.std(axis=1),
            "se_test_score": choice.se,
        }
        return position


def check_sizes(n_groups, n_there):
    """Return the numbers of groups to try, increasing, none above `n_there`.

    Raises
    ------
    ValueError
        If they are neither a number nor an array of nonnegative integers.
    """
    if isinstance(n_groups, Integral) and not isinstance(n_groups, bool):
        if n_groups < 0:
            raise ValueError(f"n_groups={n_groups} must not be negative.")
        return np.arange(min(int(n_groups), n_there) + 1)
    if np.ndim(n_groups) == 0:
        raise ValueError(
            f"n_groups={n_groups!r} must be an int, the largest number of groups to "
            "try, or an array of the numbers to try."
        )
    sizes = check_array(n_groups, ensure_2d=False, dtype=None, input_name="n_groups")
    if sizes.ndim != 1 or sizes.dtype.kind not in "iu" or (sizes < 0).any():
        raise ValueError(
            f"n_groups={n_groups!r} must be one-dimensional, of nonnegative integers."
        )
    return np.unique(np.minimum(sizes, n_there))
