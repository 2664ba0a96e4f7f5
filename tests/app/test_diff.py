"""`chainrule diff`: two models, told in words and as a record; `show --json` tells all of one."""

import json

import numpy as np
import pytest

from chainrule import MLPRegressor, load, save_model
from chainrule.app.difference import difference
from chainrule.app.model_description import read_shown


@pytest.fixture
def pair(chainrule, folder, flats):
    flats.write_parquet("flats.parquet")
    fit = ("fit", "flats.parquet", "--target", "rent", "--no-plot", "--engine", "reference")
    assert chainrule(*fit, "--epochs", "2", "--out", "a.chainrule").code == 0
    assert chainrule(*fit, "--epochs", "3", "--dropout", "0.1", "--out", "b.chainrule").code == 0
    return "a.chainrule", "b.chainrule"


def test_options_results_and_weights_are_told(chainrule, pair) -> None:
    answer = chainrule("diff", *pair)
    assert answer.code == 0, answer.err
    for words in ("a: a.chainrule", "max_iter", "dropout", "training loss", "differ; distance"):
        assert words in answer.out
    assert answer.out.count("the same") >= 1  # data, or columns
    found = json.loads(chainrule("diff", *pair, "--json").out)
    assert found["options"]["dropout"][1] == pytest.approx(0.1)
    assert found["data"] == {}
    a, b = (
        np.concatenate([one.estimator.parameters_.vector for one in load(path).members_])
        for path in pair
    )
    assert found["weights"]["parameters"] == a.size
    assert found["weights"]["distance"] == pytest.approx(np.linalg.norm(b.astype(float) - a))
    assert found["weights"]["relative"] == pytest.approx(
        found["weights"]["distance"] / np.linalg.norm(a.astype(float))
    )


@pytest.mark.slow
def test_a_model_beside_itself_is_the_same(chainrule, pair) -> None:
    found = json.loads(chainrule("diff", pair[0], pair[0], "--json").out)
    assert not any(found[part] for part in ("model", "options", "data", "columns"))
    assert found["weights"]["distance"] == 0.0
    assert found["weights"]["equal"] == found["weights"]["parameters"]
    assert "are equal" in chainrule("diff", pair[0], pair[0]).out


def test_networks_of_other_layers_are_told_apart(tmp_path) -> None:
    X = np.arange(20.0).reshape(10, 2)
    for width in (2, 3):
        model = MLPRegressor(hidden_layer_sizes=(width,), solver="lbfgs", max_iter=3)
        with pytest.warns(match="max_iter"):
            save_model(tmp_path / str(width), model.fit(X, X[:, 0] * X[:, 1]))
    found = difference(*(read_shown(str(tmp_path / str(width))) for width in (2, 3)))
    assert found["weights"] == {"comparable": False}
    assert found["model"]["networks"] == [["2 > 2 > 1"], ["2 > 3 > 1"]]
    assert found["options"]["hidden_layer_sizes"] == [[2], [3]]


def test_show_tells_all_of_a_model_as_a_record(chainrule, pair) -> None:
    found = json.loads(chainrule("show", pair[1], "--json").out)
    assert found["options"]["dropout"] == pytest.approx(0.1)
    assert found["epochs"]
    assert found["parameters"] > 0
    assert found["training"]["target"] == "rent"
    assert found["stopped"]
