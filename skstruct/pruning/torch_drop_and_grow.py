"""Train PyTorch models with a given number of units, which change places."""

from collections.abc import Mapping
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state

from skstruct.pruning.torch_groups import as_groups
from skstruct.pruning.torch_missing import torch_for

CRITERIA = ("magnitude", "taylor", "random")
GROWTH = ("gradient", "random")


class DropAndGrow:
    """Train a PyTorch model of which only some units are active at any time.

    Dynamic sparse training by whole units: in each layer, a constant number is active,
    and the weights that lead away from all others are zero. Now and then, the weakest
    active units are dropped and as many others grown: those whose zero weights have
    the largest gradients, that is, which the loss would use most. As in [1]_, the share
    dropped falls along a cosine, ::

        fraction / 2 * (1 + cos(pi * step / until))

    to none at `until`; from then on the same units stay. ``TorchPruner(model,
    budget="zeros")`` removes the others. [1]_ drops and grows single weights, [2]_
    with as many for each unit, and leaves out units with few; here they come and go as
    wholes.

    Parameters
    ----------
    model : torch.nn.Module
        The model, which is changed in place: units that are not active at first get
        their weights zero at once.
    groups : UnitGroups, list or dict of str -> list
        Units with their outgoing weights, ``removable_groups(model, inputs,
        side="outgoing")``. Incoming ones would not do: behind a relu, a unit without
        them has no gradient, and would never return.
    density : float, int or dict of str -> float or int, default=0.5
        Active units of each layer: a share in (0, 1], or a number; by name of layer
        for several. At least one.
    until : int
        Step from which on no unit is dropped: some three quarters of the training.
    every : int, default=100
        Steps between two exchanges.
    fraction : float, default=0.3
        Share of the active units that is dropped first, in [0, 1].
    criterion : {"magnitude", "taylor", "random"}, default="magnitude"
        Which active units are kept: those with the largest norm of weights, those of
        which the loss of the last batch changes most if the weights go, to first
        order, or any. At the start, those with the largest norm.
    grow : {"gradient", "random"}, default="gradient"
        Which others are grown. "random" is for comparison.
    optimizer : torch.optim.Optimizer, default=None
        If given, its state (momenta) is set to zero as well where units are not
        active, so that what is grown starts from rest.
    random_state : int, RandomState instance or None, default=None
        For "random".

    Attributes
    ----------
    active : dict of str -> ndarray of bool
        By layer, which units are active.
    n_steps : int
        Calls of :meth:`step`.

    See Also
    --------
    removable_groups : Finds the groups.
    proximal_step : Lets a penalty decide how many units there are, and where.

    Notes
    -----
    Weights are zero, not masked: the model can be used, saved and pruned at any time.
    Gradients of units that are not active are there in ``grad`` also when gradients
    are clipped by their norm. In Adam and the like, a unit that was grown takes a first
    step of up to some three learning rates, as its second moments start from zero.

    References
    ----------
    .. [1] Evci et al., Rigging the Lottery: Making All Tickets Winners, ICML 2020.
    .. [2] Lasby et al., Dynamic Sparse Training with Structured Sparsity, ICLR 2024.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from skstruct import DropAndGrow, TorchPruner, removable_groups
    >>> _ = torch.manual_seed(0)
    >>> X = torch.randn(200, 5)
    >>> y = X[:, :1].abs()
    >>> model = nn.Sequential(nn.Linear(5, 50), nn.ReLU(), nn.Linear(50, 1))
    >>> optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    >>> groups = removable_groups(model, X, side="outgoing")
    >>> schedule = DropAndGrow(
    ...     model, groups, density=10, until=200, every=20, optimizer=optimizer)
    >>> for _ in range(300):
    ...     optimizer.zero_grad()
    ...     nn.functional.mse_loss(model(X), y).backward()
    ...     optimizer.step()
    ...     _ = schedule.step()
    >>> TorchPruner(model, budget="zeros").fit(X).model_
    Sequential(
      (0): Linear(in_features=5, out_features=10, bias=True)
      (1): ReLU()
      (2): Linear(in_features=10, out_features=1, bias=True)
    )
    """

    def __init__(
        self,
        model,
        groups,
        density=0.5,
        *,
        until,
        every=100,
        fraction=0.3,
        criterion="magnitude",
        grow="gradient",
        optimizer=None,
        random_state=None,
    ):
        with torch_for("DropAndGrow"):
            from skstruct.pruning.torch import unit_tensors
        _check_numbers(until, every, fraction)
        for name, value, known in (
            ("criterion", criterion, CRITERIA),
            ("grow", grow, GROWTH),
        ):
            if value not in known:
                raise ValueError(f"{name}={value!r} must be one of {known}.")
        self.groups = as_groups(model, groups)
        if self.groups.side == "incoming":
            raise ValueError(
                "groups are of incoming weights, without which units behind a relu "
                'have no gradient and never return: use removable_groups(..., side="'
                'outgoing").'
            )
        self.model, self.density, self.optimizer = model, density, optimizer
        self.until, self.every, self.fraction = until, every, fraction
        self.criterion, self.grow = criterion, grow
        self._seed = int(
            check_random_state(random_state).randint(np.iinfo(np.int32).max)
        )
        self._tensors = unit_tensors
        self.n_steps = 0
        norms = self.groups.norms(model)
        self.active = {}
        for name, n_active in self._n_active().items():
            self.active[name] = np.zeros(len(norms[name]), dtype=bool)
            self.active[name][_largest(norms[name], n_active)] = True
        self._apply()

    def _n_active(self):
        layers, density = self.groups.layers, self.density
        named = density if isinstance(density, Mapping) else {}
        unknown = [name for name in named if name not in layers]
        missing = [name for name in layers if named and name not in named]
        if unknown or missing:
            raise ValueError(
                f"density names {[*named]}, but layers are {[*layers]}: give one for "
                "each of them."
            )
        return {
            name: _count(named.get(name, density), own.stop - own.start, name)
            for name, own in layers.items()
        }

    def step(self):
        """Keep what is not active at zero, and exchange units if it is time to.

        To be called after each ``optimizer.step()``, before the gradients are set to
        zero.

        Returns
        -------
        int
            How many units were exchanged: none where gradients are not finite, as in a
            step that a `GradScaler` leaves out.

        Raises
        ------
        ValueError
            If it is time for an exchange, and there are no gradients.
        """
        self.n_steps += 1
        n_exchanged = 0
        if self.n_steps % self.every == 0 and self.n_steps < self.until:
            n_exchanged = self._exchange()
        self._apply()
        return n_exchanged

    def _exchange(self):
        worth, wanted = self._scores()
        if not (np.isfinite(worth).all() and np.isfinite(wanted).all()):
            return 0
        share = self.fraction / 2 * (1 + np.cos(np.pi * self.n_steps / self.until))
        n_exchanged = 0
        for name, own in self.groups.layers.items():
            active = self.active[name]
            resting = np.flatnonzero(~active)
            count = min(round(share * int(active.sum())), len(resting))
            grown = resting[_largest(wanted[own][resting], count)]
            kept = np.flatnonzero(active)
            kept = kept[_largest(worth[own][kept], len(kept) - count)]
            active[:] = False
            active[kept] = active[grown] = True
            n_exchanged += count
        return n_exchanged

    def _scores(self):
        """Return how much there is to active units, and to be had from others."""
        # Each exchange draws its own numbers, so that a checkpoint needs no state.
        rng = np.random.default_rng([self._seed, self.n_steps])
        drawn = rng.uniform(size=(2, self.groups.n_units))
        gradients = None
        if self.criterion == "taylor" or self.grow == "gradient":
            gradients = self._tensors.gradients_of(self.model, self.groups)
        if self.criterion == "magnitude":
            worth = self._tensors.norms_of(self.model, self.groups)
        elif self.criterion == "taylor":
            worth = self._tensors.first_order(self.model, self.groups, gradients)
        else:
            worth = drawn[0]
        wanted = drawn[1]
        if self.grow == "gradient":
            wanted = self._tensors.norms_by_unit(self.groups, gradients)
        return worth, wanted

    def _apply(self):
        """Set to zero what is not active, in the state of the optimizer too."""
        active = np.concatenate([*self.active.values()])
        self._tensors.keep_active(self.model, self.groups, active, self.optimizer)

    def state_dict(self):
        """Return what a checkpoint needs beside those of model and optimizer.

        Returns
        -------
        dict
            Numbers and lists, as `torch.save` and `torch.load` take them.
        """
        return {
            "n_steps": self.n_steps,
            "seed": self._seed,
            "active": {name: own.tolist() for name, own in self.active.items()},
        }

    def load_state_dict(self, state_dict):
        """Go on from a checkpoint, after model and optimizer have loaded theirs.

        Parameters
        ----------
        state_dict : dict
            What :meth:`state_dict` returned.

        Raises
        ------
        ValueError
            If it is of other units.
        """
        sizes = {name: len(own) for name, own in state_dict["active"].items()}
        if sizes != {name: len(own) for name, own in self.active.items()}:
            raise ValueError(
                f"state_dict is of layers with {sizes} units, this schedule of "
                f"{ {name: len(own) for name, own in self.active.items()} }."
            )
        self.n_steps, self._seed = state_dict["n_steps"], state_dict["seed"]
        for name, own in state_dict["active"].items():
            self.active[name] = np.array(own, dtype=bool)
        self._apply()


def _largest(scores, count):
    """Return the places of the largest scores, the first of equal ones."""
    return np.sort(np.argsort(-scores, kind="stable")[:count])


def _count(density, n_units, name):
    """Return how many units of a layer a density means."""
    is_number = isinstance(density, Real) and not isinstance(density, bool)
    if is_number and isinstance(density, Integral) and 1 <= density <= n_units:
        return int(density)
    if is_number and not isinstance(density, Integral) and 0 < density <= 1:
        return max(1, round(float(density) * n_units))
    raise ValueError(
        f"density={density!r} of layer {name!r} must be a share in (0, 1] or a number "
        f"of units from 1 to {n_units}."
    )


def _check_numbers(until, every, fraction):
    for name, value in (("until", until), ("every", every)):
        if not isinstance(value, Integral) or value < 1:
            raise ValueError(f"{name}={value!r} must be an integer of at least 1.")
    if not isinstance(fraction, Real) or not 0 <= fraction <= 1:
        raise ValueError(f"fraction={fraction!r} must be a number in [0, 1].")
