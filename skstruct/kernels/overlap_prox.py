"""Prox of a sum of norms over overlapping groups, reduced to atoms.

An *atom* is the set of all features that are in the same groups. The problem does
not change when an atom is rotated, so its solution shortens each atom and turns
none: what is left has one number for each atom, the norm ``e_a`` of its part of v::

    minimise over b   1/2 |b - e|^2 + sum_g r_g |b_g|

Its dual has ``xi_g`` on the atoms of each group: minimise ``1/2 |e - sum_g xi_g|^2``
where ``|xi_g| <= r_g``, and then ``b = e - sum_g xi_g``. ``doc/coupled_penalties.md``
derives all that is used here.

Group g has the atoms ``atoms[ptr[g]:ptr[g + 1]]``, and ``xi`` goes with `atoms`. Pairs
``(atom_ptr, positions)`` list the places of each atom in `atoms`.
"""

import math

from numba import njit

from skstruct.kernels import blocks

# No reassociation: most groups have a few atoms, and vectorised loops start slowly.
_FASTMATH = {"fastmath": {"contract", "arcp", "nsz"}}
JIT, INNER = blocks.JIT | _FASTMATH, blocks.INNER | _FASTMATH
# Interior point: share of the way to the boundary that a step may go, bound on the
# steps, and the smallest radius in units of the largest entry of v.
_SHARE, _STEPS, _SMALLEST = 0.995, 60, 1e-14
_ROUNDING, _FINE, _COARSE, _CENTRAL, _SHORTENINGS = 1e-14, 1e-13, 1e-10, 1e-4, 30


@njit(**JIT)
def atom_norms(v, atom_of, positive, e):
    """Write the norms of the atoms of v (k, q), in units of its largest entry.

    With `positive` only entries above zero count. Returns the unit.
    """
    top = 0.0
    for i in range(v.shape[0]):
        for t in range(v.shape[1]):
            top = max(top, v[i, t] if positive else abs(v[i, t]))
    for a in range(e.shape[0]):
        e[a] = 0.0
    if top == 0.0:
        return top
    for i in range(v.shape[0]):
        total = 0.0
        for t in range(v.shape[1]):
            x = v[i, t] / top
            if x > 0.0 or not positive:
                total += x * x
        e[atom_of[i]] += total
    for a in range(e.shape[0]):
        e[a] = math.sqrt(e[a])
    return top


@njit(**JIT)
def shorten_atoms(v, atom_of, positive, e, b, out):
    """Write v with each atom shortened from norm ``e_a`` to ``b_a`` into `out`.

    `b` is lost.
    """
    for a in range(e.shape[0]):
        # Less than that is what rounding leaves of e minus the dual variables.
        b[a] = b[a] / e[a] if b[a] > 1e-15 * e[a] > 0.0 else 0.0
    for i in range(v.shape[0]):
        factor = b[atom_of[i]]
        for t in range(v.shape[1]):
            x = v[i, t]
            out[i, t] = factor * (max(x, 0.0) if positive else x)


@njit(**JIT)
def descend(e, radius, ptr, atoms, xi, b, tol, max_sweeps):
    """Descend on the dual, one group after the other.

    Parameters
    ----------
    e : (n_atoms,) array
    radius : (n_groups,) array
    ptr, atoms : integer arrays
        Atoms of each group.
    xi : (len(atoms),) array
        Dual variables: on entry the start, on exit the result.
    b : (n_atoms,) array
        On exit ``e - sum_g xi_g``, zero exactly where a group absorbs it.
    tol : float
        Stop at this duality gap.
    max_sweeps : int

    Returns
    -------
    float
        The duality gap.
    """
    n_groups = radius.shape[0]
    for a in range(e.shape[0]):
        b[a] = e[a]
    for i in range(atoms.shape[0]):
        b[atoms[i]] -= xi[i]
    gap = math.inf
    for sweep in range(max_sweeps):
        for g in range(n_groups):
            first, last = ptr[g], ptr[g + 1]
            norm = 0.0
            for i in range(first, last):
                r = b[atoms[i]] + xi[i]
                norm += r * r
            if norm > radius[g] * radius[g]:
                factor = radius[g] / math.sqrt(norm)
                for i in range(first, last):
                    r = b[atoms[i]] + xi[i]
                    xi[i] = factor * r
                    b[atoms[i]] = r - factor * r
            else:
                for i in range(first, last):
                    xi[i] += b[atoms[i]]
                    b[atoms[i]] = 0.0
        if sweep < 2 or sweep % 4 == 3 or sweep == max_sweeps - 1:
            gap = 0.0
            for g in range(n_groups):
                gap += _group_gap(b, radius[g], ptr[g], ptr[g + 1], atoms, xi)
            if gap <= tol:
                break
    return gap


@njit(**INNER)
def _group_gap(b, radius, first, last, atoms, xi):
    """Duality gap ``r |b_g| - <xi_g, b_g>`` of one group, without its cancellation."""
    norm = 0.0
    for i in range(first, last):
        norm += b[atoms[i]] * b[atoms[i]]
    norm = math.sqrt(norm)
    if norm == 0.0 or radius == 0.0:
        return 0.0
    scale = radius / norm
    away = length = 0.0
    for i in range(first, last):
        difference = xi[i] - scale * b[atoms[i]]
        away += difference * difference
        length += xi[i] * xi[i]
    length = math.sqrt(length)
    # What rounding takes from the length of a projected vector is no gap.
    short = (radius - length) * (radius + length)
    if radius - length < _ROUNDING * radius:
        short = 0.0
    return norm / (2.0 * radius) * (away + short)


@njit(**JIT)
def interior_point(
    e,
    radius,
    ptr,
    atoms,
    atom_ptr,
    positions,
    group_of,
    order,
    first,
    start,
    tol,
    xi,
    kept,
    factor,
    work,
):
    """Solve the dual in its multipliers, by a primal-dual interior point method.

    Descent creeps where slack must travel through long chains of groups; this takes
    two dozen Newton steps whatever the groups. With multipliers ``mu_g`` of the
    constraints, ``xi_ga = e_a T_a / mu_g`` and ``T_a = 1 / (1 + sum_g 1 / mu_g)``, the
    dual function's gradient is ``(|xi_g|^2 - r_g^2) / 2``, and its Hessian, scaled by
    mu on both sides, a diagonally dominant matrix without positive off-diagonal
    entries, which is summed and factorised without cancellation.

    Parameters
    ----------
    e, radius, ptr, atoms, xi
        As in :func:`descend`; xi is written only. ``xi`` may exceed the radius by
        rounding: a sweep of :func:`descend` mends that.
    atom_ptr, positions : integer arrays
        Where each atom is in `atoms`.
    group_of : (len(atoms),) integer array
        The group that each place in `atoms` belongs to.
    order : (n_groups,) integer array
        Row of each group in the factor.
    first, start : (n_groups,) and (n_groups + 1,) integer arrays
        Row m of the factor has columns ``first[m]`` to m, from ``start[m]`` on.
    tol : float
        Stop at this duality gap.
    kept, factor : arrays of shapes (n_atoms,) and (start[-1],)
    work : tuple of nine (n_groups,) arrays
        Scratch. (To take rows of one array here would take longer to compile.)
    """
    n = radius.shape[0]
    mu, slack, z, rise, old, rhs, step, ball, inside = work
    total = 0.0
    for a in range(e.shape[0]):
        total += e[a] * e[a]
    for g in range(n):
        r = max(radius[g], _SMALLEST)
        ball[g] = 0.5 * r * r
        size = 0.0
        for i in range(ptr[g], ptr[g + 1]):
            size += e[atoms[i]] * e[atoms[i]]
        # Where all of xi is inside its ball, and no product of the two very small.
        mu[g] = 1.01 * math.sqrt(max(size, _CENTRAL * total)) / r
        slack[g] = z[g] = rise[g] = 0.0
    longest = 1.0
    # Each function is called in one place only: twice would take twice to compile.
    for _ in range(_STEPS):
        # Move. The slack is curved: a step must not leave the balls.
        for g in range(n):
            old[g] = mu[g]
        for _ in range(_SHORTENINGS):
            ahead = 0.0
            for g in range(n):
                mu[g] = old[g] * (1.0 + longest * z[g])
                ahead += mu[g] * (1.0 + longest * rise[g]) * slack[g]
            _split(e, mu, ball, atom_ptr, positions, group_of, kept, xi, inside)
            good = True
            for g in range(n):
                linear = (1.0 + longest * rise[g]) * slack[g]
                good = good and inside[g] >= 0.1 * linear - _FINE * ball[g]
                good = good and mu[g] * linear >= _CENTRAL * ahead / n
            if good:
                break
            longest *= 0.6
        gap = 0.0
        for g in range(n):
            slack[g] *= 1.0 + longest * rise[g]
            # Small slack is lost in the rounding of the difference that says it.
            if inside[g] > _COARSE * ball[g]:
                slack[g] = inside[g]
            gap += mu[g] * slack[g]
        if gap <= 0.1 * tol or not gap < math.inf:
            break
        for m in range(start[n]):
            factor[m] = 0.0
        places = atom_ptr, positions, group_of, order, first, start
        _assemble(e, kept, xi, *places, factor)
        for g in range(n):
            row = order[g]
            factor[start[row] + row - first[row]] += mu[g] * slack[g]
            step[g] = 0.0
        _factorise(factor, first, start)
        # Predictor and corrector (Mehrotra, 1992). The first says how far
        # complementarity would fall, but knows nothing of curvature, which the length
        # of the last step tells.
        share = 0.3 if longest < 0.3 else 0.0
        for correcting in range(2):
            for g in range(n):
                rhs[order[g]] = step[g] - mu[g] * inside[g]
            _substitute(factor, first, start, rhs)
            longest = 1.0
            ahead = 0.0
            for g in range(n):
                z[g] = rhs[order[g]]
                rise[g] = step[g] / (mu[g] * slack[g]) - 1.0 - z[g]
                if z[g] < 0.0:
                    longest = min(longest, -_SHARE / z[g])
                if rise[g] < 0.0:
                    longest = min(longest, -_SHARE / rise[g])
            if correcting == 0:
                for g in range(n):
                    c = (1.0 + longest * z[g]) * (1.0 + longest * rise[g])
                    ahead += mu[g] * slack[g] * c
                centre = max((ahead / gap) ** 3, share) * gap / n
                for g in range(n):
                    step[g] = centre - mu[g] * slack[g] * z[g] * rise[g]


@njit(**INNER)
def _split(e, mu, ball, atom_ptr, positions, group_of, kept, xi, inside):
    """Shortening factors, dual variables and their slack that multipliers imply."""
    for g in range(mu.shape[0]):
        inside[g] = ball[g]
    for a in range(e.shape[0]):
        total = 1.0
        for m in range(atom_ptr[a], atom_ptr[a + 1]):
            total += 1.0 / mu[group_of[positions[m]]]
        kept[a] = 1.0 / total
        for m in range(atom_ptr[a], atom_ptr[a + 1]):
            g, i = group_of[positions[m]], positions[m]
            xi[i] = e[a] * kept[a] / mu[g]
            inside[g] -= 0.5 * xi[i] * xi[i]


@njit(**INNER)
def _assemble(e, kept, xi, atom_ptr, positions, group_of, order, first, start, factor):
    """Add the scaled Hessian, rows in its envelope: diagonally dominant, exactly so."""
    for a in range(e.shape[0]):
        for m in range(atom_ptr[a], atom_ptr[a + 1]):
            i = positions[m]
            row = order[group_of[i]]
            own = start[row] + row - first[row]
            factor[own] += xi[i] * e[a] * kept[a] * kept[a]
            for m2 in range(atom_ptr[a], m):
                other = order[group_of[positions[m2]]]
                c = xi[i] * xi[positions[m2]] * kept[a]
                factor[own] += c
                factor[start[other] + other - first[other]] += c
                high, low = max(row, other), min(row, other)
                factor[start[high] + low - first[high]] -= c


@njit(**INNER)
def _factorise(matrix, first, start):
    """Cholesky factor of a matrix stored by rows inside its envelope, in place."""
    for m in range(first.shape[0]):
        for h in range(first[m], m + 1):
            total = matrix[start[m] + h - first[m]]
            low = max(first[m], first[h])
            own, other = start[m] - first[m], start[h] - first[h]
            for c in range(low, h):
                total -= matrix[own + c] * matrix[other + c]
            if h < m:
                matrix[own + h] = total / matrix[other + h]
            else:
                # Groups that hold nothing have empty rows.
                matrix[own + h] = math.sqrt(max(total, 1e-300))


@njit(**INNER)
def _substitute(factor, first, start, x):
    """Solve with the factor and its transpose, in place."""
    n = first.shape[0]
    for m in range(n):
        own = start[m] - first[m]
        total = x[m]
        for c in range(first[m], m):
            total -= factor[own + c] * x[c]
        x[m] = total / factor[own + m]
    for m in range(n - 1, -1, -1):
        own = start[m] - first[m]
        x[m] /= factor[own + m]
        for c in range(first[m], m):
            x[c] -= factor[own + c] * x[m]
