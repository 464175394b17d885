"""Networks trained with penalties on features and units, and smaller at the end."""

import numpy as np
from sklearn.base import ClassifierMixin, MultiOutputMixin, RegressorMixin
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from skstruct.pruning.docs import shared_docs
from skstruct.pruning.sparse_training import SparseMLP


@shared_docs
class GroupSparseMLPClassifier(ClassifierMixin, SparseMLP):
    r"""Multi-layer perceptron classifier that drops features and units as it trains.

    {objective}

    The loss is the softmax cross-entropy, or the log-loss of each label for two classes
    or several labels.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.
    network_ : MLPClassifier
        The smaller network, a scikit-learn estimator of the columns
        ``selected_features_`` (of the first column, without effect, if none is). It
        predicts, trains on by ``partial_fit``, and stands alone.
    {attributes}

    See Also
    --------
    GroupSparseMLPRegressor : The same for numbers.
    MLPPruner : Makes a trained network smaller without labels.
    sparse_mlp_path : Features selected at each strength of the penalty.

    Notes
    -----
    {notes}

    References
    ----------
    {references}

    Examples
    --------
    >>> import numpy as np
    >>> from skstruct import GroupSparseMLPClassifier
    >>> X = np.random.default_rng(0).normal(size=(300, 10))
    >>> y = X[:, 1] * X[:, 4] > 0
    >>> model = GroupSparseMLPClassifier(
    ...     20, feature_penalty=0.1, learning_rate_init=0.01, max_iter=300, tol=1e-3,
    ...     random_state=0)
    >>> print(model.fit(X, y).selected_features_)
    [1 4]
    >>> model.network_.n_features_in_
    2
    """

    _parameter_constraints: dict = {**SparseMLP._parameter_constraints}
    _network_class = MLPClassifier

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        *,
        groups=None,
        feature_penalty=0.01,
        unit_penalty=0.01,
        penalty="group",
        hierarchy=10.0,
        group_weights=None,
        remainder="error",
        refit=True,
        activation="relu",
        alpha=0.0001,
        batch_size="auto",
        learning_rate_init=0.001,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        early_stopping=False,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.groups = groups
        self.feature_penalty = feature_penalty
        self.unit_penalty = unit_penalty
        self.penalty = penalty
        self.hierarchy = hierarchy
        self.group_weights = group_weights
        self.remainder = remainder
        self.refit = refit
        self.activation = activation
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _encoded(self, y):
        check_classification_targets(y)
        if type_of_target(y) == "multilabel-indicator":
            self.classes_ = np.arange(y.shape[1])
            return np.asarray(y, dtype=np.float64), "logistic", None, y
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        binarizer = LabelBinarizer().fit(y)
        self.classes_ = binarizer.classes_
        T = binarizer.transform(y).astype(np.float64)
        return T, "softmax" if T.shape[1] > 1 else "logistic", y, y

    def predict_proba(self, X):
        """Probabilities of classes by the smaller network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples, all features.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, in the order of ``classes_``; with several labels, that of
            each being there.
        """
        inputs = self._network_inputs(X)
        return self.network_.predict_proba(inputs)

    def predict_log_proba(self, X):
        """Logarithms of probabilities of classes by the smaller network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples, all features.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Logarithms of what :meth:`predict_proba` returns.
        """
        inputs = self._network_inputs(X)
        return self.network_.predict_log_proba(inputs)


@shared_docs
class GroupSparseMLPRegressor(MultiOutputMixin, RegressorMixin, SparseMLP):
    r"""Multi-layer perceptron regressor that drops features and units as it trains.

    {objective}

    The loss is half the squared error, summed over outputs.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    network_ : MLPRegressor
        The smaller network, a scikit-learn estimator of the columns
        ``selected_features_`` (of the first column, without effect, if none is). It
        predicts, trains on by ``partial_fit``, and stands alone.
    {attributes}

    See Also
    --------
    GroupSparseMLPClassifier : The same for classes.
    MLPPruner : Makes a trained network smaller without labels.
    sparse_mlp_path : Features selected at each strength of the penalty.

    Notes
    -----
    {notes}

    References
    ----------
    {references}

    Examples
    --------
    >>> import numpy as np
    >>> from skstruct import GroupSparseMLPRegressor
    >>> X = np.random.default_rng(0).normal(size=(300, 10))
    >>> y = X[:, 1] ** 2 - X[:, 4]
    >>> model = GroupSparseMLPRegressor(
    ...     20, feature_penalty=0.1, learning_rate_init=0.01, max_iter=300, tol=1e-3,
    ...     random_state=0)
    >>> print(model.fit(X, y).selected_features_)
    [1 4]
    >>> model.network_.n_features_in_
    2
    """

    _parameter_constraints: dict = {**SparseMLP._parameter_constraints}
    _network_class = MLPRegressor

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        *,
        groups=None,
        feature_penalty=0.01,
        unit_penalty=0.01,
        penalty="group",
        hierarchy=10.0,
        group_weights=None,
        remainder="error",
        refit=True,
        activation="relu",
        alpha=0.0001,
        batch_size="auto",
        learning_rate_init=0.001,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        early_stopping=False,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.groups = groups
        self.feature_penalty = feature_penalty
        self.unit_penalty = unit_penalty
        self.penalty = penalty
        self.hierarchy = hierarchy
        self.group_weights = group_weights
        self.remainder = remainder
        self.refit = refit
        self.activation = activation
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change

    def _encoded(self, y):
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        y = np.asarray(y, dtype=np.float64)
        return y.reshape(len(y), -1), "identity", None, y
