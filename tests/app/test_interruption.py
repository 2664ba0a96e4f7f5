"""Ctrl-C, pipes and terminals, with processes of their own."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import chainrule as package
from chainrule.app import fit
from chainrule.app.stopping import stoppable
from chainrule.app.tables import read_table, write_table
from chainrule.interop.preparation import Preparation

LONG = ("fit", "wine", "--epochs", "1000000", "--engine", "reference", "--hidden", "8")
SHORT = ("--engine", "reference", "--epochs", "2", "--no-plot")
PLAIN = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "TERM")}


def start(folder: Path, *words: str, **options) -> subprocess.Popen:
    command = [sys.executable, "-m", "chainrule", *words]
    return subprocess.Popen(command, cwd=folder, text=True, env=PLAIN, **options)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_keeps_the_best_model_so_far_and_says_where(tmp_path: Path) -> None:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with start(tmp_path, *LONG, "--patience", "1000000", **pipes) as process:
        for line in process.stdout:
            if line.startswith("epoch 1/"):
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err == "error: interrupted; the best model so far is in wine.chainrule\n"
    assert "(interrupted)" in out
    model = package.load(tmp_path / "wine.chainrule")
    assert model.members_[0].estimator.n_iter_ >= 1
    assert np.isfinite(model.predict_proba(read_table("wine"))).all()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["wine.chainrule", "wine.png"]


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_another_end_keeps_the_best_model_too(tmp_path: Path) -> None:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with start(tmp_path, *LONG, "--patience", "1000000", "--no-plot", **pipes) as process:
        for line in process.stdout:
            if line.startswith("epoch 1/"):
                break
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)  # while it is written
        _, err = process.communicate(timeout=60)
        process.wait()
    assert process.returncode == 130, err
    assert err == "error: interrupted; the best model so far is in wine.chainrule\n"
    assert package.load(tmp_path / "wine.chainrule").members_[0].estimator.n_iter_ >= 1


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_every_end_is_heard_once_and_leaves_no_handler(name: str) -> None:
    number = getattr(signal, name)
    before = signal.getsignal(number)
    with stoppable() as stop:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        signal.raise_signal(number)  # while the model is written
        assert stop.asked
    assert signal.getsignal(number) is before


IMPORT = """
import signal, sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
sys.argv = ["chainrule", *{words!r}]
signal.signal(signal.SIGINT, signal.default_int_handler)
from chainrule.app.__main__ import main
sys.exit(main())
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize(
    "name",
    [
        *("numpy", "numpy._core._multiarray_umath", "chainrule.model.network", "typer"),
        *("chainrule.app.commands", "chainrule.app.fit", "polars", "sklearn", "scipy.sparse"),
    ],
)
def test_ctrl_c_while_modules_load_is_one_line(tmp_path: Path, name: str) -> None:
    program = IMPORT.format(name=name, words=["fit", "iris", "--epochs", "1", "--no-plot"])
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 130, done.stderr
    assert done.stderr == "error: interrupted\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_program_that_imports_the_library_keeps_its_signals() -> None:
    program = (
        "import signal; import chainrule, chainrule.app.__main__\n"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == 0


def test_memory_that_is_not_there_is_one_sentence(chainrule, folder, flats, monkeypatch) -> None:
    from chainrule.app import problem_rows
    from chainrule.foundation import memory

    flats.write_parquet("flats.parquet")
    fit = ("fit", "flats.parquet", "--target", "rent", "--no-plot")
    with monkeypatch.context() as small:
        small.setattr(memory, "physical_bytes", lambda: 4000)
        answer = chainrule(*fit)
    assert answer.code == 2
    assert "rows of" in answer.err
    assert "Take fewer rows, or leave out columns" in answer.err

    def full(*given, **more):
        raise np._core._exceptions._ArrayMemoryError((10**6, 10**6), np.dtype("float64"))

    for raised in (full, lambda *given, **more: (_ for _ in ()).throw(MemoryError())):
        monkeypatch.setattr(problem_rows, "split", raised)
        answer = chainrule(*fit)
        assert answer.code == 2
        assert answer.err.startswith("error: not enough memory: ")
        assert "Take fewer rows (--rows)" in answer.err
        assert answer.err.count("\n") == 1


def test_a_signal_after_training_neither_loses_the_model_nor_hides_it(
    chainrule, folder, monkeypatch
) -> None:
    real = fit.save_table_model

    def save(*given):
        signal.raise_signal(signal.SIGINT)
        real(*given)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(fit, "save_table_model", save)
    answer = chainrule("fit", "iris", *SHORT, "--quiet")
    assert answer.code == 130, answer.err
    assert answer.err == "error: interrupted; the best model so far is in iris.chainrule\n"
    assert package.load("iris.chainrule").members_[0].estimator.n_iter_ == 2


@pytest.mark.slow
def test_a_closed_pipe_ends_the_printing_and_not_the_training(tmp_path: Path) -> None:
    words = ("fit", "iris", "--engine", "reference", "--epochs", "3", "--no-plot")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with start(tmp_path, *words, **pipes) as process:
        assert process.stdout.readline().startswith("iris:")
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 0
    assert package.load(tmp_path / "iris.chainrule").members_[0].estimator.n_iter_ == 3


@pytest.mark.parametrize("target", ["z", "y"])
def test_control_characters_of_a_table_are_not_printed(chainrule, folder, target) -> None:
    (folder / "t\x1b[31m.csv").write_text("a\x1b]0;x\x07,b\x9b,y\n" + "1,2,u\n3,5,v\n" * 30)
    answer = chainrule("fit", "t\x1b[31m.csv", "--target", target, *SHORT)
    said = answer.out + answer.err
    assert "\\x1b" in said
    assert not set(said) & {"\x1b", "\x07", "\x9b"}


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    table = pl.DataFrame({"a": np.arange(60_000) % 97})
    write_table(table, tmp_path / "t.csv")
    X = Preparation.fit(table).transform(table)
    model = package.MLPRegressor(
        hidden_layer_sizes=(2,), max_iter=1, learning_rate="cosine", engine="reference"
    )
    model.fit(X[:100], np.arange(100))
    package.save_model(tmp_path / "t.chainrule", model, Preparation.fit(table))
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with start(tmp_path, "predict", "t.chainrule", "t.csv", "-q", **pipes) as process:
        assert process.stdout.readline() == "prediction\n"
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 0


@pytest.mark.slow
def test_a_missing_extra_is_one_line_with_the_command_that_installs_it(tmp_path) -> None:
    names = ("typer", "polars", "matplotlib")
    program = (
        f"import sys; from chainrule.app.__main__ import main\nfor name in {names}:\n"
        "    sys.modules[name] = None\n"
        "    print(main(['fit', 'iris', '--engine', 'reference', '--epochs', '2', '--quiet']))\n"
        "    del sys.modules[name]"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["2"] * 3
    assert done.stderr == "".join(
        f"error: the command line needs {name}. Install it: pip install 'chainrule[app]'\n"
        for name in names
    )


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="terminals of POSIX")
@pytest.mark.parametrize("no_color", [True, False])
def test_a_terminal_shows_a_bar_in_colour_unless_no_color_is_set(tmp_path: Path, no_color) -> None:
    ours, theirs = pty.openpty()
    settings = {"TERM": "xterm-256color", "COLUMNS": "120"} | (
        {"NO_COLOR": "1"} if no_color else {}
    )
    command = [sys.executable, "-m", "chainrule", "fit", "wine", *SHORT]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=theirs, stderr=theirs, env=PLAIN | settings
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux's way to say that the other end is closed
                break
            if not part:
                break
            shown += part
        assert process.wait(60) == 0
    os.close(ours)
    text = shown.decode()
    assert "epoch 0/2" in text
    assert "━" in text
    assert ("\x1b[38;5;" in text or "\x1b[33m" in text) is not no_color
    assert "model  wine.chainrule" in text
