"""Models of tables, exported with all that they do to a raw row."""

import numpy as np
import polars as pl
import pytest

from chainrule import MLPRegressor, TabularClassifier, load, save_model
from chainrule.foundation.errors import InputError
from chainrule.interop.preparation import Preparation
from chainrule.tracing.interpreter import interpreted

# every kind of target and every encoding; 50 tables are in benchmarks/exports.py
SOME = range(7)


@pytest.fixture(scope="module")
def table(raw_tables):
    known = {}

    def get(number):
        if number not in known:
            known[number] = raw_tables.RawTable(number)
        return known[number]

    return get


def answer(found):
    return next(value for name, value in found.items() if name.startswith(("prob", "pred")))


@pytest.mark.grid(3)
@pytest.mark.parametrize("number", SOME)
def test_onnx_from_raw_columns(number, table, running):
    if not running.HAS_RUNTIME:
        pytest.skip("onnxruntime is not installed")
    one = table(number)
    model = one.model.to_onnx(**one.asked)
    found = running.onnx_answers(model, one.columns(model.graph.input))
    for name, wanted in one.every_answer.items():
        own = answer(found) if name == "main" else found[name]
        assert running.worst(own, wanted) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("number", SOME)
def test_c_from_raw_rows(number, table, running, tmp_path):
    compiler = next(filter(running.has, reversed(running.COMPILERS)), None)
    if compiler is None:
        pytest.skip("there is no C compiler")
    one = table(number)
    found = running.c_answers(tmp_path, one.model.to_c(**one.asked), compiler, one.raw_rows)
    wanted = [each.reshape(len(each), -1) for each in one.every_answer.values()]
    assert running.worst(found, np.concatenate(wanted, axis=1)) < 1e-6


@pytest.mark.parametrize("number", SOME)
def test_formulas_of_columns_are_what_transform_does(number, table):
    one = table(number)
    for member in one.model.members_:
        part = member.preparation.as_formulas()
        cells = one.cells(part.cells)
        found = np.full((len(one.new), len(member.preparation.feature_names)), np.nan)
        for features in part.features:
            given = {"z": cells[:, list(features.cells)]}
            given |= {
                name: np.broadcast_to(vector, given["z"].shape)
                for name, vector in features.vectors.items()
            }
            found[:, list(features.places)] = interpreted(features.traced, given)[0]
        wanted = member.inputs(one.new)
        assert np.array_equal(found.astype(np.float32), wanted)


SMALL = {"options": {"max_iter": 2, "hidden_layer_sizes": (4,)}, "random_state": 0}
QUIET = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@QUIET
def test_a_category_with_a_nul_character_is_refused_for_c():
    # a text of C ends there: "a" and "a\0b" would be one category
    table = pl.DataFrame({"kind": ["a", "a\0b", "c"] * 30})
    model = TabularClassifier("fast", **SMALL).fit(table, [0, 1, 0] * 30)
    with pytest.raises(InputError, match="no NUL character"):
        model.to_c()


@QUIET
def test_a_column_without_a_name_is_refused_for_onnx():
    table = pl.DataFrame({"": [1.0, 2.0, 3.0] * 30})
    model = TabularClassifier("fast", **SMALL).fit(table, [0, 1, 0] * 30)
    with pytest.raises(InputError, match="a column must have a name"):
        model.to_onnx()


def test_no_node_and_no_constant_is_unused(table):
    graph = table(5).model.to_onnx().graph
    used = {name for node in graph.node for name in node.input} | {o.name for o in graph.output}
    assert {name for node in graph.node for name in node.output[:1]} <= used
    assert {one.name for one in graph.initializer} <= used


def test_labels_of_onnx(table, running):
    if not running.HAS_RUNTIME:
        pytest.skip("onnxruntime is not installed")
    for number in (0, 1, 2):
        one = table(number)
        model = one.model.to_onnx()
        found = running.onnx_answers(model, one.columns(model.graph.input))
        label = next(value for name, value in found.items() if name.startswith("label"))
        assert label.tolist() == one.model.predict(one.new).tolist()


def test_an_estimator_with_the_preparation_of_its_table(answers, running, tmp_path, target):
    frame = pl.DataFrame({"rooms": [1.0, None, 3.0, 4.0] * 30, "town": list("AABB") * 30})
    preparation = Preparation.fit(frame)
    model = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", random_state=0)
    model.fit(preparation.transform(frame), [500.0, 800.0, 1500.0, 1900.0] * 30)
    save_model(tmp_path / "rent.chainrule", model, preparation)
    loaded = load(tmp_path / "rent.chainrule")
    rows = [[1.0, "A"], [float("nan"), "B"], [9.0, " A "], [2.0, None]]
    new = pl.DataFrame(rows, schema=frame.schema, orient="row").fill_nan(None)
    if target == "onnx":
        rows[2][1] = "A"  # a graph takes texts as they are
        rows = {
            "rooms": np.array([[row[0]] for row in rows]),
            "town": np.array([[row[1] or ""] for row in rows], dtype=object),
        }
    wanted = loaded.predict(new)[:, None]
    assert running.worst(answers(loaded, rows), wanted) < 1e-6


def test_a_column_of_two_kinds_is_refused():
    frames = [
        pl.DataFrame({"size": sizes}) for sizes in (["S", "L"] * 50, [1.0, 2.0, 3.0, 4.0] * 25)
    ]
    one, other = (
        TabularClassifier("fast", options={"max_iter": 2}, random_state=0).fit(x, [0, 1] * 50)
        for x in frames
    )
    one.members_ += other.members_
    with pytest.raises(InputError, match="'size' must be of one kind to be exported"):
        one.to_c()
