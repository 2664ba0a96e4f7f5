"""`chainrule explain`: the chain rule of a trained model, printed."""

import polars as pl
import pytest

from chainrule.app.__main__ import main
from chainrule.app.explain import read_place
from chainrule.app.tables import read_table


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a model of iris, and iris as a file."""
    folder = tmp_path_factory.mktemp("explain")
    out = str(folder / "iris")
    assert main(["fit", "iris", "--epochs", "5", "--out", out, "--no-plot", "--quiet"]) == 0
    read_table("iris").write_csv(folder / "iris.csv")
    return folder


def model_in(place):
    return str(next(place.glob("iris*.chainrule")))


@pytest.mark.slow
def test_the_weights_that_pull_hardest(place, capsys):
    assert main(["explain", model_in(place), str(place / "iris.csv")]) == 0
    out = capsys.readouterr().out
    assert "passed, worst relative error" in out
    assert out.count("how the mean loss of 150 rows changes with it") == 3
    assert out.count("check   passed") + out.count("check   not valid here") == 3


def test_one_weight_of_one_row(place, capsys):
    arguments = ["explain", model_in(place), str(place / "iris.csv")]
    assert main([*arguments, "--row", "2", "--weight", "1:1:3"]) == 0
    out = capsys.readouterr().out
    assert "from input 1 to unit 3 of layer 1: how the loss of row 2 changes with it" in out
    assert "input sepal" in out


@pytest.mark.grid(3)
@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--weight", "1:0:1"], "--weight must be LAYER:UNIT:TO"),
        (["--weight", "9:1:1"], "layer must be from 1 to 3; got 9"),
        (["--row", "151"], "--row must be from 1 to 150; got 151"),
    ],
)
def test_missing_layers_units_and_rows_are_refused(place, capsys, more, message):
    assert main(["explain", model_in(place), str(place / "iris.csv"), *more]) == 2
    assert message in capsys.readouterr().err


def test_a_table_without_the_target(place, capsys):
    read_table("iris").drop("target").write_csv(place / "bare.csv")
    assert main(["explain", model_in(place), str(place / "bare.csv")]) == 2
    assert "must hold the target 'target'" in capsys.readouterr().err


@pytest.mark.slow
def test_a_row_whose_target_is_unknown(place, capsys):
    frame = read_table("iris").with_columns(
        pl.when(pl.int_range(pl.len()) == 4)
        .then(pl.lit("rose"))
        .otherwise("target")
        .alias("target")
    )
    frame.write_csv(place / "rose.csv")
    arguments = ["explain", model_in(place), str(place / "rose.csv")]
    assert main([*arguments, "--row", "5", "--weight", "3:1:1"]) == 2
    assert "known at training; got 5" in capsys.readouterr().err
    assert main([*arguments, "--row", "5"]) == 0  # an answer needs no target
    assert "row 5: probability of setosa" in capsys.readouterr().out
    assert main([*arguments, "--row", "6", "--weight", "3:1:1"]) == 0
    assert "the loss of row 5 changes" in capsys.readouterr().out


def test_places():
    assert read_place("2:10:3") == (2, 10, 3)


@pytest.mark.slow
def test_a_report_on_the_rows_of_a_table(place, capsys):
    page = place / "iris.html"
    arguments = ["explain", model_in(place), str(place / "iris.csv")]
    assert main([*arguments, "--row", "3", "--report", str(page)]) == 0
    assert capsys.readouterr().out.endswith(f"report {page}\n")
    text = page.read_text(encoding="utf-8")
    assert "Row 3 of the rows given: as requested." in text
    assert "sepal length (cm)" in text
    assert "Quality on the rows given" in text
    assert "all epochs were completed" in text
    assert main([*arguments, "--report", str(page), "--weight", "1:1:1"]) == 2
    assert "--weight must be left out with --report" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_is_refused_first(place, capsys):
    nowhere = str(place / "no" / "report.html")
    files = sorted(place.iterdir())
    assert main(["explain", model_in(place), str(place / "iris.csv"), "--report", nowhere]) == 2
    assert "there is no folder" in capsys.readouterr().err
    out = str(place / "other")
    assert main(["fit", "iris", "--out", out, "--report", nowhere, "--no-plot"]) == 2
    assert "there is no folder" in capsys.readouterr().err
    assert sorted(place.iterdir()) == files


@pytest.mark.slow
def test_fit_writes_a_report_with_the_test_rows(place, capsys):
    page, out = place / "fit.html", str(place / "reported")
    options = ["--epochs", "4", "--seed", "3", "--no-plot"]
    assert main(["fit", "iris", *options, "--out", out, "--report", str(page)]) == 0
    assert f"report {page}" in capsys.readouterr().out
    text = page.read_text(encoding="utf-8")
    assert "Quality on held-out rows" in text
    assert "30 more rows were held out" in text
    assert "chainrule fit iris --target target --seed 3 --epochs 4" in text
