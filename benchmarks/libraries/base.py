"""What an adapter must say."""

import numpy as np


class Library:
    """A library under test.

    Attributes
    ----------
    loosest, tightest : float
        Ends of the sweep over the library's own tolerance.
    compiles : bool
        Whether the first fit waits for a just-in-time compiler.
    kinds : tuple of str
        The kinds of problem that it solves; `supports` may narrow them.
    """

    loosest = 1e-2
    tightest = 1e-12
    compiles = False
    kinds = ("group", "lasso", "multitask")

    def supports(self, problem):
        """Tell whether the library solves this problem at all."""
        return problem.kind in self.kinds

    def prepare(self, problem):
        """Bring the problem to the library's own form; not timed."""
        return problem

    def fit_path(self, prepared, alphas, tol):
        """Solve at each alpha; timed. ``tol=None`` means the library's defaults."""
        raise NotImplementedError

    def unpack(self, prepared, result):
        """Return (coefs, intercepts), shaped as `judge` wants them; not timed."""
        return result

    def tolerances(self, per_decade):
        """Return the tolerances of the sweep, loosest first."""
        decades = np.log10(self.loosest / self.tightest)
        count = round(decades * per_decade) + 1
        return [float(tol) for tol in np.geomspace(self.loosest, self.tightest, count)]


def settings(**given):
    """Leave out what is None, so that the library's own default holds."""
    return {name: value for name, value in given.items() if value is not None}


class Centred:
    """Centred data for a library whose path function has no intercept.

    Dense columns are centred here, outside the timed part; sparse ones stay as they
    are, with their means at hand.
    """

    def __init__(self, problem):
        self.problem = problem
        self.y_mean = problem.y.mean(axis=0)
        self.y = np.asfortranarray(problem.y - self.y_mean)
        self.X_mean = np.asarray(problem.X.mean(axis=0)).ravel()
        self.X = problem.X
        if not problem.is_sparse:
            self.X = np.asfortranarray(problem.X - self.X_mean)

    def with_intercepts(self, coefs):
        """Return (coefs, intercepts) of the data as they were before centring."""
        shift = np.tensordot(self.X_mean, coefs, axes=(0, coefs.ndim - 2))
        return coefs, np.expand_dims(self.y_mean, -1) - shift
