"""Numbers of a file that are not finite are refused when it is read, whoever wrote it."""

import json
from pathlib import Path

import numpy as np
import pytest

import chainrule
from chainrule import load_state
from chainrule.foundation.array_files import read_contents, write_arrays
from chainrule.foundation.errors import FileFormatError

OLD = Path(__file__).parent / "format_1"


def changed(path, tmp_path, array=None, value=np.nan, **description):
    """Write a file with one number, and parts of its description, changed; return its place."""
    contents = read_contents(path)
    if array is not None:
        contents.arrays[array].reshape(-1)[0] = value
    write_arrays(
        tmp_path / "changed", contents.kind, contents.description | description, contents.arrays
    )
    return tmp_path / "changed"


def test_a_bound_may_be_infinite_and_no_other_number(tmp_path) -> None:
    old = OLD / "table_regressor.chainrule"
    assert chainrule.load(changed(old, tmp_path, "low", -np.inf)).members_
    with pytest.raises(FileFormatError, match="must hold a whole"):
        chainrule.load(changed(old, tmp_path, "low", np.nan))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("classifier_float32.chainrule", "parameters"),
        ("regressor_float64.chainrule", "parameters"),
        ("regressor_float64.chainrule", "target_center"),
        ("ensemble.chainrule", "1.parameters"),
        ("table_classifier.chainrule", "1.parameters"),
        ("table_regressor.chainrule", "0.target_center"),
        ("adam.state", "vector"),
        ("adam.state", "best"),
    ],
)
def test_a_number_that_is_not_finite_is_refused(tmp_path, name, array, value) -> None:
    path = changed(OLD / name, tmp_path, array, value)
    load = load_state if name.endswith(".state") else chainrule.load
    with pytest.raises(FileFormatError, match=r"must hold a whole .*(finite|scale of the targets)"):
        load(path)


def test_networks_of_other_classes_than_the_model_are_refused(tmp_path) -> None:
    old = OLD / "table_classifier.chainrule"
    classes = json.loads(json.dumps(read_contents(old).description["classes"]))
    classes["values"].pop()
    with pytest.raises(FileFormatError, match="the networks are of other classes"):
        chainrule.load(changed(old, tmp_path, classes=classes))
