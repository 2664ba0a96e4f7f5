"""`chainrule export`: a model file as ONNX, or as C."""

import subprocess
from shutil import which

import numpy as np
import pytest

from chainrule import load


@pytest.fixture
def model(chainrule, flats, folder):
    flats.write_csv("flats.csv")
    options = ("--epochs", 3, "--no-plot", "--quiet")
    assert chainrule("fit", "flats.csv", "--target", "rent", *options).code == 0
    return folder / "flats.chainrule"


def test_onnx(chainrule, model, flats, folder):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    answer = chainrule("export", model, "--to", "onnx")
    assert (answer.code, answer.out) == (0, "wrote flats.onnx\n")
    session = runtime.InferenceSession(folder / "flats.onnx")
    inputs = {}
    for one in session.get_inputs():
        cells = flats[one.name].to_list()
        texts = one.type == "tensor(string)"
        kept = [("" if texts else np.nan) if cell is None else cell for cell in cells]
        inputs[one.name] = np.array(kept, object if texts else np.float64)[:, None]
    found = session.run(["prediction"], inputs)[0]
    wanted = load(model).predict(flats.drop("rent"))
    np.testing.assert_allclose(found[:, 0], wanted, rtol=0.0, atol=1e-6 * np.abs(wanted).max())


@pytest.mark.slow
def test_intervals_and_quantiles(chainrule, flats, folder):
    flats.write_csv("flats.csv")
    options = ("--epochs", 3, "--n-folds", 2, "--no-plot", "--quiet")
    assert chainrule("fit", "flats.csv", "--target", "rent", *options).code == 0
    asked = ("--interval", 0.5, "--quantile", 0.9, "--quantile", 0.1)
    assert chainrule("export", "flats.chainrule", "--to", "c", *asked).code == 0
    header = (folder / "flats.h").read_text("ascii")
    assert "#define MODEL_OUTPUTS 5" in header
    assert "the quantiles 0.9, 0.1 of each target" in " ".join(header.split())


@pytest.mark.slow
@pytest.mark.skipif(which("gcc") is None, reason="there is no gcc")
def test_c(chainrule, model, folder):
    answer = chainrule("export", model, "--to", "c", "-o", "rent.c", "--name", "rent")
    assert (answer.code, answer.out) == (0, "wrote rent.c\nwrote rent.h\n")
    strict = ("gcc", "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-c", "rent.c")
    assert subprocess.run(strict, check=False).returncode == 0
    assert "void rent_predict(const struct rent_row *row, double *out);" in (
        folder / "rent.h"
    ).read_text("ascii")


def test_nothing_is_overwritten(chainrule, model, folder):
    (folder / "flats.h").write_text("mine")
    answer = chainrule("export", model, "--to", "c")
    assert answer.code == 2
    assert "flats.h is there already" in answer.err
    assert not (folder / "flats.c").exists()
    assert chainrule("export", model, "--to", "c", "--force").code == 0


@pytest.mark.grid(7)
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--to", "java"), "--to must be onnx or c; got 'java'"),
        (("--to", "c", "-o", "model.h"), "--out must be a file named *.c, for C"),
        (("--to", "c", "--name", "int"), "name must be a name of C"),
        (("--to", "c", "--interval", "2"), "--interval must be between 0 and 1"),
        (("--to", "onnx", "--quantile", "0"), "--quantile must be between 0 and 1"),
    ],
)
def test_refusals(chainrule, model, folder, words, message):
    before = sorted(folder.iterdir())
    answer = chainrule("export", model, *words)
    assert answer.code == 2
    assert message in answer.err
    assert sorted(folder.iterdir()) == before
