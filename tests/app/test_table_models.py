"""Command line and Python are one model: presets, old files, and what is asked of either."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import chainrule as package
from chainrule.app.tables import write_table
from chainrule.interop.preparation import Preparation
from chainrule.tables.choosing_encoding import EncodingChoice

QUICK = ("--engine", "reference", "--hidden", "8", "--epochs", "6", "--no-plot")
PROGRAM = """
import sys, chainrule, polars
for path, table in zip(sys.argv[1::2], sys.argv[2::2]):
    print(*map(repr, chainrule.load(path).predict(polars.read_csv(table)).tolist()))
"""


@pytest.fixture
def fitted(folder, once, flats):
    """Fit one column of the flats, and return the file of the model."""

    def fit(target: str, *words: object) -> str:
        other = {"rent": "dear", "dear": "rent"}[target]
        fit = ("fit", "flats.csv", "--target", target, *QUICK, *words)
        once("flats.csv", lambda name: write_table(flats.drop(other), Path(name)), *fit)
        return "flats.chainrule"

    return fit


@pytest.mark.slow
def test_a_new_process_predicts_what_the_command_does(chainrule, fitted) -> None:
    found, files = [], []
    for target, words, kind in (
        ("rent", (), package.TabularRegressor),
        ("dear", ("--preset", "fast"), package.TabularClassifier),
    ):
        path = fitted(target, *words)
        assert type(package.load(path)) is kind
        found.append(chainrule("predict", path, "flats.csv").out.splitlines()[1:])
        files += [
            Path(path).rename(f"{target}.chainrule"),
            Path("flats.csv").rename(f"{target}.csv"),
        ]
    command = [sys.executable, "-c", PROGRAM, *files]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rents, dears = map(str.split, told.splitlines())
    np.testing.assert_allclose(np.array(found[0], float), np.array(rents, float), rtol=1e-12)
    assert found[1] == [one.strip("'") for one in dears]


def test_a_preset_takes_the_flags_of_the_network(chainrule, fitted) -> None:
    path = fitted("dear", "--preset", "balanced", "--dropout", "0.05", "--seed", "3")
    model = package.load(path)
    assert (model.preset, len(model.members_), model.seed_) == ("balanced", 5, 3)
    for one in model.members_:
        assert [layer.n_out for layer in one.estimator.network_.layers] == [8, 1]
        assert one.estimator.dropout == 0.05
        assert len(one.estimator.loss_curve_) == 6
        assert len(one.held) == 48
    shown = chainrule("show", path).out
    line = next(line for line in shown.splitlines() if line.startswith("  settings "))
    assert "preset=" not in line  # the default
    assert "choices" not in line
    assert "dropout=0.05" in line
    assert "TabularClassifier, classification of 'dear' in flats.csv" in shown
    assert "5 networks; the first:" in shown
    assert "on rows out of fold" in shown
    answer = chainrule("fit", "flats.csv", "--target", "dear", "--preset", "fats")
    assert "Did you mean 'fast'" in answer.err


def test_the_columns_left_out_are_shown(chainrule, fitted) -> None:
    shown = chainrule("show", fitted("dear", "--drop", "lift")).out
    line = next(line for line in shown.splitlines() if line.startswith("  settings "))
    assert "drop=('lift',)" in line
    assert "keep_only" not in line


@pytest.mark.slow
def test_the_columns_that_made_an_answer(chainrule, fitted) -> None:
    path = fitted("dear")
    out = chainrule("explain", path, "flats.csv", "--row", 4, "--against", 9).out
    assert out.startswith("row 4: probability of dear ")
    assert "; row 9: " in out
    assert "checked: all columns add up to the difference" in out
    record = json.loads(chainrule("explain", path, "flats.csv", "--row", 4, "--json").out)
    expected = package.load(path).why(pl.read_csv("flats.csv").drop("dear"), 4)
    assert record["score"] == pytest.approx(expected.score)
    total = record["left"] + sum(one["adds"] for one in record["columns"])
    assert total == pytest.approx(record["score"] - record["baseline_score"])
    other = json.loads(
        chainrule("explain", path, "flats.csv", "--row", 4, "--json", "--class", "cheap").out
    )
    assert other["score"] == pytest.approx(-record["score"])
    for words, message in (
        (("--against", 9), "--against must be given with --row, and without"),
        (("--row", 1, "--against", 301), "--against must be a row, from 1 to 300; got 301"),
        (("--row", 1, "--class", "deer"), "--class must be a class of the model; got 'deer'"),
        (("--row", 1, "--network", 1), "--network must be left out with --row alone"),
        (("--json",), "--json must be given with --row"),
    ):
        answer = chainrule("explain", path, "flats.csv", *words)
        assert answer.code == 2
        assert message in answer.err


@pytest.mark.slow
def test_intervals_and_quantiles(chainrule, fitted) -> None:
    path = fitted("rent", "--n-folds", 3)
    words = ("--interval", 0.8, "--quantile", 0.1, "--quantile", 0.5, "--json", "--quiet")
    lines = chainrule("predict", path, "flats.csv", *words).out.splitlines()
    table = pl.DataFrame([json.loads(line) for line in lines])
    assert table.columns == ["prediction", "low", "high", "quantile 0.1", "quantile 0.5"]
    frame = pl.read_csv("flats.csv")
    expected = package.load(path).predict_interval(frame, 0.8)
    np.testing.assert_allclose(table["low", "high"].to_numpy(), expected)
    np.testing.assert_allclose(table["quantile 0.1"].to_numpy(), expected[:, 0])
    inside = (table["low"] <= frame["rent"]) & (frame["rent"] <= table["high"])
    assert 0.7 < inside.mean() < 0.9
    for more, message in (
        (("--threshold", 0.5), "--threshold must be left out for a regression"),
        (("--interval", 1.0), "--interval must be between 0 and 1, both excluded; got 1.0"),
        (("--json", "--out", "p.csv"), "--json must be left out with --out"),
    ):
        answer = chainrule("predict", path, "flats.csv", *more)
        assert answer.code == 2
        assert message in answer.err


def test_a_threshold_decides(chainrule, fitted) -> None:
    path = fitted("dear")
    answer = chainrule("predict", path, "flats.csv", "--threshold", 0.9, "--proba")
    table = pl.read_csv(answer.out.encode())
    likely = table["probability of dear"] >= 0.9
    assert likely.to_list() == (table["prediction"] == "dear").to_list()
    right = np.mean(table["prediction"].to_numpy() == pl.read_csv("flats.csv")["dear"].to_numpy())
    line = next(line for line in answer.err.splitlines() if line.startswith("accuracy"))
    assert float(line.split()[1]) == pytest.approx(right, abs=1e-4)
    answer = chainrule("predict", path, "flats.csv", "--threshold", 1.5)
    assert "--threshold must be a probability, from 0 to 1; got 1.5" in answer.err
    answer = chainrule("predict", path, "flats.csv", "--interval", 0.8)
    assert "--interval must be left out for classes, which have probabilities" in answer.err


def test_files_of_earlier_versions_are_read(chainrule, flats) -> None:
    table = flats.drop("rent")
    write_table(table, Path("flats.csv"))
    preparation = Preparation.fit(table, target="dear")
    X, y = preparation.transform(table), table["dear"].to_numpy().astype(str)
    model = package.MLPClassifier(
        (6,), random_state=0, max_iter=4, learning_rate="cosine", engine="reference",
        class_weight={"dear": 2.0},
    ).fit(X, y)  # fmt: skip
    package.save_model("old.chainrule", model, preparation, {})
    found = chainrule("predict", "old.chainrule", "flats.csv", "--proba").out
    p = pl.read_csv(found.encode())
    assert p["prediction"].to_list() == model.predict(X).tolist()
    np.testing.assert_allclose(p[:, 1:].to_numpy(), model.predict_proba(X), rtol=1e-6)
    assert type(package.load("old.chainrule")) is package.MLPClassifier
    assert (
        "row 2: probability of dear"
        in chainrule("explain", "old.chainrule", "flats.csv", "--row", 2).out
    )
    assert "check" in chainrule("explain", "old.chainrule", "flats.csv").out
    assert "MLPClassifier" in chainrule("show", "old.chainrule").out


def test_the_record_of_a_model(chainrule, fitted) -> None:
    path = fitted("dear")
    record = json.loads(chainrule("show", path, "--json").out)
    assert record["model"] == "TabularClassifier"
    assert record["classes"] == ["cheap", "dear"]
    assert record["training"]["rows"]["test"] == 60
    assert [one[0] for one in record["columns"]][:2] == ["area", "district"]


@pytest.mark.slow
def test_too_few_rows_held_out_for_an_interval_are_told_in_flags(chainrule, fitted) -> None:
    path = fitted("rent", "--preset", "fast")
    for word in ("--interval", "--quantile"):
        answer = chainrule("predict", path, "flats.csv", word, "0.8")
        assert answer.code == 2
        assert f"{word} must have the errors of 50 rows out of fold; got 36" in answer.err
        assert 'Fit the preset "balanced"' in answer.err


def test_the_encoding_that_a_trial_chose_is_in_the_file(fitted, monkeypatch) -> None:
    found = EncodingChoice("target", "2 % better on rows held out")
    monkeypatch.setattr("chainrule.tables.choosing.choose_encoding", lambda *_: found)
    model = package.load(fitted("rent", "--numbers", "auto"))
    assert (model.encoding_, model.encoding_reason_) == (found.encoding, found.reason)
    assert model.get_params()["encoding"] == "auto"
