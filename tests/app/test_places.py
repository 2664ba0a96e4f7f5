"""Places that cannot be written are refused in one sentence, before anything is read or trained."""

import os

import numpy as np
import polars as pl
import pytest

QUICK = ("--target", "y", "--epochs", "1", "--hidden", "2", "--quiet")


@pytest.fixture
def model(folder, once):
    random = np.random.default_rng(0)
    table = pl.DataFrame({"a": random.normal(size=60), "y": random.normal(size=60)})
    once("t.csv", table.write_csv, "fit", "t.csv", *QUICK, "--no-plot", "--out", "m.chainrule")
    (folder / "sub").mkdir()
    return "m.chainrule"


COMMANDS = {
    "fit": lambda place: ("fit", "t.csv", *QUICK, "--out", place),
    "fit --report": lambda place: (*COMMANDS["fit"]("new.chainrule"), "--report", place),
    "predict": lambda place: ("predict", "m.chainrule", "t.csv", "--out", place),
    "explain": lambda place: ("explain", "m.chainrule", "t.csv", "--report", place),
    "show": lambda place: ("show", place),
}
PLACES = [
    *(".", "", "..", "/", "sub", "sub/", "none/m", "none/m.csv", "none/m.chainrule"),
    *("m.chainrule/x", "x" * 256, "x" * 252 + ".csv", "x" * 3000, "\0bad"),
]
if os.name == "posix":
    PLACES += ["/dev/null", "/proc/m.chainrule"]


@pytest.mark.grid(13)
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("place", PLACES)
def test_an_invalid_place_is_one_sentence(chainrule, folder, model, command, place) -> None:
    before = sorted(folder.rglob("*"))
    answer = chainrule(*COMMANDS[command](place))
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err.startswith("error: ")
    assert answer.err.count("\n") == 1
    assert len(answer.err) <= 508 or command == "show"
    assert sorted(folder.rglob("*")) == before


@pytest.mark.skipif(os.name != "posix", reason="/dev")
def test_no_file_is_made_beside_a_device(chainrule, model) -> None:
    answer = chainrule("fit", "t.csv", *QUICK, "--out", "/dev/null")
    assert "it is no regular file" in answer.err
    assert not os.path.exists("/dev/null.chainrule")


@pytest.mark.skipif(os.name != "posix", reason="/dev")
def test_a_device_without_an_end_is_no_model(chainrule, folder) -> None:
    assert "it is a device" in chainrule("show", "/dev/zero").err


@pytest.mark.slow
def test_the_longest_names_are_written(chainrule, folder, model) -> None:
    long = "x" * 245 + ".chainrule"
    assert chainrule("fit", "t.csv", *QUICK, "--out", long).code == 0
    answer = chainrule("fit", "t.csv", *QUICK, "--out", "x" * 255)  # and .chainrule behind it
    assert answer.code == 2
    assert "File name too long" in answer.err
    assert chainrule("predict", long, "t.csv", "--out", "y" * 251 + ".csv").code == 0
