"""Objects with n_blocks and load(i): any columns, block by block, to the bits of a file."""

import numpy as np
import polars as pl
import pytest

from chainrule import TabularClassifier, TabularRegressor
from chainrule.blocks.arrays import ArraySource
from chainrule.foundation.errors import InputError
from chainrule.tables.source_tables import SourceTable

RANDOM = np.random.default_rng(0)
A = RANDOM.normal(size=400)
B = RANDOM.choice(["u", "v"], 400)
TABLE = pl.DataFrame(
    {
        "a": pl.Series(A).set(pl.Series(np.isin(np.arange(400), [3, 70])), None),
        "b": B,
        "w": RANDOM.uniform(0.5, 2.0, 400),
        "t": np.where(A + (B == "u") > 0.5, "yes", "no"),
    }
)
OPTIONS = {"options": {"max_iter": 3}, "random_state": 0, "encoding": "scale"}


class Blocks:
    """A table in blocks, each as ``as_block`` makes it; the last block has no rows."""

    n_blocks = 5

    def __init__(self, as_block, table=TABLE):
        self.as_block, self.table = as_block, table

    def load(self, i):
        return self.as_block(self.table[100 * i : 100 * i + 100])


class Counted(Blocks):
    """The same, which says how many rows its blocks have."""

    block_rows = (100, 100, 100, 100, 0)


def apart(frame):
    return frame.select("a", "b"), frame["t"], frame["w"]


def apart_in_arrow(frame):
    return [part.to_arrow() for part in apart(frame)]


def apart_in_pandas(frame):
    return [part.to_pandas() for part in apart(frame)]


def apart_in_arrays(frame):
    X, y, w = apart(frame)
    return X.to_numpy(), y.to_list(), w.to_numpy()


def answers(model):
    X = TABLE.select("a", "b")
    return model.predict_proba(X if model.columns_ == X.columns else X.to_numpy())


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "table.parquet"
    TABLE.write_parquet(path, row_group_size=100)
    return answers(TabularClassifier(**OPTIONS).fit(path, "t", "w")).tobytes()


@pytest.mark.parametrize("kind", [Blocks, Counted])
@pytest.mark.parametrize(
    "as_block", [lambda frame: frame, pl.DataFrame.to_pandas, pl.DataFrame.to_arrow]
)
def test_frames_that_hold_the_target_train_as_a_file_does(kind, as_block, expected) -> None:
    model = TabularClassifier(**OPTIONS).fit(kind(as_block), "t", "w")
    assert model.feature_names_in_.tolist() == ["a", "b"]
    assert answers(model).tobytes() == expected


@pytest.mark.parametrize("as_block", [apart, apart_in_pandas, apart_in_arrow, apart_in_arrays])
def test_targets_beside_the_frame_train_as_a_file_does(as_block, expected) -> None:
    model = TabularClassifier(**OPTIONS).fit(Blocks(as_block))
    assert answers(model).tobytes() == expected


def test_arrays_have_the_names_of_any_array() -> None:
    X = np.c_[A, A**2]
    model = TabularRegressor(**OPTIONS).fit(ArraySource(X, 2.0 * A, block_rows=130))
    assert model.columns_ == ["x0", "x1"]
    assert model.score(X, 2.0 * A) > 0.5


def test_categories_that_differ_from_block_to_block(expected) -> None:
    table = TABLE.with_columns(pl.col("b").cast(pl.Categorical))
    model = TabularClassifier(**OPTIONS).fit(Blocks(pl.DataFrame.to_pandas, table), "t", "w")
    assert answers(model).tobytes() == expected


def test_a_column_may_be_empty_in_a_block() -> None:
    whole = pl.DataFrame({"n": [1, 2, None, None, 5], "t": [0.0] * 5})
    parts = [whole[:2].to_pandas(), whole[2:4].to_pandas(), whole[4:]]

    class Parts:
        n_blocks = 3

        def load(self, i):
            return parts[i]

    table = SourceTable(Parts(), "t")
    assert table.schema["n"] == pl.Int64
    assert pl.concat([table.frame(i) for i in range(3)]).equals(whole)


@pytest.mark.parametrize(("rows", "memory", "told"), [(200, "3MB", False), (12_000, "3MB", True)])
def test_memory_that_its_blocks_exceed_is_told(rows, memory, told) -> None:
    X = RANDOM.normal(size=(12_000, 3))
    model = TabularRegressor(**OPTIONS)
    model.fit(ArraySource(X, X[:, 0], block_rows=rows), memory=memory)
    words = "memory is 3.0 MB, and the fit takes more, about 8.2 MB: 4 columns in blocks of 12,000"
    assert any(words in note for note in model.notes_) == told


def changed(i, frame):
    """Return a source whose block i is another frame."""

    class Changed(Counted):
        def load(self, number):
            return frame if number == i else super().load(number)

    return Changed(lambda frame: frame)


@pytest.mark.parametrize(
    ("source", "given", "words"),
    [
        (Blocks(lambda frame: frame), ("u",), "y must be a column of load.0.; got 'u'.*Columns: a"),
        (Blocks(lambda frame: frame), ("t", "u"), "sample_weight must be a column of load.0."),
        (Blocks(lambda frame: frame), (), r"y must name the target.*fit\(source, 'name'\)"),
        (Blocks(apart), ("t",), "y must be None for a source whose blocks hold the targets"),
        (Blocks(apart), (None, "w"), "sample_weight must be None, where load"),
        (Blocks(lambda frame: (frame,)), (), "must return a frame, .X, y. or .*; got 1 parts"),
        (Blocks(lambda frame: (frame, frame["t"][1:])), (), r"one target.*got the shape \(99,\)"),
        (Blocks(lambda frame: (frame.rename({"a": "y"}), A[:100])), (), "other names than 'y'"),
        (Blocks(lambda frame: frame.lazy()), ("t",), "must be a frame in memory"),
        (changed(2, TABLE[:100].with_columns(a=pl.lit("x"))), ("t",), "block 2 has 'a' as String"),
        (changed(2, TABLE[:100].drop("a")), ("t",), "block 2 has no 'a'. Add it"),
        (changed(2, TABLE[:100].with_columns(z=1)), ("t",), "block 2 has 'z' too. Drop it"),
        (changed(2, TABLE[:99]), ("t",), "the same rows each time; got 99 rows, where it has 100"),
        (Blocks(lambda frame: frame[:0]), ("t",), "the source must have at least one row"),
        (Blocks(lambda frame: frame.select("t")), ("t",), "a column to learn from beside 't'"),
    ],
)  # fmt: skip
def test_refusals(source, given, words) -> None:
    with pytest.raises(InputError, match=words):
        TabularClassifier(**OPTIONS).fit(source, *given)
