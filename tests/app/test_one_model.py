"""Command line and Python: one and the same model, file and result, for the same settings."""

from pathlib import Path

import numpy as np
import pytest

import chainrule as package
from chainrule.app.held_out import split
from chainrule.app.settings import Settings
from chainrule.app.tables import read_table, write_table
from chainrule.foundation.array_files import read_contents

CASES = {
    "one network": ((), {}),
    "a bag": (("--n-folds", 3, "--numbers", "target"), {"n_folds": 3, "encoding": "target"}),
    "all rows": (("--no-early-stopping",), {"n_folds": 0}),
    "other rows held out": (("--validation-fraction", 0.3), {"validation_fraction": 0.3}),
}


@pytest.mark.grid(9)
@pytest.mark.parametrize("target", ["rent", "dear"])
@pytest.mark.parametrize("case", CASES)
def test_the_command_line_trains_what_python_trains(chainrule, flats, target, case) -> None:
    words, more = CASES[case]
    write_table(flats.drop({"rent": "dear", "dear": "rent"}[target]), Path("flats.csv"))
    flags = ("--hidden", "8,4", "--epochs", 6, "--dropout", 0.1, "--seed", 5, "--no-plot", *words)
    answer = chainrule("fit", "flats.csv", "--target", target, *flags)
    assert answer.code == 0, answer.err
    found = package.load("flats.chainrule")

    frame = read_table("flats.csv")
    task = "regression" if target == "rent" else "classification"
    y = frame[target].to_numpy().astype(float if target == "rent" else str)
    train, test = split(y, task, Settings(seed=5), None)
    options = {"hidden_layer_sizes": (8, 4), "max_iter": 6, "dropout": 0.1}
    model = type(found)("fast", random_state=5, options=options, **more)
    model.fit(frame[train].drop(target), y[train])
    ask = "predict" if target == "rent" else "predict_proba"
    np.testing.assert_array_equal(getattr(found, ask)(frame), getattr(model, ask)(frame))
    np.testing.assert_array_equal(found.oof_prediction_, model.oof_prediction_)
    model.save("python.chainrule")
    ours, theirs = (read_contents(f"{name}.chainrule") for name in ("flats", "python"))
    assert {name: one.tobytes() for name, one in ours.arrays.items()} == {
        name: one.tobytes() for name, one in theirs.arrays.items()
    }
    fresh = type(found)(**found.get_params()).fit(frame[train].drop(target), y[train])
    np.testing.assert_array_equal(
        getattr(fresh, ask)(frame[test]), getattr(found, ask)(frame[test])
    )
