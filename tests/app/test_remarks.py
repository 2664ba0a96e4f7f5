"""What is told of targets, columns and answers, on both sides of each number that decides it."""

import numpy as np
import polars as pl
import pytest

from chainrule.app.remarks import tell_of_answers, tell_of_target
from chainrule.app.settings import Settings

RANDOM = np.random.default_rng(51)


def told_of(columns: dict[str, object], task: str = "regression") -> list[str]:
    """Return what is told of a table whose target is the column y."""
    frame = pl.DataFrame(columns)
    told: list[str] = []
    y = np.array(frame["y"].to_list())
    tell_of_target(frame, "y", y, task, Settings(), told.append)
    return told


@pytest.mark.parametrize(("rows", "told"), [(19, 0), (20, 1)])
def test_twenty_rows_are_enough_to_say_something(rows: int, told: int) -> None:
    y = np.arange(float(rows))
    assert len(told_of({"x": 3.0 * y + 1.0, "y": y})) == told


@pytest.mark.parametrize(("others", "told"), [(5, 1), (6, 0)])
def test_19_of_20_are_nearly_all(others: int, told: int) -> None:
    y = np.array(["no"] * (100 - others) + ["yes"] * others)
    (words,) = told_of({"x": RANDOM.normal(size=100), "y": y}, "classification") or ("",)
    assert ("is 'no' in 95 of 100 rows to train on (95.0 %)" in words) == bool(told)
    assert ("--class-weight balanced" in words) == bool(told)


@pytest.mark.parametrize(("noise", "told"), [(0.9e-6, 1), (1.1e-6, 0)])
@pytest.mark.parametrize("how", ["unit", "logarithm"])
def test_a_millionth_of_the_spread_may_be_left(noise: float, told: int, how: str) -> None:
    y = RANDOM.uniform(1.0, 2.0, size=400)
    of = y if how == "unit" else np.log(y)
    left = RANDOM.choice([-1.0, 1.0], size=400)
    x = of + noise * np.std(of) * left
    words = told_of({"x": x, "y": y})
    assert len(words) == told
    assert not told or {"unit": "another unit", "logarithm": "the logarithm"}[how] in words[0]


@pytest.mark.parametrize(("bins", "told"), [(2, 0), (3, 1), (20, 1), (21, 0)])
def test_three_to_twenty_texts_may_be_bins(bins: int, told: int) -> None:
    y = np.arange(420.0)
    x = [f"bin {int(value * bins / 420):02}" for value in y]
    words = told_of({"x": x, "y": y})
    assert ["a range of the target" in one for one in words] == [True] * told


@pytest.mark.parametrize(("rows", "looked"), [(3999, "3,999"), (4000, "2,000"), (6100, "2,034")])
def test_about_two_thousand_rows_are_looked_at(rows: int, looked: str) -> None:
    y = RANDOM.normal(size=rows)
    (words,) = told_of({"x": 2.0 * y, "y": y})
    assert f"in all {looked} rows looked at" in words


@pytest.mark.parametrize(("share", "told"), [(0.0099, 1), (0.0101, 0)])
def test_answers_within_a_hundredth_of_the_spread_are_one(share: float, told: int) -> None:
    y = np.tile([0.0, 2.0], 50)
    found: list[str] = []
    tell_of_answers(5.0 + share * (y - 1.0), y, "regression", found.append)
    assert len(found) == told


@pytest.mark.parametrize(("others", "told"), [(10, 0), (11, 1)])
def test_predicting_one_class_is_reported_unless_nine_tenths_are_of_it(
    others: int, told: int
) -> None:
    y = np.array(["no"] * (100 - others) + ["yes"] * others)
    found: list[str] = []
    tell_of_answers(np.full(100, "no"), y, "classification", found.append)
    assert len(found) == told
