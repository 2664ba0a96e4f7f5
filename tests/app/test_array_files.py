"""``chainrule fit X.npy --target y.npy``: arrays are tables of columns x0, x1 and so on."""

import numpy as np
import polars as pl
import pytest

from chainrule.app.table_models import read_table_model

RANDOM = np.random.default_rng(3)
N = 20_000
X = RANDOM.normal(size=(N, 3))
PRICE = X[:, 0] * X[:, 1] + X[:, 2]
QUICK = ("--epochs", 3, "--numbers", "scale", "--no-plot")


@pytest.fixture
def arrays(folder):
    np.save("X.npy", X)
    np.save("price.npy", PRICE)
    np.save("dear.npy", np.where(PRICE > 0.5, "yes", "no"))
    return folder


@pytest.mark.parametrize("target", ["price", "dear"])
def test_a_pair_of_arrays_is_a_table(arrays, chainrule, target) -> None:
    answer = chainrule("fit", "X.npy", "--target", f"{target}.npy", *QUICK)
    assert answer.code == 0, answer.err
    assert "X.npy: 20,000 rows, 4 columns" in answer.out
    pl.DataFrame(X, schema=["x0", "x1", "x2"]).with_columns(
        pl.Series(target, np.load(f"{target}.npy"))
    ).write_parquet("t.parquet")
    assert chainrule("fit", "t.parquet", "--target", target, *QUICK).code == 0
    model = read_table_model("X.chainrule")
    assert model.target == target
    found = chainrule("predict", "X.chainrule", "X.npy").out
    assert found == chainrule("predict", "t.chainrule", "t.parquet").out
    assert found.count("\n") == N + 1
    # the model is the command's own, and is replaced unasked
    assert chainrule("fit", "X.npy", "--target", f"{target}.npy", *QUICK).code == 0


@pytest.mark.parametrize("target", ["price", "dear"])
def test_a_pair_of_arrays_is_streamed(arrays, chainrule, target) -> None:
    words = ("--target", f"{target}.npy", "--memory", "2MB", "--no-plot", "--numbers", "scale")
    answer = chainrule("fit", "X.npy", *words, "--epochs", 8)
    assert answer.code == 0, answer.err
    assert "X.npy: streamed from the disk" in answer.out
    model = read_table_model("X.chainrule")
    rows, results = model.training["rows"], model.training["results"]
    assert sum(rows.values()) - rows["all"] == N
    assert results[0]["value"] > 0.8
    whole = chainrule("predict", "X.chainrule", "X.npy")
    blocks = chainrule("predict", "X.chainrule", "X.npy", "--memory", "2MB")
    assert "X.npy is read in blocks" in blocks.err
    assert blocks.out == whole.out


def test_a_column_of_an_array_may_be_the_target(arrays, chainrule) -> None:
    answer = chainrule("fit", "X.npy", "--target", "x2", *QUICK)
    assert answer.code == 0, answer.err
    assert "target 'x2'" in answer.out


@pytest.mark.parametrize("memory", [(), ("--memory", "1MB")], ids=["read", "streamed"])
@pytest.mark.parametrize(
    ("data", "target", "said"),
    [
        ("X.npy", None, "--target must name the column to predict. Columns of X.npy: x0, x1, x2"),
        ("X.npy", "none.npy", "none.npy must be a .npy file of numbers or labels"),
        ("X.npy", "short.npy", "--target short.npy must hold one target for each of the 20,000"),
        ("X.npy", "x1.npy", "--target must be a file of another name than a column; got x1.npy"),
        ("cube.npy", "price.npy", "cube.npy must be a table of rows and columns"),
        ("t.csv", "price.npy", "--target must be a column of t.csv; got 'price.npy'"),
    ],
)
def test_refusals(arrays, chainrule, memory, data, target, said) -> None:
    np.save("short.npy", PRICE[1:])
    np.save("x1.npy", PRICE)
    np.save("cube.npy", X.reshape(100, 200, 3))
    (arrays / "t.csv").write_text("a,b\n" + "1,2\n" * 40_000)
    answer = chainrule("fit", data, *(() if target is None else ("--target", target)), *memory)
    assert answer.code == 2
    assert said in answer.err
    assert answer.err.count("\n") == 1
