"""From a budget to the widths of the layers, or to the layers that go."""

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import ShuffleSplit, check_cv

from skstruct.pruning.budget import checked_widths, parse_budget
from skstruct.pruning.network import count_flops, count_parameters, nameless, shape_of
from skstruct.pruning.search import Split
from skstruct.pruning.walk import Calibration

#: Keeping more than this, uniform widths were as good as any (doc/design/pruning.md).
FEW = 0.075


def target_widths(budget, widths, *, search, latency, allocation):
    """Return the widths that a budget means, inputs first.

    Parameters
    ----------
    budget : float, sequence of int or dict
        As users give it.
    widths : Widths
        What may be pruned.
    search : callable
        Returns the :class:`Search` to be used, made when it is needed.
    latency : Latency
        Measures the time of predictions.
    allocation : {"auto", "uniform", "sensitivity"}
        How units are spread over the layers.

    Raises
    ------
    ValueError
        If the budget is none, or cannot be met.
    """
    kind, limit = parse_budget(budget)
    if kind == "widths":
        free = checked_widths(limit, [widths.shape[index] for index in widths.free])
        found = widths.full
        for index, width in zip(widths.free, free, strict=True):
            found[index] = widths.rounded(index, width)
        return found

    def spread(uniform, name, limit):
        full, hidden = sum(widths.full[1:]), sum(uniform[1:])
        is_small = hidden < FEW * full
        wanted = allocation == "sensitivity" or (allocation == "auto" and is_small)
        if not wanted or len(widths.free) < 2:
            return uniform
        return search().allocated(name, limit, uniform)

    def of_fraction(fraction):
        uniform = widths.uniform(fraction)
        return spread(uniform, "units", sum(uniform[1:]))

    if kind == "score_drop":
        return search().smallest(limit, of_fraction)
    if kind == "fraction":
        return of_fraction(limit)
    if kind == "latency":
        uniform = widths.largest_uniform(latency, limit, budget)
        found = spread(uniform, "flops", widths.cost("flops", uniform))
        return found if latency(found) <= limit else uniform
    uniform = widths.largest_uniform(
        lambda kept: widths.cost(kind, kept), limit, budget
    )
    return spread(uniform, kind, limit)


def schedule(widths, target, n_steps):
    """Return the widths on the way to `target`, by equal ratios, and at its end."""
    way = []
    for step in range(1, n_steps):
        share = step / n_steps
        way.append(
            [
                max(k, widths.rounded(index, w * (k / w) ** share))
                for index, (w, k) in enumerate(zip(widths.full, target, strict=True))
            ]
        )
    return [*way, list(target)]


def make_splits(network, X, y, *, cv, options, unfitted=None):
    """Return the splits on which widths are compared.

    Parameters
    ----------
    network : MLPClassifier or MLPRegressor
        The fitted network.
    X, y : arrays
        Rows and targets; y may be None.
    cv : int, splitter, iterable or None
        None leaves out a quarter of the rows, once.
    options : Options
        How to prune.
    unfitted : MLPClassifier or MLPRegressor, default=None
        If given, a clone is fitted to the rows of each split, so that those left out
        are new to it.
    """
    if cv is None:
        seed = options.rng.randint(np.iinfo(np.int32).max)
        splitter = ShuffleSplit(1, test_size=0.25, random_state=seed)
    else:
        splitter = check_cv(cv, y, classifier=is_classifier(network))
    splits = []
    for fit, test in splitter.split(X, y):
        own = network
        if unfitted is not None:
            own = nameless(clone(unfitted).fit(X[fit], y[fit]))
        calibration = Calibration(own, X[fit], options)
        splits.append(Split(calibration, X[test], None if y is None else y[test]))
    return splits


def remove_layers(budget, removal, latency):
    """Take out layers until the budget is met, or the score forbids more.

    Raises
    ------
    ValueError
        If the budget is a list of widths, or not met without any hidden layer.
    """
    kind, limit = parse_budget(budget)
    if kind == "widths":
        raise ValueError(
            f"budget={budget!r} gives widths, but granularity='layer' keeps or removes "
            "whole layers; give a fraction of the layers or a dict."
        )
    start, n_layers = removal.value, len(removal.layers)

    def cost():
        if kind == "fraction":
            return len(removal.layers)
        if kind == "latency":
            return latency.measure(removal.network)
        count = {"params": count_parameters, "flops": count_flops}[kind]
        return count(shape_of(removal.network))

    if kind == "fraction":
        limit = round(limit * n_layers)
    while removal.layers and (kind == "score_drop" or cost() > limit):
        position, value = removal.cheapest()
        if kind == "score_drop" and value < start - limit:
            break
        removal.remove(position)
    if kind != "score_drop" and cost() > limit:
        raise ValueError(
            f"budget={budget!r} cannot be met by removing layers: without any hidden "
            f"layer the network still costs {cost():.4g}. Use granularity='unit'."
        )
