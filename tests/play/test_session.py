"""A session without a browser: actions, refusals, and the same numbers as the library's own run."""

from dataclasses import fields

import numpy as np
import pytest

from chainrule import InputError, Network, optimizers, schedules, steps
from chainrule.app.play.run import Run
from chainrule.app.play.session import ACTIONS, Session
from chainrule.app.play.settings import Settings


def library_vector(settings, count, **options):
    """Return the parameters after some steps of `chainrule.steps`."""
    x, y = settings.arrays
    train, _ = settings.split()
    options = {
        "loss": settings.loss, "optimizer": settings.optimizer, "batch_size": settings.batch_size,
        "schedule": settings.schedule,
        "learning_rate": settings.learning_rate, "seed": settings.seed,
        "l1": settings.l1, "l2": settings.l2, "dropout": settings.dropout, **options,
    }  # fmt: skip
    run = steps(Network(*settings.network.layers), x[train], y[train], epochs=count,
                parameters=settings.parameters, engine="reference", **options)  # fmt: skip
    for made in run:
        if made.number == count:
            return made.parameters.vector
    raise AssertionError("too few steps")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"data": "moons", "units": [5, 4], "optimizer": "adam", "learning_rate": 0.02},
        {"data": "blobs", "units": [4], "batch_size": 7, "l2": 0.01, "dropout": 0.3, "seed": 3},
        {"data": "sine", "units": [6], "optimizer": {"name": "sgd", "momentum": 0.9}, "l1": 0.001},
        {"data": "wine", "optimizer": {"name": "adam", "beta_2": 0.9}, "schedule": "invscaling"},
    ],
)
def test_steps_are_those_of_the_library(changes):
    settings = Settings().changed(**changes)
    run = Run(settings.problem())
    for _ in range(13):
        assert run.step()
    np.testing.assert_array_equal(run.moment.vector, library_vector(settings, 13))


def test_back_and_forth_is_the_same_way():
    session = Session(Settings().changed(data="moons", units=[4], batch_size=10))
    for _ in range(30):
        session.answer({"action": "step"})
    end = session.run.moment.vector
    session.answer({"action": "back", "steps": 20})
    assert session.run.moment.step == 10
    while session.run.moment.step < 30:
        session.answer({"action": "advance", "steps": 30 - session.run.moment.step})
    assert session.run.moment.step == 30
    np.testing.assert_array_equal(session.run.moment.vector, end)


def test_two_hundred_steps_back():
    session = Session(Settings().changed(data="moons", units=[60, 60]))
    while session.run.moment.step < 250:
        session.run.step()
    header, _ = session.answer({"action": "back", "steps": 200})
    assert header["step"] == 50


def test_numbers_of_the_optimizer_change_while_it_learns():
    session = Session(Settings().changed(data="moons", optimizer="adam"))
    session.answer({"action": "epoch"})
    changes = {"optimizer": {"name": "adam", "beta_1": 0.5}}
    header, _ = session.answer({"action": "change", "settings": changes})
    assert (header["step"], header["said"]) == (5, "")
    assert session.run.subject.optimizer.beta_1 == 0.5
    assert header["settings"]["optimizer"]["beta_1"] == 0.5
    header, _ = session.answer({"action": "change", "settings": {"optimizer": "rmsprop"}})
    assert (header["step"], header["said"]) == (0, "The network began again.")


def test_a_form_has_every_number_of_a_record():
    forms = Session().answer({"action": "look"})[0]["choices"]["forms"]
    for name, catalogue in (("optimizer", optimizers), ("schedule", schedules)):
        for form in forms[name]:
            known = {one.name for one in fields(catalogue[form["name"]])}
            assert {one["name"] for one in form["numbers"]} == known
    assert [one["name"] for one in forms["optimizer"]] == list(optimizers)
    assert set(schedules) - {one["name"] for one in forms["schedule"]} == {"adaptive"}


def test_a_schedule_ends_with_its_plan():
    changes = {"data": "moons", "schedule": "cosine", "epochs": 2}
    session = Session(Settings().changed(**changes))
    session.answer({"action": "select", "layer": 1, "unit": 0, "to": 0})
    header, _ = session.answer({"action": "advance", "steps": 7})
    expected = 0.1 * 0.5 * (1 + np.cos(np.pi * 0.7))
    assert header["rate"] == header["panel"]["update"]["learning_rate"]
    assert header["rate"] == pytest.approx(expected, rel=1e-14)
    header, _ = session.answer({"action": "advance", "steps": 7})
    assert (header["step"], header["finished"]) == (10, True)
    header, _ = session.answer({"action": "step"})
    assert "ends after the 2 epochs" in header["said"]
    header, _ = session.answer({"action": "change", "settings": {"schedule": "constant"}})
    assert session.answer({"action": "step"})[0]["step"] == 11


def test_reset_keeps_the_start():
    session = Session()
    start = session.run.moment.vector
    session.answer({"action": "epoch"})
    session.answer({"action": "reset"})
    np.testing.assert_array_equal(session.run.moment.vector, start)


def test_a_frozen_weight_stays():
    session = Session()
    session.answer({"action": "select", "layer": 1, "unit": 0, "to": 0})
    session.answer({"action": "freeze", "frozen": True})
    before = session.run.moment.vector
    session.answer({"action": "step"})
    after = session.run.moment.vector
    assert after[0] == before[0]
    assert not np.any(after[1:] == before[1:])


def test_parts_of_a_step_end_in_the_step():
    session = Session()
    words = [session.answer({"action": "substep"})[0]["phase"]["words"] for _ in range(5)]
    assert [one.partition(":")[0] for one in words] == ["Forward"] * 2 + ["Loss"] + ["Backward"] * 2
    assert session.run.moment.step == 0
    session.answer({"action": "substep"})
    assert session.run.moment.step == 1


@pytest.mark.parametrize(
    "request_",
    [
        {"action": "unknown"},
        {"action": 3},
        {"action": "select", "layer": 9, "unit": 0, "to": 0},
        {"action": "select", "layer": 1, "unit": 0.5, "to": 0},
        {"action": "edit", "value": 1.0},
        {"action": "change", "settings": {"units": [0]}},
        {"action": "change", "settings": {"units": "many"}},
        {"action": "change", "settings": {"learning_rate": -1}},
        {"action": "change", "settings": {"learning_rate": "fast"}},
        {"action": "change", "settings": {"data": "mooons"}},
        {"action": "change", "settings": {"rows": 10**9}},
        {"action": "change", "settings": {"seed": 2**40}},
        {"action": "change", "settings": {"no": 1}},
        {"action": "change", "settings": {"optimizer": {"name": "sgd", "beta_1": 0.5}}},
        {"action": "change", "settings": {"optimizer": {"name": "sgd", "momentum": 1.5}}},
        {"action": "change", "settings": {"optimizer": {"name": "sgd", "nesterov": 1}}},
        {"action": "change", "settings": {"optimizer": {"momentum": 0.5}}},
        {"action": "change", "settings": {"optimizer": ["sgd"]}},
        {"action": "change", "settings": {"optimizer": "lbfgs"}},
        {"action": "change", "settings": {"schedule": "adaptive"}},
        {"action": "change", "settings": {"schedule": {"name": "step", "every": 1.5}}},
        {"action": "change", "settings": {"epochs": 0}},
        {"action": "change", "settings": {"start": "he"}},
        {"action": "change", "settings": []},
        {"action": "view", "scope": 7},
        {"action": "advance", "steps": 0},
        {"action": "unfold", "path": [0]},
    ],
)
def test_a_refused_action_changes_nothing(request_):
    session = Session()

    def now():
        looking = session.looking
        return session.settings, session.run.moment, looking.place, looking.scope, looking.corner

    before = now()
    with pytest.raises(InputError):
        session.answer(request_)
    assert now() == before


def test_a_link_of_every_action_is_documented():
    assert [name for name, action in ACTIONS.items() if not action.__doc__] == []


def test_frames_are_small():
    session = Session(Settings().changed(data="moons", rows=1000, units=[8, 8]))
    version = session.answer({"action": "look"})[0]["version"]
    assert len(session.frame({"action": "step", "known": version})) < 64 * 1024


@pytest.mark.grid(4)
@pytest.mark.parametrize("activation", ["relu", "exponential", "softmax"])
@pytest.mark.parametrize("data", ["chapter", "moons", "blobs", "sine"])
def test_a_rate_beyond_all_bounds_is_explained(data, activation):
    settings = Settings().changed(
        data=data, units=[4, 3], activations=[activation] * 2, learning_rate=1e300
    )
    session = Session(settings)
    session.answer({"action": "select", "layer": 2, "unit": 0, "to": 1})
    for _ in range(4):
        session.frame({"action": "step"})
        header, _ = session.answer({"action": "look"})
        if header["failure"]:
            break
    assert "The loss of its batch is" in header["failure"]["words"]
    session.frame({"action": "check"})
    session.frame({"action": "back", "steps": header["failure"]["back"]["steps"] or 1})


@pytest.mark.parametrize("value", [1e300, -1e308, 1e-300])
def test_a_weight_of_any_size_is_shown(value):
    session = Session(Settings().changed(data="moons"))
    session.answer({"action": "select", "layer": 1, "unit": 0, "to": 0})
    for action in ("edit", "check", "copy", "step", "look"):
        session.frame({"action": action, "value": value})
