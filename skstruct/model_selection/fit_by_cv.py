"""The choice of alpha by cross-validation, which all CV estimators share."""

from dataclasses import replace
from numbers import Real

import numpy as np
from sklearn.base import is_classifier
from sklearn.model_selection import check_cv

from skstruct._compat import (
    Interval,
    StrOptions,
    fit_context,
    with_callbacks,
)
from skstruct.linear_model.adaptive import adapted
from skstruct.linear_model.fitting import atomic_fit, warn_if_not_converged
from skstruct.linear_model.paths import check_alphas
from skstruct.model_selection.cv_in_chunks import CVInChunks
from skstruct.model_selection.progress import Progress
from skstruct.model_selection.scored_on_folds import ScoredOnFolds
from skstruct.solvers.cross_validation import (
    Choice,
    cross_validate_paths,
    list_of_folds,
    moments_of_folds,
)
from skstruct.solvers.refit import blended, refitted
from skstruct.solvers.solve import alpha_grid, solve_path

_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


class FitByCV(ScoredOnFolds, CVInChunks):
    """Mixin of estimators that choose alpha by cross-validation along the path.

    Subclasses name in `_plain` the estimator that is fitted at one alpha.
    """

    _strength = "alpha", "alphas"

    _parameter_constraints: dict = {
        "alphas": "no_validation",  # check_alphas says what is wrong
        "eps": "no_validation",
        **ScoredOnFolds._parameter_constraints,
        "selection": [StrOptions({"min", "1se"})],
        "relax": "no_validation",  # _shares says what is wrong
        "relax_alpha": [Interval(Real, 0, None, closed="left")],
    }

    @atomic_fit
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None, offset=None, **params):
        """Choose alpha by cross-validation and fit to all data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data, or what is read in chunks, as in the plain estimator's
            ``fit``.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Responses; classes of shape (n_samples,) for classifiers. None where chunks
            have them.
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
        data = self._problem_to_fit(
            X, y, sample_weight, offset, self._folds_of(y, routed["splitter"])
        )
        if data.problem.run_pass is not None:
            problem, solution, progress = self._follow_in_passes(
                data, alphas, "sample_weight" in routed["scorer"]
            )
        else:
            problem, solution, progress = self._follow_paths(
                data, alphas, shares, routed
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

    def _follow_paths(self, data, alphas, shares, routed):
        """Follow the path of each fold, choose, and follow that of all rows.

        Returns
        -------
        problem, solution, progress
            Of all rows, with the penalty that was chosen.
        """
        how = {"tol": self.tol, "max_iter": self.max_iter}
        X, y, problem, found = data.X, data.y, data.problem, data.moments
        moments = training = None
        if found is not None:
            splits, score, training = self._held_out(found)
        else:
            splitter = check_cv(self.cv, y, classifier=is_classifier(self))
            splits = list_of_folds(splitter.split(X, y, **routed["splitter"]), len(y))
            n_alphas = alphas if isinstance(alphas, int) else len(alphas)
            total, moments = moments_of_folds(problem, splits, n_alphas)
            problem = replace(problem, moments=total)
            score = self._fold_scorer(X, y, problem, routed["scorer"])
        candidates, full = self._candidates(problem, alphas)
        n_tasks = len(candidates) * len(splits)
        names = ["fold"] * n_tasks + ["final path"]
        progress = Progress(self, X, y, names, len(candidates[0][1]))
        scores, fold_solutions = cross_validate_paths(
            candidates,
            splits,
            score,
            prepare=self._adapted,
            variants=lambda fold, solution: self._variants(fold, solution, shares),
            n_jobs=self.n_jobs,
            on_solved=progress.step,
            moments=moments,
            training=training,
            **how,
        )
        for i, fold in enumerate(fold_solutions):
            warn_if_not_converged(fold, where=f" in fold {i % len(splits)}", **how)
        self._choose(scores, shares, candidates)
        problem, alphas = full[self._chosen], candidates[self._chosen][1]
        solution = solve_path(
            problem, alphas, on_solved=lambda: progress.step(n_tasks), **how
        )
        return problem, solution, progress

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
