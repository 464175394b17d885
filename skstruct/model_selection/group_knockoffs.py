"""The knockoff filter for groups: selection with a bounded false discovery rate."""

import warnings
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.covariance import LedoitWolf
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted

from skstruct._compat import Interval, StrOptions, fit_context, with_callbacks
from skstruct.groups import make_layout
from skstruct.linear_model.adaptive import adapted, cross_validated_coef
from skstruct.linear_model.fitting import atomic_fit, warn_if_not_converged
from skstruct.linear_model.paths import check_alphas
from skstruct.model_selection.group_selection import GroupSelection
from skstruct.model_selection.knockoffs import (
    check_not_singular,
    fixed_knockoffs,
    gaussian_knockoffs,
    knockoff_threshold,
)
from skstruct.model_selection.progress import Progress
from skstruct.solvers.solve import alpha_grid, solve_path
from skstruct.streams import refuse_stream


class GroupKnockoffSelector(GroupSelection):
    r"""Select groups of features with a bounded false discovery rate.

    Every group gets a knockoff: made features that look like it beside the others, but
    cannot help to predict y. A group lasso is fitted to both. The statistic
    :math:`W_g` of a group is large if the group mattered more than its knockoff, and
    for groups without effect its sign is that of a fair coin. So the groups with
    :math:`W_g \ge t` are selected, t being the least threshold at which

    .. math:: \frac{o + \#\{g : W_g \le -t\}}{\#\{g : W_g \ge t\}} \le \text{fdr} .

    Parameters
    ----------
    estimator : estimator, default=None
        A group estimator of this package at one alpha, whose own `alpha`, `relax` and
        `warm_start` play no part. None means ``GroupLasso()``.
    groups : int, array-like, list, dict, callable or None, default=None
        The groups, disjoint, in any of the forms that the estimator takes; None means
        those of the estimator itself.
    knockoffs : {"fixed", "gaussian"}, default="fixed"
        How knockoffs are made. "fixed" takes X as it is, whatever its distribution, and
        needs at least twice as many samples as features (and one more with an
        intercept), of full rank. "gaussian" takes the rows of X to be independent and
        Gaussian, and needs nothing of y or of the number of samples.
    covariance : estimator, array-like or None, default=None
        For "gaussian" knockoffs: the covariance of the rows of X if it is known, of
        shape (n_features, n_features), else an estimator with an attribute
        ``covariance_`` after its fit, such as those in ``sklearn.covariance``.
        None means :class:`sklearn.covariance.LedoitWolf` of the standardised columns;
        see the Notes on what that costs.
    statistic : {"entry", "norm"}, default="entry"
        What is compared between a group and its knockoff: the largest alpha at which it
        enters the path; or the norm of its coefficients at the alpha of the best
        cross-validated score, which is for "gaussian" knockoffs only.
    fdr : float, default=0.1
        False discovery rate to bound, in (0, 1]. It may be changed after the fit.
    offset : {0, 1}, default=1
        What is added to the number of negative statistics: 1 for knockoff+, which
        bounds the false discovery rate; 0 for the knockoff filter, which bounds a
        modified rate and selects more. It may be changed after the fit.
    alphas : int or array-like of shape (n_alphas,), default=100
        Number of alphas on a geometric grid from ``alpha_max`` to
        ``eps * alpha_max``, or the alphas themselves, nonnegative. Of a group and a
        knockoff that enter at the same alpha, the larger one counts as the first.
    eps : float, default=0.02
        Length of the grid, in (0, 1).
    random_state : int, RandomState instance or None, default=None
        Draws the knockoffs.
    verbose : bool or int, default=False
        Print a summary when done.

    Attributes
    ----------
    W_ : ndarray of shape (n_groups,)
        Statistics of the groups: the larger of the group's figure and its knockoff's,
        negative if that is the knockoff's; for "norm", their difference.
    threshold_ : float
        The threshold, infinite if nothing is selected.
    selected_groups_ : ndarray
        Names of the selected groups.
    groups_ : list of ndarray
        Feature indices of each group.
    group_names_ : ndarray of shape (n_groups,)
        Names of the groups.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has names.

    Warns
    -----
    UserWarning
        If there are so few groups that nothing can be selected: with offset 1, a
        selection has at least ``1 / fdr`` groups.

    See Also
    --------
    GroupStabilitySelection : Bounds the number of false selections, by subsampling.

    Notes
    -----
    What the bound rests on, for offset 1: "fixed" knockoffs, that y is linear in X with
    independent Gaussian noise of one variance; "gaussian" knockoffs, that rows of X are
    independent and Gaussian of known covariance. An estimated covariance makes the
    bound approximate: with more features than samples the measured rate was 0.29 for
    fdr=0.2. Columns that are not Gaussian at all, such as one-hot encodings, are
    outside of the theory. A group without effect means: one that y does not depend on
    given all other groups.

    Knockoffs are equicorrelated: the covariance of a group with its knockoff is that
    within the group less a multiple gamma of it, the same for all groups and as large
    as can be (Dai and Barber, 2016, sec. 3). Correlated groups make gamma small, and
    knockoffs hard to tell from their groups, which costs power.

    The selection depends on the random knockoffs; ``doc/design/stability.md`` has
    measured rates.

    References
    ----------
    Barber, R. F. and Candes, E. J. (2015). Controlling the false discovery rate via
    knockoffs. Annals of Statistics 43(5), 2055-2085.

    Dai, R. and Barber, R. F. (2016). The knockoff filter for FDR control in
    group-sparse and multitask regression. ICML 2016.

    Candes, E., Fan, Y., Janson, L. and Lv, J. (2018). Panning for gold: 'model-X'
    knockoffs for high dimensional controlled variable selection. JRSS B 80(3), 551-577.

    Examples
    --------
    >>> from skstruct import GroupKnockoffSelector
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups = make_group_regression(
    ...     n_samples=200, n_groups=20, group_size=3, n_informative_groups=6,
    ...     random_state=0)
    >>> selector = GroupKnockoffSelector(groups=groups, fdr=0.2, random_state=0)
    >>> selector.fit_transform(X, y).shape
    (200, 18)
    >>> len(selector.selected_groups_)
    6
    """

    _parameter_constraints: dict = {
        **GroupSelection._parameter_constraints,
        "knockoffs": [StrOptions({"fixed", "gaussian"})],
        "covariance": "no_validation",  # _moments says what is wrong
        "statistic": [StrOptions({"entry", "norm"})],
        "fdr": [Interval(Real, 0, 1, closed="right")],
        "offset": [Interval(Integral, 0, 1, closed="both")],
        "alphas": "no_validation",
        "eps": "no_validation",
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        groups=None,
        knockoffs="fixed",
        covariance=None,
        statistic="entry",
        fdr=0.1,
        offset=1,
        alphas=100,
        eps=0.02,
        random_state=None,
        verbose=False,
    ):
        self.estimator = estimator
        self.groups = groups
        self.knockoffs = knockoffs
        self.covariance = covariance
        self.statistic = statistic
        self.fdr = fdr
        self.offset = offset
        self.alphas = alphas
        self.eps = eps
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        return tags

    @atomic_fit
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y):
        """Make knockoffs and compare the groups with them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data, dense.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Responses; classes of shape (n_samples,) for classifiers.

        Returns
        -------
        self : object
            The fitted selector.

        Raises
        ------
        ValueError
            If data, groups or parameters are not valid: too few samples for "fixed"
            knockoffs, a singular Gram or covariance matrix, unpenalised groups; the
            selector then stays as it was.
        TypeError
            If X is sparse, or the estimator is not of this package.

        Warns
        -----
        sklearn.exceptions.ConvergenceWarning
            If some duality gap is too large.
        """
        base = self._base()
        base._validate_params()
        if sparse.issparse(X):
            raise TypeError(
                f"{type(self).__name__} does not take sparse data, as knockoffs are "
                "dense: pass X.toarray()."
            )
        refuse_stream(self, X)
        X, y = base._validated(X, y)
        if len(X) < 2:
            raise ValueError(f"n_samples={len(X)}, and knockoffs need 2 at least.")
        layout = make_layout(
            base.groups,
            X.shape[1],
            feature_names=getattr(base, "feature_names_in_", None),
            weights=base.group_weights,
            remainder=base.remainder,
        )
        self._take_data_attributes(base)
        self._check_layout(layout)
        both = self._problem(base, X.astype(np.float64), y, layout)
        how = {"tol": base.tol, "max_iter": base.max_iter}
        both = adapted(both, base.adaptive, base.gamma, **how)
        self.W_ = self._statistics(both, layout.n_groups, X, y, how)
        self.groups_ = layout.feature_groups()
        self.group_names_ = layout.names_array()
        if self.verbose:
            print(
                f"{type(self).__name__}: {len(self.selected_groups_)} of "
                f"{layout.n_groups} groups selected at fdr={self.fdr:g}, threshold "
                f"{self.threshold_:.3g}"
            )
        return self

    def _check_layout(self, layout):
        free = np.flatnonzero(layout.weights == 0)
        if len(free):
            raise ValueError(
                f"group {layout.names[free[0]]!r} has weight 0, so that it is in every "
                "model and cannot be compared with a knockoff. Give all groups a "
                "positive weight."
            )
        if self.offset / layout.n_groups > self.fdr:
            warnings.warn(
                f"Nothing can be selected: with offset=1 and fdr={self.fdr:g} a "
                f"selection has at least {int(np.ceil(1 / self.fdr))} groups, and "
                f"there are {layout.n_groups}. Use offset=0 or a larger fdr.",
                UserWarning,
                stacklevel=2,
            )

    # -- knockoffs ---------------------------------------------------------------------

    def _problem(self, base, X, y, layout):
        """Return the problem of the features beside their knockoffs."""
        rng = check_random_state(self.random_state)
        groups = layout.feature_groups()
        if self.knockoffs == "fixed":
            copies = self._fixed(base, X, groups, rng)
        else:
            copies = gaussian_knockoffs(X, groups, rng, *self._moments(X))
        p = X.shape[1]
        doubled = clone(base).set_params(
            groups=[*groups, *(own + p for own in groups)],
            group_weights=np.tile(layout.weights, 2),
        )
        _, _, problem = doubled._make_problem(np.hstack([X, copies]), y, None, None)
        if self.knockoffs == "fixed" and not problem.loss.is_quadratic:
            raise ValueError(
                "knockoffs='fixed' are for linear models with Gaussian noise, the "
                f"squared error, not for {type(problem.loss).__name__}: use "
                "knockoffs='gaussian'."
            )
        return problem

    def _fixed(self, base, X, groups, rng):
        n, needed = len(X), 2 * X.shape[1] + int(base.fit_intercept)
        if self.statistic == "norm" or base.adaptive is not None:
            raise ValueError(
                "knockoffs='fixed' allow no statistic that looks at single rows, as "
                "cross-validation does for statistic='norm' and adaptive weights: use "
                "statistic='entry' and no adaptive weights, or knockoffs='gaussian'."
            )
        if n < needed:
            raise ValueError(
                f"knockoffs='fixed' need n_samples >= 2 * n_features"
                f"{' + 1' if base.fit_intercept else ''} = {needed}, and there are "
                f"n_samples = {n}: use knockoffs='gaussian', or fewer features."
            )
        if base.fit_intercept:
            X = X - X.mean(axis=0)
        way_out = "Drop one, such as with OneHotEncoder(drop='first')."
        check_not_singular(X.T @ X, "a Gram matrix", way_out)
        return fixed_knockoffs(X, groups, rng, bool(base.fit_intercept))

    def _moments(self, X):
        """Return mean and covariance of the rows of X, known or estimated."""
        mean, p = X.mean(axis=0), X.shape[1]
        if self.covariance is None:
            scale = X.std(axis=0)
            scale[scale == 0] = 1.0
            unit = LedoitWolf().fit((X - mean) / scale).covariance_
            return mean, unit * np.outer(scale, scale)
        if hasattr(self.covariance, "fit"):
            covariance = clone(self.covariance).fit(X).covariance_
        else:
            covariance = check_array(
                self.covariance, dtype=np.float64, input_name="covariance"
            )
        if covariance.shape != (p, p) or not np.allclose(covariance, covariance.T):
            raise ValueError(
                f"covariance must be symmetric, of shape ({p}, {p}); got shape "
                f"{covariance.shape}."
            )
        way_out = "Use one that shrinks, such as covariance=LedoitWolf()."
        check_not_singular(covariance, "a covariance matrix", way_out)
        return mean, covariance

    # -- statistics --------------------------------------------------------------------

    def _statistics(self, problem, n_groups, X, y, how):
        """Return W of each group from the problem with its knockoffs."""
        alphas = check_alphas(self.alphas, self.eps)
        if isinstance(alphas, int):
            alphas = alpha_grid(problem, alphas, self.eps)
        progress = Progress(self, X, y, ["path"], len(alphas))
        if self.statistic == "norm":
            coef = cross_validated_coef(problem, alphas, **how)
            for _ in alphas:
                progress.step(0)
            norms = problem.layout.norms(coef.T)
            W = norms[:n_groups] - norms[n_groups:]
        else:
            solution = solve_path(
                problem, alphas, on_solved=lambda: progress.step(0), **how
            )
            warn_if_not_converged(solution, **how)
            W = _signed_entries(problem.layout, solution, n_groups)
        progress.finish()
        return W

    @property
    def threshold_(self):
        """Least statistic of a selected group, infinite if there is none."""
        check_is_fitted(self, "W_")
        return knockoff_threshold(self.W_, self.fdr, self.offset)

    def _selected_mask(self):
        return self.threshold_ <= self.W_


def _signed_entries(layout, solution, n_groups):
    """Return the larger alpha at which a group or its knockoff enters, with a sign.

    It is negative for the knockoff; of two that enter together, the one with the larger
    coefficients counts. 0 if neither enters.
    """
    norms = np.array([layout.norms(coef.T) for coef in solution.coefs])
    own, copy = norms[:, :n_groups], norms[:, n_groups:]
    enters = (own > 0) | (copy > 0)
    first, g = enters.argmax(axis=0), np.arange(n_groups)
    sign = np.sign(own[first, g] - copy[first, g])
    return np.where(enters.any(axis=0), solution.alphas[first], 0.0) * sign
