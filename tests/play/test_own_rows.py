"""Arrays, tables and trained models on the page."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier as Theirs

from chainrule import InputError, MLPClassifier, MLPRegressor, explain
from chainrule.app.play.own_rows import BUILT_IN, of_arrays, of_explanation, of_table, of_text
from chainrule.app.play.session import Session
from chainrule.app.play.settings import Settings
from chainrule.app.tables import BUILT_IN as NAMES
from chainrule.app.tables import built_in_table


@pytest.fixture(scope="module")
def iris():
    x, y = load_iris(return_X_y=True)
    return (x - x.mean(axis=0)) / x.std(axis=0), y


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        ([0, 1, 1, 0], "two classes"),
        (["a", "b", "c", "a"], "classes"),
        ([True, False, True, False], "two classes"),
        ([0.5, 1.5, 2.5, 0.25], "numbers"),
        ([-1.0, 2.0, 7.0, 9.0], "numbers"),
    ],
)
def test_targets_decide_the_kind(y, kind):
    assert of_arrays(np.eye(4)[:, :2], y).kind == kind


@pytest.mark.parametrize(
    ("X", "y", "words"),
    [
        ([["a"]], [0], "X must hold numbers"),
        ([1.0, 2.0], [0, 1], "X must be of shape"),
        ([[1.0], [2.0]], [0], "X must be of shape"),
        ([[np.nan], [1.0]], [0, 1], "finite"),
        ([[0.5], [1.0]], [0.5, np.inf], "finite"),
        ([[0.5], [1.0]], [1, 1], "classes"),
    ],
)
def test_rows_that_cannot_be_used_are_refused(X, y, words):
    with pytest.raises(InputError, match=words):
        of_arrays(X, y)


CSV = "height,colour,kind\n1.5,red,cat\n2.5,blue,dog\n1.25,red,cat\n3.5,green,dog\n"


def test_a_pasted_table_is_learnt():
    session = Session()
    header, _ = session.answer({"action": "table", "text": CSV * 1 + "1.0,red,cat\n" * 20})
    assert header["kind"] == "two classes"
    assert header["input_names"][0] == "height"
    assert any("scaled" in note for note in header["notes"])
    assert session.answer({"action": "step"})[0]["step"] == 1
    session.answer({"action": "change", "settings": {"units": [5]}})
    assert session.run.objective.network.layout.widths[1] == 5
    session.answer({"action": "change", "settings": {"data": "moons"}})
    session.answer({"action": "change", "settings": {"data": "own"}})
    assert session.settings.kind == "two classes"


@pytest.mark.grid(3)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n",
        "a,b\n",
        "only\n1\n2\n",
        "a,b\n1\n2,3,4,5\n\n,,,\n",
        "\x00\x01\x02",
        "a,b\n1,x\n2,x\n",
    ],
)
def test_a_bad_table_is_one_sentence(text):
    session = Session()
    before = session.settings
    with pytest.raises(InputError) as caught:
        session.answer({"action": "table", "text": text})
    assert 10 < len(str(caught.value)) <= 500
    assert "/tmp" not in str(caught.value)
    assert session.settings is before


def test_a_missing_target_names_the_columns():
    with pytest.raises(InputError, match=r"kin.*kind"):
        of_text(CSV, "kin")


def test_a_built_in_table_is_learnt():
    from chainrule.app.tables import read_table

    rows = of_table(read_table("iris"), "target", "iris")
    assert rows.kind == "classes"
    assert rows.x.shape == (150, 4)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_set_is_chosen(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text("a file of that name is none of the page's business")
    session = Session()
    header, _ = session.answer({"action": "change", "settings": {"data": name, "units": [3]}})
    assert header["rows"] + len(session.run.problem.held_out) == len(built_in_table(name))
    assert session.answer({"action": "step"})[0]["step"] == 1


def test_the_built_in_sets_are_those_of_the_command():
    assert set(BUILT_IN) == set(NAMES)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_a_trained_estimator_is_looked_at_and_trained_on(iris, kind):
    x, y = iris
    if kind == "classes":
        model = MLPClassifier((6,), "tanh", max_iter=20, random_state=0).fit(x, y)
    else:
        model = MLPRegressor(
            hidden_layer_sizes=(6,), activation="tanh", max_iter=20, random_state=0
        ).fit(x[:, :3], x[:, 3])
        x, y = x[:, :3], x[:, 3]
    explanation = model.explain(x, y)
    session = Session(Settings().with_own(of_explanation(explanation)))
    session.answer({"action": "select", "layer": 2, "unit": 1, "to": 0})
    header, _ = session.answer({"action": "view", "scope": 7})
    expected = explanation.weight(layer=2, unit=2, to=1, sample=8)
    assert header["panel"]["gradient"] == expected.gradient
    assert header["panel"]["tree"]["value"] == expected.tree.value
    before = session.run.moment.vector
    assert session.answer({"action": "step"})[0]["step"] == explanation.subject.step + 1
    assert np.any(session.run.moment.vector != before)
    with pytest.raises(InputError, match="trained model"):
        session.answer({"action": "change", "settings": {"units": [3]}})
    session.answer({"action": "change", "settings": {"learning_rate": 0.5}})
    assert session.run.learning_rate == 0.5


def test_notes_of_a_model_are_sentences(iris):
    x, y = iris
    model = MLPClassifier((3,), max_iter=2, averaging=0.9, dropout=0.1, early_stopping=False)
    with pytest.warns(Warning, match="max_iter"):
        model.fit(x, y)
    own = of_explanation(model.explain(x, y))
    notes = Session(Settings().with_own(own)).answer({"action": "look"})[0]["notes"]
    assert len(notes) == 3
    assert [one for one in notes if not (one[0].isupper() and one.endswith("."))] == []


@pytest.mark.slow
def test_a_network_of_scikit_learn(iris):
    x, y = iris
    theirs = Theirs((5,), max_iter=1500, random_state=0).fit(x, y)
    session = Session(Settings().with_own(of_explanation(explain(theirs, x, y))))
    header, _ = session.answer({"action": "look"})
    assert header["accuracy"] == theirs.score(x, y)


def test_a_wide_layer_is_shown_in_parts():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(200, 64)), random.integers(0, 10, 200)
    session = Session(Settings().with_own(of_arrays(x, y)).changed(units=[48]))
    header, arrays = session.answer({"action": "tile", "layer": 1, "unit": 60, "to": 40})
    tile = header["tile"]
    assert (tile["unit"], tile["to"], tile["rows"], tile["columns"]) == (44, 32, 20, 16)
    weight = session.run.subject.parameters.weights[0]
    np.testing.assert_array_equal(arrays["tile_weight"], weight[44:64, 32:48])
    header, arrays = session.answer({"action": "tile", "layer": 2, "largest": True})
    _, gradient = session.run.engine.gradient(session.run.moment.vector, session.run.rows)
    assert header["panel"]["layer"] == 2
    assert np.abs(arrays["tile_gradient"]).max() == header["tile"]["largest"]["gradient"]
    assert gradient.shape == session.run.moment.vector.shape


def test_points_are_drawn_and_taken_away():
    session = Session(Settings().changed(data="xor", units=[4]))
    header, arrays = session.answer({"action": "point", "place": [0.5, 0.25], "target": 1})
    assert (header["rows"], header["settings"]["data"]) == (5, "own")
    assert arrays["points"][-1].tolist() == [0.5, 0.25]
    assert header["widths"] == [2, 4, 1]
    header, _ = session.answer({"action": "point", "place": [2.0, 2.0], "target": 2})
    assert (header["kind"], header["widths"]) == ("classes", [2, 4, 3])
    header, arrays = session.answer(
        {"action": "point", "place": [0.45, 0.3], "target": 0, "remove": True}
    )
    assert header["rows"] == 5
    assert [0.5, 0.25] not in arrays["points"].tolist()
    assert session.answer({"action": "step"})[0]["step"] == 1
    session = Session(Settings().changed(data="line"))
    header, _ = session.answer({"action": "point", "place": [5.0], "target": -2.5})
    assert (header["kind"], header["rows"]) == ("numbers", 5)


@pytest.mark.parametrize(
    "request_",
    [
        {"place": [1.0], "target": 0},
        {"place": [1.0, "a"], "target": 0},
        {"place": [1.0, 1e99], "target": 0},
        {"place": None, "target": 0},
        {"place": [1.0, 1.0], "target": 5},
        {"place": [1.0, 1.0], "target": 0.5},
        {"place": [1.0, 1.0], "target": None},
    ],
)
def test_points_that_cannot_be_are_refused(request_):
    session = Session(Settings().changed(data="xor"))
    with pytest.raises(InputError):
        session.answer({"action": "point", **request_})
    assert session.settings.data == "xor"
