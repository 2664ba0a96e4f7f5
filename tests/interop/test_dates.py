"""Dates as people write them, found out by column."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from chainrule.interop.dates import AMBIGUOUS, date_formats, read_dates
from chainrule.interop.preparation import Preparation

MOMENTS = [datetime(2023, 1, 3, 0, 7, 9) + timedelta(days=41 * n, hours=5 * n) for n in range(40)]
WRITTEN = [
    *("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%d/%m/%Y", "%m/%d/%Y %H:%M"),
    *("%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d.%m.%Y", "%Y/%m/%d %H:%M:%S", "%d-%m-%Y"),
    *("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%y", "%d-%b-%Y %H:%M"),
    *("%A, %d %B %Y", "%a, %d %b %Y %H:%M:%S", "%m/%d/%Y %I:%M %p", "%d.%m.%Y %H:%M:%S.%f"),
    *("%Y.%m.%d", "%d/%b/%Y", "%a %b %d %Y", "%d. %B %Y", "%d %B %Y, %H:%M"),
]


@pytest.mark.grid(3)
@pytest.mark.parametrize("how", WRITTEN)
def test_days_are_those_that_were_written(how: str) -> None:
    cells = [moment.strftime(how) for moment in MOMENTS]
    frame = pl.DataFrame({"day": cells})
    (found,) = date_formats([frame["day"]])
    (dates,) = read_dates([frame["day"]], [found])
    assert dates.year.tolist() == [moment.year for moment in MOMENTS]
    assert dates.month.tolist() == [moment.month for moment in MOMENTS]
    assert dates.weekday.tolist() == [moment.isoweekday() for moment in MOMENTS]
    clock = "%H" in how or "%I" in how
    assert dates.hour.tolist() == [moment.hour * clock for moment in MOMENTS]
    (column,) = Preparation.fit(frame).columns
    assert column.kind == "date"


@pytest.mark.parametrize("how", ["%Y-%m", "%m-%Y", "%m/%Y", "%b %Y", "%B %Y"])
def test_months_stand_for_their_first_day(how: str) -> None:
    text = pl.Series([moment.strftime(how) for moment in MOMENTS])
    (dates,) = read_dates([text], date_formats([text]))
    assert dates.year.tolist() == [moment.year for moment in MOMENTS]
    assert dates.month.tolist() == [moment.month for moment in MOMENTS]


@pytest.mark.parametrize(
    "cells",
    [
        ["1/2", "3/4", "5/8"],
        ["192.168.0.1", "10.0.0.2"],
        ["12-34-56-78", "99-88-77-66"],
        ["A 5 2024", "B 6 2024"],
        ["room 12, floor 3", "room 4, floor 1"],
        ["v1.2.2024.1", "v1.3.2024.2"],
        ["99/99/2024", "88/77/2024"],
        ["3:1", "99:70"],
    ],
)
def test_other_texts_with_such_marks_are_no_dates(cells: list[str]) -> None:
    assert date_formats([pl.Series(cells * 10)]) == [None]


@pytest.mark.parametrize("how", ["%d/%m/%Y", "%d-%m-%Y %H:%M", "%d/%m/%y"])
def test_the_order_is_asked_for_where_no_cell_tells(how: str) -> None:
    few = [moment for moment in MOMENTS if moment.day <= 12]
    assert date_formats([pl.Series([moment.strftime(how) for moment in few])]) == [AMBIGUOUS]
