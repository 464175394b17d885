"""Curved losses by passes: as in memory, in few passes, whatever the chunks.

Minima are checked against CLARABEL, gaps against the certificate of whole rows.
"""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.special import expit

from engine_cases import (
    ALL_LOSSES,
    ALL_PENALTIES,
    FIRST_LOSSES,
    P,
    alphas_of,
    dense,
    groups_of,
    layout_of,
    make_problem,
    slow_coef,
    slow_of,
)
from skstruct.groups import make_layout
from skstruct.losses import (
    GammaLoss,
    HuberLoss,
    LogisticLoss,
    MultinomialLoss,
    PoissonLoss,
    QuantileLoss,
)
from skstruct.penalties import (
    L1,
    GroupElasticNet,
    GroupL2,
    GroupMCP,
    GroupSLOPE,
    SparseGroupL2,
)
from skstruct.solvers.chunk_pass import Point, Points, answer_chunk
from skstruct.solvers.first_look import FirstLook
from skstruct.solvers.lockstep import solve_in_passes
from skstruct.solvers.matrix import as_matrix
from skstruct.solvers.outcomes import advice, outcomes
from skstruct.solvers.solution import Problem, Solution
from skstruct.solvers.solve import certify, solve_path

N = 60
SHARES = (0.4, 0.08)
CURVED = {
    name: loss
    for name, loss in ALL_LOSSES.items()
    if loss.is_smooth and not loss.is_quadratic
}


class Passes:
    """Runs requests over chunks of a problem's rows; counts them."""

    def __init__(self, problem, *, ends=(13, 14, 40), order=None, ids=None, wrap=None):
        self.n = 0
        X = dense(problem.matrix)
        X = X if wrap is None else wrap(X)
        weights = problem.weights * 7.0  # theirs need not be normalised
        rows = np.split(np.arange(len(problem.y)), ends)
        order = range(len(rows)) if order is None else order
        offset = problem.offset
        self.chunks = [
            (
                X[own],
                problem.y[own],
                weights[own],
                None if offset is None else offset[own],
                None if ids is None else ids[own],
                problem.loss,
            )
            for own in (rows[i] for i in order)
            if len(own)
        ]

    def __call__(self, request):
        self.n += 1
        request = pickle.loads(pickle.dumps(request))
        answers = [answer_chunk(*chunk, request) for chunk in self.chunks]
        return sum(answers[1:], start=answers[0])


def in_passes(problem, alphas, *, tol=1e-12, n_folds=0, run=None, **how):
    run = run or Passes(problem)
    found = solve_in_passes(
        run,
        layout=problem.layout,
        penalty=problem.penalty,
        loss=problem.loss,
        alphas=alphas,
        fit_intercept=problem.fit_intercept,
        scaling=problem.scaling,
        dtype=problem.dtype,
        tol=tol,
        n_folds=n_folds,
        **how,
    )
    assert found.n_passes == run.n
    return found


def in_memory(problem, alphas, tol=1e-12):
    return solve_path(problem, alphas, tol=tol, max_iter=20_000)


def assert_same(ours, theirs, rtol=1e-10):
    assert ours.converged.all(), ours.gaps / ours.null_loss
    size = np.abs(theirs.coefs).max()
    assert_allclose(ours.alphas, theirs.alphas, rtol=1e-10)
    assert_allclose(ours.coefs, theirs.coefs, rtol=0, atol=rtol * size)
    intercept = rtol * (size + np.abs(theirs.intercepts).max())
    assert_allclose(ours.intercepts, theirs.intercepts, rtol=0, atol=intercept)
    assert_allclose(ours.null_loss, theirs.null_loss, rtol=1e-8)


def is_for_passes(penalty):
    return penalty.is_convex and penalty.is_block_separable


def turns():
    """Every penalty with one loss, and every loss with some penalty, in turns."""
    fits = [
        (p, penalty)
        for p, penalty in ALL_PENALTIES.items()
        if is_for_passes(penalty.resolve(layout_of(groups_of(penalty))))
    ]
    losses = list(CURVED.items())
    for i, (p, penalty) in enumerate(fits):
        name, loss = losses[(3 * i) % len(losses)]
        yield pytest.param(loss, penalty, id=f"{p}-{name}")


@pytest.mark.parametrize(("loss", "penalty"), list(turns()))
def test_the_optimum_is_that_of_a_conic_solver(loss, penalty):
    problem = make_problem(loss, penalty, n=N)
    alphas = alphas_of(problem, SHARES)
    solution = in_passes(problem, alphas, tol=1e-9).solution
    assert solution.converged.all(), solution.gaps / solution.null_loss
    slow, alpha = slow_of(problem), alphas[-1]
    coef = slow_coef(problem, solution.coefs[-1])
    ours = slow.objective(coef, solution.intercepts[-1], alpha)
    theirs = slow.objective(*slow.minimum(alpha), alpha)
    size = solution.null_loss + abs(theirs)
    assert ours - solution.gaps[-1] - 1e-7 * size <= theirs
    assert ours <= theirs + 1e-7 * size


@pytest.mark.parametrize("name", [n for n in FIRST_LOSSES if n in CURVED])
@pytest.mark.parametrize("penalty", [GroupL2(), SparseGroupL2()], ids=["l2", "sparse"])
def test_coefficients_are_those_of_the_fit_in_memory(name, penalty):
    problem = make_problem(CURVED[name], penalty, n=N)
    alphas = alphas_of(problem, SHARES)
    assert_same(
        in_passes(problem, alphas, tol=1e-14).solution,
        in_memory(problem, alphas, tol=1e-14),
        1e-9 if name == "multinomial" else 1e-10,  # in memory it is not that tight
    )


@pytest.mark.parametrize(
    ("loss", "penalty"),
    [
        (HuberLoss(0.1), L1()),
        (PoissonLoss(), GroupL2(positive=True)),
        (GammaLoss(), GroupElasticNet(0.5)),
    ],
    ids=["huber", "poisson", "gamma"],
)
def test_several_outputs(loss, penalty):
    problem = make_problem(loss, penalty, n=N, q=2)
    alphas = alphas_of(problem, SHARES)
    rtol = 1e-6 if isinstance(penalty, GroupElasticNet) else 1e-9  # no kink to be at
    assert_same(
        in_passes(problem, alphas, tol=1e-13).solution, in_memory(problem, alphas), rtol
    )


@pytest.mark.parametrize("loss", [LogisticLoss(), PoissonLoss(), MultinomialLoss()])
@pytest.mark.parametrize("tol", [1e-2, 1e-5])
def test_gaps_mean_what_they_mean_in_memory(loss, tol):
    problem = make_problem(loss, SparseGroupL2(), n=N)
    solution = in_passes(problem, 4, tol=tol, eps=0.05).solution
    for k, alpha in enumerate(solution.alphas):
        gap = certify(problem, alpha, solution.coefs[k], solution.intercepts[k])
        slack = 1e-3 * tol * solution.null_loss
        assert gap <= 1.01 * solution.gaps[k] + slack
        assert solution.gaps[k] <= 10 * gap + slack  # chords bound what curves


# -- passes ------------------------------------------------------------------------


def tall(loss, n=1000, p=24, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    X[:, 1:] += 0.5 * X[:, :-1]
    eta = 0.3 * X[:, :12] @ rng.normal(size=(12, 1))
    if isinstance(loss, LogisticLoss):
        y = np.where(rng.random((n, 1)) < expit(eta), 1.0, -1.0)
    else:
        y = rng.poisson(np.exp(np.clip(eta, -4, 4))).astype(float)
    weights = np.full(n, 1 / n)
    return Problem(as_matrix(X), y, weights, make_layout(4, p), GroupL2(), loss=loss)


@pytest.mark.parametrize("loss", [LogisticLoss(), PoissonLoss()])
def test_few_passes_suffice(loss):
    problem = tall(loss)
    alpha_max = in_passes(problem, 1, tol=1e-2).solution.alphas[0]
    for share in (0.3, 0.05, 0.005):
        found = in_passes(problem, [share * alpha_max], tol=1e-6)
        assert found.solution.converged.all()
        assert found.n_passes <= 7
    ids = np.arange(len(problem.y)) % 2
    run = Passes(problem, ids=ids)
    found = in_passes(problem, 20, tol=1e-6, eps=1e-2, n_folds=2, run=run)
    for solution in (found.solution, *found.folds):
        assert solution.converged.all()
    assert found.n_passes <= 12


def test_too_few_passes_end_with_the_best_model_so_far():
    problem = make_problem(PoissonLoss(), GroupL2(), n=N)
    alphas = alphas_of(problem, (0.1, 0.01))
    found = in_passes(problem, alphas, max_passes=4)
    assert found.n_passes == 4
    assert outcomes(found.solution, 4).tolist() == ["max_iter", "max_iter"]
    assert (found.solution.gaps < found.solution.null_loss).all()
    exact = in_memory(problem, alphas)
    slow = slow_of(problem)
    for k, alpha in enumerate(exact.alphas):
        parts = (
            slow.objective(one.coefs[k], one.intercepts[k], alpha)
            for one in (found.solution, exact)
        )
        ours, best = parts
        assert best < ours <= best + found.solution.gaps[k]


def test_most_rows_are_linear():
    """Of Huber's loss, and columns have heavy tails: no step knows its length."""
    rng = np.random.default_rng(3)
    X = rng.standard_t(1.5, size=(200, 20))
    y = X[:, :4].sum(axis=1, keepdims=True) + rng.standard_t(3, size=(200, 1))
    layout, weights = make_layout(4, 20), np.full(200, 1 / 200)
    problem = Problem(as_matrix(X), y, weights, layout, GroupL2(), loss=HuberLoss(0.01))
    top = in_passes(problem, 1, tol=1e-2).solution.alphas[0]
    found = in_passes(problem, [0.01 * top], tol=1e-6, max_passes=200)
    assert found.n_passes < 110  # alone, shortened steps end at a gap of 0.2
    gap = certify(
        problem, 0.01 * top, found.solution.coefs[0], found.solution.intercepts[0]
    )
    assert gap <= 1e-6 * found.solution.null_loss


def test_gaps_that_stay_large_are_not_blamed_on_rounding():
    gaps, n_passes = np.array([1e-9, 1e-3, 1e-10, 1e-3]), np.array([7, 7, 7, 21])
    found = Solution(np.ones(4), None, None, gaps, n_passes, 1.0, accepted_gap=5e-10)
    wanted = ["rounding", "stalled", "converged", "max_iter"]
    assert outcomes(found, 20).tolist() == wanted
    assert "larger delta" in advice(found, "stalled", 20)


def test_progress_is_reported():
    seen = []
    problem = make_problem(LogisticLoss(), GroupL2(), n=N)
    found = in_passes(problem, 3, on_pass=lambda *state: seen.append(state))
    assert [n for n, _, _ in seen] == list(range(2, found.n_passes + 1))
    assert seen[-1][1:] == (4, 4)  # the null model is the fourth


# -- folds -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "scaling"),
    [
        (LogisticLoss(), "none"),
        (LogisticLoss(), "groups"),
        (MultinomialLoss(), "none"),
        (PoissonLoss(), "features"),
    ],
)
def test_folds_are_separate_fits(loss, scaling):
    problem = make_problem(loss, GroupL2(), n=2 * N, scaling=scaling)
    ids = np.arange(2 * N) % 4 - 1  # a quarter is never held out
    alphas = alphas_of(problem, SHARES)
    run = Passes(problem, ids=ids)
    found = in_passes(problem, alphas, n_folds=3, run=run)
    assert_same(found.solution, in_memory(problem, alphas), 1e-8)
    for k, fold in enumerate(found.folds):
        apart = in_memory(problem.on_rows(np.flatnonzero(ids != k)), alphas)
        assert_same(fold, apart, 1e-8)
        held = np.flatnonzero(ids == k)
        w = 7.0 * problem.weights[held]
        assert_allclose(found.held_out.weights[k], w.sum())
        for a in range(len(alphas)):
            f = dense(problem.matrix)[held] @ fold.coefs[a] + fold.intercepts[a]
            f += problem.offset[held]
            y = problem.y[held]
            value = loss.value(y, f, w) - loss.lowest(y, w)
            assert_allclose(found.held_out.losses[k, a], value, rtol=1e-9)
            if loss.is_for_classes:
                right = (
                    f.argmax(1) == y.argmax(1) if loss.is_joint else (f * y > 0)[:, 0]
                )
                counts, weights = found.held_out.confusion[k, a]
                assert counts.sum() == len(held)
                assert np.trace(counts) == right.sum()
                assert_allclose(weights.sum(), w.sum())
                assert_allclose(np.trace(weights), w @ right)


def test_the_grid_is_that_of_all_rows():
    problem = make_problem(HuberLoss(), GroupL2(), n=N)
    ids = np.arange(N) % 3
    run, how = Passes(problem, ids=ids), {"eps": 0.1, "tol": 1e-15}
    found = in_passes(problem, 4, n_folds=3, run=run, **how)
    assert found.n_passes <= 15  # the grid does not wait for the null model
    theirs = solve_path(problem, 4, max_iter=20_000, **how)
    assert_same(found.solution, theirs, 1e-8)
    for fold in found.folds:
        assert fold.alphas.tolist() == found.solution.alphas.tolist()


# -- rows --------------------------------------------------------------------------


@settings(max_examples=5, deadline=None)
@given(
    ends=st.lists(st.integers(0, N), max_size=5).map(sorted),
    seed=st.integers(0, 99),
)
def test_chunks_of_any_sizes_in_any_order_give_the_same(ends, seed):
    problem = make_problem(LogisticLoss(), SparseGroupL2(), n=N)
    alphas = [0.02]
    order = np.random.default_rng(seed).permutation(len(ends) + 1)
    found = in_passes(problem, alphas, run=Passes(problem, ends=ends, order=order))
    assert_same(found.solution, in_passes(problem, alphas).solution, 1e-11)


KINDS = {
    "sparse": (sparse.csr_array, 1e-10),
    "columns first": (np.asfortranarray, 1e-10),
    "float32": (lambda X: X.astype(np.float32), 1e-6),
    "sparse float32": (lambda X: sparse.csr_array(X.astype(np.float32)), 1e-6),
    "read-only": (lambda X: np.frombuffer(X.tobytes()).reshape(X.shape), 1e-10),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scaling", ["none", "groups"])
def test_rows_of_any_kind(kind, scaling):
    wrap, rtol = KINDS[kind]
    problem = make_problem(PoissonLoss(), GroupL2(), n=N, scaling=scaling)
    alphas = alphas_of(problem, SHARES)
    found = in_passes(problem, alphas, run=Passes(problem, wrap=wrap)).solution
    assert_same(found, in_memory(problem, alphas), rtol)


@pytest.mark.parametrize("wrap", [None, np.asfortranarray], ids=["rows", "columns"])
@pytest.mark.parametrize("scaling", ["none", "features", "groups"])
def test_means_far_from_zero(wrap, scaling):
    problem = make_problem(LogisticLoss(), GroupL2(), n=N, scaling=scaling)
    X = dense(problem.matrix).copy()
    X = np.round(X * 2**10) / 2**10  # the shift below then rounds nothing
    near = replace(problem, matrix=as_matrix(X))
    far = replace(problem, matrix=as_matrix(X + 2.0**24))
    alphas = alphas_of(near, SHARES)
    ours = in_passes(far, alphas, run=Passes(far, wrap=wrap)).solution
    theirs = in_memory(near, alphas)
    assert_allclose(ours.coefs, theirs.coefs, rtol=0, atol=1e-8)
    fits = (
        X @ ours.coefs + (ours.intercepts + 2.0**24 * ours.coefs.sum(axis=1))[:, None]
    )
    assert_allclose(fits, X @ theirs.coefs + theirs.intercepts[:, None], atol=1e-5)


def test_weights_are_repeated_rows():
    problem = make_problem(GammaLoss(), SparseGroupL2(), n=N)
    times = np.random.default_rng(0).integers(0, 4, size=N)
    often = np.repeat(np.arange(N), times)
    weighted = replace(problem, weights=times / times.sum())
    repeated = replace(
        problem,
        matrix=as_matrix(dense(problem.matrix)[often]),
        y=problem.y[often],
        offset=problem.offset[often],
        weights=np.full(len(often), 1 / len(often)),
    )
    ours = in_passes(weighted, 3, eps=0.05).solution
    assert_same(ours, in_passes(repeated, 3, eps=0.05).solution, 1e-9)


def test_constant_columns_and_copies_do_no_harm():
    problem = make_problem(PoissonLoss(), GroupL2(), n=N)
    X = dense(problem.matrix).copy()
    X[:, 5] = 1e6
    X[:, 3] = X[:, 7]
    problem = replace(problem, matrix=as_matrix(X))
    alphas = alphas_of(problem, SHARES)
    assert_same(in_passes(problem, alphas).solution, in_memory(problem, alphas), 1e-8)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_without_a_penalty(fit_intercept):
    problem = make_problem(
        PoissonLoss(), SparseGroupL2(), n=N, fit_intercept=fit_intercept
    )
    ids = np.arange(N) % 2
    alphas = [*alphas_of(problem, (0.1,)), 0.0]
    run = Passes(problem, ids=ids)
    found = in_passes(problem, alphas, tol=1e-15, n_folds=2, run=run)
    assert_same(found.solution, in_memory(problem, alphas), 1e-8)
    assert found.held_out.losses.shape == (2, 2)
    apart = in_memory(problem.on_rows(np.flatnonzero(ids != 1)), alphas)
    assert_same(found.folds[1], apart, 1e-8)


def test_coefficients_are_rounded_to_the_wanted_precision():
    problem = make_problem(LogisticLoss(), GroupL2(), n=N, dtype=np.float32)
    coefs = in_passes(problem, [0.01], tol=1e-6).solution.coefs
    assert coefs.any()
    assert (coefs == coefs.astype(np.float32)).all()


# -- requests ----------------------------------------------------------------------


@pytest.mark.parametrize("loss", [LogisticLoss(), PoissonLoss(), MultinomialLoss()])
def test_answers_are_the_sums_that_they_say(loss):
    problem = make_problem(loss, GroupL2(), n=N)
    X, y, q = dense(problem.matrix), problem.y, problem.y.shape[1]
    rng = np.random.default_rng(0)
    coef, b = 0.1 * rng.normal(size=(P, q)), rng.normal(size=q)
    shift, ids, columns = X.mean(axis=0), np.arange(N) % 3 - 1, np.array([1, 4, 10])
    before = (np.zeros((P, q)), b)
    point = Point(coef, b, 1, before, (0.25,), columns, scale=0.9)
    shared = replace(point, fold=None, by_part=True)
    run = Passes(problem, ids=ids)
    ours, parts = run(Points((point, shared), shift, n_folds=2)).points

    Z = np.column_stack([X - shift, np.ones(N)])
    w = 7.0 * problem.weights * (ids != 1)
    models = np.vstack([coef, b]), np.vstack(before)

    def value(model):
        return loss.value(y, Z @ model + problem.offset, w)

    assert_allclose(ours.losses[0], value(models[0]))
    assert_allclose(ours.losses[1], value(0.25 * models[0] + 0.75 * models[1]))
    f = Z @ models[0] + problem.offset
    v = loss.gradient(y, f)
    assert_allclose(ours.gradient, Z.T @ (w[:, None] * v), atol=1e-12)
    assert_allclose(ours.conjugate, loss.conjugate(y, 0.9 * v, w))
    numbers = [np.sum(w[:, None] * v * f), np.sum(w[:, None] * abs(v) * (1 + abs(f)))]
    assert_allclose([ours.fit, ours.size], numbers)
    pairs = [(t, t) for t in range(q)]
    if loss.is_joint:
        pairs = [(s, t) for s in range(q) for t in range(s, q)]
    own = Z[:, [*columns, P]]
    h = 1e-5
    for H, (s, t) in zip(ours.hessian[0], pairs, strict=True):
        step = h * np.eye(q)[t]
        rates = loss.gradient(y, f + step) - loss.gradient(y, f - step)
        numeric = own.T @ ((w * rates[:, s] / (2 * h))[:, None] * own)
        assert_allclose(H, numeric, rtol=1e-6, atol=1e-6)
    assert_allclose(parts.hessian[[0, 1]].sum(axis=0), ours.hessian[0])


def test_the_first_look_is_that_of_whole_columns():
    problem = make_problem(PoissonLoss(), GroupL2(), n=N, q=2)
    X, y = dense(problem.matrix), problem.y
    ids, groups = np.arange(N) % 3 - 1, (np.array([0, 3]), np.array([1]))
    for wrap in (None, sparse.csr_array):
        sight = Passes(problem, ids=ids, wrap=wrap)(FirstLook(2, groups))
        own = sight.of_training_rows(0)
        w = 7.0 * problem.weights * (ids != 0)
        mean, mean_y = w @ X / w.sum(), w @ y / w.sum()
        Z, r = X - mean, y - mean_y
        assert own.n_rows[0] == np.count_nonzero(w)
        assert_allclose(own.weight[0], w.sum())
        assert_allclose(own.mean[0], mean)
        assert_allclose(own.square[0], w @ Z**2)
        assert_allclose(own.mean_y[0], mean_y)
        assert_allclose(own.square_y[0], w @ r**2)
        assert_allclose(own.cross[0], Z.T @ (w[:, None] * r), atol=1e-12)
        assert_allclose(own.mean_offset[0], w @ problem.offset / w.sum())
        assert_allclose(own.grams[0][0], (w[:, None] * Z[:, [0, 3]]).T @ Z[:, [0, 3]])
        assert_allclose(own.lowest[0], problem.loss.lowest(y, w))


# -- what cannot be done -----------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "penalty", "message"),
    [
        (QuantileLoss(), GroupL2(), "in passes: QuantileLoss has kinks.*HuberLoss"),
        (LogisticLoss(), GroupMCP(), "in passes: GroupMCP is not convex.*GroupL2"),
        (LogisticLoss(), GroupSLOPE(), "in passes: GroupSLOPE couples its groups"),
    ],
)
def test_what_passes_cannot_do_is_refused_with_a_reason(loss, penalty, message):
    problem = make_problem(loss, GroupL2(), n=N)
    problem = replace(problem, penalty=penalty)
    with pytest.raises(ValueError, match=message):
        in_passes(problem, [0.1])


def test_constraints_on_what_is_free_are_refused():
    problem = make_problem(LogisticLoss(), GroupL2(), n=N)
    problem = replace(problem, penalty=GroupL2(positive=True))
    with pytest.raises(ValueError, match="positive=True with unpenalised groups"):
        in_passes(problem, [0.1])


def test_responses_out_of_the_domain_are_refused():
    problem = make_problem(PoissonLoss(), GroupL2(), n=N)
    y = problem.y.copy()
    y[30] = -1.0
    with pytest.raises(ValueError, match="must be nonnegative"):
        in_passes(replace(problem, y=y), [0.1])
    with pytest.raises(ValueError, match="is zero in all samples"):
        in_passes(replace(problem, y=0 * y), [0.1])


def test_folds_without_rows_are_refused():
    problem = make_problem(LogisticLoss(), GroupL2(), n=N)
    run = Passes(problem, ids=np.zeros(N, dtype=int))
    with pytest.raises(ValueError, match="no test sample"):
        in_passes(problem, [0.1], n_folds=2, run=run)
    with pytest.raises(ValueError, match="no training sample"):
        in_passes(problem, [0.1], n_folds=1, run=run)
