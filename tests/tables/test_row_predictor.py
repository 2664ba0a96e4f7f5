"""`predictor` of the estimators of tables: one raw row, the answer of `predict` for it."""

import threading
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import InputError, TabularClassifier, TabularRegressor
from chainrule.interop.one_row import OneRow
from chainrule.interop.preparation import Preparation

FEW = {"max_iter": 3, "hidden_layer_sizes": (8,)}


def table(seed, rows=80):
    """Return columns of every kind, with gaps in some."""
    random = np.random.default_rng(seed)
    gaps = random.random((rows, 6)) < 0.2
    towns, days = ["Nord", " Süd", "West", "rare"], random.integers(0, 9000, rows)
    columns = {
        "number": random.lognormal(3.0, 2.0, rows).tolist(),
        "whole": random.integers(-9, 10**6, rows).tolist(),
        "town": random.choice(towns, rows, p=[0.4, 0.3, 0.29, 0.01]).tolist(),
        "code": random.choice(["01", "02", "30"], rows).tolist(),
        "lift": (random.random(rows) < 0.5).tolist(),
        "built": [date(1990, 1, 1) + timedelta(int(day)) for day in days],
    }
    for place, name in enumerate(columns):
        if seed % 2 or place % 2:
            cells = zip(gaps[:, place], columns[name], strict=True)
            columns[name] = [None if gap else cell for gap, cell in cells]
    columns["price"] = [f"{number:,.2f}" for number in random.lognormal(8.0, 1.0, rows)]
    return pl.DataFrame(columns)


@pytest.mark.slow
@given(st.integers(0, 10_000), st.sampled_from(["scale", "target", "quantiles"]))
def test_the_same_bits_as_a_table_of_one_row(seed, encoding):
    frame = table(seed)
    y = np.arange(frame.height) % 3
    preparation = Preparation.fit(frame, encoding=encoding, y=y)
    one_row = OneRow(preparation)
    for row in frame[:6].iter_rows(named=True):
        expected = preparation.transform(pl.DataFrame([row], schema=frame.schema))
        np.testing.assert_array_equal(one_row(row), expected)


@pytest.mark.grid(3)
@pytest.mark.parametrize(
    "odd",
    [
        {"number": "12.5"},
        {"number": " NA "},
        {"number": True},
        {"number": float("nan")},
        {"number": float("inf")},
        {"number": -(10**400) // 10**395},
        {"whole": np.float32(3.5)},
        {"whole": 2**70},
        {"town": "nowhere"},
        {"town": "  West "},
        {"town": ""},
        {"town": 3},
        {"town": True},
        {"code": "1"},
        {"lift": "yes"},
        {"lift": 1},
        {"lift": 0.0},
        {"built": "2001-05-31"},
        {"built": None},
        {"price": "1,234.50"},
        {"price": 1234.5},
    ],
    ids=str,
)
def test_odd_cells_are_read_as_in_a_table(odd):
    frame = table(1)
    preparation = Preparation.fit(frame)
    row = frame.row(3, named=True) | odd
    cells = [pl.Series(name, [cell], strict=False) for name, cell in row.items()]
    expected = preparation.transform(pl.DataFrame(cells))
    np.testing.assert_array_equal(OneRow(preparation)(row), expected)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"town": "West"}, "the row must have the columns of .*; missing: 'number'"),
        ({"number": "big"}, "column 'number' must hold numbers, as at training; got 'big'"),
        ({"built": "soon"}, "column 'built' must hold dates"),
        ({"lift": "perhaps"}, "column 'lift' must hold true and false"),
    ],
)
def test_what_is_refused(row, words):
    frame = table(2)
    whole = frame.row(0, named=True) | row if "town" not in row else row
    with pytest.raises(InputError, match=words):
        OneRow(Preparation.fit(frame))(whole)


@pytest.fixture(scope="module")
def classifier():
    frame = table(3)
    labels = np.array(["dear", "cheap"])[(frame["number"].fill_null(0.0) < 20.0).cast(int)]
    return frame, TabularClassifier("fast", options=FEW, random_state=0).fit(frame, labels)


def test_classes(classifier):
    frame, model = classifier
    labels, chances = model.predictor(), model.predictor("predict_proba")
    for number, row in enumerate(frame[:30].iter_rows(named=True)):
        alone = frame[number : number + 1]
        assert labels(row) == model.predict(alone)[0]
        np.testing.assert_array_equal(chances(row), model.predict_proba(alone)[0])
        np.testing.assert_array_equal(chances(tuple(row.values())), chances(row))
    assert repr(labels).startswith("predictor: predict of ")
    with pytest.raises(InputError, match=r"row must be a dict, or 7 cells .*; got '2 cells'"):
        labels((1.0, 2.0))
    with pytest.raises(InputError, match="method must be predict or predict_proba"):
        model.predictor("predict_interval")
    with pytest.raises(ValueError, match="not fitted"):
        TabularClassifier().predictor()


def test_numbers():
    frame = table(4)
    y = frame["number"].fill_null(5.0).to_numpy()
    model = TabularRegressor("fast", options=FEW, random_state=0).fit(frame.drop("number"), y)
    answer = model.predictor()
    for number, row in enumerate(frame[:30].iter_rows(named=True)):  # another column is ignored
        assert answer(row) == model.predict(frame[number : number + 1])[0]


@pytest.mark.slow
def test_threads_share_one(classifier):
    frame, model = classifier
    answer, expected = model.predictor("predict_proba"), model.predict_proba(frame)
    rows, wrong = list(frame.iter_rows(named=True)), []

    def ask(first):
        for turn in range(100):
            number = (first + turn) % len(rows)
            if not np.array_equal(answer(rows[number]), expected[number]):
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(13 * number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
