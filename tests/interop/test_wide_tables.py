"""Columns of a wide table are read many at once, and each as it would be alone."""

import random
from datetime import date

import numpy as np
import polars as pl
import pytest

from chainrule.interop import cells
from chainrule.interop.batches import like_numbers, numbers_of_columns, read_columns
from chainrule.interop.cells import below, looks_like_numbers, numbers_in, numbers_of, text_of
from chainrule.interop.dates import date_formats, read_dates
from chainrule.interop.preparation import Preparation
from chainrule.interop.written import written_of, written_of_columns

WAYS = (
    lambda v: f"{v:.2f}",
    lambda v: f"{v:.2f}".replace(".", ","),
    lambda v: f"{v:,.2f}",
    lambda v: f"$ {v:.0f}",
    lambda v: f"{v:.1f} %",
    lambda v: f"{v:.1f} kg",
    lambda v: f"{v:.0f}kg",
    lambda v: f"{v:.0f}A",
    lambda v: f"({v:.2f})",
    lambda v: f"{v:,.2f}".translate(str.maketrans(",.", ".,")),
    lambda v: f"{v:,.0f}".replace(",", " "),
    lambda v: f"{v:,.0f}",
    lambda v: "abc"[int(v) % 3],
    lambda v: f"2024-01-{int(v) % 28 + 1:02d}",
    lambda v: f"{int(v) % 28 + 1}/{int(v) % 12 + 1}/2024",
    lambda v: f"{int(v) % 28 + 1:02d}.{int(v) % 12 + 1:02d}.2024 17:05",
    lambda v: f"{int(v) % 28 + 1} Mar 2024",
    lambda v: f"{int(v) % 24}:05:17",
    lambda v: f"2024{int(v) % 12 + 1:02d}{int(v) % 28 + 1:02d}",
    lambda v: "true" if v > 500 else "no",
)
ODD = (None, "NA", "", " ", "few", "inf", "nan", "-", "\u22125", "1e5")


def table(columns: int, rows: int, seed: int) -> pl.DataFrame:
    chance = random.Random(seed)
    made = {}
    for number in range(columns):
        ways = chance.choices(WAYS, k=1 if chance.random() < 0.7 else 2)
        odd = chance.choice((0.0, 0.0, 0.01, 0.3))
        made[f"c{number}"] = [
            chance.choice(ODD)
            if chance.random() < odd
            else chance.choice(ways)(chance.uniform(0, 5000))
            for _ in range(rows)
        ]
    return pl.DataFrame(made, schema=dict.fromkeys(made, pl.String))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_a_column_is_read_as_it_would_be_alone(seed, monkeypatch) -> None:
    frame = table(40, 60, seed)
    monkeypatch.setattr(cells, "BATCH_CELLS", 60 * 7)
    dated = 0
    for series, read in zip(frame, read_columns(list(frame)), strict=True):
        text, found = read.text, read.numbers
        assert text.name == series.name
        assert text.equals(text_of(series), null_equal=True)
        alone = numbers_in(text)
        assert found.written == alone.written == written_of(text)
        assert found.parsed.equals(alone.parsed, null_equal=True)
        assert found.stray.tolist() == alone.stray.tolist()
        assert found.strays == alone.strays == sum(alone.stray)
        assert read.is_number or read.how == date_formats([text])[0]
        if read.dates is not None:
            (dates,) = read_dates([text], [read.how])
            for part, own in zip(vars(read.dates).values(), vars(dates).values(), strict=True):
                np.testing.assert_array_equal(part, own)
            dated += 1
    assert dated
    texts = [text_of(series) for series in frame]
    together = written_of_columns(below(texts), 60)
    assert together == [written_of(text) for text in texts]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_the_columns_of_numbers_are_found_as_each_alone(seed, monkeypatch) -> None:
    frame = table(40, 60, seed).with_columns(whole=pl.int_range(60), absent=pl.lit(None))
    monkeypatch.setattr(cells, "BATCH_CELLS", 60 * 7)
    found = dict(numbers_of_columns(like_numbers(list(frame), 20)))
    texts = {one.name: text_of(one) for one in frame if one.dtype == pl.String}
    alike = {
        name
        for name, text in texts.items()
        if looks_like_numbers(text.head(20)) and looks_like_numbers(text)
    }
    assert 0 < len(alike) < len(texts)
    assert found.keys() == {"whole", *alike}
    for name, values in found.items():
        np.testing.assert_array_equal(values, numbers_of(frame[name], lenient=True))


@pytest.mark.slow
@pytest.mark.grid(4)
@pytest.mark.parametrize("seed", range(4))
def test_a_preparation_is_the_same_in_parts(seed) -> None:
    frame = table(30, 80, seed)
    told: list[str] = []
    whole = Preparation.fit(frame, tell=told.append)
    for column in whole.columns:
        one = Preparation.fit(frame.select(column.name))
        assert one.columns == (column,)
    X = whole.transform(frame)
    widths = np.cumsum([0, *(len(column.outputs) for column in whole.columns)])
    for column, start, end in zip(whole.columns, widths[:-1], widths[1:], strict=True):
        own = Preparation.fit(frame.select(column.name)).transform(frame.select(column.name))
        np.testing.assert_array_equal(own, X[:, start:end])
        np.testing.assert_array_equal(whole.transform(frame[[5]]), X[[5]])


def test_an_empty_batch_is_none() -> None:
    assert list(read_columns([])) == []


DAYS = [date(2021 + n % 3, 1 + n % 12, 1 + n % 28) for n in range(30)]
KINDS = {
    "ISO dates": [day.isoformat() for day in DAYS],
    "dates": [f"{day:%d.%m.%Y}" for day in DAYS],
    "moments": [f"{day:%m/%d/%Y} 17:05" for day in DAYS],
    "months": [f"{day:%b %Y}" for day in DAYS],
    "clocks": [f"{day.day % 24}:17:09" for day in DAYS],
    "typed dates": DAYS,
    "compact dates": [int(f"{day:%Y%m%d}") for day in DAYS],
    "numbers": [f"{day.day}.5" for day in DAYS],
    "prices": [f"$ {day.day},{day.day}00" for day in DAYS],
    "categories": ["abc"[day.day % 3] for day in DAYS],
}


@pytest.mark.grid(5)
@pytest.mark.parametrize("kind", KINDS)
def test_twice_the_columns_are_not_twice_the_questions(kind, questions) -> None:
    """Each question costs a fraction of a millisecond, and far more on a busy machine."""
    counts = []
    for columns in (1, 40, 80):
        frame = pl.DataFrame({f"c{number}": KINDS[kind] for number in range(columns)})
        with questions() as asked:
            preparation = Preparation.fit(frame)
            preparation.transform(frame)
        assert len(preparation.columns) == columns
        counts.append(len(asked))
    assert 0 < counts[2] <= counts[1] + 2
    assert counts[1] <= counts[0] + 40
