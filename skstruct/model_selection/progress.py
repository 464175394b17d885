"""Tells scikit-learn's callbacks how far fits along many paths have come."""


class Progress:
    """Tells callbacks of each alpha of each of `names`, which are paths in turn."""

    def __init__(self, estimator, X, y, names, n_alphas):
        self.estimator, self.X, self.y, self.names = estimator, X, y, names
        self.root = estimator._init_callback_context(
            max_subtasks=len(names), sequential_subtasks=False
        )
        self.root.call_on_fit_task_begin(estimator=estimator, X=X, y=y)
        self.n_alphas = n_alphas
        self.done = [0] * len(names)
        self.contexts = [None] * len(names)

    def step(self, path):
        """Report one more alpha of a path."""
        if self.contexts[path] is None:
            self.contexts[path] = self.root.subcontext(
                task_name=self.names[path],
                task_id=path,
                max_subtasks=self.n_alphas,
            ).call_on_fit_task_begin(estimator=self.estimator)
        own = self.contexts[path]
        own.subcontext(task_name="alpha").call_on_fit_task_begin(
            estimator=self.estimator
        ).call_on_fit_task_end(estimator=self.estimator)
        self.done[path] += 1
        if self.done[path] == self.n_alphas:
            own.call_on_fit_task_end(estimator=self.estimator)

    def finish(self):
        """Report the end of the fit."""
        self.root.call_on_fit_task_end(
            estimator=self.estimator, X=self.X, y=self.y, reconstruction_attributes={}
        )
