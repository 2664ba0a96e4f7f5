"""Clean tables, written as people write them: read back the same, or refused in a sentence.

``CHAINRULE_MESSY_FILES`` sets how many files are tried.
"""

import csv
import io
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chainrule.app.reading import Reading
from chainrule.app.tables import read_table
from chainrule.foundation.errors import InputError
from chainrule.interop.cells import numbers_of, text_of

EXAMPLES = int(os.environ.get("CHAINRULE_MESSY_FILES", "60"))
LETTERS = st.characters(
    codec="cp1252", categories=("Lu", "Ll", "Nd"), include_characters=" ,;|'\"-"
)
TEXTS = st.text(LETTERS, min_size=1, max_size=12).filter(lambda one: one == one.strip())
WORDS = st.sampled_from(["NA", "", "n/a", "NULL"])


@st.composite
def tables(draw):
    """Return names and columns of a clean table; None is a missing cell."""
    rows = draw(st.integers(6, 25))
    names = ["name", "size", "weight of it"][: draw(st.integers(2, 3))]
    columns = []
    for number, _ in enumerate(names):
        if number == 0:  # begins with a letter, so that no line looks like another
            cells = st.tuples(st.sampled_from("abcxyzü"), TEXTS).map("".join)
        else:
            cells = st.decimals(-999, 999, places=2).map(float)
        column = draw(st.lists(cells, min_size=rows, max_size=rows))
        columns.append(column)
    return names, columns


@st.composite
def files(draw):
    """Return a clean table, the bytes of a messy file of it, and what must be said of it."""
    names, columns = draw(tables())
    mark = draw(st.sampled_from(",;\t|"))
    decimal = draw(st.sampled_from(".,")) if mark != "," else "."
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    word = draw(WORDS)
    holes = draw(st.sets(st.integers(0, len(columns[1]) - 1), max_size=2))
    header = draw(st.booleans())
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC, csv.QUOTE_ALL]))
    out = io.StringIO()
    writer = csv.writer(out, delimiter=mark, lineterminator=end, quoting=quoting)
    above = draw(st.sampled_from([(), ("# exported",), ("Report of May", "")]))
    for line in above if header else ():
        out.write(line + end)
    if header:
        writer.writerow(names)
    blank = draw(st.sets(st.integers(0, len(columns[0])), max_size=2))
    for number, row in enumerate(zip(*columns, strict=True)):
        cells = [
            f"{one:.2f}".replace(".", decimal) if isinstance(one, float) else one for one in row
        ]
        if number in holes:
            cells[1] = word
        if number in blank:
            out.write(end)
        writer.writerow(cells)
    if draw(st.booleans()):
        out.write(end + mark * (len(names) - 1) + end)
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]))
    clean = [list(column) for column in columns]
    for hole in holes:
        clean[1][hole] = np.nan
    return names, clean, header, out.getvalue().encode(encoding, errors="replace"), encoding


@pytest.mark.slow
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(files())
def test_a_messy_file_is_its_clean_table_or_refused(file):
    names, columns, header, content, encoding = file
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_bytes(content)
        reading = Reading(header=header, encoding=encoding)
        try:
            frame = read_table(str(path), reading=reading)
        except InputError:
            return
    assert frame.columns == (names if header else [f"column_{n + 1}" for n in range(len(names))])
    assert frame.height == len(columns[0])
    expected = [one.strip() for one in columns[0]]
    assert text_of(frame[:, 0]).to_list() == expected
    for number in range(1, len(names)):
        np.testing.assert_array_equal(numbers_of(frame[:, number], lenient=True), columns[number])
