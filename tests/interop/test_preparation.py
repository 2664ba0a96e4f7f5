"""Tables become numbers: what each kind of column learns, and what a row becomes."""

import json
import math
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.foundation.errors import FileFormatError, InputError
from chainrule.interop.preparation import Preparation

DAYS = [datetime(2023, 1, 1, 6) + timedelta(days=37 * n, hours=5 * n) for n in range(12)]


def mixed(rows: int = 12) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "carat": [None if n % 5 == 4 else 0.2 + 0.1 * n for n in range(rows)],
            "cut": [["Ideal", "Good", "Fair"][n % 3] for n in range(rows)],
            "sold": [DAYS[n % 12].strftime("%Y-%m-%dT%H:%M") for n in range(rows)],
            "new": [n % 4 == 0 for n in range(rows)],
            "shop": ["A"] * rows,
            "note": [None] * rows,
            "price": [300 + 10 * n for n in range(rows)],
        }
    )


def test_numbers_are_centred_on_the_median_and_missing_ones_flagged() -> None:
    frame = pl.DataFrame({"x": [1.0, 2.0, 3.0, 4.0, None], "y": [0, 1, 0, 1, 0]})
    out = Preparation.fit(frame, target="y").transform(frame)
    assert out.dtype == np.float32
    median, spread = 2.5, (3.25 - 1.75) / 1.3489795003921634
    t = (np.array([1.0, 2.0, 3.0, 4.0]) - median) / spread
    np.testing.assert_allclose(out[:4, 0], t / np.sqrt(1 + (t / 3) ** 2), rtol=1e-6)
    assert out[4].tolist() == [0.0, 1.0]
    assert out[:4, 1].tolist() == [0.0] * 4


def test_a_number_far_out_stays_bounded() -> None:
    frame = pl.DataFrame({"x": [1.0, 2.0, 3.0, 4.0]})
    preparation = Preparation.fit(frame)
    far = pl.DataFrame({"x": [1e300, -1e300, math.inf, -math.inf]})
    out = preparation.transform(far)[:, 0]
    np.testing.assert_allclose(out, [3, -3, 3, -3], rtol=1e-6)


def test_a_column_without_quartile_range_takes_the_standard_deviation() -> None:
    frame = pl.DataFrame({"gain": [0.0] * 99 + [100.0]})
    out = Preparation.fit(frame).transform(frame)[:, 0]
    assert out[0] == 0.0
    assert 2.0 < out[-1] < 3.0


def test_text_that_is_mostly_numbers_is_read_as_numbers() -> None:
    cells = [str(n) for n in range(200)] + ["?", "unknown"]
    told: list[str] = []
    preparation = Preparation.fit(pl.DataFrame({"x": cells}), tell=told.append)
    assert preparation.feature_names == ("x", "x missing")
    assert preparation.transform(pl.DataFrame({"x": ["NA", "odd"]})).tolist() == [[0, 1], [0, 1]]
    assert told == ["column 'x' is read as numbers; 1 cell with other text taken as missing"]


def test_categories_have_a_slot_each_and_one_for_the_rare_and_unknown() -> None:
    frame = pl.DataFrame({"c": ["a", "a", "b", "b", "only once"]})
    preparation = Preparation.fit(frame)
    assert preparation.feature_names == ("c=a", "c=b", "c other")
    new = pl.DataFrame({"c": ["b", "never seen", " a "]})
    assert preparation.transform(new).tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]


def test_an_unknown_category_without_a_trained_slot_is_the_average_row_and_reported() -> None:
    frame = pl.DataFrame({"c": ["a", "a", "a", "b", "b"] * 2})
    told: list[str] = []
    out = Preparation.fit(frame).transform(pl.DataFrame({"c": ["z", None]}), tell=told.append)
    np.testing.assert_allclose(out, [[0.6, 0.4]] * 2, rtol=1e-6)
    assert told == [
        "column 'c': 1 cell of categories not seen at training, the first 'z' in row 1",
        "column 'c': 1 missing cell, none at training; taken as the average row",
    ]


def test_whole_floats_and_integers_are_one_category() -> None:
    preparation = Preparation.fit(pl.DataFrame({"c": ["1", "1", "2", "2", "x", "x"]}))
    integers = preparation.transform(pl.DataFrame({"c": [1, 2, 2]}))
    floats = preparation.transform(pl.DataFrame({"c": [1.0, 2.0, 2.0]}))
    assert integers.tolist() == floats.tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 0]]


@pytest.mark.parametrize("as_text", [True, False])
def test_dates_give_year_month_weekday_and_hour(as_text: bool) -> None:
    frame = pl.DataFrame({"sold": DAYS})
    if as_text:
        frame = frame.select(pl.col("sold").dt.to_string("%Y-%m-%d %H:%M:%S"))
    preparation = Preparation.fit(frame)
    assert preparation.feature_names == (
        "sold year",
        *(f"sold {part} {wave}" for part in ("month", "weekday", "hour") for wave in WAVES),
    )
    row = preparation.transform(frame)[3]
    assert DAYS[3] == datetime(2023, 4, 22, 21)  # a Saturday
    turns = [3 / 12, 3 / 12, 5 / 7, 5 / 7, 21 / 24, 21 / 24]
    waves = [math.sin, math.cos] * 3
    expected = [wave(2 * math.pi * turn) for wave, turn in zip(waves, turns, strict=True)]
    np.testing.assert_allclose(row[1:], expected, atol=1e-7)


WAVES = ("sine", "cosine")


def test_a_missing_date_lies_at_the_center_of_the_circles() -> None:
    frame = pl.DataFrame({"sold": [date(2020, 1, 1), date(2021, 7, 2), None]})
    preparation = Preparation.fit(frame)
    assert preparation.feature_names[-1] == "sold missing"
    assert preparation.transform(frame)[2].tolist() == [0, 0, 0, 0, 0, 1]


def test_useless_columns_are_dropped_with_a_line_each() -> None:
    told: list[str] = []
    frame = mixed().with_columns(
        pl.int_range(12).alias("row"),
        pl.Series("name", [f"n{n}" for n in range(12)]),
        pl.lit(1).alias("same"),
    )
    preparation = Preparation.fit(frame, target="price", tell=told.append)
    free = "an identifier or free text: a different text in each of 12 rows"
    assert told == [
        "left out columns shop, same: all cells are one value",
        "left out column note: all cells are missing",
        "left out column row: an identifier: a different whole number in each row",
        f"left out column name: {free}",
    ]
    assert set(preparation.dropped) == {"shop", "note", "row", "name", "same"}
    assert [kind for _, kind, _ in preparation.describe()] == [
        *("number", "category", "date", "yes/no"),
        *["dropped"] * 5,
    ]


def test_nothing_left_to_learn_from_is_an_error() -> None:
    with pytest.raises(InputError, match=r"got none of use .*'a': all cells are one value"):
        Preparation.fit(pl.DataFrame({"a": [1, 1, 1], "y": [1, 2, 3]}), target="y")
    with pytest.raises(InputError, match="must have rows"):
        Preparation.fit(pl.DataFrame({"a": []}))


def test_nested_columns_are_refused() -> None:
    with pytest.raises(InputError, match="'a' must hold numbers, text, dates or yes/no; got List"):
        Preparation.fit(pl.DataFrame({"a": [[1], [2]]}))


def test_columns_are_found_by_name_in_any_order() -> None:
    preparation = Preparation.fit(mixed(), target="price")
    frame = mixed()
    turned = frame.select(reversed(frame.columns)).drop("price", "shop")
    assert np.array_equal(preparation.transform(turned), preparation.transform(frame))


def test_a_renamed_column_is_an_error_with_both_sides_and_the_closest_name() -> None:
    preparation = Preparation.fit(mixed(), target="price")
    with pytest.raises(InputError) as caught:
        preparation.transform(mixed().rename({"carat": "Carats"}))
    assert str(caught.value) == (
        "the table must have the columns of the training table; missing: 'carat'. Did you mean "
        "'Carats'? Training used: carat, cut, sold, new. This table has: Carats, cut, sold, new, "
        "shop, note, price."
    )


def test_unknown_columns_are_ignored_and_reported() -> None:
    told: list[str] = []
    preparation = Preparation.fit(mixed(), target="price")
    preparation.transform(mixed().with_columns(pl.lit(1).alias("extra")), tell=told.append)
    assert told == ["ignored 1 column not used at training: extra"]


def test_text_among_numbers_is_an_error_with_row_and_cell() -> None:
    preparation = Preparation.fit(mixed(), target="price")
    frame = mixed().with_columns(pl.Series("carat", ["0.2"] * 7 + ["heavy"] + ["0.3"] * 4))
    with pytest.raises(InputError, match=r"column 'carat' must hold numbers.*'heavy' in row 8"):
        preparation.transform(frame)


def test_text_among_dates_is_an_error_with_row_and_cell() -> None:
    preparation = Preparation.fit(mixed(), target="price")
    frame = mixed().with_columns(pl.Series("sold", ["yesterday"] * 12))
    with pytest.raises(InputError, match=r"column 'sold' must hold dates.*'yesterday' in row 1"):
        preparation.transform(frame)


cells = {
    "number": st.none() | st.floats(allow_nan=True, allow_infinity=True),
    "whole": st.none() | st.integers(-(2**60), 2**60),
    "word": st.none() | st.sampled_from(["a", "b", "c", " a", "", "1.0", "1"]) | st.text(),
    "numbers as text": st.sampled_from(["1", "2.5", "1e3", "NA", "-", ""]),
    "day": st.none() | st.dates(date(1900, 1, 1), date(2100, 12, 31)),
    "moment": st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),
    "yes": st.none() | st.booleans(),
}


@st.composite
def tables(draw: st.DrawFn) -> pl.DataFrame:
    rows = draw(st.integers(2, 12))
    columns = {
        name: draw(st.lists(strategy, min_size=rows, max_size=rows))
        for name, strategy in cells.items()
    }
    types = {"number": pl.Float64, "whole": pl.Int64, "word": pl.String, "yes": pl.Boolean}
    types |= {"numbers as text": pl.String, "day": pl.Date, "moment": pl.Datetime("us")}
    return pl.DataFrame(
        columns | {"always": [0.0, 1.0] * (rows // 2) + [2.0] * (rows % 2)}, schema_overrides=types
    )


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(tables())
def test_a_row_becomes_the_same_bits_alone_and_in_its_table(frame: pl.DataFrame) -> None:
    preparation = Preparation.fit(frame)
    whole = preparation.transform(frame)
    assert np.isfinite(whole).all()
    for row in range(frame.height):
        alone = preparation.transform(frame[row])
        assert alone.tobytes() == whole[row : row + 1].tobytes()


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(tables())
def test_a_preparation_survives_json(frame: pl.DataFrame) -> None:
    preparation = Preparation.fit(frame)
    again = Preparation.from_dict(json.loads(json.dumps(preparation.to_dict())))
    assert again == preparation
    assert np.array_equal(again.transform(frame), preparation.transform(frame))


def damaged(path: str, value: object) -> dict:
    record = json.loads(json.dumps(Preparation.fit(mixed(), target="price").to_dict()))
    *parents, last = path.split(".")
    place = record
    for part in parents:
        place = place[int(part) if part.isdigit() else part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return record


@pytest.mark.grid(3)
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("format", 99),
        ("format", ...),
        ("rows", "many"),
        ("target", 3),
        ("columns", {}),
        ("columns", []),
        ("columns", [1]),
        ("dropped", {"shop": 1}),
        ("surplus", 1),
        ("columns.0.kind", "eval"),
        ("columns.0.kind", ...),
        ("columns.0.name", 3),
        ("columns.0.name", "cut"),
        ("columns.0.missing", -1),
        ("columns.0.missing", True),
        ("columns.0.missing", ...),
        ("columns.0.more", 1),
        ("columns.0.scale", {"center": 0.0}),
        ("columns.0.scale", {"center": 0.0, "spread": 0.0}),
        ("columns.0.scale", {"center": math.nan, "spread": 1.0}),
        ("columns.0.scale", "wide"),
        ("columns.1.levels", ["a", "a", "b"]),
        ("columns.1.levels", ["a", "b"]),
        ("columns.1.levels", "abc"),
        ("columns.1.counts", [1, 2, 0]),
        ("columns.2.cycles", ["month", "second"]),
        ("columns.3.share", 1.5),
    ],
)
def test_a_damaged_record_is_one_clear_error(path: str, value: object) -> None:
    with pytest.raises(FileFormatError, match=r"must|got"):
        Preparation.from_dict(damaged(path, value))


@pytest.mark.parametrize("record", [None, [], "text", {"a": 1}])
def test_a_foreign_record_is_refused(record: object) -> None:
    with pytest.raises(FileFormatError, match="must be a record"):
        Preparation.from_dict(record)
