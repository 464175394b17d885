"""How chunks of responses are encoded for a loss."""

from dataclasses import dataclass

from skstruct.streams.chunk import checked_numbers


@dataclass(frozen=True)
class Numbers:
    """Responses that are numbers.

    Attributes
    ----------
    loss : Loss
        Knows which responses are in its domain.
    """

    loss: object

    def encoded(self, y):
        """Return responses (n, q)."""
        if y.dtype.kind not in "fiub":
            raise ValueError(f"y of dtype {y.dtype} must be numbers.")
        y = checked_numbers(y, "y", y.shape).reshape(len(y), -1)
        self.loss.check_values(y)
        return y

    def weighted(self, weights, y):
        """Return the weights as they are."""
        return weights
