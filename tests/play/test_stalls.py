"""Dead and saturated units and a plateau are explained, and what is offered works."""

import pytest

from chainrule.app.play.session import Session
from chainrule.app.play.settings import Settings
from chainrule.insight.health import health


def advance(session, steps):
    for _ in range(steps):
        session.answer({"action": "step", "want": []})
    return session.answer({"action": "look"})[0]["notice"]


def set_biases(session, value, units):
    for unit in units:
        session.answer({"action": "select", "layer": 1, "unit": None, "to": unit})
        session.answer({"action": "edit", "value": value})


def test_dead_units_are_explained():
    session = Session(Settings().changed(data="moons", units=[4], activations=["relu"]))
    assert advance(session, 3) is None
    set_biases(session, -50.0, (0, 2))
    notice = advance(session, 4)
    (finding,) = health(session.run.subject).layers[0].findings
    assert notice["kind"] == "dead"
    assert notice["words"].startswith(f"Layer 1: {finding.words}. No step can revive them")
    assert "2 of 4 relu units are 0 on all 160 rows" in notice["words"]
    # the first edit left one of four units dead, which is no finding yet
    assert notice["back"] == {"steps": 5, "to": 3}
    session.answer({"action": "back", "steps": notice["back"]["steps"]})
    assert not [one for one in health(session.run.subject).layers[0].findings
                if one.kind == "dead"]  # fmt: skip
    session.answer({"action": "change", "settings": notice["change"]})
    assert session.settings.activations == ("leaky_relu",)
    assert advance(session, 3) is None


def test_saturated_units_are_explained():
    session = Session(Settings().changed(data="moons", units=[3], activations=["tanh"]))
    set_biases(session, 40.0, (0, 1))
    notice = advance(session, 2)
    assert notice["kind"] == "saturated"
    assert "% of slopes are under 1 % of the largest" in notice["words"]
    assert notice["change"] == {"learning_rate": 0.01}


@pytest.mark.slow
def test_a_plateau_is_explained_and_the_rate_to_try_learns():
    changes = {"data": "moons", "units": [4], "activations": ["tanh"], "batch_size": 160}
    session = Session(Settings().changed(**changes, learning_rate=2e-5))
    assert advance(session, 50) is None
    notice = advance(session, 60)
    before = session.run.losses[-1].loss
    assert notice["kind"] == "plateau"
    assert "in the last 100 steps the loss went from" in notice["words"]
    rate = notice["change"]["learning_rate"]
    assert rate in (3.0 * 2e-5, 10.0 * 2e-5, 30.0 * 2e-5)
    session.answer({"action": "change", "settings": notice["change"]})
    advance(session, 30)
    assert session.run.losses[-1].loss < 0.999 * before


@pytest.mark.slow
def test_a_start_of_zeros_stays_on_its_plateau():
    session = Session(Settings().changed(data="xor", units=[3], start="zeros", learning_rate=0.5))
    notice = advance(session, 120)
    assert notice["kind"] == "plateau"
    assert "a fall of 0 %" in notice["words"]
    assert notice["change"] is None


@pytest.mark.grid(2)
@pytest.mark.parametrize("data", ["moons", "sine"])
def test_training_that_learns_is_left_alone(data):
    session = Session(Settings().changed(data=data, units=[6], activations=["tanh"]))
    assert advance(session, 150) is None


def test_a_failure_is_the_only_explanation():
    session = Session(Settings().changed(learning_rate=10.0))
    seen = []
    for _ in range(12):
        header, _ = session.answer({"action": "step"})
        seen.append((header["notice"] is not None, header["failure"] is not None))
    assert (True, False) in seen
    assert seen[-1] == (False, True)


def test_frames_of_playing_look_for_nothing(monkeypatch):
    session = Session(Settings().changed(data="xor", units=[3], start="zeros"))
    monkeypatch.setattr("chainrule.app.play.session.explain_stall", None)
    header, _ = session.answer({"action": "advance", "steps": 150, "want": ["health", "panel"]})
    assert "notice" not in header
