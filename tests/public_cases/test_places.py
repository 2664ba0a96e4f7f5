"""Where commands write, and what of a file a model keeps, by the number of the case."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from chainrule import MLPClassifier, MLPRegressor, save_model
from chainrule.app.tables import read_table
from chainrule.foundation.errors import InputError

_random = np.random.default_rng(3)
N = 120
A = np.round(_random.uniform(1, 9, N), 2)
B = np.round(_random.normal(50, 12, N), 1)
K = np.where(A + _random.normal(0, 1, N) > 5, "yes", "no")
ROWS = [(f"{a}", f"{b}", str(k)) for a, b, k in zip(A, B, K, strict=True)]


def text(head="a,b,y", rows=ROWS):
    return "\n".join([head, *(",".join(row) for row in rows), ""])


QUICK = ("--target", "y", "--hidden", "6", "--epochs", "2")


@pytest.fixture(autouse=True)
def _table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(text())


def run(*arguments: str) -> tuple[int, str]:
    from typer.testing import CliRunner

    from chainrule.app.commands import app

    result = CliRunner().invoke(app, list(arguments))
    said = str(result.exception or "") + result.output
    return result.exit_code, said


@pytest.fixture
def model() -> None:
    code, said = run("fit", "t.csv", *QUICK, "-q")
    assert code == 0, said


def untouched(path: str, *command: str) -> None:
    before = Path(path).read_bytes()
    code, said = run(*command)
    assert code != 0
    assert "--force" in said, said
    assert Path(path).read_bytes() == before


@pytest.mark.slow
def test_d54_predictions_over_their_data(model: None) -> None:
    untouched("t.csv", "predict", "t.chainrule", "t.csv", "--out", "t.csv")
    Path("link.csv").symlink_to("t.csv")
    untouched("t.csv", "predict", "t.chainrule", "t.csv", "--out", "link.csv")


@pytest.mark.slow
def test_d55_reports_over_data_and_models(model: None) -> None:
    untouched("t.csv", "fit", "t.csv", *QUICK, "--report", "t.csv")
    untouched("t.csv", "explain", "t.chainrule", "t.csv", "--report", "t.csv")
    untouched("t.chainrule", "explain", "t.chainrule", "t.csv", "--report", "t.chainrule")
    code, said = run("fit", "t.csv", *QUICK, "--report", "n.x", "--out", "n.x")
    assert (code != 0, Path("n.x").exists()) == (True, False), said


@pytest.mark.slow
def test_d56_models_of_other_data_and_pictures_of_the_user(model: None) -> None:
    assert run("fit", "t.csv", *QUICK)[0] == 0  # its own model, once more
    Path("feb").mkdir()
    Path("feb/t.csv").write_text(text())
    untouched("t.chainrule", "fit", "feb/t.csv", *QUICK)
    assert run("fit", "feb/t.csv", *QUICK, "--force")[0] == 0
    Path("u.csv").write_text(text())
    Path("u.png").write_bytes(b"mine")
    untouched("u.png", "fit", "u.csv", *QUICK)


def test_d92_a_long_name_is_a_name() -> None:
    name = "m" * 240 + ".chainrule"
    assert run("fit", "t.csv", *QUICK, "--no-plot", "--out", name)[0] == 0
    assert os.path.exists(name)
    code, said = run("fit", "t.csv", *QUICK, "--out", "m" * 300 + ".chainrule")
    assert (code != 0, "cannot write" in said) == (True, True), said


@pytest.mark.slow
def test_d48_codes_stay_codes() -> None:
    dep = ["01", "02", "2A", "03"] * 30
    y = [{"01": "u", "02": "v", "2A": "u", "03": "v"}[one] for one in dep]
    rows = [(one, a, k) for one, (a, _, _), k in zip(dep, ROWS, y, strict=True)]
    Path("c.csv").write_text(text(head="dep,a,y", rows=rows))
    assert run("fit", "c.csv", "--target", "y", "--epochs", "30", "-q")[0] == 0
    Path("new.csv").write_text("dep,a\n01,5.5\n02,5.5\n03,5.5\n")
    code, said = run("predict", "c.chainrule", "new.csv", "--keep", "dep", "--out", "p.csv")
    assert code == 0, said
    assert "not seen" not in said
    found = read_table("p.csv", texts=["dep"])
    assert found["dep"].to_list() == ["01", "02", "03"]
    assert found["prediction"].to_list() == ["u", "v", "v"]


@pytest.mark.slow
def test_d05_d53_blank_lines_give_no_prediction_and_a_key_is_kept(model: None) -> None:
    Path("new.csv").write_text("key,a,b\nu,5,50\nv,6,51\n\n")
    words = ("--keep", "key", "--out", "p.csv", "--strict")
    code, said = run("predict", "t.chainrule", "new.csv", *words)
    assert (code, "ignored" in said) == (0, False), said  # a key surprises nobody
    frame = read_table("p.csv")
    assert frame.columns == ["key", "prediction"]
    assert frame["key"].to_list() == ["u", "v"]
    code, said = run("predict", "t.chainrule", "new.csv", "--keep", "kye", "--out", "q.csv")
    assert (code != 0, "Did you mean 'key'?" in said) == (True, True), said


@pytest.mark.slow
def test_a_model_and_data_in_the_wrong_order_are_told(model: None) -> None:
    code, said = run("predict", "t.csv", "t.chainrule", "--out", "p.csv")
    assert (code, "the model comes first" in said) == (1, True), said


def test_d60_equal_fits_are_equal_files(tmp_path: Path) -> None:
    models = [
        MLPClassifier((4,), "tanh", learning_rate="cosine", learning_rate_init=0.05, random_state=0)
        for _ in range(2)
    ]
    for number, one in enumerate(models):
        one.fit(np.c_[A - 5, (B - 50) / 12], K)
        save_model(tmp_path / f"{number}", one)
    assert (tmp_path / "0").read_bytes() == (tmp_path / "1").read_bytes()


def test_d61_a_pipeline_is_refused_in_one_line(tmp_path: Path) -> None:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    with pytest.raises(InputError) as caught:
        save_model(tmp_path / "m", make_pipeline(StandardScaler(), MLPRegressor()))
    assert "Pipeline" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
