"""Minimise the quadratic model of one block plus its penalty.

Every function here works on one block ``c`` of shape (k, q): the k coordinates of
a group by the q outputs. The block problem is::

    minimise over c   1/2 <c, H c> - <u, c> + penalty(c)

with ``H`` the (k, k) Gram matrix of the group's columns and ``u`` their inner
product with the partial residual, which leaves the group itself out.
"""

import math

from numba import njit

# Reassociation and contraction let LLVM vectorise reductions. "nnan" and "ninf" are
# left out: infinities are legal values in some penalties.
FASTMATH = {"reassoc", "contract", "arcp", "nsz"}
JIT = {"nogil": True, "cache": True, "fastmath": FASTMATH, "error_model": "numpy"}
# For what only other kernels call: compiled without the ways in from Python and C.
INNER = JIT | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}

_ROOT_STEPS = 60
_PROX_STEPS = 20
_PROX_TOL = 1e-10


@njit(**INNER)
def frobenius_norm(v):
    """Euclidean norm of all entries of a (k, q) block."""
    total = 0.0
    for i in range(v.shape[0]):
        for t in range(v.shape[1]):
            total += v[i, t] * v[i, t]
    return math.sqrt(total)


# Loops instead of array assignments: those take numba a second each to compile.


@njit(**INNER)
def clear_block(c):
    """Set a (k, q) block to zero."""
    for i in range(c.shape[0]):
        for t in range(c.shape[1]):
            c[i, t] = 0.0


@njit(**INNER)
def copy_block(source, target):
    """Copy a (k, q) block."""
    for i in range(source.shape[0]):
        for t in range(source.shape[1]):
            target[i, t] = source[i, t]


@njit(**JIT)
def minimize_l2_diagonal(d, u, threshold, ridge, c):
    """Minimise ``1/2 sum_i (d_i + ridge) |c_i|^2 - <u, c> + threshold |c|`` into `c`.

    Write d_i for ``d_i + ridge``. With ``s = |c| > 0`` the optimality condition reads
    ``c_i = u_i s / (d_i s + threshold)``, so ``s`` is the root of ``1 / |w(s)| = 1``
    for ``w_i = u_i / (d_i s + threshold)``. That function increases and is concave
    (Conn, Gould and Toint, Trust-Region Methods, 2000, sec. 7.3.3): Newton's method
    from the left of the root climbs to it monotonically, and in one step when all
    ``d_i`` agree. Without a threshold, ``c_i = u_i / d_i`` where ``d_i > 0``, and
    directions without curvature are left as they are. `u` may have several columns.

    Parameters
    ----------
    d : (k,) array, >= 0
        Diagonal of H.
    u : (k, q) array
        Linear term.
    threshold : float >= 0
        Strength of the norm.
    ridge : float >= 0
        Added to the diagonal.
    c : (k, q) array
        On entry a guess, of which the norm starts the search; on exit the minimiser.
    """
    k, q = u.shape
    if threshold <= 0.0:
        for i in range(k):
            if d[i] + ridge > 0.0:
                for t in range(q):
                    c[i, t] = u[i, t] / (d[i] + ridge)
        return
    # Norms are written out: a helper called here takes 0.2 s of a first fit to compile.
    norm_u = norm_c = d_max = 0.0
    for i in range(k):
        d_max = max(d_max, d[i] + ridge)
        for t in range(q):
            norm_u += u[i, t] * u[i, t]
            norm_c += c[i, t] * c[i, t]
    norm_u, norm_c = math.sqrt(norm_u), math.sqrt(norm_c)
    if norm_u <= threshold:
        for i in range(k):
            for t in range(q):
                c[i, t] = 0.0
        return
    # |c| is smallest when all the weight of u lies on the largest curvature.
    low = (norm_u - threshold) / d_max if d_max > 0.0 else 0.0
    s = max(norm_c, low)
    for _ in range(_ROOT_STEPS):
        norm2 = 0.0
        slope = 0.0
        for i in range(k):
            a = 0.0
            for t in range(q):
                a += u[i, t] * u[i, t]
            inverse = 1.0 / ((d[i] + ridge) * s + threshold)
            term = a * inverse * inverse
            norm2 += term
            slope += term * (d[i] + ridge) * inverse
        if slope <= 0.0:
            break
        norm = math.sqrt(norm2)
        step = (norm - 1.0) * norm2 / slope
        s_new = max(s + step, low)
        # The error of a step is about the square of the one before.
        done = abs(s_new - s) <= 4e-16 * s or abs(norm - 1.0) <= 1e-8
        s = s_new
        if done:
            break
    for i in range(k):
        factor = s / ((d[i] + ridge) * s + threshold)
        for t in range(q):
            c[i, t] = factor * u[i, t]


@njit(**JIT)
def minimize_by_prox(penalty, h, lipschitz, u, g, c, v):
    """Minimise the block problem by proximal gradient steps, into `c`.

    The way for penalties whose minimiser has no closed form in the eigenbasis of
    H. One block costs k^2 q a step, which is little beside its pass over the data. The
    steps end when one moves no entry by more than a tiny share of the largest entry,
    and are few: the next sweep goes on from there.

    Parameters
    ----------
    penalty : struct
        Offers ``prox(v, step, g)``, in place.
    h : (k * k,) or (k,) array
        H by rows, or its diagonal when it has no other entries.
    lipschitz : float
        Largest eigenvalue of H; 0 leaves only the prox of an infinite step, which
        is not defined, so such a block is put to zero.
    u : (k, q) array
        Linear term.
    g : int
        Number of the group, for the penalty's own arrays.
    c : (k, q) array
        On entry the start, on exit the result.
    v : (k, q) array
        Scratch.
    """
    k, q = u.shape
    if lipschitz <= 0.0:
        clear_block(c)
        return
    step = 1.0 / lipschitz
    is_diagonal = h.shape[0] == k
    for _ in range(_PROX_STEPS):
        for i in range(k):
            for t in range(q):
                gradient = -u[i, t]
                if is_diagonal:
                    gradient += h[i] * c[i, t]
                else:
                    for j in range(k):
                        gradient += h[i * k + j] * c[j, t]
                v[i, t] = c[i, t] - step * gradient
        penalty.prox(v, step, g)
        moved = 0.0
        largest = 0.0
        for i in range(k):
            for t in range(q):
                moved = max(moved, abs(v[i, t] - c[i, t]))
                largest = max(largest, abs(v[i, t]))
                c[i, t] = v[i, t]
        if moved <= _PROX_TOL * largest:
            break
