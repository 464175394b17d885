"""A sum over groups of several penalties, aligned with the groups."""

from typing import NamedTuple

import numpy as np

from skstruct.kernels.blocks import minimize_by_prox
from skstruct.kernels.struct import struct
from skstruct.penalties.base import Penalty


class SumOfPenalties(Penalty):
    """Base of penalties with members: what holds of all of them holds of the sum."""

    def _members(self):
        """Return the penalties as a list, at least one."""
        raise NotImplementedError

    @property
    def is_block_separable(self):
        """Whether all members are sums over disjoint blocks."""
        return all(member.is_block_separable for member in self._members())

    @property
    def is_rotation_invariant(self):
        """Whether rotating a block leaves every member as it is."""
        return all(member.is_rotation_invariant for member in self._members())

    @property
    def is_convex(self):
        """Whether all members are convex."""
        return all(member.is_convex for member in self._members())

    @property
    def positive(self):
        """Whether coefficients are constrained to be nonnegative."""
        return bool(self._members()[0].positive)

    @property
    def overlap(self):
        """What groups that share features mean."""
        return self._members()[0].overlap


class AlignedSum(SumOfPenalties):
    """Penalty ``members[choice[g]]`` for group g.

    Parameters
    ----------
    members : list of Penalty
        At least one; block separable, alike in `positive` and `overlap`.
    choice : (n_groups,) integer array
        Which of them is the group's.
    """

    def __init__(self, members, choice):
        self.members = members
        self.choice = choice

    def _members(self):
        return self.members

    def check_parameters(self):
        """Raise ValueError unless the members' parameters mean something."""
        for member in self.members:
            member.check_parameters()

    def take(self, groups):
        """Return the penalty restricted to some of the groups."""
        members = [member.take(groups) for member in self.members]
        return AlignedSum(members, self.choice[groups])

    def bind(self, weights, alpha):
        """Return the struct that kernels call, for groups with these weights.

        Members that no group has are bound too: what kernels are compiled for then
        does not depend on which groups are taken.
        """
        structs = [member.bind(weights, alpha) for member in self.members]
        bound = structs.pop()
        for i in reversed(range(len(structs))):
            is_other = (self.choice != i).astype(np.int64)
            bound = SumStruct(structs[i], bound, is_other)
        return bound

    def convex_start(self):
        """Return the sum of the members' convex starts."""
        return AlignedSum([m.convex_start() for m in self.members], self.choice)

    def values(self, coef, ptr, weights, alpha=1.0):
        """Return ``penalty_g(B_g)`` of every group, shape (n_groups,)."""
        return self._by_member("values", [coef], ptr, weights, alpha)

    def polar(self, correlation, ptr, weights):
        """Return, by group, the smallest alpha at which zero is optimal for it."""
        return self._by_member("polar", [correlation], ptr, weights)

    def domain_polar(self, correlation, ptr, weights):
        """Return, by group, the smallest alpha at which the conjugate is finite."""
        return self._by_member("domain_polar", [correlation], ptr, weights)

    def conjugate(self, correlation, ptr, weights, alpha):
        """Return the members' conjugates by group."""
        return self._by_member("conjugate", [correlation], ptr, weights, alpha)

    def violation(self, coef, correlation, ptr, weights, alpha):
        """Return, by group, the distance of `correlation` from the subdifferential."""
        rows = [coef, correlation]
        return self._by_member("violation", rows, ptr, weights, alpha)

    def smooth_models(self, blocks, groups, weights, alpha):
        """Return gradients and Hessians of the groups' members."""
        n_groups, k, q = blocks.shape
        gradients, hessians = np.empty_like(blocks), np.empty((n_groups, k * q, k * q))
        for i, member in enumerate(self.members):
            own = self.choice[groups] == i
            if own.any():
                model = member.smooth_models(blocks[own], groups[own], weights, alpha)
                if model is None:
                    return None
                gradients[own], hessians[own] = model
        return gradients, hessians

    def _by_member(self, method, arrays, ptr, weights, *args):
        """Call a method of every member on its groups; return what all say, by group.

        Parameters
        ----------
        method : str
            Takes `arrays` of rows sorted by group, ptr, weights and `args`.
        """
        ptr, weights = np.asarray(ptr), np.asarray(weights, dtype=np.float64)
        sizes, out = np.diff(ptr), np.zeros(len(ptr) - 1)
        for i, member in enumerate(self.members):
            own = self.choice == i
            if own.all():
                return getattr(member, method)(*arrays, ptr, weights, *args)
            if own.any():
                rows = np.repeat(own, sizes)
                parts = [array[rows] for array in arrays]
                own_ptr = np.concatenate([[0], np.cumsum(sizes[own])])
                taken = member.take(np.flatnonzero(own))
                out[own] = getattr(taken, method)(*parts, own_ptr, weights[own], *args)
        return out


@struct
class SumStruct(NamedTuple):
    """Of two structs the one that is the group's; either may be a sum itself."""

    first: tuple
    second: tuple
    is_second: np.ndarray

    def minimize(self, h, lipschitz, u, g, c, scratch):  # noqa: D102
        # Members that want eigenvalues get a Gram matrix when others need that.
        if h.shape[0] != u.shape[0]:
            minimize_by_prox(self, h, lipschitz, u, g, c, scratch)
        elif self.is_second[g]:
            self.second.minimize(h, lipschitz, u, g, c, scratch)
        else:
            self.first.minimize(h, lipschitz, u, g, c, scratch)

    def prox(self, v, step, g):  # noqa: D102
        if self.is_second[g]:
            self.second.prox(v, step, g)
        else:
            self.first.prox(v, step, g)
