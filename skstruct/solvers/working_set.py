"""The groups that the solver works on, and the state of its iterates.

The working set holds, for the groups admitted so far, their columns in penalised
coordinates (`scaling`), their curvature, their coefficients ``C`` (m, q), and the
residuals. It only grows. Dense data are held as rows ``Z`` (m, n), and while they are
few as their Gram matrix too: a sweep then costs m instead of n an entry.
"""

import numpy as np

from skstruct.kernels.sweeps import gradients, sweep
from skstruct.penalties.norms import group_norms
from skstruct.solvers.scaling import block_bases

# The Gram matrix pays while the working set is narrower than this share of n.
_GRAM_SHARE = 0.6


class Blocks:
    """Bookkeeping of the admitted groups: which, where, and their curvature."""

    def __init__(self, n_groups, weights):
        self.all_weights = weights
        self.is_member = np.zeros(n_groups, dtype=bool)
        self.groups = np.empty(0, dtype=np.intp)
        self.transforms = []
        self.ptr = np.zeros(1, dtype=np.int64)
        self.h = np.empty(0)
        self.h_ptr = np.zeros(1, dtype=np.int64)
        self.lipschitz = np.empty(0)

    @property
    def weights(self):
        """Weights of the admitted groups, in their order here."""
        return self.all_weights[self.groups]

    def append(self, groups, transforms, curvatures, lipschitz):
        """Admit groups with their transforms (k, r) and flat curvatures."""
        self.is_member[groups] = True
        self.groups = np.concatenate([self.groups, groups])
        self.transforms += transforms
        ranks = [T.shape[1] for T in transforms]
        self.ptr = np.concatenate([self.ptr, self.ptr[-1] + np.cumsum(ranks)])
        sizes = [len(h) for h in curvatures]
        self.h = np.concatenate([self.h, *curvatures])
        self.h_ptr = np.concatenate([self.h_ptr, self.h_ptr[-1] + np.cumsum(sizes)])
        self.lipschitz = np.concatenate([self.lipschitz, lipschitz])


class DenseStore:
    """Columns of the working set as rows Z (m, n), with residuals or gradients.

    ``R`` is what sweeps keep up to date: the residuals (q, n), or, while the Gram
    matrix is in use, the gradients ``Z r`` (q, m).
    """

    def __init__(self, Y):
        self.Y = Y
        self.YY = float(np.einsum("tj,tj->", Y, Y))
        self.Z = np.empty((0, Y.shape[1]))
        self.ZY = np.empty((len(Y), 0))
        self.gram = np.empty((0, 0))
        self.R = self.ZY.copy()

    @property
    def is_gram(self):
        """Whether sweeps run on the Gram matrix."""
        return self.gram is not None

    def append(self, rows, C):
        """Add rows (k, n); C (m, q) are the coefficients of those already here."""
        m, k = len(self.Z), len(rows)
        self.Z = _grown(self.Z, (m + k, rows.shape[1]))
        self.Z[m:] = rows
        self.ZY = np.concatenate([self.ZY, self.Y @ rows.T], axis=1)
        if not self.is_gram:
            return
        if m + k > _GRAM_SHARE * rows.shape[1]:
            self.drop_gram()
        else:
            self.gram = _grown(self.gram, (m + k, m + k))
            self.gram[m:] = rows @ self.Z.T
            self.gram[:m, m:] = self.gram[m:, :m].T
        self.refresh(np.concatenate([C, np.zeros((k, C.shape[1]))]))

    def drop_gram(self):
        """Go on with residuals: the Gram matrix has grown too wide, or too coarse."""
        self.gram = None

    def refresh(self, C):
        """Recompute R from the coefficients, without the rounding of updates."""
        used = np.flatnonzero(C.any(axis=1))
        if self.is_gram:
            self.R = self.ZY - C[used].T @ self.gram[used]
        else:
            self.R = self.Y - C[used].T @ self.Z[used]

    def sweep(self, blocks, C, penalty, order, n_sweeps, tol):
        """Run sweeps over the blocks in `order`; see `kernels.sweeps.sweep`."""
        return sweep(
            self.gram if self.is_gram else self.Z,
            self.is_gram,
            self.R,
            C,
            blocks.ptr,
            blocks.h,
            blocks.h_ptr,
            blocks.lipschitz,
            penalty,
            order,
            n_sweeps,
            tol,
        )

    def gradient(self, ptr, live):
        """Return ``Z r``, (m, q), for the live groups; with residuals, 0 elsewhere."""
        if self.is_gram:
            return self.R.T
        out = np.zeros((len(self.Z), len(self.R)))
        gradients(self.Z, self.R, ptr, live, out)
        return out

    def residual(self, C):
        """Return the residuals, (n, q)."""
        if not self.is_gram:
            return self.R.T
        used = np.flatnonzero(C.any(axis=1))
        return (self.Y - C[used].T @ self.Z[used]).T

    def moments(self, C):
        """Return ``r'r`` and ``y'r`` at coefficients C and the current R."""
        if self.is_gram:
            fit = float(np.einsum("tj,jt->", self.ZY, C))
            yr = self.YY - fit
            return max(yr - float(np.einsum("tj,jt->", self.R, C)), 0.0), yr
        return (
            float(np.einsum("tj,tj->", self.R, self.R)),
            float(np.einsum("tj,tj->", self.Y, self.R)),
        )


def _grown(array, shape):
    """Return `array` enlarged to `shape`, its buffer reused while there is room."""
    buffer = array.base if array.base is not None else array
    if any(have < want for have, want in zip(buffer.shape, shape, strict=True)):
        capacity = tuple(
            max(want, have if have == want else min(2 * have, 2 * want))
            for have, want in zip(buffer.shape, shape, strict=True)
        )
        buffer = np.empty(capacity)
        buffer[tuple(slice(s) for s in array.shape)] = array
    return buffer[tuple(slice(s) for s in shape)]


def best_scaled_dual(rr, yr, polar, alpha):
    """Return the best dual value among feasible multiples of the residual.

    The dual of the squared error is ``y'v - |v|^2 / 2`` over ``polar(Z'v) <= alpha``.

    Parameters
    ----------
    rr, yr : float
        ``r'r`` and ``y'r``.
    polar : float
        Largest polar of ``Z'r`` over the groups.
    alpha : float
        Bound on the polar.
    """
    if rr <= 0.0:
        return 0.0
    scale = max(yr / rr, 0.0)
    if polar * scale > alpha:
        scale = alpha / polar
    return scale * yr - 0.5 * scale**2 * rr


class WorkingSet:
    """Admitted groups with their coefficients C (m, q) and their store."""

    def __init__(self, design, Y, penalty):
        self.design = design
        self.penalty = penalty
        self.blocks = Blocks(design.layout.n_groups, design.layout.weights)
        self.store = DenseStore(np.ascontiguousarray(Y.T))
        self.C = np.zeros((0, Y.shape[1]))

    def admit(self, groups):
        """Bring groups in, their coefficients zero."""
        groups = groups[~self.blocks.is_member[groups]]
        if len(groups) == 0:
            return
        rows, transforms, curvatures, lipschitz = self._penalised_rows(groups)
        self.blocks.append(groups, transforms, curvatures, lipschitz)
        self.store.append(rows, self.C)
        self.C = np.concatenate([self.C, np.zeros((len(rows), self.C.shape[1]))])

    def _penalised_rows(self, groups):
        design, layout = self.design, self.design.layout
        features = layout.features_of(groups)
        rows = design.rows(features)
        if design.scale is not None:
            rows /= design.scale[features, None]
        ends = np.cumsum(layout.sizes[groups])
        parts = np.split(rows, ends[:-1])
        scales = [None] * len(groups)
        if design.scale is not None:
            scales = np.split(design.scale[features], ends[:-1])
        if self.penalty.is_rotation_invariant:
            return self._rotated(parts, scales)
        curvatures = [part @ part.T for part in parts]
        lipschitz = [np.linalg.norm(H, 2) for H in curvatures]
        transforms = [
            np.eye(len(part)) if s is None else np.diag(1.0 / s)
            for part, s in zip(parts, scales, strict=True)
        ]
        return rows, transforms, [H.ravel() for H in curvatures], lipschitz

    def _rotated(self, parts, scales):
        whiten = self.design.scaling == "groups"
        out, transforms, curvatures = [], [], []
        for part, s, (V, eigenvalues) in zip(
            parts, scales, block_bases(parts), strict=True
        ):
            T = V / np.sqrt(eigenvalues) if whiten else V
            out.append(T.T @ part)
            transforms.append(T if s is None else T / s[:, None])
            curvatures.append(np.ones_like(eigenvalues) if whiten else eigenvalues)
        lipschitz = [h[-1] if len(h) else 0.0 for h in curvatures]
        return np.concatenate(out), transforms, curvatures, lipschitz

    def norms(self):
        """Return the norm of each admitted group's coefficients."""
        return group_norms(self.C, self.blocks.ptr)

    def penalty_value(self, C):
        """Return ``sum_g penalty_g(C_g)``."""
        blocks = self.blocks
        return float(np.sum(self.penalty.values(C, blocks.ptr, blocks.weights)))

    def objective(self, alpha):
        """Return the objective at the current iterate."""
        rr, _ = self.store.moments(self.C)
        return 0.5 * rr + alpha * self.penalty_value(self.C)

    def gap(self, alpha, live):
        """Look at the gradients of the live groups.

        Returns
        -------
        gap : float
            Duality gap of the problem restricted to them.
        wanted : integer array
            Those of which zero would not be optimal.
        """
        blocks = self.blocks
        gradient = self.store.gradient(blocks.ptr, live)
        polar = self.penalty.polar(gradient, blocks.ptr, blocks.weights)
        rr, yr = self.store.moments(self.C)
        dual = best_scaled_dual(rr, yr, polar.max(initial=0.0), alpha)
        gap = 0.5 * rr + alpha * self.penalty_value(self.C) - dual
        return gap, np.flatnonzero((polar > alpha) | (blocks.weights == 0))

    def coef(self, C):
        """Return coefficients (p, q) of the features for C in penalised coordinates."""
        layout, blocks = self.design.layout, self.blocks
        out = np.zeros((layout.n_features, C.shape[1]))
        for g, T, start, end in zip(
            blocks.groups, blocks.transforms, blocks.ptr, blocks.ptr[1:], strict=False
        ):
            block = C[start:end]
            if block.any():
                out[layout.indices[layout.ptr[g] : layout.ptr[g + 1]]] = T @ block
        return out
