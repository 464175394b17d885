"""Pickle a fitted model of each class, with what it predicts, as this version does it.

Run it once for a release, ``python tests/data/make_pickles.py`` with ``tests`` on the
path: ``test_pickles.py`` then holds later versions to them.
"""

import pickle
from pathlib import Path

import numpy
import sklearn

import skstruct
from makers import estimators, make_data, make_target


def main():
    """Write ``models-<version>.pkl``."""
    X, y = make_data(n_samples=30)
    models = {}
    for cls in estimators():
        tuned = {"alphas": 3} if "alphas" in cls().get_params() else {}
        model = cls(groups=[0, 0, 0, 1, 1, 1, 2, 2, 2], **tuned)
        model.fit(X, make_target(cls, y))
        models[cls.__name__] = pickle.dumps(model), model.predict(X).tolist()
    made = {"sklearn": sklearn.__version__, "numpy": numpy.__version__}
    name = f"models-{skstruct.__version__}.pkl"
    content = {"made_with": made, "X": X.tolist(), "models": models}
    Path(__file__).with_name(name).write_bytes(pickle.dumps(content))


if __name__ == "__main__":
    main()
