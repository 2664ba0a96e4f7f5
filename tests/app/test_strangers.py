"""What people who do not know the command line do with it: a sentence each time, no traceback."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import chainrule as package
from chainrule.app.table_models import read_table_model
from chainrule.app.tables import write_table

QUICK = ("--engine", "reference", "--hidden", "6", "--epochs", "4", "--no-plot", "--target", "y")
RANDOM = np.random.default_rng(5)
A, B = RANDOM.uniform(size=(2, 200))
U = np.where(np.arange(200) % 2, "u", "v")


def lines_of(*columns) -> str:
    return "".join(",".join(map(str, cells)) + "\n" for cells in zip(*columns, strict=True))


GOOD = "a,b,y\n" + lines_of(A, B, U)
BAD = {
    "two columns of a name": (
        "a,a,y\n" + lines_of(A, B, U),
        (),
        "must have columns of different names; 'a' is the name of columns 1 and 2. Rename one of",
    ),
    "two targets": ("a,y,y\n" + lines_of(A, B, U), (), "'y' is the name of columns 2 and 3"),
    "two without a name": (",,y\n" + lines_of(A, B, U), (), "'' is the name of columns 1 and 2"),
    "one row": ("a,b,y\n1,2,3\n", (), "the only row holds 3"),
    "two rows": (
        "a,b,y\n1,2,3\n4,5,6\n",
        (),
        "3 (row 1) has 1, and one more class like it. Remove or merge these classes",
    ),
    "only missing cells": ("a,y\n" + lines_of([""] * 200, U), (), "'a': all cells are missing"),
    "many classes": (
        "a,y\n" + lines_of(A, np.arange(200)),
        ("--task", "classification"),
        "0 (row 1) has 1, and 199 more classes like it",
    ),
    "memory": (GOOD, ("--hidden", "9999999999"), "Take smaller layers."),
    "too large": (
        "a,y\n" + lines_of(A, B * 1e300),
        (),
        "Take another unit, or --dtype float64.",
    ),
    "dropout of two": (GOOD, ("--dropout", "0.1,0.2"), "--dropout must "),
    "unknown class": (GOOD, ("--class-weight", "u=2,w=3"), "got 'w'"),
    "smoothed numbers": (
        "a,y\n" + lines_of(A, B),
        ("--label-smoothing", "0.1"),
        "--label-smoothing must be left out for a regression, which has no classes; got 0.1.",
    ),
    "no such group": (GOOD, ("--groups", "c"), "--groups must be a column of the table; got 'c'"),
    "target as group": (GOOD, ("--groups", "y"), "--groups must be another column than the target"),
    "a class at the end": (
        "a,y\n" + lines_of(A, ["u"] * 170 + ["v"] * 30),
        ("--validation", "last"),
        "'v' is only in the 40 last rows, which --validation last tests on",
    ),
}


@pytest.mark.grid(9)
@pytest.mark.parametrize(("contents", "words", "message"), BAD.values(), ids=BAD)
def test_each_mistake_is_one_sentence_and_leaves_nothing(chainrule, contents, words, message):
    data = contents if isinstance(contents, bytes) else contents.encode()
    Path("t.csv").write_bytes(data)
    answer = chainrule("fit", "t.csv", *QUICK, *words)
    assert answer.code == 2
    assert answer.err.startswith("error: ")
    assert answer.err.count("\n") == 1
    assert message in answer.err
    assert os.listdir() == ["t.csv"]


def test_a_column_without_a_name_that_counts_the_rows_is_no_input(chainrule) -> None:
    """As pandas writes the index of a table."""
    Path("t.csv").write_text(",a,y\n" + lines_of(range(200), A, U))
    answer = chainrule("fit", "t.csv", *QUICK)
    assert "left out column '': an identifier" in answer.out
    assert read_table_model("t.chainrule").estimator.members_[0].preparation.feature_names == ("a",)


def test_a_whole_number_target_of_many_values_is_a_number(chainrule) -> None:
    Path("t.csv").write_text("a,y\n" + lines_of(np.arange(10_000) / 7, range(10_000)))
    answer = chainrule("fit", "t.csv", *QUICK, "--epochs", "1")
    assert "regression, as it holds 10,000 different numbers" in answer.out
    assert answer.code == 0


SAID = {
    "one class for all": (
        "a,y\n" + lines_of(A, np.where(np.arange(200) % 3, "u", "v")),
        ("--l2", "30", "--epochs", "30", "--schedule", "constant", "--learning-rate", "0.02"),
        "note: the model answers 'u' for all 40 test rows, of which 6",
    ),
    "one number for all": (
        "a,y\n" + lines_of(A, B),
        ("--l2", "30", "--epochs", "30", "--schedule", "constant", "--learning-rate", "0.02"),
        "for all 40 test rows, whose targets go from",
    ),
    "nearly always one class": (
        "a,y\n" + lines_of(A, np.where(np.arange(200) % 40, "no", "yes")),
        (),
        (
            "note: the target 'y' is 'no' in 156 of 160 rows to train on (97.5 %): there are few "
            "others to learn from; --class-weight balanced makes the others count as much"
        ),
    ),
    "nearly always one number": (
        "a,y\n" + lines_of(A, np.where(np.arange(200) % 40, 0.0, B)),
        (),
        "rows to train on (9",
    ),
    "the target in another unit": (
        "a,b,y\n" + lines_of(A, 100 * B + 3, B),
        (),
        (
            "note: column 'b' gives the target 'y' away: it is the target in another unit in all "
            "160 rows looked at"
        ),
    ),
    "the class by another name": (
        "a,b,y\n" + lines_of(A, np.where(U == "u", "yes", "no"), U),
        (),
        "note: column 'b' gives the target 'y' away: each of its values stands for one class",
    ),
    "no effect": (
        GOOD,
        ("--solver", "lbfgs", "--dropout", "0.1"),
        (
            "note: --dropout 0.1 has no effect: it acts only on hidden layers, with a solver that "
            "makes steps, not 'lbfgs'\n"
        ),
    ),
    "no rows held out": (
        GOOD,
        ("--no-early-stopping", "--validation-fraction", "0.3"),
        "note: --validation-fraction 0.3 has no effect: it acts only with --early-stopping\n",
    ),
}


@pytest.mark.grid(9)
@pytest.mark.parametrize(("contents", "words", "note"), SAID.values(), ids=SAID)
def test_remarks_are_one_line_each(chainrule, contents, words, note) -> None:
    Path("t.csv").write_text(contents)
    answer = chainrule("fit", "t.csv", *QUICK, *words)
    assert (answer.code, answer.err) == (0, "")
    assert note in answer.out
    assert answer.out.count("note: ") == 1
    assert "Warning" not in answer.out


@pytest.mark.grid(3)
@pytest.mark.parametrize("name", ["iris", "wine", "diabetes"])
def test_clean_data_draw_no_remark(chainrule, name) -> None:
    answer = chainrule("fit", name, *QUICK[:2], "--epochs", "20", "--no-plot")
    assert "note: " not in answer.out


@pytest.mark.slow
def test_letters_missing_from_the_font_are_reported(chainrule) -> None:
    write_table(pl.DataFrame({"a": A, "价格": B}), Path("t.csv"))
    answer = chainrule("fit", "t.csv", *QUICK[:6], "--target", "价格")
    assert "note: the picture shows boxes for 价格, which its font lacks" in answer.out
    assert Path("t.png").exists()


def test_the_options_of_flags_are_in_the_file_and_shown(chainrule) -> None:
    Path("t.csv").write_text(GOOD)
    words = ("--dropout", "0.1", "--l1", "0.001", "--averaging", "0.9", "--clip-norm", "2")
    words += ("--label-smoothing", "0.1", "--class-weight", "u=2,v=1", "--monitor", "roc_auc")
    assert chainrule("fit", "t.csv", *QUICK, *words).code == 0
    model = read_table_model("t.chainrule")
    estimator = model.networks[0]
    assert (estimator.dropout, estimator.l1, estimator.clip_norm) == (0.1, 0.001, 2.0)
    assert (estimator.averaging, estimator.label_smoothing) == (0.9, 0.1)
    assert model.estimator.options["class_weight"] == {"u": 2.0, "v": 1.0}
    assert estimator.class_weight == {0: 2.0, 1: 1.0}
    best = 1 + int(np.argmax(estimator.validation_scores_))
    assert model.training["best_epoch"] == best
    assert model.training["settings"]["dropout"] == "0.1"
    shown = chainrule("show", "t.chainrule").out
    for part in ("dropout=0.1", "label_smoothing=0.1", "class_weight={'u': 2.0, 'v': 1.0}"):
        assert part in shown


@pytest.mark.slow
def test_groups_stay_together_and_are_no_input(chainrule) -> None:
    shops = np.arange(200) // 10
    Path("t.csv").write_text("shop,a,y\n" + lines_of([f"s{n}" for n in shops], A, U))
    answer = chainrule("fit", "t.csv", *QUICK, "--groups", "shop")
    assert answer.code == 0, answer.err
    model = read_table_model("t.chainrule")
    preparation = model.estimator.members_[0].preparation
    assert preparation.feature_names == ("a",)
    assert all(number % 10 == 0 for number in model.training["rows"].values())
    assert "the groups of the rows" in chainrule("show", "t.chainrule").out
    answer = chainrule("predict", "t.chainrule", "t.csv", "--out", "p.csv")
    assert "note" not in answer.err


def test_the_last_rows_are_tested_on(chainrule) -> None:
    numbers = np.arange(200.0) + 0.5
    Path("t.csv").write_text("a,y\n" + lines_of(A, numbers))
    assert chainrule("fit", "t.csv", *QUICK, "--validation", "last").code == 0
    assert read_table_model("t.chainrule").training["baseline"]["values"] == [
        np.mean(numbers[:160])
    ]


@pytest.mark.slow
def test_several_networks_from_fit_to_show(chainrule) -> None:
    Path("t.csv").write_text(GOOD)
    words = [word for word in QUICK if word != "--no-plot"]
    answer = chainrule("fit", "t.csv", *words, "--n-estimators", "3")
    assert answer.code == 0, answer.err
    assert "epoch 12/12" in answer.out
    assert "trained 3 networks, at most 4 epochs" in answer.out
    assert Path("t.png").exists()
    model = package.load("t.chainrule")
    assert [one.weight for one in model.members_] == [1 / 3] * 3
    assert "3 networks, at most 4 epochs (all epochs made)" in chainrule("show", "t.chainrule").out
    assert chainrule("predict", "t.chainrule", "t.csv").code == 0
    first, last = (chainrule("explain", "t.chainrule", "t.csv", "--network", n).out for n in (1, 3))
    assert first != last
    assert first == chainrule("explain", "t.chainrule", "t.csv").out
    answer = chainrule("explain", "t.chainrule", "t.csv", "--network", 4)
    assert answer.code == 2
    assert "--network must be from 1 to 3; got 4" in answer.err


def test_several_networks_that_diverge_write_nothing(chainrule) -> None:
    Path("t.csv").write_text(GOOD)
    answer = chainrule("fit", "t.csv", *QUICK, "--n-estimators", "2", "--learning-rate", "1e9")
    assert answer.code == 1
    assert "all 2 networks diverged. Nothing was written. Try --learning-rate" in answer.err
    assert os.listdir() == ["t.csv"]


def program(folder: Path, *words: str, **options) -> subprocess.Popen:
    command = [sys.executable, "-m", "chainrule", *words]
    return subprocess.Popen(command, cwd=folder, text=True, stderr=subprocess.PIPE, **options)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_keeps_the_networks_that_were_trained(tmp_path: Path) -> None:
    words = ("fit", "wine", "--epochs", "1000000", "--engine", "reference", "--hidden", "8")
    words += ("--patience", "1000000", "--n-estimators", "3", "--no-plot")
    with program(tmp_path, *words, stdout=subprocess.PIPE) as process:
        for line in process.stdout:
            if line.startswith("epoch 1/"):
                break
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err == "error: interrupted; the best model so far is in wine.chainrule\n"
    model = package.load(tmp_path / "wine.chainrule")
    assert 1 <= len(model.members_) <= 3


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="a full device of Linux")
@pytest.mark.parametrize("words", [("--version",), ("fit", "--help"), ("show", "m.chainrule")])
def test_a_full_disk_behind_stdout_is_one_sentence(tmp_path: Path, words) -> None:
    model = package.MLPClassifier((3,), max_iter=1, learning_rate="cosine", engine="reference")
    package.save_model(tmp_path / "m.chainrule", model.fit(np.eye(4), [0, 1, 0, 1]))
    with open("/dev/full", "w") as full, program(tmp_path, *words, stdout=full) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err == "error: cannot write the output: No space left on device. Free some space.\n"
