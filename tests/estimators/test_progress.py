"""What a person sees of training: a bar on a terminal, lines elsewhere."""

import io
import os
import pickle
import pty
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from chainrule import MLPClassifier
from chainrule.estimators import progress

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

GENERATOR = np.random.default_rng(33)
X = GENERATOR.normal(size=(60, 3))
LABELS = np.arange(60) % 3
SMALL = {"hidden_layer_sizes": (5,), "random_state": 0, "engine": "reference"}


@pytest.mark.parametrize(("verbose", "numbers"), [(True, [1, 2, 3, 4, 5]), (2, [2, 4]), (0, [])])
def test_lines_where_there_is_no_terminal(capsys, verbose, numbers):
    model = MLPClassifier(verbose=verbose, max_iter=5, early_stopping=True, **SMALL)
    model.fit(X, LABELS)
    lines = capsys.readouterr().out.splitlines()
    assert [int(line.split()[1]) for line in lines] == numbers
    assert all("loss" in line and "validation score" in line for line in lines)


def test_partial_fit_prints_lines(capsys):
    model = MLPClassifier(verbose=True, **SMALL)
    for _ in range(2):
        model.partial_fit(X, LABELS, classes=[0, 1, 2])
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == ["1", "2"]


def test_what_came_before_the_epochs_is_not_counted_for_each(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    lines = []
    shown = progress.EpochLines(lines.append, 100, None)
    epochs = (MLPClassifier(max_iter=1, **SMALL), [])
    epochs[0].callbacks = epochs[1].append
    epochs[0].fit(X, LABELS)
    for number in range(3):
        now[0] += 60.0 if number == 0 else 0.0  # a trial
        now[0] += 2.0
        shown.show(replace(epochs[1][0], seconds=2.0))
    assert [line.split()[2] for line in lines] == ["3:18", "3:16", "3:14"]


@pytest.fixture
def screen(monkeypatch):
    console = pytest.importorskip("rich.console")
    file = io.StringIO()
    monkeypatch.setattr(
        progress,
        "_terminal",
        lambda: console.Console(
            file=file, force_terminal=True, width=150, _environ={"TERM": "xterm"}
        ),
    )
    return file


def test_a_bar_on_a_terminal(screen, capsys):
    model = MLPClassifier(verbose=True, max_iter=6, early_stopping=True, **SMALL)
    model.fit(X, LABELS)
    text = screen.getvalue()
    assert "epoch 6/6" in text
    assert f"loss {progress.written(model.loss_)}" in text
    assert f"validation {progress.written(model.validation_loss_curve_[-1])}" in text
    assert "rate 1.0e-03" in text
    assert "0:00 left" in text
    assert capsys.readouterr().out == ""
    model.set_params(warm_start=True, n_iter_no_change=99).fit(X, LABELS)
    assert "epoch 6/6" in screen.getvalue()[len(text) :]
    for copied in (pickle.loads(pickle.dumps(model)), clone(model).fit(X, LABELS)):
        assert copied.predict(X).shape == (60,)


def test_lines_where_another_display_is_live(screen, capsys, monkeypatch):
    from rich.errors import LiveError
    from rich.progress import Progress

    def start(bar):
        raise LiveError("Only one live display may be active at once")

    monkeypatch.setattr(Progress, "start", start)
    MLPClassifier(verbose=True, max_iter=2, **SMALL).fit(X, LABELS)
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert screen.getvalue() == ""


def test_lines_where_rich_is_missing(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    MLPClassifier(verbose=True, max_iter=2, **SMALL).fit(X, LABELS)
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_an_error_while_the_bar_is_shown_leaves_the_terminal_as_it_was(screen):
    def fail(epoch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        MLPClassifier(verbose=True, callbacks=fail, **SMALL).fit(X, LABELS)
    assert screen.getvalue().endswith("\x1b[?25h")  # the cursor is back


def test_workers_of_a_search_with_progress():
    model = MLPClassifier(verbose=True, max_iter=2, **SMALL)
    assert len(cross_val_score(model, X, LABELS, cv=2, n_jobs=2)) == 2


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="terminals of POSIX")
def test_stderr_decides_and_stdout_stays_clean():
    ours, theirs = pty.openpty()
    program = (
        "import numpy as np, chainrule, warnings; warnings.simplefilter('ignore');"
        "X = np.random.default_rng(0).normal(size=(50, 2));"
        "chainrule.MLPRegressor(max_iter=3, verbose=True, engine='reference').fit(X, X[:, 0])"
    )
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        assert process.stdout.read() == b""
        shown = os.read(ours, 65536)
        assert process.wait(60) == 0
    os.close(ours)
    assert "epoch" in shown.decode()
