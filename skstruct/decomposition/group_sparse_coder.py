"""Sparse codes of signals over a fixed dictionary whose atoms come in groups."""

import warnings
from numbers import Integral, Real

import joblib
import numpy as np
from scipy import sparse
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, gen_even_slices
from sklearn.utils.validation import check_is_fitted, validate_data

from skstruct._compat import Interval, StrOptions, fit_context
from skstruct.decomposition.coders import (
    BlockCoder,
    PursuitCoder,
    TreeCoder,
    block_penalty,
)
from skstruct.groups import make_layout

PURSUITS = ("omp", "ormp", "group_omp")
_PENALISED = ("lasso", "group_lasso", "sparse_group_lasso", "tree")
_SINGLE = ("omp", "ormp", "lasso")
_BATCH_ROWS = 2048


class GroupSparseCoder(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    r"""Code signals over a fixed dictionary, sparsely by group of atoms.

    For every row x of X, with the dictionary D of shape (n_atoms, n_features), the
    penalised algorithms minimise over the code c

    .. math:: \tfrac{1}{2} \lVert x - c D \rVert_2^2 + \alpha \, \Omega(c)

    and the pursuits choose atoms, or groups of atoms, one after the other.

    Parameters
    ----------
    dictionary : array-like of shape (n_atoms, n_features), default=None
        Atoms, one a row. Pursuits expect atoms of unit norm: they compare
        correlations. None takes the rows of X at fit, scaled to unit norm.
    algorithm : str, default="group_lasso"
        - "group_lasso": :math:`\Omega(c) = \sum_g w_g \lVert c_g \rVert_2`.
        - "sparse_group_lasso": that, mixed with the l1 norm by `l1_ratio`.
        - "tree": the same norms over groups that are nested or disjoint.
        - "lasso": :math:`\Omega(c) = \lVert c \rVert_1`.
        - "omp": orthogonal matching pursuit, atom by atom.
        - "ormp": order-recursive: each time the atom that lowers the residual most.
        - "group_omp": each time the group with the largest correlations.
    groups : None, int, labels, list of collections, dict or callable, default=None
        Groups of atoms, in every form of :func:`skstruct.groups.make_layout`. None:
        every atom is its own group. "lasso", "omp" and "ormp" take no notice.
    alpha : float, default=1.0
        Strength of the penalty, in squared units of X over units of the codes.
    l1_ratio : float, default=0.5
        Share of the l1 norm in "sparse_group_lasso", from 0 to 1.
    group_weights : array-like of shape (n_groups,) or dict, default=None
        Weights of the groups' norms; None: the square root of each group's size.
    n_nonzero_coefs : int, default=None
        Largest number of atoms in a code of "omp" and "ormp". None: no bound where
        `tol` is given, else a tenth of n_features, at least 1. More than there are
        atoms or features means as many as there are.
    n_nonzero_groups : int, default=None
        The same for "group_omp", counting groups; None without `tol` means 1.
    tol : float, default=None
        Pursuits: stop once the squared norm of the residual is at most `tol`. Other
        algorithms: accuracy of the objective, relative to that of a code of zeros;
        None means 1e-6.
    positive_code : bool, default=False
        Confine codes to nonnegative values; not for pursuits.
    transform_max_iter : int, default=1000
        Largest number of sweeps, or of gradient steps for "tree", of one signal.
    sparse_output : bool, default=False
        Return codes as a scipy.sparse CSR array.
    n_jobs : int, default=None
        Threads that code batches of signals; None is one, -1 all cores.

    Attributes
    ----------
    components_ : ndarray of shape (n_atoms, n_features)
        The dictionary.
    n_components_ : int
        Number of atoms.
    groups_ : list of ndarray
        Atoms of each group.
    group_names_ : ndarray of shape (n_groups,)
        Names of the groups.
    group_weights_ : ndarray of shape (n_groups,)
        Weights of the groups.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features, where X has them.

    See Also
    --------
    sklearn.decomposition.SparseCoder : Without groups.

    References
    ----------
    Yuan, M. and Lin, Y. (2006). Model selection and estimation in regression with
    grouped variables. JRSS B 68(1), 49-67.

    Jenatton, R., Mairal, J., Obozinski, G. and Bach, F. (2011). Proximal methods for
    hierarchical sparse coding. JMLR 12, 2297-2334.

    Pati, Y., Rezaiifar, R. and Krishnaprasad, P. (1993). Orthogonal matching pursuit.
    Asilomar Conference on Signals, Systems and Computers, 40-44.

    Examples
    --------
    >>> import numpy as np
    >>> from skstruct import GroupSparseCoder
    >>> coder = GroupSparseCoder(np.eye(4), groups=2, alpha=1.0, group_weights=[1, 1])
    >>> coder.fit_transform([[3.0, 4.0, 0.5, 0.5]]).round(3)
    array([[2.4, 3.2, 0. , 0. ]])
    """

    _parameter_constraints = {
        "dictionary": ["array-like", None],
        "algorithm": [StrOptions({*PURSUITS, *_PENALISED})],
        "groups": "no_validation",  # make_layout says what is wrong
        "alpha": [Interval(Real, 0, None, closed="left")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "group_weights": "no_validation",
        "n_nonzero_coefs": [Interval(Integral, 1, None, closed="left"), None],
        "n_nonzero_groups": [Interval(Integral, 1, None, closed="left"), None],
        "tol": [Interval(Real, 0, None, closed="left"), None],
        "positive_code": ["boolean"],
        "transform_max_iter": [Interval(Integral, 1, None, closed="left")],
        "sparse_output": ["boolean"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        dictionary=None,
        *,
        algorithm="group_lasso",
        groups=None,
        alpha=1.0,
        l1_ratio=0.5,
        group_weights=None,
        n_nonzero_coefs=None,
        n_nonzero_groups=None,
        tol=None,
        positive_code=False,
        transform_max_iter=1000,
        sparse_output=False,
        n_jobs=None,
    ):
        self.dictionary = dictionary
        self.algorithm = algorithm
        self.groups = groups
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.group_weights = group_weights
        self.n_nonzero_coefs = n_nonzero_coefs
        self.n_nonzero_groups = n_nonzero_groups
        self.tol = tol
        self.positive_code = positive_code
        self.transform_max_iter = transform_max_iter
        self.sparse_output = sparse_output
        self.n_jobs = n_jobs

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Make the dictionary ready; X only has to have its features.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Signals; the atoms, if `dictionary` is None.
        y : None
            Not used.

        Returns
        -------
        self : GroupSparseCoder
            The fitted coder.

        Raises
        ------
        ValueError
            If dictionary, groups or the limits do not fit together.
        """
        X = self._validated(X, reset=True)
        self.components_ = self._atoms(X)
        layout = make_layout(
            None if self.algorithm in _SINGLE else self.groups,
            len(self.components_),
            weights=None if self.algorithm in _SINGLE else self.group_weights,
            overlap=self.algorithm == "tree",
        )
        self.n_components_ = self._n_features_out = len(self.components_)
        self.groups_ = layout.feature_groups()
        self.group_names_ = layout.names_array()
        self.group_weights_ = layout.weights.copy()
        self._coder = self._make_coder(layout)
        return self

    def _validated(self, X, reset):
        return validate_data(
            self, X, reset=reset, accept_sparse="csr", dtype=[np.float64, np.float32]
        )

    def _atoms(self, X):
        if self.dictionary is None:
            atoms = X.toarray() if sparse.issparse(X) else X
            atoms = np.array(atoms, dtype=np.float64)
            norms = np.linalg.norm(atoms, axis=1, keepdims=True)
            return atoms / np.where(norms > 0, norms, 1.0)
        atoms = check_array(self.dictionary, dtype=np.float64, input_name="dictionary")
        if atoms.shape[1] != X.shape[1]:
            raise ValueError(
                f"dictionary has {atoms.shape[1]} features, but X has {X.shape[1]}; "
                "atoms are the rows of the dictionary: transpose it if they are its "
                "columns."
            )
        return atoms

    def _make_coder(self, layout):
        atoms, algorithm = self.components_, self.algorithm
        if algorithm in PURSUITS:
            if self.positive_code:
                raise ValueError(
                    f"positive_code=True is not possible with algorithm={algorithm!r}; "
                    "use 'lasso' or 'group_lasso'."
                )
            tol = 0.0 if self.tol is None else float(self.tol)
            is_recursive = algorithm == "ormp"
            most = self._most_groups(layout)
            return PursuitCoder(atoms, layout, is_recursive, most, len(atoms), tol)
        alpha = float(self.alpha)
        tol = 1e-6 if self.tol is None else float(self.tol)
        if algorithm == "tree":
            positive = self.positive_code
            return TreeCoder(
                atoms, layout, positive, alpha, self.transform_max_iter, tol
            )
        penalty = block_penalty(algorithm, self.l1_ratio, self.positive_code)
        return BlockCoder(atoms, layout, penalty, alpha, self.transform_max_iter, tol)

    def _most_groups(self, layout):
        """Return how many groups a pursuit may take."""
        is_grouped = self.algorithm == "group_omp"
        most = self.n_nonzero_groups if is_grouped else self.n_nonzero_coefs
        if most is not None:
            return int(most)
        if self.tol is not None:
            return layout.n_groups
        return 1 if is_grouped else max(self.components_.shape[1] // 10, 1)

    def transform(self, X):
        """Code signals.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Signals.

        Returns
        -------
        codes : ndarray or CSR array of shape (n_samples, n_atoms)
            Codes, of the dtype of X.

        Warns
        -----
        ConvergenceWarning
            If some signals need more than `transform_max_iter` iterations.
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        n_jobs = joblib.effective_n_jobs(self.n_jobs)
        n_batches = min(max(n_jobs, -(-X.shape[0] // _BATCH_ROWS)), X.shape[0])
        # Memory of threads is shared, and the kernels hold no lock.
        done = joblib.Parallel(n_jobs=n_jobs, prefer="threads", require="sharedmem")(
            joblib.delayed(self._code)(X[rows])
            for rows in gen_even_slices(X.shape[0], n_batches)
        )
        codes, failed = zip(*done, strict=True)
        if sum(failed):
            warnings.warn(
                f"{sum(failed)} of {X.shape[0]} signals have not converged within "
                f"transform_max_iter={self.transform_max_iter} iterations; "
                "raise transform_max_iter, tol or alpha.",
                ConvergenceWarning,
                stacklevel=2,
            )
        if self.sparse_output:
            return sparse.vstack(codes, format="csr")
        return np.concatenate(codes) if len(codes) > 1 else codes[0]

    def _code(self, X):
        codes, n_failed = self._coder.code(X)
        codes = codes.astype(X.dtype, copy=False)
        return sparse.csr_array(codes) if self.sparse_output else codes, n_failed

    def inverse_transform(self, X):
        """Return the signals that codes stand for, ``X @ components_``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_atoms)
            Codes.

        Returns
        -------
        signals : ndarray of shape (n_samples, n_features)
            Signals.
        """
        check_is_fitted(self)
        codes = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32])
        if codes.shape[1] != self.n_components_:
            raise ValueError(
                f"X has {codes.shape[1]} columns, but there are {self.n_components_} "
                "atoms: inverse_transform takes codes."
            )
        return codes @ self.components_.astype(codes.dtype, copy=False)
