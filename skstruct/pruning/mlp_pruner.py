"""A trained MLP in, a smaller one of the same class out."""

from collections.abc import Mapping
from numbers import Integral, Real

import numpy as np
from sklearn.base import clone

from skstruct._compat import Interval, StrOptions, fit_context
from skstruct.pruning.base import NETWORKS, PrunedNetwork, checked_rows
from skstruct.pruning.budget import parse_budget
from skstruct.pruning.criteria import CRITERIA
from skstruct.pruning.job import Job
from skstruct.pruning.network import nameless
from skstruct.pruning.reconstruction import EXACT


class MLPPruner(PrunedNetwork):
    """Make a multi-layer perceptron smaller, and refit what is left.

    Layer by layer, from the input on, the units kept are those that reproduce the
    next layer's input Z best: with activations H of the layer, ::

        minimise over units S and W   |Z - H_S W|^2 + ridge |W|^2

    on the rows given to `fit`, which need no labels. Z is what the full network
    computes, H what the network pruned so far does, so that later layers make up
    for the errors of earlier ones. For the choice of S, an error E of a row of Z counts
    as the mean of ``|J E|^2`` over rows, with J the derivatives of the network's output
    by Z: what does not reach the output does not count.

    ``refit="joint"`` then changes all weights together, by some steps of L-BFGS, so
    that the network's output is that of the full one; this needs no labels either, and
    helps most when little is kept.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor or FrozenEstimator
        The network. A fitted one in a ``FrozenEstimator`` is taken as it is, in
        searches and pipelines too, which clone.
    budget : float, sequence of int or dict, default=0.5
        What to keep. A fraction in [0, 1] of the hidden units, at least one a layer;
        a width for each layer that is pruned; or the most that the network may
        cost: ``{"params": n}`` weights and intercepts, ``{"flops": n}`` multiply-adds
        a row, ``{"latency": s}`` seconds that `predict` takes on the rows of `fit`, as
        measured; or the most that it may lose: ``{"score_drop": d}``, which needs y.
    criterion : str or callable, default="forward"
        How units are chosen. "forward" adds and "backward" removes them one by one by
        the error above. "group_lasso" takes units as they enter the path of a group
        lasso, "adaptive_group_lasso" the same with weights from the full fit. The
        others score single units: "magnitude" by norms of incoming and outgoing
        weights, "activation" by how often they are positive, "sensitivity" by how
        much of the next layer's input varies with them, "taylor" by what the loss
        would change without them to second order, "random". A callable gets
        ``(H, W_in, W_out, rng)`` and returns a score for each unit, highest kept.
    n_swaps : int or "auto", default="auto"
        Rounds of trading units for better ones, after criteria that look at the error
        (the first four). "auto" means one, but none after a group lasso in layers of
        more than 1536 units. There, "forward" and "backward" choose among 1.5 times as
        many units as they keep, those first on the path of an adaptive group lasso.
    refit : {"lstsq", "joint"} or None, default="lstsq"
        Whether weights are refitted: the next layer's by least squares, or all
        together after that.
    ridge : float, default=1e-4
        Ridge of choice and refit, relative to the mean variance of the activations.
    refit_iter : int, default=50
        Iterations of the joint refit.
    allocation : {"auto", "uniform", "sensitivity"}, default="auto"
        How the budget is spread over the layers: the same fraction everywhere, or as
        :func:`sensitivity_curves` suggest, by dynamic programming. Of the latter and
        uniform widths, those that are better on rows held out are taken. "auto" is
        "sensitivity" if less than 7.5 % of the hidden units are kept, else uniform.
    prune_inputs : bool, default=False
        Whether input features are pruned like units of a layer. ``estimator_`` then
        takes those in ``kept_features_`` only; this estimator takes all.
    granularity : {"unit", "block", "layer"}, default="unit"
        What goes as a whole: units, blocks of `block_size` consecutive units or
        features, or hidden layers. A layer is replaced by the least squares across
        it, that is missed least on rows held out; a fraction is then one of layers.
    block_size : int, default=8
        Units in a block.
    schedule : {"one_shot", "iterative"}, default="one_shot"
        Prune at once, or in `n_steps` steps of equal ratio.
    n_steps : int, default=5
        Steps of the iterative schedule.
    fine_tune_epochs : int, default=0
        Epochs of ``partial_fit`` on X and y after each step. Not for
        ``solver="lbfgs"`` or ``early_stopping=True``, which scikit-learn cannot train
        further.
    prefit : bool, default=False
        Whether `estimator` is fitted already and taken as it is, as if frozen. If not,
        a clone is fitted to X and y first.
    scoring : str or callable, default=None
        Scorer for "score_drop", allocation and granularity "layer", which go by the
        error of the output if there is no y. None means the network's own ``score``.
    cv : int, splitter, iterable or None, default=None
        Rows held out for these; None leaves out a quarter, once. For "score_drop"
        without `prefit`, clones are fitted to the other rows. With it, the rows should
        be new to the network.
    random_state : int, RandomState instance or None, default=None
        For rows held out, "random", "taylor" with many outputs and callables.

    Attributes
    ----------
    estimator_ : MLPClassifier or MLPRegressor
        The smaller network. The state of the optimizer is dropped.
    kept_units_ : list of ndarray of int
        Units kept in each hidden layer of the full network.
    kept_features_ : ndarray of int
        Input features that ``estimator_`` takes.
    reconstruction_error_ : list of float
        For each layer but the last, inputs first if they are pruned, the share of the
        variance of the next layer's input that is missed, on the rows of `fit`, after
        least squares. Of the last step. Empty if layers are removed.
    path_ : list of PruningStep
        The full network, the steps, and ``estimator_`` at the end.
    trials_ : dict
        Mean held-out score, or minus error, of the widths that were compared.
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
    MLPPrunerCV : Chooses budget, criterion and allocation by cross-validation.
    sensitivity_curves : What each layer loses when it is pruned alone.

    References
    ----------
    .. [1] He, Zhang and Sun, Channel Pruning for Accelerating Very Deep Neural
       Networks, ICCV 2017.
    .. [2] Meng et al., OSSCAR: One-Shot Structured Pruning in Vision and Language
       Models with Combinatorial Optimization, ICML 2024.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skstruct import MLPPruner
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier(hidden_layer_sizes=40, solver="lbfgs", random_state=0)
    >>> network = network.fit(X, y)
    >>> pruner = MLPPruner(network, budget=0.25, prefit=True).fit(X)
    >>> pruner.estimator_.hidden_layer_sizes
    (10,)
    """

    _parameter_constraints = {
        "estimator": NETWORKS,
        "budget": [Interval(Real, 0, 1, closed="both"), "array-like", Mapping],
        "criterion": [StrOptions({*EXACT, "taylor", *CRITERIA}), callable],
        "n_swaps": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
        "refit": [StrOptions({"lstsq", "joint"}), None],
        "ridge": [Interval(Real, 0, None, closed="left")],
        "refit_iter": [Interval(Integral, 1, None, closed="left")],
        "allocation": [StrOptions({"auto", "uniform", "sensitivity"})],
        "prune_inputs": ["boolean"],
        "granularity": [StrOptions({"unit", "block", "layer"})],
        "block_size": [Interval(Integral, 1, None, closed="left")],
        "schedule": [StrOptions({"one_shot", "iterative"})],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "fine_tune_epochs": [Interval(Integral, 0, None, closed="left")],
        "prefit": ["boolean"],
        "scoring": [str, callable, None],
        "cv": ["cv_object"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator,
        *,
        budget=0.5,
        criterion="forward",
        n_swaps="auto",
        refit="lstsq",
        ridge=1e-4,
        refit_iter=50,
        allocation="auto",
        prune_inputs=False,
        granularity="unit",
        block_size=8,
        schedule="one_shot",
        n_steps=5,
        fine_tune_epochs=0,
        prefit=False,
        scoring=None,
        cv=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.budget = budget
        self.criterion = criterion
        self.n_swaps = n_swaps
        self.refit = refit
        self.ridge = ridge
        self.refit_iter = refit_iter
        self.allocation = allocation
        self.prune_inputs = prune_inputs
        self.granularity = granularity
        self.block_size = block_size
        self.schedule = schedule
        self.n_steps = n_steps
        self.fine_tune_epochs = fine_tune_epochs
        self.prefit = prefit
        self.scoring = scoring
        self.cv = cv
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Prune the network, after fitting it unless ``prefit``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows on which the smaller network is to compute the same.
        y : array-like, default=None
            Targets, to fit or fine-tune the network and to score it; pruning itself
            uses none.

        Returns
        -------
        MLPPruner
            The fitted pruner.

        Raises
        ------
        ValueError
            If y is missing where it is needed, or the budget cannot be met.
        """
        network, is_fitted = self._start()
        self._check_together(network, is_fitted, y)
        if not is_fitted:
            network = clone(network).fit(X, y)
        unfitted = None if is_fitted else self.estimator
        rows = checked_rows(self, X, network)
        targets = None if y is None else np.asarray(y)
        job = Job(self, nameless(network), rows, targets, unfitted)
        small = job.without_layers() if self.granularity == "layer" else job.narrower()
        if hasattr(network, "feature_names_in_"):
            small.feature_names_in_ = network.feature_names_in_[job.kept[0]]
        self.estimator_ = small
        self.kept_features_, *self.kept_units_ = job.kept
        self.reconstruction_error_ = job.errors
        self.path_, self.trials_ = job.path, job.trials
        self.n_parameters_, self.flops_ = self.path_[-1][1:3]
        return self

    def _check_together(self, network, is_fitted, y):
        """Check what parameters ask of each other and of y."""
        kind, _ = parse_budget(self.budget)
        tunes = self.fine_tune_epochs > 0
        if y is None and (not is_fitted or tunes or kind == "score_drop"):
            raise ValueError(
                "fit requires y to be passed, but the target y is None: it is needed "
                "unless prefit=True, fine_tune_epochs=0 and budget is not a "
                "'score_drop'."
            )
        if tunes and (network.solver == "lbfgs" or network.early_stopping):
            raise ValueError(
                f"fine_tune_epochs={self.fine_tune_epochs} needs partial_fit, which "
                f"solver={network.solver!r} with early_stopping="
                f"{network.early_stopping} does not have; set fine_tune_epochs=0."
            )
        if self.granularity == "layer" and (
            self.prune_inputs or self.schedule == "iterative"
        ):
            raise ValueError(
                "granularity='layer' removes hidden layers one by one; it goes with "
                "prune_inputs=False and schedule='one_shot' only, got "
                f"prune_inputs={self.prune_inputs}, schedule={self.schedule!r}. Prune "
                "units of its estimator_ afterwards."
            )
