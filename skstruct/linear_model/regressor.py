"""Linear models of numbers: losses by name, several outputs, scores."""

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import column_or_1d

from skstruct.linear_model.base import GroupLinearModel
from skstruct.linear_model.choices import loss_of
from skstruct.linear_model.targets import Numbers
from skstruct.linear_model.validation import checked_weights, normalised
from skstruct.losses import Loss


class GroupRegressor(MultiOutputMixin, RegressorMixin, GroupLinearModel):
    """Base of regressors; subclasses have a parameter `loss`."""

    _parameter_constraints: dict = {
        **GroupLinearModel._parameter_constraints,
        "loss": [str, Loss],  # loss_of says which there are
    }

    _target_attributes = ("_n_dims",)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        loss = self.loss
        if isinstance(loss, str):
            tags.target_tags.positive_only = loss in ("poisson", "gamma", "tweedie")
        else:
            tags.target_tags.positive_only = getattr(loss, "has_log_link", False)
        return tags

    def _validated(self, X, y, **how):
        return self._validate(X, y, multi_output=True, y_numeric=True, **how)

    def _encoded(self, y, weights):
        self._n_dims = y.ndim
        y = np.asarray(y, dtype=np.float64)
        return y.reshape(len(y), -1), weights, loss_of(self.loss)

    def _stream_loss(self, target=None):
        return loss_of(self.loss)

    def _target_of(self, stream):
        self._n_dims = 1 + len(stream.y_shape)
        return Numbers(loss_of(self.loss)), int(np.prod(stream.y_shape))

    @property
    def _is_flat(self):
        return self._n_dims == 1

    def predict(self, X, offset=None):
        """Predict the mean response (for the quantile loss, the quantile).

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        offset : array-like of shape (n_samples,) or (n_samples, n_outputs), \
                default=None
            Added to the linear predictor: the part of it that is known, such as the
            logarithm of the exposure of counts.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            ``X @ coef_.T + intercept_ + offset``; its exponential for the Poisson,
            gamma and Tweedie losses.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator has not been fitted.
        ValueError
            If `X` or `offset` do not fit the estimator.
        """
        return self._base_loss_mean(self._linear_predictor(X, offset))

    def _base_loss_mean(self, predictor):
        f = predictor.reshape(len(predictor), -1)
        mean = self._base_loss.inverse_link(f).reshape(predictor.shape)
        return mean.astype(predictor.dtype, copy=False)

    def score(self, X, y, sample_weight=None, offset=None):
        """Return R squared, or D squared for Poisson, gamma and Tweedie losses.

        D squared is the share of the deviance explained, ``1 - deviance(y, mean) /
        deviance(y, average)``; that of the squared error is R squared. 1 is best,
        and 0 is as good as the average of `y`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            True responses.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights.
        offset : array-like of shape (n_samples,) or (n_samples, n_outputs), \
                default=None
            Passed to :meth:`predict`.

        Returns
        -------
        float
            The score, averaged over outputs.
        """
        predictor = self._linear_predictor(X, offset)
        if not self._base_loss.has_log_link:
            return r2_score(
                y, self._base_loss_mean(predictor), sample_weight=sample_weight
            )
        if predictor.ndim == 1:
            y = column_or_1d(y)
        weights = normalised(checked_weights(sample_weight, len(predictor)))
        return _d_squared(self._base_loss, y, predictor, weights)


def _d_squared(loss, y, predictor, weights):
    """Return the share of deviance explained, averaged over outputs."""
    y = np.asarray(y, dtype=np.float64).reshape(len(predictor), -1)
    loss.check_target(y, weights)
    predictor = predictor.reshape(len(predictor), -1)
    shares = []
    for k in range(y.shape[1]):
        own = y[:, k : k + 1]
        null = np.broadcast_to(loss.link(weights @ own), own.shape)
        lowest = loss.lowest(own, weights)
        most = loss.value(own, null, weights) - lowest
        left = loss.value(own, predictor[:, k : k + 1], weights) - lowest
        shares.append(1.0 - left / most if most > 0 else float(left <= 0))
    return float(np.mean(shares))
