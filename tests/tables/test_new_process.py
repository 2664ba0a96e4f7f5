"""One model by every way: pickled, cloned, in a new process, and on the command line."""

import json
import pickle
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.datasets import load_wine

from chainrule import TabularClassifier

PROGRAM = """
import json, sys, chainrule, polars
from chainrule.app.__main__ import main
path, table, out = sys.argv[1:]
model = chainrule.load(path)
frame = polars.read_csv(table)
why = model.why(frame, 5)
amounts = [one.amount for one in why.contributions]
print(json.dumps([model.predict_proba(frame).tolist(), why.score, amounts]))
main(["predict", path, table, "--proba", "--out", out])
print("explained")
main(["explain", path, table, "--row", "5", "--json"])
"""


def run(*words):
    done = subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_model_is_the_same_everywhere(tmp_path):
    data = load_wine(as_frame=True)
    frame = pl.from_pandas(data.data).with_columns(
        pl.when(pl.col("hue") > 1.0).then(pl.lit("blue")).otherwise(pl.lit("red")).alias("tone"),
        pl.when(pl.col("ash") > 2.0).then("ash").alias("ash"),  # cells may be missing
    )
    y = np.array(data.target_names)[data.target]
    model = TabularClassifier(random_state=0, options={"max_iter": 8}).fit(frame, y)
    p = model.predict_proba(frame)
    again = clone(model).fit(frame, y)
    for other in (pickle.loads(pickle.dumps(model)), again):
        np.testing.assert_array_equal(other.predict_proba(frame), p)

    path, table = tmp_path / "wine.chainrule", tmp_path / "wine.csv"
    model.save(path)
    frame.write_csv(table)
    expected = model.why(frame, 5)
    said = run("-c", PROGRAM, path, table, tmp_path / "p.csv")
    told, score, amounts = json.loads(said.partition("\n")[0])
    np.testing.assert_array_equal(told, p)
    assert score == expected.score
    assert amounts == [one.amount for one in expected.contributions]

    found = pl.read_csv(tmp_path / "p.csv")
    assert found["prediction"].to_list() == model.predict(frame).tolist()
    shares = found.select([f"probability of {name}" for name in model.classes_]).to_numpy()
    np.testing.assert_allclose(shares, p, rtol=1e-15)
    record = json.loads(said.partition("explained\n")[2])
    assert record["score"] == pytest.approx(score, rel=1e-12)
