"""Files as people bring them, by the number of the case; each is read rightly, and told."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from chainrule.app.reading import Reading
from chainrule.app.tables import read_table
from chainrule.foundation.errors import InputError

_random = np.random.default_rng(3)
N = 120
A = np.round(_random.uniform(1, 9, N), 2)
B = np.round(_random.normal(50, 12, N), 1)
K = np.where(A + _random.normal(0, 1, N) > 5, "yes", "no")
ROWS = [(f"{a}", f"{b}", str(k)) for a, b, k in zip(A, B, K, strict=True)]
COMMAS = [(a.replace(".", ","), b.replace(".", ","), k) for a, b, k in ROWS]


def text(mark=",", head="a,b,y", rows=ROWS, above="", end="\n", below=""):
    lines = [head.replace(",", mark)] if head else []
    lines += [mark.join(row) for row in rows]
    return above + end.join(lines) + end + below


def with_b(cell, only=None):
    return [(a, b if only not in (None, n) else cell, k) for n, (a, b, k) in enumerate(ROWS)]


FILES = {
    "D01": (text(";", rows=COMMAS), ["separated by semicolons", "decimal commas in columns a, b"]),
    "D04 at the end": (text(below="\n"), []),
    "D04 carriage returns": (text(end="\r\n", below="\r\n\r\n"), []),
    "D04 between": (text().replace("\n", "\n\n", 5), []),
    "D06": (text(below=",,\n,,\n"), ["2 empty rows left out"]),
    "D07": ("sep=;\n" + text(";"), ["separated by semicolons", "1 line above the header skipped"]),
    "D07 comma": ("sep=,\n" + text(), ["1 line above the header skipped"]),
    "D08": (text(above="# exported by logger 7\n# unit: mm\n"), ["2 lines above the header"]),
    "D08 title": (text(above="Report of May\n\n"), ["2 lines above the header"]),
    "D08 padded": (text(above="Report of May,,\n,,\n"), ["2 lines above the header"]),
    "D10": (text(end="\r"), []),
    "D12": (text().replace("\n", ",\n"), []),
    "D13": (text(head="a,b,y,,", rows=[(*row, "", "") for row in ROWS]), []),
    "D27": (text("\t", rows=COMMAS), ["separated by tabs", "decimal commas in columns a, b"]),
    "D27 quoted": (
        text(rows=[(f'"{a}"', f'"{b}"', k) for a, b, k in COMMAS]),
        ["decimal commas in columns a, b"],
    ),
}


@pytest.mark.grid(4)
@pytest.mark.parametrize("case", FILES)
def test_d01_d04_d07_d08_d10_d27_the_table_is_the_one_that_was_written(
    tmp_path: Path, case: str
) -> None:
    content, words = FILES[case]
    path = tmp_path / "t.csv"
    path.write_bytes(content.encode())
    told: list[str] = []
    frame = read_table(str(path), tell=told.append)
    assert frame.columns == ["a", "b", "y"]
    np.testing.assert_array_equal(frame["a"], A)
    np.testing.assert_array_equal(frame["b"], B)
    assert frame["y"].to_list() == K.tolist()
    notes = "; ".join(told)
    assert all(word in notes for word in words), notes
    assert bool(told) == bool(words)


@pytest.mark.parametrize(
    ("mark", "rows"),
    [
        (";", with_b("green, teal")),
        ("\t", with_b("green, teal")),
        (";", with_b("green, teal", only=100)),
    ],
    ids=["semicolons", "tabs", "one row only"],
)
def test_d02_commas_inside_a_text(tmp_path: Path, mark: str, rows: list[tuple[str, ...]]) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text(mark, rows=rows))
    frame = read_table(str(path))
    assert frame.columns == ["a", "b", "y"]
    assert frame["b"][100] == "green, teal"
    np.testing.assert_array_equal(frame["a"], A)


def test_d03_first_cell_quoted_header_not(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "name;b;y\n" + "".join(f'"shop {n}";{b};{k}\n' for n, (_, b, k) in enumerate(ROWS))
    )
    frame = read_table(str(path))
    assert frame["name"].to_list() == [f"shop {n}" for n in range(N)]
    np.testing.assert_array_equal(frame["b"], B)


def test_d09_a_missing_header_is_reported_and_can_be_declared(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text(head=None))
    told: list[str] = []
    frame = read_table(str(path), tell=told.append)
    assert frame.columns == ["column_1", "column_2", "column_3"]
    assert frame.height == N
    assert told == [
        "t.csv: no header found, columns named column_1, column_2, ... (--header)",
    ]
    path.write_text(text(head=None, rows=[("u", "v", "w")] * 30))
    assert read_table(str(path), reading=Reading(header=False)).height == 30
    path.write_text(text(head="2019,2020,2021"))
    assert read_table(str(path), reading=Reading(header=True)).columns == ["2019", "2020", "2021"]


@pytest.mark.parametrize("cell", ['12" pipe', "5'3\""])
def test_d11_a_quote_inside_a_cell(tmp_path: Path, cell: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text(rows=with_b(cell, only=70)))
    frame = read_table(str(path))
    assert frame.height == N
    assert frame["b"][70] == cell


def test_d16_zstd(tmp_path: Path) -> None:
    import zstandard

    path = tmp_path / "t.csv.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(text().encode()))
    np.testing.assert_array_equal(read_table(str(path))["a"], A)


def test_d17_d18_a_sheet_of_excel(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": A, "y": K})
    frame.write_excel(tmp_path / "t.xlsx")
    assert read_table(str(tmp_path / "t.xlsx")).equals(frame)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_d19_standard_input_and_pipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.csv").write_text(text(";", rows=COMMAS))
    for source in ("-", "/dev/stdin", str(tmp_path / "pipe")):
        if source.endswith("pipe"):
            os.mkfifo(source)
            writer = threading.Thread(target=Path(source).write_text, args=(text(),))
            writer.start()
            np.testing.assert_array_equal(read_table(source)["a"], A)
            writer.join()
            continue
        program = (
            f"from chainrule.app.tables import read_table; print(read_table({source!r}).shape)"
        )
        with (tmp_path / "t.csv").open("rb") as stdin:
            done = subprocess.run(
                [sys.executable, "-c", program], stdin=stdin, capture_output=True, check=True
            )
        assert done.stdout == b"(120, 3)\n"


@pytest.mark.grid(2)
@pytest.mark.parametrize("suffix", [".csv.gz", ".tsv.gz", ".txt", ".tab", ".data"])
def test_d16_d18_other_suffixes(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t{suffix}"
    content = text("\t" if "t" in suffix[:3] else ",").encode()
    path.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    frame = read_table(str(path))
    np.testing.assert_array_equal(frame["a"], A)


def test_d17_an_archive_named_csv(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"PK\x03\x04" + bytes(60))
    with pytest.raises(InputError, match="it is a zip archive or an Excel file"):
        read_table(str(path))


def test_d18_feather_and_a_folder_of_parts(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": A, "y": K})
    frame.write_ipc(tmp_path / "t.feather")
    assert read_table(str(tmp_path / "t.feather")).equals(frame)
    parts = tmp_path / "parts"
    parts.mkdir()
    frame[:50].write_parquet(parts / "0.parquet")
    frame[50:].write_parquet(parts / "1.parquet")
    assert read_table(str(parts)).equals(frame)


def test_d20_d22_json_with_a_byte_order_mark_and_as_an_array(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    for content in (
        '\ufeff{"a":1.5,"y":"no"}\n{"a":2.5,"y":"yes"}\n',
        '[{"a":1.5,"y":"no"},\n {"a":2.5,"y":"yes"}]\n',
    ):
        path.write_text(content, encoding="utf-8")
        assert read_table(str(path)).rows() == [(1.5, "no"), (2.5, "yes")]


def test_d24_whole_numbers_as_databases_write_them(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    kind = pl.Decimal(38, 0)
    pl.DataFrame({"y": pl.Series([0, 1, 1]).cast(kind)}).write_parquet(path)
    frame = read_table(str(path))
    assert (frame["y"].dtype, frame["y"].to_list()) == (pl.Int64, [0, 1, 1])


def test_d19_an_address_is_refused_in_a_sentence() -> None:
    with pytest.raises(InputError, match=r"must be a file of this machine; got https://"):
        read_table("https://example.org/t.csv")


def test_letters_that_are_patterns_of_names_are_names(tmp_path: Path) -> None:
    for name in ("t[1].csv", "t?.csv", "t*.csv"):
        (tmp_path / name).write_text(f"a,b\n1,{name}\n")
    (tmp_path / "t1.csv").write_text("a,b\n2,other\n")
    for name in ("t[1].csv", "t?.csv", "t*.csv"):
        assert read_table(str(tmp_path / name)).rows() == [(1, name)]


def test_thousands_are_not_taken_for_decimals(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a;y\n1,690;u\n2,345;v\n")
    assert read_table(str(path))["a"].to_list() == ["1,690", "2,345"]
    assert read_table(str(path), reading=Reading(decimal=","))["a"].to_list() == [1.69, 2.345]


@pytest.mark.parametrize(
    ("option", "value", "rule"),
    [
        ("separator", "ab", "--separator must be one letter"),
        ("decimal", ";", r"--decimal must be \. or ,"),
        ("encoding", "latin-99", "--encoding must be an encoding that Python knows"),
        ("skip_rows", -1, "--skip-rows must be 0 or more"),
    ],
)
def test_wrong_ways_of_reading_are_refused(option: str, value: object, rule: str) -> None:
    with pytest.raises(InputError, match=rule):
        Reading(**{option: value})
