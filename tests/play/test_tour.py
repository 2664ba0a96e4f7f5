"""The tour's stops set the page up; measurements are the library's; files are whole."""

import math

import numpy as np
import pytest

from chainrule import InputError, load_state
from chainrule.app.play.session import ACTIONS, Session
from chainrule.app.play.settings import Settings
from chainrule.app.play.tour import STOPS
from chainrule.insight.learning_rate import learning_rate_report


@pytest.mark.parametrize("number", range(1, len(STOPS) + 1))
def test_a_stop_sets_the_page_up_and_sees_what_is_done(number):
    stop = STOPS[number - 1]
    session = Session(Settings().changed(data="circles", units=[2, 2], optimizer="adam", l2=0.5))
    header, _ = session.answer({"action": "visit", "stop": number})
    assert (header["tour"]["number"], header["tour"]["done"]) == (number, False)
    task = session.tour.task
    assert session.settings == Settings().changed(**task.settings)
    assert task.action in ACTIONS
    requests = {
        "view": {"scope": 0},
        "change": {"settings": {"activations": ["relu"]} if stop.argument == "activations"
                   else {"loss": "mse"}},
        "select": {"layer": 1, "unit": 0, "to": 0},
        "measure": {"kind": "rates"},
    }  # fmt: skip
    for _ in range(task.times):
        assert not header["tour"]["done"]
        header, _ = session.answer({"action": task.action, **requests.get(task.action, {})})
    assert header["tour"]["done"]
    session.answer({"action": "cancel"})
    assert session.answer({"action": "visit", "stop": 0})[0]["tour"] is None


def test_the_tour_says_what_the_page_shows():
    session = Session()
    session.answer({"action": "visit", "stop": 4})
    header, _ = session.answer({"action": "select", "layer": 1, "unit": 0, "to": 0})
    assert "-0.0428" in STOPS[3].text
    assert round(header["panel"]["gradient"], 4) == -0.0428
    header, _ = session.answer({"action": "visit", "stop": 5})
    assert "0.0375" in STOPS[4].text
    assert round(header["panel"]["update"]["after"], 4) == 0.0375
    start = header["loss"]
    assert session.answer({"action": "step"})[0]["loss"] > start
    session.answer({"action": "back", "steps": 1})
    session.answer({"action": "change", "settings": {"learning_rate": 0.1}})
    assert session.answer({"action": "step"})[0]["loss"] < start
    header, _ = session.answer({"action": "visit", "stop": 7})
    assert header["batch"]["of"] == 5
    assert "5 batches" in STOPS[6].text


def test_all_losses_are_tried():
    session = Session()

    def delta(row):
        _, arrays = session.answer({"action": "view", "scope": row})
        return arrays[f"d{len(session.settings.units) + 1}"].tolist()

    def visit(part):
        return session.answer({"action": "visit", "stop": 3, "part": part})[0]["tour"]

    names = [one["name"] for one in visit(0)["parts"]]
    assert len(names) == 4
    assert session.settings.loss == "mse"
    assert (delta(3), delta(0)) == ([-24.0], [-6.0])
    assert visit(1)["parts"][0]["done"]
    assert session.settings.loss == "mae"
    assert (delta(3), delta(0)) == ([-1.0], [-1.0])
    visit(2)
    assert session.settings.loss == "binary_cross_entropy"
    header, _ = session.answer({"action": "change", "settings": {"loss": "mse"}})
    assert header["tour"]["done"]
    visit(3)
    assert session.settings.loss == "categorical_cross_entropy"
    slopes = delta(4)
    assert sorted(one > 0 for one in slopes) == [False, True, True]
    assert sum(slopes) == pytest.approx(0.0, abs=1e-15)
    tour = session.answer({"action": "look"})[0]["tour"]
    assert all(one["done"] for one in tour["parts"])
    with pytest.raises(InputError, match="part must be"):
        visit(4)


@pytest.mark.parametrize("stop", [-1, 10, 1.5, "1", None])
def test_a_stop_that_is_not_there(stop):
    with pytest.raises(InputError, match="stop must be"):
        Session().answer({"action": "visit", "stop": stop})


@pytest.mark.slow
def test_rates_are_measured_by_the_library():
    session = Session(Settings().changed(data="moons", units=[4]))
    for _ in range(3):
        session.answer({"action": "step"})
    moment = session.run.moment
    session.answer({"action": "measure", "kind": "rates"})
    session.measurement.wait()
    header, _ = session.answer({"action": "look"})
    problem = session.settings.problem()
    expected = learning_rate_report(
        problem.subject, start=session.settings.parameters, seed=0, steps=60, batch_size=32,
        engine="reference",
    )  # fmt: skip
    assert [one["title"].partition(": ")[2] for one in header["measured"]["charts"]] == [
        run.verdict for run in expected.runs
    ]
    assert any(expected.summary in one for one in header["measured"]["sentences"])
    assert session.run.moment is moment
    x, y = session.settings.arrays
    train, _ = session.settings.split()
    for run, chart in zip(expected.runs, header["measured"]["charts"], strict=True):
        network = problem.subject.objective.network
        scores = network.predict(network.parameters(run.vector), x[train])[:, 0]
        right = 100.0 * np.mean((scores > 0.0) == (y[train] == 1))
        said = chart["ending"]["words"]
        assert float(said.removeprefix("At the end ").split(" %")[0]) == pytest.approx(
            right, abs=0.06
        )
        level = np.array(chart["ending"]["map"]["level"])
        assert f"class 1 holds {100.0 * np.mean(level > 127.5):.0f} %" in said


@pytest.mark.grid(7)
@pytest.mark.parametrize("data", ["sine", "blobs", "iris", "chapter"])
def test_rates_end_in_pictures_of_any_data(data):
    session = Session(Settings().changed(data=data, units=[4]))
    session.answer({"action": "measure", "kind": "rates"})
    session.measurement.wait()
    session.frame({"action": "look"})
    endings = [one["ending"] for one in session.answer({"action": "look"})[0]["measured"]["charts"]]
    assert len(endings) == 5
    finite = [one for one in endings if "not finite" not in one["words"]]
    assert finite
    assert all(("svg" if data == "sine" else "map") in one for one in finite)


def test_a_measurement_is_cancelled():
    session = Session(Settings().changed(data="moons", units=[8], rows=2000))
    session.answer({"action": "measure", "kind": "sizes"})
    header, _ = session.answer({"action": "cancel"})
    assert header["measured"]["failure"] == "Cancelled."
    assert not header["measured"]["running"]
    assert "charts" not in header["measured"]


def test_one_row_has_no_batch_sizes():
    with pytest.raises(InputError, match="at least 16 rows"):
        Session().answer({"action": "measure", "kind": "sizes"})


def test_the_network_is_saved_as_a_state(tmp_path):
    session = Session(Settings().changed(data="moons", optimizer="adam"))
    for _ in range(5):
        session.answer({"action": "step"})
    header, arrays = session.answer({"action": "save"})
    path = tmp_path / header["file"]["name"]
    path.write_bytes(arrays["content"].tobytes())
    state = load_state(path)
    assert (state.step, state.optimizer["name"]) == (5, "adam")
    np.testing.assert_array_equal(state.vector, session.run.moment.vector)


@pytest.mark.slow
def test_the_report_is_a_page():
    session = Session(Settings().changed(data="moons", units=[4]))
    for _ in range(20):
        session.answer({"action": "step"})
    header, arrays = session.answer({"action": "report"})
    page = arrays["content"].tobytes().decode()
    assert header["file"]["name"] == "report.html"
    assert page.startswith("<!DOCTYPE html>")
    assert "<script" not in page


def test_units_have_maps_of_their_outputs():
    session = Session(Settings().changed(data="moons", units=[3, 2]))
    _, arrays = session.answer({"action": "look"})
    assert arrays["heat"].shape == (6, 400)
    assert math.isclose(abs(arrays["heat"].astype(float) - 127.5).max(), 127.5)
    _, arrays = Session(Settings().changed(data="sine")).answer({"action": "look"})
    assert "heat" not in arrays
