"""Columns of a wide table are read many at once, and each as it would be alone."""

import random

import numpy as np
import polars as pl
import pytest

from chainrule.interop import cells
from chainrule.interop.cells import in_batches, numbers_in, text_of
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


@pytest.mark.parametrize("seed", range(12))
def test_a_column_is_read_as_it_would_be_alone(seed, monkeypatch) -> None:
    frame = table(40, 60, seed)
    monkeypatch.setattr(cells, "BATCH_CELLS", 60 * 7)
    for series, (text, found) in zip(frame, in_batches(list(frame)), strict=True):
        assert text.name == series.name
        assert text.equals(text_of(series), null_equal=True)
        alone = numbers_in(text)
        assert found.written == alone.written == written_of(text)
        assert found.parsed.equals(alone.parsed, null_equal=True)
        assert found.stray.to_list() == alone.stray.to_list()
        assert found.strays == alone.strays == sum(alone.stray)
    texts = [text_of(series).alias("cells") for series in frame]
    together = written_of_columns(pl.concat(texts), 60)
    assert together == [written_of(text) for text in texts]


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
    assert list(in_batches([])) == []
