"""How much the network's output depends on what each layer passes on."""

import numpy as np

from skstruct.pruning.network import ACTIVATIONS, SLOPES

MANY_OUTPUTS = 32  # beyond, some are drawn
MANY_ROWS = 1000  # a mean needs no more
FLOOR = 1e-3  # of the largest eigenvalue: what does not matter still counts a little


def some_outputs(n_outputs, rng):
    """Return the numbers of all outputs, or of some, drawn, if there are many."""
    if n_outputs > MANY_OUTPUTS:
        return rng.choice(n_outputs, MANY_OUTPUTS, replace=False)
    return np.arange(n_outputs)


def output_roots(network, targets, rng, *, to_inputs):
    """Return, by layer, a root of the mean Gauss-Newton matrix of its pre-activations.

    With J the derivatives (n_outputs, width) of the last pre-activations by those of
    a layer, an error E (n, width) of the layer costs about ``sum_i |J_i E_i|^2``. With
    ``R R' = mean of J'J``, it is estimated by ``|E R|^2``: an error of what matters
    to the output counts more, and what cancels later counts for nothing.

    Parameters
    ----------
    network : MLPClassifier or MLPRegressor
        The full network.
    targets : list of (n, width) arrays
        Its pre-activations, last layer last.
    rng : RandomState
        Draws outputs if there are many.
    to_inputs : bool
        Whether the first hidden layer is wanted too: the inputs' next layer.

    Returns
    -------
    list of (width, width) arrays or None
        None for the last layer, where all errors count alike, for a layer on which
        the output does not depend, and for the first unless wanted.
    """
    rows = slice(None, None, -(-len(targets[0]) // MANY_ROWS))
    hidden = [ACTIVATIONS[network.activation](Z[rows]) for Z in targets[:-1]]
    n_rows, n_outputs = targets[-1][rows].shape
    first = 0 if to_inputs else 1
    sums = [np.zeros((Z.shape[1], Z.shape[1])) for Z in targets[:-1]]
    slope = SLOPES[network.activation]
    for output in some_outputs(n_outputs, rng):
        back = np.zeros((n_rows, n_outputs), dtype=hidden[0].dtype if hidden else float)
        back[:, output] = 1.0
        for layer in range(len(hidden) - 1, first - 1, -1):
            back = (back @ network.coefs_[layer + 1].T) * slope(hidden[layer])
            sums[layer] += back.T @ back
    return [*(_root(total / n_rows) for total in sums), None]


def _root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    if values[-1] <= 0:
        return None
    return vectors * np.sqrt(np.maximum(values, 0.0) + FLOOR * values[-1])
