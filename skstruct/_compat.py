"""The one place that imports what scikit-learn does not promise to keep.

Everything else in this package uses scikit-learn's public names only.
"""

from sklearn.base import _fit_context as fit_context
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import Interval, StrOptions, validate_params
from sklearn.utils.metadata_routing import process_routing

try:  # scikit-learn >= 1.9
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:
        """Stand-in where scikit-learn has no callbacks yet: nothing is called."""

        def _init_callback_context(self, **kwargs):
            return _SilentContext()

    class _SilentContext:
        def subcontext(self, **kwargs):
            return self

        def call_on_fit_task_begin(self, **kwargs):
            return self

        def call_on_fit_task_end(self, **kwargs):
            return False

    def with_callbacks(method):
        """Return the method as it is: there are no callbacks to tear down."""
        return method


class PipelineWithHook(Pipeline):
    """Pipeline that says when it is about to fit its last step.

    scikit-learn has no public place for this: `fit`, `fit_transform` and `fit_predict`
    all fit the other steps in `_fit`, and then look up the last one.
    """

    def _fit(self, *args, **kwargs):
        Xt = super()._fit(*args, **kwargs)
        self._before_last_step(Xt)
        return Xt

    def _before_last_step(self, Xt):
        """Do what is to be done before the last step is fitted to Xt."""
        raise NotImplementedError


__all__ = [
    "CallbackSupportMixin",
    "Interval",
    "PipelineWithHook",
    "StrOptions",
    "fit_context",
    "process_routing",
    "safe_indexing",
    "validate_params",
    "with_callbacks",
]
