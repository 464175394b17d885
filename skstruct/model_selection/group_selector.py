"""Keeps the columns of the groups that a model selects."""

from numbers import Integral, Real

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.validation import check_is_fitted, validate_data

from skstruct._compat import Interval, fit_context, process_routing, safe_indexing
from skstruct.groups.report import GroupReports
from skstruct.pipeline.prune import prune_transformer, required_columns
from skstruct.pipeline.table import input_groups, model_and_head
from skstruct.streams import refuse_stream


class GroupSelector(GroupReports, MetaEstimatorMixin, SelectorMixin, BaseEstimator):
    """Select whole groups of columns by the norms that a model gives them.

    A group is kept if the Euclidean norm of its coefficients, of all outputs together,
    is above `threshold`; of these, the `max_groups` with the largest norms. A column
    is kept if one of its groups is.

    The estimator may be a model on X itself, or a pipeline of transformers and such a
    model. In the latter case the columns are those of raw X, the input of the
    transformers: kept is every column that the features of a kept group are made of.

    Parameters
    ----------
    estimator : estimator
        A model with groups, such as GroupLasso, or what contains one: a
        GroupedPipeline, a search, a TransformedTargetRegressor.
    threshold : float, default=0.0
        Groups with norms up to this are dropped; nonnegative. Norms depend on the
        scale of the features.
    max_groups : int or None, default=None
        Most groups to keep. Of equal norms, those that come first.
    prefit : bool, default=False
        Whether `estimator` is fitted already and taken as it is. If not, a clone is
        fitted to X and y first.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator.
    groups_ : list of ndarray of int
        Columns of X in each group; of a pipeline, those that the group's features are
        made of.
    group_names_ : ndarray of shape (n_groups,)
        Names of the groups.
    group_norms_ : ndarray of shape (n_groups,)
        Norm of each group's coefficients.
    selected_groups_ : ndarray
        Names of the groups that are kept.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of str
        Names of the columns, if X has some.

    See Also
    --------
    GroupedPipeline : Derives the groups from transformers.
    sklearn.feature_selection.SelectFromModel : Keeps single features.

    Notes
    -----
    Between transformers and another model, the selector gets its groups as the last
    step of a GroupedPipeline: ``make_pipeline(make_grouped_pipeline(transformers,
    GroupSelector(GroupLasso())), other_model)``.

    Examples
    --------
    >>> from skstruct import GroupLasso, GroupSelector
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups = make_group_regression(
    ...     n_samples=100, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> selector = GroupSelector(GroupLasso(alpha=0.3, groups=groups)).fit(X, y)
    >>> print(selector.selected_groups_)
    [2 5]
    >>> selector.transform(X).shape
    (100, 6)
    """

    _parameter_constraints: dict = {
        "estimator": "no_validation",  # fit says what is missing
        "threshold": [Interval(Real, 0, None, closed="left")],
        "max_groups": [Interval(Integral, 1, None, closed="left"), None],
        "prefit": ["boolean"],
    }

    def __init__(self, estimator, *, threshold=0.0, max_groups=None, prefit=False):
        self.estimator = estimator
        self.threshold = threshold
        self.max_groups = max_groups
        self.prefit = prefit

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags.sparse = inner.input_tags.sparse
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        tags.target_tags.required = not self.prefit
        return tags

    def get_metadata_routing(self):
        """Return how metadata reach the estimator.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
            Those of `fit` go to the estimator's `fit`.
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        return MetadataRouter(owner=type(self).__name__).add(
            estimator=self.estimator, method_mapping=mapping
        )

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, **fit_params):
        """Fit the estimator, unless it is fitted already, and choose groups.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Target.
        **fit_params : dict
            Passed to the estimator's `fit`; with metadata routing, what it requests.

        Returns
        -------
        self : GroupSelector
            The fitted selector.

        Raises
        ------
        TypeError
            If there is no model with groups in the estimator.
        """
        refuse_stream(self, X)
        if self.prefit:
            check_is_fitted(self.estimator)
            self.estimator_ = self.estimator
        else:
            if get_config()["enable_metadata_routing"]:
                fit_params = process_routing(self, "fit", **fit_params).estimator.fit
            self.estimator_ = clone(self.estimator).fit(X, y, **fit_params)
        validate_data(self, X, skip_check_array=True)  # takes note of the columns
        model, head = model_and_head(self.estimator_)
        self._is_raw = head is not None
        self.groups_ = input_groups(self.estimator_)
        self.group_names_ = model.group_names_
        self.group_norms_ = model.group_norms_
        self.selected_groups_ = self.group_names_[self._kept_groups()]
        return self

    def _kept_groups(self):
        """Return the indices of the groups to keep, in ascending order."""
        norms = self.group_norms_
        strongest = np.argsort(-norms, kind="stable")
        return np.sort(strongest[norms[strongest] > self.threshold][: self.max_groups])

    def _get_support_mask(self):
        check_is_fitted(self)
        mask = np.zeros(self.n_features_in_, dtype=bool)
        for g in self._kept_groups():
            mask[self.groups_[g]] = True
        return mask

    def transform(self, X):
        """Keep the columns of the groups that are selected.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        array of shape (n_samples, n_kept)
            These columns. Raw data for a pipeline are not converted: a data frame
            stays one, with its types.
        """
        check_is_fitted(self)
        if self._is_raw:
            validate_data(self, X, skip_check_array=True, reset=False)
            return safe_indexing(X, self.get_support(indices=True), axis=1)
        return super().transform(X)

    def get_required_columns(self, transformer=None):
        """Return the raw columns that the kept columns are made of.

        Parameters
        ----------
        transformer : estimator, default=None
            The fitted transformer that makes the columns of X from raw data. None:
            X is the raw data, or the estimator has transformers of its own.

        Returns
        -------
        list of str
            Their names; "x0", "x1", ... where raw data had none.
        """
        if transformer is not None:
            return required_columns(transformer, self.get_support())
        return self.get_feature_names_out().tolist()

    def prune_transformer(self, transformer, X):
        """Cut a transformer before this selector down to the columns that are kept.

        Parameters
        ----------
        transformer : ColumnTransformer, Pipeline or other transformer
            The fitted transformer that makes the input of this selector.
        X : array-like or data frame of shape (n_samples, n_columns)
            Some rows that it was fitted on; see
            :func:`skstruct.pipeline.prune_transformer`.

        Returns
        -------
        transformer
            A fitted one that takes the columns ``get_required_columns(transformer)``,
            and gives out exactly what this selector keeps of the full output.

        Raises
        ------
        ValueError
            If no group is kept.
        """
        return prune_transformer(transformer, self.get_support(), X)
