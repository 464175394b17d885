"""Models that older versions pickled load, and predict what they did."""

import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import InconsistentVersionWarning

FILES = sorted((Path(__file__).parent / "data").glob("models-*.pkl"))


def release(version):
    return tuple(int(part) for part in version.split(".")[:2])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_old_pickles_predict_the_same(file):
    content = pickle.loads(file.read_bytes())
    made = content["made_with"]
    for module in (sklearn, np):
        if release(module.__version__) < release(made[module.__name__]):
            pytest.skip(f"pickled with a newer {module.__name__}, {made}")
    assert content["models"]
    for pickled, expected in content["models"].values():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InconsistentVersionWarning)
            model = pickle.loads(pickled)
        found = model.predict(np.array(content["X"]))
        if hasattr(model, "classes_"):
            assert_array_equal(found, expected)
        else:
            assert_allclose(found, expected)
        assert model.groups_to_frame().shape == (3, 6)


def test_there_is_a_pickle_of_every_estimator():
    from makers import estimators

    newest = pickle.loads(FILES[-1].read_bytes())
    assert {cls.__name__ for cls in estimators()} <= set(newest["models"])
