"""The command line from end to end: fit, predict, show, and one line for whatever goes wrong."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import chainrule as package
from chainrule.app.table_models import read_table_model
from chainrule.app.tables import BUILT_IN, read_table, write_table
from chainrule.formulas.records import Activation

PLOTTED = ("--engine", "reference", "--hidden", "16", "--epochs", "15")
QUICK = (*PLOTTED, "--no-plot")


def test_version_and_help(chainrule) -> None:
    assert chainrule("--version").out == f"chainrule {package.__version__}\n"
    for words in ((), ("--help",), ("fit", "--help"), ("predict", "-h"), ("show", "--help")):
        answer = chainrule(*words)
        assert (answer.code, answer.err) == (0, "")
        assert "Usage: chainrule" in answer.out


def test_the_catalogues_are_the_choices_in_the_help(chainrule) -> None:
    out = " ".join(chainrule("fit", "--help").out.split())
    for name in ("leaky_relu", "quantile", "one_cycle", "rmsprop"):
        assert name in out


@pytest.mark.slow
def test_fit_digits_with_defaults_reaches_its_accuracy(chainrule, folder: Path) -> None:
    answer = chainrule("fit", "digits")
    assert (answer.code, answer.err) == (0, "")
    assert "classification of 10 classes" in answer.out
    assert "left out columns pixel_0_0, pixel_4_0, pixel_4_7: all cells are one value" in answer.out
    assert "model  digits.chainrule" in answer.out
    assert "\x1b" not in answer.out
    results = {
        s["name"]: s for s in read_table_model(folder / "digits.chainrule").training["results"]
    }
    assert results["accuracy"]["value"] >= 0.96
    assert results["accuracy"]["baseline"] < 0.2
    assert results["log loss"]["value"] < 0.2
    assert results["AUC"]["value"] > 0.99
    assert sorted(path.name for path in folder.iterdir()) == ["digits.chainrule", "digits.png"]
    assert (folder / "digits.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.grid(3)
@pytest.mark.parametrize("name", BUILT_IN[1:])
def test_built_in_sets_fit_predict_and_agree_with_python(chainrule, folder, name) -> None:
    assert chainrule("fit", name, *QUICK, "--epochs", 40).code == 0
    frame = read_table(name)
    write_table(frame, folder / "table.parquet")
    answer = chainrule("predict", f"{name}.chainrule", "table.parquet", "--out", "p.csv")
    assert answer.code == 0
    assert answer.out == ""
    assert f"result on {frame.height} rows with a known 'target'" in answer.err
    model = package.load(f"{name}.chainrule")
    expected = model.predict(frame)
    predicted = pl.read_csv("p.csv", infer_schema_length=None)["prediction"]
    if isinstance(model, package.TabularClassifier):
        assert predicted.to_list() == expected.tolist()
        assert np.mean(expected == frame["target"].to_numpy()) > 0.85
    else:
        np.testing.assert_allclose(predicted.to_numpy(), expected, rtol=1e-6)
        assert 150 < expected.mean() < 155  # the unit of the target


def fit_flats(chainrule, flats: pl.DataFrame, target: str, *words: object, quick=QUICK):
    write_table(flats, Path("flats.csv"))
    return chainrule("fit", "flats.csv", "--target", target, *quick, *words)


def test_a_mixed_table_from_fit_to_show(chainrule, folder, flats) -> None:
    answer = fit_flats(chainrule, flats.drop("dear"), "rent", "--epochs", 60, "--seed", 3)
    assert answer.code == 0, answer.err
    assert "flats.csv: 300 rows, 6 columns" in answer.out
    assert "target 'rent': regression, as it holds numbers that are not whole" in answer.out
    assert "left out column country: all cells are one value" in answer.out
    shown = chainrule("show", "flats.chainrule")
    assert (shown.code, shown.err) == (0, "")
    for part in (
        "TabularRegressor, regression of 'rent' in flats.csv",
        "silu",
        "204 train, 36 validation, 60 test",
        "seed     3",
        "hidden_layer_sizes=(16,)",
        "one-hot: 3 levels",
        "month on a circle",
        "dropped",
        "result on 60 test rows",
        "RMSE",
        "always the mean",
    ):
        assert part in shown.out, part
    results = {s["name"]: s for s in read_table_model("flats.chainrule").training["results"]}
    assert results["R2"]["value"] > 0.8


@pytest.mark.grid(7)
@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet", "jsonl"])
def test_predictions_are_written_in_every_format(chainrule, flats, suffix) -> None:
    fit_flats(chainrule, flats.drop("rent"), "dear")
    answer = chainrule(
        "predict", "flats.chainrule", "flats.csv", "--out", f"p.{suffix}", "--proba", "--quiet"
    )
    assert answer == (0, "", "")
    table = read_table(f"p.{suffix}")
    assert table.columns == ["prediction", "probability of cheap", "probability of dear"]
    total = table["probability of cheap"] + table["probability of dear"]
    np.testing.assert_allclose(total.to_numpy(), 1.0, rtol=1e-6)
    likely = table["probability of dear"] > 0.5
    assert likely.to_list() == (table["prediction"] == "dear").to_list()


def test_predictions_go_to_stdout_as_csv(chainrule, flats) -> None:
    fit_flats(chainrule, flats.drop("rent"), "dear")
    write_table(flats.drop("rent", "dear").head(3), Path("new.csv"))
    answer = chainrule("predict", "flats.chainrule", "new.csv")
    assert answer.out.splitlines()[0] == "prediction"
    assert set(answer.out.splitlines()[1:]) <= {"dear", "cheap"}
    assert len(answer.out.splitlines()) == 4
    assert answer.err == ""


def test_order_unknown_categories_and_missing_cells_are_handled(chainrule, flats) -> None:
    fit_flats(chainrule, flats.drop("dear"), "rent")
    new = flats.drop("dear", "rent", "country").head(5)
    new = new.with_columns(pl.Series("district", ["Ost", None, "West", "West", "Nord"]))
    new = new.with_columns(pl.Series("area", [None, 50.0, None, 70.0, 80.0]), pl.lit(1).alias("z"))
    write_table(new, Path("a.csv"))
    write_table(new.select(reversed(new.columns)), Path("b.csv"))
    first, second = (chainrule("predict", "flats.chainrule", name) for name in ("a.csv", "b.csv"))
    assert first.code == 0
    assert first.out == second.out
    assert len(first.out.splitlines()) == 6
    assert "note: column 'district': 1 cell of categories not seen at training" in first.err
    assert "note: ignored 1 column not used at training: z" in first.err


def test_rows_without_a_known_target_are_left_out_of_the_result(chainrule, flats) -> None:
    fit_flats(chainrule, flats.drop("rent"), "dear")
    cells = ["dear", None, "free", *flats["dear"][3:].to_list()]
    write_table(flats.with_columns(pl.Series("dear", cells)), Path("new.csv"))
    answer = chainrule("predict", "flats.chainrule", "new.csv", "--out", "p.csv")
    assert "note: the result leaves out 2 rows without a target known at training" in answer.err
    assert "result on 298 rows with a known 'dear'" in answer.err
    assert read_table("p.csv").height == 300


@pytest.mark.slow
def test_the_same_seed_gives_the_same_model(chainrule, flats) -> None:
    vectors = []
    for seed in (1, 1, 2):
        assert fit_flats(chainrule, flats.drop("dear"), "rent", "--seed", seed).code == 0
        vectors.append(package.load("flats.chainrule").members_[0].estimator.parameters_.vector)
    assert np.array_equal(vectors[0], vectors[1])
    assert not np.array_equal(vectors[0], vectors[2])


def test_settings_are_used(chainrule, flats) -> None:
    answer = fit_flats(
        *(chainrule, flats.drop("dear"), "rent", "--activation", "tanh,silu", "--hidden", "6,5"),
        *("--loss", "huber", "--solver", "sgd", "--schedule", "constant", "--l2", "0"),
        *("--batch-size", "50", "--no-early-stopping", "--dtype", "float64", "--out", "m"),
        quick=PLOTTED,
    )
    assert answer.code == 0, answer.err
    model = package.load("m.chainrule").members_[0].estimator
    assert [layer.n_out for layer in model.network_.layers] == [6, 5, 1]
    assert [layer.activation.name for layer in model.network_.layers] == ["tanh", "silu", "linear"]
    assert model.loss == "huber"
    assert model.validation_scores_ is None
    assert model.parameters_.vector.dtype == np.float64
    assert Path("m.png").exists()


@dataclass(frozen=True)
class SoftSign(Activation):
    """z / (1 + abs(z))."""

    name = "soft_sign"
    latex = r"\frac{z}{1 + |z|}"
    slope_latex = r"\frac{1}{(1 + |z|)^2}"
    range = (-1.0, 1.0)
    source = "a test"

    def value(self, xp, z):
        return z / (1.0 + xp.abs(z))

    def slope(self, xp, z, a):
        return 1.0 / (1.0 + xp.abs(z)) ** 2


def test_an_activation_added_to_its_catalogue_is_a_choice(chainrule, flats) -> None:
    package.activations.add(SoftSign())
    try:
        answer = fit_flats(chainrule, flats, "dear", "--activation", "soft_sign")
        assert answer.code == 0, answer.err
        assert "16 soft_sign" in answer.out
        assert "soft_sign" in chainrule("show", "flats.chainrule").out
    finally:
        package.activations.remove("soft_sign")
    answer = chainrule("show", "flats.chainrule")
    assert answer.code == 2
    assert "cannot be restored: the activation 'soft_sign' must be registered" in answer.err


def test_quiet_prints_nothing_and_no_plot_draws_none(chainrule, folder, flats) -> None:
    answer = fit_flats(chainrule, flats, "dear", "--quiet", "--no-plot", "--out", "x.model")
    assert answer == (0, "", "")
    assert sorted(path.name for path in folder.iterdir()) == ["flats.csv", "x.model"]


def test_a_time_limit_keeps_the_best_so_far(chainrule, flats) -> None:
    answer = fit_flats(chainrule, flats, "dear", "--epochs", "100000", "--time-limit", "0.3")
    assert answer.code == 0
    assert "(time limit)" in answer.out
    model = package.load("flats.chainrule").members_[0].estimator
    assert 0 < model.n_iter_ < 100000
    lowest = 1 + int(np.argmin(model.validation_loss_curve_))
    assert read_table_model("flats.chainrule").training["best_epoch"] == lowest


def test_few_rows_are_trained_on_without_validation(chainrule) -> None:
    Path("t.csv").write_text("a,y\n" + "".join(f"{n},{'ab'[n % 2]}\n" for n in range(6)))
    answer = chainrule("fit", "t.csv", "--target", "y", *QUICK)
    assert answer.code == 0, answer.err
    assert "note: too few rows to validate on" in answer.out
    assert "4 rows to train on, 0 to validate, 2 to test" in answer.out


@pytest.mark.slow
def test_whole_numbers_can_be_classes_or_numbers(chainrule) -> None:
    Path("t.csv").write_text("a,y\n" + "".join(f"{n},{n % 3}\n" for n in range(60)))
    assert "classification of 3 classes" in chainrule("fit", "t.csv", "--target", "y", *QUICK).out
    answer = chainrule("fit", "t.csv", "--target", "y", "--task", "regression", *QUICK)
    assert "target 'y': regression, as --task says" in answer.out
    assert isinstance(package.load("t.chainrule"), package.TabularRegressor)


GOOD = "a,b,y\n" + "".join(f"{n},{n * n % 7},{'uv'[n % 2]}\n" for n in range(20))
NUMBERS = "a,y\n" + "".join(f"{n},{n + 0.5}\n" for n in range(40))
BAD = {
    "missing file": (None, ("--target", "y"), "there is no t.csv"),
    "empty file": ("", ("--target", "y"), "the file is empty"),
    "header only": ("a,b\n", ("--target", "b"), "it has a header and no rows"),
    "one column": ("y\n1\n2\n", ("--target", "y"), "at least two columns"),
    "ragged": ("a,y\n1,2\n3,4,5\n", ("--target", "y"), "line 3 has 3"),
    "no target": (GOOD, (), "--target must name the column to predict. Columns of t.csv: a, b, y"),
    "target absent": (GOOD, ("--target", "B1"), "got 'B1'. Did you mean 'b'?"),
    "one value": ("a,y\n1,x\n2,x\n", ("--target", "y"), "all 2 rows hold 'x'"),
    "text for numbers": (
        *(NUMBERS + "7,lots\n", ("--target", "y", "--task", "regression")),
        "must hold numbers for regression; got 'lots' in row 41",
    ),
    "single": (GOOD + "7,1,w\n", ("--target", "y"), "'w' (row 21) has 1"),
    "nan target": (
        NUMBERS + "7,NaN\n",
        ("--target", "y", "--missing-target", "error"),
        "1 cell of 41 missing, the first in row 41",
    ),
    "no target cell": (
        GOOD + "7,1,\n",
        ("--target", "y", "--missing-target", "error"),
        "1 cell of 21 missing",
    ),
    "missing target": (
        GOOD,
        ("--target", "y", "--missing-target", "drop"),
        "--missing-target must be leave-out or error; got 'drop'",
    ),
    "nothing to learn": ("a,y\n" + "1,u\n1,v\n" * 9, ("--target", "y"), "got none of use ('a'"),
    "tiny": ("a,y\n1,u\n2,v\n3,u\n4,v\n", ("--target", "y"), "--test-fraction must leave at least"),
    "task": (GOOD, ("--target", "y", "--task", "clasification"), "Did you mean 'classification'?"),
    "activation": (GOOD, ("--target", "y", "--activation", "rleu"), "Did you mean 'relu'?"),
    "loss of numbers": (GOOD, ("--target", "y", "--loss", "mse"), "one that gives probabilities"),
    "loss of classes": (NUMBERS, ("--target", "y", "--loss", "log_loss"), "one of numbers"),
    "engine": (GOOD, ("--target", "y", "--engine", "steam"), "engine must be one of"),
    "epochs": (
        GOOD,
        ("--target", "y", "--epochs", "0"),
        "--epochs must be a positive integer; got 0",
    ),
    "word for number": (GOOD, ("--target", "y", "--epochs", "ten"), "Invalid value for '--epochs'"),
    "option": (GOOD, ("--target", "y", "--hiden", "3"), "No such option: --hiden"),
    "out folder": (GOOD, ("--target", "y", "--out", "no/m"), "there is no folder no"),
    "out data": (GOOD, ("--target", "y", "--out", "t.csv"), "--out must name a model file"),
}


@pytest.mark.grid(3)
@pytest.mark.parametrize(("contents", "words", "message"), BAD.values(), ids=BAD.keys())
def test_bad_input_to_fit_is_one_line_and_code_2(chainrule, folder, contents, words, message):
    if contents is not None:
        Path("t.csv").write_text(contents)
    before = sorted(folder.iterdir())
    answer = chainrule("fit", "t.csv", *words)
    assert answer.code == 2
    assert answer.err.startswith("error: ")
    assert answer.err.count("\n") == 1
    assert message in answer.err
    assert "Traceback" not in answer.err + answer.out
    assert sorted(folder.iterdir()) == before
    if contents is not None:
        assert Path("t.csv").read_text() == contents


PREDICT_BAD = {
    "no model": (("none", "new.csv"), "cannot read none: No such file"),
    "foreign": (("flats.csv", "new.csv"), "flats.csv is damaged, or no chainrule file"),
    "damaged": (("cut.chainrule", "new.csv"), "cut.chainrule is damaged"),
    "no data": (("flats.chainrule", "no.csv"), "there is no no.csv"),
    "renamed": (
        ("flats.chainrule", "renamed.csv"),
        "missing: 'area'. Did you mean 'areas'? Training used: area, district, built, lift, dear.",
    ),
    "no column": (("flats.chainrule", "renamed.csv"), "This table has: areas, district, built"),
    "text": (
        ("flats.chainrule", "text.csv"),
        "column 'area' must hold numbers, as at training; got",
    ),
    "proba": (("flats.chainrule", "new.csv", "--proba"), "--proba must be left out"),
    "suffix": (("flats.chainrule", "new.csv", "--out", "p.xls"), "--out must end in one of .csv"),
    "folder": (("flats.chainrule", "new.csv", "--out", "no/p.csv"), "cannot write no/p.csv"),
    "argument": (("flats.chainrule",), "Missing argument 'DATA'"),
}


@pytest.mark.slow
def test_bad_input_to_predict_and_show_is_one_line_and_code_2(chainrule, folder, flats) -> None:
    assert fit_flats(chainrule, flats, "rent", "--no-plot").code == 0
    Path("cut.chainrule").write_bytes(Path("flats.chainrule").read_bytes()[:-5])
    write_table(flats, Path("new.csv"))
    write_table(flats.rename({"area": "areas"}), Path("renamed.csv"))
    words = flats.with_columns(pl.Series("area", ["a lot"] + ["20"] * 299))
    write_table(words, Path("text.csv"))
    before = sorted(folder.iterdir())
    calls = {name: (("predict", *args), text) for name, (args, text) in PREDICT_BAD.items()}
    calls |= {
        "show nothing": (("show", "none"), "cannot read none"),
        "show foreign": (("show", "flats.csv"), "no chainrule file"),
        "command": (("train", "x"), "No such command 'train'"),
    }
    for name, (args, text) in calls.items():
        answer = chainrule(*args)
        assert answer.code == 2, name
        assert answer.err.startswith("error: "), name
        assert answer.err.count("\n") == 1, name
        assert text in answer.err, (name, answer.err)
        assert answer.out == "", name
    assert sorted(folder.iterdir()) == before


def test_a_model_of_plain_arrays_is_shown_but_cannot_take_a_table(chainrule, flats) -> None:
    model = package.MLPClassifier((3,), max_iter=2, learning_rate="cosine", engine="reference")
    model.fit(np.eye(4), [0, 1, 0, 1])
    package.save_model("plain.chainrule", model)
    shown = chainrule("show", "plain.chainrule")
    assert shown.code == 0
    assert "MLPClassifier" in shown.out
    assert "4 numbers" in shown.out
    write_table(flats, Path("flats.csv"))
    answer = chainrule("predict", "plain.chainrule", "flats.csv")
    assert answer.code == 2
    assert "must be a model of a table" in answer.err


def test_divergence_in_the_first_epoch_writes_nothing(chainrule, folder) -> None:
    answer = chainrule("fit", "digits", *QUICK, "--learning-rate", "1e6")
    assert answer.code == 1
    assert answer.err.startswith("error: training diverged in epoch 1, step")
    assert "Nothing was written. Try --learning-rate 100000 or less." in answer.err
    assert answer.err.count("\n") == 1
    assert list(folder.iterdir()) == []


def test_divergence_later_keeps_the_epochs_before(chainrule) -> None:
    answer = chainrule(
        *("fit", "diabetes", "--solver", "sgd", "--learning-rate", "2", "--momentum", "0"),
        *("--engine", "reference", "--no-plot"),
    )
    assert answer.code == 1
    assert "The model of the epochs before is in diabetes.chainrule." in answer.err
    assert answer.err.count("\n") == 1
    model = package.load("diabetes.chainrule").members_[0].estimator
    assert model.n_iter_ >= 1
    assert np.isfinite(model.parameters_.vector).all()
