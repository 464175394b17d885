"""The birth weight study of Hosmer and Lemeshow, its predictors in groups."""

import csv
from importlib import resources

import numpy as np
from sklearn.utils import Bunch

_FILENAME = "birthwt.csv"
_GRAMS_PER_KG = 1000.0

# Group -> its columns, in the order of the columns of X.
_COLUMNS = {
    "age": ("age1", "age2", "age3"),
    "lwt": ("lwt1", "lwt2", "lwt3"),
    "race": ("white", "black"),
    "smoke": ("smoke",),
    "ptl": ("ptl1", "ptl2m"),
    "ht": ("ht",),
    "ui": ("ui",),
    "ftv": ("ftv1", "ftv2", "ftv3m"),
}


def load_birthwt(*, return_X_y=False, as_frame=False):
    """Load the birth weight data (regression or classification, grouped).

    189 births at Baystate Medical Center, Springfield, Massachusetts, in 1986
    [1]_. Eight variables on the mother are expanded into 16 predictors in eight
    groups: polynomials of her age and weight, and indicators of the levels of the
    others. The columns are those of ``Birthwt`` in the R package grpreg [3]_, so that
    results can be compared.

    =================   =============================================
    Samples total       189 (59 of low birth weight)
    Dimensionality      16, in 8 groups of 1 to 3
    Features            real (6 columns), 0/1 (10 columns)
    Target              birth weight in kg, real, 0.709 to 4.99
    =================   =============================================

    Parameters
    ----------
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a `Bunch`.
    as_frame : bool, default=False
        If True, data and targets are pandas objects. Needs pandas
        (``pip install skstruct[frame]``).

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : {ndarray, DataFrame} of shape (189, 16)
            The predictors, float64.
        target : {ndarray, Series} of shape (189,)
            Birth weight in kilograms.
        target_low : {ndarray, Series} of shape (189,)
            1 if the birth weight is below 2.5 kg, else 0.
        feature_names : list of 16 str
            Names of the columns of `data`.
        groups : list of 16 str
            The group of each column of `data`, ready for ``groups=``.
        group_names : list of 8 str
            The groups in the order of their columns: age, lwt, race, smoke, ptl, ht,
            ui, ftv.
        target_names : list of 1 str
            Name of the target.
        raw : {dict of ndarray, DataFrame}
            The ten columns of the source table, integers: low, age (years), lwt
            (pounds), race (1 white, 2 black, 3 other), smoke, ptl, ht, ui, ftv, bwt
            (grams).
        frame : DataFrame of shape (189, 17)
            `data` and `target` (column ``bwt``) side by side if ``as_frame=True``,
            else None.
        DESCR : str
            Definition of each column, provenance and references.
        filename : str
            Name of the raw table's file in ``skstruct/datasets/data``.

    (data, target) : tuple if ``return_X_y=True``
        As above.

    Raises
    ------
    ImportError
        If ``as_frame=True`` and pandas is not installed.

    Notes
    -----
    For a variable x, the polynomial columns are the Gram-Schmidt orthonormalisation
    of ``1, x, x**2, x**3`` without the constant: zero mean, unit Euclidean norm,
    orthogonal to each other, positive leading coefficient (R's ``poly``). The
    0/1 columns are neither centred nor scaled.

    References
    ----------
    .. [1] Hosmer, D. W. and Lemeshow, S. (1989). Applied Logistic Regression.
       Wiley, New York.
    .. [2] Venables, W. N. and Ripley, B. D. (2002). Modern Applied Statistics with
       S. Fourth edition. Springer, New York. (R package MASS, ``birthwt``)
    .. [3] Breheny, P. and Huang, J. (2015). Group descent algorithms for nonconvex
       penalized linear and logistic regression models with grouped predictors.
       Statistics and Computing, 25(2), 173-187. (R package grpreg, ``Birthwt``)

    Examples
    --------
    >>> from skstruct.datasets import load_birthwt
    >>> birthwt = load_birthwt()
    >>> birthwt.data.shape
    (189, 16)
    >>> birthwt.group_names
    ['age', 'lwt', 'race', 'smoke', 'ptl', 'ht', 'ui', 'ftv']
    >>> list(zip(birthwt.feature_names, birthwt.groups))[5:8]
    [('lwt3', 'lwt'), ('white', 'race'), ('black', 'race')]
    >>> print(f"{birthwt.target.mean():.3f} kg, {birthwt.target_low.sum()} low")
    2.945 kg, 59 low
    """
    pd = _import_pandas() if as_frame else None
    raw = _read_raw()
    data = _expand(raw)
    target = raw["bwt"] / _GRAMS_PER_KG
    target_low = raw["low"].copy()
    feature_names = [column for columns in _COLUMNS.values() for column in columns]
    frame = None
    if as_frame:
        raw = pd.DataFrame(raw)
        data = pd.DataFrame(data, columns=feature_names)
        target = pd.Series(target, name="bwt")
        target_low = pd.Series(target_low, name="low")
        frame = pd.concat([data, target], axis=1)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        target_low=target_low,
        feature_names=feature_names,
        groups=[group for group, columns in _COLUMNS.items() for _ in columns],
        group_names=list(_COLUMNS),
        target_names=["bwt"],
        raw=raw,
        frame=frame,
        DESCR=_resource("descr", "birthwt.rst").read_text(encoding="utf-8"),
        filename=_FILENAME,
    )


def _expand(raw):
    """Return the 16 predictors of the raw table, in the order of `_COLUMNS`."""
    race, ptl, ftv = raw["race"], raw["ptl"], raw["ftv"]
    columns = [
        _orthogonal_polynomials(raw["age"], degree=3),
        _orthogonal_polynomials(raw["lwt"], degree=3),
        race == 1,
        race == 2,
        raw["smoke"],
        ptl == 1,
        ptl >= 2,
        raw["ht"],
        raw["ui"],
        ftv == 1,
        ftv == 2,
        ftv >= 3,
    ]
    return np.column_stack(columns).astype(np.float64, copy=False)


def _orthogonal_polynomials(x, degree):
    """Orthonormalise ``x, ..., x**degree`` against 1 and each other, as R's poly.

    Centring and scaling x first leaves the result as it is (each polynomial still
    spans the same spaces) and keeps the powers well conditioned.
    """
    z = (x - x.mean()) / x.std()
    q, r = np.linalg.qr(np.vander(z, degree + 1, increasing=True))
    return (q * np.sign(np.diag(r)))[:, 1:]


def _read_raw():
    """Read the raw table: column name -> int64 array of shape (189,)."""
    with _resource("data", _FILENAME).open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    values = np.array(rows, dtype=np.int64)
    return {name: values[:, j].copy() for j, name in enumerate(header)}


def _resource(folder, name):
    return resources.files("skstruct.datasets").joinpath(folder, name)


def _import_pandas():
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            "load_birthwt(as_frame=True) needs pandas, which is not installed. "
            "Install it with `pip install skstruct[frame]`, or use as_frame=False "
            "to get numpy arrays."
        ) from error
    return pandas
