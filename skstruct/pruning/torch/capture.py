"""Run a model and look at what its layers get and give."""

from collections import Counter
from contextlib import contextmanager

import torch
from torch.overrides import TorchFunctionMode

ADDITIONS = {"add", "add_", "__add__", "__iadd__", "__radd__"}


class Stop(BaseException):
    """Raised when the rest of a forward pass is not needed; no model catches it."""


class Stack:
    """Names of the modules that are running, innermost last."""

    def __init__(self, model):
        self.names, self._handles = [], []
        for name, module in model.named_modules():
            enter = module.register_forward_pre_hook(self._enter(name))
            leave = module.register_forward_hook(self._leave)
            self._handles += [enter, leave]

    def _enter(self, name):
        def enter(module, args):
            self.names.append(name)

        return enter

    def _leave(self, module, args, output):
        self.names.pop()

    def remove(self):
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()


class Additions(TorchFunctionMode):
    """Calls `visit(module name, ordinal, operands)` before each addition."""

    def __init__(self, stack, visit):
        super().__init__()
        self.stack, self.visit, self.counts = stack, visit, Counter()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Look at additions; compute all as usual."""
        if getattr(func, "__name__", "") in ADDITIONS and self.stack.names:
            module = self.stack.names[-1]
            ordinal = self.counts[module]
            self.counts[module] += 1
            named = [kwargs[key] for key in ("input", "other") if key in (kwargs or {})]
            self.visit(module, ordinal, (*args, *named))
        return func(*args, **(kwargs or {}))


@contextmanager
def hooks(model, names, visit):
    """Call `visit(name, module, input, output)` whenever some modules have run."""
    handles = []
    for name in names:

        def note(module, args, kwargs, output, name=name):
            given = args[0] if args else next(iter(kwargs.values()))
            visit(name, module, given, output)

        module = model.get_submodule(name)
        handles.append(module.register_forward_hook(note, with_kwargs=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def run(model, batch, visit_addition=None):
    """Run a batch without gradients, until `Stop`; look at additions if asked to."""
    args, kwargs = batch
    try:
        with torch.no_grad():
            if visit_addition is None:
                return model(*args, **kwargs)
            stack = Stack(model)
            try:
                with Additions(stack, visit_addition):
                    return model(*args, **kwargs)
            finally:
                stack.remove()
    except Stop:
        return None


def count_additions(model, batch):
    """Return how many additions the `forward` of each module makes."""
    counts = Counter()

    def visit(module, ordinal, operands):
        counts[module] += 1

    run(model, batch, visit)
    return counts
