"""Dates of every kind of format are read by exported models as by the library."""

import numpy as np
import polars as pl
import pytest

from chainrule.exports.c_file import c_files
from chainrule.exports.onnx_file import onnx_model
from chainrule.exports.program import Affine, Member, Program
from chainrule.foundation.errors import InputError
from chainrule.interop.columns import Date
from chainrule.interop.dates import DAYS, ISO, read_dates
from chainrule.interop.formulas_of_columns import prepared_by
from chainrule.interop.scales import Scale

CELLS = {
    "%d/%m/%Y": "1/2/2024|01/02/2024|31/02/2024|1/2/24|1/2/12024|29/02/1900|29/02/2000|"
    "0/1/2024|1/13/2024|soon|",
    "%d/%m/%y": "1/2/24|1/2/69|1/2/70|1/2/99|1/2/2024|1/2/5",
    "%d %b %Y": "5 Mar 2024|5 March 2024|5 mar 2024|05 MAR 2024|5 Sept 2024|31 Apr 2024",
    "%d %B %Y": "5 Mar 2024|5 March 2024|5 MARCH 2024|5 Marc 2024|5 May 2024",
    "%a, %d %b %Y": "Tue, 5 Mar 2024|Mon, 5 Mar 2024|tue, 5 Mar 2024|Tuesday, 5 Mar 2024",
    "%A, %d %B %Y": "Tuesday, 5 March 2024|Tue, 5 March 2024",
    "%d. %B %Y": "5. March 2024|5 March 2024",
    "%Y%m%d": "20240305|20241305|202403051|19000228",
    "%Y-%m": "2024-03|2024-3|2024-13",
    "%d/%m/%Y %H:%M": "1/2/2024 3:04|1/2/2024 23:59|1/2/2024 24:00|1/2/2024 12:60|01/02/2024",
    "%d/%m/%Y %H:%M:%S%.f": "1/2/2024 3:04:05.123|1/2/2024 3:04:05|1/2/2024 3:04:05.",
    "%d/%m/%Y %I:%M %p": "1/2/2024 3:04 PM|1/2/2024 12:04 am|1/2/2024 12:04 PM|1/2/2024 13:04 PM",
    "%H:%M:%S": "3:04:05|23:59:59|24:00:00",
    ISO: "2024-03-05|2024-03-05T17:45|2024-03-05 17:45:00.5+02:00|2024-02-30|2024-03-05T24:00|"
    "0001-01-01|2024-03-05T17:45Z|2024-03-05T17:45-0500|2024-3-5|9999-12-31|2024-03-05T17|2023-02-29",
}  # fmt: skip
# year, three circles, and whether it is missing
WIDTH = 8


def column(written):
    return Date("d", Scale(2000.0, 10.0), ("month", "weekday", "hour"), 3, 1, written)


def program(written):
    part = prepared_by([column(written)])
    same = Affine(np.eye(WIDTH, dtype=np.float32), None, "layer 1")
    return Program(
        "dates",
        (Member((same,), part.features),),
        np.dtype(np.float32),
        sources=part.sources,
        cells=part.cells,
    )


def wanted(written, cells):
    found = np.empty((len(cells), WIDTH), np.float32)
    texts = pl.Series([cell or None for cell in cells], dtype=pl.String)
    column(written).write(read_dates([texts], [written])[0], found)
    return found


@pytest.mark.grid(3)
@pytest.mark.parametrize("written", CELLS)
def test_onnx(written, running):
    if not running.HAS_RUNTIME:
        pytest.skip("onnxruntime is not installed")
    cells = CELLS[written].split("|")
    given = {"d": np.array(cells, dtype=object)[:, None]}
    found = running.onnx_answers(onnx_model(program(written)), given)["prediction"]
    np.testing.assert_allclose(found, wanted(written, cells), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "written", [pytest.param(one, marks=() if one == ISO else pytest.mark.slow) for one in CELLS]
)
def test_c(written, running, tmp_path):
    compiler = next(filter(running.has, reversed(running.COMPILERS)), None)
    if compiler is None:
        pytest.skip("there is no C compiler")
    cells = CELLS[written].split("|")
    # blanks around a cell do not count
    rows = [[f" {cell}\t"] for cell in cells]
    found = running.c_answers(tmp_path, c_files(program(written)), compiler, rows)
    np.testing.assert_allclose(found, wanted(written, cells), atol=1e-6)


@pytest.mark.grid(3)
@pytest.mark.parametrize("day", DAYS)
def test_every_format_that_is_guessed_can_be_exported(day):
    for written in (day, f"{day} %H:%M"):
        c_files(program(written))
        if written != "%Y%m%d %H:%M":
            onnx_model(program(written))


def test_other_formats_are_refused():
    for export in (c_files, onnx_model):
        with pytest.raises(InputError, match="'%G-w%V', of which %G cannot be exported"):
            export(program("%G-w%V"))


def test_fields_without_a_mark_between_them_are_refused_for_onnx():
    with pytest.raises(InputError, match="which ONNX cannot split"):
        onnx_model(program("%Y%m%d %H:%M"))
