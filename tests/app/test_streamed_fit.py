"""``chainrule fit`` streams a file that takes more memory than it may have, and says so."""

import json

import numpy as np
import polars as pl
import pytest

from chainrule.app import large_files, streamed_predict
from chainrule.app.table_models import read_table_model

RANDOM = np.random.default_rng(2)
N = 20_000
A, B = RANDOM.normal(size=(2, N))
TABLE = pl.DataFrame(
    {
        "a": A,
        "b": B,
        "town": RANDOM.choice(["Bern", "Zug"], N),
        "day": pl.Series(np.arange(N) % 300).cast(pl.Date),
        "weight": RANDOM.uniform(0.5, 1.5, N),
    }
).with_columns(
    price=pl.Series(A * B) + pl.when(pl.col("town") == "Zug").then(2.0).otherwise(0.0),
)
TABLE = TABLE.with_columns(dear=pl.when(pl.col("price") > 1).then(pl.lit("yes")).otherwise(None))
TABLE = TABLE.with_columns(pl.col("dear").fill_null("no"))


def write_files(name):
    """Write the table as a Parquet file and as text."""
    TABLE.write_parquet(name, row_group_size=4000)
    TABLE.write_csv("t.csv", separator=";")


@pytest.fixture
def files(folder):
    write_files("t.parquet")
    return folder


@pytest.mark.grid(7)
@pytest.mark.parametrize("file", ["t.parquet", "t.csv"])
@pytest.mark.parametrize("target", ["price", "dear"])
def test_a_file_is_streamed(files, chainrule, file, target) -> None:
    other = "dear" if target == "price" else "price"
    answer = chainrule(
        *("fit", file, "--target", target, "--memory", "8MB", "--drop", other, "--epochs", 5),
        *("--numbers", "scale", "--weight", "weight", "--no-plot"),
    )
    assert answer.code == 0, answer.err
    assert f"{file}: streamed from the disk, since a fit in memory takes about 0.0" in answer.out
    assert "and may take 0.008 GB" in answer.out
    assert "note: the rows are streamed from the disk: one network is trained" in answer.out
    model = read_table_model("t.chainrule")
    rows, results = model.training["rows"], model.training["results"]
    assert sum(rows.values()) - rows["all"] == N
    assert 0.05 * N < rows["test"] < 0.25 * N
    assert results[0]["name"] == ("R2" if target == "price" else "accuracy")
    assert results[0]["value"] > 0.8
    assert model.training["settings"]["memory"] == "8MB"
    # the model predicts as any other does
    answer = chainrule("predict", "t.chainrule", "t.parquet", "--out", "p.parquet")
    assert answer.code == 0, answer.err
    assert pl.read_parquet("p.parquet").height == N


def test_a_file_that_fits_is_not_streamed(files, chainrule) -> None:
    words = ("fit", "t.parquet", "--target", "price", "--epochs", 1, "--numbers", "scale")
    answer = chainrule(*words, "--memory", "1GB", "--no-plot")
    assert answer.code == 0
    assert "streamed" not in answer.out


@pytest.mark.parametrize("file", ["t.parquet", "t.csv"])
@pytest.mark.parametrize("memory", ["1MB", "8MB"])
def test_too_little_memory_is_told(files, chainrule, file, memory) -> None:
    words = ("--target", "price", "--epochs", 1, "--numbers", "scale", "--no-plot")
    answer = chainrule("fit", file, *words, "--memory", memory)
    assert answer.code == 0, answer.err
    needed = "memory is 1.0 MB, and the fit takes more, about 2.9 MB: 7 columns in blocks of 1,024"
    assert (needed in answer.out) == (memory == "1MB")
    assert ("that may take 128 MB of memory" in answer.out) == (file == "t.csv")


@pytest.mark.slow
def test_streams_by_itself_where_memory_is_short(files, chainrule, monkeypatch) -> None:
    monkeypatch.setattr(large_files, "usable_bytes", lambda: 10_000_000)
    words = ("fit", "t.parquet", "--target", "price", "--epochs", 1, "--numbers", "scale", "--json")
    answer = chainrule(*words, "--no-plot")
    assert answer.code == 0
    assert "may take 0.005 GB; --memory sets the limit" in answer.err
    assert json.loads(answer.out)["rows"]["all"] == N
    # what needs the whole table gets it, as long as it can
    answer = chainrule(*words, "--no-plot", "--force", "--rows", "a > 1")
    assert answer.code == 0
    assert "streamed" not in answer.err


@pytest.mark.grid(2)
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--memory", "8MB", "--cv", 3], "--memory must be enough for all rows with --cv"),
        (["--memory", "8MB", "--preset", "best"], "with --preset"),
        (["--memory", "plenty"], "--memory must be an amount of memory, as '500MB'"),
        (["--memory", "8MB", "--target", "prise"], "must be a column of t.parquet.*'price'"),
        (["--memory", "8MB", "--target", "town", "--task", "regression"], "must hold numbers"),
    ],
)
def test_refusals(files, chainrule, words, said) -> None:
    import re

    target = [] if "--target" in words else ["--target", "price"]
    answer = chainrule("fit", "t.parquet", *target, *words)
    assert answer.code == 2
    assert re.search(said, answer.err), answer.err
    assert answer.err.count("\n") == 1


def test_a_type_that_the_first_rows_suggest_need_not_hold(files, chainrule) -> None:
    lines = [f"{i},{i % 7}" for i in range(30_000)]
    lines[25_000] = "25000,unknown"
    (files / "odd.csv").write_text("y,x\n" + "\n".join(lines) + "\n")
    answer = chainrule(
        *("fit", "odd.csv", "--target", "y", "--memory", "2MB", "--epochs", 1, "--no-plot"),
        *("--numbers", "scale"),
    )
    assert answer.code == 0, answer.err


@pytest.fixture
def model(folder, once):
    words = ("fit", "t.parquet", "--target", "price", "--drop", "dear", "--epochs", 2)
    once("t.parquet", write_files, *words, "--no-plot", "--numbers", "scale")
    return "t.chainrule"


@pytest.mark.grid(13)
@pytest.mark.parametrize("out", ["p.csv", "p.tsv", "p.jsonl", "p.parquet", None])
@pytest.mark.parametrize("file", ["t.parquet", "t.csv"])
def test_predictions_are_written_as_they_come(model, chainrule, folder, out, file) -> None:
    words = ["predict", model, file, "--keep", "town", "--interval", 0.8]
    words += [] if out is None else ["--out", out]
    whole = chainrule(*words)
    first = whole.out if out is None else (folder / out).read_bytes()
    blocks = chainrule(*words, "--memory", "2MB", "--force")
    assert blocks.code == whole.code == 0
    again = blocks.out if out is None else (folder / out).read_bytes()
    if out == "p.parquet":
        again = pl.read_parquet(again)
        assert again.equals(pl.read_parquet(first))
        assert again.height == N
    else:
        assert again == first
    assert f"{file} is read in blocks: as a whole it takes about" in blocks.err
    # the same result, on all rows
    assert whole.err.partition("result on")[2] == blocks.err.partition("result on")[2]


def test_rows_to_judge_are_kept_in_few_frames(model, chainrule, folder, monkeypatch) -> None:
    """Each small frame takes some memory of its own, and a large file has thousands of blocks."""
    kept, judged = [], streamed_predict._Answered.judged

    def noted(self):
        kept.append(len(self._frames))
        return judged(self)

    monkeypatch.setattr(streamed_predict, "MOST_FRAMES", 4)
    monkeypatch.setattr(streamed_predict._Answered, "judged", noted)
    whole = chainrule("predict", model, "t.parquet", "--out", "p.csv")
    blocks = chainrule("predict", model, "t.parquet", "--out", "q.csv", "--memory", "2MB")
    assert kept[0] <= 4 < N // 4000
    assert whole.err.partition("result on")[2] == blocks.err.partition("result on")[2]


@pytest.mark.slow
def test_surprises_of_blocks_are_told_once(model, chainrule, folder) -> None:
    table = TABLE.with_columns(town=pl.when(pl.col("a") > -9).then(pl.lit("Basel")))
    table.write_parquet(folder / "odd.parquet", row_group_size=3000)
    answer = chainrule("predict", model, "odd.parquet", "--out", "p.csv", "--memory", "2MB")
    assert answer.code == 0
    assert answer.err.count("categories not") == 1
    strict = ("predict", model, "odd.parquet", "--out", "q.csv", "--memory", "2MB", "--strict")
    answer = chainrule(*strict)
    assert answer.code == 2
    assert "as --strict asks" in answer.err
    assert not (folder / "q.csv").exists()


def test_pieces_have_the_bits_of_the_whole(model, monkeypatch) -> None:
    estimator = read_table_model(model).estimator
    frame = TABLE.drop("price")
    whole = estimator.predict(frame)
    monkeypatch.setattr("chainrule.tables.base.MOST_PREPARED", 2**13)
    np.testing.assert_array_equal(estimator.predict(frame), whole)
