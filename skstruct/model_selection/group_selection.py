"""What selectors of whole groups share, which fit a group estimator many times."""

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from skstruct._compat import CallbackSupportMixin
from skstruct.linear_model.base import GroupLinearModel
from skstruct.linear_model.group_lasso import GroupLasso
from skstruct.linear_model.one_alpha import FitAtOneAlpha


class GroupSelection(SelectorMixin, CallbackSupportMixin, BaseEstimator):
    """Base of selectors with parameters `estimator` and `groups`.

    Subclasses store ``groups_`` and ``group_names_`` in `fit`, and say which of these
    are selected (`_selected_mask`).
    """

    _parameter_constraints: dict = {
        "estimator": "no_validation",  # _base says what is wrong
        "groups": "no_validation",
        "verbose": ["verbose"],
    }

    _doc_link_module = GroupLinearModel._doc_link_module
    _doc_link_template = GroupLinearModel._doc_link_template
    _doc_link_url_param_generator = GroupLinearModel._doc_link_url_param_generator

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self._inner())
        tags.target_tags.required = True
        tags.target_tags.multi_output = inner.target_tags.multi_output
        tags.target_tags.positive_only = inner.target_tags.positive_only
        tags.input_tags.sparse = inner.input_tags.sparse
        return tags

    def _inner(self):
        return GroupLasso() if self.estimator is None else self.estimator

    def _base(self):
        """Return the group estimator, not fitted, with the groups of this selector.

        Raises
        ------
        TypeError
            If it is no estimator of this package at one alpha.
        ValueError
            If groups were given twice.
        """
        inner = self._inner()
        if not (
            isinstance(inner, GroupLinearModel) and isinstance(inner, FitAtOneAlpha)
        ):
            raise TypeError(
                f"estimator={inner!r} must be one of this package that is "
                "fitted at one alpha, such as GroupLasso() or GroupLassoClassifier(); "
                f"{type(self).__name__} follows its path of alphas."
            )
        base = clone(inner)
        if self.groups is None:
            return base
        if base.groups is not None:
            raise ValueError(
                f"groups were given twice: groups={self.groups!r} and "
                f"estimator.groups={base.groups!r}. Give them once."
            )
        return base.set_params(groups=self.groups)

    def _take_data_attributes(self, base):
        """Take what the base estimator has learnt about the columns of X."""
        self.n_features_in_ = base.n_features_in_
        if hasattr(base, "feature_names_in_"):
            self.feature_names_in_ = base.feature_names_in_
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _selected_mask(self):
        """Return which groups are selected, boolean (n_groups,)."""
        raise NotImplementedError

    def _get_support_mask(self):
        check_is_fitted(self)
        support = np.zeros(self.n_features_in_, dtype=bool)
        for g in np.flatnonzero(self._selected_mask()):
            support[self.groups_[g]] = True
        return support

    @property
    def selected_groups_(self):
        """Names of the selected groups, in the order of ``group_names_``."""
        check_is_fitted(self, "group_names_")
        return self.group_names_[self._selected_mask()]
