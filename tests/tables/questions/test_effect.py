"""The effect of a column: the same as predicting the table with that column filled."""

import numpy as np
import polars as pl
import pytest
from sklearn.inspection import partial_dependence

from chainrule import TabularRegressor
from chainrule.foundation.errors import InputError
from chainrule.tables.questions.effect import EffectDisplay

COLUMNS = ["age", "town", "member", "since", "noise"]


def filled(case, model, column, cell):
    """Return the answers out of fold where a column holds one cell in all rows."""
    frame = case.frame.with_columns(pl.lit(cell, dtype=case.frame[column].dtype).alias(column))
    out = None
    for member in model.members_:
        found = model.combined([(member, member.inputs(frame[member.held]))])
        out = np.empty((frame.height, *found.shape[1:])) if out is None else out
        out[member.held] = found
    return out


@pytest.mark.grid(13)
@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("name", ["classifier", "regressor"])
def test_the_mean_is_that_of_the_table_filled(case, name, column):
    model, _ = case.of(name)
    found = model.effect(case.frame, column, points=7)
    assert found.out_of_fold
    assert 2 <= len(found.cells) <= 7
    for cell, mean in zip(found.cells, found.mean, strict=True):
        answers = filled(case, model, column, cell)
        expected = answers[:, 1] if answers.ndim == 2 else answers
        assert mean == pytest.approx(expected.mean(), rel=1e-6)
    assert found.curves.shape == (50, len(found.cells))
    every = model.effect(case.frame, column, points=7, curves=len(case.prices))
    np.testing.assert_allclose(every.curves.mean(axis=0), found.mean, rtol=1e-9)


def test_the_numbers_are_those_of_scikit_learn():
    random = np.random.default_rng(3)
    X = random.normal(size=(300, 3))
    y = np.sin(2.0 * X[:, 0]) + X[:, 1]
    model = TabularRegressor("fast", random_state=0, options={"max_iter": 10}).fit(X, y)
    other = random.normal(size=(200, 3))
    found = model.effect(other, "x0", points=9, curves=200)
    expected = partial_dependence(
        model, other, [0], kind="both", custom_values={0: np.array(found.cells)}
    )
    np.testing.assert_allclose(found.mean, expected["average"][0], rtol=1e-6)
    np.testing.assert_allclose(found.curves, expected["individual"][0], rtol=1e-6)


def test_cells_are_cells_of_the_table(case):
    ages = case.classifier.effect(case.frame, "age", points=5)
    known = case.frame["age"].drop_nulls()
    assert set(ages.cells) <= set(known)
    assert ages.cells[0] == known.quantile(0.05, "nearest")
    assert ages.cells[-1] == known.quantile(0.95, "nearest")
    towns = case.classifier.effect(case.frame, "town")
    assert towns.cells == ("Bern", "Genf", "Rom")
    assert towns.places is None
    assert case.classifier.effect(case.frame, "member").cells == (False, True)
    days = case.regressor.effect(case.frame, "since", points=4)
    assert days.cells == tuple(sorted(days.cells))


def test_numbers_and_dates_that_are_written_as_text():
    texts = pl.DataFrame({
        "price": [f"1,{n:03}.5" for n in range(120)],
        "day": [f"{1 + n % 28:02}/{1 + n % 12:02}/2020" for n in range(120)],
    })  # fmt: skip
    model = TabularRegressor("fast", random_state=0, options={"max_iter": 3})
    model.fit(texts, np.arange(120.0))
    assert {kind for _, kind, _ in model.describe()} == {"number", "date"}
    texts = texts[1:]  # another table, of which all rows are looked at
    prices = model.effect(texts, "price", points=4)
    assert prices.cells[0] == "1,007.5"
    np.testing.assert_array_equal(prices.places, np.sort(prices.places))
    days = model.effect(texts, "day", points=3)
    assert [one[3:5] for one in days.cells] == sorted(one[3:5] for one in days.cells)


@pytest.mark.slow
def test_a_class_of_several_and_the_usual_one(case):
    model, _ = case.of("several")
    usual = model.effect(case.frame, "age")
    assert usual.answer.name == "probability of other"
    young = model.effect(case.frame, "age", label="young")
    assert young.mean[0] > 0.5 > young.mean[-1]
    with pytest.raises(InputError, match="label must be one of the classes 'other', 'roman'"):
        model.effect(case.frame, "age", label="old")


@pytest.mark.slow
def test_the_text_and_the_pictures(case, drawn):
    found = case.classifier.effect(case.frame, "age", points=6)
    lines = str(found).splitlines()
    assert lines[0].startswith("probability of yes where age is the same in all of 400 rows")
    assert len(lines) == 2 + 6
    for column in COLUMNS:
        display = drawn(EffectDisplay.from_estimator(case.classifier, case.frame, column))
        np.testing.assert_allclose(display.mean_.get_ydata(), display.effect.mean)
        assert len(display.curves_) == 50


@pytest.mark.parametrize(("column", "how", "words"), [
    ("aeg", {}, "column must be a column that the model uses; got 'aeg'. Did you mean 'age'"),
    ("age", {"points": 0}, "points must be a positive integer; got 0"),
    ("age", {"label": "yes"}, "label must be None for a regression"),
])  # fmt: skip
def test_invalid_arguments_are_refused(case, column, how, words):
    with pytest.raises(InputError, match=words):
        case.regressor.effect(case.frame, column, **how)
