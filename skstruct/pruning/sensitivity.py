"""How much a network suffers when one layer is pruned and the others are not."""

from numbers import Real

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils import Bunch, check_random_state
from sklearn.utils.validation import check_array, check_is_fitted

from skstruct._compat import Interval, StrOptions, validate_params
from skstruct.pruning.budget import Widths
from skstruct.pruning.criteria import CRITERIA
from skstruct.pruning.network import ACTIVATIONS, nameless, shape_of, with_weights
from skstruct.pruning.reconstruction import EXACT, Options, rank_units
from skstruct.pruning.walk import Calibration

FRACTIONS = (0.02, 0.05, 0.1, 0.15, 0.25, 0.4, 0.6, 0.8, 1.0)


def layer_curve(calibration, held_out, index, widths):
    """Return units kept and errors of one layer at some widths.

    Parameters
    ----------
    calibration, held_out : Calibration
        Rows on which units are chosen and refitted, and rows to measure on.
    index : int
        The layer, 0 for the inputs.
    widths : list of int
        Widths to measure at.

    Returns
    -------
    list of (units, coef, intercept, reconstruction error, output error)
        Errors are shares of variance missed, of the next layer's input and of the
        network's output, both held out.
    """
    network, options = calibration.network, calibration.options
    H, problem = calibration.layer(index), calibration.problem(index)
    width = H.shape[1]
    W_in = network.coefs_[index - 1] if index else np.eye(width)
    narrower = [w for w in widths if w < width]
    ranking = rank_units(
        problem,
        max(narrower, default=1),
        options,
        H,
        W_in,
        network.coefs_[index],
        calibration.scores[index],
    )
    outside, target = held_out.layer(index), held_out.targets
    points = []
    for w in widths:
        units = np.arange(width) if w == width else np.sort(ranking[:w])
        coef, intercept = network.coefs_[index][units], network.intercepts_[index]
        if w < width and options.refit is not None:
            coef, intercept = problem.refit(units)
        Z = outside[:, units] @ coef + intercept
        output = _output_from(network, index, Z)
        errors = missed(target[index], Z), missed(target[-1], output)
        points.append((units, coef, intercept, *errors))
    return points


def _output_from(network, index, Z):
    """Return the last pre-activations from those of hidden layer `index`."""
    activate = ACTIVATIONS[network.activation]
    for W, b in zip(
        network.coefs_[index + 1 :], network.intercepts_[index + 1 :], strict=True
    ):
        Z = activate(Z) @ W + b
    return Z


def missed(wanted, found):
    """Return the share of the variance of `wanted` that `found` misses."""
    wanted = wanted.astype(np.float64)
    total = np.sum((wanted - wanted.mean(axis=0)) ** 2)
    rest = np.sum((wanted - found) ** 2)
    return float(rest / total) if total > 0 else float(rest > 0)


@validate_params(
    {
        "estimator": [MLPClassifier, MLPRegressor, FrozenEstimator],
        "fractions": ["array-like"],
        "criterion": [StrOptions({*EXACT, "taylor", *CRITERIA}), callable],
        "refit": [StrOptions({"lstsq", "joint"}), None],
        "ridge": [Interval(Real, 0, None, closed="left")],
        "prune_inputs": ["boolean"],
        "scoring": [str, callable, None],
        "test_size": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def sensitivity_curves(
    estimator,
    X,
    y=None,
    *,
    fractions=FRACTIONS,
    criterion="forward",
    refit="lstsq",
    ridge=1e-4,
    prune_inputs=False,
    scoring=None,
    test_size=0.25,
    random_state=None,
):
    """Prune each layer by itself, more and more, and measure what is lost.

    One run of the criterion a layer gives the units for all fractions: they are
    nested. Units are chosen and weights refitted on a part of the rows; scores and
    errors are those of the other part.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor or FrozenEstimator
        A fitted network.
    X : array-like of shape (n_samples, n_features)
        Rows, better not those that the network was trained on.
    y : array-like, default=None
        Targets, for the scores.
    fractions : array-like of shape (n_fractions,), default=(0.02, ..., 1.0)
        Fractions of a layer's units to keep, in (0, 1]; at least one unit is.
    criterion, refit, ridge
        As in :class:`MLPPruner`; ``refit="joint"`` counts as "lstsq".
    prune_inputs : bool, default=False
        Whether the input features are measured as a layer too.
    scoring : str or callable, default=None
        A scorer; None means the network's own ``score``.
    test_size : float, default=0.25
        Share of rows to measure on, in (0, 1).
    random_state : int, RandomState instance or None, default=None
        For the split, and ``criterion="random"``.

    Returns
    -------
    Bunch
        With ``fractions`` (n_fractions,), ``widths``, ``scores`` (None without y),
        ``reconstruction_errors`` and ``output_errors``, all (n_layers, n_fractions):
        the share of the variance missed, of the next layer's input and of the
        network's output (log-odds for classifiers). And ``layers``, names of the
        layers; ``full_score``, of the full network, None without y; ``full_widths``.

    Raises
    ------
    ValueError
        If fractions are not in (0, 1], or X does not suit the network.

    See Also
    --------
    skstruct.SensitivityDisplay : Draws the curves.
    MLPPruner : ``allocation="sensitivity"`` spreads its budget by them.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skstruct import sensitivity_curves
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier((20, 10), solver="lbfgs", random_state=0).fit(X, y)
    >>> curves = sensitivity_curves(
    ...     network, X, y, fractions=[0.1, 0.5, 1.0], random_state=0)
    >>> curves.widths
    array([[ 2, 10, 20],
           [ 1,  5, 10]])
    """
    if isinstance(estimator, FrozenEstimator):
        estimator = estimator.estimator
    check_is_fitted(estimator)
    fractions = _checked_fractions(fractions)
    rows = check_array(X, dtype=[np.float64, np.float32])
    if rows.shape[1] != estimator.n_features_in_:
        raise ValueError(
            f"X has {rows.shape[1]} features, but the network was fitted with "
            f"{estimator.n_features_in_}."
        )
    rng = check_random_state(random_state)
    fit, test = train_test_split(
        np.arange(len(rows)), test_size=test_size, random_state=rng
    )
    options = Options(
        criterion=criterion,
        refit=refit,
        ridge=ridge,
        prune_inputs=prune_inputs,
        rng=rng,
    )
    network = nameless(estimator)
    calibration = Calibration(network, rows[fit], options)
    held_out = Calibration(network, rows[test], options)
    widths = Widths(shape_of(network), prune_inputs, 1)
    scorer = None if y is None else check_scoring(network, scoring=scoring)
    y_test = None if y is None else np.asarray(y)[test]
    table = {"widths": [], "reconstruction_errors": [], "output_errors": []}
    scores = []
    for index in widths.free:
        full = widths.shape[index]
        tried = [widths.rounded(index, f * full) for f in fractions]
        points = layer_curve(calibration, held_out, index, tried)
        table["widths"].append(tried)
        table["reconstruction_errors"].append([point[3] for point in points])
        table["output_errors"].append([point[4] for point in points])
        if scorer is not None:
            scores.append(
                [_score(network, rows[test], y_test, scorer, index, p) for p in points]
            )
    return Bunch(
        fractions=fractions,
        scores=None if scorer is None else np.array(scores),
        full_score=None if scorer is None else scorer(network, rows[test], y_test),
        full_widths=np.array([widths.shape[index] for index in widths.free]),
        layers=[f"hidden layer {i}" if i else "inputs" for i in widths.free],
        **{name: np.array(values) for name, values in table.items()},
    )


def _checked_fractions(fractions):
    found = np.array(fractions, dtype=np.float64).ravel()
    if len(found) == 0 or not ((found > 0) & (found <= 1)).all():
        raise ValueError(f"fractions={fractions!r} must be numbers in (0, 1].")
    return found


def _score(network, X, y, scorer, index, point):
    """Return the score of the network with one layer pruned."""
    units, coef, intercept, *_ = point
    coefs, intercepts = list(network.coefs_), list(network.intercepts_)
    if index:
        coefs[index - 1] = coefs[index - 1][:, units]
        intercepts[index - 1] = intercepts[index - 1][units]
    else:
        X = X[:, units]
    coefs[index], intercepts[index] = coef, intercept
    return scorer(with_weights(network, coefs, intercepts), X, y)
