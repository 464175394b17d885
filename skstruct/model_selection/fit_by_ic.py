"""The choice of alpha by an information criterion, which all IC estimators share."""

from numbers import Real

import numpy as np

from skstruct._compat import Interval, StrOptions, fit_context, with_callbacks
from skstruct.linear_model.adaptive import adapted
from skstruct.linear_model.fitting import atomic_fit, warn_if_not_converged
from skstruct.linear_model.paths import check_alphas
from skstruct.linear_model.streamed import ReadsInChunks
from skstruct.model_selection.information_criterion import (
    choice_price,
    coefficient_price,
)
from skstruct.model_selection.progress import Progress
from skstruct.penalties import GroupL2
from skstruct.solvers.degrees_of_freedom import (
    exact_degrees_of_freedom,
    yuan_lin_degrees_of_freedom,
)
from skstruct.solvers.solve import solve_path
from skstruct.solvers.streamed_moments import about_mean

_TINY = np.finfo(np.float64).tiny


class FitByIC(ReadsInChunks):
    """Mixin of estimators that choose alpha by an information criterion."""

    _parameter_constraints: dict = {
        "alphas": "no_validation",  # check_alphas says what is wrong
        "eps": "no_validation",
        "criterion": [StrOptions({"aic", "bic", "ebic"})],
        "ebic_gamma": [Interval(Real, 0, 1, closed="both")],
        "degrees_of_freedom": [StrOptions({"exact", "yuan_lin"})],
        "noise_variance": [
            Interval(Real, 0, None, closed="neither"),
            StrOptions({"profile"}),
            None,
        ],
    }
    _plain: type

    @atomic_fit
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None, offset=None):
        """Follow the path on all data and choose the alpha of the least criterion.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data, or what is read in chunks, as in the plain estimator's
            ``fit``.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Responses; classes of shape (n_samples,) for classifiers. None where chunks
            have them.
        sample_weight : array-like of shape (n_samples,), default=None
            Nonnegative weights; their sum is the number of samples n.
        offset : array-like of shape (n_samples,) or (n_samples, n_outputs), \
                default=None
            Known part of the linear predictor.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If data, groups or parameters are not valid, or if the dispersion or the
            degrees of freedom cannot be estimated; the estimator then stays as it was.

        Warns
        -----
        sklearn.exceptions.ConvergenceWarning
            If some duality gap is too large.
        """
        how = {"tol": self.tol, "max_iter": self.max_iter}
        alphas = check_alphas(self.alphas, self.eps)
        X, y, problem, *_ = self._problem_to_fit(X, y, sample_weight, offset)
        if problem.run_pass is not None:
            raise ValueError(
                f"X has {self.n_features_in_} features, too many for their degrees of "
                f"freedom to be known from chunks. Use {self._plain.__name__}CV."
            )
        self._check_criterion(problem)
        problem = adapted(problem, self.adaptive, self.gamma, **how)
        n_alphas = alphas if isinstance(alphas, int) else len(alphas)
        progress = Progress(self, X, y, ["final path"], n_alphas)
        solution = solve_path(
            problem, alphas, eps=self.eps, on_solved=lambda: progress.step(0), **how
        )
        warn_if_not_converged(solution, **how)
        self._compare(problem, solution)
        best = int(np.argmin(self.criterion_path_))
        self.alphas_, self.alpha_ = solution.alphas, float(solution.alphas[best])
        self.coef_path_, self.intercept_path_ = self._path_arrays(problem, solution)
        self.dual_gap_path_ = solution.gaps
        self._set_solution(problem, solution, best)
        progress.finish()
        if self.verbose:
            print(
                f"{type(self).__name__}: alpha={self.alpha_:.4g} ({self.criterion}), "
                f"{len(self.selected_groups_)} of {len(self.groups_)} groups selected"
            )
        return self

    def _obstacle(self):
        if not self._has_squared_error():
            return (
                "degrees of freedom are known from chunks for the squared error alone. "
                f"Use {self._plain.__name__}CV."
            )
        return super()._obstacle()

    def _check_criterion(self, problem):
        loss, name = problem.loss, type(problem.loss).__name__
        if not (loss.is_for_classes or loss.deviance_factor == 2):
            raise ValueError(
                f"loss={self.loss!r}: {name} is no log-likelihood, so information "
                f"criteria are not defined. Use {self._plain.__name__}CV."
            )
        if self.noise_variance == "profile" and not loss.is_quadratic:
            raise ValueError(
                "noise_variance='profile' is for the squared error; give the "
                "dispersion as a number, or None."
            )
        plain = type(problem.penalty) is GroupL2
        if self.degrees_of_freedom == "yuan_lin" and not plain:
            raise ValueError(
                "degrees_of_freedom='yuan_lin' is for the group lasso; use 'exact'."
            )

    def _compare(self, problem, solution):
        """Compute the criterion along the path."""
        deviances = self._deviances(problem, solution)
        is_exact = self.degrees_of_freedom == "exact"
        is_estimated = self.noise_variance is None
        full, left = None, 0.0
        if not is_exact or (is_estimated and not problem.loss.has_unit_dispersion):
            full, left = self._unpenalised(problem)
        if is_exact:
            df = exact_degrees_of_freedom(problem, solution)
        else:
            if full is None:
                raise ValueError(
                    "degrees_of_freedom='yuan_lin' compares with the unpenalised fit, "
                    f"which {self._n_effective:g} samples do not determine; "
                    "use 'exact'."
                )
            df = yuan_lin_degrees_of_freedom(problem, solution, full.coefs[0])
        self.degrees_of_freedom_path_ = df
        n = self._n_effective
        size = n * (1 if problem.loss.is_joint else problem.y.shape[1])
        spare = None if full is None else self._deviances(problem, full)[0] / left
        self.noise_variance_ = self._dispersion(problem, spare, deviances, df, size)
        if self.noise_variance_ is None:
            misfit = size * np.log(np.maximum(deviances / size, _TINY))
        else:
            misfit = deviances / self.noise_variance_
        penalised = problem.layout.weights > 0
        norms = np.stack([problem.layout.norms(coef.T) for coef in solution.coefs])
        n_chosen = (norms[:, penalised] > 0).sum(axis=1)
        self.criterion_path_ = (
            misfit
            + coefficient_price(self.criterion, size) * df
            + choice_price(self.criterion, self.ebic_gamma, n_chosen, penalised.sum())
        )

    def _deviances(self, problem, solution):
        """Return the deviance of all samples at each alpha, (A,)."""
        loss, y, d = problem.loss, problem.y, problem.weights
        known = 0.0 if problem.offset is None else problem.offset
        intercepts = solution.intercepts
        if not problem.has_rows:
            intercepts = about_mean(problem, solution.coefs, intercepts)
        lowest = loss.lowest(y, d)
        values = [
            loss.value(y, problem.matrix.dot(coef) + intercept + known, d) - lowest
            for coef, intercept in zip(solution.coefs, intercepts, strict=True)
        ]
        return 2 * self._n_effective * np.array(values)

    def _dispersion(self, problem, spare, deviances, df, size):
        """Return what the deviance is divided by; None for the profile likelihood.

        `spare` is the deviance that the unpenalised fit leaves for each degree of
        freedom, None where it is saturated or was not asked for.
        """
        if self.noise_variance == "profile":
            return None
        if self.noise_variance is not None:
            return float(self.noise_variance)
        if problem.loss.has_unit_dispersion:
            return 1.0
        if spare is not None:
            return max(float(spare), _TINY)
        # Nearer to saturation, what is left says nothing of the noise.
        modest = np.flatnonzero(df <= size / 2)
        modest = modest if len(modest) else np.array([0])
        left = np.maximum(size - df[modest], 1.0)
        best = np.argmin(deviances[modest] / left**2)
        return max(float(deviances[modest][best] / left[best]), _TINY)

    def _unpenalised(self, problem):
        """Return the unpenalised fit and the degrees of freedom that it leaves.

        None, and what is missing of them, where the fit is saturated.
        """
        X = problem.matrix.rows(np.arange(problem.matrix.shape[1])).T
        X = np.column_stack([X, np.ones(len(X))]) if self.fit_intercept else X
        rank = np.linalg.matrix_rank(X[problem.weights > 0])
        left = (self._n_effective - rank) * problem.y.shape[1]
        how = {"tol": self.tol, "max_iter": self.max_iter}
        return (solve_path(problem, [0.0], **how) if left > 0 else None), left
