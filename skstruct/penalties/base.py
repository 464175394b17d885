"""What a penalty is: a public class for its shape, a private struct for kernels."""

from sklearn.base import BaseEstimator


class Penalty(BaseEstimator):
    """Base class of penalties ``alpha * sum_g penalty_g(B_g)``.

    A penalty holds its shape as parameters (``get_params`` and ``set_params`` reach
    them, so ``GridSearchCV`` does); its strength ``alpha`` belongs to the estimator.
    All arrays are *grouped*: rows sorted by group, group g in rows ``ptr[g]`` to
    ``ptr[g + 1]``, one column per output.

    Attributes
    ----------
    is_rotation_invariant : bool
        True when ``penalty_g(V c) = penalty_g(c)`` for every orthogonal V. Solvers
        then work in the eigenbasis of each block, where the struct's ``minimize``
        gets the k eigenvalues; otherwise it gets the k * k Gram matrix by rows.
    is_convex : bool
        True when the penalty is convex.
    is_unconstrained : bool
        True when a group of weight 0 may take any value.
    """

    is_rotation_invariant = False
    is_convex = True
    is_unconstrained = True

    def bind(self, weights, alpha):
        """Return the struct that kernels call, for groups with these weights."""
        raise NotImplementedError

    def values(self, coef, ptr, weights):
        """Return ``penalty_g(B_g)`` of every group, shape (n_groups,)."""
        raise NotImplementedError

    def polar(self, correlation, ptr, weights):
        """Return, by group, the smallest alpha at which zero is optimal for it.

        That is the polar (dual) gauge of ``penalty_g`` at ``correlation_g``. A group
        of weight 0 is never penalised and gets 0: callers handle such groups apart.
        """
        raise NotImplementedError

    def smooth_model(self, c, strength):
        """Return gradient (k, q) and Hessian (k * q, k * q) at a nonzero block.

        `strength` is alpha times the group's weight. None, the default, says that
        the penalty is not smooth there, and Newton steps are not for it.
        """
        return None

    def project(self, coef):
        """Project coefficients on the penalty's domain; all values, by default."""
        return coef
