"""A dictionary learnt from batches of signals, in memory or out of core."""

import warnings
from numbers import Integral

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import gen_batches

from skstruct._compat import Interval, fit_context, with_callbacks
from skstruct.decomposition.learner import DictionaryLearner, mean_objective

# Sweeps over the atoms after each batch.
_SWEEPS = 1
_FORGETTING = 2.0


class MiniBatchStructuredDictionaryLearning(DictionaryLearner):
    r"""Learn a dictionary from batches of signals, for codes sparse by group.

    The objective is that of :class:`StructuredDictionaryLearning`. Each batch is
    coded over the dictionary of the moment; moments of codes and signals, in which
    older batches fade, then make a quadratic surrogate of the objective, on which
    block coordinate descent improves the atoms (Mairal et al., 2010).

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
    batch_size : int, default=256
        Number of signals in a batch.
    shuffle : bool, default=True
        Go through the signals in another order each epoch.
    max_iter : int, default=100
        Largest number of epochs, that is, passes over all signals, of `fit`.
    tol : float, default=1e-3
        Stop once a batch moves the atoms by at most `tol`, on average over the atoms;
        0 never does.
    max_no_improvement : int, default=10
        Stop after so many batches in a row without a new best of the moving average
        of the objective; None never does.
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
    dict_init : array-like of shape (n_components, n_features), default=None
        Atoms to start with; longer ones are scaled to unit norm. None: signals chosen
        at random.
    callback : callable, default=None
        Called after each batch with a dict of "iteration", "objective", "dictionary".
    verbose : bool or int, default=False
        Print the objective of each epoch.
    split_sign : bool, default=False
        Return positive and negative parts of codes side by side.
    random_state : int, RandomState or None, default=None
        Seed of the choice of first atoms and of the order of the signals.
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
        Mean objective of the signals of each epoch, each batch over the dictionary as
        it was before that batch. `partial_fit` has one entry for each call.
    n_iter_ : int
        Number of epochs, the last perhaps not to its end; of calls of `partial_fit`.
    n_steps_ : int
        Number of batches seen.
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
    StructuredDictionaryLearning : All signals at once, to a tight tolerance.
    GroupSparseCoder : Codes over a dictionary that is given.

    Notes
    -----
    Atoms in no code so far are replaced by the signals of the batch that are explained
    worst, unless atoms have a penalty. X is used as it is: no mean is taken off.

    References
    ----------
    Mairal, J., Bach, F., Ponce, J. and Sapiro, G. (2010). Online learning for matrix
    factorization and sparse coding. JMLR 11, 19-60.

    Jenatton, R., Obozinski, G. and Bach, F. (2010). Structured sparse principal
    component analysis. AISTATS, 366-373.

    Examples
    --------
    >>> import numpy as np
    >>> from skstruct import MiniBatchStructuredDictionaryLearning
    >>> rng = np.random.default_rng(0)
    >>> learner = MiniBatchStructuredDictionaryLearning(
    ...     6, groups=2, alpha=0.5, random_state=0
    ... )
    >>> for _ in range(20):
    ...     learner = learner.partial_fit(rng.normal(size=(50, 4)))
    >>> learner.components_.shape, learner.n_steps_
    ((6, 4), 20)
    """

    _parameter_constraints = {
        **DictionaryLearner._parameter_constraints,
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "max_no_improvement": [Interval(Integral, 0, None, closed="left"), None],
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
        batch_size=256,
        shuffle=True,
        max_iter=100,
        tol=1e-3,
        max_no_improvement=10,
        fit_algorithm="group_lasso",
        transform_algorithm=None,
        transform_n_nonzero_coefs=None,
        transform_alpha=None,
        n_jobs=None,
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
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.max_iter = max_iter
        self.tol = tol
        self.max_no_improvement = max_no_improvement
        self.fit_algorithm = fit_algorithm
        self.transform_algorithm = transform_algorithm
        self.transform_n_nonzero_coefs = transform_n_nonzero_coefs
        self.transform_alpha = transform_alpha
        self.n_jobs = n_jobs
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
        """Learn a dictionary from batches of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Signals.
        y : None
            Not used.

        Returns
        -------
        self : MiniBatchStructuredDictionaryLearning
            The fitted learner.

        Raises
        ------
        ValueError
            If groups or first atoms do not fit.

        Warns
        -----
        ConvergenceWarning
            If neither `tol` nor `max_no_improvement` has ended the fit.
        """
        X = self._validated(X, reset=True)
        self._restart(X)
        context = self._init_callback_context(max_subtasks=self.max_iter)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        watch = _Watch(self.tol, self.max_no_improvement, X.shape[0])
        objectives, stopped = [], False
        for _ in range(self.max_iter):
            task = context.subcontext(task_name="epoch")
            task.call_on_fit_task_begin(estimator=self)
            objectives.append(self._epoch(X, watch))
            if self.verbose:
                print(f"epoch {len(objectives)}: mean objective {objectives[-1]:.8g}")
            stopped = task.call_on_fit_task_end(estimator=self)
            if watch.is_over or stopped:
                break
        self.objective_, self.n_iter_ = np.array(objectives), len(objectives)
        self._finish(self._atoms, X)
        context.call_on_fit_task_end(
            estimator=self, X=X, y=y, reconstruction_attributes={}
        )
        asked = self.tol > 0 or self.max_no_improvement is not None
        if asked and not watch.is_over and not stopped:
            warnings.warn(
                f"The atoms still moved by {watch.moved:.2g} on average in the last "
                f"batch of max_iter={self.max_iter} epochs, more than tol={self.tol:g}"
                f", and the objective has improved within {self.max_no_improvement} "
                "batches. Raise max_iter or tol.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None):
        """Learn from one more batch, all of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Signals. The first call's must have as many as the dictionary is to be
            started from: where there are fewer than atoms, noise fills up.
        y : None
            Not used.

        Returns
        -------
        self : MiniBatchStructuredDictionaryLearning
            The learner.
        """
        is_first = not hasattr(self, "components_")
        X = self._validated(X, reset=is_first)
        if is_first:
            self._restart(X)
            self.objective_, self.n_iter_ = np.empty(0), 0
        objective, _ = self._step(X)
        self.objective_ = np.append(self.objective_, objective)
        self.n_iter_ += 1
        self._finish(self._atoms, X)
        return self

    def _restart(self, X):
        self._atoms, self.n_steps_ = self._begin(X), 0

    def _epoch(self, X, watch):
        """Learn from all signals once; return their mean objective."""
        n = X.shape[0]
        order = self._random.permutation(n) if self.shuffle else None
        total = count = 0
        for rows in gen_batches(n, self.batch_size):
            batch = X[rows] if order is None else X[order[rows]]
            objective, moved = self._step(batch)
            total += objective * batch.shape[0]
            count += batch.shape[0]
            if watch.sees(objective, moved / len(self._atoms), batch.shape[0]):
                break
        return total / count

    def _step(self, X):
        """Learn from one batch; return its objective and how far atoms moved."""
        D, surrogate = self._atoms, self._surrogate
        codes, _, coder = self._codes(D, X)
        objective = mean_objective(X, D, codes, coder, surrogate.penalty(D))
        self.n_steps_ += 1
        surrogate.add(codes, X, keep=self._kept())
        moved = surrogate.update(D, _SWEEPS)
        surrogate.replace_unused(D, codes, X)
        if self.callback is not None:
            now = {"iteration": self.n_steps_, "objective": objective, "dictionary": D}
            self.callback(now)
        return objective, moved

    def _kept(self):
        """Return the share of older moments to keep at batch t, ``(1 - 1 / t)^2``.

        With the power 1 all batches would count alike, those too whose codes come
        from the first, poor dictionaries (Mairal et al., 2010, sec. 3.4.3).
        """
        return (1.0 - 1.0 / self.n_steps_) ** _FORGETTING


class _Watch:
    """Sees when learning is over, as scikit-learn does.

    Parameters
    ----------
    tol : float
        Bound on how far an atom moves, on average.
    patience : int or None
        Batches without a new best of the moving average of the objective.
    n : int
        Number of signals.
    """

    def __init__(self, tol, patience, n):
        self.tol, self.patience, self.n = tol, patience, n
        self.average, self.best, self.since, self.seen = None, np.inf, 0, 0
        self.moved, self.is_over = np.inf, False

    def sees(self, objective, moved, size):
        """Take note of one batch; return whether that was enough."""
        self.moved, self.seen = moved, self.seen + 1
        if self.seen == 1:  # the first dictionary is not the algorithm's
            return False
        share = min(2.0 * size / (self.n + 1), 1.0)
        before = objective if self.average is None else self.average
        self.average = (1 - share) * before + share * objective
        if self.average < self.best:
            self.best, self.since = self.average, 0
        else:
            self.since += 1
        is_still = self.tol > 0 and moved <= self.tol
        is_idle = self.patience is not None and self.since >= self.patience
        self.is_over = is_still or is_idle
        return self.is_over
