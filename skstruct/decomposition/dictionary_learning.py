"""A dictionary learnt from all signals at once."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skstruct._compat import fit_context, with_callbacks
from skstruct.decomposition.learner import DictionaryLearner, mean_objective

# Sweeps over the atoms after each coding of all signals.
_SWEEPS = 5


class StructuredDictionaryLearning(DictionaryLearner):
    r"""Learn a dictionary over which signals have codes that are sparse by group.

    Minimises over the dictionary D, of atoms :math:`d_j` in the unit ball, and the
    codes :math:`c_i` of the n signals :math:`x_i`

    .. math:: \frac{1}{n} \sum_i \left( \tfrac{1}{2} \lVert x_i - c_i D \rVert_2^2
              + \alpha \, \Omega(c_i) \right) + \alpha_D \sum_j \sum_h w_h
              \lVert d_{j,h} \rVert_2

    by turns: all codes, then a few sweeps of block coordinate descent over the atoms.
    The problem is not convex; a stationary point is found.

    Parameters
    ----------
    n_components : int, default=None
        Number of atoms; None: as many as features.
    alpha : float, default=1.0
        Strength of the penalty on codes.
    groups : None, int, labels, list of collections, dict or callable, default=None
        Groups of atoms, in every form of :func:`skstruct.groups.make_layout`; nested
        ones too for "tree". None: every atom is its own group, and the learner is
        scikit-learn's.
    l1_ratio : float, default=0.5
        Share of the l1 norm in "sparse_group_lasso".
    group_weights : array-like of shape (n_groups,) or dict, default=None
        Weights of the groups' norms; None: the square root of each group's size.
    atom_groups : None, int, labels, list of collections, dict or callable, default=None
        Groups of features, nested or disjoint, for a penalty on atoms: structured
        sparse PCA. None: every feature is its own group.
    atom_alpha : float, default=0.0
        Strength of the penalty on atoms; 0 is none.
    max_iter : int, default=200
        Largest number of turns.
    tol : float, default=1e-5
        Stop once a turn lowers the objective by at most `tol` times the objective.
    fit_algorithm : str, default="group_lasso"
        Penalty on codes: "group_lasso", "sparse_group_lasso", "tree" or "lasso", as
        in :class:`GroupSparseCoder`; scikit-learn's "cd" and "lars" mean "lasso".
    transform_algorithm : str, default=None
        Algorithm of `transform`, as in :class:`GroupSparseCoder`; None: as in the fit.
    transform_n_nonzero_coefs : int, default=None
        Number of atoms for "omp" and "ormp", of groups for "group_omp".
    transform_alpha : float, default=None
        Strength of the penalty in `transform`; None: `alpha`.
    n_jobs : int, default=None
        Threads that code signals.
    code_init : array-like of shape (n_samples, n_components), default=None
        Codes to start with, from which the first dictionary update is made.
    dict_init : array-like of shape (n_components, n_features), default=None
        Atoms to start with; longer ones are scaled to unit norm. None: signals chosen
        at random.
    callback : callable, default=None
        Called after each turn with a dict of "iteration", "objective", "dictionary".
    verbose : bool or int, default=False
        Print the objective of each turn.
    split_sign : bool, default=False
        Return positive and negative parts of codes side by side.
    random_state : int, RandomState or None, default=None
        Seed of the choice of first atoms.
    positive_code : bool, default=False
        Confine codes to nonnegative values; not for pursuits.
    positive_dict : bool, default=False
        Confine atoms to nonnegative values.
    transform_max_iter : int, default=1000
        Largest number of iterations for one signal, as in :class:`GroupSparseCoder`.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Atoms, in the unit ball.
    objective_ : ndarray of shape (`n_iter_`,)
        Mean objective of each turn, after its codes and before its new dictionary.
    error_ : ndarray of shape (`n_iter_`,)
        Summed over the signals instead, as in scikit-learn.
    n_iter_ : int
        Number of turns.
    n_components_ : int
        Number of atoms.
    groups_ : list of ndarray
        Atoms of each group.
    group_names_ : ndarray of shape (n_groups,)
        Names of the groups.
    group_weights_ : ndarray of shape (n_groups,)
        Weights of the groups.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features, where X has them.

    See Also
    --------
    MiniBatchStructuredDictionaryLearning : Much faster on many signals.
    GroupSparseCoder : Codes over a dictionary that is given.

    Notes
    -----
    Atoms in no code are replaced by the signals that are explained worst, unless atoms
    have a penalty. X is used as it is: no mean is taken off.

    References
    ----------
    Mairal, J., Bach, F., Ponce, J. and Sapiro, G. (2010). Online learning for matrix
    factorization and sparse coding. JMLR 11, 19-60.

    Jenatton, R., Obozinski, G. and Bach, F. (2010). Structured sparse principal
    component analysis. AISTATS, 366-373.

    Jenatton, R., Mairal, J., Obozinski, G. and Bach, F. (2011). Proximal methods for
    hierarchical sparse coding. JMLR 12, 2297-2334.

    Examples
    --------
    >>> import numpy as np
    >>> from skstruct import StructuredDictionaryLearning
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> learner = StructuredDictionaryLearning(
    ...     6, groups=2, alpha=0.5, random_state=0, tol=1e-3
    ... )
    >>> learner.fit_transform(X).shape
    (60, 6)
    """

    _parameter_constraints = {
        **DictionaryLearner._parameter_constraints,
        "code_init": ["array-like", None],
    }

    def __init__(
        self,
        n_components=None,
        *,
        alpha=1.0,
        groups=None,
        l1_ratio=0.5,
        group_weights=None,
        atom_groups=None,
        atom_alpha=0.0,
        max_iter=200,
        tol=1e-5,
        fit_algorithm="group_lasso",
        transform_algorithm=None,
        transform_n_nonzero_coefs=None,
        transform_alpha=None,
        n_jobs=None,
        code_init=None,
        dict_init=None,
        callback=None,
        verbose=False,
        split_sign=False,
        random_state=None,
        positive_code=False,
        positive_dict=False,
        transform_max_iter=1000,
    ):
        self.n_components = n_components
        self.alpha = alpha
        self.groups = groups
        self.l1_ratio = l1_ratio
        self.group_weights = group_weights
        self.atom_groups = atom_groups
        self.atom_alpha = atom_alpha
        self.max_iter = max_iter
        self.tol = tol
        self.fit_algorithm = fit_algorithm
        self.transform_algorithm = transform_algorithm
        self.transform_n_nonzero_coefs = transform_n_nonzero_coefs
        self.transform_alpha = transform_alpha
        self.n_jobs = n_jobs
        self.code_init = code_init
        self.dict_init = dict_init
        self.callback = callback
        self.verbose = verbose
        self.split_sign = split_sign
        self.random_state = random_state
        self.positive_code = positive_code
        self.positive_dict = positive_dict
        self.transform_max_iter = transform_max_iter

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn a dictionary.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Signals.
        y : None
            Not used.

        Returns
        -------
        self : StructuredDictionaryLearning
            The fitted learner.

        Raises
        ------
        ValueError
            If groups, first atoms or first codes do not fit.

        Warns
        -----
        ConvergenceWarning
            If the objective still falls by more than `tol` after `max_iter` turns.
        """
        X = self._validated(X, reset=True)
        D = self._begin(X)
        context = self._init_callback_context(max_subtasks=self.max_iter)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        self._start_from_codes(X, D)
        objectives, converged = [], False
        for turn in range(self.max_iter):
            task = context.subcontext(task_name="turn")
            task.call_on_fit_task_begin(estimator=self)
            codes, _, coder = self._codes(D, X)
            penalty = self._surrogate.penalty(D)
            objectives.append(mean_objective(X, D, codes, coder, penalty))
            fall = objectives[-2] - objectives[-1] if turn else np.inf
            converged = fall <= self.tol * max(objectives[-1], 0.0)
            self._tell(turn, objectives[-1], D)
            stopped = task.call_on_fit_task_end(estimator=self)
            if converged or stopped:
                break
            self._surrogate.add(codes, X, keep=0.0)
            self._surrogate.update(D, _SWEEPS)
            self._surrogate.replace_unused(D, codes, X)
        self.objective_ = np.array(objectives)
        self.error_ = self.objective_ * X.shape[0]
        self.n_iter_ = len(objectives)
        self._finish(D, X)
        context.call_on_fit_task_end(
            estimator=self, X=X, y=y, reconstruction_attributes={}
        )
        if not converged and not stopped:
            warnings.warn(
                f"The objective still fell by {fall / objectives[-1]:.2g} of itself "
                f"in the last of max_iter={self.max_iter} turns, more than tol="
                f"{self.tol:g}. Raise max_iter or tol.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def _start_from_codes(self, X, D):
        if self.code_init is None:
            return
        codes = np.array(self.code_init, dtype=np.float64)
        if codes.shape != (X.shape[0], len(D)):
            raise ValueError(
                f"code_init has shape {codes.shape}, but {(X.shape[0], len(D))} is "
                "needed, (n_samples, n_components)."
            )
        self._surrogate.add(codes, X, keep=0.0)
        self._surrogate.update(D, _SWEEPS)

    def _tell(self, turn, objective, D):
        if self.verbose:
            print(f"turn {turn + 1}: mean objective {objective:.8g}")
        if self.callback is not None:
            now = {"iteration": turn, "objective": objective, "dictionary": D}
            self.callback(now)
