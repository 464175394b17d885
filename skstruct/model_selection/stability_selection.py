"""Stability selection of groups with complementary pairs of subsamples."""

from dataclasses import replace
from numbers import Integral, Real

import numpy as np
from sklearn import get_config
from sklearn.base import is_classifier
from sklearn.utils import check_random_state
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.validation import check_is_fitted

from skstruct._compat import Interval, fit_context, process_routing, with_callbacks
from skstruct.linear_model.adaptive import adapted
from skstruct.linear_model.fitting import atomic_fit, warn_if_not_converged
from skstruct.linear_model.paths import check_alphas
from skstruct.model_selection.complementary_halves import complementary_halves
from skstruct.model_selection.group_selection import GroupSelection
from skstruct.model_selection.progress import Progress
from skstruct.model_selection.stability_bounds import stability_bounds
from skstruct.solvers.solve import alpha_grid, solve_path
from skstruct.solvers.threads import run_anywhere


class GroupStabilitySelection(GroupSelection):
    r"""Select the groups that a group lasso selects on most subsamples.

    The path of the estimator is followed on both halves of `n_pairs` random splits of
    the samples (complementary pairs; Shah and Samworth, 2013). A group's stability
    score at an alpha is the share of these runs in which it is selected there; the
    largest along the path is its selection probability, and groups whose selection
    probability is at least `threshold` are selected.

    Parameters
    ----------
    estimator : estimator, default=None
        A group estimator of this package at one alpha, whose own `alpha`, `relax` and
        `warm_start` play no part: regressor or classifier. None means
        ``GroupLasso()``.
    groups : int, array-like, list, dict, callable or None, default=None
        The groups, in any of the forms that the estimator takes; None means those of
        the estimator itself.
    alphas : int or array-like of shape (n_alphas,), default=50
        Number of alphas on a geometric grid from ``alpha_max`` of all data to
        ``eps * alpha_max``, or the alphas themselves, nonnegative. All runs share
        them.
    eps : float, default=0.05
        Length of the grid, in (0, 1).
    threshold : float, default=0.75
        Least selection probability of a selected group, in (0.5, 1]. It may be changed
        after the fit.
    max_groups : int, default=None
        If given, each run's path ends before more than this many groups have entered,
        and the groups selected at its last alpha count for all smaller ones. That
        bounds the number q of groups on which the error control depends. Groups that
        are not penalised do not count.
    n_pairs : int, default=50
        Number of random splits; there are twice as many runs.
    n_jobs : int or None, default=None
        Number of threads for the runs; None means 1, -1 all processors.
    random_state : int, RandomState instance or None, default=None
        Draws the splits.
    verbose : bool or int, default=False
        Print a summary when done. For progress, ``set_callbacks(ProgressBar())`` with
        scikit-learn 1.9 or later.

    Attributes
    ----------
    alphas_ : ndarray of shape (n_alphas,)
        The alphas, from large to small.
    stability_scores_ : ndarray of shape (n_groups, n_alphas)
        Share of the runs in which a group is selected at each alpha.
    selection_probabilities_ : ndarray of shape (n_groups,)
        Largest stability score of each group. Groups of weight 0 are in every model, so
        theirs is 1.
    n_selected_ : float
        Average number of penalised groups that a run selects somewhere along its path.
    selected_groups_ : ndarray
        Names of the selected groups.
    groups_ : list of ndarray
        Feature indices of each group.
    group_names_ : ndarray of shape (n_groups,)
        Names of the groups.
    group_weights_ : ndarray of shape (n_groups,)
        Weights of the groups; adaptive estimators change them in each run.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has names.

    See Also
    --------
    GroupKnockoffSelector : Controls the share of false selections.
    GroupStabilityDisplay : Draws the stability scores.
    skstruct.model_selection.stability_bounds : The formulas of the bounds.

    Notes
    -----
    What is controlled is the expected number of selected groups that are of low
    selection probability: those which a run on half of the samples selects no more
    often than if it picked its q groups at random. That is not the same as groups
    without effect. A group without effect that is correlated with one that has an
    effect can have a high selection probability, and no bound speaks of it. See
    :meth:`error_bounds`, and ``doc/design/stability.md`` for measurements.

    The subsamples of classifiers are stratified: each half has as nearly as possible
    half of each class. Samples of weight 0 are left out before splitting; with an odd
    number of samples, each split leaves one out. Where groups overlap, a group counts
    as selected if any of its features has a coefficient, as in ``selected_groups_`` of
    the estimator.

    References
    ----------
    Meinshausen, N. and Buhlmann, P. (2010). Stability selection. JRSS B 72(4), 417-473.

    Shah, R. D. and Samworth, R. J. (2013). Variable selection with error control:
    another look at stability selection. JRSS B 75(1), 55-80.

    Examples
    --------
    >>> from skstruct import GroupStabilitySelection
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups = make_group_regression(
    ...     n_samples=100, n_groups=20, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> selector = GroupStabilitySelection(
    ...     groups=groups, max_groups=4, n_pairs=20, random_state=0)
    >>> selector.fit_transform(X, y).shape
    (100, 6)
    >>> print(selector.selected_groups_)
    [ 1 18]
    >>> round(selector.error_bounds()["unimodal"], 2)
    0.84
    """

    _parameter_constraints: dict = {
        **GroupSelection._parameter_constraints,
        "alphas": "no_validation",  # check_alphas says what is wrong
        "eps": "no_validation",
        "threshold": [Interval(Real, 0.5, 1, closed="right")],
        "max_groups": [Interval(Integral, 1, None, closed="left"), None],
        "n_pairs": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        groups=None,
        alphas=50,
        eps=0.05,
        threshold=0.75,
        max_groups=None,
        n_pairs=50,
        n_jobs=None,
        random_state=None,
        verbose=False,
    ):
        self.estimator = estimator
        self.groups = groups
        self.alphas = alphas
        self.eps = eps
        self.threshold = threshold
        self.max_groups = max_groups
        self.n_pairs = n_pairs
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @atomic_fit
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, **params):
        """Follow the path on all subsamples and count the selections.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Responses; classes of shape (n_samples,) for classifiers.
        **params : dict
            ``sample_weight`` and ``offset``, as in the estimator's ``fit``; with
            metadata routing, those that it requests.

        Returns
        -------
        self : object
            The fitted selector.

        Raises
        ------
        ValueError
            If data, groups or parameters are not valid, or if a class has one sample
            only; the selector then stays as it was.
        TypeError
            If the estimator is not of this package, or `params` are not its.

        Warns
        -----
        sklearn.exceptions.ConvergenceWarning
            If some duality gap of some run is too large.
        """
        base = self._base()
        base._validate_params()
        alphas = check_alphas(self.alphas, self.eps)
        how = {"tol": base.tol, "max_iter": base.max_iter}
        X, y, problem = base._make_problem(X, y, **self._routed(params))
        self._take_data_attributes(base)
        if isinstance(alphas, int):
            full = adapted(problem, base.adaptive, base.gamma, **how)
            alphas = alpha_grid(full, alphas, self.eps)
        halves = complementary_halves(
            np.flatnonzero(problem.weights > 0),
            y if is_classifier(base) else None,
            self.n_pairs,
            check_random_state(self.random_state),
        )
        progress = Progress(self, X, y, ["subsample"] * len(halves), len(alphas))

        def run(step, rows):
            own = adapted(problem.on_rows(rows), base.adaptive, base.gamma, **how)
            solution = solve_path(own, alphas, on_solved=step, **how)
            chosen = self._selections(problem.layout, solution)
            # Coefficients of all runs may be large, and are not needed again.
            return chosen, replace(solution, coefs=None)

        results = run_anywhere(
            run, [(rows,) for rows in halves], self.n_jobs, progress.step, len(alphas)
        )
        chosen, solutions = zip(*results, strict=True)
        _warn_of_the_worst(solutions, how)
        self._summarise(problem.layout, np.array(chosen), solutions[0].alphas)
        progress.finish()
        if self.verbose:
            print(
                f"{type(self).__name__}: {len(self.selected_groups_)} of "
                f"{len(self.groups_)} groups selected in {self.threshold:.0%} of "
                f"{len(halves)} subsamples, which select {self.n_selected_:.1f} each"
            )
        return self

    def _selections(self, layout, solution):
        """Return which groups a run selects at each alpha, boolean (n_alphas, G)."""
        nonzero = solution.coefs.any(axis=2)
        chosen = np.logical_or.reduceat(
            nonzero[:, layout.indices], layout.ptr[:-1], axis=1
        )
        if self.max_groups is not None:
            penalised = layout.weights > 0
            entered = np.logical_or.accumulate(chosen[:, penalised], axis=0)
            n_kept = int((entered.sum(axis=1) <= self.max_groups).sum())
            last = chosen[n_kept - 1, penalised] if n_kept else False
            chosen[n_kept:, penalised] = last
        return chosen

    def _summarise(self, layout, chosen, alphas):
        """Store what the runs have selected, boolean (n_runs, n_alphas, n_groups)."""
        penalised = layout.weights > 0
        self.alphas_ = alphas
        self.stability_scores_ = chosen.mean(axis=0).T
        self.selection_probabilities_ = self.stability_scores_.max(axis=1)
        ever = chosen[:, :, penalised].any(axis=1)
        self.n_selected_ = float(ever.sum(axis=1).mean())
        self.groups_ = layout.feature_groups()
        self.group_names_ = layout.names_array()
        self.group_weights_ = layout.weights.copy()

    def _selected_mask(self):
        # Shares are multiples of 1 / n_runs; their rounding must not matter.
        return self.selection_probabilities_ >= self.threshold - 1e-12

    def error_bounds(self, threshold=None):
        """Bound the expected number of falsely selected groups.

        The number q of groups that a run selects is taken to be `max_groups` if that
        was given, else the average over the runs, ``n_selected_``, which makes the
        bounds estimates.

        Parameters
        ----------
        threshold : float, default=None
            Threshold of the selection, in (0.5, 1]; None means that of the selector.

        Returns
        -------
        dict of str to float
            ``"markov"``, ``"unimodal"`` and ``"r_concave"``; see
            :func:`skstruct.model_selection.stability_bounds` for their formulas and
            what they assume.

        Raises
        ------
        ValueError
            If the threshold is out of its range.
        sklearn.exceptions.NotFittedError
            If the selector has not been fitted.
        """
        check_is_fitted(self)
        n_groups = int(np.count_nonzero(self.group_weights_))
        n_pairs = self.n_pairs
        if n_groups == 0:
            return dict.fromkeys(("markov", "unimodal", "r_concave"), 0.0)
        q = self.n_selected_ if self.max_groups is None else self.max_groups
        threshold = self.threshold if threshold is None else threshold
        return stability_bounds(n_groups, min(q, n_groups), threshold, n_pairs)

    def threshold_for(self, max_false, bound="unimodal"):
        """Find the least threshold at which a bound is small enough.

        Parameters
        ----------
        max_false : float
            Expected number of falsely selected groups to accept, positive.
        bound : {"markov", "unimodal", "r_concave"}, default="unimodal"
            Which bound of :meth:`error_bounds`.

        Returns
        -------
        float
            A threshold, a multiple of ``1 / (2 * n_pairs)``. To use it,
            ``selector.set_params(threshold=...)``; no new fit is needed.

        Raises
        ------
        ValueError
            If even a threshold of 1 has a larger bound, or an argument is not valid.
        sklearn.exceptions.NotFittedError
            If the selector has not been fitted.
        """
        if not (isinstance(max_false, Real) and max_false > 0):
            raise ValueError(f"max_false={max_false!r} must be a positive number.")
        if bound not in ("markov", "unimodal", "r_concave"):
            raise ValueError(
                f"bound={bound!r} must be 'markov', 'unimodal' or 'r_concave'."
            )
        for k in range(self.n_pairs + 1, 2 * self.n_pairs + 1):
            threshold = k / (2 * self.n_pairs)
            value = self.error_bounds(threshold)[bound]
            if value <= max_false:
                return threshold
        raise ValueError(
            f"No threshold has a {bound} bound of max_false={max_false:g} or less; "
            f"that of threshold 1 is {value:.3g}. Refit with a smaller max_groups, or "
            "more pairs."
        )

    # -- metadata ----------------------------------------------------------------------

    def _routed(self, params):
        """Return sample_weight and offset for the base estimator."""
        if get_config()["enable_metadata_routing"]:
            params = process_routing(self, "fit", **params).estimator.fit
        unknown = sorted(set(params) - {"sample_weight", "offset"})
        if unknown:
            raise TypeError(
                f"fit got {unknown}; of metadata it takes sample_weight and offset."
            )
        return {name: params.get(name) for name in ("sample_weight", "offset")}

    def get_metadata_routing(self):
        """Return which metadata go where.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
            ``fit`` passes on what the estimator's ``fit`` requests.
        """
        return MetadataRouter(owner=self).add(
            estimator=self._inner(),
            method_mapping=MethodMapping().add(caller="fit", callee="fit"),
        )


def _warn_of_the_worst(solutions, how):
    """Warn once of all runs that did not converge, with the figures of the worst."""
    failed = [one for one in solutions if not one.converged.all()]
    if failed:
        worst = max(failed, key=lambda one: (one.gaps - one.accepted_gap).max())
        where = f" in {len(failed)} of {len(solutions)} subsamples, the worst of them"
        warn_if_not_converged(worst, where=where, **how)
