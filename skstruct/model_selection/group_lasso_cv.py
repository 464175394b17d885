"""The group lasso with alpha chosen by cross-validation."""

from numbers import Integral

import numpy as np
from sklearn import get_config
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from skstruct._compat import StrOptions, fit_context, process_routing, with_callbacks
from skstruct.linear_model.base import (
    GroupLinearRegressor,
    atomic_fit,
    check_offset,
    warn_if_not_converged,
)
from skstruct.linear_model.group_lasso import GroupLasso, check_alphas, path_arrays
from skstruct.model_selection.path_cv import (
    Choice,
    cross_validate_path,
    list_of_folds,
    negative_mean_squared_errors,
)
from skstruct.model_selection.progress import Progress
from skstruct.solvers.solve import alpha_grid, solve_path


class GroupLassoCV(GroupLinearRegressor):
    r"""Group lasso with its strength chosen by cross-validation along the path.

    Every fold follows the whole path of alphas with warm starts; folds run in threads
    and share one X. The model is then fitted to all data along the same path, and the
    chosen alpha gives ``coef_``. The objective is that of :class:`GroupLasso`.

    Parameters
    ----------
    groups : int, array-like, list, dict, callable or None, default=None
        Which features belong together; see :class:`GroupLasso`.
    alphas : int or array-like of shape (n_alphas,), default=100
        Number of alphas on a geometric grid from ``alpha_max`` of all data, the
        smallest alpha at which every penalised group is zero, to
        ``eps * alpha_max``; or the alphas themselves, nonnegative.
    eps : float, default=1e-3
        Length of the grid, in (0, 1).
    cv : int, cross-validation generator or iterable, default=None
        Folds: None means 5, an int the number of folds, else a splitter or an
        iterable of (train, test) indices. As everywhere in scikit-learn, a number
        of folds cuts the rows in their order: where they are sorted, pass
        ``KFold(5, shuffle=True, random_state=0)``.
    scoring : str, callable or None, default=None
        Score to maximise; None is minus the mean squared error, weighted by
        `sample_weight`. Offsets are in the predictions that are scored. Scorers get
        the metadata that they request.
    selection : {"min", "1se"}, default="min"
        Which alpha to choose: of the best mean score, or the largest one whose mean
        score is within one standard error of the best.
    group_weights : array-like of shape (n_groups,), dict or None, default=None
        Weights of the groups; see :class:`GroupLasso`.
    remainder : {"error", "singletons", "unpenalized"}, default="error"
        What becomes of features in no group.
    fit_intercept : bool, default=True
        Whether to fit an intercept.
    standardize : {"none", "features", "groups"}, default="none"
        In which coordinates coefficients are penalised; see :class:`GroupLasso`.
        Each fold standardises by its own training rows.
    positive : bool, default=False
        Constrain all coefficients to be nonnegative.
    tol : float, default=1e-4
        Largest duality gap, relative to the null model's loss.
    max_iter : int, default=10_000
        Most sweeps at each alpha.
    n_jobs : int or None, default=None
        Number of threads for the folds; None means 1, -1 all processors.
    verbose : bool or int, default=False
        Print the choice when done. For progress, ``set_callbacks(ProgressBar())``
        with scikit-learn 1.9 or later.

    Attributes
    ----------
    alpha_ : float
        The chosen alpha.
    alpha_min_, alpha_1se_ : float
        What ``selection="min"`` and ``"1se"`` choose.
    alphas_ : ndarray of shape (n_alphas,)
        The grid, from large to small.
    scores_path_ : ndarray of shape (n_alphas, n_folds)
        Scores of each fold; larger is better.
    scores_mean_, scores_se_ : ndarray of shape (n_alphas,)
        Their mean and its standard error.
    coef_path_ : ndarray of shape (n_features, n_alphas) or \
            (n_outputs, n_features, n_alphas)
        Coefficients along the path on all data.
    intercept_path_ : ndarray of shape (n_alphas,) or (n_outputs, n_alphas)
        Intercepts along the path.
    dual_gap_path_ : ndarray of shape (n_alphas,)
        Duality gaps along the path.
    coef_ : ndarray of shape (n_features,) or (n_outputs, n_features)
        Coefficients at ``alpha_``.
    intercept_ : float or ndarray of shape (n_outputs,)
        Intercept at ``alpha_``.
    dual_gap_ : float
        Duality gap at ``alpha_``, in units of the objective.
    n_iter_ : int
        Sweeps run at ``alpha_``.
    groups_ : list of ndarray
        Feature indices of each group.
    group_names_ : ndarray of shape (n_groups,)
        Names of the groups.
    group_weights_ : ndarray of shape (n_groups,)
        Weights of the groups.
    group_norms_ : ndarray of shape (n_groups,)
        Euclidean norms of the groups' coefficients.
    selected_groups_ : ndarray
        Names of the groups whose norm is not zero.
    n_features_in_ : int
        Number of features seen in fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X has string names.

    See Also
    --------
    GroupLasso : For one alpha.
    group_lasso_path : Without cross-validation.

    References
    ----------
    Breiman, L., Friedman, J., Olshen, R. and Stone, C. (1984). Classification and
    Regression Trees, sec. 3.4.3 (the one standard error rule).

    Examples
    --------
    >>> from skstruct import GroupLassoCV
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups = make_group_regression(
    ...     n_samples=100, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> model = GroupLassoCV(groups=groups, selection="1se").fit(X, y)
    >>> print(model.selected_groups_)
    [2 5]
    >>> model.scores_path_.shape
    (100, 5)
    """

    _parameter_constraints = {
        **GroupLinearRegressor._parameter_constraints,
        "alphas": "no_validation",  # check_alphas says what is wrong
        "eps": "no_validation",
        "cv": ["cv_object"],
        "scoring": [str, callable, None],
        "selection": [StrOptions({"min", "1se"})],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        groups=None,
        *,
        alphas=100,
        eps=1e-3,
        cv=None,
        scoring=None,
        selection="min",
        group_weights=None,
        remainder="error",
        fit_intercept=True,
        standardize="none",
        positive=False,
        tol=1e-4,
        max_iter=10_000,
        n_jobs=None,
        verbose=False,
    ):
        self.groups = groups
        self.alphas = alphas
        self.eps = eps
        self.cv = cv
        self.scoring = scoring
        self.selection = selection
        self.group_weights = group_weights
        self.remainder = remainder
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.positive = positive
        self.tol = tol
        self.max_iter = max_iter
        self.n_jobs = n_jobs
        self.verbose = verbose

    @atomic_fit
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, offset=None, **params):
        """Choose alpha by cross-validation and fit to all data.

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
            Known part of the response.
        **params : dict
            Metadata for the splitter and the scorer, such as the splitter's
            ``groups``; needs ``sklearn.set_config(enable_metadata_routing=True)``.

        Returns
        -------
        self : GroupLassoCV
            The fitted estimator.

        Raises
        ------
        ValueError
            If data, groups or parameters are not valid; the estimator then stays as
            it was.

        Warns
        -----
        sklearn.exceptions.ConvergenceWarning
            If some duality gap, of a fold or of the final path, is too large.
        """
        routed = self._routed(params, sample_weight)
        alphas = check_alphas(self.alphas, self.eps)
        X, y, problem = self._make_problem(X, y, sample_weight, offset)
        if not isinstance(alphas, np.ndarray):
            alphas = alpha_grid(problem, alphas, self.eps)
        splits = list_of_folds(
            check_cv(self.cv).split(X, y, **routed["splitter"]), len(y)
        )
        progress = Progress(self, X, y, len(splits), len(alphas))
        how = {"tol": self.tol, "max_iter": self.max_iter}
        scores, fold_solutions = cross_validate_path(
            problem,
            splits,
            alphas,
            self._fold_scorer(X, y, problem, offset, routed["scorer"]),
            self.n_jobs,
            progress.step,
            **how,
        )
        solution = solve_path(
            problem, alphas, on_solved=lambda: progress.step(len(splits)), **how
        )
        for i, fold in enumerate(fold_solutions):
            warn_if_not_converged(fold, self.tol, self.max_iter, f" in fold {i}")
        warn_if_not_converged(solution, self.tol, self.max_iter)
        self._set_path(problem, solution, scores, y)
        progress.finish()
        if self.verbose:
            print(
                f"GroupLassoCV: alpha={self.alpha_:.4g} ({self.selection}), "
                f"{len(self.selected_groups_)} of {len(self.groups_)} groups selected"
            )
        return self

    def _fold_scorer(self, X, y, problem, offset, score_params):
        """Return a function that scores a fold's path, (n_alphas,)."""
        if self.scoring is None:
            return lambda solution, test: negative_mean_squared_errors(
                problem, solution, test
            )
        scorer = check_scoring(self._at_one_alpha(), scoring=self.scoring)

        def score(solution, test):
            X_test, y_test = X[test], y[test]
            params = _rows_of_params(score_params, test, len(y))
            scores = []
            for i in range(len(solution.alphas)):
                model = self._at_one_alpha(problem, solution, i, y)
                if offset is not None:
                    model.known = check_offset(offset, y)[test]
                scores.append(scorer(model, X_test, y_test, **params))
            return scores

        return score

    def _at_one_alpha(self, problem=None, solution=None, i=0, y=None):
        """Return a GroupLasso, fitted with the i-th solution if one is given."""
        shared = set(GroupLasso().get_params()) & set(self.get_params())
        model = _FoldModel(**{name: getattr(self, name) for name in shared})
        if solution is not None:
            model.alpha = solution.alphas[i]
            model.n_features_in_ = problem.matrix.shape[1]
            model._set_solution(problem, solution, i, y)
        return model

    def _set_path(self, problem, solution, scores, y):
        choice = Choice.from_scores(scores)
        chosen = choice.one_se if self.selection == "1se" else choice.best
        self._set_solution(problem, solution, chosen, y)
        self.alphas_ = solution.alphas
        self.alpha_ = float(solution.alphas[chosen])
        self.alpha_min_ = float(solution.alphas[choice.best])
        self.alpha_1se_ = float(solution.alphas[choice.one_se])
        self.scores_path_ = scores
        self.scores_mean_, self.scores_se_ = choice.mean, choice.se
        self.coef_path_, self.intercept_path_ = path_arrays(problem, solution, y)
        self.dual_gap_path_ = solution.gaps

    # -- metadata --------------------------------------------------------------

    def _routed(self, params, sample_weight):
        """Return the metadata for the splitter and for the scorer, as dicts."""
        if not get_config()["enable_metadata_routing"]:
            if params:
                raise ValueError(
                    f"fit got {sorted(params)}, metadata that only reaches the "
                    "splitter and the scorer after "
                    "sklearn.set_config(enable_metadata_routing=True)."
                )
            return {"splitter": {}, "scorer": {}}
        if sample_weight is not None:
            params = {**params, "sample_weight": sample_weight}
        routed = process_routing(self, "fit", **params)
        return {
            "splitter": dict(routed.splitter.split),
            "scorer": dict(routed.scorer.score) if self.scoring is not None else {},
        }

    def get_metadata_routing(self):
        """Return which metadata go where.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
            ``fit`` takes sample_weight and offset itself, and passes on what the
            splitter and the scorer request.
        """
        router = (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(
                splitter=check_cv(self.cv),
                method_mapping=MethodMapping().add(caller="fit", callee="split"),
            )
        )
        if self.scoring is not None:
            router.add(
                scorer=check_scoring(self._at_one_alpha(), scoring=self.scoring),
                method_mapping=MethodMapping().add(caller="fit", callee="score"),
            )
        return router


class _FoldModel(GroupLasso):
    """A model as scorers see it: the test rows' offsets are in its predictions."""

    known = None

    def predict(self, X, offset=None):
        return super().predict(X, offset=self.known if offset is None else offset)


def _rows_of_params(params, indices, n_samples):
    """Take the rows of those metadata that have one value a sample."""
    return {
        name: np.asarray(value)[indices]
        if np.ndim(value) > 0 and len(value) == n_samples
        else value
        for name, value in params.items()
    }
