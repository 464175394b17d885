"""From a budget to widths: uniform, or as each group suffers by itself."""

import time
from functools import cached_property

import numpy as np
import torch

from skstruct.pruning.budget import Widths, checked_widths, parse_budget
from skstruct.pruning.search import Search
from skstruct.pruning.torch.batches import parted, prepared, rows_of
from skstruct.pruning.torch.capture import run
from skstruct.pruning.torch.finish import finished
from skstruct.pruning.torch.probes import masked_outputs
from skstruct.pruning.torch.sensitivity import Sensitivity
from skstruct.pruning.torch.walk import Calibration

# Of a group, at which its sensitivity is measured; the first means one unit.
FRACTIONS = (0.0, 0.1, 0.25, 0.5)
N_LEVELS = 24  # widths of a group that are considered
N_TESTED = 64  # rows held out that are enough to compare groups by,
N_OUTPUTS = 300_000  # or rows with so many numbers in the output
N_NUMBERS = 50_000_000  # of outputs that are kept
N_CANDIDATES = 3  # branches that are tried for each that is removed


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


def scored(scoring, model):
    """Return the score of a model, which must be a number."""
    found = scoring(model)
    try:
        score = float(found)
    except (TypeError, ValueError):
        score = np.nan
    if not np.isfinite(score):
        raise ValueError(
            f"scoring must return a finite number for a model, got {found!r}."
        )
    return score


class Budget:
    """Finds the widths that a budget means.

    Parameters
    ----------
    plan : Plan
        What can be removed.
    batches : list of (args, kwargs)
        Calibration inputs.
    options : Options
        How to prune.
    budget, allocation, scoring
        As users give them.

    Attributes
    ----------
    trials : dict
        Widths that were tried -> score.
    """

    def __init__(self, plan, batches, options, budget, allocation, scoring):
        self.plan, self.batches, self.options = plan, batches, options
        self.budget, self.allocation, self.scoring = budget, allocation, scoring
        self.names = [group.name for group in plan.groups]
        units = [group.n_units for group in plan.groups]
        # As layers between inputs and outputs that stay.
        self.widths = Widths([1, *units, 1], False, 1)
        places = range(1, len(units) + 1)
        self.widths.free = [k for k in places if self.names[k - 1] in plan.divisible]
        self.whole = [k for k in places if self.names[k - 1] in plan.branches]
        self.trials, self._search = {}, None

    def found(self):
        """Return the widths: name of each group -> units to keep."""
        kind, limit = parse_budget(self.budget)
        if kind == "widths":
            units, least = self.widths.full[1:], [1] * len(self.names)
            for index in self.whole:
                least[index - 1] = 0
            return self._by_name([1, *checked_widths(limit, units, least)])
        if not self.widths.free:
            return self._by_name(self._with_fewer_layers(kind, limit))
        if kind == "score_drop":
            return self._by_name(self.search.smallest(limit, self._of_fraction))
        if kind == "fraction":
            return self._by_name(self._of_fraction(limit))
        costs = {"params": self._params, "flops": self._flops, "latency": self.latency}
        cost = costs[kind]
        goes_below = self.whole and self.allocation != "uniform" and kind != "latency"
        if goes_below and cost(self.widths.uniform(0.0)) > limit:
            return self._by_name(self.search.allocated(cost, limit, self.whole))
        uniform = self.widths.largest_uniform(cost, limit, self.budget)
        if kind == "latency":
            found = self._spread(uniform, self._flops, self._flops(uniform))
            fits = found == uniform or self.latency(found) <= limit
            return self._by_name(found if fits else uniform)
        return self._by_name(self._spread(uniform, cost, limit))

    def _of_fraction(self, fraction):
        uniform = self.widths.uniform(fraction)
        if fraction in (0, 1):
            return uniform
        return self._spread(uniform, self._units, self._units(uniform))

    def _by_name(self, widths):
        named = dict(zip(self.names, map(int, widths[1:]), strict=True))
        return self.plan.closed(named)

    @property
    def search(self):
        """The search, on rows held out."""
        if self._search is None:
            fit, test = parted(self.batches)
            calibration = Calibration(self.plan, fit, self.options)
            self._search = ModelSearch(self, calibration, test)
            self.trials = self._search.trials
        return self._search

    def _spread(self, uniform, cost, limit):
        is_one = len(self.names) < 2 and not self.whole
        if self.allocation == "uniform" or is_one:
            return uniform
        others = [self.search.allocated(cost, limit, whole=[])]
        if self.whole:
            others.append(self.search.allocated(cost, limit, whole=self.whole))
        return max([uniform, *others], key=self.search.value)

    def _with_fewer_layers(self, kind, limit):
        """Return widths with whole branches removed until the budget is met.

        Each time, of those that are missed least when they alone are removed, the one
        without which the model is best.
        """
        widths, search = self.widths.full, self.search
        if kind == "fraction":
            limit = round(limit * len(self.whole))
        cost = {
            "fraction": lambda kept: sum(kept[index] > 0 for index in self.whole),
            "params": self._params,
            "flops": self._flops,
            "latency": self.latency,
            "score_drop": None,
        }[kind]
        least = search.value(widths) - limit if cost is None else -np.inf
        alone = search.missed_without(self.whole)
        while cost is None or cost(widths) > limit:
            left = [index for index in self.whole if widths[index] > 0]
            left = sorted(left, key=alone.get)[:N_CANDIDATES]
            tried = [self._without(widths, index) for index in left]
            best = max(tried, key=search.value, default=None)
            if best is None or search.value(best) < least:
                break
            widths = best
        if cost is not None and cost(widths) > limit:
            raise ValueError(
                f"budget={self.budget!r} cannot be met by removing layers: without "
                f"any the model still costs {cost(widths):.4g}. Add other kinds of "
                "units to `targets`."
            )
        return widths

    def _without(self, widths, index):
        """Return widths without the branch of a group, and what is inside."""
        named = self._by_name([*widths[:index], 0, *widths[index + 1 :]])
        return [1, *named.values()]

    # -- costs of widths -----------------------------------------------------

    def _units(self, widths):
        """Return how much is kept of groups, each counted as one."""
        shares = np.divide(widths[1:], self.widths.full[1:])
        return float(shares.sum())

    def _params(self, widths):
        return self.plan.costs.n_parameters(self._by_name(widths))

    def _flops(self, widths):
        return self.plan.costs.flops(self._by_name(widths))

    def latency(self, widths, n_repeats=5):
        """Return the least time that the first batch takes, in seconds."""
        model = self.plan.resized(self._by_name(widths))
        first = next(model.parameters())
        batch = prepared(self.batches[0], first.device, torch.float32)
        times = []
        for _ in range(n_repeats + 1):
            start = time.perf_counter()
            run(model, batch)
            times.append(time.perf_counter() - start)
        return min(times[1:])


class ModelSearch(Search):
    """Tries widths of a model on rows held out."""

    def __init__(self, budget, calibration, test):
        super().__init__(budget.widths, [(calibration, test)], budget.scoring)
        self.budget, self._error = budget, OutputError(calibration, test)

    def _value(self, split, widths):
        calibration, _ = split
        found = calibration.prune(self.budget._by_name(widths))
        if self.scorer is not None:
            plan = self.budget.plan
            whole = finished(plan, found.model, plan.original)
            return scored(self.scorer, whole.eval())
        return -self._error(found.model)

    @cached_property
    def curves(self):
        """For each group, widths and what the output misses with them alone."""
        budget, full = self.budget, self.widths.full
        tried = {}
        for index, name in enumerate(budget.names, 1):
            found = {0} if index in budget.whole else set()
            if index in self.widths.free:
                found |= {
                    self.widths.rounded(index, f * full[index]) for f in FRACTIONS
                }
            tried[name] = sorted(found - {full[index]})
        (split,) = self.splits
        error = OutputError(*split).of_few()
        measured = Sensitivity(split[0], error).curves(tried)
        return {
            index: ([*tried[name], full[index]], [*measured[name], 0.0])
            for index, name in enumerate(budget.names, 1)
        }

    def missed_without(self, indices):
        """Return what the output misses without each branch."""
        return {index: self.curves[index][1][0] for index in indices}

    def _levels(self, whole):
        """Return for each group widths that it may have, and errors, never rising."""
        levels = {}
        for index, (tried, errors) in self.curves.items():
            widths, full = [], self.widths.full[index]
            if index in self.widths.free:
                wanted = np.geomspace(1, full, N_LEVELS)
                widths = sorted({self.widths.rounded(index, w) for w in wanted})
            known = [(w, e) for w, e in zip(tried, errors, strict=True) if w > 0]
            at, values = np.transpose(known)
            widths = widths or [full]
            found = np.interp(np.log(widths), np.log(at), values)
            if index in whole:
                widths, found = [0, *widths], [errors[0], *found]
            levels[index] = widths, np.minimum.accumulate(found)
        return levels

    def allocated(self, cost, limit, whole):
        """Return widths within a limit by what each group suffers by itself.

        From all units, always the step of one group that adds least to the sum of
        errors for what it saves, until the limit is met; what is then left of the
        budget goes to what gains most by it.

        Parameters
        ----------
        cost : callable
            ``cost(widths)``.
        limit : float
            What it may be.
        whole : list of int
            Groups that may go to 0.
        """
        levels, full = self._levels(whole), self.widths.full
        alone = {
            index: [cost(_with(full, index, width)) for width in widths]
            for index, (widths, _) in levels.items()
        }
        widths = list(full)
        while (now := cost(widths)) > limit:
            best = None
            for index, (found, errors) in levels.items():
                at = int(np.searchsorted(found, widths[index]))
                own, saved = errors[:at] - errors[at], alone[index][at]
                saved = saved - np.array(alone[index][:at])
                if at == 0 or not (saved > 0).any():
                    continue
                lower = int(
                    np.argmin(
                        np.where(saved > 0, own / np.maximum(saved, 1e-9), np.inf)
                    )
                )
                trial = self._closed(_with(widths, index, found[lower]))
                if (gain := now - cost(trial)) > 0:
                    worth = own[lower] / gain
                    if best is None or worth < best[0]:
                        best = worth, trial
            if best is None:
                return self.widths.largest_uniform(cost, limit, self.budget.budget)
            widths = best[1]
        return self._filled(widths, levels, cost, limit)

    def _filled(self, widths, levels, cost, limit):
        """Return widths with what a limit leaves given to whom it helps most."""
        while True:
            best = None
            for index, (found, errors) in levels.items():
                at = int(np.searchsorted(found, widths[index]))
                if widths[index] == 0:  # it went on purpose, maybe inside of another
                    continue
                for higher in range(len(found) - 1, at, -1):
                    trial = _with(widths, index, found[higher])
                    if cost(trial) <= limit:
                        gain = errors[at] - errors[higher]
                        if best is None or gain > best[0]:
                            best = gain, trial
                        break
            if best is None:
                return widths
            widths = best[1]

    def _closed(self, widths):
        return [1, *self.budget._by_name(widths).values()]


def _with(widths, index, width):
    """Return widths with another one at some place."""
    return [*widths[:index], int(width), *widths[index + 1 :]]
