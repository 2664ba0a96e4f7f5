"""The search of L-BFGS itself: the minima it finds, the memory it keeps, why it stops."""

import numpy as np
import pytest
from scipy.optimize import minimize, rosen, rosen_der

from chainrule.training.curvature import descend

OPTIONS = {"gradient_tolerance": 1e-8, "max_iterations": 500, "max_evaluations": 5000}
START = np.array([-1.2, 1.0, -0.5, 2.0])


def rosenbrock(point):
    return float(rosen(point)), rosen_der(point)


def run(question, start, pairs=(), **options):
    with np.errstate(all="ignore"):
        search = descend(question, np.array(start), pairs, **OPTIONS | options)
        found = []
        while True:
            try:
                found.append(next(search))
            except StopIteration as end:
                return found, end.value


@pytest.mark.slow
def test_a_curved_valley_takes_no_more_than_with_scipy():
    questions = theirs = 0
    for seed in range(20):
        start = np.random.default_rng(seed).normal(size=6)
        found, reason = run(rosenbrock, start)
        assert reason == "converged"
        # the second is the other minimum
        assert found[-1].value < 1e-12 or found[-1].value == pytest.approx(3.97, abs=0.01)
        values = [point.value for point in found]
        assert values == sorted(values, reverse=True)
        questions += sum(point.evaluations for point in found)
        options = {"gtol": 1e-8, "ftol": 0.0}
        theirs += minimize(rosen, start, jac=rosen_der, method="L-BFGS-B", options=options).nfev
    assert questions < 1.1 * theirs


def test_a_quadratic_of_few_dimensions_is_learnt():
    slopes = np.array([1.0, 10.0, 100.0])
    found, reason = run(lambda p: (float(0.5 * slopes @ p**2), slopes * p), [1.0, 1.0, 1.0])
    assert reason == "converged"
    assert len(found) < 20
    np.testing.assert_allclose(found[-1].vector, 0.0, atol=1e-8)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_short_calls_go_the_way_of_a_long_one(dtype):
    long, _ = run(rosenbrock, START.astype(dtype), max_iterations=25)
    point, pairs = START.astype(dtype), ()
    for there in long:
        (one,), reason = run(rosenbrock, point, pairs, max_iterations=1)
        assert reason == "max_iter"
        point, pairs = one.vector.astype(dtype), one.pairs
        np.testing.assert_array_equal(point, one.vector)
        assert (one.vector.tobytes(), one.value) == (there.vector.tobytes(), there.value)
    assert len(pairs) == 10


def test_a_memory_that_misleads_is_given_up():
    steps = np.eye(4)
    upwards = tuple((step, -step) for step in steps)  # as if the function bent down everywhere
    tiny = tuple((step, 1e30 * step) for step in steps)  # as if no step could be small enough
    for pairs in (upwards, tiny):
        found, reason = run(rosenbrock, START, pairs)
        assert reason == "converged"
        assert rosenbrock(found[-1].vector)[0] < 1e-12


def test_steps_without_curvature_are_not_remembered():
    found, reason = run(lambda p: (float(-p.sum()), -np.ones_like(p)), START, max_iterations=3)
    assert reason == "max_iter"
    assert [point.pairs for point in found] == [(), (), ()]


def test_kinks_have_no_point_of_wolfe_and_are_walked_down():
    weights = np.array([1.0, 3.0])

    def question(point):
        return float(weights @ np.abs(point)), weights * np.sign(point)

    found, reason = run(question, [3.3, -2.7])
    assert reason in ("converged", "no_improvement")
    assert found[-1].value < 0.5


@pytest.mark.parametrize(
    ("options", "reason", "most"),
    [
        ({"max_iterations": 3}, "max_iter", 3),
        ({"max_evaluations": 3}, "max_fun", 3),
        ({"gradient_tolerance": 1e9}, "converged", 0),
    ],
)
def test_reasons(options, reason, most):
    found, why = run(rosenbrock, START, **options)
    assert why == reason
    assert len(found) <= most


def test_a_gradient_that_leads_upwards_ends_the_search():
    found, reason = run(lambda p: (float(p @ p), -2.0 * p), START)
    assert (found, reason) == ([], "no_improvement")


@pytest.mark.parametrize("size", [1e-150, 1.0, 1e150, 1e300])
def test_the_size_of_the_values_is_no_matter(size):
    found, _ = run(lambda p: (size * float(p @ p), 2.0 * size * p), START, gradient_tolerance=0.0)
    assert np.abs(found[-1].vector).max() < (1e-6 if size >= 1.0 else 1.3)


def test_a_step_into_infinity_is_shortened():
    def question(point):
        return float(np.sum(np.exp(point) - 2.0 * point)), np.exp(point) - 2.0

    found, reason = run(question, [-800.0, 5.0])
    assert reason == "converged"
    np.testing.assert_allclose(found[-1].vector, np.log(2.0), rtol=1e-6)
