"""Files of other dialects and kinds than the usual: read rightly, or refused by what they are."""

import bz2
import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from chainrule.app.reading import Reading
from chainrule.app.sums import without_sums
from chainrule.app.tables import read_table
from chainrule.foundation.errors import InputError

N = 40
TABLE = pl.DataFrame(
    {
        "a": [round(1.5 + 0.25 * row, 2) for row in range(N)],
        "b": [row * row % 17 for row in range(N)],
        "y": ["no" if row % 3 else "yes" for row in range(N)],
    }
)


def lines(mark: str, header: bool = True) -> str:
    return TABLE.write_csv(separator=mark, include_header=header)


def aligned(header: bool) -> str:
    rows = [TABLE.columns] * header + [[str(cell) for cell in row] for row in TABLE.iter_rows()]
    return "".join("".join(f"{cell:>8}" for cell in row) + "\n" for row in rows)


READ = {
    "blank lines of blanks at the end": ("t.csv", lines(",") + "   \n\t\n"),
    "titles padded by semicolons": ("t.csv", "Report of May;;\nprinted;;\n;;\n" + lines(";")),
    "comments below the header": ("t.csv", lines(",").replace("\n", "\n# in mm\n", 1)),
    "gzip under another name": ("t.txt", gzip.compress(lines(";").encode())),
    "UTF-16 without its mark": ("t.csv", lines(",").encode("utf-16-le")),
    "UTF-16 in the other order": ("t.csv", lines("\t").encode("utf-16-be")),
    "bars": ("t.psv", lines("|")),
    "one blank": ("t.data", lines(" ")),
    "several blanks": ("t.dat", aligned(True)),
    "several blanks, compressed": ("t.data.gz", gzip.compress(aligned(True).encode())),
}


@pytest.mark.grid(3)
@pytest.mark.parametrize("kind", READ)
def test_read_as_the_plain_table(kind: str, tmp_path: Path) -> None:
    name, content = READ[kind]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert read_table(str(path)).equals(TABLE)


def test_columns_that_blanks_separate_may_have_no_header(tmp_path: Path) -> None:
    path = tmp_path / "t.data"
    path.write_text(aligned(False))
    told: list[str] = []
    frame = read_table(str(path), tell=told.append)
    assert frame.rows() == TABLE.rows()
    assert told[0] == "t.data: separated by blanks (--separator)"
    assert "no header found" in told[1]
    assert "tabs" not in "".join(told)


def test_blanks_within_sentences_separate_nothing(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("remark\n" + "it is fine\n" * 20)
    assert read_table(str(path)).columns == ["remark"]
    path.write_text("n\n" + "1 2\n" * 20)
    assert read_table(str(path), reading=Reading(separator=",")).columns == ["n"]


REFUSED = {
    "Parquet": (b"PAR1" + bytes(30), "it is a Parquet file. Name it .parquet"),
    "SQLite": (b"SQLite format 3\0" + bytes(90), "it is a database of SQLite"),
    "PDF": (b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", "it is a PDF document"),
    "HTML": (b"\n<!doctype html>\n<html>", "it is a page of HTML"),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(90), "an Excel file of the old kind"),
    "bzip2": (bz2.compress(b"a,y\n1,2\n"), "compressed by bzip2. Decompress it"),
    "blank lines": (b"\n\n \n", "it holds blank lines only"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_other_files_are_refused_by_what_they_are(kind: str, tmp_path: Path) -> None:
    content, words = REFUSED[kind]
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_table(str(path))


def test_json_of_columns_is_told_from_records(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text('{"a": [1, 2, 3], "y": ["u", "v", "u"]}')
    with pytest.raises(InputError, match="a record for each row; it holds one of columns"):
        read_table(str(path))


MEN, WOMEN = [12, 30, 7, 51, 24, 9], [14, 28, 11, 47, 30, 12]
PLACES = ["Aix", "Brest", "Caen", "Dax", "Evian", "Foix"]
TOWNS = pl.DataFrame({"place": PLACES, "men": MEN, "women": WOMEN})


def below(*rows: tuple) -> pl.DataFrame:
    more = pl.DataFrame(list(rows), schema=TOWNS.schema, orient="row", strict=False)
    return pl.concat([TOWNS, more])


SUMS = {
    "a key left empty": (below((None, 133, 142)), [7]),
    "another label": (
        below(("Zusammen", 133, 142)).with_columns(men2=pl.col("men") * 2),
        [7],
    ),
    "a label in Parquet": (below(("Total", 133, 142)), [7]),
    "no key at all": (below((None, 133, 142)).drop("place"), [7]),
    "between": (pl.concat([below((None, 133, 142)), below((None, 133, 142))]), [7, 14]),
    "one column": (below((None, 133, None)).drop("women"), [7]),
}


@pytest.mark.grid(3)
@pytest.mark.parametrize("kind", SUMS)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_rows_of_sums_are_left_out_and_told(kind: str, suffix: str, tmp_path: Path) -> None:
    frame, rows = SUMS[kind]
    path = tmp_path / f"t{suffix}"
    (frame.write_csv if suffix == ".csv" else frame.write_parquet)(path)
    told: list[str] = []
    found = read_table(str(path), tell=told.append)
    kept = [row for row in range(frame.height) if row + 1 not in rows]
    assert found.rows() == frame[kept].rows()
    assert len(told) == 1
    assert "--skip-footer 0 keeps all" in told[0]
    assert read_table(str(path), reading=Reading(skip_footer=0)).height == frame.height


def test_means_below_prices_are_left_out(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {
            "item": [*"abcde", None],
            "price": ["$1.20", "$3.40", "$2.10", "$9.90", "$4.40", "$4.20"],
            "weight": [1.5, 2.5, 4.0, 3.0, 4.5, 3.1],
        }
    )
    path = tmp_path / "t.parquet"
    table.write_parquet(path)
    told: list[str] = []
    assert read_table(str(path), tell=told.append).height == 5
    (sentence,) = told
    assert sentence.startswith("t.parquet: row 6 holds the means of the rows above and is left out")


def test_ordinary_rows_are_no_sums() -> None:
    for seed in range(200):
        chance = np.random.default_rng(seed)
        rows = int(chance.integers(5, 30))
        table = {
            f"c{number}": chance.integers(0, chance.integers(2, 9), rows)
            if chance.random() < 0.6
            else chance.normal(size=rows).round(int(chance.integers(0, 3)))
            for number in range(chance.integers(1, 6))
        }
        frame = pl.DataFrame(table).with_columns(
            key=pl.Series([None if chance.random() < 0.2 else "uv"[row % 2] for row in range(rows)])
        )
        assert without_sums(frame, "t", print).height == rows


def test_real_tables_have_no_rows_of_sums(shared: Path) -> None:
    for path in sorted((shared / "data/tables").glob("*.parquet")):
        frame = pl.read_parquet(path)
        for part in (frame, *(frame.sample(12, seed=seed) for seed in range(20))):
            assert without_sums(part, path.name, print).height == part.height
