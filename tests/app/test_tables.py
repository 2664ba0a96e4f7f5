"""People's files: what is read, and the one sentence for what cannot be."""

import gzip
import os
from pathlib import Path

import polars as pl
import pytest

from chainrule.app.reading import Reading
from chainrule.app.tables import BUILT_IN, read_table, write_table, writer_of
from chainrule.foundation.errors import InputError

FRAME = pl.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z, or so"], "c": [0.5, 1.5, None]})


@pytest.mark.grid(2)
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".CSV"])
def test_every_format_is_read_as_it_was_written(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"table{suffix}"
    write_table(FRAME, path)
    assert read_table(str(path)).equals(FRAME)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_sets_have_a_target(name: str) -> None:
    frame = read_table(name)
    assert frame.columns[-1] == "target"
    assert frame.height > 100
    assert frame.null_count().sum_horizontal().item() == 0


def test_built_in_classes_have_their_names() -> None:
    assert read_table("iris")["target"].unique().sort().to_list() == [
        *("setosa", "versicolor", "virginica"),
    ]
    assert read_table("digits")["target"].unique().sort().to_list() == list(range(10))
    assert read_table("diabetes")["target"].dtype == pl.Float64


def test_a_file_goes_before_a_built_in_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "iris").mkdir()
    with pytest.raises(InputError, match="got the folder 'iris'"):
        read_table("iris")


def test_types_are_decided_from_all_rows(tmp_path: Path) -> None:
    path = tmp_path / "late.csv"
    path.write_text("a,b\n" + "1,2\n" * 2000 + "1.5,x\n")
    frame = read_table(str(path))
    assert frame.dtypes == [pl.Float64, pl.String]


def test_a_file_that_was_written_again_is_read_again(tmp_path: Path) -> None:
    """Nothing is kept of a file, even where its size and its time are those it had."""
    path = tmp_path / "t.csv"
    for cell in "123":
        path.write_text(f"# remark\na;b\n{cell};x\n")
        os.utime(path, (10**9, 10**9))
        assert read_table(str(path)).rows() == [(int(cell), "x")]


@pytest.mark.parametrize(("mark", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_another_separator_is_found_and_told(tmp_path: Path, mark: str, name: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"a{mark}b\n1{mark}2\n")
    told: list[str] = []
    assert read_table(str(path), tell=told.append).columns == ["a", "b"]
    assert told == [f"t.csv: separated by {name} (--separator)"]


@pytest.mark.grid(2)
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
@pytest.mark.parametrize(
    ("encoding", "told"), [("cp1252", "cp1252"), ("utf-16", "utf-16"), ("utf-8", None)]
)
def test_other_encodings_are_read_and_told(
    tmp_path: Path, encoding: str, told: str | None, suffix: str
) -> None:
    path = tmp_path / f"t{suffix}"
    content = "größe,b\n1,ü\n2,€\n".encode(encoding)
    path.write_bytes(gzip.compress(content) if suffix == ".csv.gz" else content)
    notes: list[str] = []
    frame = read_table(str(path), tell=notes.append)
    assert frame.to_dict(as_series=False) == {"größe": [1, 2], "b": ["ü", "€"]}
    assert notes == ([f"{path.name}: not UTF-8, read as {told} (--encoding)"] if told else [])


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\n1,2\n")
    assert read_table(str(path)).columns == ["a", "b"]


BAD = {
    "empty": ("t.csv", b"", "must hold a table; the file is empty"),
    "header only": ("t.csv", b"a,b\n", "it has a header and no rows"),
    "long row": ("t.csv", b"a,b\n1,2\n3,4,5\n", "must have 2 cells in each line.* line 3 has 3"),
    "short row": ("t.csv", b"a,b,c\n1,2,3\n3\n", "must have 3 cells in each line.* line 3 has 1"),
    "open quote": (
        "t.csv",
        b'a,b\n1,"x\n2,3\n',
        "the quote before '\"x' in column 'b', row 1, is never closed",
    ),
    "no parquet": ("t.parquet", b"a,b\n1,2\n", "must be a Parquet file; it cannot be read"),
    "empty parquet": ("t.parquet", b"", "the file is empty"),
    "no json": ("t.jsonl", b"a,b\n1,2\n", "must be a JSON-lines file, one record per line"),
    "suffix": ("t.doc", b"PK", "must be a .csv, .tsv, .txt, .* file; got t.doc"),
    "no suffix": ("table", b"a,b\n1,2\n", "got table. Save it"),
}


@pytest.mark.parametrize(("name", "contents", "message"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_one_clear_sentence(
    tmp_path: Path, name: str, contents: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(contents)
    with pytest.raises(InputError, match=message) as caught:
        read_table(str(path))
    assert "\n" not in str(caught.value)


def test_a_missing_cell_at_the_end_is_no_ragged_row(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('a,b\n1,\n"2\n3",4\n')
    assert read_table(str(path))["b"].to_list() == [None, 4]


def test_a_file_that_is_not_there_names_the_closest(tmp_path: Path) -> None:
    (tmp_path / "diamonds.csv").write_text("a,b\n1,2\n")
    with pytest.raises(
        InputError, match=r"there is no .*diamond\.csv. Did you mean 'diamonds.csv'"
    ):
        read_table(str(tmp_path / "diamond.csv"))
    with pytest.raises(InputError, match="Did you mean 'digits'"):
        read_table("digit")
    with pytest.raises(InputError, match="there is no folder"):
        read_table(str(tmp_path / "none" / "t.csv"))
    with pytest.raises(InputError, match="got the folder"):
        read_table(str(tmp_path))


def test_a_table_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--out must end in one of .csv"):
        writer_of(tmp_path / "t.xlsx")
    with pytest.raises(InputError, match="cannot write"):
        write_table(FRAME, tmp_path / "none" / "t.csv")
    nested = FRAME.with_columns(pl.Series("d", [[1], [2], [3]]))
    with pytest.raises(pl.exceptions.PolarsError):
        write_table(nested, tmp_path / "t.csv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.grid(2)
@pytest.mark.parametrize("header", [None, False])
@pytest.mark.parametrize("first", ["a0,", "a0,,"])
def test_a_first_row_with_gaps_is_no_title(tmp_path, header, first) -> None:
    tail = "0.5" if first == "a0," else "0.5,2"
    path = tmp_path / "t.csv"
    path.write_text("\n".join([first, *[f"a{n},{tail}" for n in range(1, 8)]]))
    frame = read_table(str(path), reading=Reading(header=header))
    assert frame[:, 0].to_list() == [f"a{n}" for n in range(8)]
    assert frame[:, 1].to_list() == [None] + [0.5] * 7
