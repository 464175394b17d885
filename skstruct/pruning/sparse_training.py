"""What networks trained with group penalties share: stages of training, attributes."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skstruct._compat import Interval, StrOptions, fit_context
from skstruct.groups import make_layout
from skstruct.pruning.compact import compacted, without_skip
from skstruct.pruning.group_prox import GroupPenalty, HierarchicalPenalty
from skstruct.pruning.network import count_parameters, with_weights
from skstruct.pruning.training import (
    Objective,
    Schedule,
    Weights,
    initial_weights,
    train,
)

_NONNEGATIVE = Interval(Real, 0, None, closed="left")
_POSITIVE = Interval(Integral, 1, None, closed="left")
_PLACES = {"accept_sparse": "csr", "dtype": [np.float64, np.float32]}


class SparseMLP(BaseEstimator):
    """Base of networks trained with group penalties.

    Subclasses say what their responses are (`_encoded`), and what the smaller network
    is an instance of (`_network_class`).
    """

    _parameter_constraints: dict = {
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "groups": "no_validation",
        "feature_penalty": [_NONNEGATIVE],
        "unit_penalty": [_NONNEGATIVE],
        "penalty": [StrOptions({"group", "hierarchical"})],
        "hierarchy": [Interval(Real, 0, None, closed="neither")],
        "group_weights": "no_validation",
        "remainder": "no_validation",
        "refit": ["boolean"],
        "activation": [StrOptions({"identity", "logistic", "tanh", "relu"})],
        "alpha": [_NONNEGATIVE],
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [_POSITIVE],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [_NONNEGATIVE],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [Interval(Real, 1, None, closed="left")],
    }
    _network_class: type

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _encoded(self, y):
        """Return targets (n, q), output activation, and rows to stratify by or None."""
        raise NotImplementedError

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Train: without penalty, with it, and what is left without it again.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data; features of similar scales train best.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Values or classes; a matrix of 0 and 1 for several labels.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If data, groups or parameters are not valid, or if training diverges.

        Warns
        -----
        sklearn.exceptions.ConvergenceWarning
            If a stage ended at `max_iter` epochs with an objective that still improved.
        """
        start, layout, data = self._prepared(X, y)
        X, T, objective, validation, rng, y = data
        how = {"objective": objective, "schedule": self._schedule(), "rng": rng}
        stages, weights = {}, start
        penalty = self._penalty_object(layout)
        if penalty is None or not self._is_warm:
            stages["first"] = train(weights, X, T, validation=validation, **how)
            weights = stages["first"].weights
        if penalty is not None:
            stages["penalised"] = train(
                weights, X, T, penalty=penalty, validation=validation, **how
            )
            weights = stages["penalised"].weights
        small = compacted(weights, self.activation)
        shrunk, inputs = small.weights, small.features
        if self.refit and penalty is not None and len(inputs):
            part = None
            if validation is not None:
                part = validation[0][:, inputs], validation[1]
            stages["refit"] = train(shrunk, X[:, inputs], T, validation=part, **how)
            shrunk = stages["refit"].weights
        self._set_weights(weights, small, layout)
        self._set_stages(stages)
        self._set_network(shrunk, inputs, y)
        return self

    # -- data in ---------------------------------------------------------------

    def _prepared(self, X, y):
        X, y = validate_data(self, X, y, multi_output=True, **_PLACES)
        widths = np.atleast_1d(self.hidden_layer_sizes)
        if widths.ndim != 1 or widths.dtype.kind not in "iu" or (widths < 1).any():
            raise ValueError(
                f"hidden_layer_sizes={self.hidden_layer_sizes!r} must be positive "
                "integers, one for each hidden layer."
            )
        if self._has_skip and self.activation not in ("relu", "identity"):
            raise ValueError(
                f"activation={self.activation!r} cannot be combined with "
                "penalty='hierarchical': a plain network carries its skip connection "
                "through hidden layers only by 'relu' or 'identity'. Use one of them, "
                "or penalty='group'."
            )
        layout = make_layout(
            self.groups,
            X.shape[1],
            feature_names=getattr(self, "feature_names_in_", None),
            weights=self.group_weights,
            remainder=self.remainder,
        )
        T, output, strata, y = self._encoded(y)
        T = T.astype(X.dtype)
        objective = Objective(self.activation, output, self.alpha)
        rng = check_random_state(self.random_state)
        shape = [X.shape[1], *map(int, widths), T.shape[1]]
        start = self._start(shape, rng, X.dtype)
        validation = None
        if self.early_stopping:
            X, held_X, T, held_T = train_test_split(
                X,
                T,
                test_size=self.validation_fraction,
                random_state=rng,
                stratify=strata,
            )
            validation = held_X, held_T
        return start, layout, (X, T, objective, validation, rng, y)

    def _largest_slope(self, X, y):
        """Return the least penalty at which no linear model has effects of groups."""
        _, layout, (X, T, *_) = self._prepared(X, y)
        slopes = X.T @ (T - T.mean(axis=0)) / len(T)
        penalised = layout.weights > 0
        norms = layout.norms(np.asarray(slopes).T)[penalised]
        return float((norms / layout.weights[penalised]).max(initial=0.0)) or 1.0

    @property
    def _has_skip(self):
        return self.penalty == "hierarchical"

    def _start(self, shape, rng, dtype):
        start = initial_weights(shape, self.activation, self._has_skip, rng, dtype)
        self._is_warm = False
        if self.warm_start and hasattr(self, "coefs_"):
            skip = self.skip_coef_ if self._has_skip else None
            last = Weights(self.coefs_, self.intercepts_, skip)
            last_shapes = [np.shape(a) for a in last.arrays()]
            if last_shapes == [np.shape(a) for a in start.arrays()]:
                self._is_warm = True
                return last.mapped(lambda a: np.array(a, dtype=dtype))
        return start

    def _schedule(self):
        names = Schedule.__dataclass_fields__
        return Schedule(**{name: getattr(self, name) for name in names})

    def _penalty_object(self, layout):
        if self.feature_penalty == 0 and self.unit_penalty == 0:
            return None
        strengths = float(self.feature_penalty), float(self.unit_penalty)
        if self._has_skip:
            return HierarchicalPenalty(layout, *strengths, float(self.hierarchy))
        return GroupPenalty(layout, *strengths)

    # -- attributes out --------------------------------------------------------

    def _set_weights(self, weights, small, layout):
        """Store the penalised weights, and what they select."""
        self.coefs_, self.intercepts_ = weights.coefs, weights.intercepts
        if weights.skip is not None:
            self.skip_coef_ = weights.skip
        elif hasattr(self, "skip_coef_"):
            del self.skip_coef_
        self.selected_features_, self.kept_units_ = small.features, small.units
        self.groups_, self.group_names_ = layout.feature_groups(), layout.names_array()
        used = np.zeros(layout.n_features, dtype=bool)
        used[small.features] = True
        first = weights.coefs[0] if weights.skip is None else weights.skip
        self.group_norms_ = layout.norms(first.T)
        chosen = [used[own].any() for own in self.groups_]
        self.selected_groups_ = self.group_names_[np.array(chosen, dtype=bool)]

    def _set_stages(self, stages):
        self.loss_curve_ = [v for one in stages.values() for v in one.curve]
        self.validation_loss_curve_ = [
            v for one in stages.values() for v in one.validation_curve
        ]
        self.n_iters_ = {name: len(one.curve) for name, one in stages.items()}
        self.n_iter_ = sum(self.n_iters_.values())
        self.loss_ = self.loss_curve_[-1] if self.loss_curve_ else np.nan
        for name, one in stages.items():
            if one.has_converged:
                continue
            watched = one.validation_curve or one.curve
            change = watched[-2] - watched[-1] if len(watched) > 1 else np.nan
            warnings.warn(
                f"The {name} stage of training stopped after max_iter={self.max_iter} "
                f"epochs; the last one lowered the objective by {change:.2g} to "
                f"{watched[-1]:.4g}, where tol={self.tol:.2g}. Raise max_iter or "
                "learning_rate_init, or scale X (StandardScaler).",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _set_network(self, weights, inputs, y):
        """Store a scikit-learn network of the small shapes."""
        coefs, intercepts = without_skip(weights, self.activation)
        self._inputs = inputs
        if len(inputs) == 0:  # scikit-learn has no network without inputs
            self._inputs = np.zeros(1, dtype=np.intp)
            coefs[0] = np.zeros((1, coefs[0].shape[1]), dtype=coefs[-1].dtype)
        shape = [len(self._inputs), *(W.shape[1] for W in coefs)]
        own = self.get_params(deep=False)
        shared = {*self._network_class().get_params(deep=False)} & {*own}
        params = {name: own[name] for name in shared}
        params |= {"hidden_layer_sizes": tuple(shape[1:-1]), "verbose": False}
        params |= {"early_stopping": False, "warm_start": False}  # for partial_fit
        network = self._network_class(**params)
        blank = np.zeros((1, shape[0]), dtype=coefs[0].dtype)
        if hasattr(self, "classes_"):
            network.partial_fit(blank, y[:1], classes=self.classes_)
        else:
            network.partial_fit(blank, np.zeros_like(y[:1]))
        self.network_ = with_weights(network, coefs, intercepts)
        self.n_parameters_ = count_parameters(shape)

    # -- predictions -----------------------------------------------------------

    def _network_inputs(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, **_PLACES)
        return X[:, self._inputs]

    def predict(self, X):
        """Predict with the smaller network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples, all features.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Classes or values.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator has not been fitted.
        """
        inputs = self._network_inputs(X)
        return self.network_.predict(inputs)
