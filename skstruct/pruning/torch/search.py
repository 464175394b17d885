"""From a budget to widths: uniform, or as each group suffers by itself."""

import time
from functools import cached_property

import numpy as np
import torch

from skstruct.pruning.budget import Widths, checked_widths, parse_budget
from skstruct.pruning.search import Search
from skstruct.pruning.torch.batches import parted, prepared
from skstruct.pruning.torch.capture import run
from skstruct.pruning.torch.finish import finished
from skstruct.pruning.torch.output_error import OutputError
from skstruct.pruning.torch.sensitivity import Sensitivity
from skstruct.pruning.torch.walk import Calibration

# Of a group, at which its sensitivity is measured; the first means one unit.
FRACTIONS = (0.0, 0.1, 0.25, 0.5)
FEW = 0.25  # of the units: keeping more, images did not gain by "sensitivity"
N_LEVELS = 24  # widths of a group that are considered
N_CANDIDATES = 3  # branches that are tried for each that is removed


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
            return self._by_name(
                [1, *self._possible(checked_widths(limit, units, least))]
            )
        if not self.widths.free:
            return self._by_name(self._with_fewer_layers(kind, limit))
        if kind == "score_drop":
            return self._by_name(self.search.smallest(limit, self._picked))
        if kind == "fraction":
            return self._by_name(self._of_fraction(limit))
        cost = self._costs[kind]
        goes_below = self.whole and self.allocation != "uniform" and kind != "latency"
        if goes_below and cost(self.widths.uniform(0.0)) > limit:
            return self._by_name(self.search.allocated(cost, limit, self.whole))
        uniform = self.widths.largest_uniform(cost, limit, self.budget)
        if kind == "latency":
            found = self._spread(uniform, self._flops, self._flops(uniform))
            fits = found == uniform or self.latency(found) <= limit
            return self._by_name(found if fits else uniform)
        return self._by_name(self._spread(uniform, cost, limit))

    def _possible(self, widths):
        for name, group, width in zip(
            self.names, self.plan.groups, widths, strict=True
        ):
            if name not in self.plan.divisible and width not in (0, group.n_units):
                raise ValueError(
                    f"budget={self.budget!r} has {width} units for {name!r}, which can "
                    f"only be removed whole or keep all its {group.n_units}."
                )
        return widths

    def _of_fraction(self, fraction):
        uniform = self.widths.uniform(fraction)
        if fraction in (0, 1):
            return uniform
        return self._spread(uniform, self._flops, self._flops(uniform))

    def _picked(self, fraction):
        """Return widths of a fraction, without a look at what else there is."""
        uniform = self.widths.uniform(fraction)
        if fraction in (0, 1) or not self._is_spread(uniform):
            return uniform
        return self.search.allocated(self._flops, self._flops(uniform), whole=[])

    def _is_spread(self, uniform):
        """Return whether a budget is spread by sensitivity; see the design notes."""
        if self.allocation != "auto":
            return self.allocation == "sensitivity"
        is_small = self._units(uniform) < FEW * len(self.names)
        return is_small or any(group.kind == "heads" for group in self.plan.groups)

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
        if is_one or not self._is_spread(uniform):
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
        layers = {"fraction": lambda kept: sum(kept[index] > 0 for index in self.whole)}
        cost = {**self._costs, **layers}.get(kind)  # none for "score_drop"
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

    @property
    def _costs(self):
        """What a budget may be a bound of -> the function of widths."""
        return {"params": self._params, "flops": self._flops, "latency": self.latency}

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
        measured = Sensitivity(split[0], self._error.of_few()).curves(tried)
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
