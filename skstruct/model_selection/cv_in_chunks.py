"""Cross-validation of rows that are read in chunks: no pass of its own for the folds.

Of the squared error, one pass sums up the moments of what each fold holds out. Other
losses are minimised for all folds and alphas in the same passes.
"""

from dataclasses import replace

import numpy as np
from sklearn.base import is_classifier

from skstruct.linear_model.fitting import warn_if_not_converged
from skstruct.linear_model.streamed import ReadsInChunks
from skstruct.model_selection.label_scores import check_label_scorer, label_scores
from skstruct.model_selection.progress import Progress
from skstruct.model_selection.streamed_folds import streamed_folds
from skstruct.solvers.passes import solve_streamed
from skstruct.solvers.streamed_moments import mean_squared_errors, stand_in


class CVInChunks(ReadsInChunks):
    """Mixin of CV estimators that can be fitted to rows that are not in memory."""

    def _obstacle(self):
        if self.scoring is not None and not is_classifier(self):
            return (
                f"scoring={self.scoring!r} looks at rows. Use scoring=None, minus the "
                "mean deviance."
            )
        return super()._obstacle()

    def _folds_of(self, y, params):
        """Return a function that splits a stream."""

        def make_folds(stream):
            if self.scoring is not None:
                check_label_scorer(self.scoring, self.classes_)
            return streamed_folds(
                self.cv, stream, y, is_for_classes=is_classifier(self), **params
            )

        return make_folds

    def _held_out(self, moments):
        """Return folds, and how to train on and score what is known of their rows."""
        n_folds = len(moments.parts) - 1
        splits = [(fold, moments.parts[fold + 1]) for fold in range(n_folds)]
        for fold, own in splits:
            if own.weight == 0 or moments.without(fold).weight == 0:
                raise ValueError(
                    f"Fold {fold} holds out no row of positive weight, or all of them; "
                    "use fewer folds, or another splitter as cv."
                )

        def training(problem, fold):
            return stand_in(problem, moments.without(fold))

        def score(problem, solution, own):
            return -mean_squared_errors(own, solution)

        return splits, score, training

    def _follow_in_passes(self, data, alphas, is_weighted):
        """Solve all folds, and all rows, in the same passes; choose.

        `is_weighted` says whether the scorer wants sample weights.

        Returns
        -------
        problem, solution, progress
            Of all rows, with the penalty that was chosen.
        """
        how = {"tol": self.tol, "max_iter": self.max_iter}
        problems = [
            self._adapted(replace(data.problem, penalty=one))
            for one in self._penalties()
        ]
        n_alphas = alphas if isinstance(alphas, int) else len(alphas)
        names = ["final path"] * len(problems)
        progress = Progress(self, data.X, data.y, names, n_alphas)
        found, scores = [], []
        for i, problem in enumerate(problems):
            one = solve_streamed(
                problem, alphas, eps=self.eps, n_folds=data.n_folds, **how
            )
            for k, fold in enumerate(one.folds):
                warn_if_not_converged(fold, where=f" in fold {k}", **how)
            scores.append(self._scores_of(one, data, is_weighted))
            found.append(one.solution)
            for _ in range(n_alphas):
                progress.step(i)
        candidates = [
            (problem, one.alphas) for problem, one in zip(problems, found, strict=True)
        ]
        self._choose(np.stack(scores)[:, None], (0.0,), candidates)
        return problems[self._chosen], found[self._chosen], progress

    def _scores_of(self, found, data, is_weighted):
        """Return the scores of what folds hold out, (n_alphas, n_folds)."""
        held_out, loss = found.held_out, data.problem.loss
        if self.scoring is None:  # minus the mean deviance
            q = found.solution.coefs.shape[2]
            factor = loss.deviance_factor / (1 if loss.is_joint else q)
            return -factor * (held_out.losses / held_out.weights[:, None]).T
        counts, weights = np.moveaxis(held_out.confusion, 2, 0)
        if not is_weighted:
            weights = counts
        elif data.target.factors is not None:  # class weights are not the scorer's
            weights = weights / data.target.factors[:, None]
        return label_scores(self.scoring, data.target.classes, counts, weights).T
