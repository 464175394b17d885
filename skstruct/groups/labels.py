"""Labels, one a feature -> names and index arrays."""

from typing import Any

import numpy as np

from skstruct.groups.features import Features
from skstruct.groups.messages import count, did_you_mean, listing, plain, show_value
from skstruct.groups.parsed import ParsedGroups


def groups_from_labels(labels: Any, features: Features) -> ParsedGroups:
    """Put the features that have the same label into one group.

    Parameters
    ----------
    labels : list, tuple, range, ndarray, pandas or polars object
        One hashable label a feature; None, NaN and NA leave a feature out.
    features : Features
        The features of X.

    Returns
    -------
    parsed : ParsedGroups
        Groups in sorted order of their labels if these can be sorted together,
        otherwise in order of first appearance.

    Raises
    ------
    ValueError
        If there is not one label a feature, or a pandas index fits no features.
    TypeError
        If a label is not hashable.
    """
    values = label_array(labels)
    names, codes = encode(values)  # first, since lists of members show up here
    codes = align_to_features(labels, codes, features, "groups")
    if len(codes) != features.n:
        hint = sizes_hint(values, features.n)
        raise ValueError(
            f"groups: {count(len(codes), 'label')} for {count(features.n, 'feature')};"
            f" labels must have shape (n_features,), one a feature.{hint}"
        )
    order = np.argsort(codes, kind="stable")
    n_missing = np.count_nonzero(codes < 0)
    sizes = np.bincount(codes[order[n_missing:]], minlength=len(names))
    return ParsedGroups.from_sizes(names, sizes, order[n_missing:])


def label_array(labels: Any) -> np.ndarray:
    """Return labels as a 1-D array that confuses no two of them."""
    if isinstance(labels, np.ma.MaskedArray):
        values = np.array(labels.data, dtype=object)
        values[np.ma.getmaskarray(labels)] = None  # .filled(None) fills with '?'
        return values
    if isinstance(labels, list | tuple):
        return object_array(labels)  # np.asarray would turn [1, "a"] into strings
    array = np.asarray(labels)
    own_dtype = getattr(labels, "dtype", array.dtype)
    if array.dtype.kind == "f" and not isinstance(own_dtype, np.dtype):
        # Nullable integers of pandas and polars: as floats, large ids would merge.
        return object_array(list(labels))
    return array


def object_array(values: Any) -> np.ndarray:
    """Return a 1-D object array of `values`, without looking into them."""
    return np.fromiter(values, dtype=object, count=len(values))


def sizes_hint(values: np.ndarray, n_features: int) -> str:
    """Explain how to turn group sizes into labels, if sizes is what they look like."""
    sizes = [plain(value) for value in values]
    if not all(type(size) is int for size in sizes) or sum(sizes) != n_features:
        return ""
    return f" For groups of these sizes: np.repeat(np.arange({len(sizes)}), sizes)."


def align_to_features(
    owner: Any, values: np.ndarray, features: Features, where: str
) -> np.ndarray:
    """Bring the values of a pandas Series into the order of the features.

    Parameters
    ----------
    owner : object
        Where the values came from; only a Series has an index to align by.
    values : ndarray of shape (n,)
        Its values.
    features : Features
        The features of X.
    where : str
        What is aligned, for messages.

    Returns
    -------
    values : ndarray of shape (n,)
        Reordered if the index holds the feature names in another order.

    Raises
    ------
    ValueError
        If the index holds strings other than the feature names, or is 0, 1, ... in
        another order, which may mean two things.
    """
    index = getattr(owner, "index", None)
    if index is None or callable(index):  # list.index and its like are methods
        return values
    keys = index.tolist()
    if any(issubclass(kind, str) for kind in set(map(type, keys))):
        return align_by_name(keys, values, features, where)
    if is_shuffled_range(keys):
        raise ValueError(
            f"{where}: the index of the Series is 0 to {len(keys) - 1} in another "
            "order, so it is unclear which value belongs to which feature; pass "
            ".sort_index() to go by the index or .to_numpy() to go by position."
        )
    return values


def align_by_name(
    keys: list, values: np.ndarray, features: Features, where: str
) -> np.ndarray:
    """Reorder values whose keys are column names."""
    if features.names is None or keys == features.names:
        return values
    unknown = [key for key in keys if key not in features.positions]
    if unknown or len(set(keys)) < len(keys) or len(keys) != features.n:
        fault = f" It has {listing(unknown)}, which X has not." if unknown else ""
        hint = did_you_mean(unknown[0], features.positions) if unknown else ""
        raise ValueError(
            f"{where}: the index of the Series (length {len(keys)}) does not "
            f"match the columns of X ({features.listing(range(features.n))}).{fault}"
            f"{hint} Use .reindex(X.columns), or .to_numpy() to go by position."
        )
    where_is = dict(zip(keys, range(len(keys)), strict=True))
    return values[[where_is[name] for name in features.names]]


def is_shuffled_range(keys: list) -> bool:
    """Whether keys are the integers 0, 1, ... in an order other than that."""
    if not all(issubclass(kind, int | np.integer) for kind in set(map(type, keys))):
        return False
    ordered = list(range(len(keys)))
    return keys != ordered and sorted(keys) == ordered


def encode(values: np.ndarray) -> tuple[list, np.ndarray]:
    """Turn labels into names and codes.

    Parameters
    ----------
    values : ndarray of shape (n_features,)
        Labels.

    Returns
    -------
    names : list
        The distinct labels, as Python objects, in the order of the groups.
    codes : ndarray of shape (n_features,)
        Position of each label in `names`, -1 where it is missing.
    """
    if values.dtype.kind in "iufb":
        return encode_numbers(values)
    return encode_objects(values)


def encode_numbers(values: np.ndarray) -> tuple[list, np.ndarray]:
    """Encode numeric labels without touching them one by one."""
    present = ~np.isnan(values)
    unique, inverse = np.unique(values[present], return_inverse=True)
    codes = np.full(len(values), -1, dtype=np.intp)
    codes[present] = inverse
    return whole_floats_to_ints(unique.tolist()), codes


def encode_objects(values: np.ndarray) -> tuple[list, np.ndarray]:
    """Encode labels of any kind by hashing them."""
    # Dates stay numpy's: .tolist() turns nanoseconds into bare integers.
    labels = list(values) if values.dtype.kind in "mM" else values.tolist()
    try:
        distinct = [label for label in dict.fromkeys(labels) if not is_missing(label)]
    except TypeError:
        raise unhashable_label(labels) from None
    names = whole_floats_to_ints([plain(label) for label in distinct])
    order = sorted_order(names)
    code = {distinct[i]: g for g, i in enumerate(order)}
    numbers = (code.get(label, -1) for label in labels)
    codes = np.fromiter(numbers, dtype=np.intp, count=len(labels))
    return [names[i] for i in order], codes


def sorted_order(names: list) -> list[int]:
    """Order that sorts the names; the order given where they do not compare."""
    try:
        return sorted(range(len(names)), key=names.__getitem__)
    except TypeError:
        return list(range(len(names)))


def whole_floats_to_ints(names: list) -> list:
    """Turn float names into ints if every one of them is whole."""
    floats = [name for name in names if isinstance(name, float | np.floating)]
    if not floats or not all(value.is_integer() for value in floats):
        return names
    return [int(v) if isinstance(v, float | np.floating) else v for v in names]


def is_missing(label: Any) -> bool:
    """Whether a label is None, NaN, NaT or pandas' NA."""
    # NA by its name, since pandas is not imported and NA answers != with NA.
    if label is None or type(label).__name__ == "NAType":
        return True
    try:
        return bool(label != label)
    except (TypeError, ValueError):
        return False


def unhashable_label(labels: list) -> TypeError:
    """Error for the first label that cannot be hashed."""
    position = next(i for i, label in enumerate(labels) if not is_hashable(label))
    return TypeError(
        f"groups: the label at position {position}, {show_value(labels[position])}, is "
        "not hashable. Groups given by their members must be a plain list or a dict: "
        "use .tolist() or .to_dict()."
    )


def is_hashable(label: Any) -> bool:
    """Whether a label can be hashed; a tuple of lists, for one, only seems so."""
    try:
        hash(label)
    except TypeError:
        return False
    return True
