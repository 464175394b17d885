"""What a pass over the rows is asked, and what one chunk of rows answers.

A pass is a sum over chunks: ``answer_chunk`` looks at one chunk, and answers add up
with ``+``, in any order. All sums are in float64. One pass answers for many models at
once: those of several alphas, and of several cross-validation folds.

Predictors are ``(x - shift) @ coef + intercept + offset``: the shift, the same row in
all requests, is near the columns' means, so that no digits are lost where means are
far from zero.
"""

from dataclasses import dataclass, fields

import numpy as np

from skstruct.losses.numerics import LONGEST_STEP
from skstruct.solvers.chunk_rows import ChunkRows
from skstruct.solvers.first_look import FirstLook

# Steps of rows that are too short for differences, and the least mean curvature.
_NEAR, _LEAST = 1e-8, 1e-4


@dataclass(frozen=True)
class Point:
    """A model of which the loss and its derivatives are wanted.

    Attributes
    ----------
    coef : (p, q) array
        Coefficients.
    intercept : (q,) array
        Intercept, of the shifted columns.
    fold : int or None
        The rows are those that this fold trains on, ``fold_ids != fold``; None for all
        rows.
    before : (coef, intercept) or None
        The model that a step to this one started from.
    steps : tuple of float
        Shares of that step at which the loss is wanted as well.
    columns : ascending index array or None
        Columns of the wanted Hessian; None for no Hessian.
    reach : float
        Second derivatives are averages over so many times what the step from `before`
        has moved a row, to both sides; 0 for none. Where they jump, a model has to know
        what is near.
    by_part : bool
        Whether the Hessian is wanted apart for the rows that each fold holds out.
    scale : float or None
        Multiple of the gradient at which the loss's conjugate is wanted.
    """

    coef: np.ndarray
    intercept: np.ndarray
    fold: int | None = None
    before: tuple | None = None
    steps: tuple = ()
    columns: np.ndarray | None = None
    reach: float = 0.0
    by_part: bool = False
    scale: float | None = None


@dataclass(frozen=True)
class Points:
    """Asks for one pass: some models.

    Attributes
    ----------
    points : tuple of Point
        The models.
    shift : (p,) array
        What is subtracted from each row of X.
    is_far : bool
        Whether the shift is large beside the columns' deviations.
    n_folds : int
        Number of folds.
    """

    points: tuple
    shift: np.ndarray
    is_far: bool = False
    n_folds: int = 0


@dataclass
class PointAnswer:
    """Weighted sums over rows, for one model; v is the gradient of the loss at f.

    Attributes
    ----------
    losses : (1 + n_steps,) array
        Sum of the loss at the model and at each share of the step to it.
    gradient : (p + 1, q) array
        Sum of v times the shifted columns; v itself in the last row.
    fit : float
        Sum of ``v * f``.
    size : float
        Sum of ``|v| (1 + |f|)``, to which rounding is relative.
    conjugate : float
        Sum of the conjugate at ``scale * v``; 0 where no scale was given.
    hessian : (n_parts, n_pairs, m + 1, m + 1) array or None
        Sum of second derivatives: of the wanted columns, and last of the intercept.
        Pairs are the outputs, or for a joint loss ``(s, t)`` with s <= t. Parts are 0
        for the rows that no fold holds out and k + 1 for those of fold k; without
        `by_part` there is a single one.
    held_out : float
        Sum of the loss over the rows that the fold holds out; 0 without fold.
    confusion : (2, k, k) array or None
        For k classes, how many of those rows, and of what weight, are of one class
        and classified as another; None without fold, or without classes.
    """

    losses: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray | None
    confusion: np.ndarray | None
    held_out: float = 0.0
    fit: float = 0.0
    size: float = 0.0
    conjugate: float = 0.0

    def __add__(self, other):
        """Add the sums over other rows."""
        sums = {}
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            sums[name] = None if value is None else value + getattr(other, name)
        return PointAnswer(**sums)


@dataclass(frozen=True)
class Answers:
    """What a pass answers to `Points`; adds up over chunks with ``+``.

    Attributes
    ----------
    points : tuple of PointAnswer
        One for each model, in the order of the request.
    """

    points: tuple

    def __add__(self, other):
        """Add the answers of other rows."""
        pairs = zip(self.points, other.points, strict=True)
        return Answers(tuple(a + b for a, b in pairs))


def answer_chunk(X, y, weights, offset, fold_ids, loss, request):
    """Answer a request for one chunk of rows.

    Parameters
    ----------
    X : (n, p) ndarray or CSR matrix
        Rows, float64 or float32 and in any memory order; finite.
    y : (n, q) float64 array
        Responses, encoded as the loss wants them.
    weights : (n,) float64 array or None
        Sample weights, nonnegative and as the user gave them; None for ones.
    offset : (n, q) float64 array or None
        Known part of the linear predictor.
    fold_ids : (n,) integer array or None
        Which fold holds a row out, -1 for none; None without folds.
    loss : Loss
        A smooth one.
    request : FirstLook or Points
        What to answer.

    Returns
    -------
    FirstSight or Answers
        Sums over the rows of the chunk.
    """
    weights = np.ones(len(y)) if weights is None else weights
    if isinstance(request, FirstLook):
        return request.of_chunk(X, y, weights, offset, fold_ids, loss)
    chunk_pass = _ChunkPass(X, y, weights, offset, fold_ids, loss, request)
    return chunk_pass.run()


class _ChunkPass:
    """The sums over one chunk, for all points of a request."""

    def __init__(self, X, y, weights, offset, fold_ids, loss, request):
        self.rows = ChunkRows(X, request.shift, request.is_far)
        self.y, self.weights, self.offset = y, weights, offset
        self.fold_ids, self.loss = fold_ids, loss
        self.points = request.points
        self.q = y.shape[1]
        self._stack(X.shape[1])
        n_parts = request.n_folds + 1
        self.answers = [self._nothing(point, n_parts) for point in self.points]
        self.gradients = np.zeros((len(self.points) * self.q, X.shape[1]))
        self._scratch = None

    def _stack(self, p):
        """Put the models side by side, in the features that any of them uses."""
        models, self.own, self.start = [], [], []
        for point in self.points:
            self.own.append(len(models))
            models.append((point.coef, point.intercept))
            if point.before is not None:
                models.append(point.before)
        coefs = np.concatenate([coef for coef, _ in models], axis=1)
        is_used = coefs.any(axis=1)
        for point in self.points:
            if point.columns is not None:
                is_used[point.columns] = True
        self.features = np.flatnonzero(is_used)
        intercepts = np.concatenate([intercept for _, intercept in models])
        self.models = np.vstack([coefs[self.features], intercepts])
        position = np.zeros(p, dtype=np.intp)
        position[self.features] = np.arange(len(self.features))
        last = [len(self.features)]
        self.columns = [
            None if c is None else np.concatenate([position[c], last])
            for c in (point.columns for point in self.points)
        ]

    def _nothing(self, point, n_parts):
        hessian = None
        if point.columns is not None:
            width = len(point.columns) + 1
            n_pairs = self.q * (self.q + 1) // 2 if self.loss.is_joint else self.q
            parts = n_parts if point.by_part else 1
            hessian = np.zeros((parts, n_pairs, width, width))
        confusion = None
        if point.fold is not None and self.loss.is_for_classes:
            k = max(self.q, 2)
            confusion = np.zeros((2, k, k))
        return PointAnswer(
            losses=np.zeros(1 + len(point.steps)),
            gradient=np.zeros((len(point.coef) + 1, self.q)),
            hessian=hessian,
            confusion=confusion,
        )

    def scaled(self, A, factors):
        """Return the rows of A times factors, in memory that the next call reuses."""
        if self._scratch is None or self._scratch.size < A.size:
            self._scratch = np.empty(A.size)  # new pages cost as much as the product
        order = "C" if A.flags.c_contiguous else "F"
        out = self._scratch[: A.size].reshape(A.shape, order=order)
        return np.multiply(A, factors[:, None], out=out)

    def run(self):
        """Return the answers."""
        for rows, Z, part in self.rows.blocks(self.features):
            block = _Block(self, rows, Z)
            V = np.empty((len(self.points) * self.q, len(Z)))
            for r in range(len(self.points)):
                V[r * self.q : (r + 1) * self.q] = block.add(r).T
            self.gradients += self.rows.tdot(V, part)
            sums = V.sum(axis=1)
            for r, answer in enumerate(self.answers):
                answer.gradient[-1] += sums[r * self.q : (r + 1) * self.q]
        for r, answer in enumerate(self.answers):
            answer.gradient[:-1] = self.gradients[r * self.q : (r + 1) * self.q].T
        return Answers(tuple(self.answers))


class _Block:
    """A few rows, for which all points are looked at one after the other."""

    def __init__(self, chunk, rows, Z):
        self.chunk, self.loss, self.q = chunk, chunk.loss, chunk.q
        self.Z = Z
        self.y, self.weights = chunk.y[rows], chunk.weights[rows]
        self.offset = None if chunk.offset is None else chunk.offset[rows]
        self.fold_ids = None if chunk.fold_ids is None else chunk.fold_ids[rows]
        self.F = chunk.models.T @ Z.T
        if self.offset is not None:
            self.F += np.tile(self.offset.T, (len(self.F) // self.q, 1))
        self.training = {None: self.weights}

    def add(self, r):
        """Add the sums of point r but for its gradient; return its weighted slopes."""
        point, answer = self.chunk.points[r], self.chunk.answers[r]
        loss, y, w = self.loss, self.y, self._training(point.fold)
        own = self.chunk.own[r]
        f = self._predictors(own)
        slope = loss.gradient(y, f)
        weighted = w[:, None] * slope
        answer.losses[0] += loss.value(y, f, w)
        before = None
        if point.before is not None:
            before = self._predictors(own + 1)
            for s, share in enumerate(point.steps, 1):
                at = before + share * (f - before)
                answer.losses[s] += loss.value(y, at, w)
        answer.fit += float(np.vdot(weighted, f))
        answer.size += float(np.vdot(np.abs(weighted), 1 + np.abs(f)))
        if point.scale is not None:
            answer.conjugate += loss.conjugate(y, point.scale * slope, w)
        if answer.hessian is not None:
            far = point.reach * np.abs(f - before) if point.reach else None
            self._add_hessian(answer.hessian, r, f, far, w)
        if point.fold is not None:
            self._add_held_out(answer, f, np.flatnonzero(self.fold_ids == point.fold))
        return weighted

    def _predictors(self, model):
        return self.F[model * self.q : (model + 1) * self.q].T

    def _training(self, fold):
        """Return the weights of the rows that a fold trains on; 0 for all others."""
        if fold not in self.training:
            self.training[fold] = self.weights * (self.fold_ids != fold)
        return self.training[fold]

    def _add_held_out(self, answer, f, rows):
        y, f, w = self.y[rows], f[rows], self.weights[rows]
        answer.held_out += self.loss.value(y, f, w)
        if answer.confusion is None:
            return
        k = answer.confusion.shape[1]
        if self.loss.is_joint:
            pairs = k * y.argmax(axis=1) + f.argmax(axis=1)
        else:
            pairs = k * (y[:, 0] > 0) + (f[:, 0] > 0)
        for sums, values in zip(answer.confusion, (None, w), strict=True):
            sums += np.bincount(pairs, values, k * k).reshape(k, k)

    def _add_hessian(self, hessian, r, f, far, w):
        columns = self.chunk.columns[r]
        A = self.Z
        if len(columns) < A.shape[1]:
            A = A.take(columns, axis=1)
        curvatures = self._curvatures(f, far)
        for part, rows in self._parts(len(hessian) > 1):
            own = A[rows]
            for pair, curvature in enumerate(curvatures[:, rows]):
                weighted = w[rows] * curvature
                if curvature.min(initial=0.0) >= 0:
                    scaled = self.chunk.scaled(own, np.sqrt(weighted))
                    hessian[part, pair] += scaled.T @ scaled
                else:
                    hessian[part, pair] += own.T @ self.chunk.scaled(own, weighted)

    def _parts(self, is_wanted):
        if not is_wanted or self.fold_ids is None:
            return [(0, slice(None))]
        parts = np.unique(self.fold_ids) + 1
        if len(parts) == 1:
            return [(parts[0], slice(None))]
        return [(k, np.flatnonzero(self.fold_ids == k - 1)) for k in parts]

    def _curvatures(self, f, far):
        """Return second derivatives (n_pairs, b), raised where Newton could not go."""
        loss, y = self.loss, self.y
        curvature = loss.curvature(y, f)
        if far is not None:
            change = loss.gradient(y, f + far) - loss.gradient(y, f - far)
            mean = np.divide(change, 2 * far, out=np.zeros_like(f), where=far > _NEAR)
            curvature = np.where(far > _NEAR, np.maximum(mean, _LEAST), curvature)
        if not loss.is_joint:
            return curvature.T
        H = loss.hessian(y, f)
        diagonal = np.arange(self.q)
        least = np.abs(loss.gradient(y, f)) / LONGEST_STEP
        H[:, diagonal, diagonal] = np.maximum(H[:, diagonal, diagonal], least)
        return np.array([H[:, s, t] for s in diagonal for t in diagonal[s:]])
