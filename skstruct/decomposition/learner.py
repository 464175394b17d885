"""What learners of dictionaries share: parameters, coding, transformation."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skstruct._compat import CallbackSupportMixin, Interval, StrOptions
from skstruct.decomposition.coders import make_penalised_coder
from skstruct.decomposition.encoding import encode
from skstruct.decomposition.group_sparse_coder import (
    ALIASES,
    PENALISED,
    PURSUITS,
    GroupSparseCoder,
    decode,
)
from skstruct.decomposition.surrogate import Surrogate, first_atoms, unit_atoms
from skstruct.groups import make_layout

# Codes only have to be as good as the dictionary of the moment is worth.
CODE_TOL = 1e-3


class DictionaryLearner(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    CallbackSupportMixin,
    BaseEstimator,
):
    """Base of estimators that learn a dictionary for codes sparse by group."""

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "groups": "no_validation",  # make_layout says what is wrong
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "group_weights": "no_validation",
        "atom_groups": "no_validation",
        "atom_alpha": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "fit_algorithm": [StrOptions({*PENALISED, "cd", "lars"})],
        "transform_algorithm": [
            StrOptions({*PURSUITS, *PENALISED, "lasso_cd", "lasso_lars"}),
            None,
        ],
        "transform_n_nonzero_coefs": [Interval(Integral, 1, None, closed="left"), None],
        "transform_alpha": [Interval(Real, 0, None, closed="left"), None],
        "transform_max_iter": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
        "dict_init": ["array-like", None],
        "callback": [callable, None],
        "verbose": ["verbose"],
        "split_sign": ["boolean"],
        "random_state": ["random_state"],
        "positive_code": ["boolean"],
        "positive_dict": ["boolean"],
    }

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _validated(self, X, reset):
        return validate_data(
            self, X, reset=reset, accept_sparse="csr", dtype=[np.float64, np.float32]
        )

    # -- start -----------------------------------------------------------------

    def _begin(self, X):
        """Make groups, moments and first atoms; return the atoms."""
        n_atoms = X.shape[1] if self.n_components is None else int(self.n_components)
        self._algorithm = ALIASES.get(self.fit_algorithm, self.fit_algorithm)
        is_single = self._algorithm == "lasso"
        self._layout = make_layout(
            None if is_single else self.groups,
            n_atoms,
            weights=None if is_single else self.group_weights,
            overlap=self._algorithm == "tree",
        )
        self._random = check_random_state(self.random_state)
        self._surrogate = Surrogate(
            n_atoms,
            X.shape[1],
            self.positive_dict,
            self._atom_layout(X),
            self.atom_alpha,
        )
        return self._first_dictionary(X, n_atoms)

    def _atom_layout(self, X):
        if self.atom_alpha == 0:
            return None
        names = getattr(self, "feature_names_in_", None)
        return make_layout(
            self.atom_groups, X.shape[1], feature_names=names, overlap=True
        )

    def _first_dictionary(self, X, n_atoms):
        if self.dict_init is None:
            return first_atoms(X, n_atoms, self.positive_dict, self._random)
        atoms = check_array(self.dict_init, dtype=np.float64, input_name="dict_init")
        if atoms.shape != (n_atoms, X.shape[1]):
            raise ValueError(
                f"dict_init has shape {atoms.shape}, but {n_atoms} atoms of "
                f"{X.shape[1]} features are to be learnt: give it the shape "
                f"{(n_atoms, X.shape[1])}, or set n_components."
            )
        if self.positive_dict and (atoms < 0).any():
            raise ValueError(
                "dict_init has negative entries, but positive_dict=True; give "
                "nonnegative atoms, or leave dict_init out."
            )
        norms = np.linalg.norm(atoms, axis=1)
        return np.where(norms[:, None] > 1, unit_atoms(atoms), atoms)

    # -- codes -----------------------------------------------------------------

    def _codes(self, D, X):
        """Return codes of signals, and their gaps, at the accuracy of a fit."""
        coder = make_penalised_coder(
            self._algorithm,
            D,
            self._layout,
            float(self.alpha),
            self.l1_ratio,
            self.positive_code,
            self.transform_max_iter,
            CODE_TOL,
        )
        return *encode(coder, X, self.n_jobs), coder

    def _finish(self, D, X):
        self.components_ = D.astype(X.dtype, copy=True)
        self.n_components_ = len(D)
        self.groups_ = self._layout.feature_groups()
        self.group_names_ = self._layout.names_array()
        self.group_weights_ = self._layout.weights.copy()

    @property
    def _n_features_out(self):
        return self.n_components_ * (2 if self.split_sign else 1)

    # -- transformation --------------------------------------------------------

    def transform(self, X):
        """Code signals over the dictionary learnt.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Signals.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
            Codes, of the dtype of X; twice as many columns with `split_sign`.

        Warns
        -----
        ConvergenceWarning
            If some signals need more than `transform_max_iter` iterations.
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        algorithm = self.transform_algorithm or self.fit_algorithm
        algorithm = ALIASES.get(algorithm, algorithm)
        alpha = self.alpha if self.transform_alpha is None else self.transform_alpha
        coder = GroupSparseCoder(
            self.components_,
            algorithm=algorithm,
            groups=self.groups_,
            group_weights=self.group_weights_,
            alpha=alpha,
            l1_ratio=self.l1_ratio,
            n_nonzero_coefs=self.transform_n_nonzero_coefs,
            n_nonzero_groups=self.transform_n_nonzero_coefs,
            positive_code=self.positive_code,
            split_sign=self.split_sign,
            transform_max_iter=self.transform_max_iter,
            n_jobs=self.n_jobs,
        )
        return coder.fit(X[:1]).transform(X)

    def inverse_transform(self, X):
        """Return the signals that codes stand for, ``X @ components_``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        signals : ndarray of shape (n_samples, n_features)
            Signals.
        """
        check_is_fitted(self)
        return decode(X, self.components_, self.split_sign)


def mean_objective(X, D, codes, coder, penalty):
    """Return the mean objective of signals, with `penalty`, that of the atoms."""
    residual = X - codes @ D
    error = 0.5 * np.sum(np.square(residual)) / X.shape[0]
    return float(error + coder.penalty(codes).mean() + penalty)
