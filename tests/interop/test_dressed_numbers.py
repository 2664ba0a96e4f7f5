"""Numbers with k, M, ~ or > around them, and ISO weeks: read with a note, or left with one."""

from datetime import date

import polars as pl
import pytest

from chainrule.foundation.errors import InputError
from chainrule.interop.cells import numbers_of
from chainrule.interop.choosing import Choices
from chainrule.interop.column_records import column_from_dict, column_to_dict
from chainrule.interop.preparation import Preparation

FACTORS = "is read as numbers with k, M or B as factors; --category a keeps the text"


def learnt(cells, **choices):
    told = []
    frame = pl.DataFrame({"a": cells, "b": [str(n % 3) for n in range(len(cells))]})
    choices = Choices(**{name: ("a",) for name in choices if choices[name]})
    preparation = Preparation.fit(frame, choices=choices, tell=told.append)
    column = next((one for one in preparation.columns if one.name == "a"), None)
    return column, [one for one in told if "'a'" in one], preparation, frame


@pytest.mark.parametrize(
    ("pattern", "factor"),
    [
        ("{0}.{1}k", 1e3),
        ("{0}.{1} k", 1e3),
        ("{0}.{1}K", 1e3),
        ("${0}M", 1e6),
        ("€{0}.{1}M", 1e6),
        ("{0}.{1}M €", 1e6),
        ("{0} million", 1e6),
        ("{0},{1} Mio.", 1e6),
        ("{0}.{1}B", 1e9),
        ("{0} bn", 1e9),
        ("({0}.{1}k)", -1e3),
        ("-{0}.{1}k", -1e3),
        ("{0} thousand", 1e3),
    ],
)
def test_multiples_are_multiplied_out(pattern, factor) -> None:
    pairs = [(1 + n % 40, n % 7) for n in range(120)]
    cells = [pattern.format(*pair) for pair in pairs]
    tenths = "{1}" in pattern
    right = [factor * (whole + tenth / 10 * tenths) for whole, tenth in pairs]
    column, told, _, _ = learnt(cells)
    assert column.kind == "number"
    assert column.strays == column.missing == 0
    found = numbers_of(pl.Series(cells), written=column.written)
    assert found.tolist() == pytest.approx(right, rel=1e-14)
    assert any("k, M or B as factors; --category a keeps the text" in one for one in told)
    assert column_from_dict(column_to_dict(column)) == column


def test_plain_numbers_beside_multiples_keep_their_size() -> None:
    cells = [f"{n * 7}" if n < 100 else f"{n / 10} million" for n in range(120)]
    column, told, _, _ = learnt(cells)
    assert told == [f"column 'a' {FACTORS}"]
    assert numbers_of(pl.Series(["900,000", "1.5 million"]), written=column.written).tolist() == [
        900_000,
        1_500_000,
    ]


@pytest.mark.parametrize("pattern", ["{}M", "{}K", "{}B"])
def test_whole_numbers_before_one_letter_may_be_codes(pattern) -> None:
    cells = [pattern.format(1 + n % 9) for n in range(120)]
    column, told, _, _ = learnt(cells)
    assert column.kind == "category"
    assert len(told) == 1
    assert "is read as text: " in told[0]
    assert "--number a reads it as" in told[0]
    asked, told, _, _ = learnt(cells, number=True)
    assert asked.low in (1e3, 1e6, 1e9)
    assert told == [f"column 'a' {FACTORS}"] or FACTORS[:40] in told[0]


@pytest.mark.parametrize("cells", [["1A", "2A", "3B"], ["S", "M", "2XL"], ["A5", "A7", "CA5"]])
def test_codes_are_no_multiples(cells) -> None:
    column, told, _, _ = learnt(cells * 40)
    assert column.kind == "category"
    assert not told


def test_a_unit_of_one_letter_behind_a_blank_is_none_of_thousand() -> None:
    column, told, _, _ = learnt([f"{290 + n}.5 K" for n in range(40)])
    assert (column.low, column.high) == (290.5, 329.5)
    assert told == ["column 'a' is read as numbers with the unit 'K'"]


@pytest.mark.parametrize("pattern", ["~{}", "≈ {}", "ca. {}", "about {}", "approx. {}"])
def test_numbers_said_more_or_less(pattern) -> None:
    cells = [pattern.format(n + 0.5) if n % 2 else f"{n}" for n in range(60)]
    column, told, _, _ = learnt(cells)
    assert (column.kind, column.missing, column.high) == ("number", 0, 59.5)
    assert told == ["column 'a' is read as numbers with ~5 as 5; --category a keeps the text"]
    kept, _, _, _ = learnt(cells[:20] * 6, category=True)
    assert kept.kind == "category"


@pytest.mark.parametrize("pattern", [">{}", "≥ {}", "<={}", "{}+"])
def test_bounds_stay_text_until_somebody_says_otherwise(pattern) -> None:
    cells = [pattern.format(n % 12) if n % 3 else f"{n % 12}" for n in range(120)]
    column, told, _, _ = learnt(cells)
    assert column.kind == "category"
    word = repr(pattern.format(1))
    assert told == [
        f"column 'a' is read as text: {word} is no plain number; --number a reads it as 1"
    ]
    asked, told, preparation, frame = learnt(cells, number=True)
    assert (asked.kind, asked.missing, asked.high) == ("number", 0, 11.0)
    assert "the bounds of >5 and <5" in told[0]
    again = Preparation.from_dict(preparation.to_dict())
    assert again.transform(frame).tobytes() == preparation.transform(frame).tobytes()


def test_few_odd_cells_are_still_missing() -> None:
    cells = [f"{n}.5" for n in range(90)] + ["~5", ">7"]
    column, told, _, _ = learnt(cells)
    assert column.missing == 2
    assert told == ["column 'a' is read as numbers; 2 cells with other text taken as missing"]


@pytest.mark.parametrize(
    ("pattern", "how"), [("{}-W{:02d}", "%G-W%V"), ("{}-W{:02d}-3", "%G-W%V-%u")]
)
def test_weeks_are_dates(pattern, how) -> None:
    cells = [pattern.format(2025 + n % 2, 1 + n % 52) for n in range(104)]
    column, told, preparation, frame = learnt(cells)
    assert (column.kind, column.written) == ("date", how)
    assert told == [f"column 'a' is read as dates of the format {how}"]
    day = [
        date.fromisocalendar(2025 + n % 2, 1 + n % 52, 3 if "%u" in how else 1) for n in range(104)
    ]
    typed = Preparation.fit(frame.with_columns(a=pl.Series(day)))
    assert typed.transform(frame.with_columns(a=pl.Series(day))).tobytes() == (
        preparation.transform(frame).tobytes()
    )
    other = frame.head(1).with_columns(a=pl.lit("2025-W60"))
    with pytest.raises(InputError, match="must hold dates of the format"):
        preparation.transform(other)


def test_records_of_earlier_files_have_no_marks() -> None:
    column, _, _, _ = learnt([f"{n}.5 kg" for n in range(30)])
    record = column_to_dict(column)
    assert record["written"].pop("marks") == ()
    assert column_from_dict(record) == column
    for marks in (["bounds", "about"], ["other"], "about", [1]):
        record["written"]["marks"] = marks
        with pytest.raises(InputError, match="written must be as it was written"):
            column_from_dict(record)
