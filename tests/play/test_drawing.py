"""Points drawn by hand: the training goes on, Back undoes them, and the program repeats them."""

import contextlib
import io

import numpy as np
import pytest

from chainrule import InputError
from chainrule.app.play.session import Session
from chainrule.app.play.settings import Settings


def session_on(data, **changes):
    return Session(Settings().changed(data=data, units=[4], **changes))


def advance(session, steps):
    for _ in range(steps):
        session.answer({"action": "step", "want": []})


def add(session, place, target):
    return session.answer({"action": "point", "place": place, "target": target})[0]


def run(session):
    """Run the session's program; return its final parameters and the loss that it printed."""
    text, names, said = (
        session.answer({"action": "program"})[0]["copy"]["python"],
        {},
        io.StringIO(),
    )
    with contextlib.redirect_stdout(said):
        exec(compile(text, "program", "exec"), names)
    return names["state"].vector, float(said.getvalue().rpartition("loss ")[2])


def test_training_goes_on_with_a_row_that_is_drawn():
    session = session_on("moons", held_out=0.0, batch_size=50)
    advance(session, 6)
    vector = session.run.moment.vector
    header = add(session, [0.5, 0.25], 1)
    assert header["said"] == (
        "Row 201 is added, and the network goes on: the next step, 7, begins a new pass over the "
        "201 rows."
    )
    assert (header["step"], header["rows"], header["batch"]) == (6, 201, {"place": 0, "of": 5})
    np.testing.assert_array_equal(session.run.moment.vector, vector)
    advance(session, 3)
    assert session.run.moment.step == 9


def test_rows_that_were_held_out_join():
    session = session_on("moons", batch_size=50)
    assert session.answer({"action": "look"})[0]["rows"] == 160
    advance(session, 2)
    header = add(session, [0.5, 0.25], 1)
    assert (header["rows"], header["held_out"]) == (201, None)
    assert "201 rows, 40 of which were held out until now" in header["said"]
    header, _ = session.answer({"action": "back", "steps": 1})
    assert (header["rows"], header["step"], header["settings"]["data"]) == (160, 2, "moons")
    assert header["held_out"] is not None
    assert header["said"] == "Back at step 2, with 160 rows."


def test_back_undoes_every_kind_of_point():
    session = session_on("xor")
    advance(session, 1)
    start, *_ = session.settings.arrays
    add(session, [0.5, 0.5], 0)
    session.answer({"action": "point", "place": [0.25, 0.5], "row": 4, "target": 0})
    advance(session, 2)
    header, _ = session.answer({"action": "point", "place": [0.2, 0.5], "remove": True})
    assert header["said"].startswith("Row 5 is removed, and the network goes on: the next step, 4,")
    sizes = []
    while session.run.past:
        header, arrays = session.answer({"action": "back", "steps": 1})
        sizes.append((header["step"], header["rows"], len(arrays.get("points", ()))))
        session.frame({"action": "look"})
    assert [one[:2] for one in sizes] == [(3, 5), (2, 5), (1, 5), (1, 5), (1, 4), (0, 4)]
    np.testing.assert_array_equal(session.settings.arrays[0], start)
    assert session.settings.data == "xor"


def test_a_new_class_begins_again_and_is_undone():
    session = session_on("xor")
    session.answer({"action": "select", "layer": 2, "unit": 1, "to": 0})
    advance(session, 5)
    vector, losses = session.run.moment.vector, list(session.run.losses)
    header = add(session, [2.0, 2.0], 2)
    assert header["said"] == (
        "Row 5 is added, of a new class: the network has other outputs and begins again."
    )
    assert (header["step"], header["widths"]) == (0, [2, 4, 3])
    session.answer({"action": "select", "layer": 2, "unit": 1, "to": 2})
    advance(session, 2)
    add(session, [2.0, 2.5], 2)
    session.answer({"action": "change", "settings": {"learning_rate": 0.5}})
    header, _ = session.answer({"action": "back", "steps": 4})
    assert (header["step"], header["widths"], header["kind"]) == (5, [2, 4, 1], "two classes")
    assert "panel" not in header
    assert header["settings"]["learning_rate"] == session.run.learning_rate == 0.5
    np.testing.assert_array_equal(session.run.moment.vector, vector)
    assert session.run.losses[:-1] == losses[: len(session.run.losses) - 1]
    advance(session, 1)


@pytest.mark.slow
def test_two_hundred_points_are_undone():
    session = session_on("sine")
    advance(session, 3)
    rng = np.random.default_rng(0)
    for place, target in rng.normal(size=(220, 2)).tolist():
        session.answer({"action": "point", "place": [place], "target": target, "want": []})
    assert len(session.run.rows) == 60 + 220
    header, _ = session.answer({"action": "back", "steps": 220})
    assert (header["step"], header["rows"], header["settings"]["data"]) == (3, 48, "sine")


@pytest.mark.grid(2)
@pytest.mark.parametrize("changes", [
    {"data": "moons", "batch_size": 30, "optimizer": "adam"},
    {"data": "sine", "batch_size": 7},
    {"data": "xor", "dropout": 0.25},
    {"data": "moons", "held_out": 0.0, "schedule": "cosine", "epochs": 12},
])  # fmt: skip
def test_the_program_repeats_points(changes):
    session = session_on(**changes)
    one = session.settings.network.n_in == 1
    place = [0.25] if one else [0.25, -0.5]
    advance(session, 4)
    session.answer({"action": "change", "settings": {"optimizer": {
        "name": session.settings.optimizer.name, "clip_norm": 1.0}}})  # fmt: skip
    add(session, place, 1)
    advance(session, 9)
    session.answer({"action": "point", "place": place, "row": 2, "target": 0.5 if one else 0})
    session.answer({"action": "back", "steps": 3})
    advance(session, 2)
    session.answer({"action": "point", "place": place, "target": 0, "remove": True})
    advance(session, 5)
    vector, loss = run(session)
    np.testing.assert_array_equal(vector, session.run.moment.vector)
    assert loss == pytest.approx(session.answer({"action": "look"})[0]["loss"], rel=1e-7)
    session.answer({"action": "reset"})
    advance(session, 3)
    np.testing.assert_array_equal(run(session)[0], session.run.moment.vector)


def test_a_row_in_view_that_is_gone_is_left():
    session = session_on("xor")
    session.answer({"action": "view", "scope": 3})
    assert add(session, [0.9, 0.9], 0)["scope"] == 3
    session.answer({"action": "view", "scope": 4})
    header, _ = session.answer({"action": "back", "steps": 1})
    assert header["scope"] == "batch"


def test_the_last_row_of_a_class_stays():
    session = session_on("xor")
    session.answer({"action": "point", "place": [0.0, 0.0], "remove": True})
    before = session.settings, session.run.moment
    with pytest.raises(InputError, match="last of its class"):
        session.answer({"action": "point", "place": [1.0, 1.0], "remove": True})
    assert (session.settings, session.run.moment) == before
