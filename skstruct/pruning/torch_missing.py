"""What is said where PyTorch is needed and missing."""

from contextlib import contextmanager


@contextmanager
def torch_for(name):
    """Around imports of `skstruct.pruning.torch`: say who needs PyTorch.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ImportError(
            f"{name} needs PyTorch: pip install 'skstruct[torch]'."
        ) from error
