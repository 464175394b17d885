"""What a penalty is: a public class for its shape, a private struct for kernels."""

import numpy as np
from sklearn.base import BaseEstimator


class Penalty(BaseEstimator):
    """Base class of penalties ``alpha * sum_g penalty_g(B_g)``.

    A penalty holds its shape as parameters (``get_params`` and ``set_params`` reach
    them, so ``GridSearchCV`` does); its strength ``alpha`` belongs to the estimator.
    The shape of some penalties depends on it, concave ones above all: `values` are
    those at strength alpha, divided by alpha. All others ignore it.
    All arrays are *grouped*: rows sorted by group, group g in rows ``ptr[g]`` to
    ``ptr[g + 1]``, one column per output. A group of weight 0 is not penalised at all.

    Attributes
    ----------
    positive : bool
        Whether every coefficient is constrained to be nonnegative.
    is_block_separable : bool
        True when the penalty is a sum over disjoint blocks; see
        :class:`~skstruct.penalties.coupled.CoupledPenalty` for the others.
    is_rotation_invariant : bool
        True when ``penalty_g(V c) = penalty_g(c)`` for every orthogonal V. Solvers
        then work in the eigenbasis of each block, where the struct's ``minimize``
        gets the k eigenvalues; otherwise it gets the k * k Gram matrix by rows.
    is_convex : bool
        True when the penalty is convex.
    is_unconstrained : bool
        True when coefficients may take any value.
    overlap : {"refused", "latent", "shared"}
        What groups that share features mean: an error; a sum of one latent
        coefficient for each group (the layout's columns are repeated); or one
        coefficient that every one of its groups penalises.
    """

    is_block_separable = True
    is_rotation_invariant = False
    is_convex = True
    overlap = "refused"
    positive = False

    @property
    def is_unconstrained(self):
        """Whether coefficients may take any value."""
        return not self.positive

    def resolve(self, layout):
        """Return the penalty for the groups of a layout, which it may refuse.

        Solvers call it once, before anything else, and use what it returns.
        """
        self.check_parameters()
        return self

    def check_parameters(self):
        """Raise ValueError unless the parameters have values that mean something.

        `resolve` and `bind` call it; constructors never do, so that `clone` works.
        """

    def take(self, groups):
        """Return the penalty restricted to some of the groups it was resolved for.

        Its predicates stay those of the whole.
        """
        return self

    def bind(self, weights, alpha):
        """Return the struct that kernels call, for groups with these weights."""
        raise NotImplementedError

    def values(self, coef, ptr, weights, alpha=1.0):
        """Return ``penalty_g(B_g)`` of every group at this alpha, (n_groups,)."""
        raise NotImplementedError

    def polar(self, correlation, ptr, weights):
        """Return, by group, the smallest alpha at which zero is optimal for it.

        For a norm that is its dual norm at ``correlation_g``; infinity where zero is
        optimal at no alpha. A group of weight 0 is never penalised and gets 0:
        callers handle such groups apart. For penalties that are not convex, from that
        alpha on zero is a local minimum.
        """
        raise NotImplementedError

    def domain_polar(self, correlation, ptr, weights):
        """Return, by group, the smallest alpha at which the conjugate is finite.

        The polar, for norms; zeros for penalties that grow faster than linearly.
        """
        return self.polar(correlation, ptr, weights)

    def conjugate(self, correlation, ptr, weights, alpha):
        """Return ``sup_c <correlation_g, c> - alpha * penalty_g(c)`` by group.

        To be called where ``domain_polar <= alpha``, with alpha > 0, for convex
        penalties. It is 0 there for norms, and
        for groups of weight 0, which callers handle apart.
        """
        return np.zeros(len(ptr) - 1)

    def violation(self, coef, correlation, ptr, weights, alpha):
        """Return, by group, the distance of `correlation` from the subdifferential.

        That is ``min over s in alpha * d penalty_g(B_g) of |correlation_g - s|``, for
        sums that are not convex, which have no duality gap.

        This default suits convex penalties. It measures how far a proximal step moves
        the coefficients, over the step's length: never more than the distance, and
        0 just where that is 0. Steps are such that both parts of ``B_g + step * u_g``
        are of one size.
        """
        struct, out = self.bind(weights, alpha), np.zeros(len(ptr) - 1)
        for g in range(len(out)):
            own = slice(ptr[g], ptr[g + 1])
            c, u = coef[own], correlation[own]
            sizes = np.linalg.norm(c), np.linalg.norm(u)
            step = sizes[0] / sizes[1] if min(sizes) > 0 else 1.0
            moved = np.array(c + step * u, dtype=np.float64, order="C")
            struct.prox(moved, step, g)
            out[g] = np.linalg.norm(moved - c) / step
        return out

    def convex_start(self):
        """Return the convex penalty from whose solution this one starts."""
        return self

    def smooth_models(self, blocks, groups, weights, alpha):
        """Return gradients and Hessians of ``alpha * penalty_g`` at nonzero blocks.

        As functions of their nonzero entries. None, the default, says that the penalty
        is not smooth in them, and Newton steps are not for it.

        Parameters
        ----------
        blocks : (G, k, q) array
            Blocks of equal size.
        groups : (G,) integer array
            Whose blocks they are, among the groups with these `weights`.

        Returns
        -------
        gradients : (G, k, q) array
        hessians : (G, k * q, k * q) array
        """
        return None

    def project(self, coef):
        """Project coefficients on the penalty's domain."""
        return np.maximum(coef, 0.0) if self.positive else coef
