"""Outputs of the modules of a model that change no more, so that they run only once."""

from collections import Counter
from contextlib import contextmanager

import torch

LIMIT = 2**29  # bytes that are held at most; batches beyond it run from the inputs on


@contextmanager
def noting_calls(model, once):
    """Add the names of modules that run just once in what is run inside to a set."""
    counts = Counter()

    def note(name):
        return lambda module, args: counts.update([name])

    handles = [
        module.register_forward_pre_hook(note(name))
        for name, module in model.named_modules()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
    once.update(name for name, count in counts.items() if count == 1)


class Replay:
    """Gives what modules gave the last time, of those that come before any change.

    Whatever else a module does, to its inputs or to other modules, is not repeated:
    `is_true` looks at whether that matters.

    Parameters
    ----------
    once : list of sets
        For each batch, names of the modules that run just once.
    """

    def __init__(self, once):
        self._once, self._held = once, [{} for _ in once]
        self._free = LIMIT

    @contextmanager
    def run(self, model, index, pending):
        """Let a batch be run inside.

        Parameters
        ----------
        model : nn.Module
            The model. What comes before any of `pending` is as the last time.
        index : int
            Number of the batch.
        pending : set of str
            Names of modules that are still to change. What finishes before any of them
            starts is held, to be given the next time.
        """
        held, is_same, handles, changed = self._held[index], True, [], []

        def start(module, args):
            nonlocal is_same
            is_same = False

        def leave(name):
            def hook(module, args, output):
                if is_same:
                    self._hold(held, name, output)

            return hook

        for name, module in model.named_modules():
            if name in held:
                changed.append((module, vars(module).get("forward")))
                module.forward = _giving(held[name])
            elif name in pending:
                handles.append(module.register_forward_pre_hook(start))
            elif name in self._once[index]:
                handles.append(module.register_forward_hook(leave(name)))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
            for module, before in changed:
                del module.forward
                if before is not None:
                    module.forward = before

    def _hold(self, held, name, output):
        """Hold an output, instead of those of the modules inside, if there is room."""
        parts = output if isinstance(output, tuple) else (output,)
        if not all(part is None or isinstance(part, torch.Tensor) for part in parts):
            return
        inside = [other for other in held if other.startswith(f"{name}.")]
        more = _size(output) - sum(_size(held[other]) for other in inside)
        if name and more <= self._free:
            for other in inside:
                del held[other]
            self._free -= more
            held[name] = _copied(output)

    def is_true(self, run, model, index=0):
        """Return whether a batch gives the same with all that is held as without.

        Parameters
        ----------
        run : callable
            Runs the batch, and returns tensors.
        model : nn.Module
            The model.
        index : int
            Number of the batch.
        """
        if not self._held[index]:
            return True
        wanted = run()
        with self.run(model, index, set()):
            found = run()
        return len(found) == len(wanted) and all(
            a.shape == b.shape and torch.allclose(a, b, rtol=1e-4, atol=1e-5)
            for a, b in zip(found, wanted, strict=True)
        )


def _giving(output):
    return lambda *args, **kwargs: _copied(output)


def _copied(output):
    """Return a copy, as later operations may work in place."""
    if isinstance(output, tuple):
        return tuple(_copied(part) for part in output)
    return None if output is None else output.clone()


def _size(output):
    if isinstance(output, tuple):
        return sum(map(_size, output))
    return 0 if output is None else output.numel() * output.element_size()
