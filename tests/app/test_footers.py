"""Lines below a table are left out by number, or refused: no column changes its kind for them."""

import gzip
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from chainrule.app import footers
from chainrule.app.reading import Reading
from chainrule.app.tables import read_table
from chainrule.foundation.errors import InputError

HEADER = ("city", "size", "rooms", "rent")
KINDS = [pl.String, pl.Float64, pl.Int64, pl.Float64]


def lines(mark: str, rows: int = 30) -> list[str]:
    random = np.random.default_rng(3)
    dot = "," if mark == ";" else "."
    return [mark.join(HEADER)] + [
        mark.join(
            [
                str(random.choice(["Bern", "Zug", "Genf"])),
                f"{random.uniform(1, 99):.2f}".replace(".", dot),
                str(random.integers(1, 9)),
                f"{random.uniform(1, 99):.1f}".replace(".", dot),
            ]
        )
        for _ in range(rows)
    ]


def read(path: Path, text: str | bytes, **how) -> tuple[pl.DataFrame, str]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    told: list[str] = []
    return read_table(str(path), reading=Reading(**how), tell=told.append), "\n".join(told)


FOOTERS = [
    (["Total{m}1234{m}150{m}1500"], "line 32 is below the table and left out: 'Total"),
    (["Total:{m}1234{m}{m}"], "line 32"),
    (["{m}Gesamt{m}150{m}"], "line 32"),
    (["Average{m}12{m}1{m}1"], "line 32"),
    (["Source: Federal Office"], "line 32"),
    (["Quelle: Amt{m}{m}{m}"], "line 32"),
    (["Source: Office, Bern"], "line 32"),
    (["Source: a{m} b{m} c{m} d"], "line 32"),
    (['"Source: a; b, c"'], "line 32"),
    (["", "Made in Bern"], "line 33"),
    (["{m}{m}{m}", "Made in Bern{m}{m}{m}"], "line 33"),
    (["* provisional{m}{m}{m}"], "line 32"),
    (["", "(30 rows affected)"], "line 33"),
    (["---{m}---{m}---{m}---"], "line 32"),
    (["\x1a"], "line 32"),
    (
        ["Data from database: Indicators", "Last Updated: 07/01/2024", "", ""],
        "lines 32 to 33 are below the table and left out",
    ),
    (
        ["Total{m}1234{m}150{m}1500", "", "Source: somebody", "Date: 2024-01-01"],
        "lines 32 to 35 are below the table and left out",
    ),
]


@pytest.fixture(scope="module")
def clean_of(tmp_path_factory):
    """Return the function that reads the table without lines below it, once for each mark."""
    path = tmp_path_factory.mktemp("clean") / "t.csv"
    return cache(lambda mark, end: read(path, end.join(lines(mark)))[0])


# Every footer below two kinds of lines, every kind of lines above five footers and more.
ENDS = [*product(",;\t|", ["\n"]), (",", "\r\n"), ("\t", "\r\n")]
CELLS = [(*ENDS[n % 6], *FOOTERS[n % len(FOOTERS)]) for n in range(2 * len(FOOTERS))]


@pytest.mark.grid(7)
@pytest.mark.parametrize(("mark", "end", "footer", "said"), CELLS)
def test_a_footer_is_left_out_by_number(tmp_path, clean_of, mark, end, footer, said) -> None:
    table, clean = lines(mark), clean_of(mark, end)
    text = end.join([*table, *(line.format(m=mark) for line in footer), ""])
    frame, told = read(tmp_path / "t.csv", text)
    assert frame.dtypes == KINDS
    assert frame.equals(clean)
    assert said in told
    assert "--skip-footer 0 keeps all lines" in told


@pytest.mark.grid(9)
@pytest.mark.parametrize(
    "last",
    [
        "Zug{m}1.5{m}2{m}3.5",
        "Zug{m}{m}{m}3.5",
        "Zug{m}{m}{m}",
        "{m}{m}{m}3.5",
        "Totals and more{m}1.5{m}2{m}3.5",
        "Note: by phone{m}1.5{m}2{m}3.5",
        '"Zug\nTotal"{m}1.5{m}2{m}3.5',
        '"Zug\nSource: x"{m}1.5{m}2{m}3.5',
        "--{m}--{m}--{m}--",
    ],
)
@pytest.mark.parametrize("mark", [",", "\t"])
def test_a_row_is_no_footer(tmp_path, mark, last) -> None:
    frame, told = read(tmp_path / "t.csv", "\n".join([*lines(mark), last.format(m=mark)]))
    assert frame.height == 31
    assert "below the table" not in told


def test_a_word_that_other_rows_have_is_a_category(tmp_path) -> None:
    rows = [f"{group},{n}" for n in range(10) for group in ("Men", "Women", "Total")]
    frame, told = read(tmp_path / "t.csv", "\n".join(["group,count", *rows]))
    assert frame.height == 30
    assert told == ""


@pytest.mark.grid(3)
@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("last", ["Genf", "Genf{m}1", "Genf{m}1{m}2{m}3{m}4"])
def test_another_width_is_refused_by_number(tmp_path, mark, last) -> None:
    with pytest.raises(InputError, match=r"in each line.*line 32 has [125]\. .*--skip-footer"):
        read(tmp_path / "t.csv", "\n".join([*lines(mark), last.format(m=mark)]))


def test_a_person_says_how_many_lines(tmp_path) -> None:
    table = lines(",")
    text = "\n".join([*table, "Genf,1", "", "something, else", ""])
    clean, _ = read(tmp_path / "t.csv", "\n".join(table))
    frame, told = read(tmp_path / "t.csv", text, skip_footer=2)
    assert frame.equals(clean)
    assert told == ""
    frame, told = read(tmp_path / "t.csv", "\n".join([*table, "Total,9,9,9"]), skip_footer=0)
    assert frame.row(-1) == ("Total", 9.0, 9, 9.0)
    for wrong, said in ((-1, "--skip-footer must be 0 or more"), (99, "must leave lines of")):
        with pytest.raises(InputError, match=said):
            read(tmp_path / "t.csv", text, skip_footer=wrong)


@pytest.mark.slow
def test_long_and_compressed_files_have_footers_too(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(footers, "LOOK_BYTES", 2**14)
    table = lines(",", rows=8000)
    text = "\n".join([*table, "Total,1,2,3", ""])
    for name, content in (("t.csv", text.encode()), ("t.csv.gz", gzip.compress(text.encode()))):
        frame, told = read(tmp_path / name, content)
        assert frame.height == 8000
        assert "line 8002 is below" in told
    frame, told = read(tmp_path / "t.csv", text.replace("\n", "\r"))
    assert frame.height == 8000
    assert "line 8002 is below" in told


@pytest.mark.grid(2)
@pytest.mark.parametrize("mark", [",", ";"])
def test_a_word_below_numbers_is_reported(tmp_path, mark) -> None:
    text = "\n".join([*lines(mark), mark.join(["Genf", "provisional", "2", "3"])])
    _, told = read(tmp_path / "t.csv", text)
    assert "column 'size' holds numbers, but 'provisional' in row 31" in told
    assert "--skip-footer N leaves" in told
    text = "\n".join([*lines(mark), mark.join(["Genf", "NA", "2", "3"])])
    assert "holds numbers, but" not in read(tmp_path / "t.csv", text)[1]


def test_the_command_line_leaves_them_out(chainrule, folder) -> None:
    (folder / "t.csv").write_text("\n".join([*lines(",", 60), "Total,9,9,9", ""]))
    fit = ("fit", "t.csv", "--target", "rent", "--engine", "reference", "--hidden", "4",
           "--epochs", "2", "--no-plot")  # fmt: skip
    assert "line 62 is below the table" in chainrule(*fit).out
    assert "t.csv: 61 rows" in chainrule(*fit, "--skip-footer", "0").out
    answer = chainrule("predict", "t.chainrule", "t.csv", "--skip-footer", "1")
    assert len(answer.out.splitlines()) == 61
