"""What estimators that hold a pruned network share: they pass on what it can do."""

import numpy as np
from sklearn import config_context
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from skstruct.pruning.network import nameless


def _network_has(name):
    def check(self):
        getattr(getattr(self, "estimator_", self.estimator), name)
        return True

    return check


class PrunedNetwork(MetaEstimatorMixin, BaseEstimator):
    """Predictions of ``estimator_`` from all features, of which it may use a part."""

    def _start(self):
        """Return the network as it was given, and whether it is to be fitted."""
        network, is_fitted = self.estimator, self.prefit
        if isinstance(network, FrozenEstimator):
            network, is_fitted = network.estimator, True
        if not isinstance(network, MLPClassifier | MLPRegressor):
            raise ValueError(
                f"estimator={self.estimator!r} must be a MLPClassifier or a "
                "MLPRegressor, or one of them in a FrozenEstimator."
            )
        if is_fitted:
            check_is_fitted(network)
        return network, is_fitted

    def _pass_on(self, method, X, *args):
        """Call a method of the network with the columns of X that it looks at."""
        check_is_fitted(self)
        rows = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        if len(self.kept_features_) < rows.shape[1]:
            rows = rows[:, self.kept_features_]
        # Names have been compared, and rows have none any more; values need not be
        # looked through once more.
        with config_context(assume_finite=True):
            return getattr(nameless(self.estimator_), method)(rows, *args)

    def predict(self, X):
        """Predict with the smaller network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, with all features.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Classes or values.
        """
        return self._pass_on("predict", X)

    @available_if(_network_has("predict_proba"))
    def predict_proba(self, X):
        """Probabilities of classes by the smaller network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, with all features.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, in the order of ``classes_``.
        """
        return self._pass_on("predict_proba", X)

    def score(self, X, y):
        """Accuracy or R2 of the smaller network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, with all features.
        y : array-like
            True classes or values.

        Returns
        -------
        float
            Score, as of the network's own class.
        """
        return self._pass_on("score", X, y)

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
        is_frozen = isinstance(self.estimator, FrozenEstimator)
        tags.target_tags.required = not (self.prefit or is_frozen)
        tags.input_tags.sparse = False
        return tags


#: What `estimator` may be.
NETWORKS = [MLPClassifier, MLPRegressor, FrozenEstimator]


def checked_rows(pruner, X, network):
    """Validate rows for a pruner and for its network; return them as an array."""
    rows = validate_data(pruner, X, accept_sparse=False, dtype=[np.float64, np.float32])
    if rows.shape[1] != network.n_features_in_:
        raise ValueError(
            f"X has {rows.shape[1]} features, but the network was fitted with "
            f"{network.n_features_in_}."
        )
    names = getattr(network, "feature_names_in_", None)
    given = getattr(pruner, "feature_names_in_", names)
    if names is not None and list(names) != list(given):
        raise ValueError(
            "The columns of X must have the names and the order with which the "
            f"network was fitted: {list(names)}; got {list(given)}."
        )
    return rows
