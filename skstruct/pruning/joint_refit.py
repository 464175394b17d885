"""All weights of a pruned network at once, to reproduce the full network's output."""

import numpy as np
from scipy.optimize import minimize

from skstruct.pruning.network import ACTIVATIONS, SLOPES


def refit_jointly(activation, coefs, intercepts, X, target, max_iter):
    """Lower ``|f(X) - target|^2`` by L-BFGS from the weights given.

    Layer-wise least squares reproduces what is between the layers; this is after
    the output alone, which much smaller layers can reproduce. No labels are needed.

    Parameters
    ----------
    activation : str
        Of the hidden layers.
    coefs, intercepts : list of arrays
        Where to start: the network pruned layer by layer.
    X : (n, n_inputs) array
        Rows.
    target : (n, n_outputs) array
        Last pre-activations of the full network.
    max_iter : int
        Iterations; few, as stopping early keeps the network from learning the rows.

    Returns
    -------
    coefs, intercepts : lists of arrays
        Of float64.
    error : float
        Share of the target's variance that is missed.
    """
    X, target = X.astype(np.float64), target.astype(np.float64)
    shapes = [W.shape for W in coefs]
    activate, slope = ACTIVATIONS[activation], SLOPES[activation]
    scale = float(np.sum((target - target.mean(axis=0)) ** 2)) or 1.0

    def loss_and_gradient(flat):
        coefs, intercepts = _unpacked(flat, shapes)
        layers = [X]
        for W, b in zip(coefs[:-1], intercepts[:-1], strict=True):
            layers.append(activate(layers[-1] @ W + b))
        residual = layers[-1] @ coefs[-1] + intercepts[-1] - target
        loss = 0.5 * float(np.vdot(residual, residual)) / scale
        residual /= scale
        parts = []
        for index in range(len(coefs) - 1, -1, -1):
            parts += [residual.sum(axis=0), (layers[index].T @ residual).ravel()]
            if index:
                residual = (residual @ coefs[index].T) * slope(layers[index])
        return loss, np.concatenate(parts[::-1])

    start = _packed(coefs, intercepts)
    found = minimize(
        loss_and_gradient,
        start,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": max_iter, "maxcor": 10},
    )
    # A diverging line search ends where it began: never worse than the start.
    best = found.x if np.isfinite(found.x).all() else start
    return *_unpacked(best, shapes), 2 * loss_and_gradient(best)[0]


def _packed(coefs, intercepts):
    pairs = zip(coefs, intercepts, strict=True)
    return np.concatenate([part.ravel() for pair in pairs for part in pair]).astype(
        np.float64
    )


def _unpacked(flat, shapes):
    coefs, intercepts, start = [], [], 0
    for n_in, n_out in shapes:
        stop = start + n_in * n_out
        coefs.append(flat[start:stop].reshape(n_in, n_out))
        intercepts.append(flat[stop : stop + n_out])
        start = stop + n_out
    return coefs, intercepts
