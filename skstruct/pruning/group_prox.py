"""Penalties that set whole rows of a network's weights to zero, and their prox.

Row j of a layer's weights leads away from input or unit j; if it is zero, nothing
depends on that input or unit (Scardapane et al., 2017).
"""

import numpy as np


def shrinkage(norms, threshold):
    """Return factors that soft-threshold vectors of these norms."""
    kept = norms > threshold
    return np.divide(norms - threshold, norms, out=np.zeros_like(norms), where=kept)


def hier_prox(v, u, threshold, hierarchy, ratio=None):
    """Minimise the hierarchical problem of LassoNet for many groups at once.

    For each group, a row of `v` and `u`, the exact minimiser over b and W of ::

        ratio/2 |b - v|^2 + 1/2 |W - u|^2 + threshold |b|,   |W_i| <= hierarchy |b|

    (Lemhadri et al., 2021, Algorithm 3, in its group form and with two step sizes).
    With s entries of W at the bound, ``hierarchy |b|`` is ``w_s = M / (ratio + s M^2)
    (ratio |v| + M sum of the s largest |u| - threshold)_+``; the s at which ``w_s``
    lies between the sorted |u| is right.

    Parameters
    ----------
    v : (G, k) array
        Skip weights.
    u : (G, m) array
        First-layer weights, padded by zeros where groups differ in size.
    threshold : (G,) array
        Nonnegative.
    hierarchy : float
        M, positive.
    ratio : (G,) array or None
        Step size of W over that of b, positive; None for 1.

    Returns
    -------
    b : (G, k) array
    W : (G, m) array
    """
    M = hierarchy
    ratio = np.ones(len(u)) if ratio is None else ratio
    size = np.abs(u)
    ordered = -np.sort(-size, axis=1)
    sums = np.zeros((len(u), u.shape[1] + 1), dtype=u.dtype)
    np.cumsum(ordered, axis=1, out=sums[:, 1:])
    norms = np.linalg.norm(v, axis=1)
    s = np.arange(u.shape[1] + 1)
    bound = (ratio * norms - threshold)[:, None] + M * sums
    bound = np.maximum(bound, 0.0) * (M / (ratio[:, None] + s * M**2))
    following = np.column_stack([ordered, np.zeros(len(u), dtype=u.dtype)])
    first = np.argmax(following <= bound, axis=1)
    bound = np.take_along_axis(bound, first[:, None], axis=1)
    # Where v is zero every direction is as good; take the first coordinate's.
    direction = np.zeros_like(v)
    direction[:, 0] = 1.0
    np.divide(v, norms[:, None], out=direction, where=norms[:, None] > 0)
    return (bound / M) * direction, np.sign(u) * np.minimum(size, bound)


class GroupPenalty:
    """``features * sum_g w_g |rows of group g| + units * sum_u |row of unit u|``.

    Parameters
    ----------
    layout : GroupLayout
        Groups of inputs, and their weights.
    features, units : float
        Strengths.
    """

    def __init__(self, layout, features, units):
        self.layout, self.features, self.units = layout, features, units
        self.group_of = np.empty(layout.n_features, dtype=np.intp)
        self.group_of[layout.indices] = np.repeat(
            np.arange(layout.n_groups), layout.sizes
        )

    def value(self, weights):
        """Return the penalty of weights."""
        norms = np.sqrt(self._sums(np.square(weights.coefs[0]).sum(axis=1)))
        value = self.features * float(norms @ self.layout.weights)
        return value + self._value_of_units(weights)

    def _value_of_units(self, weights):
        return self.units * sum(
            float(np.linalg.norm(W, axis=1).sum()) for W in weights.coefs[1:]
        )

    def pooled(self, squares):
        """Return mean squares of what has one step size, in shapes that broadcast.

        A prox of a group's norm has a closed form only if the group has one step. The
        mean square of the norm's own slope is added, so that no step shrinks the
        entries of a group by more than the learning rate, on average.
        """
        first, *others = squares.coefs
        if self.features:
            first = self._by_group(first, self.features)
        return squares.replaced(coefs=[first, *self._by_unit(others)])

    def _by_group(self, squares, strength):
        means = self._sums(squares.mean(axis=1))
        slopes = (strength * self.layout.weights) ** 2 / squares.shape[1]
        return ((means + slopes) / self.layout.sizes)[self.group_of, None]

    def _by_unit(self, squares):
        if not self.units:
            return squares
        return [
            W.mean(axis=1, keepdims=True) + self.units**2 / W.shape[1] for W in squares
        ]

    def apply(self, weights, steps):
        """Take the proximal step, in place; `steps` are shaped as by `pooled`."""
        first = weights.coefs[0]
        if self.features:
            norms = np.sqrt(self._sums(np.square(first).sum(axis=1)))
            own = steps.coefs[0][self._first_of_group, 0]
            threshold = self.features * self.layout.weights * own
            factor = shrinkage(norms, threshold)
            first *= factor[self.group_of, None].astype(first.dtype)
        self._shrink_units(weights, steps)

    def _shrink_units(self, weights, steps):
        if self.units:
            for W, step in zip(weights.coefs[1:], steps.coefs[1:], strict=True):
                norms = np.linalg.norm(W, axis=1)
                W *= shrinkage(norms, self.units * step[:, 0])[:, None]

    @property
    def _first_of_group(self):
        return self.layout.indices[self.layout.ptr[:-1]]

    def _sums(self, by_feature):
        """Sum values of features by group."""
        return np.bincount(
            self.group_of, weights=by_feature, minlength=self.layout.n_groups
        )


class HierarchicalPenalty(GroupPenalty):
    """``features * sum_g w_g |skip of g|``, and no first-layer weight beyond M of it.

    Parameters
    ----------
    layout, features, units
        As in `GroupPenalty`; `features` weighs the skip connection only.
    hierarchy : float
        M: ``|W1_jk| <= M |skip of g|`` for all inputs j of group g.
    """

    def __init__(self, layout, features, units, hierarchy):
        super().__init__(layout, features, units)
        self.hierarchy = hierarchy
        # Position of each input in its group: groups become rows, padded by zeros.
        within = np.arange(layout.n_features) - np.repeat(layout.ptr[:-1], layout.sizes)
        self.place = np.empty(layout.n_features, dtype=np.intp)
        self.place[layout.indices] = within

    def value(self, weights):
        """Return the penalty of weights that meet the constraint."""
        norms = np.sqrt(self._sums(np.square(weights.skip).sum(axis=1)))
        value = self.features * float(norms @ self.layout.weights)
        return value + self._value_of_units(weights)

    def pooled(self, squares):
        """Return mean squares, for each group one of its skip and one of the layer."""
        first, *others = squares.coefs
        return squares.replaced(
            coefs=[self._by_group(first, 0.0), *self._by_unit(others)],
            skip=self._by_group(squares.skip, self.features),
        )

    def apply(self, weights, steps):
        """Take the proximal step, in place."""
        own = steps.coefs[0][self._first_of_group, 0]
        skip, first = weights.skip, weights.coefs[0]
        b, W = hier_prox(
            self._rows(skip),
            self._rows(first),
            self.features * self.layout.weights * own,
            self.hierarchy,
            own / steps.skip[self._first_of_group, 0],
        )
        skip[:] = self._unrowed(b, skip)
        first[:] = self._unrowed(W, first)
        self._shrink_units(weights, steps)

    def _rows(self, W):
        """Return weights (p, k) as one row a group, (G, widest * k)."""
        widest = int(self.layout.sizes.max())
        rows = np.zeros((self.layout.n_groups, widest, W.shape[1]))
        rows[self.group_of, self.place] = W
        return rows.reshape(len(rows), -1)

    def _unrowed(self, rows, like):
        rows = rows.reshape(self.layout.n_groups, -1, like.shape[1])
        return rows[self.group_of, self.place]
