"""Rows past memory: passes, seconds, bytes: ``-m benchmarks.streams PART ...``.

One thread (``OMP_NUM_THREADS=1``), CPU seconds, the least of a few runs where it says
so; ratios are to numpy's ``X.T @ X`` of the same chunks in the same run. Memory is the
growth of anonymous memory, sampled every few milliseconds; pages of the file that are
mapped do not count. ``--rows`` and ``--folder`` say how large files are and where.
"""

import argparse
import ctypes
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from skstruct import GroupLasso, GroupLassoClassifier, GroupLassoCV

SIZE = 10  # features in a group
STEP = 20_000  # rows in a chunk of 200 columns
FOLDER = Path(tempfile.gettempdir()) / "skstruct-streams"  # files stay for more runs


class Watch:
    """CPU and wall seconds, and the growth of anonymous memory in MB."""

    def __enter__(self):
        ctypes.CDLL("libc.so.6").malloc_trim(0)  # what was freed is not counted
        self._over, self.peak, self._start = threading.Event(), 0.0, _anonymous()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        self._cpu, self._wall = time.process_time(), time.perf_counter()
        return self

    def __exit__(self, *error):
        self.cpu = time.process_time() - self._cpu
        self.wall = time.perf_counter() - self._wall
        self._over.set()
        self._thread.join()

    def _look(self):
        while not self._over.is_set():
            self.peak = max(self.peak, _anonymous() - self._start)
            time.sleep(0.005)


def _anonymous():
    with open("/proc/self/status", encoding="ascii") as status:
        (line,) = (one for one in status if one.startswith("RssAnon"))
    return int(line.split()[1]) / 1024


def coefficients(p):
    """Return coefficients of which a tenth of the groups is not zero."""
    coef = np.zeros(p)
    rng = np.random.default_rng(7)
    for g in rng.choice(p // SIZE, max(p // SIZE // 10, 1), replace=False):
        coef[g * SIZE : (g + 1) * SIZE] = rng.normal(size=SIZE) / np.sqrt(SIZE)
    return coef


def write(folder, n, p):
    """Write X.npy and y of each kind, chunk by chunk, unless they are there."""
    path = folder / f"X{n}x{p}.npy"
    targets = folder / f"y{n}x{p}.npz"
    if not targets.exists():
        X = np.lib.format.open_memmap(path, "w+", np.float64, (n, p))
        rng, coef = np.random.default_rng(0), coefficients(p)
        eta = np.empty(n)
        for i in range(0, n, STEP):
            own = rng.normal(size=(min(STEP, n - i), p))
            own[:, 1:] += 0.5 * own[:, :-1]
            X[i : i + STEP] = own
            eta[i : i + STEP] = own @ coef
        X.flush()
        np.savez(
            targets,
            number=eta + rng.normal(size=n),
            label=(rng.uniform(size=n) < 1 / (1 + np.exp(-eta))).astype(int),
            count=rng.poisson(np.exp(np.clip(eta / 4, -5, 3))).astype(float),
        )
    return path, dict(np.load(targets))


def bare(path):
    """Return seconds of numpy's product of X with itself, chunk by chunk."""
    X = np.load(path, mmap_mode="r")
    total = np.zeros((X.shape[1],) * 2)
    start = time.process_time()
    for i in range(0, len(X), STEP):
        chunk = X[i : i + STEP]
        total += chunk.T @ chunk
    return time.process_time() - start


def squared(folder, n, p, repeats=3):
    """Squared error: a pass, and cross-validation, beside the bare product."""
    path, y = write(folder, n, p)
    head = folder / "head.npy"
    np.save(head, np.load(path, mmap_mode="r")[: 10 * p])
    model = GroupLasso(alpha=0.05, groups=SIZE)
    cv = GroupLassoCV(groups=SIZE, alphas=100, cv=5, n_jobs=1)
    for one in (model, cv):  # compiles
        one.fit(head, y["number"][: 10 * p])
    print(
        "| | CPU s | times the product | passes | anonymous MB |\n|---|---|---|---|---|"
    )
    best = {}
    for _ in range(repeats):
        seconds = bare(path)
        runs = {"numpy, X.T @ X by chunks": (seconds, 0, 0)}
        for name, one in (("GroupLasso", model), ("5 folds x 100 alphas", cv)):
            with Watch() as watch:
                one.fit(path, y["number"])
            runs[name] = watch.cpu, one.n_passes_, watch.peak
        for name, run in runs.items():
            best[name] = min(best.get(name, run), run, key=lambda one: one[0])
    product = best["numpy, X.T @ X by chunks"][0]
    for name, (cpu, passes, peak) in best.items():
        print(f"| {name} | {cpu:.2f} | {cpu / product:.2f} | {passes} | {peak:.0f} |")


def largest_alpha(path, y, loss):
    """Return the alpha at which all is zero, from the gradient at the mean."""
    X, total = np.load(path, mmap_mode="r"), 0.0
    rest = y - y.mean()
    for i in range(0, len(X), STEP):
        total = total + rest[i : i + STEP] @ X[i : i + STEP]
    norms = np.linalg.norm((total / len(X)).reshape(-1, SIZE), axis=1)
    return norms.max() / np.sqrt(SIZE)


def curved(folder, n, p):
    """Logistic and Poisson: passes to 1e-6 from nothing. One fit of many rows."""
    path, y = write(folder, n, p)
    print("| | passes | gap / null loss asked | CPU s | wall s | anonymous MB |")
    print("|---|---|---|---|---|---|")
    kinds = {
        "logistic": (GroupLassoClassifier, {}, "label"),
        "Poisson": (GroupLasso, {"loss": "poisson"}, "count"),
    }
    shares = (0.3, 0.05, 0.005)
    if n > 1_000_000:
        kinds, shares = {"logistic": kinds["logistic"]}, (0.05,)
    for name, (cls, params, target) in kinds.items():
        top = largest_alpha(path, y[target].astype(float), name)
        for share in shares:
            model = cls(alpha=share * top, groups=SIZE, tol=1e-6, **params)
            with Watch() as watch:
                model.fit(path, y[target])
            print(
                f"| {name}, alpha_max x {share} | {model.n_passes_} | 1e-6 | "
                f"{watch.cpu:.1f} | {watch.wall:.1f} | {watch.peak:.0f} |",
                flush=True,
            )


def curved_paths(folder, n, p):
    """Count the passes of paths of 20 alphas, with and without 5 folds."""
    from skstruct import GroupLassoClassifierCV, group_lasso_path

    path, y = write(folder, n, p)
    print("| | passes | CPU s | anonymous MB |\n|---|---|---|---|")
    reads = CountedReads(path, y["count"])
    with Watch() as watch:
        group_lasso_path(
            reads, groups=SIZE, loss="poisson", alphas=20, eps=0.01, tol=1e-6
        )
    print(
        f"| Poisson, 20 alphas | {reads.n_passes:.0f} | {watch.cpu:.1f} | "
        f"{watch.peak:.0f} |",
        flush=True,
    )
    model = GroupLassoClassifierCV(groups=SIZE, alphas=20, eps=0.01, cv=5, tol=1e-4)
    with Watch() as watch:
        model.fit(path, y["label"])
    print(
        f"| logistic, 20 alphas x 5 folds | {model.n_passes_} | {watch.cpu:.1f} | "
        f"{watch.peak:.0f} |",
        flush=True,
    )


class CountedReads:
    """Chunks of a file and its responses, which count their passes."""

    def __init__(self, path, y):
        self.path, self.y, self.n_passes = path, y, -1  # the first is a look

    def __iter__(self):
        self.n_passes += 1
        X = np.load(self.path, mmap_mode="r")
        for i in range(0, len(X), STEP):
            yield X[i : i + STEP], self.y[i : i + STEP]


class Made:
    """A chunk that is made when it is needed: one block of rows, other responses."""

    block = None

    def __init__(self, k, rows, p):
        self.k, self.rows, self.p = k, rows, p

    def __call__(self):
        """Return the chunk."""
        shape = self.rows, self.p
        if Made.block is None or Made.block.shape != shape:
            Made.block = np.random.default_rng(0).normal(size=shape)
        noise = np.random.default_rng(self.k).normal(size=self.rows)
        return Made.block, Made.block @ coefficients(self.p) + noise


def growth(n, p):
    """Time and memory by the number of rows, made chunk by chunk."""
    rows = max(p, 32_000_000 // (8 * p))
    print("| rows x columns | CPU s | rows / s | anonymous MB |\n|---|---|---|---|")
    GroupLasso(alpha=0.05, groups=SIZE).fit([Made(k, rows, p) for k in range(9)])
    total = min(n, 100_000)
    while total <= n:
        source = [Made(k, rows, p) for k in range(-(-total // rows))]
        model = GroupLasso(alpha=0.05, groups=SIZE)
        with Watch() as watch:
            model.fit(source)
        total = rows * len(source)
        print(
            f"| {total:,} x {p} | {watch.cpu:.2f} | {total / watch.cpu:,.0f} | "
            f"{watch.peak:.0f} |",
            flush=True,
        )
        total *= 10


def wide(n, p):
    """More columns than a Gram matrix of all is kept of: squared error in passes."""
    rows = 1000
    source = [Made(k, rows, p) for k in range(-(-n // rows))]
    print("| | passes | CPU s | anonymous MB | nonzero |\n|---|---|---|---|---|")
    GroupLasso(alpha=1.0, groups=SIZE).fit(source[:2])
    with Watch() as product:
        for make in source:
            X = make()[0]
            X.T @ (X @ np.ones(p))
    print(f"| rows made, and numpy's X'(Xb) | 1 | {product.cpu:.1f} | - | - |")
    for alpha in (0.35, 0.25, 0.15):
        model = GroupLasso(alpha=alpha, groups=SIZE, tol=1e-6)
        with Watch() as watch:
            model.fit(source)
        print(
            f"| GroupLasso, alpha {alpha} | {model.n_passes_} | {watch.cpu:.1f} | "
            f"{watch.peak:.0f} | {np.count_nonzero(model.coef_)} |",
            flush=True,
        )


def main():
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parts = ("squared", "curved", "paths", "growth", "wide")
    parser.add_argument("parts", nargs="+", choices=parts)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=200)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    args = parser.parse_args()
    args.folder.mkdir(exist_ok=True)
    known = {
        "squared": squared,
        "curved": curved,
        "paths": curved_paths,
    }
    for part in args.parts:
        print(f"\n## {part}, {args.rows:,} x {args.columns}\n", flush=True)
        if part in ("growth", "wide"):
            {"growth": growth, "wide": wide}[part](args.rows, args.columns)
        else:
            known[part](args.folder, args.rows, args.columns)


if __name__ == "__main__":
    main()
