"""Different penalties for different groups, as users say it."""

import reprlib
from collections.abc import Mapping

import numpy as np

from skstruct.penalties.aligned_sum import AlignedSum, SumOfPenalties
from skstruct.penalties.base import Penalty


class SeparableSum(SumOfPenalties):
    r"""Sum over groups of penalties that differ from group to group.

    .. math:: \sum_g p_{a(g)}(B_g; w_g)

    where :math:`p` are the `penalties` and :math:`a` is the `assignment`. Parameters of
    the penalties are set as ``<name>__<parameter>``, so ``GridSearchCV`` reaches them.

    Parameters
    ----------
    penalties : dict or list of Penalty
        Penalties by name, or in a list, where their positions are their names. All of
        them block separable, and alike in `positive` and in what overlap means.
    assignment : dict or sequence
        Name of a penalty for every group: in the order of the groups, or as a dict from
        group names, where groups that are left out get the penalty named "default".

    Examples
    --------
    >>> import numpy as np
    >>> from skstruct.groups import make_layout
    >>> from skstruct.penalties import L1, GroupL2, SeparableSum
    >>> layout = make_layout(["age", "age", "sex", "site", "site"], 5)
    >>> penalty = SeparableSum(
    ...     {"default": GroupL2(), "alone": L1()}, {"site": "alone"}
    ... )
    >>> coef = np.array([[3.0], [4.0], [1.0], [3.0], [4.0]])
    >>> penalty.resolve(layout).values(coef, layout.ptr, [1.0, 1.0, 1.0])
    array([5., 1., 7.])
    """

    def __init__(self, penalties, assignment):
        self.penalties = penalties
        self.assignment = assignment

    def _named(self):
        """Return the penalties as a dict."""
        if isinstance(self.penalties, Mapping):
            return dict(self.penalties)
        return dict(enumerate(self.penalties))

    def _members(self):
        return list(self._named().values())

    def convex_start(self):
        """Return the sum of the penalties' convex starts."""
        named = {name: p.convex_start() for name, p in self._named().items()}
        return SeparableSum(named, self.assignment)

    # -- parameters of the penalties ------------------------------------------------

    def get_params(self, deep=True):
        """Return the parameters; if `deep`, the penalties and theirs as well.

        Parameters
        ----------
        deep : bool, default=True
            Whether to add ``<name>`` and ``<name>__<parameter>``.

        Returns
        -------
        params : dict
            Values by name.
        """
        params = super().get_params(deep=False)
        if deep and isinstance(self.penalties, Mapping | list | tuple):
            for name, penalty in self._named().items():
                params[str(name)] = penalty
                if hasattr(penalty, "get_params"):
                    inner = penalty.get_params(deep=True)
                    params.update({f"{name}__{key}": v for key, v in inner.items()})
        return params

    def set_params(self, **params):
        """Set parameters, also penalties by ``<name>`` and theirs.

        Parameters
        ----------
        **params : dict
            Values by name, as `get_params` names them.

        Returns
        -------
        self : SeparableSum
            The same object.
        """
        for own in ("penalties", "assignment"):
            if own in params:
                setattr(self, own, params.pop(own))
        named = {str(name): name for name in self._named()}
        replaced = {named[key]: params.pop(key) for key in set(params) & set(named)}
        if replaced:
            members = {**self._named(), **replaced}
            is_dict = isinstance(self.penalties, Mapping)
            self.penalties = members if is_dict else list(members.values())
        super().set_params(**params)
        return self

    # -- alignment with groups --------------------------------------------------------

    def resolve(self, layout):
        """Return the penalty aligned with the groups of a layout.

        Parameters
        ----------
        layout : GroupLayout
            The groups.

        Returns
        -------
        penalty : AlignedSum
            Penalty number ``choice[g]`` of its members for group g.
        """
        named = self._checked()
        members = [penalty.resolve(layout) for penalty in named.values()]
        number = {name: i for i, name in enumerate(named)}
        keys = self._keys(layout.names, named)
        unknown = [key for key in keys if key not in number]
        if unknown:
            raise ValueError(
                f"assignment of SeparableSum has the names {_shown(unknown)}, but "
                f"penalties are named {_shown(named)}. Use those, or add penalties."
            )
        choice = np.array([number[key] for key in keys], dtype=np.int64)
        return AlignedSum(members, choice)

    def _checked(self):
        """Return the penalties as a dict, if they can be summed."""
        if not isinstance(self.penalties, Mapping | list | tuple) or not self.penalties:
            raise ValueError(
                "penalties of SeparableSum must be a dict from names to penalties, or "
                f"a list of penalties, and not be empty, got {self.penalties!r}."
            )
        named = self._named()
        for name, penalty in named.items():
            if not isinstance(penalty, Penalty):
                raise ValueError(
                    f"penalties[{name!r}] of SeparableSum must be a penalty such as "
                    f"GroupL2(), got {penalty!r}."
                )
            if not penalty.is_block_separable:
                raise ValueError(
                    f"penalties[{name!r}] of SeparableSum couples groups: {penalty!r}. "
                    "Only block-separable penalties can be combined; use it alone."
                )
            if isinstance(penalty, SumOfPenalties):
                raise ValueError(
                    f"penalties[{name!r}] of SeparableSum is a sum itself. Put its "
                    "penalties and assignments into the outer one."
                )
        for trait, way_out in (
            ("positive", "Give all of them the same."),
            ("overlap", "Overlapping groups need LatentOverlap() for every group."),
        ):
            found = {name: getattr(p, trait) for name, p in named.items()}
            if len(set(found.values())) > 1:
                raise ValueError(
                    f"penalties of SeparableSum differ in `{trait}`: {found}. {way_out}"
                )
        clashes = {"penalties", "assignment"} & {str(name) for name in named}
        if clashes or any("__" in str(name) for name in named):
            raise ValueError(
                "penalties of SeparableSum must not be named 'penalties' or "
                "'assignment', nor have '__' in their names, which set_params could "
                f"not reach; got {_shown(named)}."
            )
        return named

    def _keys(self, groups, named):
        """Return the name of each group's penalty."""
        given = self.assignment
        if isinstance(given, Mapping):
            unknown = [name for name in given if name not in set(groups)]
            if unknown:
                raise ValueError(
                    f"assignment of SeparableSum has groups {_shown(unknown)}, which "
                    f"do not exist. The groups are {_shown(groups)}."
                )
            missing = [name for name in groups if name not in given]
            if missing and "default" not in named:
                raise ValueError(
                    f"assignment of SeparableSum leaves out groups {_shown(missing)}. "
                    "Add them, or name a penalty 'default'."
                )
            return [given.get(name, "default") for name in groups]
        if isinstance(given, str) or not hasattr(given, "__len__"):
            raise ValueError(
                "assignment of SeparableSum must be a dict from group names to names "
                f"of penalties, or a sequence of these, got {given!r}."
            )
        if len(given) != len(groups):
            raise ValueError(
                f"assignment of SeparableSum has {len(given)} entries, but there are "
                f"{len(groups)} groups: {_shown(groups)}. Give one for each, or a dict."
            )
        return list(given)


def _shown(names):
    return reprlib.repr(list(names))
