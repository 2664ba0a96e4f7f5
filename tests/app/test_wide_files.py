"""A text file of thousands of columns is asked about all columns of a kind together."""

import pytest

from chainrule.app.tables import read_table
from chainrule.foundation.errors import InputError

KINDS = {
    "decimal commas": "{n}2,{n}5",
    "percent": "{n}.5 %",
    "units": "{n},000.25 kg",
    "prices": "$ {n},500.25",
    "dates": "2024-01-0{n}",
    "categories": "level {n}",
}


def written(path, columns, rows, ends=()):
    names = [f"c{number}" for number in range(columns)]
    lines = [";".join([*names, "y"])]
    lines += [
        ";".join(
            [
                *(cell.format(n=1 + (row + n) % 9) for n, cell in enumerate(columns * [cell])),
                "uv"[row % 2],
            ]
        )
        for row, cell in enumerate(rows)
    ]
    path.write_text("\n".join([*lines, *ends]) + "\n")
    return str(path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_twice_the_columns_are_not_twice_the_questions(kind, tmp_path, questions) -> None:
    counts = []
    for columns in (40, 80):
        path = written(tmp_path / f"{columns}.csv", columns, [KINDS[kind]] * 30)
        with questions() as asked:
            assert read_table(path).shape == (30, columns + 1)
        counts.append(len(asked))
    assert 0 < counts[1] <= counts[0] + 2


@pytest.mark.slow
def test_a_row_of_sums_is_found_below_columns_of_units(tmp_path) -> None:
    told = []
    rows = ["{n} kg"] * 20
    path = tmp_path / "t.csv"
    written(path, 30, rows)
    lines = path.read_text().splitlines()
    sums = [
        sum(int(line.split(";")[column].split()[0]) for line in lines[1:]) for column in range(30)
    ]
    for last, kept in (("", 20), ("w", 20)):
        path.write_text("\n".join([*lines, ";".join([*(f"{one} kg" for one in sums), last])]))
        assert read_table(str(path), tell=told.append).height == kept
        assert "row 21 holds the sums" in told.pop()
    sums[17] += 1
    path.write_text("\n".join([*lines, ";".join([*(f"{one} kg" for one in sums), "w"])]))
    assert read_table(str(path)).height == 21


def test_empty_rows_and_open_quotes_are_found_in_any_column(tmp_path) -> None:
    told = []
    path = tmp_path / "t.csv"
    path.write_text("a;b;c\n1;x;2,5\n;;\n ; ; \n;;3,5\n2;y;\n")
    frame = read_table(str(path), tell=told.append)
    assert frame.rows() == [(1, "x", 2.5), (None, None, 3.5), (2, "y", None)]
    assert any("2 empty rows left out" in one for one in told)
    path.write_text('a;b;c\n1;"x;y";2\n2;"never closed;3\n4;z;5\n')
    with pytest.raises(InputError, match="must have 3 cells in each line"):
        read_table(str(path))
