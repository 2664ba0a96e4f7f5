"""What is read from a model file says at a prompt what it is, also where it is large."""

import numpy as np
import polars as pl
import pytest

from chainrule import MLPRegressor, save_model
from chainrule.interop.model_file import read_model
from chainrule.interop.preparation import Preparation


@pytest.fixture(scope="module")
def table():
    random = np.random.default_rng(0)
    columns = {f"column {number}": random.normal(size=40) for number in range(200)}
    return pl.DataFrame({**columns, "price": random.normal(size=40)})


def test_a_preparation_names_its_first_columns(table):
    preparation = Preparation.fit(table, target="price")
    text = repr(preparation)
    assert text.startswith("preparation of 200 columns to predict 'price'\n")
    assert "column 0" in text
    assert text.endswith("\n...")
    assert len(text) < 1000
    assert "column 199" in str(preparation)


@pytest.mark.parametrize(("members", "what"), [(1, "network"), (3, "3 networks")])
def test_a_model_shows_its_engine(table, tmp_path, members, what):
    preparation = Preparation.fit(table, target="price")
    x, y = preparation.transform(table), table["price"].to_numpy()
    model = MLPRegressor(
        hidden_layer_sizes=(5,), n_estimators=members, max_iter=4, tol=1e9, n_iter_no_change=1
    ).fit(x, y)
    save_model(tmp_path / "one.chainrule", model, preparation)
    text = repr(read_model(tmp_path / "one.chainrule"))
    assert text.startswith(f"model: MLPRegressor, {what} 200 > 5 > 1, with the preparation of its")
    assert "\n" not in text
