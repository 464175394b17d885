"""Sparse codes of signals over a fixed dictionary whose atoms come in groups."""

from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from skstruct._compat import Interval, StrOptions, fit_context
from skstruct.decomposition.coders import PursuitCoder, make_penalised_coder
from skstruct.decomposition.encoding import (
    as_output,
    encode,
    join_signs,
    warn_of_gaps,
)
from skstruct.groups import make_layout

PURSUITS = ("omp", "ormp", "group_omp")
PENALISED = ("lasso", "group_lasso", "sparse_group_lasso", "tree")
SINGLE = ("omp", "ormp", "lasso")
# scikit-learn's names of ways to solve the lasso.
ALIASES = {"lasso_cd": "lasso", "lasso_lars": "lasso", "cd": "lasso", "lars": "lasso"}
DEFAULT_TOL = 1e-4


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
        algorithms: stop once the duality gap of a signal is at most `tol` times half
        its squared norm, which is the objective of a code of zeros; None means 1e-4.
    positive_code : bool, default=False
        Confine codes to nonnegative values; not for pursuits.
    transform_max_iter : int, default=1000
        Largest number of iterations for one signal: of two sweeps and a Newton step,
        or, for "tree", of gradient steps.
    sparse_output : bool, default=False
        Return codes as a scipy.sparse CSR array.
    n_jobs : int, default=None
        Threads that code batches of signals; None is one, -1 all cores.
    split_sign : bool, default=False
        Return positive and negative parts of the codes side by side, as features of
        a classifier; there are then twice as many columns.
    transform_algorithm : str, default=None
        As `algorithm`, before which it goes unless it is None: so that code written
        for :class:`sklearn.decomposition.SparseCoder` runs unchanged. "lasso_cd" and
        "lasso_lars" both mean "lasso".
    transform_alpha : float, default=None
        As `alpha`, before which it goes.
    transform_n_nonzero_coefs : int, default=None
        As `n_nonzero_coefs`, before which it goes.

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
    >>> coder = GroupSparseCoder(
    ...     np.eye(4), groups=2, alpha=1.0, group_weights=[1, 1], tol=1e-8)
    >>> coder.fit_transform([[3.0, 4.0, 0.5, 0.5]]).round(3)
    array([[2.4, 3.2, 0. , 0. ]])
    """

    _parameter_constraints = {
        "dictionary": ["array-like", None],
        "algorithm": [StrOptions({*PURSUITS, *PENALISED})],
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
        "split_sign": ["boolean"],
        "transform_algorithm": [
            StrOptions({*PURSUITS, *PENALISED, "lasso_cd", "lasso_lars"}),
            None,
        ],
        "transform_alpha": [Interval(Real, 0, None, closed="left"), None],
        "transform_n_nonzero_coefs": [Interval(Integral, 1, None, closed="left"), None],
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
        split_sign=False,
        transform_algorithm=None,
        transform_alpha=None,
        transform_n_nonzero_coefs=None,
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
        self.split_sign = split_sign
        self.transform_algorithm = transform_algorithm
        self.transform_alpha = transform_alpha
        self.transform_n_nonzero_coefs = transform_n_nonzero_coefs

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
        algorithm = self._chosen("algorithm")
        algorithm = ALIASES.get(algorithm, algorithm)
        is_single = algorithm in SINGLE
        layout = make_layout(
            None if is_single else self.groups,
            len(self.components_),
            weights=None if is_single else self.group_weights,
            overlap=algorithm == "tree",
        )
        self.n_components_ = len(self.components_)
        self.groups_ = layout.feature_groups()
        self.group_names_ = layout.names_array()
        self.group_weights_ = layout.weights.copy()
        self._coder = self._make_coder(algorithm, layout)
        return self

    def _chosen(self, name):
        """Return a parameter, or scikit-learn's twin of it where that is given."""
        twin = getattr(self, f"transform_{name}")
        return getattr(self, name) if twin is None else twin

    @property
    def _n_features_out(self):
        return self.n_components_ * (2 if self.split_sign else 1)

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

    def _make_coder(self, algorithm, layout):
        atoms = self.components_
        if algorithm in PURSUITS:
            if self.positive_code:
                raise ValueError(
                    f"positive_code=True is not possible with algorithm={algorithm!r}; "
                    "use 'lasso' or 'group_lasso'."
                )
            tol = 0.0 if self.tol is None else float(self.tol)
            most = self._most_groups(algorithm, layout)
            return PursuitCoder(atoms, layout, algorithm == "ormp", most, tol)
        return make_penalised_coder(
            algorithm,
            atoms,
            layout,
            float(self._chosen("alpha")),
            self.l1_ratio,
            self.positive_code,
            self.transform_max_iter,
            self._gap_tol(),
        )

    def _gap_tol(self):
        return DEFAULT_TOL if self.tol is None else float(self.tol)

    def _most_groups(self, algorithm, layout):
        """Return how many groups a pursuit may take."""
        is_grouped = algorithm == "group_omp"
        most = self.n_nonzero_groups if is_grouped else self._chosen("n_nonzero_coefs")
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
            Codes, of the dtype of X; twice as many columns with `split_sign`.

        Warns
        -----
        ConvergenceWarning
            If some signals need more than `transform_max_iter` iterations; it tells
            the worst duality gap.
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        codes, gaps = encode(self._coder, X, self.n_jobs)
        limit = self.transform_max_iter
        warn_of_gaps(gaps, self._gap_tol(), limit, "transform_max_iter")
        return as_output(codes, self.split_sign, self.sparse_output)

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
        return decode(X, self.components_, self.split_sign)


def decode(X, components, split_sign):
    """Return the signals of codes, or say why they are none."""
    codes = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32])
    n_columns = len(components) * (2 if split_sign else 1)
    if codes.shape[1] != n_columns:
        raise ValueError(
            f"X has {codes.shape[1]} columns, but there are {len(components)} atoms"
            + (f" and {n_columns} columns by sign" if split_sign else "")
            + ": inverse_transform takes codes."
        )
    if split_sign:
        codes = join_signs(codes)
    return codes @ components.astype(codes.dtype, copy=False)
