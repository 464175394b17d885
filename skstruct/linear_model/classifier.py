"""Linear models of classes: two of them, or many."""

import numpy as np
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.multiclass import check_classification_targets

from skstruct._compat import StrOptions
from skstruct.linear_model.base import GroupLinearModel
from skstruct.linear_model.choices import loss_of
from skstruct.linear_model.targets import LabelForm, Labels, LabelsKernel
from skstruct.linear_model.validation import weights_with_classes


class GroupClassifier(ClassifierMixin, GroupLinearModel):
    """Base of classifiers; subclasses have a parameter `class_weight`."""

    _parameter_constraints: dict = {
        **GroupLinearModel._parameter_constraints,
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }
    _target_attributes = ("classes_",)
    _is_flat = False

    def _validated(self, X, y, **how):
        X, y = self._validate(X, y, **how)
        check_classification_targets(y)
        return X, y

    def _encoded(self, y, weights):
        self.classes_, codes = np.unique(y, return_inverse=True)
        self._check_several()
        weights = weights_with_classes(weights, codes, self.classes_, self.class_weight)
        _check_sizes(np.bincount(codes, weights, minlength=len(self.classes_)))
        loss = self._class_loss(len(self.classes_))
        if loss.is_joint:
            return np.eye(len(self.classes_))[codes], weights, loss
        return np.where(codes == 1, 1.0, -1.0)[:, None], weights, loss

    def _check_several(self):
        if len(self.classes_) < 2:
            raise ValueError(
                f"y has one class only, {self.classes_[0]!r}; a classifier needs "
                "samples of two classes or more."
            )

    def _stream_loss(self, target=None):
        return self._class_loss(2 if target is None else len(target.classes))

    def _target_of(self, stream):
        """Look up the classes of a stream."""
        found = stream.sum(LabelsKernel(), LabelForm())
        if found is None:
            raise ValueError(f"X ({stream.name}) has no rows.")
        if stream.is_apart:  # its features were not looked at
            stream.n_passes = 0
        check_classification_targets(found.labels)
        self.classes_ = found.labels
        self._check_several()
        codes = np.arange(len(found.labels))
        sizes = weights_with_classes(
            found.weights, codes, self.classes_, self.class_weight
        )
        _check_sizes(sizes)
        factors = None
        if self.class_weight is not None:
            factors = np.zeros(len(codes))
            weighs = found.weights > 0
            factors[weighs] = sizes[weighs] / found.weights[weighs]
        is_joint = self._class_loss(len(codes)).is_joint
        target = Labels(self.classes_, factors, is_joint)
        return target, len(codes) if is_joint else 1

    def _class_loss(self, n_classes):
        """Return the loss for this many classes."""
        return loss_of(
            "logistic" if n_classes == 2 else "multinomial", for_classes=True
        )

    # -- predictions -----------------------------------------------------------

    def decision_function(self, X, offset=None):
        """Compute how much speaks for each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), \
                default=None
            Added to it: the part that is known.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            The log-odds of the second class against the first; with more than two
            classes, the logarithm of each probability up to a constant in each row.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator has not been fitted.
        ValueError
            If `X` or `offset` do not fit the estimator.
        """
        scores = self._linear_predictor(X, offset)
        if len(self.classes_) > 2:
            return scores
        return scores[:, 0] if scores.shape[1] == 1 else scores[:, 1] - scores[:, 0]

    def predict(self, X, offset=None):
        """Predict the most probable class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), \
                default=None
            Passed to :meth:`decision_function`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Classes.
        """
        scores = self.decision_function(X, offset)
        best = scores.argmax(axis=1) if scores.ndim == 2 else (scores > 0).astype(int)
        return self.classes_[best]

    def predict_proba(self, X, offset=None):
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), \
                default=None
            Passed to :meth:`decision_function`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, in the order of ``classes_``.
        """
        scores = self.decision_function(X, offset)
        if scores.ndim == 2:
            return softmax(scores, axis=1)
        return np.stack([expit(-scores), expit(scores)], axis=1)

    def predict_log_proba(self, X, offset=None):
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), \
                default=None
            Passed to :meth:`decision_function`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Logarithms of probabilities, exact also where these are next to 0.
        """
        scores = self.decision_function(X, offset)
        if scores.ndim == 2:
            return log_softmax(scores, axis=1)
        return np.stack([log_expit(-scores), log_expit(scores)], axis=1)

    def score(self, X, y, sample_weight=None, offset=None):
        """Return the share of samples whose class is predicted.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,)
            True classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights.
        offset : array-like of shape (n_samples,) or (n_samples, n_classes), \
                default=None
            Passed to :meth:`predict`.

        Returns
        -------
        float
            The accuracy.
        """
        return accuracy_score(y, self.predict(X, offset), sample_weight=sample_weight)


def _check_sizes(sizes):
    """Raise a ValueError unless at least two classes weigh something."""
    if np.count_nonzero(sizes) < 2:
        raise ValueError(
            "y has one class only among the samples of positive weight; a classifier "
            "needs two classes or more. Check sample_weight and class_weight."
        )
