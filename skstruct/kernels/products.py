"""Products of a dense X with several vectors in one pass over memory.

BLAS reads X once for one vector, and is compute bound for many; for two to a dozen
vectors its matrix product is up to three times slower than this.
"""

from numba import float64, intp, njit, types

from skstruct.kernels.blocks import JIT

_READONLY = types.Array(float64, 2, "C", readonly=True)
_OUT = types.Array(float64, 2, "C")

# Compiled for read-only X, which writeable X may be used as: one version serves both.


@njit([types.void(_READONLY, _READONLY, _OUT)], **JIT)
def rows_times(X, R, out):
    """Write ``X @ R.T`` into `out`: X is (p, n), R (q, n), out (p, q)."""
    q, n = R.shape
    for j in range(X.shape[0]):
        x = X[j]
        t = 0
        while t + 4 <= q:
            r0, r1, r2, r3 = R[t], R[t + 1], R[t + 2], R[t + 3]
            a0 = a1 = a2 = a3 = 0.0
            for i in range(n):
                a0 += x[i] * r0[i]
                a1 += x[i] * r1[i]
                a2 += x[i] * r2[i]
                a3 += x[i] * r3[i]
            out[j, t], out[j, t + 1], out[j, t + 2], out[j, t + 3] = a0, a1, a2, a3
            t += 4
        while t < q:
            r0 = R[t]
            a0 = 0.0
            for i in range(n):
                a0 += x[i] * r0[i]
            out[j, t] = a0
            t += 1


@njit(
    [types.void(_READONLY, types.Array(intp, 1, "C", readonly=True), _READONLY, _OUT)],
    **JIT,
)
def add_rows(X, used, B, out):
    """Add ``X[used].T @ B`` to `out` transposed: X (p, n), B (k, q), out (q, n)."""
    n = X.shape[1]
    i = 0
    while i + 4 <= used.shape[0]:
        x0, x1, x2, x3 = X[used[i]], X[used[i + 1]], X[used[i + 2]], X[used[i + 3]]
        for t in range(out.shape[0]):
            b0, b1, b2, b3 = B[i, t], B[i + 1, t], B[i + 2, t], B[i + 3, t]
            row = out[t]
            for j in range(n):
                row[j] += b0 * x0[j] + b1 * x1[j] + b2 * x2[j] + b3 * x3[j]
        i += 4
    while i < used.shape[0]:
        x0 = X[used[i]]
        for t in range(out.shape[0]):
            b0 = B[i, t]
            row = out[t]
            for j in range(n):
                row[j] += b0 * x0[j]
        i += 1
