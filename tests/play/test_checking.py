"""The gradient check of the page, programs of a chain rule, and points that are moved."""

import contextlib
import io

import numpy as np
import pytest

from chainrule import InputError, MLPClassifier, optimizers
from chainrule.app.play.forms import rule_of
from chainrule.app.play.own_rows import of_explanation
from chainrule.app.play.session import Session
from chainrule.app.play.settings import Settings
from chainrule.engines.reference import ReferenceEngine
from chainrule.insight.check import check_gradient
from chainrule.insight.place import Place


@pytest.mark.slow
def test_the_badge_says_what_the_library_finds():
    session = Session(Settings().changed(data="moons", units=[6, 5], activations=["relu", "tanh"]))
    session.answer({"action": "epoch"})
    session.answer({"action": "view", "scope": "all"})
    found = session.answer({"action": "gradients"})[0]["gradients"]
    expected = check_gradient(session.run.subject, 20, 0)
    assert found["passed"]
    assert (found["step"], found["rows"]) == (5, 160)
    assert [one["name"] for one in found["verdicts"]] == [one.name for one in expected.verdicts]
    assert {one["layer"] for one in found["verdicts"]} == {1, 2, 3}
    for verdict in found["verdicts"]:
        place = Place(verdict["layer"], verdict["unit"], verdict["to"])
        assert place.symbol.text == verdict["name"]
        session.answer({"action": "select", "layer": place.layer, "unit": place.unit,
                        "to": place.to})  # fmt: skip
        panel = session.answer({"action": "look"})[0]["panel"]
        assert panel["gradient"] == pytest.approx(verdict["gradient"], rel=1e-12)


def test_the_badge_sees_a_wrong_gradient(monkeypatch):
    right = ReferenceEngine.gradient

    def wrong(self, *work):
        loss, gradient = right(self, *work)
        return loss, 1.001 * gradient

    session = Session(Settings().changed(data="moons"))
    assert session.answer({"action": "gradients"})[0]["gradients"]["passed"]
    monkeypatch.setattr(ReferenceEngine, "gradient", wrong)
    found = session.answer({"action": "gradients"})[0]["gradients"]
    assert not found["passed"]
    assert found["verdicts"][0]["status"] == "differs"


def printed(program):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(program, "program", "exec"), {})
    return float(said.getvalue().rpartition("gradient ")[2])


@pytest.mark.parametrize(
    ("changes", "place", "scope"),
    [
        ({}, (1, 0, 0), "batch"),
        ({"data": "moons", "units": [4], "l2": 0.1, "l1": 0.01}, (1, 1, 2), "batch"),
        ({"data": "blobs", "units": [4]}, (2, None, 1), "all"),
        ({"data": "blobs", "units": [4]}, (2, 3, 2), 5),
        ({"data": "sine", "loss": "huber", "units": []}, (1, 0, 0), 2),
    ],
)
def test_a_chain_rule_is_a_program(changes, place, scope):
    session = Session(Settings().changed(**changes))
    session.answer({"action": "epoch"})
    session.answer(dict(zip(("layer", "unit", "to"), place, strict=True)) | {"action": "select"})
    header, _ = session.answer({"action": "view", "scope": scope})
    program = session.answer({"action": "copy", "kind": "python"})[0]["copy"]["python"]
    assert printed(program) == pytest.approx(header["panel"]["gradient"], rel=1e-13)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_trained_models_chain_rule_is_a_program():
    random = np.random.default_rng(0)
    x = random.normal(size=(60, 4)).astype(np.float32)
    model = MLPClassifier((5,), max_iter=5, random_state=0).fit(x, x[:, 0] > 0)
    own = of_explanation(model.explain(x, x[:, 0] > 0))
    session = Session(Settings().with_own(own))
    session.answer({"action": "select", "layer": 2, "unit": 1, "to": 0})
    header, _ = session.answer({"action": "view", "scope": 3})
    program = session.answer({"action": "copy", "kind": "python"})[0]["copy"]["python"]
    assert printed(program) == pytest.approx(header["panel"]["gradient"], rel=1e-6)


def test_too_many_numbers_are_no_program():
    session = Session(Settings().changed(data="digits", units=[200]))
    session.answer({"action": "select", "layer": 1, "unit": 0, "to": 0})
    session.answer({"action": "view", "scope": "all"})
    with pytest.raises(InputError, match="at most 20,000 numbers"):
        session.answer({"action": "copy", "kind": "python"})


def test_a_rule_is_one_line_for_each_equation():
    assert rule_of(optimizers.adam).count("<div>") == 3
    clipped = rule_of(optimizers.get("sgd", clip_norm=0.5))
    assert clipped.count("<div>") == 2
    assert "0.5" in clipped


@pytest.mark.parametrize("held_out", [0.0, 0.25])
def test_a_point_is_moved(held_out):
    settings = Settings().changed(data="moons", units=[5], held_out=held_out)
    session = Session(settings)
    _, arrays = session.answer({"action": "look"})
    target = arrays["targets"][7]
    session.answer({"action": "point", "row": 7, "place": [1.5, -0.25]})
    x, y = session.settings.arrays
    moved = int(np.flatnonzero((x == [1.5, -0.25]).all(axis=1))[0])
    assert moved == settings.split()[0][7]
    assert y[moved] == target
    assert len(x) == 200
    others = np.arange(200) != moved
    np.testing.assert_array_equal(x[others], settings.arrays[0][others])
    assert session.settings.units == (5,)
    np.testing.assert_array_equal(session.run.start.vector, settings.parameters.vector)


def test_a_point_of_a_curve_takes_its_target_along():
    session = Session(Settings().changed(data="line"))
    session.answer({"action": "point", "row": 2, "place": [3.5], "target": -1.0})
    x, y = session.settings.arrays
    assert x[:, 0].tolist() == [1.0, 2.0, 3.5, 4.0]
    assert y.tolist() == [3.0, 6.0, -1.0, 12.0]


@pytest.mark.parametrize("row", [-1, 4, 1.0, "0", None])
def test_a_row_that_is_not_there_is_not_moved(row):
    session = Session(Settings().changed(data="xor"))
    with pytest.raises(InputError, match="row must be an integer from 0 to 3"):
        session.answer({"action": "point", "row": row, "place": [0.0, 0.0]})
    assert session.settings.data == "xor"
