"""Models along a path, scored on folds: what all CV estimators share."""

from numbers import Integral

import numpy as np
from sklearn import get_config
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from skstruct._compat import process_routing
from skstruct.solvers.cross_validation import negative_deviances


class ScoredOnFolds:
    """Mixin of estimators that score the models of a path on folds.

    Subclasses name in `_plain` the estimator of one model of the path, and in
    `_strength` its parameter that differs along the path, with the field of the
    path's solution that holds its values.
    """

    _parameter_constraints: dict = {
        "cv": ["cv_object"],
        "scoring": [str, callable, None],
        "n_jobs": [Integral, None],
    }
    _plain: type
    _strength: tuple[str, str]

    def _fold_scorer(self, X, y, problem, score_params):
        """Return a function that scores a fold's path, (n_alphas,)."""
        if self.scoring is None:
            return lambda fold, solution, test: negative_deviances(
                fold, problem.weights, solution, test
            )
        scorer = check_scoring(self._at_one_alpha(), scoring=self.scoring)

        def score(fold, solution, test):
            X_test, y_test = X[test], y[test]
            params = _rows_of_params(score_params, test, len(y))
            scores = []
            for i in range(len(solution.coefs)):
                model = self._at_one_alpha(fold, solution, i)
                if problem.offset is not None:
                    model._known_offset = problem.offset[test]
                scores.append(scorer(model, X_test, y_test, **params))
            return scores

        return score

    def _at_one_alpha(self, problem=None, solution=None, i=0):
        """Return a plain estimator, fitted with the i-th solution if one is given."""
        own = self.get_params(deep=False)
        shared = set(self._plain().get_params(deep=False)) & set(own)
        model = self._plain(**{name: own[name] for name in shared})
        if solution is not None:
            name, field = self._strength
            setattr(model, name, getattr(solution, field)[i].item())
            model.n_features_in_ = problem.matrix.shape[1]
            for name in self._target_attributes:
                setattr(model, name, getattr(self, name))
            model._set_solution(problem, solution, i)
        return model

    def _routed(self, params, sample_weight):
        """Return the metadata for the splitter and for the scorer, as dicts."""
        if not get_config()["enable_metadata_routing"]:
            if params:
                raise ValueError(
                    f"fit got {sorted(params)}, metadata that only reaches the "
                    "splitter and the scorer after "
                    "sklearn.set_config(enable_metadata_routing=True)."
                )
            return {"splitter": {}, "scorer": {}}
        if sample_weight is not None:
            params = {**params, "sample_weight": sample_weight}
        routed = process_routing(self, "fit", **params)
        return {
            "splitter": dict(routed.splitter.split),
            "scorer": dict(routed.scorer.score) if self.scoring is not None else {},
        }

    def get_metadata_routing(self):
        """Return which metadata go where.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
            ``fit`` takes sample_weight and offset itself, and passes on what the
            splitter and the scorer request.
        """
        router = (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(
                splitter=check_cv(self.cv),
                method_mapping=MethodMapping().add(caller="fit", callee="split"),
            )
        )
        if self.scoring is not None:
            router.add(
                scorer=check_scoring(self._at_one_alpha(), scoring=self.scoring),
                method_mapping=MethodMapping().add(caller="fit", callee="score"),
            )
        return router


def _rows_of_params(params, indices, n_samples):
    """Take the rows of those metadata that have one value a sample."""
    return {
        name: np.asarray(value)[indices]
        if np.ndim(value) > 0 and len(value) == n_samples
        else value
        for name, value in params.items()
    }
