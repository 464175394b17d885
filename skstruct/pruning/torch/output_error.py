"""How far the output of a model is from that of the full one."""

from skstruct.pruning.torch.batches import rows_of
from skstruct.pruning.torch.capture import run
from skstruct.pruning.torch.probes import masked_outputs

N_TESTED = 64  # rows held out that are enough to compare groups by,
N_OUTPUTS = 300_000  # or rows with so many numbers in the output
N_NUMBERS = 50_000_000  # of outputs that are kept


class OutputError:
    """The share of the variance of the full model's output that another misses.

    The variance is that over the rows of all batches, of outputs of one shape. What the
    full model gives is kept, if it is not too much.

    Parameters
    ----------
    calibration : Calibration
        Has the full model.
    batches : list of (args, kwargs)
        Rows.
    """

    def __init__(self, calibration, batches):
        self.calibration, self.batches = calibration, batches
        self._kept, self._n_kept = {}, 0

    def __call__(self, model):
        """Return the error of a model."""
        wrong, spreads = 0.0, {}
        for number, batch in enumerate(self.batches):
            ready = self.calibration.prepared(batch)
            wanted = self._wanted(number, ready)
            found = masked_outputs(run(model, ready), ready)
            for place, (full, small) in enumerate(zip(wanted, found, strict=True)):
                full, small = full.double(), small.double()
                wrong += float(((full - small) ** 2).sum())
                rows = full.reshape(1, 1) if full.ndim == 0 else full
                key = place, rows.shape[1:]
                spreads.setdefault(key, _Spread(rows[0])).add(rows)
        spread = sum(known.total() for known in spreads.values())
        return wrong / spread if spread > 0 else float(wrong > 0)

    def of_few(self):
        """Return the same by as few of the batches as are enough to compare groups."""
        n_rows = sum(map(rows_of, self.batches))
        wanted = self._wanted(0, self.calibration.prepared(self.batches[0]))
        size = sum(output.numel() for output in wanted) / rows_of(self.batches[0])
        n_wanted = min(N_TESTED, max(16, N_OUTPUTS / max(size, 1)))
        step = max(1, round(n_rows / n_wanted))
        return OutputError(self.calibration, self.batches[::step])

    def _wanted(self, number, ready):
        if number in self._kept:
            return self._kept[number]
        wanted = masked_outputs(run(self.calibration.model, ready), ready)
        self._n_kept += sum(output.numel() for output in wanted)
        if self._n_kept < N_NUMBERS:
            self._kept[number] = wanted
        return wanted


class _Spread:
    """Sum of squares of rows around their mean, of rows that come in batches."""

    def __init__(self, first):
        self.first, self.n_rows, self.sums, self.squares = first, 0, 0.0, 0.0

    def add(self, rows):
        away = rows - self.first
        self.n_rows += len(rows)
        self.sums = self.sums + away.sum(dim=0)
        self.squares = self.squares + (away**2).sum(dim=0)

    def total(self):
        return float((self.squares - self.sums**2 / self.n_rows).sum())
