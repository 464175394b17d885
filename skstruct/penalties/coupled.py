"""Penalties whose groups share features, or see each other: no sum over blocks."""

from skstruct.penalties.base import Penalty


class CoupledPenalty(Penalty):
    """Base class of norms that are not block separable.

    They are gauges of the coefficients of a set of features at once. ``bind`` returns
    the norm restricted to some features, all others being zero.
    """

    is_block_separable = False
    overlap = "shared"

    def bind(self, layout, features):
        """Return the norm of coefficients (k, q) of some ascending features.

        Parameters
        ----------
        layout : GroupLayout
            All groups.
        features : (k,) integer array
            Ascending.

        Returns
        -------
        CoupledNorm
        """
        raise NotImplementedError


class CoupledNorm:
    """A norm of coefficients (k, q) that couples its groups.

    Attributes
    ----------
    scale : (k,) array
        Proximal operators are taken in the metric ``diag(scale^2)``; ones unless the
        norm has none in closed form otherwise.
    """

    def value(self, coef):
        """Return the norm of coefficients (k, q)."""
        raise NotImplementedError

    def prox(self, v, strength):
        """Return ``argmin_c sum_j scale_j^2 |c_j - v_j|^2 / 2 + strength * norm(c)``.

        Parameters
        ----------
        v : (k, q) array
        strength : float >= 0

        Returns
        -------
        (k, q) array
        """
        raise NotImplementedError

    def polar(self, correlation):
        """Return the dual norm of correlations (k, q), or a bound just above it."""
        raise NotImplementedError

    def polar_bound(self, correlation, near):
        """Return an upper bound of the dual norm, close to it where it is near `near`.

        For norms whose exact dual norm costs more.
        """
        return self.polar(correlation)
