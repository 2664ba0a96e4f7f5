"""The program that the page writes makes the same steps, to the last bit."""

import contextlib
import io
import json
import zipfile

import numpy as np
import pytest
import scipy.sparse

from chainrule import MLPClassifier, MLPRegressor, explain
from chainrule.app.play.code import program_of
from chainrule.app.play.own_rows import of_arrays, of_explanation
from chainrule.app.play.session import Session
from chainrule.app.play.settings import Settings


def run(session):
    """Run the session's program; return its final parameters and what it printed."""
    text, names, said = program_of(session.settings, session.run), {}, io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(text, "program", "exec"), names)
    return names["state"].vector, said.getvalue()


def advance(session, steps):
    for _ in range(steps):
        session.answer({"action": "step", "want": []})


@pytest.mark.grid(3)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"data": "xor", "units": [4, 3], "activations": ["tanh", "relu"]},
        {"data": "moons", "optimizer": "adam", "units": [5], "l2": 0.01},
        {"data": "blobs", "units": [4], "batch_size": 7, "dropout": 0.2, "seed": 5},
        {"data": "sine", "units": [], "optimizer": {"name": "sgd", "momentum": 0.5}, "l1": 0.001},
        {"data": "iris", "start": "he_normal", "optimizer": {"name": "adamw", "clip_norm": 0.1}},
        {"data": "moons", "schedule": {"name": "step", "every": 2}, "optimizer": "rmsprop"},
        {"data": "moons", "schedule": "cosine", "epochs": 4},
        {"data": "blobs", "schedule": {"name": "one_cycle", "warm_up": 0.5}, "epochs": 9},
        {"data": "xor", "optimizer": {"name": "adam", "averaging": 0.9, "beta_1": 0.5}},
    ],
)
def test_the_program_gives_the_same_numbers(changes):
    session = Session(Settings().changed(**changes))
    advance(session, 17)
    vector, said = run(session)
    np.testing.assert_array_equal(vector, session.run.moment.vector)
    loss = session.answer({"action": "look"})[0]["loss"]
    # scores of `predict` are the compiled engine's: equal up to rounding
    assert float(said.rpartition("loss ")[2]) == pytest.approx(loss, rel=1e-7)


def test_changes_edits_and_ways_back_are_repeated():
    session = Session(Settings().changed(data="moons", units=[4], batch_size=30))
    advance(session, 8)
    session.answer({"action": "change", "settings": {"learning_rate": 0.5, "l2": 0.1}})
    advance(session, 5)
    session.answer({"action": "back", "steps": 2})
    session.answer({"action": "select", "layer": 1, "unit": 1, "to": 2})
    session.answer({"action": "edit", "value": 0.75})
    advance(session, 3)
    session.answer({"action": "freeze", "frozen": True})
    advance(session, 4)
    session.answer({"action": "freeze", "frozen": False})
    session.answer({"action": "change", "settings": {"batch_size": 50, "dropout": 0.25}})
    advance(session, 9)
    vector, _ = run(session)
    np.testing.assert_array_equal(vector, session.run.moment.vector)


def test_changes_at_the_end_of_an_epoch_are_repeated():
    session = Session(Settings().changed(data="moons", units=[4]))
    for rate in (0.5, 0.25):
        session.answer({"action": "epoch"})
        session.answer({"action": "change", "settings": {"learning_rate": rate}})
    session.answer({"action": "epoch"})
    vector, _ = run(session)
    np.testing.assert_array_equal(vector, session.run.moment.vector)


def test_other_numbers_of_the_optimizer_are_repeated():
    rule = {"name": "sgd", "momentum": 0.9}
    session = Session(Settings().changed(data="moons", units=[4], optimizer=rule))
    for more in ({"nesterov": True}, {"averaging": 0.5}, {}, {"averaging": 0.9}, {"clip_norm": 1}):
        advance(session, 6)
        session.answer({"action": "change", "settings": {"optimizer": rule | more}})
        session.answer({"action": "change", "settings": {"optimizer": rule}})
        session.answer({"action": "change", "settings": {"optimizer": rule | more}})
    session.answer({"action": "back", "steps": 8})
    advance(session, 3)
    session.answer({"action": "change", "settings": {"schedule": "cosine", "epochs": 12}})
    advance(session, 9)
    assert session.run.moment.step == 34
    vector, _ = run(session)
    np.testing.assert_array_equal(vector, session.run.moment.vector)


def test_a_way_back_beyond_a_change_is_repeated():
    session = Session(Settings().changed(data="moons", units=[4]))
    advance(session, 8)
    session.answer({"action": "change", "settings": {"learning_rate": 0.5}})
    advance(session, 4)
    session.answer({"action": "back", "steps": 6})
    advance(session, 7)
    vector, _ = run(session)
    np.testing.assert_array_equal(vector, session.run.moment.vector)


def test_own_rows_stand_in_the_program():
    random = np.random.default_rng(0)
    x = random.normal(size=(40, 3))
    session = Session(Settings().with_own(of_arrays(x, (x[:, 0] > 0).astype(int))))
    advance(session, 6)
    vector, _ = run(session)
    np.testing.assert_array_equal(vector, session.run.moment.vector)


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """Return the function that saves a session's program with its files, and runs it there."""

    def ran(session):
        header, arrays = session.answer({"action": "archive"})
        assert header["file"] == {"name": "program.zip", "type": "application/zip"}
        with zipfile.ZipFile(io.BytesIO(arrays["content"].tobytes())) as archive:
            archive.extractall(tmp_path)
        monkeypatch.chdir(tmp_path)
        text = (tmp_path / "program.py").read_text(encoding="utf-8")
        assert text == session.answer({"action": "program"})[0]["copy"]["python"]
        return run(session)

    return ran


def test_many_rows_are_loaded(saved):
    random = np.random.default_rng(0)
    x = random.normal(size=(700, 30))
    session = Session(Settings().with_own(of_arrays(x, (x[:, 0] > 0).astype(int))))
    advance(session, 6)
    vector, _ = saved(session)
    np.testing.assert_array_equal(vector, session.run.moment.vector)
    assert session.answer({"action": "program"})[0]["files"] == ["rows.npz"]


@pytest.mark.slow
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kept", [np.asarray, scipy.sparse.csr_array])
@pytest.mark.parametrize(
    ("estimator", "classes"),
    [
        (MLPClassifier((5,), max_iter=6, dropout=0.2, random_state=0), 3),
        (MLPClassifier((4, 3), max_iter=6, alpha=0.01, batch_size=20, random_state=1), 2),
        (MLPRegressor("huber", (4,), max_iter=6, dtype="float32", random_state=0), 0),
    ],
)
@pytest.mark.filterwarnings("ignore:.*max_iter")
def test_a_trained_model_is_loaded(estimator, classes, kept, weighted, saved):
    random = np.random.default_rng(0)
    x = random.normal(size=(90, 4))
    y = np.digitize(x[:, 0], [-0.5, 0.5][: classes - 1]) if classes else x[:, 0] ** 2
    x = kept(np.where(np.abs(x) > 0.5, x, 0.0))
    weight = random.uniform(0.5, 2.0, 90) if weighted else None
    model = estimator.fit(x, y, sample_weight=weight)
    session = Session(
        Settings().with_own(of_explanation(model.explain(x, y, sample_weight=weight)))
    )
    advance(session, 7)
    session.answer({"action": "change", "settings": {"learning_rate": 0.01}})
    session.answer({"action": "select", "layer": 1, "unit": 1, "to": 2})
    session.answer({"action": "edit", "value": 0.75})
    advance(session, 5)
    vector, said = saved(session)
    rounding = 1e-4 if weighted else 0.0
    np.testing.assert_allclose(vector, session.run.moment.vector, rtol=rounding, atol=rounding / 10)
    loss = session.answer({"action": "look"})[0]["loss"]
    assert float(said.rpartition("loss ")[2]) == pytest.approx(loss, rel=1e-5)
    inputs = [] if isinstance(x, np.ndarray) else ["inputs.npz"]
    files = session.answer({"action": "program"})[0]["files"]
    assert files == ["network.state", *inputs, "rows.npz"]


def test_a_network_of_lists_is_loaded(saved):
    layers = [([[0.5], [0.25]], [0.0], "tanh"), ([[2.0]], [0.0], "linear")]
    own = of_explanation(explain(layers, [[1.0, -2.0], [0.5, 0.25]], [0.0, 1.0]))
    session = Session(Settings().with_own(own))
    advance(session, 3)
    np.testing.assert_array_equal(saved(session)[0], session.run.moment.vector)
    json.dumps(session.answer({"action": "look"})[0]["settings"])
