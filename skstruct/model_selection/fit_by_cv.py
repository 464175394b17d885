"""The choice of alpha by cross-validation, which all CV estimators share."""

from dataclasses import replace
from numbers import Integral, Real

import numpy as np
from sklearn import get_config
from sklearn.base import is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from skstruct._compat import (
    Interval,
    StrOptions,
    fit_context,
    process_routing,
    with_callbacks,
)
from skstruct.linear_model.adaptive import adapted
from skstruct.linear_model.fitting import atomic_fit, warn_if_not_converged
from skstruct.linear_model.paths import check_alphas
from skstruct.model_selection.progress import Progress
from skstruct.solvers.cross_validation import (
    Choice,
    cross_validate_paths,
    list_of_folds,
    moments_of_folds,
    negative_deviances,
)
from skstruct.solvers.refit import blended, refitted
from skstruct.solvers.solve import alpha_grid, solve_path

_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


class FitByCV:
    """Mixin of estimators that choose alpha by cross-validation along the path.

    Subclasses name in `_plain` the estimator that is fitted at one alpha.
    """

    _parameter_constraints: dict = {
        "alphas": "no_validation",  # check_alphas says what is wrong
        "eps": "no_validation",
        "cv": ["cv_object"],
        "scoring": [str, callable, None],
        "selection": [StrOptions({"min", "1se"})],
        "relax": "no_validation",  # _shares says what is wrong
        "relax_alpha": [Interval(Real, 0, None, closed="left")],
        "n_jobs": [Integral, None],
    }
    _plain: type

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
            Responses; classes of shape (n_samples,) for classifiers.
        sample_weight : array-like of shape (n_samples,), default=None
            Nonnegative weights, in the fits and in the default score.
        offset : array-like of shape (n_samples,) or (n_samples, n_outputs), \
                default=None
            Known part of the linear predictor.
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

        Warns
        -----
        sklearn.exceptions.ConvergenceWarning
            If some duality gap, of a fold or of the final path, is too large.
        """
        how = {"tol": self.tol, "max_iter": self.max_iter}
        routed, shares = self._routed(params, sample_weight), self._shares()
        alphas = check_alphas(self.alphas, self.eps)
        X, y, problem = self._make_problem(X, y, sample_weight, offset)
        splitter = check_cv(self.cv, y, classifier=is_classifier(self))
        splits = list_of_folds(splitter.split(X, y, **routed["splitter"]), len(y))
        n_alphas = alphas if isinstance(alphas, int) else len(alphas)
        total, moments = moments_of_folds(problem, splits, n_alphas)
        problem = replace(problem, moments=total)
        candidates, full = self._candidates(problem, alphas)
        n_tasks = len(candidates) * len(splits)
        progress = Progress(self, X, y, n_tasks, len(candidates[0][1]))
        scores, fold_solutions = cross_validate_paths(
            candidates,
            splits,
            self._fold_scorer(X, y, problem, routed["scorer"]),
            prepare=self._adapted,
            variants=lambda fold, solution: self._variants(fold, solution, shares),
            n_jobs=self.n_jobs,
            on_solved=progress.step,
            moments=moments,
            **how,
        )
        for i, fold in enumerate(fold_solutions):
            warn_if_not_converged(fold, where=f" in fold {i % len(splits)}", **how)
        self._choose(scores, shares, candidates)
        problem, alphas = full[self._chosen], candidates[self._chosen][1]
        solution = solve_path(
            problem, alphas, on_solved=lambda: progress.step(n_tasks), **how
        )
        warn_if_not_converged(solution, **how)
        self._set_path(problem, solution)
        progress.finish()
        if self.verbose:
            print(
                f"{type(self).__name__}: alpha={self.alpha_:.4g} ({self.selection}), "
                f"{len(self.selected_groups_)} of {len(self.groups_)} groups selected"
            )
        return self

    # -- what is compared --------------------------------------------------------------

    def _penalties(self):
        """Return the penalties to choose among."""
        return [self._penalty()]

    def _candidates(self, problem, alphas):
        """Return problems, one a penalty, each with its alphas; and them adapted.

        Folds adapt to their own rows, so they start from the problems as they are.
        """
        problems = [replace(problem, penalty=p) for p in self._penalties()]
        full = [self._adapted(one) for one in problems]
        grids = [
            alphas
            if isinstance(alphas, np.ndarray)
            else alpha_grid(one, alphas, self.eps)
            for one in full
        ]
        return list(zip(problems, grids, strict=True)), full

    def _adapted(self, problem):
        how = {"tol": self.tol, "max_iter": self.max_iter}
        return adapted(problem, self.adaptive, self.gamma, **how)

    def _shares(self):
        """Return the shares of a refit to choose among."""
        if isinstance(self.relax, bool | np.bool_):
            return _SHARES if self.relax else (0.0,)
        shares = np.atleast_1d(np.asarray(self.relax, dtype=np.float64))
        if (
            shares.ndim != 1
            or not len(shares)
            or not ((shares >= 0) & (shares <= 1)).all()
        ):
            raise ValueError(
                f"relax={self.relax!r} must be True, False, or shares from 0 to 1."
            )
        return tuple(shares)

    def _variants(self, problem, solution, shares):
        """Return the solution blended with its refit, once for each share."""
        if not any(shares):
            return [solution] * len(shares)
        refit = refitted(
            problem, solution, self.relax_alpha, tol=self.tol, max_iter=self.max_iter
        )
        return [blended(solution, refit, share) for share in shares]

    # -- scores ------------------------------------------------------------------------

    def _fold_scorer(self, X, y, problem, score_params):
        """Return a function that scores a fold's path, (n_alphas,)."""
        if self.scoring is None:
            return lambda fold, solution, test: negative_deviances(
                fold, problem.weights, solution, test
            )
        scorer = check_scoring(self._at_one_alpha(), scoring=self.scoring)

        def score(fold, solution, test):
            X_test, y_test = X[test], y[test]
            params = _rows_of_params(score_params, test, len(y))
            scores = []
            for i in range(len(solution.alphas)):
                model = self._at_one_alpha(fold, solution, i)
                if problem.offset is not None:
                    model._known_offset = problem.offset[test]
                scores.append(scorer(model, X_test, y_test, **params))
            return scores

        return score

    def _at_one_alpha(self, problem=None, solution=None, i=0):
        """Return a plain estimator, fitted with the i-th solution if one is given."""
        own = self.get_params(deep=False)
        shared = set(self._plain().get_params(deep=False)) & set(own)
        model = self._plain(**{name: own[name] for name in shared})
        if solution is not None:
            model.alpha = solution.alphas[i]
            model.n_features_in_ = problem.matrix.shape[1]
            for name in self._target_attributes:
                setattr(model, name, getattr(self, name))
            model._set_solution(problem, solution, i)
        return model

    # -- the choice --------------------------------------------------------------------

    def _choose(self, scores, shares, candidates):
        """Choose a candidate, a share and an alpha; keep the scores.

        `scores` are (n_candidates, n_shares, n_alphas, n_folds).
        """
        choices = [[Choice.from_scores(one) for one in row] for row in scores]
        tops = np.array([[c.mean[c.best] for c in row] for row in choices])
        k, r = np.unravel_index(np.argmax(tops), tops.shape)
        choice, self._chosen = choices[k][r], int(k)
        self.relax_ = float(shares[r])
        alphas = candidates[k][1]
        self._position = choice.one_se if self.selection == "1se" else choice.best
        self.alpha_ = float(alphas[self._position])
        self.alpha_min_ = float(alphas[choice.best])
        self.alpha_1se_ = float(alphas[choice.one_se])
        own = [row[r] for row in choices]
        self.alphas_ = self._by_candidate([one for _, one in candidates])
        self.scores_path_ = self._by_candidate(scores[:, r])
        self.scores_mean_ = self._by_candidate([c.mean for c in own])
        self.scores_se_ = self._by_candidate([c.se for c in own])

    def _by_candidate(self, values):
        """Return values of each candidate as an array; of the only one, its own."""
        return np.array(values[0])

    def _set_path(self, problem, solution):
        """Store the path and the solution that was chosen."""
        self.coef_path_, self.intercept_path_ = self._path_arrays(problem, solution)
        self.dual_gap_path_ = solution.gaps
        chosen = solution.at(self._position)
        (chosen,) = self._variants(problem, chosen, [self.relax_])
        self._set_solution(problem, chosen, 0)

    # -- metadata ----------------------------------------------------------------------

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


def _rows_of_params(params, indices, n_samples):
    """Take the rows of those metadata that have one value a sample."""
    return {
        name: np.asarray(value)[indices]
        if np.ndim(value) > 0 and len(value) == n_samples
        else value
        for name, value in params.items()
    }
