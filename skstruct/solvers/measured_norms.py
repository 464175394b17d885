"""The norms of groups in the coordinates in which a penalty measures them."""

import numpy as np


def column_variances(problem):
    """Return the weighted variances of X's columns, (p,); about 0 if no intercept."""
    matrix, weights = problem.matrix, problem.weights
    mean = matrix.tdot(weights[:, None])[:, 0] if problem.fit_intercept else None
    return matrix.second_moment(weights, mean)


def measured_norms(problem, coef):
    """Return the norm of each group's coefficients (p, q), (n_groups,)."""
    layout = problem.layout
    if problem.scaling == "none":
        return layout.norms(coef.T)
    if problem.scaling == "features":
        return layout.norms((coef * np.sqrt(column_variances(problem))[:, None]).T)
    norms = np.empty(layout.n_groups)
    for g, features in enumerate(layout.feature_groups()):
        own = np.zeros_like(coef)
        own[features] = coef[features]
        fit = problem.matrix.dot(own)
        if problem.fit_intercept:
            fit = fit - problem.weights @ fit
        norms[g] = np.sqrt(np.sum(problem.weights @ fit**2))
    return norms
