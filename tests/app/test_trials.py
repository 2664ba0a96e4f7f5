"""Scores of several fits: cross-validation, comparisons, searches, and a last fit on all rows."""

import json
import signal
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import chainrule as package
from chainrule.app import plot
from chainrule.app.table_models import read_table_model
from chainrule.app.tables import read_table, write_table
from chainrule.estimators import fitting

QUICK = ("--hidden", "8", "--epochs", "6", "--no-plot")


@pytest.fixture
def fit(chainrule, flats):
    """Fit one column of the flats."""

    def run(target: str, *words: object, command: str = "fit", quick=QUICK):
        write_table(flats.drop({"rent": "dear", "dear": "rent"}[target]), Path("flats.csv"))
        return chainrule(command, "flats.csv", "--target", target, *quick, *words)

    return run


@pytest.mark.grid(2)
@pytest.mark.parametrize("target", ["rent", "dear"])
def test_cross_validation_tests_every_row_once(fit, target) -> None:
    answer = fit(target, "--cv", 3)
    assert answer.code == 0, answer.err
    assert "cross-validation on 3 folds, 300 rows tested" in answer.out
    folds = read_table_model("flats.chainrule").training["cross_validation"]
    names = ["R2", "MAE", "RMSE"] if target == "rent" else ["accuracy", "log loss", "AUC"]
    assert [one["name"] for one in folds] == names
    for one in folds:
        assert len(one["values"]) == 3
        assert one["mean"] == pytest.approx(np.mean(one["values"]))
        assert one["spread"] == pytest.approx(np.std(one["values"], ddof=1))
    line = next(line for line in answer.out.splitlines() if line.startswith(names[0]))
    assert len(line.split()) == 7


@pytest.mark.slow
def test_cross_validation_keeps_groups_and_time(fit, flats) -> None:
    answer = fit("rent", "--cv", 3, "--groups", "district")
    assert answer.code == 0, answer.err
    answer = fit("rent", "--cv", 4, "--groups", "district", "--force")
    assert answer.code == 2
    assert "--cv must be at most the number of groups, 3; got 4" in answer.err
    answer = fit("rent", "--cv", 3, "--validation", "last", "--force")
    assert "cross-validation on 3 folds, 225 rows tested" in answer.out
    for count in (1, 301):
        answer = fit("rent", "--cv", count, "--force")
        assert answer.code == 2
        assert f"--cv must be from 2 to 300, the number of rows; got {count}" in answer.err


@pytest.mark.slow
def test_a_last_fit_is_on_all_rows_for_as_many_epochs(fit) -> None:
    assert fit("rent").code == 0
    before = read_table_model("flats.chainrule")
    answer = fit("rent", "--fit-all", "--force")
    assert answer.code == 0, answer.err
    assert "training again on all 300 rows" in answer.out
    after = read_table_model("flats.chainrule")
    assert after.training["results"] == before.training["results"]
    assert after.networks[0].n_iter_ == before.training["best_epoch"]
    frame = read_table("flats.csv")
    assert not np.array_equal(after.answers(frame), before.answers(frame))
    model, rows = before.estimator, frame.drop("rent")
    model.refit(rows, frame["rent"].to_numpy())
    np.testing.assert_array_equal(model.predict(rows), after.estimator.predict(rows))
    assert np.isnan(model.oof_prediction_).all()


@pytest.fixture
def ctrl_c_is_heard():
    """Hear Ctrl-C even where the tests run in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.slow
@pytest.mark.usefixtures("ctrl_c_is_heard")
def test_ctrl_c_in_a_last_fit_keeps_the_tested_model(fit, monkeypatch) -> None:
    assert fit("rent").code == 0
    before = read_table_model("flats.chainrule")
    real, left = fitting.record, [6 + 2]

    def record(*given):
        left[0] -= 1
        if left[0] == 0:
            signal.raise_signal(signal.SIGINT)
        real(*given)

    monkeypatch.setattr(fitting, "record", record)
    answer = fit("rent", "--fit-all", "--force")
    assert answer.code == 130
    assert answer.err.endswith("error: interrupted; the best model so far is in flats.chainrule\n")
    assert "the model is the one before" in answer.out + answer.err
    after = read_table_model("flats.chainrule")
    assert after.training["results"] == before.training["results"]
    assert after.training["fit_all"] is False
    frame = read_table("flats.csv")
    np.testing.assert_array_equal(after.answers(frame), before.answers(frame))


def test_the_picture_of_a_last_fit_is_of_the_epochs_that_were_tested(fit, monkeypatch) -> None:
    drawn = []
    monkeypatch.setattr(plot, "draw_losses", lambda *given, **more: drawn.append(given) or "")
    assert fit("rent", "--fit-all", quick=("--hidden", "8", "--epochs", "6")).code == 0
    ((_, training, validation),) = drawn
    assert [len(curve) for curve in (*training, *validation)] == [6, 6]


def test_the_record_of_a_fit_is_json(fit) -> None:
    answer = fit("dear", "--json")
    assert answer.code == 0
    record = json.loads(answer.out)
    assert record["model"] == "flats.chainrule"
    assert record["results"] == read_table_model("flats.chainrule").training["results"]
    assert 0.0 <= record["out_of_fold"] <= 1.0
    assert "test rows" in answer.err


@pytest.mark.slow
@pytest.mark.grid(2)
@pytest.mark.parametrize("target", ["rent", "dear"])
def test_methods_are_compared_on_the_same_rows(fit, target) -> None:
    methods = [word for name in ("trivial", "linear", "boosting") for word in ("--method", name)]
    answer = fit(target, *methods, "--json", command="compare", quick=())
    assert answer.code == 0, answer.err
    trivial, linear, boosting = json.loads(answer.out)
    assert [one["method"] for one in (trivial, linear, boosting)] == methods[1::2]
    name = "RMSE" if target == "rent" else "log loss"
    assert trivial["scores"][name] > linear["scores"][name] > 0.0
    assert trivial["scores"][name] > boosting["scores"][name] > 0.0
    assert not Path("flats.chainrule").exists()
    words = "always the mean" if target == "rent" else "always the usual class"
    out = fit(target, "--method", "trivial", command="compare", quick=()).out
    assert words in out
    assert "seconds" in out
    answer = fit(target, "--method", "boost", command="compare", quick=())
    assert "--method must be one of trivial, linear" in answer.err
    assert "Did you mean 'boosting'?" in answer.err


@pytest.mark.slow
def test_a_comparison_measures_what_fit_reaches(chainrule, fit) -> None:
    assert fit("dear", quick=("--no-plot",)).code == 0
    reached = {
        s["name"]: s["value"] for s in read_table_model("flats.chainrule").training["results"]
    }
    answer = fit("dear", "--method", "fast", "--json", command="compare", quick=())
    assert json.loads(answer.out)[0]["scores"] == pytest.approx(reached, rel=1e-9)


@pytest.mark.slow
def test_a_search_until_the_time_is_over_writes_the_model(fit) -> None:
    answer = fit("dear", "--time-limit", "0.1s", command="tune", quick=())
    assert answer.code == 0, answer.err
    assert "training 1 setting on 8 folds" in answer.out
    assert "settings tried, the best first" in answer.out
    assert "held-out loss  folds" in answer.out
    model = package.load("flats.chainrule")
    assert (model.preset, model.time_limit) == ("best", 0.1)
    assert model.predict(pl.read_csv("flats.csv").drop("dear")).shape == (300,)
    for text in ("0s", "fast", "-1m", "nan"):
        answer = fit("dear", "--time-limit", text, command="tune", quick=())
        assert answer.code == 2
        assert "--time-limit must be a time, as 60s, 10m or 1h; got " in answer.err


@pytest.mark.slow
def test_the_report_of_a_bag_has_the_sections_of_a_network(fit) -> None:
    answer = fit("dear", "--n-folds", 2, "--report", "page.html")
    assert answer.code == 0, answer.err
    text = Path("page.html").read_text()
    for part in ("Network 1: ", "2 x 11 ", "How they count"):
        assert part in text, part
