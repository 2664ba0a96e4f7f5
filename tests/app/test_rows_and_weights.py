"""Which rows are taken, by ``--rows``, and how much each counts, by ``--weight``."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import chainrule as library
from chainrule.app.conditions import rows_where
from chainrule.app.results import Baseline, scores_of
from chainrule.foundation.errors import InputError

QUICK = ("--hidden", "4", "--epochs", "3", "--no-plot")
TABLE = pl.DataFrame(
    {
        "age": [25, 35, 45, None],
        "city": ["Bern", "Bern", "Zug", "Bern"],
        "home town": ["a", "b", "c", "d"],
        "share": [0.5, float("nan"), 2.0, 3.0],
        "price": ["1,2", "3", "x", None],
        "day": pl.Series(["2024-01-01", "2024-06-01", None, "2023-01-01"]).str.to_date(),
        "empty": pl.Series([None] * 4),
        "list": [[1], [2], [3], [4]],
    }
)


@pytest.mark.grid(2)
@pytest.mark.parametrize(
    ("condition", "towns"),
    [
        ("age > 30 and city = 'Bern'", ["b"]),
        ("AGE > 30", ["b", "c"]),
        ("age between 20 and 40 or city in ('Zug')", ["a", "b", "c"]),
        ("\"home town\" <> 'a'", ["b", "c", "d"]),
        ("age is null", ["d"]),
        ("share > 1", ["c", "d"]),
        ("share is null", ["b"]),
        ("day >= '2024-02-01'", ["b"]),
        ("city like 'B%' and not age = 25", ["b"]),
        ("age > 30 -- and no more", ["b", "c"]),
        ("empty is null", ["a", "b", "c", "d"]),
    ],
)
def test_a_condition_takes_rows_in_order(condition: str, towns: list[str]) -> None:
    assert rows_where(TABLE, condition)["home town"].to_list() == towns


@pytest.mark.grid(3)
@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("agee > 30", 'column "agee" not found (a text'),
        ("city = Bern", "a text stands in 'single quotes'"),
        ("age >", "syntax error"),
        ("", "--rows must be a condition"),
        ("age > 30, age < 3", "single expression"),
        ("age > 30) or (1 = 1", "syntax error"),
        ("age > 30 order by age", "modifiers"),
        ("true; drop table x", "modifiers"),
        ("age", "neither true nor false"),
        ("avg(age) > 3", "aggregates"),
        ("price > 30", "Cannot compare values of type text"),
        ("cast(price as double) > 1", "Could not convert"),
        ("list = 3", 'Referenced column "list" not found'),
        ("age > 100", "which holds for none of 4 rows"),
        ("x" * 3000, "--rows must be a condition"),
    ],
)
def test_an_invalid_condition_is_one_sentence(condition: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        rows_where(TABLE, condition)
    text = str(error.value)
    assert said in text
    assert "none of" in text or "Columns: age, city" in text
    assert len(text) <= 500
    assert "\n" not in text


READERS = (
    "read_csv('{0}')",
    "read_text('{0}')",
    "read_blob('{0}')",
    "read_json('{0}')",
    "read_parquet('{0}')",
    "glob('{1}/*')",
    "sniff_csv('{0}')",
    "'{0}'",
    "query_table('{0}')",
    "query('select * from read_csv(''{0}'')')",
    "read_csv('http://localhost:9/t.csv')",
    "frame",
    "known",
    "TABLE",
)


@pytest.mark.grid(3)
@pytest.mark.parametrize("reader", READERS)
def test_a_condition_opens_no_file_and_sees_no_variable(tmp_path: Path, reader: str) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("word\nx\ny\n")
    asked = reader.format(secret, tmp_path)
    with pytest.raises(InputError, match="--rows must be a condition"):
        rows_where(TABLE, f"exists (select * from {asked})")


@pytest.mark.parametrize("asked", ["copy (select 1) to '{}'", "attach '{}'", "install httpfs"])
def test_a_condition_writes_nothing(tmp_path: Path, asked: str) -> None:
    written = tmp_path / "written"
    for condition in (asked.format(written), f"exists (from query('{asked.format(written)}'))"):
        with pytest.raises(InputError):
            rows_where(TABLE, condition)
    assert not written.exists()


def test_columns_alike_but_for_capitals_are_refused() -> None:
    with pytest.raises(InputError, match="'a' and 'A', which a condition cannot tell apart"):
        rows_where(pl.DataFrame({"a": [1], "A": [2]}), "a > 0")


def test_a_column_may_be_called_as_the_numbers_of_rows_are() -> None:
    table = pl.DataFrame({"number of the row": [5, 6], "Number of the Row.": [7, 8]})
    assert rows_where(table, '"number of the row" > 5').height == 1


@pytest.mark.slow
def test_rows_are_taken_by_every_command(chainrule, flats) -> None:
    flats.write_csv("flats.csv")
    where = ("--rows", "area > 60 and district <> 'Nord'")
    kept = flats.filter((pl.col("area") > 60) & (pl.col("district") != "Nord")).height
    answer = chainrule("fit", "flats.csv", "--target", "rent", "--drop", "dear", *where, *QUICK)
    assert answer.code == 0, answer.err
    assert f"--rows takes {kept} rows of 300" in answer.out
    assert f"flats.csv: {kept} rows" in answer.out
    assert "area > 60" in chainrule("show", "flats.chainrule").out
    answer = chainrule("predict", "flats.chainrule", "flats.csv", *where)
    assert len(answer.out.splitlines()) == kept + 1
    assert f"--rows takes {kept} rows of 300" in answer.err
    answer = chainrule("explain", "flats.chainrule", "flats.csv", *where)
    assert f"on {kept} rows of flats.csv" in answer.out
    for words in (
        ("fit", "flats.csv", "--target", "rent"),
        ("predict", "flats.chainrule", "flats.csv"),
        ("explain", "flats.chainrule", "flats.csv"),
    ):
        answer = chainrule(*words, "--rows", "aera > 60")
        assert answer.code == 2
        assert answer.err.startswith("error: --rows must be a condition")
        assert "Columns: area, district" in answer.err


def weighted(flats: pl.DataFrame, weight: np.ndarray) -> pl.DataFrame:
    return flats.drop("dear").with_columns(pl.Series("w", weight))


def test_rows_of_no_weight_count_for_nothing(chainrule, flats) -> None:
    sane = weighted(flats, np.ones(300))
    sane.write_csv("sane.csv")
    spoilt = sane.with_columns(
        pl.when(pl.int_range(300) % 3 == 0).then(1e6).otherwise("rent").alias("rent"),
        pl.when(pl.int_range(300) % 3 == 0).then(0.0).otherwise(2.0).alias("w"),
    )
    spoilt.write_csv("spoilt.csv")
    results = {}
    for name in ("sane", "spoilt"):
        answer = chainrule(
            "fit", f"{name}.csv", "--target", "rent", "--weight", "w", "--epochs", "20", "--no-plot"
        )
        assert answer.code == 0, answer.err
        assert "by the weights of 'w'" in answer.out
        results[name] = {one["name"]: one for one in record(name)["results"]}
    assert results["spoilt"]["MAE"]["value"] < 500
    assert results["spoilt"]["MAE"]["baseline"] < 1000


def record(name: str) -> dict:
    from chainrule.app.table_models import read_table_model

    return read_table_model(f"{name}.chainrule").training


def test_a_weight_of_two_is_a_row_twice_in_every_score() -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(40, 2))
    weight = random.integers(0, 3, 40).astype(float)
    twice = np.repeat(np.arange(40), weight.astype(int))
    small = {"hidden_layer_sizes": (3,), "max_iter": 5, "random_state": 0}
    for model, y in (
        (library.MLPRegressor(**small), X[:, 0]),
        (library.MLPClassifier(**small), (X[:, 0] > 0).astype(int)),
        (library.MLPClassifier(**small), np.arange(40) % 3),
    ):
        with pytest.warns():
            model.fit(X, y)
        classes = getattr(model, "classes_", None)
        answers = model.predict(X) if classes is None else model.predict_proba(X)
        if classes is not None:
            by_weight = Baseline.of_labels(y, model.classes_, weight)
            by_rows = Baseline.of_labels(y[twice], model.classes_)
        else:
            by_weight, by_rows = Baseline.of_numbers(y, weight), Baseline.of_numbers(y[twice])
        assert by_weight.name == by_rows.name
        assert by_weight.values == pytest.approx(by_rows.values)
        ours = scores_of(answers, y, by_weight, weight * 7, classes)
        theirs = scores_of(answers[twice], y[twice], by_rows, None, classes)
        assert [one.name for one in ours] == [one.name for one in theirs]
        for one, other in zip(ours, theirs, strict=True):
            assert one.value == pytest.approx(other.value)
            assert one.baseline == pytest.approx(other.baseline)


@pytest.mark.slow
def test_a_table_to_predict_may_lack_the_weights(chainrule, flats) -> None:
    random = np.random.default_rng(1)
    table = weighted(flats, random.uniform(0.1, 3.0, 300))
    table.write_csv("flats.csv")
    fit = ("fit", "flats.csv", "--target", "rent", "--weight", "w", "--report", "page.html")
    answer = chainrule(*fit, "--drop", "w", *QUICK)
    assert answer.code == 0, answer.err
    assert "w" not in [column.name for column in library_preparation().columns]
    shown = chainrule("show", "flats.chainrule").out
    assert "weights  w" in shown
    assert "the weights of the rows" in shown
    table.drop("w").write_csv("new.csv")
    table.drop("w", "rent").write_csv("bare.csv")
    answers = [
        chainrule("predict", "flats.chainrule", f"{n}.csv") for n in ("flats", "new", "bare")
    ]
    assert len({answer.out for answer in answers}) == 1
    assert "with a known 'rent', by the weights of 'w'" in answers[0].err
    assert "each row counts once in the result" in answers[1].err
    assert "the table has no column 'w'" in answers[1].err
    assert "result" not in answers[2].err
    assert "rows of flats.csv, by the weights of 'w'" in (
        chainrule("explain", "flats.chainrule", "flats.csv").out
    )
    table.with_columns(w=-pl.col("w")).write_csv("below.csv")
    answer = chainrule("predict", "flats.chainrule", "below.csv")
    assert answer.code == 0
    assert "must hold a finite number of at least 0" in answer.err


def library_preparation():
    return library.load("flats.chainrule").members_[0].preparation


@pytest.mark.slow
def test_the_weights_of_the_printed_result_are_those_of_the_file(chainrule, flats) -> None:
    table = weighted(flats, np.arange(300) % 4)
    table.write_csv("flats.csv")
    chainrule("fit", "flats.csv", "--target", "rent", "--weight", "w", *QUICK)
    answer = chainrule("predict", "flats.chainrule", "flats.csv")
    predicted = np.array(answer.out.split()[1:], dtype=float)
    mae = np.average(np.abs(predicted - table["rent"].to_numpy()), weights=table["w"].to_numpy())
    line = next(line for line in answer.err.splitlines() if line.startswith("MAE"))
    assert float(line.split()[1].replace(",", "")) == pytest.approx(mae, rel=1e-3)


@pytest.mark.grid(7)
@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["1", "-2", "3"], "got -2 in row 2"),
        (["1", "", "3"], "got a missing cell in row 2"),
        (["1", "2", "inf"], "got inf in row 3"),
        (["1", "2", "heavy"], "got 'heavy' in row 3"),
        (["0", "0", "0"], "must be above 0 in some row; all are 0"),
    ],
)
def test_invalid_weights_are_named_by_row(chainrule, folder, cells, said) -> None:
    rows = [f"{n},{cells[n % 3] if n < 3 else cells[0]},{n % 7}" for n in range(60)]
    (folder / "t.csv").write_text("\n".join(["x,w,y", *rows]))
    answer = chainrule("fit", "t.csv", "--target", "y", "--weight", "w", *QUICK)
    assert answer.code == 2
    assert "--weight" in answer.err
    assert said in answer.err
    assert len(answer.err) < 500


def test_a_column_of_weights_is_a_column_of_the_table(chainrule, folder) -> None:
    (folder / "t.csv").write_text("\n".join(["size,w,y", *(f"{n},1,{n % 7}" for n in range(60))]))
    fit = ("fit", "t.csv", "--target", "y", "--weight")
    for name, said in (
        ("wt", "--weight must be a column of the table; got 'wt'. Did you mean 'w'? Columns: size"),
        ("y", "--weight must be another column than the target"),
    ):
        answer = chainrule(*fit, name)
        assert answer.code == 2
        assert said in answer.err
    answer = chainrule(*fit, "w", "--groups", "w")
    assert "--weight must be another column than that of --groups" in answer.err


@pytest.mark.slow
def test_weights_must_leave_every_class_and_a_test(chainrule, folder) -> None:
    def table(weight) -> None:
        rows = [f"{n},{weight(n)},{'ab'[n % 2]}" for n in range(40)]
        (folder / "t.csv").write_text("\n".join(["x,w,y", *rows]))

    fit = ("fit", "t.csv", "--target", "y", "--weight", "w", "--validation", "last", *QUICK)
    for weight, said in (
        (lambda n: n % 2, "in some row of each class to train on; all of 'a' are 0"),
        (lambda n: int(n < 30), "in some of the 8 rows to test on; all are 0"),
        (lambda n: int(n > 35), "in some of the 32 rows to train on; all are 0"),
    ):
        table(weight)
        answer = chainrule(*fit)
        assert answer.code == 2, answer.out
        assert said in answer.err
        assert "X_val" not in answer.err
        assert len(answer.err) < 500


def test_several_networks_take_weights_too(chainrule, flats) -> None:
    weighted(flats, np.arange(300) % 4).write_csv("flats.csv")
    fit = ("fit", "flats.csv", "--target", "rent", "--weight", "w", "--n-estimators", "2")
    assert chainrule(*fit, *QUICK).code == 0
