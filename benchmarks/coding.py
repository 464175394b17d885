"""Codes and dictionaries beside scikit-learn and SPAMS: ``-m benchmarks.coding``.

8 x 8 patches of scikit-learn's two sample photographs, their means taken off, all
scaled to variance 1; 256 atoms. CPU seconds of one thread, the least of a few runs;
objectives are computed here, in float64, from codes or dictionary alone. SPAMS
(``pip install spams-bin``) is left out where it is not installed.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.datasets import load_sample_images
from sklearn.decomposition import MiniBatchDictionaryLearning, sparse_encode
from sklearn.feature_extraction.image import extract_patches_2d

from skstruct import GroupSparseCoder, MiniBatchStructuredDictionaryLearning

try:
    import spams
except ImportError:
    spams = None

N_ATOMS, SIZE, ALPHA = 256, 4, 1.0


def patches(n, seed):
    """Return n patches as rows, half from each photograph."""
    rng, rows = np.random.RandomState(seed), []
    for image in load_sample_images().images:
        grey = image.astype(float).mean(axis=2)
        own = extract_patches_2d(grey, (8, 8), max_patches=n // 2, random_state=rng)
        rows.append(own.reshape(len(own), -1))
    X = np.concatenate(rows)
    X -= X.mean(axis=1, keepdims=True)
    return X[rng.permutation(len(X))] / X.std()


def learn(X, epochs):
    """Return a dictionary learnt here."""
    learner = MiniBatchStructuredDictionaryLearning(
        N_ATOMS,
        alpha=ALPHA,
        max_iter=epochs,
        tol=0.0,
        max_no_improvement=None,
        random_state=0,
    )
    return learner.fit(X).components_


def cpu_time(run, repeats):
    """Return the least CPU time of a few runs, and what the last one returned."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        found = run()
        times.append(time.process_time() - start)
    return min(times), found


def value(X, D, codes, penalty):
    """Return the mean objective of codes with penalty "none", "l1" or "l2"."""
    error = 0.5 * np.sum((X - codes @ D) ** 2, axis=1)
    if penalty == "l1":
        error += ALPHA * np.abs(codes).sum(axis=1)
    if penalty == "l2":
        norms = np.linalg.norm(codes.reshape(len(X), -1, SIZE), axis=2)
        error += ALPHA * np.sqrt(SIZE) * norms.sum(axis=1)
    return error.mean()


def ours(X, D, **params):
    """Return a function that codes X."""
    coder = GroupSparseCoder(D, alpha=ALPHA, **params).fit(X[:1])
    coder.transform(X[:50])  # compiles
    return lambda: coder.transform(X)


def coding_runs(X, D):
    """Yield (task, who, penalty, number of signals, function that codes them)."""
    Xf, Df = np.asfortranarray(X.T), np.asfortranarray(D.T)
    few = len(X[:6500])

    def dense(codes):
        return codes.toarray().T

    for k in (5, 10):
        task = f"{k} atoms"
        yield (
            task,
            "omp",
            "none",
            len(X),
            ours(X, D, algorithm="omp", n_nonzero_coefs=k),
        )
        yield (
            task,
            "ormp",
            "none",
            len(X),
            ours(X, D, algorithm="ormp", n_nonzero_coefs=k),
        )
        yield (
            task,
            "scikit-learn omp",
            "none",
            few,
            lambda k=k: sparse_encode(X[:few], D, algorithm="omp", n_nonzero_coefs=k),
        )
        if spams:
            yield (
                task,
                "SPAMS omp (an ormp)",
                "none",
                len(X),
                lambda k=k: dense(spams.omp(Xf, Df, L=k, numThreads=1)),
            )
    for tol in (1e-2, 1e-4):
        name = f"lasso, tol {tol:g}"
        run = ours(X, D, algorithm="lasso", tol=tol)
        yield "lasso", name, "l1", len(X), run
    yield (
        "lasso",
        "scikit-learn cd",
        "l1",
        few,
        lambda: sparse_encode(X[:few], D, algorithm="lasso_cd", alpha=ALPHA),
    )
    if spams:
        yield (
            "lasso",
            "SPAMS lasso",
            "l1",
            len(X),
            lambda: dense(spams.lasso(Xf, Df, lambda1=ALPHA, mode=2, numThreads=1)),
        )
    for tol in (1e-2, 2e-3, 1e-3, 1e-4):
        run = ours(X, D, algorithm="group_lasso", groups=SIZE, tol=tol)
        yield "64 groups of 4", f"group_lasso, tol {tol:g}", "l2", len(X), run
    if spams:
        labels = np.repeat(np.arange(1, N_ATOMS // SIZE + 1), SIZE).astype(np.int32)
        start = np.zeros((N_ATOMS, 1000), order="F")
        for tol in (1e-2, 1e-3):
            yield (
                "64 groups of 4",
                f"SPAMS fistaFlat, tol {tol:g}",
                "l2",
                1000,
                lambda tol=tol: (
                    spams.fistaFlat(
                        np.asfortranarray(Xf[:, :1000]),
                        Df,
                        start,
                        loss="square",
                        regul="group-lasso-l2",
                        groups=labels,
                        lambda1=ALPHA * np.sqrt(SIZE),
                        numThreads=1,
                        max_it=2000,
                        tol=tol,
                        intercept=False,
                    ).T
                ),
            )


def compare_coders(n):
    """Print time per signal and the objective on the first 1,000 signals."""
    D, X = learn(patches(20000, 1), 4), patches(n, 2)
    D /= np.linalg.norm(D, axis=1, keepdims=True)
    print(f"\n{n} signals\n\n| task | coder | us a signal | objective |")
    print("|---|---|---|---|")
    for task, who, penalty, used, run in coding_runs(X, D):
        seconds, codes = cpu_time(run, 1 if "fista" in who or "scikit" in who else 3)
        found = value(X[:1000], D, codes[:1000], penalty)
        print(
            f"| {task} | {who} | {seconds / used * 1e6:.1f} | {found:.6f} |", flush=True
        )


def compare_threads(n):
    """Print how much faster two threads are, in wall time."""
    D, X = learn(patches(20000, 1), 1), patches(n, 2)
    for algorithm in ("omp", "lasso", "group_lasso"):
        walls = []
        for n_jobs in (1, 2):
            run = ours(
                X,
                D,
                algorithm=algorithm,
                groups=SIZE,
                n_nonzero_coefs=10,
                n_jobs=n_jobs,
            )
            best = np.inf
            for _ in range(3):
                start = time.perf_counter()
                run()
                best = min(best, time.perf_counter() - start)
            walls.append(best)
        print(f"{algorithm}: two threads {walls[0] / walls[1]:.2f}x one")


def compare_learners():
    """Print CPU seconds and objective on signals that were not learnt from."""
    X, test = patches(20000, 1), patches(3000, 5)
    Xf = np.asfortranarray(X.T)
    learn(X[:600], 1)  # compiles

    def score(D):
        return value(test, D, ours(test, D, algorithm="lasso")(), "l1")

    def theirs(epochs):
        return MiniBatchDictionaryLearning(
            N_ATOMS,
            alpha=ALPHA,
            max_iter=epochs,
            fit_algorithm="cd",
            tol=0.0,
            max_no_improvement=None,
            random_state=0,
        ).fit(X)

    runs = [("skstruct", e, lambda e=e: learn(X, e)) for e in (1, 2, 4, 8)]
    runs += [("scikit-learn", e, lambda e=e: theirs(e).components_) for e in (1, 2)]
    if spams:
        runs += [
            (
                "SPAMS",
                i // 80,
                lambda i=i: spams.trainDL(
                    Xf,
                    K=N_ATOMS,
                    lambda1=ALPHA,
                    iter=i,
                    mode=2,
                    batchsize=256,
                    numThreads=1,
                    verbose=False,
                ).T.copy(),
            )
            for i in (80, 160, 320, 640)
        ]
    print("\n| learner | epochs | seconds | test objective |\n|---|---|---|---|")
    for who, epochs, run in runs:
        seconds, D = cpu_time(run, 1)
        print(f"| {who} | {epochs} | {seconds:.2f} | {score(D):.4f} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--signals", type=int, nargs="*", default=[6500, 100000])
    parser.add_argument("--skip", nargs="*", default=[])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for n in options.signals:
        compare_coders(n)
    if "threads" not in options.skip:
        compare_threads(100000)
    if "learners" not in options.skip:
        compare_learners()
