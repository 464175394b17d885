"""From a budget to widths: uniform, or as each group suffers by itself."""

import time

import numpy as np
import torch

from skstruct.pruning.budget import Widths, checked_widths, parse_budget
from skstruct.pruning.search import Search
from skstruct.pruning.torch.batches import parted, prepared
from skstruct.pruning.torch.capture import run
from skstruct.pruning.torch.probes import masked_outputs
from skstruct.pruning.torch.walk import Calibration

# Of a group, at which its sensitivity is measured; the first means one unit.
FRACTIONS = (0.0, 0.1, 0.25, 0.5, 0.75)
N_LEVELS = 24  # widths of a group that are considered


def output_error(calibration, model, batches):
    """Return the share of the variance of the full model's output that is missed.

    The variance is that over the rows of all batches, of outputs of one shape.
    """
    wrong, spreads = 0.0, {}
    for batch in batches:
        ready = calibration.prepared(batch)
        wanted = masked_outputs(run(calibration.model, ready), ready)
        found = masked_outputs(run(model, ready), ready)
        for place, (full, small) in enumerate(zip(wanted, found, strict=True)):
            full, small = full.double(), small.double()
            wrong += float(((full - small) ** 2).sum())
            rows = full.reshape(1, 1) if full.ndim == 0 else full
            key = place, rows.shape[1:]
            spreads.setdefault(key, _Spread(rows[0])).add(rows)
    spread = sum(known.total() for known in spreads.values())
    return wrong / spread if spread > 0 else float(wrong > 0)


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
        self.trials, self._search = {}, None

    def found(self):
        """Return the widths: name of each group -> units to keep."""
        kind, limit = parse_budget(self.budget)
        if kind == "widths":
            units = self.widths.full[1:]
            return self._by_name([1, *checked_widths(limit, units)])
        if kind == "score_drop":
            return self._by_name(self.search.smallest(limit, self.widths.uniform))
        if kind == "fraction":
            uniform = self.widths.uniform(limit)
            if limit in (0, 1):
                return self._by_name(uniform)
            return self._spread(uniform, self._units, self._units(uniform))
        cost = {"params": self._params, "flops": self._flops, "latency": self.latency}
        uniform = self.widths.largest_uniform(cost[kind], limit, self.budget)
        if kind == "latency":
            found = self._spread(uniform, self._flops, self._flops(uniform))
            fits = self.latency([1, *found.values()]) <= limit
            return found if fits else self._by_name(uniform)
        return self._spread(uniform, cost[kind], limit)

    def _by_name(self, widths):
        return dict(zip(self.names, map(int, widths[1:]), strict=True))

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
        if self.allocation == "uniform" or len(self.names) < 2:
            return self._by_name(uniform)
        other = self.search.allocated(cost, limit)
        return self._by_name(max([uniform, other], key=self.search.value))

    # -- costs of widths -----------------------------------------------------

    def _units(self, widths):
        """Return how much is kept of groups, each counted as one."""
        shares = np.divide(widths[1:], self.widths.full[1:])
        return float(shares.sum())

    def _params(self, widths):
        return self.plan.n_parameters(self._by_name(widths))

    def _flops(self, widths):
        return self.plan.flops(self._by_name(widths))

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
        self.budget = budget

    def _value(self, split, widths):
        calibration, test = split
        found = calibration.prune(self.budget._by_name(widths))
        if self.scorer is not None:
            plan = self.budget.plan
            whole = plan.finished(found.model, plan.original)
            return scored(self.scorer, whole.eval())
        return -output_error(calibration, found.model, test)

    def sensitivity(self):
        """Return, for each group, widths and what the output misses with them."""
        full, curves = self.widths.full, []
        for index in self.widths.free:
            tried = sorted(
                {self.widths.rounded(index, f * full[index]) for f in FRACTIONS}
            )
            errors = []
            for width in tried:
                widths = list(full)
                widths[index] = width
                (split,) = self.splits
                found = split[0].prune(self.budget._by_name(widths))
                errors.append(output_error(split[0], found.model, split[1]))
            curves.append((np.append(tried, full[index]), np.append(errors, 0.0)))
        return curves

    def allocated(self, cost, limit):
        """Return widths within a limit by what each group suffers by itself.

        From all units, always the step of one group that adds least to the sum of
        errors for what it saves, until the limit is met.
        """
        curves, levels = self.sensitivity(), []
        for (tried, errors), index in zip(curves, self.widths.free, strict=True):
            wanted = np.geomspace(1, self.widths.full[index], N_LEVELS)
            found = np.unique([self.widths.rounded(index, w) for w in wanted])
            falling = np.minimum.accumulate(errors)
            curve = np.interp(np.log(found), np.log(tried), falling)
            levels.append((found, curve))
        widths = list(self.widths.full)
        while cost(widths) > limit:
            now, best = cost(widths), None
            for place, index in enumerate(self.widths.free):
                found, errors = levels[place]
                at = int(np.searchsorted(found, widths[index]))
                for lower in range(at):
                    trial = list(widths)
                    trial[index] = int(found[lower])
                    saved = now - cost(trial)
                    if saved <= 0:
                        continue
                    worth = (errors[lower] - errors[at]) / saved
                    if best is None or worth < best[0]:
                        best = worth, trial
            if best is None:
                return self.widths.largest_uniform(cost, limit, self.budget.budget)
            widths = best[1]
        return widths
