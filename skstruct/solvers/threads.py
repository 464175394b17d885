"""Independent tasks, one after the other or in threads."""

from joblib import effective_n_jobs
from sklearn.utils.parallel import Parallel, delayed
from threadpoolctl import threadpool_limits


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
