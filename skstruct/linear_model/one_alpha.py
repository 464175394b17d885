"""The fit at one alpha, which all plain estimators share."""

from numbers import Real

import numpy as np

from skstruct._compat import Interval, fit_context, with_callbacks
from skstruct.linear_model.adaptive import adapted
from skstruct.linear_model.fitting import atomic_fit, warn_if_not_converged
from skstruct.linear_model.streamed import ReadsInChunks
from skstruct.solvers.refit import blended, refitted
from skstruct.solvers.solve import solve_path


class FitAtOneAlpha(ReadsInChunks):
    """Mixin of estimators that are fitted at their parameter `alpha`.

    Without parameters `adaptive` and `relax` they are fitted as they are.
    """

    _parameter_constraints: dict = {
        "alpha": [Interval(Real, 0, None, closed="left")],
        "relax": ["boolean", Interval(Real, 0, 1, closed="both")],
        "relax_alpha": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
    }

    adaptive = None
    gamma = 1.0
    relax = False
    relax_alpha = 0.0

    @atomic_fit
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None, offset=None):
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data. Dense X is used in place in either memory order, float64
            or float32; sparse X as CSC. Or what is read in chunks, and never in memory
            as a whole: a large memmap, a path of a ``.npy`` or parquet file, a Dask
            array or DataFrame, or a source of chunks, as
            ``doc/howto/data-larger-than-memory.md`` says.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Responses; classes of shape (n_samples,) for classifiers. A path, a Dask
            collection or a name of a column where X is one or has one; None where the
            chunks have them.
        sample_weight : array-like of shape (n_samples,), default=None
            Nonnegative weights; weight k is the same as repeating the sample k times.
        offset : array-like of shape (n_samples,) or (n_samples, n_outputs), \
                default=None
            Known part of the linear predictor, to which the model adds.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If data, groups or parameters are not valid; the message says which, and
            the estimator stays as it was.

        Warns
        -----
        sklearn.exceptions.ConvergenceWarning
            If the duality gap is larger than asked for after `max_iter` sweeps.
        """
        X, y, problem, *_ = self._problem_to_fit(X, y, sample_weight, offset)
        context = self._init_callback_context(max_subtasks=0)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        self._solve(problem)
        vars(self).pop("_moments", None)
        context.call_on_fit_task_end(
            estimator=self, X=X, y=y, reconstruction_attributes={}
        )
        return self

    def _solve(self, problem):
        """Solve the problem and store its solution."""
        how = {"tol": self.tol, "max_iter": self.max_iter}
        problem = adapted(problem, self.adaptive, self.gamma, **how)
        alphas = np.array([self.alpha], dtype=np.float64)
        solution = solve_path(problem, alphas, start=self._start(problem), **how)
        warn_if_not_converged(solution, self.tol, self.max_iter)
        if self.relax:
            refit = refitted(problem, solution, self.relax_alpha, **how)
            warn_if_not_converged(refit, self.tol, self.max_iter, " in the refit")
            solution = blended(solution, refit, float(self.relax))
        self._set_solution(problem, solution, 0)
        if self.verbose:
            print(
                f"{type(self).__name__}: {self.n_iter_} sweeps, duality gap "
                f"{self.dual_gap_:.3g}, {len(self.selected_groups_)} of "
                f"{len(self.groups_)} groups selected"
            )

    def _start(self, problem):
        if not (self.warm_start and hasattr(self, "coef_")):
            return None
        coef = np.atleast_2d(self.coef_).T.astype(np.float64)
        fits = coef.shape == (problem.layout.n_features, problem.y.shape[1])
        return coef if fits else None
