"""The target decides the task, and is refused where nothing can be learnt from it."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from chainrule.app.targets import decide_task, encode_target, target_column
from chainrule.foundation.errors import InputError

TASKS = {
    "text": (["a", "b"] * 3, "classification", "2 different texts"),
    "bools": ([True, False], "classification", "true and false"),
    "few whole": ([1, 2, 3] * 10, "classification", "3 different whole numbers"),
    "two numbers": ([0.0, 1.0, 1.0], "classification", "two different numbers"),
    "many whole": (list(range(30)), "regression", "30 different numbers"),
    "few rows": ([1, 2, 3, 4, 5, 6], "regression", "6 different numbers"),
    "fractions": ([0.5, 1.0, 0.5], "regression", "not whole"),
    "whole floats": ([1.0, 2.0, 3.0] * 10, "regression", "3 different numbers"),
    "text of numbers": ([str(n / 8) for n in range(30)], "regression", "not whole"),
}


@pytest.mark.parametrize(("cells", "task", "reason"), TASKS.values(), ids=TASKS.keys())
def test_the_task_follows_from_the_target(cells: list, task: str, reason: str) -> None:
    found, why = decide_task(pl.Series("y", cells))
    assert found == task
    assert reason in why


def test_the_task_can_be_asked_for() -> None:
    assert decide_task(pl.Series("y", ["a"]), "regression")[0] == "regression"
    with pytest.raises(InputError, match=r"got 'regresion'. Did you mean 'regression'"):
        decide_task(pl.Series("y", ["a"]), "regresion")


def test_dates_are_no_target() -> None:
    with pytest.raises(InputError, match="'y' must hold classes or numbers; got Date"):
        decide_task(pl.Series("y", [date(2024, 1, 1)]))


def test_labels_keep_their_type() -> None:
    for cells, kind in (
        ([1, 1, 2, 2], "i"),
        ([True, False] * 2, "b"),
        (["a", " a", "b", "b"], "U"),
    ):
        y = encode_target(pl.Series("y", cells), "classification")
        assert y.dtype.kind == kind
        assert len(np.unique(y)) == 2


BAD = {
    "one value": (
        ["a", "a"],
        "classification",
        "at least two different values; all 2 rows hold 'a'",
    ),
    "one number": ([1.5, 1.5], "regression", "all 2 rows hold 1.5"),
    "missing": ([1.0, None, None], "regression", "2 cells of 3 missing, the first in row 2"),
    "nan": ([1.0, 2.0, float("nan")], "regression", "1 cell of 3 missing, the first in row 3"),
    "missing text": (["a", "", "b"], "classification", "1 cell of 3 missing, the first in row 2"),
    "missing word": (["1", "NA", "2.5"], "regression", "1 cell of 3 missing, the first in row 2"),
    "infinite": ([1.0, float("inf"), 2.0], "regression", "finite numbers; got infinity in row 2"),
    "text": (["1", "2", "three"], "regression", "must hold numbers .* got 'three' in row 3"),
    "fraction": ([0.5, 1.0, 1.0], "classification", "must hold classes .* got 0.5 in row 1"),
    "single": (["a", "b", "a"], "classification", r"at least 2 rows.*'b' \(row 2\) has 1. Remove"),
    "singles": ([1, 2, 3, 3], "classification", "1 .row 1. has 1, and one .*--task regression"),
}


@pytest.mark.parametrize(("cells", "task", "message"), BAD.values(), ids=BAD.keys())
def test_a_target_that_cannot_be_learnt_is_one_sentence(
    cells: list, task: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        encode_target(pl.Series("y", cells), task)
    assert "\n" not in str(caught.value)


def test_a_column_that_is_not_there_names_the_closest() -> None:
    frame = pl.DataFrame({"price": [1], "carat": [2]})
    assert target_column(frame, "price", "t.csv").name == "price"
    with pytest.raises(
        InputError, match=r"got 'Prize'. Did you mean 'price'. Columns: price, carat"
    ):
        target_column(frame, "Prize", "t.csv")
    with pytest.raises(InputError, match=r"must name the column.*of t.csv: price, carat"):
        target_column(frame, None, "t.csv")
    with pytest.raises(InputError, match=r"at least two columns.*got only 'price'"):
        target_column(frame.select("price"), "price", "t.csv")
