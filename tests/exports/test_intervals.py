"""Intervals and quantiles of exported models are those of the library, or are refused by name."""

import numpy as np
import polars as pl
import pytest

from chainrule import MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor, losses
from chainrule.foundation.errors import InputError

random = np.random.default_rng(40)
X = random.normal(size=(120, 3))
Y = 10.0 * X[:, 0] + random.normal(size=120)
TABLE = pl.DataFrame(X, schema=["a", "b", "interval"], orient="row")
LEVELS = (0.1, 0.5, 0.9)
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 5, "learning_rate_init": 0.02}
pytestmark = [
    pytest.mark.filterwarnings("ignore::chainrule.foundation.errors.NoEffectWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def quantile_model(**options):
    loss = losses.get("quantile", q=LEVELS)
    return MLPRegressor(loss, random_state=0, **SMALL | options).fit(X, Y)


def table_model(y=Y, preset="balanced", **options):
    model = TabularRegressor(
        preset, n_folds=2, encoding="scale", options=SMALL | options, random_state=0
    )
    return model.fit(TABLE, y)


@pytest.mark.parametrize("options", [{}, {"n_estimators": 2}], ids=["one network", "ensemble"])
def test_quantiles_of_networks(options, target, running, tmp_path):
    model = quantile_model(**options)
    wanted = [model.predict(X)[:, None], model.predict_interval(X, 0.8)]
    wanted.append(model.predict_quantiles(X)[:, [2, 0]])
    asked = {"interval": 0.8, "quantiles": (0.9, 0.1)}
    if target == "onnx":
        answers = running.onnx_answers(model.to_onnx(**asked), X)
        found = [answers[name] for name in ("prediction", "interval", "quantiles")]
    else:
        compiler = next(filter(running.has, running.COMPILERS))
        rows = running.c_answers(tmp_path, model.to_c(**asked), compiler, X)
        found = np.split(rows, [1, 3], axis=1)
    for own, ours in zip(found, wanted, strict=True):
        assert running.worst(own, ours, np.abs(ours).max()) < 1e-12


def test_an_interval_moves_with_its_coverage(running):
    if not running.HAS_RUNTIME:
        pytest.skip("onnxruntime is not installed")
    model = table_model()
    given = {name: TABLE[name].to_numpy()[:, None] for name in TABLE.columns}
    widths = []
    for coverage in (0.5, 0.9):
        # a column is called interval: the output has another name
        found = running.onnx_answers(model.to_onnx(interval=coverage), given)["interval_2"]
        assert running.worst(found, model.predict_interval(TABLE, coverage), 10.0) < 1e-6
        widths.append(np.diff(found).mean())
    assert widths[0] < widths[1]


def test_the_header_says_where_they_are():
    header = quantile_model().to_c(interval=0.8, quantiles=[0.1], name="rent").header
    assert "#define RENT_OUTPUTS 4" in header
    assert "#define RENT_INTERVAL 1" in header
    assert "#define RENT_QUANTILES 3" in header
    assert "the lower and the upper end of the interval of 0.8" in " ".join(header.split())


REFUSED = {
    "classes": (
        lambda: MLPClassifier(**SMALL).fit(X, Y > 0),
        {"interval": 0.8},
        "interval must be left out for an MLPClassifier",
    ),
    "classes of a table": (
        lambda: TabularClassifier("fast", options=SMALL).fit(TABLE, Y > 0),
        {"quantiles": [0.5]},
        "quantiles must be left out for a TabularClassifier",
    ),
    "a loss without levels": (
        lambda: MLPRegressor(**SMALL).fit(X, Y),
        {"interval": 0.8},
        "interval must be left out for the loss 'mse'.*Fit with losses.get",
    ),
    "one level": (
        lambda: MLPRegressor("quantile", **SMALL).fit(X, Y),
        {"quantiles": [0.5]},
        "quantiles must be left out for a loss of one quantile",
    ),
    "other levels": (quantile_model, {"quantiles": [0.25]}, "quantiles must be among .* got 0.25"),
    "another coverage": (quantile_model, {"interval": 0.5}, "coverage=0.5 needs the levels 0.25"),
    "no share": (table_model, {"interval": 1.5}, "interval must be between 0 and 1"),
    "no levels": (table_model, {"quantiles": []}, r"quantiles must be a sequence of levels"),
    "texts": (table_model, {"quantiles": ["a"]}, r"quantiles must be a sequence of levels"),
    "a number": (table_model, {"quantiles": 0.5}, r"quantiles must be a sequence of levels"),
    "few rows out of fold": (
        lambda: TabularRegressor("fast", options=SMALL).fit(TABLE, Y),
        {"interval": 0.8},
        "interval must have the errors of 50 rows out of fold; got 18",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_model_cannot_say_is_refused(case, tmp_path):
    fitted, asked, words = REFUSED[case]
    model = fitted()
    for export, place in ((model.to_onnx, "model.onnx"), (model.to_c, "model.c")):
        with pytest.raises(InputError, match=words):
            export(tmp_path / place, **asked)
    assert list(tmp_path.iterdir()) == []
