"""The page of the model file names every key and array that is written, and no other."""

import re
import warnings
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from chainrule import (
    MLPClassifier,
    MLPRegressor,
    TabularClassifier,
    TabularRegressor,
    losses,
    save_model,
    save_state,
)
from chainrule.estimators.base import run_of
from chainrule.foundation.array_files import FORMAT, read_contents

PAGE = (Path(__file__).parents[2] / "docs" / "model_file.md").read_text("utf-8")
SMALL = {"hidden_layer_sizes": (3,), "max_iter": 2, "engine": "reference"}
X = np.arange(120.0).reshape(60, 2) % 7
SIDE = (X[:, 0] > 3).astype(int)
TABLE = pl.DataFrame(
    {
        "size": [None if row % 9 == 4 else float(row % 13) for row in range(60)],
        "kind": ["abc"[row % 3] for row in range(60)],
        "sold": [date(2020, 1, 1) + timedelta(days=9 * row) for row in range(60)],
        "new": [row % 2 == 0 for row in range(60)],
        "shop": ["A"] * 60,
    }
)
# The heading of the record that stands under a key.
UNDER = {
    "network": "Network",
    "curves": "Curves",
    "counts": "Counts",
    "layers": "Layer",
    "classes": "Labels",
    "class_weight": "Weights of classes",
    "preparation": "Preparation",
    "patience": "Patience",
}
COLUMNS = {"number": "Number", "yes/no": "Yes no", "category": "Category", "date": "Date"}
# Free, or of the parameters of constructors and formulas.
FREE = {"options", "training", "loss", "optimizer", "activation", "initializer", "rate_factors"}
FREE |= {"dropped", "scale", "year", "written"}
HEADINGS = {
    "model": "Model",
    "table model": "Table model",
    "training state": "Training state",
}
EVERYWHERE = {"checksum", "format", "kind", "version"}


def rows(heading: str, kind: str = "key") -> set[str]:
    """Return the names in the table of keys, or of arrays, under a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found: set[str] = set()
    for table in section.split("\n\n"):
        if table.strip().startswith(f"| {kind} |"):
            for line in table.strip().splitlines()[2:]:
                found |= set(re.findall(r"`([^`]+)`", line.split("|")[1]))
    return found


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return the contents of a file of every kind, with every part that one can have."""
    folder = tmp_path_factory.mktemp("written")
    texts, many = np.array(["no", "yes"])[SIDE], np.stack([SIDE, 1 - SIDE], axis=1)
    weights = {"no": 1.0, "yes": 2.0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        watched = SMALL | {"early_stopping": True, "class_weight": weights}
        models = [
            MLPClassifier(**watched).fit(X, texts),
            MLPClassifier(**SMALL).fit(X, many),
            MLPClassifier(n_estimators=2, **SMALL).fit(X, texts),
            MLPRegressor(**SMALL).fit(X, X[:, 1]),
            MLPRegressor(n_estimators=2, **SMALL).fit(X, X[:, 1]),
        ]
        options = {"hidden_layer_sizes": (3,), "max_iter": 2, "engine": "reference"}
        given = {"n_folds": 2, "options": options, "random_state": 0}
        tables = [
            TabularClassifier("fast", **given).fit(TABLE, texts),
            TabularRegressor("fast", **given).fit(TABLE, X[:, 1]),
        ]
        quantiles = options | {"loss": losses.get("quantile", q=(0.1, 0.9))}
        tables.append(TabularRegressor(**given | {"options": quantiles}).fit(TABLE, X[:, 1]))
        runs = [
            run_of(MLPRegressor(early_stopping=True, **SMALL).fit(X, X[:, 1])),
            run_of(MLPRegressor(solver="lbfgs", **SMALL).fit(X, X[:, 1])),
        ]
    preparation = tables[0].members_[0].preparation
    for number, model in enumerate(models):
        save_model(folder / f"model {number}", model)
    prepared = MLPRegressor(**SMALL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        prepared.fit(preparation.transform(TABLE), X[:, 1])
    save_model(folder / "prepared", prepared, preparation, {"data": "made up"})
    for number, table in enumerate(tables):
        table.save(folder / f"table {number}")
    for number, run in enumerate(runs):
        save_state(folder / f"state {number}", run.state)
    return [read_contents(path) for path in sorted(folder.iterdir())]


def collect(found, heading, record) -> None:
    """Add the keys of a record, and of all within it, to those of their headings."""
    found[heading] |= set(record)
    for key, value in record.items():
        if key in FREE or value is None:
            continue
        under = UNDER.get(key)
        if key == "network" and "layers" not in value:
            under = "Estimator"
        if key == "members":
            under = "Member" if heading == "Table model" else "Estimator"
        if key == "trials":
            under = "Trial"
        for one in value if isinstance(value, list) else [value]:
            if key == "columns" and isinstance(one, dict):
                collect(found, COLUMNS[one["kind"]], one)
            elif isinstance(one, dict):
                collect(found, under, one)


def test_every_key_is_on_the_page_and_no_other(written) -> None:
    found = defaultdict(set)
    for contents in written:
        collect(found, HEADINGS[contents.kind], contents.description)
    found["Estimator"] |= found["Model"] - {"preparation", "training", "version"}
    found["Model"] -= found["Estimator"]
    for heading in HEADINGS.values():
        found[heading] -= {"version"}
    for heading, keys in found.items():
        assert rows(heading) == keys, heading
    headings = set(re.findall(r"^## (.*)$", PAGE, re.MULTILINE))
    assert headings == {*found, "Rules", "All files"}
    assert rows("All files") == EVERYWHERE


def test_every_array_is_on_the_page_and_no_other(written) -> None:
    found = defaultdict(set)
    for contents in written:
        for name in contents.arrays:
            heading = HEADINGS[contents.kind]
            if contents.kind != "training state" and re.match(r"\d+\.", name):
                found["Estimator"].add(name.partition(".")[2])
            elif contents.kind == "model":
                found["Estimator"].add(name)
            else:
                found[heading].add(re.sub(r"\d+$", "<i>", name))
    found["Table model"].add("<i>.<array>")
    for heading, names in found.items():
        assert rows(heading, "array") == names, heading


def test_the_format_is_the_one_that_is_written() -> None:
    assert f"`format` is {FORMAT}." in PAGE
    assert f"| `format` | {FORMAT} |" in PAGE
