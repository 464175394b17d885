"""The one place that imports what scikit-learn does not promise to keep.

Everything else in this package uses scikit-learn's public names only.
"""

from sklearn.base import _fit_context as fit_context
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


__all__ = [
    "CallbackSupportMixin",
    "Interval",
    "StrOptions",
    "fit_context",
    "process_routing",
    "validate_params",
    "with_callbacks",
]
