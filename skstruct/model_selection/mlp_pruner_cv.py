"""The smallest network whose cross-validated score is about that of the full one."""

from itertools import product
from numbers import Integral, Real

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state

from skstruct._compat import Interval, StrOptions, fit_context
from skstruct.pruning.base import NETWORKS, PrunedNetwork, checked_rows
from skstruct.pruning.mlp_pruner import MLPPruner
from skstruct.pruning.network import nameless

#: Parameters that all candidates share.
SHARED = (
    "n_swaps",
    "refit",
    "ridge",
    "refit_iter",
    "prune_inputs",
    "granularity",
    "block_size",
    "schedule",
    "n_steps",
    "fine_tune_epochs",
)


class MLPPrunerCV(PrunedNetwork):
    """Prune a network as far as its cross-validated score allows.

    Every combination of budget, criterion and allocation is tried: in each fold the
    network is pruned on the training rows and scored on the others. Of those whose
    mean score is at most one standard error, or a given drop, below that of the full
    network, the one with fewest parameters is taken, and pruned again on all rows.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor or FrozenEstimator
        The network, as in :class:`MLPPruner`.
    budgets : list, default=(0.5, 0.25, 0.1)
        Budgets to try, each as in :class:`MLPPruner`. The full network is always a
        candidate.
    criteria : list, default=("forward",)
        Criteria to try.
    allocations : list, default=("auto",)
        Ways to try of spreading a budget over the layers.
    max_drop : float or "1se", default="1se"
        How much of the mean score may be lost; "1se" means the standard error, over
        folds, of the full network's score.
    n_swaps, refit, ridge, refit_iter
        As in :class:`MLPPruner`.
    prune_inputs, granularity, block_size
        As in :class:`MLPPruner`.
    schedule, n_steps, fine_tune_epochs
        As in :class:`MLPPruner`.
    prefit : bool, default=False
        Whether `estimator` is fitted already and taken as it is, in all folds. X
        should then be new to it. If not, clones are fitted: in each fold to its
        training rows, and in the end to all.
    scoring : str or callable, default=None
        Scorer; None means the network's own ``score``.
    cv : int, splitter, iterable or None, default=None
        Folds; None means 5.
    n_jobs : int or None, default=None
        Folds that run at the same time, as in joblib.
    random_state : int, RandomState instance or None, default=None
        As in :class:`MLPPruner`.

    Attributes
    ----------
    estimator_ : MLPClassifier or MLPRegressor
        The smaller network.
    pruner_ : MLPPruner
        What made it, with its path and the units kept.
    best_params_ : dict
        Chosen budget, criterion and allocation.
    best_index_ : int
        Their position in ``cv_results_``.
    best_score_ : float
        Their mean score.
    full_scores_ : ndarray of shape (n_folds,)
        Scores of the full network.
    threshold_ : float
        The least mean score that was good enough.
    cv_results_ : dict of arrays
        ``params``, ``param_budget``, ``param_criterion``, ``param_allocation``,
        ``split0_test_score``, ..., ``mean_test_score``, ``std_test_score``,
        ``mean_n_parameters``, ``mean_flops``, by candidate.
    kept_units_ : list of ndarray of int
        Units kept in each hidden layer of the full network.
    kept_features_ : ndarray of int
        Input features that ``estimator_`` takes.
    n_parameters_ : int
        Weights and intercepts.
    flops_ : int
        Multiply-adds for one row.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of str
        Names of features, if X has some.

    See Also
    --------
    MLPPruner : Prunes to one budget.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skstruct import MLPPrunerCV
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier(hidden_layer_sizes=40, solver="lbfgs", random_state=0)
    >>> search = MLPPrunerCV(network, budgets=[0.5, 0.1], cv=3, random_state=0)
    >>> search = search.fit(X, y)
    >>> search.best_params_["budget"]
    0.1
    """

    _parameter_constraints = {
        "estimator": NETWORKS,
        "budgets": ["array-like"],
        "criteria": ["array-like"],
        "allocations": ["array-like"],
        "max_drop": [Interval(Real, 0, None, closed="left"), StrOptions({"1se"})],
        **{name: MLPPruner._parameter_constraints[name] for name in SHARED},
        "prefit": ["boolean"],
        "scoring": [str, callable, None],
        "cv": ["cv_object"],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator,
        *,
        budgets=(0.5, 0.25, 0.1),
        criteria=("forward",),
        allocations=("auto",),
        max_drop="1se",
        n_swaps="auto",
        refit="lstsq",
        ridge=1e-4,
        refit_iter=50,
        prune_inputs=False,
        granularity="unit",
        block_size=8,
        schedule="one_shot",
        n_steps=5,
        fine_tune_epochs=0,
        prefit=False,
        scoring=None,
        cv=None,
        n_jobs=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.budgets = budgets
        self.criteria = criteria
        self.allocations = allocations
        self.max_drop = max_drop
        self.n_swaps = n_swaps
        self.refit = refit
        self.ridge = ridge
        self.refit_iter = refit_iter
        self.prune_inputs = prune_inputs
        self.granularity = granularity
        self.block_size = block_size
        self.schedule = schedule
        self.n_steps = n_steps
        self.fine_tune_epochs = fine_tune_epochs
        self.prefit = prefit
        self.scoring = scoring
        self.cv = cv
        self.n_jobs = n_jobs
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Find the smallest network that is good enough, and prune to it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like
            Targets.

        Returns
        -------
        MLPPrunerCV
            The fitted search.

        Raises
        ------
        ValueError
            If y is missing, or there is nothing to try.
        """
        if y is None:
            raise ValueError(
                "fit requires y to be passed, but the target y is None: candidates "
                "are compared by their scores."
            )
        candidates = self._candidates()
        network, is_fitted = self._start()
        unfitted = None if is_fitted else network
        if not is_fitted:
            network = clone(network).fit(X, y)
        rows, targets = checked_rows(self, X, network), np.asarray(y)
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        folds = self._folds(
            nameless(network), unfitted, rows, targets, candidates, seed
        )
        self._choose(candidates, folds)
        pruner = self._pruner(network, self.best_params_, seed)
        self.pruner_ = pruner.fit(X, y)
        for name in ("estimator_", "kept_units_", "kept_features_"):
            setattr(self, name, getattr(pruner, name))
        self.n_parameters_, self.flops_ = pruner.n_parameters_, pruner.flops_
        return self

    def _candidates(self):
        lists = {
            "budget": list(self.budgets),
            "criterion": list(self.criteria),
            "allocation": list(self.allocations),
        }
        empty = [name for name, values in lists.items() if not values]
        if empty:
            raise ValueError(
                f"There is no {empty[0]} to try: budgets, criteria and allocations "
                "must each hold at least one."
            )
        found = [
            dict(zip(lists, values, strict=True)) for values in product(*lists.values())
        ]
        first = {name: values[0] for name, values in lists.items()}
        return [{**first, "budget": 1.0}, *found]

    def _pruner(self, network, params, seed):
        shared = {name: getattr(self, name) for name in SHARED}
        return MLPPruner(
            network,
            **params,
            **shared,
            scoring=self.scoring,
            prefit=True,
            random_state=seed,
        )

    def _folds(self, network, unfitted, X, y, candidates, seed):
        """Return, by fold, the full network's score and a row for each candidate."""
        scorer = check_scoring(network, scoring=self.scoring)
        splitter = check_cv(self.cv, y, classifier=is_classifier(network))

        def run(fit, test):
            own = network
            if unfitted is not None:
                own = clone(unfitted).fit(X[fit], y[fit])
            table = []
            for params in candidates:
                pruner = self._pruner(own, params, seed).fit(X[fit], y[fit])
                score = scorer(pruner, X[test], y[test])
                table.append((score, pruner.n_parameters_, pruner.flops_))
            return scorer(own, X[test], y[test]), table

        return Parallel(n_jobs=self.n_jobs)(
            delayed(run)(fit, test) for fit, test in splitter.split(X, y)
        )

    def _choose(self, candidates, folds):
        full = np.array([score for score, _ in folds])
        table = np.array([rows for _, rows in folds])  # folds, candidates, 3
        scores, sizes, flops = np.moveaxis(table, 2, 0)
        drop = self.max_drop
        if drop == "1se":
            drop = full.std(ddof=1) / np.sqrt(len(full)) if len(full) > 1 else 0.0
        self.full_scores_, self.threshold_ = full, float(full.mean() - drop)
        mean = scores.mean(axis=0)
        # The first candidate is the full network itself.
        good = mean >= self.threshold_
        good[0] = True
        order = np.lexsort((-mean, sizes.mean(axis=0)))
        self.best_index_ = int(order[good[order]][0])
        self.best_params_ = candidates[self.best_index_]
        self.best_score_ = float(mean[self.best_index_])
        self.cv_results_ = {
            "params": candidates,
            **{f"param_{name}": _objects(candidates, name) for name in candidates[0]},
            **{f"split{i}_test_score": row for i, row in enumerate(scores)},
            "mean_test_score": mean,
            "std_test_score": scores.std(axis=0),
            "mean_n_parameters": sizes.mean(axis=0),
            "mean_flops": flops.mean(axis=0),
        }


def _objects(candidates, name):
    """Return a parameter of all candidates as an array of objects."""
    found = np.empty(len(candidates), dtype=object)
    for index, params in enumerate(candidates):
        found[index] = params[name]
    return found
