"""Sources hold the rows of a table, cut into blocks."""

import gc
import pickle
import tempfile
import weakref

import numpy as np
import polars as pl
import pytest

from chainrule.blocks import tables
from chainrule.blocks.arrays import ArraySource
from chainrule.blocks.opening import open_source
from chainrule.blocks.source import blocks_of, is_source, load_block, row_counts
from chainrule.blocks.tables import TableFiles, TableSource
from chainrule.foundation.errors import InputError

FRAME = pl.DataFrame(
    {
        "a": np.arange(10.0),
        "b": np.arange(10) % 3,
        "y": [f"label {i % 2}" for i in range(10)],
        "w": np.linspace(0.0, 1.0, 10),
    }
)


@pytest.fixture
def files(tmp_path):
    """Write the table as Parquet in two parts, as Arrow, and as arrays."""
    folder = tmp_path / "parts"
    folder.mkdir()
    FRAME[:7].write_parquet(folder / "1.parquet", row_group_size=3)
    FRAME[7:].write_parquet(folder / "2.parquet")
    FRAME.write_ipc(tmp_path / "table.arrow")
    np.save(tmp_path / "X.npy", FRAME.select("a", "b").to_numpy())
    np.save(tmp_path / "y.npy", FRAME["b"].to_numpy())
    return tmp_path


@pytest.mark.parametrize("name", ["parts", "table.arrow"])
@pytest.mark.parametrize("block_rows", [1, 2, 100])
def test_files_hold_all_rows_in_their_order(files, name, block_rows):
    source = open_source(files / name, "y", "w", block_rows=block_rows)
    assert is_source(source)
    blocks = list(blocks_of(source))
    assert [len(block) for block in blocks] == list(source.block_rows) == list(row_counts(source))
    assert max(source.block_rows) <= block_rows
    found = np.concatenate([block.X for block in blocks])
    np.testing.assert_array_equal(found, FRAME.select("a", "b").to_numpy())
    assert np.concatenate([block.y for block in blocks]).tolist() == FRAME["y"].to_list()
    np.testing.assert_array_equal(
        np.concatenate([block.weight for block in blocks]), FRAME["w"].to_numpy()
    )


def test_blocks_are_row_groups(files):
    assert TableFiles(files / "parts").block_rows == (3, 3, 1, 3)
    paths = [files / "parts" / "2.parquet", files / "parts" / "1.parquet"]
    assert TableFiles(paths, block_rows=2).block_rows == (1, 2, 1, 2, 1, 2, 1)


@pytest.mark.slow
def test_a_row_group_is_decoded_once(files, monkeypatch):
    whole = [TableFiles(files / "parts", block_rows=2).frame(i) for i in range(7)]
    table, read = TableFiles(files / "parts", block_rows=2, group_bytes=1000), []
    decode = TableFiles._read
    monkeypatch.setattr(
        TableFiles,
        "_read",
        lambda self, part, *more: (read.append(part.rows), decode(self, part, *more))[1],
    )
    for _ in range(2):
        assert [table.frame(i).rows() for i in range(7)] == [one.rows() for one in whole]
        assert read == [3, 3, 1, 3]
        read.clear()
    assert table.frame(4).rows() == whole[4].rows()  # in any order
    assert table.frame(1).rows() == whole[1].rows()
    small = TableFiles(files / "parts", block_rows=2, group_bytes=10)
    assert [small.frame(i).rows() for i in range(7)] == [one.rows() for one in whole]


def test_text_is_written_to_a_temporary_folder_as_parquet(files, tmp_path, monkeypatch):
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    FRAME[:6].write_csv(files / "1.csv")
    FRAME[6:].write_csv(files / "2.csv")
    whole = FRAME.rows()
    table = TableFiles([files / "1.csv", files / "2.csv"])
    cut = pickle.loads(pickle.dumps(table)).in_blocks_of(4)
    assert cut.block_rows == (3, 3, 4)
    for one in (table, cut, table.in_blocks_of(2)):
        assert [row for i in range(one.n_blocks) for row in one.frame(i).rows()] == whole
    source = open_source(files / "1.csv", "y", "w")
    del table, one
    gc.collect()
    assert np.array_equal(source.in_blocks_of(2).load(0)[0], FRAME[:2].select("a", "b").to_numpy())
    assert len(list(place.iterdir())) == 1
    del source
    gc.collect()
    assert list(place.iterdir()) == []
    (files / "1.csv").write_bytes(b"")
    with pytest.raises(InputError, match=r"1\.csv must hold at least one row"):
        TableFiles(files / "1.csv")


def test_footers_of_files_are_not_kept(tmp_path, monkeypatch):
    """A footer takes about 0.7 kB for each column of each row group: of 20 GB, some 50 MB."""
    for number in range(20):
        FRAME.write_parquet(tmp_path / f"{number:02}.parquet", row_group_size=5)
    scan, scans = tables._scan, []

    def noted(path):
        found = scan(path)
        scans.append(weakref.ref(found))
        return found

    monkeypatch.setattr(tables, "_scan", noted)
    table = TableFiles(tmp_path)
    cut = table.in_blocks_of(2)
    for _ in range(2):
        for one in (table, cut):
            assert [len(one.frame(i)) for i in range(one.n_blocks)] == list(one.block_rows)
            gc.collect()
            assert sum(one() is not None for one in scans) <= 2
    assert table.block_rows == (5, 5) * 20
    assert cut.block_rows == TableFiles(tmp_path, block_rows=2).block_rows == (1, 2, 2) * 40


def test_arrays_stay_on_the_disk(files):
    source = open_source(files / "X.npy", files / "y.npy", block_rows=4)
    assert source.block_rows == (4, 4, 2)
    assert isinstance(source.load(1)[0], np.memmap)


def test_single_precision_stays(tmp_path):
    frame = FRAME.select(pl.col("a").cast(pl.Float32), "b")
    frame.write_parquet(tmp_path / "t.parquet")
    assert TableSource(tmp_path / "t.parquet", "b").load(0)[0].dtype == np.float32


class Wrong:
    n_blocks = 1

    def __init__(self, loaded):
        self.loaded = loaded

    def load(self, i):
        return self.loaded


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda at: open_source(at / "no.parquet", "y"), "there is no .*no.parquet"),
        (lambda at: open_source(at / "parts", "Y"), "target must be a column.*Columns: a, b, y, w"),
        (lambda at: open_source(at / "parts", "w"), "column 'y' is of String"),
        (lambda at: open_source(at / "parts"), "target of a file must be named"),
        (lambda at: open_source(at / "X.npy", at / "no.npy"), "no.npy must be a .npy file"),
        (lambda at: open_source(7, "y"), "must be a path.*got a int"),
        (lambda at: open_source([], "y"), "got a list"),
        (lambda at: open_source(Wrong(None)), None),
        (lambda at: load_block(Wrong(None), 0), r"must return \(X, y\).*NoneType"),
        (lambda at: load_block(Wrong(([[1.0]], [1, 2])), 0), r"shapes \(1, 1\), \(2,\)"),
        (lambda at: ArraySource(np.ones((2, 1)), [1]), "of one length; got 2, 1"),
        (lambda at: ArraySource(np.ones((2, 1)), [1, 2], block_rows=0), "block_rows must be"),
    ],
)
def test_refusals(files, make, words):
    if words is None:
        make(files)
        return
    with pytest.raises(InputError, match=words):
        make(files)


def test_damaged_and_different_files(files):
    (files / "bad.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(InputError, match=r"bad\.parquet must be a parquet file that can be read"):
        TableFiles(files / "bad.parquet")
    FRAME.drop("w").write_parquet(files / "parts" / "3.parquet")
    with pytest.raises(InputError, match=r"3\.parquet has no 'w'"):
        TableFiles(files / "parts")
