"""Tells scikit-learn's callbacks how far fits along many paths have come."""


class Progress:
    """Tells callbacks of each alpha of each fold, and of the final path.

    With another `name` than "fold" there is no final path.
    """

    def __init__(self, estimator, X, y, n_folds, n_alphas, name="fold"):
        self.estimator, self.X, self.y, self.name = estimator, X, y, name
        n_folds -= name != "fold"
        self.root = estimator._init_callback_context(
            max_subtasks=n_folds + 1, sequential_subtasks=False
        )
        self.root.call_on_fit_task_begin(estimator=estimator, X=X, y=y)
        self.n_alphas = n_alphas
        self.done = [0] * (n_folds + 1)
        self.contexts = [None] * (n_folds + 1)

    def step(self, fold):
        """Report one more alpha of a fold; the last fold is the final path."""
        if self.contexts[fold] is None:
            last = self.name == "fold" and fold == len(self.contexts) - 1
            self.contexts[fold] = self.root.subcontext(
                task_name="final path" if last else self.name,
                task_id=fold,
                max_subtasks=self.n_alphas,
            ).call_on_fit_task_begin(estimator=self.estimator)
        own = self.contexts[fold]
        own.subcontext(task_name="alpha").call_on_fit_task_begin(
            estimator=self.estimator
        ).call_on_fit_task_end(estimator=self.estimator)
        self.done[fold] += 1
        if self.done[fold] == self.n_alphas:
            own.call_on_fit_task_end(estimator=self.estimator)

    def finish(self):
        """Report the end of the fit."""
        self.root.call_on_fit_task_end(
            estimator=self.estimator, X=self.X, y=self.y, reconstruction_attributes={}
        )
