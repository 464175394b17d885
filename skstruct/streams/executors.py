"""Where the chunks of a pass are computed: in threads of this process, or by Dask.

An executor maps ``task(part)`` over parts and adds up the results. It knows nothing of
what they are. Each task has one BLAS thread, so that results are the same everywhere.
"""

from collections import deque
from concurrent.futures import ThreadPoolExecutor

from joblib import effective_n_jobs
from joblib.parallel import get_active_backend
from threadpoolctl import ThreadpoolController, threadpool_info

from skstruct.streams.reduce import added, tree_sum


def make_executor(is_dask, n_jobs):
    """Return the executor that this process is set up for.

    Parameters
    ----------
    is_dask : bool
        Whether parts are held by Dask.
    n_jobs : int or None
        Number of threads; None for what joblib is configured to, or else for as many
        as BLAS would use.
    """
    client = joblib_client()
    configured = get_active_backend()[1]
    if is_dask or client is not None:
        return DaskGraph(client)
    if n_jobs is None and configured == 1:
        return Threads(_n_blas_threads())
    return Threads(effective_n_jobs(configured if n_jobs is None else n_jobs))


def joblib_client():
    """Return the Dask client that joblib is configured to use, None if it is not."""
    return getattr(get_active_backend()[0], "client", None)


def _n_blas_threads():
    sizes = [
        pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"
    ]
    return max(sizes, default=1)


def one_blas_thread():
    """Return a context in which BLAS uses one thread."""
    return ThreadpoolController().limit(limits=1, user_api="blas")


class Threads:
    """Computes chunks in threads, a few more read ahead; adds them in this one."""

    def __init__(self, n_threads):
        self.n_threads = max(1, n_threads)

    def sum(self, task, parts):
        """Return the sum of ``task.run(part)`` over parts."""
        with one_blas_thread():
            return tree_sum(
                self._results(task.run, parts),
                start=lambda term: term,
                join=lambda node, term: node + term,
                close=lambda node: node,
            )

    def _results(self, run, parts):
        if self.n_threads == 1:
            yield from map(run, parts)
            return
        waiting = deque()
        with ThreadPoolExecutor(self.n_threads) as pool:
            try:
                for part in parts:
                    waiting.append(pool.submit(run, part))
                    if len(waiting) > self.n_threads:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()


class DaskGraph:
    """Has Dask compute the chunks and their sum, which alone comes back.

    Parameters
    ----------
    client : distributed.Client or None
        Where; None for the scheduler that Dask is set up for.
    """

    def __init__(self, client=None):
        self.client = client

    def sum(self, task, parts):
        """Return the sum of ``task.run(part)`` over parts."""
        from dask import delayed

        run, add = delayed(run_on_worker, pure=False), delayed(added, pure=False)
        task = delayed(task, pure=False, traverse=False)
        total = tree_sum(
            (run(task, part.bare(), *part.pieces) for part in parts),
            start=lambda term: [term],
            join=lambda node, term: [*node, term],
            close=lambda node: node[0] if len(node) == 1 else add(node),
        )
        if total is None:
            return None
        client = self.client or _current_client()
        if client is None:
            with one_blas_thread():
                return total.compute()
        future = client.compute(total)
        try:
            return future.result()
        except BaseException:  # an interrupt too
            client.cancel(future, force=True)
            raise


def _current_client():
    """Return the distributed client that Dask would use, if it would use one."""
    from dask.base import get_scheduler

    owner = getattr(get_scheduler(), "__self__", None)
    return owner if hasattr(owner, "cancel") else None


def run_on_worker(task, part, *pieces):
    """Run a task on a part whose pieces Dask has brought."""
    with one_blas_thread():
        return task.run(part.holding(pieces))
