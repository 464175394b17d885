"""The picture of what was removed where."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPClassifier

from skstruct import MLPPruner, PruningDisplay

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")
matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402


@pytest.fixture(autouse=True)
def closed():
    yield
    pyplot.close("all")


def pruned(**parameters):
    X, y = load_iris(return_X_y=True)
    network = MLPClassifier((12, 8), solver="lbfgs", max_iter=500, random_state=0)
    return MLPPruner(network.fit(X, y), prefit=True, **parameters).fit(X)


def texts(display):
    return [text.get_text() for text in display.ax_.texts]


def test_bars_are_shares_of_units_from_the_inputs_on():
    pruner = pruned(budget=[3, 6, 2], prune_inputs=True)
    display = PruningDisplay.from_estimator(pruner)
    assert display.names == ["inputs", "hidden layer 1", "hidden layer 2"]
    assert display.kinds == ["features", "units", "units"]
    widths = [bar.get_width() for bar in display.bars_]
    np.testing.assert_allclose(widths, [3 / 4, 6 / 12, 2 / 8])
    assert texts(display) == ["3 of 4", "6 of 12", "2 of 8"]
    ends = display.ax_.get_ylim()
    assert ends[0] > ends[1]  # the first layer is above
    assert "parameters 191 to 47, multiply-adds 168 to 36" in (
        display.ax_.get_title(loc="left")
    )
    shown = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert shown == ["features", "units"]
    assert display.figure_ is display.ax_.figure


def test_layers_that_are_gone_and_axes_that_are_given():
    pruner = pruned(budget=0.5, granularity="layer")
    _, ax = pyplot.subplots()
    display = PruningDisplay.from_estimator(pruner, ax=ax, bar_kw={"color": "k"})
    assert display.ax_ is ax
    assert sum("removed" in text for text in texts(display)) == 1
    assert display.bars_[0].get_facecolor() == (0.0, 0.0, 0.0, 1.0)
    assert ax.get_legend() is None


def test_many_groups_and_long_names():
    names = [
        f"model.encoder.layers.{k}.feed_forward.dense_in.linear" for k in range(120)
    ]
    display = PruningDisplay(names=names, units=[8] * 120, kept=[4] * 120).plot()
    assert display.figure_.get_size_inches()[1] < 30
    shown = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert max(map(len, shown)) <= 40
    assert display.ax_.get_title(loc="left") == ""


def test_what_is_no_pruner_is_said():
    with pytest.raises(NotFittedError):
        PruningDisplay.from_estimator(MLPPruner(MLPClassifier()))
    X, y = load_iris(return_X_y=True)
    with pytest.raises(TypeError, match="must be a fitted TorchPruner or MLPPruner"):
        PruningDisplay.from_estimator(Ridge().fit(X, y))
    with pytest.raises(ValueError, match=r"units \(2\), kept \(1\)"):
        PruningDisplay(names=["a", "b"], units=[1, 2], kept=[1]).plot()
