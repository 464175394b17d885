"""Independent tasks: one after the other, in threads, or spread over a cluster."""

from joblib import effective_n_jobs
from sklearn.utils.parallel import Parallel, delayed
from threadpoolctl import threadpool_limits

from skstruct.streams.executors import joblib_client, one_blas_thread


def run_in_threads(run, tasks, n_jobs):
    """Return ``[run(i, *task)]`` for the i-th of the tasks, over `n_jobs` threads."""
    if effective_n_jobs(n_jobs) == 1:
        return [run(i, *task) for i, task in enumerate(tasks)]
    # One BLAS thread in each worker: more would compete for the same cores.
    with threadpool_limits(limits=1, user_api="blas"):
        # Tasks write into arrays that they share, whatever backend is set around them.
        return Parallel(n_jobs=n_jobs, require="sharedmem")(
            delayed(run)(i, *task) for i, task in enumerate(tasks)
        )


def run_anywhere(run, tasks, n_jobs, on_step, n_steps):
    """Return ``[run(step, *task)]``, over threads or over joblib's Dask cluster.

    Parameters
    ----------
    run : callable
        Shares nothing with others but what it reads. It calls ``step()`` after each of
        its steps.
    tasks : list of tuple
        Further arguments.
    n_jobs : int or None
        Number of threads.
    on_step : callable
        ``on_step(i)`` is called after each step of the i-th task; on a cluster, for all
        of its steps when all tasks have ended.
    n_steps : int
        Steps of a task.
    """
    if joblib_client() is None:
        return run_in_threads(
            lambda i, *task: run(lambda: on_step(i), *task), tasks, n_jobs
        )
    results = Parallel()(delayed(_run_on_worker)(run, *task) for task in tasks)
    for i in range(len(tasks)):
        for _ in range(n_steps):
            on_step(i)
    return results


def _run_on_worker(run, *task):
    with one_blas_thread():
        return run(_silent, *task)


def _silent():
    """Report nothing: the reporter is in another process."""
