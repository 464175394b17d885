"""Sums over batches: products in single, sums in double precision."""

import numpy as np
import torch

MANY = 2048  # rows that are multiplied at once


class Moments:
    """Gram matrix and cross products of inputs X and targets Z, batch by batch.

    Memory depends on the number of columns only.
    """

    def __init__(self):
        self.n_rows, self._shift, self._waiting = 0, None, []

    def add(self, X, Z):
        """Add rows X (n, d) and Z (n, q), tensors."""
        self._waiting.append((X, Z))
        if sum(len(X) for X, _ in self._waiting) >= MANY:
            self._multiply()

    def _multiply(self):
        X, Z = map(torch.cat, zip(*self._waiting, strict=True))
        self._waiting = []
        if self._shift is None:
            # Near the means, so that nothing cancels when they are taken off.
            self._shift = X.mean(dim=0), Z.mean(dim=0)
            d, q = X.shape[1], Z.shape[1]
            self._sums = np.zeros(d), np.zeros(q)
            self._gram, self._cross = np.zeros((d, d)), np.zeros((d, q))
            self._energy = np.zeros((q, q))
        X, Z = X - self._shift[0], Z - self._shift[1]
        self.n_rows += len(X)
        for total, part in zip(
            (*self._sums, self._gram, self._cross, self._energy),
            (X.sum(dim=0), Z.sum(dim=0), X.T @ X, X.T @ Z, Z.T @ Z),
            strict=True,
        ):
            total += part.double().cpu().numpy()

    def centred(self):
        """Return (means of X, means of Z, Gram, cross products, Z'Z), centred."""
        if self._waiting:
            self._multiply()
        x, z = (total / self.n_rows for total in self._sums)
        gram = self._gram - self.n_rows * np.outer(x, x)
        cross = self._cross - self.n_rows * np.outer(x, z)
        energy = self._energy - self.n_rows * np.outer(z, z)
        shift = [part.double().cpu().numpy() for part in self._shift]
        return x + shift[0], z + shift[1], gram, cross, energy
