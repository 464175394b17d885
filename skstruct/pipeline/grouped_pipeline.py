"""A Pipeline whose last step is given the groups that the steps before it make."""

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.metaestimators import available_if

from skstruct.pipeline.sources import collect_groups


def _pipeline_has(method: str) -> Callable:
    """Check that Pipeline itself offers `method` for these steps."""

    def check(self):
        getattr(super(GroupedPipeline, self), method)
        return True

    return check


class GroupedPipeline(Pipeline):
    """Pipeline whose last step is grouped by the source columns of its features.

    Each time `fit` runs, so in every fold of a cross-validation, the transformers are
    fitted first; then the features they give out are grouped by the column of X they
    come from (see `groups_from_transformer`), and the last step is fitted with these
    `groups`. Its own parameter `groups` stays None.

    Parameters
    ----------
    steps : list of tuple (str, estimator)
        Transformers, and last an estimator of this package with a parameter `groups`.
    transform_input, memory, verbose
        As in :class:`sklearn.pipeline.Pipeline`.

    Raises
    ------
    TypeError
        In `fit`, if the last step has no parameter `groups`.
    ValueError
        In `fit`, if `groups` of the last step is not None.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import OneHotEncoder
    >>> from skstruct import GroupedPipeline, GroupLasso
    >>> X = np.array([["a", "u"], ["b", "v"], ["c", "u"], ["a", "v"]])
    >>> model = GroupedPipeline(
    ...     [("onehot", OneHotEncoder()), ("lasso", GroupLasso(alpha=0.1))]
    ... )
    >>> model.fit(X, [0.0, 1.0, 2.0, 0.5])[-1].group_names_.tolist()
    ['x0', 'x1']
    """

    def __getitem__(self, ind):
        """Return a step, or a slice: grouped only where the last step is in it."""
        part = super().__getitem__(ind)
        if isinstance(ind, slice) and (
            not part.steps or part.steps[-1] is not self.steps[-1]
        ):
            return Pipeline(part.steps, memory=self.memory, verbose=self.verbose)
        return part

    def fit(self, X, y=None, **params):
        """Fit the transformers, derive the groups, fit the last step.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_columns)
            Raw data, for the first step.
        y : array-like of shape (n_samples,), default=None
            Target.
        **params : dict
            As in :class:`sklearn.pipeline.Pipeline`.

        Returns
        -------
        self : GroupedPipeline
            The fitted pipeline.
        """
        with self._derived_groups():
            return super().fit(X, y, **params)

    @available_if(_pipeline_has("fit_transform"))
    def fit_transform(self, X, y=None, **params):
        """Fit as `fit`, then transform X with the last step.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_columns)
            Raw data, for the first step.
        y : array-like of shape (n_samples,), default=None
            Target.
        **params : dict
            As in :class:`sklearn.pipeline.Pipeline`.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out)
            What the last step makes of X.
        """
        with self._derived_groups():
            return super().fit_transform(X, y, **params)

    @available_if(_pipeline_has("fit_predict"))
    def fit_predict(self, X, y=None, **params):
        """Fit as `fit`, then predict with the last step's fit_predict.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_columns)
            Raw data, for the first step.
        y : array-like of shape (n_samples,), default=None
            Target.
        **params : dict
            As in :class:`sklearn.pipeline.Pipeline`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Predictions.
        """
        with self._derived_groups():
            return super().fit_predict(X, y, **params)

    @contextmanager
    def _derived_groups(self):
        """While fitting, let the last step ask for groups when it needs them.

        It does when the steps before it are fitted; afterwards its parameter is None
        again, so that clones derive groups of their own.
        """
        last: Any = self.steps[-1][1]
        if "groups" not in getattr(last, "get_params", dict)():
            raise TypeError(
                f"The last step of a GroupedPipeline, {self.steps[-1][0]!r}, must have "
                f"a parameter groups; got {type(last).__name__}. Use Pipeline without."
            )
        if last.groups is not None:
            raise ValueError(
                f"groups={last.groups!r} of step {self.steps[-1][0]!r} must be None in "
                "a GroupedPipeline, which derives it; use Pipeline to give groups."
            )

        def groups(names):
            if len(self.steps) == 1:
                return None
            return collect_groups(self[:-1], len(names))

        last.set_params(groups=groups)
        try:
            yield
        finally:
            last.set_params(groups=None)


def make_grouped_pipeline(*steps, memory=None, transform_input=None, verbose=False):
    """Make a GroupedPipeline with steps named after their types.

    Parameters
    ----------
    *steps : estimator
        Transformers, and last an estimator with a parameter `groups`.
    memory, transform_input, verbose
        As in :func:`sklearn.pipeline.make_pipeline`.

    Returns
    -------
    pipeline : GroupedPipeline
        The pipeline.

    Examples
    --------
    >>> from sklearn.preprocessing import OneHotEncoder
    >>> from skstruct import GroupLasso, make_grouped_pipeline
    >>> list(make_grouped_pipeline(OneHotEncoder(), GroupLasso()).named_steps)
    ['onehotencoder', 'grouplasso']
    """
    return GroupedPipeline(
        make_pipeline(*steps).steps,
        memory=memory,
        transform_input=transform_input,
        verbose=verbose,
    )
