"""A Pipeline whose last step is given the groups that the steps before it make."""

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skstruct._compat import PipelineWithHook, StrOptions
from skstruct.groups.report import GroupReports
from skstruct.pipeline.prune import prune_transformer, required_columns
from skstruct.pipeline.sources import GROUP_BY, group_outputs
from skstruct.pipeline.table import group_table, model_and_head
from skstruct.pipeline.trace import input_names, is_passthrough, trace_outputs
from skstruct.pipeline.wrapped import (
    contains_groups,
    features_of_selected,
    fitted_model,
    groups_parameters,
)


def _pipeline_has(method: str) -> Callable:
    """Check that Pipeline itself offers `method` for these steps."""

    def check(self):
        getattr(super(GroupedPipeline, self), method)
        return True

    return check


class GroupedPipeline(GroupReports, PipelineWithHook):
    """Pipeline whose last step is grouped by the source columns of its features.

    Each time `fit` runs, so in every fold of a cross-validation, the transformers are
    fitted first; then the features they give out are grouped by the column of X they
    come from (see `groups_from_transformer`), and the last step is fitted with these
    `groups`. Its own parameter `groups` is None before and after.

    Parameters
    ----------
    steps : list of tuple (str, estimator)
        Transformers, and last an estimator of this package with a parameter `groups`,
        or one that wraps it, such as GridSearchCV or TransformedTargetRegressor.
    group_by : {"column", "transformer"} or callable, default="column"
        What makes a group; see :func:`groups_from_transformer`.
    groups_param : str, list of str or None, default=None
        Parameters of the last step that take the groups. None finds the one called
        `groups`, in the last step or in what it wraps; name them where there are
        several, as ``["a__groups", "b__groups"]`` of a VotingRegressor.
    transform_input, memory, verbose
        As in :class:`sklearn.pipeline.Pipeline`.

    Attributes
    ----------
    selected_groups_ : ndarray
        Names of the groups that the last step selected.

    Raises
    ------
    TypeError
        In `fit`, if the last step has no parameter `groups`.
    ValueError
        In `fit`, if `groups` of the last step is not None, or if there are several,
        or if there are transformers between the last step and the model it wraps.

    See Also
    --------
    groups_from_transformer : The groups of transformers that are fitted already.
    GroupSelector : Keeps the columns of the groups that are selected.

    Notes
    -----
    ``doc/design/pipeline.md`` tells how groups are derived. Models that the last step
    clones, such as ``best_estimator_`` of a search, keep the groups as their parameter.

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
    >>> model.selected_groups_.tolist()
    ['x0']
    """

    _parameter_constraints: dict = {
        **Pipeline._parameter_constraints,
        "group_by": [StrOptions(set(GROUP_BY)), callable],
        "groups_param": [str, list, None],
    }

    def __init__(
        self,
        steps,
        *,
        group_by="column",
        groups_param=None,
        transform_input=None,
        memory=None,
        verbose=False,
    ):
        self.steps = steps
        self.group_by = group_by
        self.groups_param = groups_param
        self.transform_input = transform_input
        self.memory = memory
        self.verbose = verbose

    def __getitem__(self, ind):
        """Return a step, or a slice: grouped only where the last step is in it."""
        if not isinstance(ind, slice):
            return super().__getitem__(ind)
        part = Pipeline(self.steps, memory=self.memory, verbose=self.verbose)[ind]
        if not part.steps or part.steps[-1] is not self.steps[-1]:
            return part
        own = self.get_params(deep=False)
        return type(self)(part.steps, **{k: v for k, v in own.items() if k != "steps"})

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
        with self._groups_of_this_fit():
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
        with self._groups_of_this_fit():
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
        with self._groups_of_this_fit():
            return super().fit_predict(X, y, **params)

    @contextmanager
    def _groups_of_this_fit(self):
        """Take the groups back when the fit is over: the next one derives its own."""
        if not self.steps:  # Pipeline says so
            yield
            return
        name, last = self.steps[-1]
        self._groups_go_to = groups_parameters(last, name, self.groups_param)
        taken_back = dict.fromkeys(self._groups_go_to)
        try:
            yield
            if self._groups_go_to:
                raise RuntimeError(
                    "This version of scikit-learn fitted the last step before groups "
                    "could be derived. Please report it."
                )
        finally:
            last.set_params(**taken_back)
            del self._groups_go_to

    def _before_last_step(self, Xt):
        """Derive groups, now that the transformers are fitted, for the last step."""
        targets, self._groups_go_to = self._groups_go_to, []
        head = self[:-1]
        if all(is_passthrough(step) for _, step in head.steps):
            return
        shape = getattr(Xt, "shape", ())
        origins = trace_outputs(head, shape[1] if len(shape) == 2 else None)
        groups = group_outputs(head, origins, self.group_by)
        self.steps[-1][1].set_params(**dict.fromkeys(targets, groups))

    @property
    def selected_groups_(self):
        """Names of the groups that the last step selected."""
        check_is_fitted(self)
        try:
            return fitted_model(self).selected_groups_
        except TypeError as error:  # hasattr is to say no
            raise AttributeError(str(error)) from error

    def get_required_columns(self):
        """Return the columns of X that the selected groups are made of.

        Returns
        -------
        list of str
            Their names, in the order of X; "x0", "x1", ... where X had none.
        """
        check_is_fitted(self)
        model, head = model_and_head(self)
        kept = features_of_selected(model)
        if head is None:
            return [input_names(model)[i] for i in kept]
        return required_columns(head, kept)

    def prune_transformer(self, X):
        """Cut the transformers down to the features of the selected groups.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_columns)
            Some rows that the pipeline was fitted on; see
            :func:`skstruct.pipeline.prune_transformer`.

        Returns
        -------
        Pipeline
            The fitted transformers of this pipeline, of which those parts are left
            that the features of selected groups need. It takes the columns
            `get_required_columns`, and gives out exactly these features.

        Raises
        ------
        ValueError
            If there are no transformers, or no group is selected.
        """
        check_is_fitted(self)
        model, head = model_and_head(self)
        if head is None:
            raise ValueError("There are no transformers before the last step to prune.")
        return prune_transformer(head, features_of_selected(model), X)

    def _group_table(self) -> dict[str, Any]:
        return group_table(self)

    def _has_groups(self) -> bool:
        return contains_groups(self)


def make_grouped_pipeline(
    *steps,
    group_by="column",
    groups_param=None,
    memory=None,
    transform_input=None,
    verbose=False,
):
    """Make a GroupedPipeline with steps named after their types.

    Parameters
    ----------
    *steps : estimator
        Transformers, and last an estimator with a parameter `groups`.
    group_by, groups_param : str, callable, list or None
        As in :class:`GroupedPipeline`.
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
        group_by=group_by,
        groups_param=groups_param,
        memory=memory,
        transform_input=transform_input,
        verbose=verbose,
    )
