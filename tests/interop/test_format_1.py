"""Files of format 1, made by the last version that wrote it, load for ever and predict the same."""

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

import chainrule
from chainrule import load_state, optimizers, save_model, save_state, train
from chainrule.foundation.array_files import read_contents

FOLDER = Path(__file__).parent / "format_1"
EXPECTED = json.loads((FOLDER / "expected.json").read_text("utf-8"))
MODELS = [name for name in EXPECTED if not name.endswith(".state")]
# The inputs that the answers are to.
X = (np.arange(96).reshape(32, 3) * 5 % 17 - 8) / 4
NUMBER = X @ [1.0, -2.0, 0.5] * 100 + 500
TABLE = pl.DataFrame(
    {
        "size": [None if row % 7 == 3 else float(value) for row, value in enumerate(X[:, 0])],
        "kind": [None if row % 11 == 5 else "abc"[row % 3] for row in range(32)],
        "sold": [date(2020, 1, 1) + timedelta(days=9 * row) for row in range(32)],
        "new": (X[:, 1] > 0).tolist(),
    }
)


def given(name, model):
    if name.startswith("table"):
        return TABLE
    if name == "prepared":
        return model.preparation_.transform(TABLE)
    return pd.DataFrame(X, columns=["a", "b", "c"]) if hasattr(model, "feature_names_in_") else X


def numbers(hexadecimal):
    return np.array([float.fromhex(one) for one in hexadecimal])


def answers(name, model):
    return np.asarray(getattr(model, EXPECTED[name]["ask"])(given(name, model)), dtype=np.float64)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_answers_what_it_did(name) -> None:
    path = FOLDER / f"{name}.chainrule"
    assert read_contents(path).format == 1
    found = answers(name, chainrule.load(path))
    assert list(found.shape) == EXPECTED[name]["shape"]
    expected = numbers(EXPECTED[name]["answers"]).reshape(found.shape)
    # sums are in another order on another processor; those of "exact" have no rounding
    rounding = 0.0 if name == "exact" else 1e-5 if "float64" not in name else 1e-13
    np.testing.assert_allclose(found, expected, rtol=rounding, atol=0.0)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_written_again_answers_the_same_bits(name, tmp_path) -> None:
    model = chainrule.load(FOLDER / f"{name}.chainrule")
    again = tmp_path / "again.chainrule"
    if hasattr(model, "save"):
        model.save(again)
    else:
        save_model(again, model)
    assert read_contents(again).format == 2
    assert answers(name, chainrule.load(again)).tobytes() == answers(name, model).tobytes()
    old, new = (read_contents(path).arrays for path in (FOLDER / f"{name}.chainrule", again))
    assert {key: array.tobytes() for key, array in old.items()} == {
        key: array.tobytes() for key, array in new.items()
    }


def test_a_state_goes_on_as_it_did(tmp_path) -> None:
    state, expected = load_state(FOLDER / "adam.state"), EXPECTED["adam.state"]
    assert state.vector.tobytes() == numbers(expected["vector"]).tobytes()
    assert state.best.tobytes() == numbers(expected["best"]).tobytes()
    for slot, its in zip(state.slots, expected["slots"], strict=True):
        assert slot.tobytes() == numbers(its).tobytes()
    assert (state.step, state.epoch) == (expected["step"], expected["epoch"])
    save_state(tmp_path / "again.state", state)
    own = {key: value for key, value in state.optimizer.items() if key != "name"}
    runs = [
        [
            epoch.loss
            for epoch in train(
                one.network, X, NUMBER / 100, optimizer=optimizers.get("adam", **own), state=one,
                epochs=2, batch_size=8, learning_rate=0.01, patience=9, engine="reference",
                validation=(X[:9], NUMBER[:9] / 100),
            )
        ]
        for one in (load_state(tmp_path / "again.state"), state)
    ]  # fmt: skip
    assert runs[0] == runs[1]
    np.testing.assert_allclose(runs[0], numbers(expected["next"]), rtol=1e-12)


def test_the_curvature_of_a_state_comes_back() -> None:
    state, expected = load_state(FOLDER / "lbfgs.state"), EXPECTED["lbfgs.state"]
    assert state.vector.tobytes() == numbers(expected["vector"]).tobytes()
    assert np.array(state.curvature).tobytes() == numbers(expected["curvature"]).tobytes()
