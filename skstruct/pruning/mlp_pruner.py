"""A trained MLP in, a smaller one of the same class out."""

from collections.abc import Mapping
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from skstruct._compat import Interval, StrOptions, fit_context
from skstruct.pruning.budget import widths_from_budget
from skstruct.pruning.criteria import CRITERIA
from skstruct.pruning.network import (
    ACTIVATIONS,
    count_flops,
    count_parameters,
    hidden_widths,
    pre_activations,
    with_weights,
)
from skstruct.pruning.reconstruction import prune_layer


def _network_has(name):
    def check(self):
        getattr(getattr(self, "estimator_", self.estimator), name)
        return True

    return check


class MLPPruner(MetaEstimatorMixin, BaseEstimator):
    """Remove hidden units of a multi-layer perceptron, and refit what is left.

    Layer by layer, from the input on, the units kept are those that reproduce the
    next layer's input Z best: with activations H of the layer, ::

        minimise over units S and W   |Z - H_S W|^2 + ridge |W|^2

    on the rows given to `fit`, which need no labels. Z is what the full network
    computes, H what the network pruned so far does, so that later layers make up
    for the errors of earlier ones.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        The network.
    budget : float, sequence of int or dict, default=0.5
        What to keep. A fraction in [0, 1] of the units of each hidden layer (rounded,
        at least one unit), a width for each hidden layer, or the most that the network
        may cost: ``{"params": n}`` weights and intercepts or ``{"flops": n}``
        multiply-adds a row, with the same fraction kept in each layer.
    criterion : str or callable, default="forward"
        How units are chosen. "forward" adds and "backward" removes them one by one by
        the error above. The others score single units: "magnitude" by norms of
        incoming and outgoing weights, "activation" by how often they are positive,
        "sensitivity" by how much of the next layer's input varies with them, "random".
        A callable gets ``(H, W_in, W_out, rng)`` and returns a score for each unit,
        highest kept.
    n_swaps : int, default=1
        Rounds of trading units for better ones after "forward" and "backward".
    refit : {"lstsq"} or None, default="lstsq"
        Whether the next layer's weights are refitted by least squares.
    ridge : float, default=1e-4
        Ridge of choice and refit, relative to the mean variance of the activations.
    prefit : bool, default=False
        Whether `estimator` is fitted already and taken as it is. If not, a clone is
        fitted to X and y first.
    fine_tune_epochs : int, default=0
        Epochs of ``partial_fit`` on X and y afterwards. Not for ``solver="lbfgs"``
        or ``early_stopping=True``, which scikit-learn cannot train further.
    random_state : int, RandomState instance or None, default=None
        For ``criterion="random"`` and callables.

    Attributes
    ----------
    estimator_ : MLPClassifier or MLPRegressor
        The smaller network. The state of the optimizer is dropped.
    kept_units_ : list of ndarray of int
        Units kept in each hidden layer.
    reconstruction_error_ : list of float
        For each hidden layer, the share of the variance of the next layer's input
        that is missed, on the rows of `fit`, before fine-tuning.
    n_parameters_ : int
        Weights and intercepts.
    flops_ : int
        Multiply-adds for one row.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of str
        Names of features, if X has some.

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
        "estimator": [MLPClassifier, MLPRegressor],
        "budget": [Interval(Real, 0, 1, closed="both"), "array-like", Mapping],
        "criterion": [StrOptions({"forward", "backward", *CRITERIA}), callable],
        "n_swaps": [Interval(Integral, 0, None, closed="left")],
        "refit": [StrOptions({"lstsq"}), None],
        "ridge": [Interval(Real, 0, None, closed="left")],
        "prefit": ["boolean"],
        "fine_tune_epochs": [Interval(Integral, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator,
        *,
        budget=0.5,
        criterion="forward",
        n_swaps=1,
        refit="lstsq",
        ridge=1e-4,
        prefit=False,
        fine_tune_epochs=0,
        random_state=None,
    ):
        self.estimator = estimator
        self.budget = budget
        self.criterion = criterion
        self.n_swaps = n_swaps
        self.refit = refit
        self.ridge = ridge
        self.prefit = prefit
        self.fine_tune_epochs = fine_tune_epochs
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Prune the network, after fitting it unless ``prefit``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows on which the smaller network is to compute the same.
        y : array-like, default=None
            Targets, to fit or fine-tune the network; pruning itself uses none.

        Returns
        -------
        MLPPruner
            The fitted pruner.

        Raises
        ------
        ValueError
            If y is missing where it is needed, or the budget cannot be met.
        """
        self._check_targets(y)
        if self.prefit:
            check_is_fitted(self.estimator)
            network = self.estimator
        else:
            network = clone(self.estimator).fit(X, y)
        rows = validate_data(
            self, X, accept_sparse=False, dtype=[np.float64, np.float32]
        )
        if rows.shape[1] != network.n_features_in_:
            raise ValueError(
                f"X has {rows.shape[1]} features, but the network was fitted with "
                f"{network.n_features_in_}."
            )
        self.estimator_ = self._prune(network, rows.astype(network.coefs_[0].dtype))
        for _ in range(self.fine_tune_epochs):
            self.estimator_.partial_fit(X, y)
        return self

    def _check_targets(self, y):
        if y is None and (not self.prefit or self.fine_tune_epochs):
            raise ValueError(
                "fit requires y to be passed, but the target y is None: it is needed "
                "unless prefit=True and fine_tune_epochs=0."
            )
        network = self.estimator
        if self.fine_tune_epochs and (
            network.solver == "lbfgs" or network.early_stopping
        ):
            raise ValueError(
                f"fine_tune_epochs={self.fine_tune_epochs} needs partial_fit, which "
                f"solver={network.solver!r} with early_stopping="
                f"{network.early_stopping} does not have; set fine_tune_epochs=0."
            )

    def _prune(self, network, X):
        rng = check_random_state(self.random_state)
        coefs, intercepts = list(network.coefs_), list(network.intercepts_)
        n_inputs, n_outputs = coefs[0].shape[0], coefs[-1].shape[1]
        widths = widths_from_budget(
            self.budget, n_inputs, hidden_widths(network), n_outputs
        )
        targets = pre_activations(network, X)
        activate = ACTIVATIONS[network.activation]
        self.kept_units_, self.reconstruction_error_ = [], []
        inputs = X
        for layer, n_kept in enumerate(widths):
            pruned = prune_layer(
                activate(inputs @ coefs[layer] + intercepts[layer]),
                targets[layer + 1],
                coefs[layer],
                coefs[layer + 1],
                intercepts[layer + 1],
                n_kept,
                criterion=self.criterion,
                n_swaps=self.n_swaps,
                refit=self.refit,
                ridge=self.ridge,
                rng=rng,
            )
            coefs[layer] = coefs[layer][:, pruned.units]
            intercepts[layer] = intercepts[layer][pruned.units]
            coefs[layer + 1], intercepts[layer + 1] = pruned.coef, pruned.intercept
            inputs = activate(inputs @ coefs[layer] + intercepts[layer])
            self.kept_units_.append(pruned.units)
            self.reconstruction_error_.append(pruned.error)
        shape = [n_inputs, *widths, n_outputs]
        self.n_parameters_, self.flops_ = count_parameters(shape), count_flops(shape)
        return with_weights(network, coefs, intercepts)

    def _checked(self, X):
        check_is_fitted(self)
        validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        return X  # as it is: the network looks at the names of its columns itself

    def predict(self, X):
        """Predict with the smaller network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Classes or values.
        """
        rows = self._checked(X)
        return self.estimator_.predict(rows)

    @available_if(_network_has("predict_proba"))
    def predict_proba(self, X):
        """Probabilities of classes by the smaller network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, in the order of ``classes_``.
        """
        rows = self._checked(X)
        return self.estimator_.predict_proba(rows)

    def score(self, X, y):
        """Accuracy or R2 of the smaller network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like
            True classes or values.

        Returns
        -------
        float
            Score, as of the network's own class.
        """
        rows = self._checked(X)
        return self.estimator_.score(rows, y)

    @property
    def classes_(self):
        """Classes of the network."""
        check_is_fitted(self)
        return self.estimator_.classes_

    def __sklearn_is_fitted__(self):
        return hasattr(self, "estimator_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = self.estimator.__sklearn_tags__()
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags = inner.classifier_tags
        tags.regressor_tags = inner.regressor_tags
        tags.target_tags = inner.target_tags
        tags.target_tags.required = not self.prefit
        tags.input_tags.sparse = False
        return tags
