"""Which entries of the parameters of a PyTorch model belong to which unit."""

from collections.abc import Mapping

import numpy as np

from skstruct.pruning.torch_missing import torch_for

SIDES = ("incoming", "outgoing")
UNITS = ("channels", "heads", "ffn")


class UnitGroups:
    """Groups of entries of the parameters of a PyTorch model, one for each unit.

    :func:`removable_groups` finds those of units that can be removed. This constructor
    is for groups written by hand.

    Parameters
    ----------
    model : torch.nn.Module
        Whose parameters they are. Only names and shapes are looked at.
    units : list, or dict of str -> list
        Units; with names of layers, a dict. Each unit is a list of its parts: ``(name,
        dim, index)``, one index or several of one dimension of a parameter; or the
        name of a parameter alone, for all of it. No entry may be in two units, and a
        parameter can be divided along one dimension only.
    group_weights : array-like of shape (n_units,), dict or None, default=None
        Weights of the units in penalties: all, or by name of the layer a number or one
        for each of its units. 0 leaves a unit unpenalised. None, and for layers that
        a dict leaves out: the square root of the number of entries.

    Attributes
    ----------
    layers : dict of str -> slice
        Where the units of each layer are among all.
    parts : dict of str -> tuple
        Name of each parameter -> its dimension (None for all of it) and the unit of
        each index, ``n_units`` where there is none.
    n_units : int
        Number of units.
    sizes : ndarray of shape (n_units,)
        Number of entries of each unit.
    weights : ndarray of shape (n_units,)
        Weights of the units.
    side : {"incoming", "outgoing"} or None
        Which weights of units these are; None if written by hand.
    left_whole : dict of str -> str
        Modules whose units are in no group, and why.

    See Also
    --------
    removable_groups : Finds the groups of a model.
    proximal_step : Shrinks groups, some of them to zero.

    Examples
    --------
    >>> from torch import nn
    >>> from skstruct import UnitGroups
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> units = [[("0.weight", 0, j), ("0.bias", 0, j)] for j in range(3)]
    >>> UnitGroups(model, {"hidden": units}).sizes
    array([5, 5, 5])
    """

    def __init__(self, model, units, group_weights=None):
        layers = units if isinstance(units, Mapping) else {"units": units}
        layers = {name: list(members) for name, members in layers.items()}
        self.layers, self.n_units = {}, 0
        table = _Table(model)
        for layer, members in layers.items():
            self.layers[layer] = slice(self.n_units, self.n_units + len(members))
            for number, unit in enumerate(members):
                for part in _parts_of(unit, layer, number):
                    table.add(part, self.n_units + number, f"unit {number} of {layer}")
            self.n_units += len(members)
        if not self.n_units:
            raise ValueError("units is empty: there is nothing to group.")
        self.parts, self.sizes = table.parts(self.n_units), table.sizes(self.n_units)
        self.weights = self._weights(group_weights)
        self.side, self.left_whole = None, {}

    def _weights(self, given):
        weights = np.sqrt(self.sizes)
        if isinstance(given, Mapping):
            unknown = [name for name in given if name not in self.layers]
            if unknown:
                raise ValueError(
                    f"group_weights names {unknown}, but layers are {[*self.layers]}."
                )
            for name, value in given.items():
                weights[self.layers[name]] = value
        elif given is not None:
            given = np.asarray(given, dtype=np.float64)
            if given.shape != weights.shape:
                raise ValueError(
                    f"group_weights has shape {given.shape}, but there are "
                    f"{self.n_units} units: give one for each, or a dict by layer."
                )
            weights = given.copy()
        if not (np.isfinite(weights).all() and (weights >= 0).all()):
            raise ValueError(
                f"group_weights={given!r} must be finite numbers of at least 0."
            )
        return weights

    def norms(self, model):
        """Return the Euclidean norm of each unit's entries.

        Parameters
        ----------
        model : torch.nn.Module
            The model.

        Returns
        -------
        dict of str -> ndarray of float
            By layer, one for each unit.

        Raises
        ------
        ImportError
            If PyTorch is not installed.
        ValueError
            If the model has not the parameters that the groups are of.
        """
        with torch_for("UnitGroups"):
            from skstruct.pruning.torch.unit_tensors import norms_of
        norms = norms_of(model, self)
        return {name: norms[own] for name, own in self.layers.items()}

    def __len__(self):
        return self.n_units

    def __repr__(self):
        counts = {name: own.stop - own.start for name, own in self.layers.items()}
        side = "" if self.side is None else f"{self.side} weights, "
        return f"UnitGroups({side}{counts})"


def removable_groups(
    model, calibration_inputs, *, targets=UNITS, side="incoming", group_weights=None
):
    """Find, for each unit that can be removed from a model, what belongs to it.

    Units are what :class:`TorchPruner` removes: filters of convolutions (with residual
    additions, those of all layers that are added), heads of attention, hidden units of
    feed-forward layers. The groups are for :func:`proximal_step` and
    :class:`DropAndGrow`, which make some of them exactly zero;
    ``TorchPruner(model, budget="zeros")`` then removes these.

    Parameters
    ----------
    model : torch.nn.Module
        The model, trained or not. It is not changed.
    calibration_inputs : Tensor, tuple, dict or iterable
        A few inputs of the kind that the model gets, as for :meth:`TorchPruner.fit`;
        what they are does not matter.
    targets : sequence of {"channels", "heads", "ffn"}, default=all three
        Kinds of units.
    side : {"incoming", "outgoing"}, default="incoming"
        Which entries make up the group of a unit; see Notes.
    group_weights : array-like of shape (n_units,), dict or None, default=None
        Weights of the units in penalties, as for :class:`UnitGroups`.

    Returns
    -------
    UnitGroups
        The groups, by layer. No two of them overlap.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    TypeError
        If the model is not a module, or the inputs are none.
    ValueError
        If nothing of the model can be removed, or it does not take the inputs.

    See Also
    --------
    UnitGroups : Groups written by hand.

    Notes
    -----
    "incoming" are all parameters that make the unit: rows of weights of the layers that
    give it, of several where they are added, their intercepts, and scale and shift of
    norms on the way; for a head, its queries, keys and values. Where all of them are
    zero, the unit gives the same for every input: 0 after activations such as relu,
    gelu, silu and tanh, else a constant. "outgoing" are the columns of weights of all
    layers that read the unit. Where they are zero nothing depends on the unit, whatever
    it gives. In both cases it can be removed, and what the model computes stays; but
    not a constant that is not zero where a convolution pads its input by zeros.

    Behind a relu a unit without incoming weights has no gradient: it stays zero. One
    without outgoing weights can return.

    Of a convolution, these are the "filters" and the "channels" of [1]_.

    References
    ----------
    .. [1] Wen et al., Learning Structured Sparsity in Deep Neural Networks, NeurIPS
       2016.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from skstruct import removable_groups
    >>> model = nn.Sequential(
    ...     nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(),
    ...     nn.Flatten(), nn.Linear(8 * 36, 10))
    >>> groups = removable_groups(model, torch.randn(2, 1, 8, 8))
    >>> groups
    UnitGroups(incoming weights, {'0': 8})
    >>> list(groups.parts)
    ['0.weight', '0.bias', '1.weight', '1.bias']
    """
    with torch_for("removable_groups"):
        from skstruct.pruning.torch.unit_parts import units_of
    if side not in SIDES:
        raise ValueError(f"side={side!r} must be one of {SIDES}.")
    unknown = [name for name in targets if name not in UNITS]
    if unknown or isinstance(targets, str):
        raise ValueError(f"targets={targets!r} must be a sequence of some of {UNITS}.")
    units, left_whole = units_of(model, calibration_inputs, targets, side)
    groups = UnitGroups(model, units, group_weights)
    groups.side, groups.left_whole = side, left_whole
    return groups


def as_groups(model, groups):
    """Return groups as `UnitGroups`, whatever of the two a user gave."""
    return groups if isinstance(groups, UnitGroups) else UnitGroups(model, groups)


class _Table:
    """Says of each index of a dimension of each parameter to which unit it belongs."""

    def __init__(self, model):
        self.shapes, first = {}, {}
        for name, parameter in model.named_parameters(remove_duplicate=False):
            first.setdefault(id(parameter), name)
            self.shapes.setdefault(first[id(parameter)], tuple(parameter.shape))
        every = model.named_parameters(remove_duplicate=False)
        self._first = {name: first[id(parameter)] for name, parameter in every}
        self._found = {}

    def add(self, part, unit, who):
        """Add a part of a unit; `who` is what errors call the unit."""
        name, dim, index = part
        if name not in self._first:
            raise ValueError(
                f"units: {who} has a part of {name!r}, which is no parameter of the "
                f"model; these are {[*self._first][:8]} ..."
            )
        name = self._first[name]
        dim, size = self._dimension(name, dim, who)
        known, owner = self._found.setdefault(name, (dim, np.full(size, -1)))
        index = np.arange(size) if dim is None else np.atleast_1d(index)
        is_whole = index.dtype.kind in "iu" and index.ndim == 1
        if not is_whole or ((index < 0) | (index >= size)).any():
            raise ValueError(
                f"units: {who} has index {index.tolist()} of dimension {dim} of "
                f"{name!r}; indices are integers from 0 to {size - 1}."
            )
        if known != dim or np.isin(owner[index], (-1, unit), invert=True).any():
            raise ValueError(
                f"units overlap: {who} shares entries of {name!r} with another unit. "
                "The proximal step is that of groups apart from each other: leave "
                "the parameter to one of them, as incoming or as outgoing weights."
            )
        owner[index] = unit

    def _dimension(self, name, dim, who):
        shape = self.shapes[name]
        if dim is None:
            return None, 1
        if dim not in range(-len(shape), len(shape)):
            raise ValueError(
                f"units: {who} has dimension {dim!r} of {name!r}, which has shape "
                f"{shape}."
            )
        dim = int(dim) % len(shape)
        return dim, shape[dim]

    def parts(self, n_units):
        """Return (dimension, unit of each index) by parameter."""
        return {
            name: (dim, np.where(owner < 0, n_units, owner))
            for name, (dim, owner) in self._found.items()
        }

    def sizes(self, n_units):
        """Return the number of entries of each unit."""
        sizes = np.zeros(n_units + 1, dtype=np.int64)
        for name, (_, owner) in self.parts(n_units).items():
            each = int(np.prod(self.shapes[name])) // len(owner)
            sizes += each * np.bincount(owner, minlength=n_units + 1)
        if not sizes[:-1].all():
            number = int(np.flatnonzero(sizes[:-1] == 0)[0])
            raise ValueError(f"units: unit {number} of all has no entries.")
        return sizes[:-1]


def _parts_of(unit, layer, number):
    """Return the parts of a unit as (name, dim, index)."""
    parts = [unit] if isinstance(unit, str) else unit
    found = []
    for part in parts:
        if isinstance(part, str):
            found.append((part, None, None))
        elif isinstance(part, tuple) and len(part) == 3:
            found.append(part)
        else:
            raise TypeError(
                f"units: part {part!r} of unit {number} of {layer} must be a tuple "
                "(name of a parameter, dimension, index), or a name alone."
            )
    return found
