"""Real mixed tables, a sample of each: the defaults learn what they can be expected to."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import chainrule as package
from chainrule.app.table_models import read_table_model
from chainrule.app.tables import read_table, write_table

QUICK = ("--engine", "reference", "--epochs", "15")


def results(path: str) -> dict[str, float]:
    return {score["name"]: score["value"] for score in read_table_model(path).training["results"]}


@pytest.mark.slow
def test_diamonds(chainrule, shared: Path) -> None:
    table = pl.read_csv(shared / "data/diamonds.csv").sample(4000, seed=0)
    write_table(table, Path("diamonds.csv"))
    answer = chainrule("fit", "diamonds.csv", "--target", "price", *QUICK)
    assert answer.code == 0, answer.err
    assert "target 'price': regression" in answer.out
    assert results("diamonds.chainrule")["R2"] >= 0.95


@pytest.mark.slow
def test_adult_and_its_other_file(chainrule, shared: Path) -> None:
    table = pl.read_csv(shared / "data/adult_train.csv").sample(4000, seed=0)
    write_table(table, Path("adult.csv"))
    answer = chainrule("fit", "adult.csv", "--target", "income", *QUICK)
    assert answer.code == 0, answer.err
    assert results("adult.chainrule")["accuracy"] >= 0.835
    other = shared / "data/adult_test.csv"
    answer = chainrule("predict", "adult.chainrule", other, "--out", "p.parquet", "--proba")
    assert answer.code == 0, answer.err
    model = package.load("adult.chainrule")
    frame = read_table(str(other))
    written = pl.read_parquet("p.parquet")
    assert written["prediction"].to_list() == model.predict(frame).tolist()
    assert np.array_equal(written[:, 1:].to_numpy(), model.predict_proba(frame))
    assert np.mean(written["prediction"].to_numpy() == frame["income"].to_numpy()) >= 0.84


def test_flights_of_which_arrivals_are_missing_are_refused_with_advice(chainrule, shared) -> None:
    words = ("--target", "arr_delay", "--missing-target", "error")
    answer = chainrule("fit", shared / "data/nyc_flights.parquet", *words)
    assert answer.code == 2
    assert "the target 'arr_delay' must hold a value in every row; 9,430 cells" in answer.err
