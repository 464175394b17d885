"""The data sets: known facts of the real one, known models of the made ones."""

import importlib
import subprocess
import sys
from importlib import resources

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skstruct.datasets import (
    load_birthwt,
    make_group_classification,
    make_group_regression,
)

GENERATORS = [make_group_regression, make_group_classification]
GROUP_SIZES = {
    "age": 3,
    "lwt": 3,
    "race": 2,
    "smoke": 1,
    "ptl": 2,
    "ht": 1,
    "ui": 1,
    "ftv": 3,
}

# ----------------------------------------------------------------------
# load_birthwt


@pytest.fixture(scope="module")
def birthwt():
    return load_birthwt()


def test_birthwt_targets_match_the_published_summaries(birthwt):
    assert birthwt.target.shape == birthwt.target_low.shape == (189,)
    assert birthwt.target_low.sum() == 59
    assert_allclose(birthwt.target.mean(), 2.944587, atol=5e-7)
    assert_allclose(birthwt.target.std(ddof=1), 0.729214, atol=5e-7)
    assert (birthwt.target.min(), birthwt.target.max()) == (0.709, 4.99)
    assert_array_equal(birthwt.target_low, birthwt.target < 2.5)


def test_birthwt_raw_table_has_the_published_counts(birthwt):
    def counts(name):
        values, count = np.unique(birthwt.raw[name], return_counts=True)
        return dict(zip(values.tolist(), count.tolist(), strict=True))

    order = ["low", "age", "lwt", "race", "smoke", "ptl", "ht", "ui", "ftv", "bwt"]
    assert list(birthwt.raw) == order
    assert counts("race") == {1: 96, 2: 26, 3: 67}
    assert counts("smoke") == {0: 115, 1: 74}
    assert counts("ptl") == {0: 159, 1: 24, 2: 5, 3: 1}
    assert counts("ht") == {0: 177, 1: 12}
    assert counts("ui") == {0: 161, 1: 28}
    assert counts("ftv") == {0: 100, 1: 47, 2: 30, 3: 7, 4: 4, 6: 1}
    assert (birthwt.raw["age"].min(), birthwt.raw["age"].max()) == (14, 45)
    assert (birthwt.raw["lwt"].min(), birthwt.raw["lwt"].max()) == (80, 250)


def test_birthwt_groups_follow_the_columns(birthwt):
    assert birthwt.data.shape == (189, 16)
    assert birthwt.data.dtype == np.float64
    assert birthwt.group_names == list(GROUP_SIZES)
    assert birthwt.groups == [g for g, size in GROUP_SIZES.items() for _ in range(size)]
    assert " ".join(birthwt.feature_names) == (
        "age1 age2 age3 lwt1 lwt2 lwt3 white black smoke ptl1 ptl2m ht ui "
        "ftv1 ftv2 ftv3m"
    )


def test_birthwt_indicators_have_the_counts_of_their_levels(birthwt):
    indicators = birthwt.data[:, 6:]
    assert set(np.unique(indicators)) == {0.0, 1.0}
    assert indicators.sum(axis=0).tolist() == [96, 26, 74, 24, 6, 12, 28, 47, 30, 12]


@pytest.mark.parametrize(("name", "start"), [("age", 0), ("lwt", 3)])
def test_birthwt_polynomials_are_orthonormal_and_of_rising_degree(birthwt, name, start):
    P = birthwt.data[:, start : start + 3]
    x = birthwt.raw[name].astype(float)
    assert_allclose(P.T @ P, np.eye(3), atol=1e-13)
    assert_allclose(P.sum(axis=0), 0, atol=1e-13)
    for degree in (1, 2, 3):
        coefficients, residuals, *_ = np.polyfit(
            (x - x.mean()) / x.std(), P[:, degree - 1], degree, full=True
        )
        assert residuals[0] < 1e-24  # a polynomial of that degree, ...
        assert coefficients[0] > 0.01  # ... with R's sign


def test_birthwt_has_the_values_that_grpreg_prints(birthwt):
    # head(Birthwt$X) in grpreg's "Getting started" article, rows 1, 2 and 6.
    expected = [
        [-0.05833434, 0.011046300, 0.029561818]
        + [0.12446282, -0.02133871, -0.130731102]
        + [0, 1, 0, 0, 0, 0, 1, 0, 0, 0],
        [0.13436561, 0.055245529, -0.096907046]
        + [0.06006722, -0.06922831, -0.033348413]
        + [0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        [-0.03080577, -0.026243567, 0.052489640]
        + [-0.01386846, -0.03296942, 0.049559472]
        + [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ]
    assert_allclose(birthwt.data[[0, 1, 5]], expected, atol=6e-9)


def naive_grpreg(X, y, groups, lam, n_cycles=300):
    """Group lasso as grpreg: groups orthonormalised, weights sqrt(size)."""
    n = len(y)
    blocks = [np.flatnonzero(np.array(groups) == g) for g in dict.fromkeys(groups)]
    QR = [np.linalg.qr(X[:, b] - X[:, b].mean(axis=0)) for b in blocks]
    beta = [np.zeros(b.size) for b in blocks]
    residual = y - y.mean()
    for _ in range(n_cycles):
        for g, (Q, _) in enumerate(QR):
            Z = np.sqrt(n) * Q
            z = Z.T @ residual / n + beta[g]
            shrink = max(0, 1 - lam * np.sqrt(z.size) / np.linalg.norm(z))
            residual += Z @ (beta[g] - shrink * z)
            beta[g] = shrink * z
    coef = np.zeros(X.shape[1])
    for b, (_, R), beta_g in zip(blocks, QR, beta, strict=True):
        coef[b] = np.linalg.solve(R, np.sqrt(n) * beta_g)
    return coef, y.mean() - X.mean(axis=0) @ coef


def test_birthwt_gives_the_coefficients_that_grpreg_prints(birthwt):
    # coef(fit, lambda = 0.05) in the same article: all rows and the target count.
    expected = [0.14045229, 0.62608119, 0.37683684, 0.74715315, -0.15825582]
    expected += [0.58290856, 0.18344777, -0.06107624, -0.18778377, -0.17422515]
    expected += [0.05710668, -0.29776948, -0.38050822, 0, 0, 0]
    coef, intercept = naive_grpreg(
        birthwt.data, birthwt.target, birthwt.groups, lam=0.05
    )
    # grpreg stops at its default eps=1e-4.
    assert_allclose(coef, expected, atol=2e-3)
    assert_allclose(intercept, 3.02892181, atol=2e-3)


def test_birthwt_return_X_y(birthwt):
    X, y = load_birthwt(return_X_y=True)
    assert_array_equal(X, birthwt.data)
    assert_array_equal(y, birthwt.target)


def test_birthwt_as_frame(birthwt):
    pd = pytest.importorskip("pandas")
    bunch = load_birthwt(as_frame=True)
    assert isinstance(bunch.data, pd.DataFrame)
    assert list(bunch.data.columns) == birthwt.feature_names
    assert (bunch.target.name, bunch.target_low.name) == ("bwt", "low")
    assert list(bunch.frame.columns) == [*birthwt.feature_names, "bwt"]
    assert list(bunch.raw.columns) == list(birthwt.raw)
    assert_array_equal(bunch.data, birthwt.data)
    assert_array_equal(bunch.target, birthwt.target)
    X, y = load_birthwt(return_X_y=True, as_frame=True)
    pd.testing.assert_frame_equal(X, bunch.data)
    pd.testing.assert_series_equal(y, bunch.target)
    assert birthwt.frame is None


def test_birthwt_as_frame_without_pandas_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"skstruct\[frame\]"):
        load_birthwt(as_frame=True)
    load_birthwt()


def test_birthwt_is_fresh_at_each_call():
    first = load_birthwt()
    first.data[:] = 0
    first.raw["low"][:] = 7
    first.target_low[:] = 7
    second = load_birthwt()
    assert second.data.any()
    assert second.raw["low"].sum() == second.target_low.sum() == 59


def test_birthwt_describes_every_column_and_ships_its_file(birthwt):
    for name in [*birthwt.feature_names, *birthwt.raw]:
        assert f"``{name}``" in birthwt.DESCR
    for word in ("Hosmer", "Venables", "Breheny", "Licence", "Provenance"):
        assert word in birthwt.DESCR
    data = resources.files("skstruct.datasets") / "data" / birthwt.filename
    assert data.is_file()


def test_import_needs_nothing_heavy():
    # scikit-learn itself imports pandas where it is installed, so that the question
    # is not whether pandas is loaded but whether we do without it.
    code = (
        "import sys;"
        "sys.modules.update(pandas=None, numba=None, matplotlib=None);"
        "import skstruct.datasets as d;"
        "print(d.load_birthwt().data.shape, d.make_group_regression()[0].shape)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "(189, 16) (100, 100)"


def test_all_names_exist():
    module = importlib.import_module("skstruct.datasets")
    assert all(hasattr(module, name) for name in module.__all__)


# ----------------------------------------------------------------------
# What both generators promise


@pytest.mark.parametrize("make", GENERATORS)
def test_defaults(make):
    X, y, groups = make(random_state=0)
    assert X.shape == (100, 100)
    assert y.shape == (100,)
    assert X.flags.c_contiguous
    assert_array_equal(groups, np.repeat(np.arange(20), 5))


@pytest.mark.parametrize("make", GENERATORS)
@pytest.mark.parametrize("contiguous", [True, False])
def test_same_seed_same_data(make, contiguous):
    first = make(random_state=3, contiguous=contiguous, coef=True)
    second = make(random_state=3, contiguous=contiguous, coef=True)
    third = make(random_state=4, contiguous=contiguous, coef=True)
    for a, b in zip(first, second, strict=True):
        assert_array_equal(a, b)
    assert not np.array_equal(first[0], third[0])
    assert not np.array_equal(first[3], third[3])


@pytest.mark.parametrize("make", GENERATORS)
def test_random_state_instance_moves_on(make):
    rng = np.random.RandomState(0)
    assert not np.array_equal(make(random_state=rng)[0], make(random_state=rng)[0])


@pytest.mark.parametrize("make", GENERATORS)
def test_same_seed_same_model_for_any_sample_size(make):
    small, large = (
        make(n, contiguous=False, coef=True, random_state=0) for n in (10, 50)
    )
    assert_array_equal(small[2], large[2])
    assert_array_equal(small[3], large[3])


@pytest.mark.parametrize("make", GENERATORS)
@pytest.mark.parametrize("contiguous", [True, False])
@pytest.mark.parametrize("n_informative", [0, 1, 3, 6])
def test_support_is_that_many_whole_groups(make, contiguous, n_informative):
    sizes = [1, 4, 2, 7, 3, 5]
    X, _, groups, coef = make(
        n_samples=8,
        group_size=sizes,
        n_informative_groups=n_informative,
        contiguous=contiguous,
        coef=True,
        random_state=0,
    )
    assert X.shape == (8, 22)
    assert_array_equal(np.bincount(groups), sizes)
    active = np.unique(groups[coef != 0])
    assert active.size == n_informative
    assert_array_equal(coef != 0, np.isin(groups, active))


@pytest.mark.parametrize("make", GENERATORS)
def test_contiguous_groups_or_scattered(make):
    together = make(random_state=0)[2]
    scattered = make(random_state=0, contiguous=False)[2]
    assert np.all(np.diff(together) >= 0)
    assert not np.all(np.diff(scattered) >= 0)
    assert_array_equal(np.sort(scattered), together)


@pytest.mark.parametrize("make", GENERATORS)
def test_shuffle_groups_moves_the_support(make):
    *_, groups, coef = make(shuffle_groups=False, coef=True, random_state=0)
    assert_array_equal(np.unique(groups[coef != 0]), np.arange(5))
    supports = [
        tuple(np.unique(groups[make(coef=True, random_state=seed)[3] != 0]))
        for seed in range(5)
    ]
    assert len(set(supports)) > 1


@pytest.mark.parametrize("make", GENERATORS)
@pytest.mark.parametrize(
    ("sparsity", "n_kept"), [(0.0, 10), (0.3, 7), (0.5, 5), (0.99, 1), (1.0, 1)]
)
def test_sparsity_within_keeps_the_promised_number(make, sparsity, n_kept):
    *_, groups, coef = make(
        group_size=10, sparsity_within=sparsity, coef=True, random_state=0
    )
    per_group = np.bincount(groups, weights=coef != 0)
    assert sorted(per_group) == [0] * 15 + [n_kept] * 5


def population_correlation(groups, rho, structure):
    if structure == "ar1":
        position = np.arange(len(groups))
        return rho ** np.abs(np.subtract.outer(position, position))
    same = np.equal.outer(groups, groups)
    return np.where(np.eye(len(groups), dtype=bool), 1.0, rho * same)


STRUCTURES = [("within", 0.0), ("within", 0.7), ("ar1", 0.6), ("ar1", -0.5)]


@pytest.mark.parametrize("make", GENERATORS)
@pytest.mark.parametrize(("structure", "rho"), STRUCTURES)
def test_features_have_unit_variance_and_the_promised_correlation(make, structure, rho):
    X, _, groups = make(
        n_samples=20_000,
        group_size=[1, 3, 2],
        n_informative_groups=1,
        correlation=rho,
        correlation_structure=structure,
        random_state=0,
    )
    # 6 standard errors of a covariance are at most 6 * sqrt(2 / n).
    expected = population_correlation(groups, rho, structure)
    assert_allclose(X.T @ X / len(X), expected, atol=0.06)


# ----------------------------------------------------------------------
# make_group_regression


def test_noiseless_regression_is_exact():
    X, y, _, coef = make_group_regression(
        noise=0, bias=2.5, contiguous=False, coef=True, random_state=0
    )
    assert_allclose(y, X @ coef + 2.5, atol=1e-12)


def test_coefs_are_bounded_away_from_zero_with_both_signs():
    coef = make_group_regression(coef=True, random_state=0)[3]
    drawn = coef[coef != 0]
    assert np.all((np.abs(drawn) >= 0.5) & (np.abs(drawn) <= 1.5))
    assert set(np.sign(drawn)) == {-1.0, 1.0}


def test_noise_is_its_standard_deviation():
    X, y, _, coef = make_group_regression(
        n_samples=20_000, n_groups=6, group_size=2, noise=3.0, coef=True, random_state=0
    )
    # The standard error of a standard deviation is sd / sqrt(2 n) = 0.015.
    assert_allclose(np.std(y - X @ coef), 3.0, atol=0.08)


@pytest.mark.parametrize("contiguous", [True, False])
@pytest.mark.parametrize(("structure", "rho"), STRUCTURES)
def test_snr_is_that_of_the_population(structure, rho, contiguous):
    kwargs = {
        "n_samples": 20_000,
        "group_size": [2, 3, 4],
        "n_informative_groups": 2,
        "n_targets": 2,
        "correlation": rho,
        "correlation_structure": structure,
        "snr": 4.0,
        "random_state": 1,
    }
    X, y, _, coef = make_group_regression(contiguous=contiguous, coef=True, **kwargs)
    noise = y - X @ coef
    # Against the covariance written out, where the columns stand in order, ...
    _, _, groups, in_order = make_group_regression(coef=True, **kwargs)
    sigma = population_correlation(groups, rho, structure)
    signal = np.diag(in_order.T @ sigma @ in_order)
    assert_allclose(signal / noise.var(axis=0), 4.0, rtol=0.07)
    # ... and against the sample.
    assert_allclose((X @ coef).var(axis=0) / noise.var(axis=0), 4.0, rtol=0.12)


def test_snr_overrides_noise():
    first, second = (
        make_group_regression(snr=2, noise=noise, random_state=0)[1]
        for noise in (1.0, 50.0)
    )
    assert_array_equal(first, second)


def test_several_targets_share_the_support():
    X, y, groups, coef = make_group_regression(
        n_targets=3,
        bias=[0.0, 10.0, -10.0],
        noise=0,
        sparsity_within=0.5,
        coef=True,
        random_state=0,
    )
    assert y.shape == (100, 3)
    assert coef.shape == (groups.size, 3)
    assert_array_equal((coef != 0).any(axis=1), (coef != 0).all(axis=1))
    assert_allclose(y, X @ coef + [0.0, 10.0, -10.0], atol=1e-12)


# ----------------------------------------------------------------------
# make_group_classification


def test_binary_labels_follow_the_logistic_model():
    X, y, _, coef = make_group_classification(
        n_samples=20_000,
        n_groups=4,
        group_size=2,
        n_informative_groups=2,
        class_sep=2.0,
        bias=0.5,
        coef=True,
        random_state=0,
    )
    assert set(y) == {0, 1}
    logit = X @ coef + 0.5
    assert_allclose(np.linalg.norm(coef), 2.0)  # features are independent here
    p = 1 / (1 + np.exp(-logit))
    for low, high in [(-9, -2), (-2, -0.5), (-0.5, 0.5), (0.5, 2), (2, 9)]:
        cell = (logit > low) & (logit <= high)
        assert abs(y[cell].mean() - p[cell].mean()) < 5 * 0.5 / np.sqrt(cell.sum())


def test_multinomial_labels_follow_the_softmax_model():
    bias = np.array([0.0, 1.0, -1.0, 0.0])
    X, y, _, coef = make_group_classification(
        n_samples=20_000,
        n_groups=4,
        group_size=2,
        n_informative_groups=2,
        n_classes=4,
        bias=bias,
        coef=True,
        random_state=0,
    )
    assert coef.shape == (8, 4)
    assert_allclose(coef.sum(axis=1), 0, atol=1e-12)
    assert_array_equal((coef != 0).any(axis=1), (coef != 0).all(axis=1))
    logits = X @ coef + bias
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    one_hot = np.eye(4)[y]
    for direction in (np.ones(len(X)), *X.T):
        score = (one_hot - p).T @ direction / len(X)  # zero in expectation
        assert_allclose(score, 0, atol=5 * 0.5 / np.sqrt(len(X)))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(("structure", "rho"), STRUCTURES)
def test_class_sep_is_the_spread_of_the_logits(n_classes, structure, rho):
    *_, groups, coef = make_group_classification(
        n_samples=1,
        group_size=[2, 3, 4],
        n_informative_groups=2,
        n_classes=n_classes,
        correlation=rho,
        correlation_structure=structure,
        class_sep=1.7,
        coef=True,
        random_state=0,
    )
    sigma = population_correlation(groups, rho, structure)
    coef = coef.reshape(groups.size, -1)
    assert_allclose(np.mean(np.diag(coef.T @ sigma @ coef)), 1.7**2)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_flip_y_all_makes_uniform_labels(n_classes):
    _, y, _ = make_group_classification(
        n_samples=10_000, n_classes=n_classes, flip_y=1.0, bias=0.0, random_state=0
    )
    assert_allclose(np.bincount(y) / y.size, 1 / n_classes, atol=0.03)


def test_flip_y_leaves_the_other_labels():
    y = make_group_classification(n_samples=5_000, random_state=0)[1]
    flipped = make_group_classification(n_samples=5_000, flip_y=0.2, random_state=0)[1]
    # Half of the labels drawn anew stay as they were.
    assert_allclose(np.mean(y != flipped), 0.1, atol=0.03)


def test_class_sep_separates():
    X, y, _, coef = make_group_classification(
        n_samples=500, class_sep=1e4, coef=True, random_state=0
    )
    assert np.mean((X @ coef > 0) == y) > 0.99


# ----------------------------------------------------------------------
# Errors name the parameter, the value, and the way out


@pytest.mark.parametrize("make", GENERATORS)
@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"n_samples": 0}, "n_samples must be at least 1, got 0"),
        ({"n_samples": 2.5}, "n_samples must be an int, got 2.5"),
        ({"n_samples": True}, "n_samples must be an int, got True"),
        ({"n_groups": 0}, "n_groups must be at least 1"),
        ({"group_size": 0}, "group_size must be at least 1"),
        ({"group_size": "5"}, "group_size must be an int"),
        ({"group_size": []}, "group_size must be an int, or a non-empty"),
        ({"group_size": [1.5, 2]}, "group_size must be an int, or a non-empty"),
        ({"group_size": [3, 0, 2]}, "got 0 at position 1. Leave out"),
        ({"n_groups": 3, "group_size": [1, 2]}, "2 sizes, but n_groups=3. Give one"),
        ({"n_informative_groups": -1}, "n_informative_groups must be at least 0"),
        ({"n_groups": 3}, "n_informative_groups=5 is more than the 3 groups"),
        ({"sparsity_within": 1.1}, r"sparsity_within must be in \[0, 1\], got 1.1"),
        ({"correlation": 1.0}, r"correlation .*'within'\) must be in \[0, 1\)"),
        ({"correlation": -0.1}, r"correlation .* got -0.1"),
        (
            {"correlation": -1.0, "correlation_structure": "ar1"},
            r"'ar1'\) must be in \(-1, 1\)",
        ),
        ({"correlation": "x"}, "correlation .* must be a real number, got 'x'"),
        (
            {"correlation_structure": "toeplitz"},
            "one of 'within', 'ar1', got 'toeplitz'",
        ),
        ({"bias": [1.0, 2.0, 3.0, 4.0, 5.0]}, r"bias must be one number .*\(5,\)"),
        ({"bias": "x"}, "bias must be a number"),
        ({"bias": np.nan}, "bias must be finite"),
    ],
)
def test_shared_errors(make, kwargs, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make(**kwargs)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"n_targets": 0}, "n_targets must be at least 1"),
        ({"noise": -1}, r"noise must be in \[0, inf\), got -1"),
        ({"noise": np.nan}, "noise must be in"),
        ({"snr": 0}, r"snr must be in \(0, inf\), got 0"),
        ({"snr": np.inf}, "snr must be in"),
        ({"snr": 2, "n_informative_groups": 0}, "snr=2.0 needs a signal"),
    ],
)
def test_regression_errors(kwargs, message):
    with pytest.raises(ValueError, match=message):
        make_group_regression(**kwargs)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"n_classes": 1}, "n_classes must be at least 2"),
        ({"class_sep": -1}, r"class_sep must be in \[0, inf\)"),
        ({"flip_y": 1.5}, r"flip_y must be in \[0, 1\]"),
        ({"bias": [0.0, 1.0]}, r"shape \(1,\) \(one per logit, n_classes=2\)"),
    ],
)
def test_classification_errors(kwargs, message):
    with pytest.raises(ValueError, match=message):
        make_group_classification(**kwargs)
