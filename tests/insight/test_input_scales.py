"""What is said of the inputs, on both sides of each threshold, and what advice it becomes."""

import numpy as np
import pytest

from chainrule import Network, Objective, explain
from chainrule.engines.engine import Rows
from chainrule.insight.input_scales import look_at_columns, scale_words
from chainrule.insight.report.data_seen import data_seen
from chainrule.insight.report.material import Material
from chainrule.insight.subject import Subject

SIGNS = np.tile([1.0, -1.0], 50)


def found(*columns):
    x = np.stack(columns, axis=1)
    names = [f"x{k}" for k in range(1, len(columns) + 1)]
    return dict(scale_words(look_at_columns(Rows(x, np.zeros((len(x), 1)))), names))


def test_scales_that_differ_by_more_than_100():
    assert found(SIGNS, 99.0 * SIGNS) == {}
    words = found(SIGNS, 101.0 * SIGNS)["scales"]
    assert words.startswith("x2 is 101 times the size of x1")
    assert "more than 100 times" in words


def test_a_feature_that_is_not_0_in_a_tenth_of_the_rows_counts():
    rare = np.zeros(100)
    rare[:9] = 1e5
    assert found(SIGNS, rare) == {}
    rare[9] = 1e5
    assert set(found(SIGNS, rare)) == {"scales"}


def test_a_mean_of_more_than_30_spreads():
    assert found(29.0 + SIGNS) == {}
    words = found(31.0 + SIGNS)["offset"]
    assert words == (
        "x1 lies far from 0, with mean 31 and spread 1, more than 30 spreads: standardise the "
        "features"
    )
    assert set(found(-31.0 + SIGNS)) == {"offset"}


def test_only_more_than_two_whole_ranges_from_0_is_far():
    """One row of 10 000 makes the range 1, while the spread stays 0.01."""
    one = np.zeros(10_000)
    one[7] = 1.0
    assert found(1.9 + one) == {}
    assert set(found(2.1 + one)) == {"offset"}


def test_a_far_feature_is_advised_to_be_standardised_and_not_left_out():
    network = Network.of_widths([2, 4, 1], "tanh")
    x = np.stack([SIGNS, 50.0 + SIGNS], axis=1)
    section = data_seen(Material(Subject.of(Objective(network, "mse"), network.start(0), x, SIGNS)))
    (advice,) = section.advice
    assert "StandardScaler" in advice.do
    assert "x2 lies far from 0" in advice.because
    (sentence,) = [one.text for one in section.items if "far from 0" in getattr(one, "text", "")]
    assert sentence.startswith("Offset: x2")


@pytest.mark.grid(2)
@pytest.mark.parametrize(("kind", "scale"), [("constant", 0.0), ("scales", 1e4)])
def test_the_words_of_the_other_kinds(kind, scale):
    network = Network.of_widths([2, 4, 1], "tanh")
    x = np.stack([SIGNS, scale * SIGNS], axis=1)
    text = explain((network, network.start(0)), x, SIGNS).to_text()
    assert f"{kind.capitalize()}: " in text
