"""From scores to predictions, by the link of any loss."""

import threading
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from chainrule import Network, optimizers
from chainrule.engines.choice import choose_engine
from chainrule.engines.compiled.engine import CompiledEngine
from chainrule.engines.reference import ReferenceEngine
from chainrule.formulas.loss import losses
from chainrule.formulas.losses import Poisson
from chainrule.formulas.records import Activation
from chainrule.model.objective import Objective

SGD = optimizers.get("sgd")
TOLERANCE = {"float32": 4e-7, "float64": 1e-15}
ROWS = (0, 1, 3, 4, 7, 8, 9, 16, 61)


def engines(loss, k=3):
    objective = Objective(Network.of_widths([2, 4, k]), loss)
    return [kind(objective, SGD) for kind in (CompiledEngine, ReferenceEngine)]


def scores_of(n, k, dtype, seed=0):
    return (6.0 * np.random.default_rng(seed).normal(size=(n, k))).astype(dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("k", [1, 2, 3, 10])
@pytest.mark.parametrize("loss", list(losses))
def test_they_are_those_of_the_reference_engine(loss, k, dtype):
    compiled, reference = engines(loss)
    for n in ROWS:
        scores = scores_of(n, k, dtype)
        before = scores.tobytes()
        got, expected = compiled.predictions(scores), reference.predictions(scores)
        assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
        np.testing.assert_allclose(got, expected, rtol=TOLERANCE[dtype], atol=0)
        assert scores.tobytes() == before
        assert not np.shares_memory(got, scores)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("loss", ["categorical_cross_entropy", "binary_cross_entropy", "poisson"])
def test_a_row_has_the_same_bits_alone_as_among_others(loss, dtype):
    compiled, _ = engines(loss)
    scores = scores_of(61, 3, dtype)
    together = compiled.predictions(scores)
    for row in range(61):
        np.testing.assert_array_equal(compiled.predictions(scores[row : row + 1])[0], together[row])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("loss", ["categorical_cross_entropy", "binary_cross_entropy", "poisson"])
def test_infinity_and_no_number_keep_their_meaning(loss, dtype):
    compiled, reference = engines(loss)
    largest = np.finfo(dtype).max
    extremes = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, largest, -largest, 700.0, -700.0])
    scores = np.array([[a, b] for a in extremes for b in extremes], dtype)
    got, expected = compiled.predictions(scores), reference.predictions(scores)
    np.testing.assert_allclose(got, expected, rtol=TOLERANCE[dtype], atol=np.finfo(dtype).tiny)


def test_scores_that_lie_anyhow():
    compiled, reference = engines("categorical_cross_entropy")
    wide = scores_of(40, 9, "float64")
    read_only = wide[:, :3].copy()
    read_only.flags.writeable = False
    for scores in (wide[::2, ::3], wide[:5, 4:7], wide[:30:10, ::-3], wide.T[:9], read_only):
        np.testing.assert_allclose(
            compiled.predictions(scores), reference.predictions(scores), rtol=1e-14
        )
    for dtype in ("float16", ">f4"):
        scores = wide.astype(dtype)
        np.testing.assert_array_equal(
            compiled.predictions(scores), reference.predictions(scores), strict=True
        )


def test_two_threads_at_once():
    compiled, _ = engines("categorical_cross_entropy")
    pairs = [
        (scores, compiled.predictions(scores))
        for scores in (
            scores_of(n, 3, "float32", seed) for seed, n in enumerate([1, 2, 5, 7, 90, 33])
        )
    ]
    wrong = []

    def ask(scores, expected):
        wrong.extend(
            scores for _ in range(300) if not np.array_equal(compiled.predictions(scores), expected)
        )

    threads = [threading.Thread(target=ask, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@dataclass(frozen=True)
class Counted(Activation):
    name = "counted"
    latex = r"z"
    slope_latex = r"1"
    range = (0.0, np.inf)
    source = "none: a link that no compiler can follow"

    def value(self, xp, z):
        return xp.cumulative_sum(z, axis=-1)

    def slope(self, xp, z, a):
        return xp.ones_like(z)


@dataclass(frozen=True)
class Foreign(Poisson):
    name = "foreign"
    link: ClassVar[Activation] = Counted()


def test_a_link_that_cannot_be_compiled_is_computed_by_its_formula():
    objective = Objective(Network.of_widths([2, 3]), Foreign())
    scores = scores_of(11, 3, "float64")
    engine = choose_engine("auto", objective, SGD)
    np.testing.assert_array_equal(engine.predictions(scores), np.cumsum(scores, axis=1))
    engine.scores(objective.network.start().vector, np.zeros((1, 2)))
    assert engine.name == "compiled"
