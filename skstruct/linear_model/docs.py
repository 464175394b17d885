"""What several estimators' docstrings say alike, written once.

A line ``{name}`` of a docstring stands for the entry of that name below.
"""

from skstruct._docs import fill_docs

_ENTRIES = {
    "alpha": """
alpha : float, default=1.0
    Strength of the penalty, nonnegative, in units of the loss per unit of
    coefficient. 0 leaves everything unpenalised; from some ``alpha_max`` on,
    every penalised group is zero (the path functions start there).
""",
    "class_alpha": """
alpha : float, default=0.01
    Strength of the penalty, nonnegative, in units of the loss per unit of
    coefficient. 0 leaves everything unpenalised; from some ``alpha_max`` on, every
    penalised group is zero.
""",
    "groups": r"""
groups : int, array-like, list, dict, callable or None, default=None
    Which features belong together:

    - None: each feature is its own group;
    - int k: consecutive blocks of k features;
    - labels of shape (n_features,): features with equal labels are a group;
    - list of collections of feature indices or names: one group each;
    - dict of group name to indices, names, a slice, a mask, or a regular
      expression of feature names;
    - callable of the feature names that returns any of these.

    Every feature must be in a group; see `remainder`.
""",
    "shape": r"""
group_weights : array-like of shape (n_groups,), dict or None, default=None
    Weights w, in the order of ``group_names_`` (labels are sorted, other forms
    stay as given), or by group name. 0 leaves a group unpenalised. None means the
    square root of the group's size (number of features), for every group that a
    dict leaves out too.
remainder : {"error", "singletons", "unpenalized"}, default="error"
    What becomes of features in no group: an error that names them, a group each,
    or one group of weight 0.
fit_intercept : bool, default=True
    Whether to fit an intercept, which is never penalised.
standardize : {"none", "features", "groups"}, default="none"
    In which coordinates coefficients are penalised: as they are; multiplied by
    their feature's standard deviation (as if X had been standardised); or such
    that each group's columns are orthonormal, so that a group is penalised by
    the size of what it fits (Simon and Tibshirani, 2012). ``coef_`` always
    belongs to X as given. Without intercept, deviations are about zero.
""",
    "positive": """
positive : bool, default=False
    Constrain all coefficients to be nonnegative.
""",
    "l1_ratio": """
l1_ratio : float, default=0.05
    Share of the l1 norm, from 0 (the group lasso) to 1 (the lasso).
""",
    "l1_ratios": """
l1_ratio : float or array-like of float, default=0.05
    Share of the l1 norm, from 0 (the group lasso) to 1 (the lasso); of several,
    the best is chosen together with alpha.
""",
    "overlap": """
overlap : {"latent", "intersection", "tree"}, default="latent"
    What groups that share features mean: a sum of latent coefficients, one for
    each group, so that the selected features are a union of groups; one
    coefficient which every one of its groups penalises, so that the features
    left out are a union of groups; or the same for groups that are nested or
    disjoint, where a group is only there if the groups around it are.
""",
    "loss": """
loss : {"squared_error", "huber", "quantile", "poisson", "gamma", "tweedie"} or \
        Loss, default="squared_error"
    The loss, by name or as an object with parameters, such as
    ``HuberLoss(delta=2.0)``. Poisson, gamma and Tweedie model the logarithm of
    the mean.
""",
    "class_weight": """
class_weight : dict, "balanced" or None, default=None
    Weights of the classes, which multiply sample weights; "balanced" makes all
    classes weigh the same.
""",
    "adaptive": """
adaptive : {"ridge", "group_lasso"}, array-like or None, default=None
    Divide the weight of each group by the norm of its coefficients in a first
    fit, to the power `gamma`, so that strong groups are shrunken less (Wang and
    Leng, 2008). The first fit has a ridge, or the penalty of the model itself,
    its strength chosen by 5-fold cross-validation on the same rows; or give its
    coefficients, of the shape of ``coef_``.
gamma : float, default=1.0
    Exponent of the adaptive weights, nonnegative.
""",
    "relax": """
relax : bool or float, default=False
    Share of a refit in the coefficients, from 0 (False) to 1 (True): the model
    is fitted once more to the features selected, without the penalty, which
    takes back its shrinkage (Meinshausen, 2007).
relax_alpha : float, default=0.0
    Strength of a ridge ``relax_alpha / 2 * ||B||^2`` in that refit; some helps
    where classes are separable or columns collinear.
""",
    "relax_cv": """
relax : bool, float or array-like of float, default=False
    Share of a refit in the coefficients, from 0 (False) to 1: the model is
    fitted once more to the features selected, without the penalty, which takes
    back its shrinkage (Meinshausen, 2007). True chooses among 0, 0.25, 0.5,
    0.75 and 1, together with alpha; an array among its values.
relax_alpha : float, default=0.0
    Strength of a ridge ``relax_alpha / 2 * ||B||^2`` in that refit; some helps
    where classes are separable or columns collinear.
""",
    "solver": """
tol : float, default=1e-4
    Stop when the duality gap is at most `tol` times the null model's loss
    (intercept and unpenalised groups only), measured from a perfect fit.
max_iter : int, default=10_000
    Most sweeps over the groups at each alpha.
""",
    "warm_start": """
warm_start : bool, default=False
    Start from the coefficients of the last fit.
verbose : bool or int, default=False
    Print sweeps and duality gap when done.
""",
    "alphas": """
alphas : int or array-like of shape (n_alphas,), default=100
    Number of alphas on a geometric grid from ``alpha_max`` of all data, the
    smallest alpha at which every penalised group is zero, to
    ``eps * alpha_max``; or the alphas themselves, nonnegative.
eps : float, default=1e-3
    Length of the grid, in (0, 1).
""",
    "cv_folds": """
cv : int, cross-validation generator or iterable, default=None
    Folds: None means 5, an int the number of folds, else a splitter or an
    iterable of (train, test) indices. As everywhere in scikit-learn, a number
    of folds cuts the rows in their order (classes are stratified): where they
    are sorted, pass ``KFold(5, shuffle=True, random_state=0)``.
scoring : str, callable or None, default=None
    Score to maximise; None is minus the mean deviance, weighted by
    `sample_weight`: the squared error, the deviance of Poisson, gamma and
    Tweedie responses, the log loss of classes, else the loss itself. Offsets are
    in the predictions that are scored. Scorers get the metadata that they
    request.
""",
    "cv_selection": """
selection : {"min", "1se"}, default="min"
    Which alpha to choose: of the best mean score, or the largest one whose mean
    score is within one standard error of the best (Breiman et al., 1984).
""",
    "n_jobs": """
n_jobs : int or None, default=None
    Number of threads for the folds; None means 1, -1 all processors.
verbose : bool or int, default=False
    Print the choice when done. For progress, ``set_callbacks(ProgressBar())``
    with scikit-learn 1.9 or later.
""",
    "criterion": """
criterion : {"aic", "bic", "ebic"}, default="bic"
    What to minimise: the deviance over the dispersion, plus 2, or log(n) for
    each degree of freedom; "ebic" adds ``2 * ebic_gamma * log(binomial(G, k))``
    for k of G groups selected (Chen and Chen, 2008).
ebic_gamma : float, default=1.0
    Weight of that term, from 0 ("bic") to 1.
degrees_of_freedom : {"exact", "yuan_lin"}, default="exact"
    How degrees of freedom are estimated: the trace of the derivative of the fit
    by the responses (Vaiter et al., 2012 and 2017), or the approximation of
    Yuan and Lin (2006, eq. 6.3), which compares with the unpenalised fit and so
    needs more samples than features.
noise_variance : float, "profile" or None, default=None
    Dispersion: the variance of the noise for the squared error, 1 for classes
    and counts. None estimates it from the unpenalised fit if that leaves degrees
    of freedom, else from the fit of least generalised cross-validation score
    among those with half as many degrees of freedom as samples at most (Reid et
    al., 2016, choose it by cross-validation); "profile" takes, for the squared
    error, the mean square of each alpha's own residuals.
""",
    "data": """
X : {array-like, sparse matrix} of shape (n_samples, n_features)
    Training data.
y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    Responses.
""",
    "path_alphas": """
alphas : int or array-like of shape (n_alphas,), default=100
    Number of alphas on a geometric grid from ``alpha_max``, the smallest alpha at
    which every penalised group is zero, to ``eps * alpha_max``; or the alphas
    themselves, nonnegative.
eps : float, default=1e-3
    Length of the grid, in (0, 1).
""",
    "path_returns": """
alphas : ndarray of shape (n_alphas,)
    From large to small.
coefs : ndarray of shape (n_features, n_alphas) or \
        (n_outputs, n_features, n_alphas)
    Coefficients.
dual_gaps : ndarray of shape (n_alphas,)
    Duality gaps, in units of the objective.
intercepts : ndarray of shape (n_alphas,) or (n_outputs, n_alphas)
    Intercepts.
n_iters : ndarray of shape (n_alphas,)
    Sweeps at each alpha.
""",
    "coef": """
coef_ : ndarray of shape (n_features,) or (n_outputs, n_features)
    Coefficients; float32 where X is.
intercept_ : float or ndarray of shape (n_outputs,)
    Intercept, 0 without one.
""",
    "class_coef": """
classes_ : ndarray of shape (n_classes,)
    The classes.
coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
    Coefficients: of the second class against the first, or of every class.
intercept_ : ndarray of shape (1,) or (n_classes,)
    Intercepts, zeros without.
""",
    "subset": """
method : {"forward", "backward", "both"}, default="forward"
    Add the best group to none, or remove the worst from all (from as many as are
    independent), one by one; or both, and the better one is kept.
n_swaps : int or None, default=None
    Rounds of trades afterwards, of groups kept for better ones; None for as many as
    help, so that no single trade would. 0 leaves the nested choice of greedy steps.
ridge : float, default=0.0
    Strength of a ridge on the coefficients.
group_weights : array-like of shape (n_groups,), dict or None, default=None
    Groups of weight 0 are in every model and are not counted; other weights make no
    difference.
remainder : {"error", "singletons", "unpenalized"}, default="error"
    What becomes of features in no group: an error that names them, a group each,
    or one group of weight 0.
fit_intercept : bool, default=True
    Whether to fit an intercept.
""",
    "subset_sizes": """
n_groups : int or array-like of int, default=20
    Largest number of groups to try, from 0 on; or the numbers themselves. More than
    there are count as all.
""",
    "subset_path": """
n_groups_path_ : ndarray of shape (n_sizes,)
    The numbers of groups tried, increasing.
coef_path_ : ndarray of shape (n_features, n_sizes)
    Coefficients for each number, on all data; with several outputs of shape
    (n_outputs, n_features, n_sizes).
intercept_path_ : ndarray of shape (n_sizes,) or (n_outputs, n_sizes)
    Intercepts for each number.
""",
    "subset_fitted": """
objective_ : float
    The objective: half the weighted mean squared error, ridge included.
groups_ : list of ndarray
    Feature indices of each group.
group_names_ : ndarray of shape (n_groups,)
    Names of the groups.
group_weights_ : ndarray of shape (n_groups,)
    Weights of the groups.
group_norms_ : ndarray of shape (n_groups,)
    Euclidean norms of the groups' coefficients, all outputs together.
selected_groups_ : ndarray
    Names of the groups whose norm is not zero.
n_features_in_ : int
    Number of features seen in fit.
feature_names_in_ : ndarray of shape (`n_features_in_`,)
    Names of the features, where X has string names.
""",
    "fitted": """
dual_gap_ : float
    Duality gap: a bound on how far the objective is above its minimum, in units
    of the objective; before any refit by `relax`.
n_iter_ : int
    Sweeps run, each certifying pass counted as one; of a curved loss whose rows
    were read in chunks, passes over them.
groups_ : list of ndarray
    Feature indices of each group.
group_names_ : ndarray of shape (n_groups,)
    Names of the groups.
group_weights_ : ndarray of shape (n_groups,)
    Weights of the groups, adaptive ones included.
group_norms_ : ndarray of shape (n_groups,)
    Euclidean norms of the groups' coefficients, all outputs together.
selected_groups_ : ndarray
    Names of the groups whose norm is not zero.
n_features_in_ : int
    Number of features seen in fit.
feature_names_in_ : ndarray of shape (`n_features_in_`,)
    Names of the features, where X has string names.
n_passes_ : int
    Passes over the rows; only where they were read in chunks.
""",
    "path": """
alpha_ : float
    The chosen alpha.
alphas_ : ndarray of shape (n_alphas,)
    The grid, from large to small.
coef_path_ : ndarray of shape (n_features, n_alphas) or \
        (n_outputs, n_features, n_alphas)
    Coefficients along the path on all data, before any refit by `relax`.
intercept_path_ : ndarray of shape (n_alphas,) or (n_outputs, n_alphas)
    Intercepts along the path.
dual_gap_path_ : ndarray of shape (n_alphas,)
    Duality gaps along the path.
""",
    "cv_fitted": """
alpha_min_, alpha_1se_ : float
    What ``selection="min"`` and ``"1se"`` choose.
scores_path_ : ndarray of shape (n_alphas, n_folds)
    Scores of each fold; larger is better.
scores_mean_, scores_se_ : ndarray of shape (n_alphas,)
    Their mean and its standard error.
relax_ : float
    The share of the refit, the best one if there was a choice; the scores above
    belong to it.
""",
    "ic_fitted": """
criterion_path_ : ndarray of shape (n_alphas,)
    The criterion along the path; smaller is better.
degrees_of_freedom_path_ : ndarray of shape (n_alphas,)
    Degrees of freedom along the path, the intercept's included.
noise_variance_ : float or None
    The dispersion; None with "profile".
""",
    "adaptive_references": """
Wang, H. and Leng, C. (2008). A note on adaptive group lasso. Computational
Statistics and Data Analysis 52(12), 5277-5286.
""",
    "relax_references": """
Meinshausen, N. (2007). Relaxed lasso. Computational Statistics and Data
Analysis 52(1), 374-393.
""",
    "standardize_references": """
Simon, N. and Tibshirani, R. (2012). Standardization and the group lasso penalty.
Statistica Sinica 22(3), 983-1001.
""",
    "cv_references": """
Breiman, L., Friedman, J., Olshen, R. and Stone, C. (1984). Classification and
Regression Trees, sec. 3.4.3 (the one standard error rule).
""",
    "ic_references": """
Yuan, M. and Lin, Y. (2006). Model selection and estimation in regression with
grouped variables. JRSS B 68(1), 49-67.

Vaiter, S., Deledalle, C., Peyre, G., Fadili, J. and Dossal, C. (2012). The
degrees of freedom of the group lasso. ICML workshops; and, for other penalties
and losses, Vaiter et al. (2017), AISM 69, 791-832.

Reid, S., Tibshirani, R. and Friedman, J. (2016). A study of error variance
estimation in lasso regression. Statistica Sinica 26(1), 35-67.

Chen, J. and Chen, Z. (2008). Extended Bayesian information criteria for model
selection with large model spaces. Biometrika 95(3), 759-771.
""",
}

shared_docs = fill_docs(_ENTRIES)
