"""Model files: what comes back is what went in, and nothing else is let in."""

import json
import math
from decimal import Decimal

import joblib
import numpy as np
import polars as pl
import pytest

import chainrule
from chainrule import MLPClassifier, MLPRegressor, losses, optimizers, schedules
from chainrule.foundation.array_files import read_arrays, write_arrays
from chainrule.foundation.errors import FileFormatError, InputError
from chainrule.interop.model_file import KIND, read_model, save_model
from chainrule.interop.preparation import Preparation
from chainrule.training.state import TrainingState, save_state

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(60, 3))
NUMBER = X @ [1.0, -2.0, 0.5] * 1000 + 5000
SIDE = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
SMALL = {"max_iter": 3, "random_state": 1, "learning_rate": "cosine", "engine": "reference"}

LABELS = {
    "text": np.array(["red", "green", "blüe"])[SIDE],
    "two texts": np.array(["no", "yes"])[np.minimum(SIDE, 1)],
    "whole numbers": np.array([-3, 0, 7], dtype=np.int32)[SIDE],
    "small numbers": SIDE.astype(np.uint8),
    "numbers": np.array([0.0, 1.0, 2.0])[SIDE],
    "bools": SIDE > 0,
    "bytes": np.array([b"a", b"b", b"\xff"])[SIDE],
    "days": np.array(["2020-01-01", "2021-01-01", "2022-01-01"], "M8[D]")[SIDE],
    "spans": SIDE.astype("m8[h]"),
    "objects": np.array(["a", "b", "c"], dtype=object)[SIDE],
    "columns": np.stack([SIDE > 0, SIDE > 1], axis=1).astype(int),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS.keys())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_classifier_comes_back_with_labels_of_the_same_type(tmp_path, labels, dtype) -> None:
    model = MLPClassifier((5, 4), dtype=dtype, **SMALL).fit(X, labels)
    path = tmp_path / "model.chainrule"
    save_model(path, model)
    again = chainrule.load(path)
    assert type(again) is MLPClassifier
    assert again.get_params() == model.get_params()
    assert again.classes_.dtype == model.classes_.dtype
    assert again.classes_.tolist() == model.classes_.tolist()
    for ask in ("predict", "predict_proba", "predict_log_proba"):
        ours, theirs = getattr(again, ask)(X), getattr(model, ask)(X)
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours, theirs)
    assert again.score(X, labels) == model.score(X, labels)


@pytest.mark.parametrize("loss", ["squared_error", "mae", "poisson", losses.get("quantile", q=0.9)])
def test_a_regressor_comes_back_in_the_unit_of_its_target(tmp_path, loss) -> None:
    y = np.abs(NUMBER) / 1000
    model = MLPRegressor(loss, (5,), **SMALL).fit(X, y)
    save_model(tmp_path / "m", model)
    again = chainrule.load(tmp_path / "m")
    assert np.array_equal(again.predict(X), model.predict(X))
    assert again.objective_ == model.objective_


FITTED = (
    *("loss_curve_", "penalty_curve_", "validation_loss_curve_", "validation_scores_"),
    *("n_iter_", "t_", "seed_", "n_features_in_", "n_outputs_", "n_layers_", "out_activation_"),
    *(
        "loss_",
        "train_loss_",
        "best_loss_",
        "best_validation_score_",
        "stopped_because_",
        "network_",
    ),
)


@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_every_fitted_attribute_comes_back(tmp_path, kind, early_stopping) -> None:
    y = SIDE if kind is MLPClassifier else NUMBER
    model = kind(hidden_layer_sizes=(4,), early_stopping=early_stopping, **SMALL).fit(X, y)
    save_model(tmp_path / "m", model)
    again = chainrule.load(tmp_path / "m")
    public = {name for name in vars(model) if name.endswith("_") and not name.startswith("_")}
    assert public <= set(vars(again)) | {"coefs_", "intercepts_", "fit_seconds_"}
    for name in FITTED:
        assert getattr(again, name) == getattr(model, name), name
    for ours, theirs in zip(again.coefs_, model.coefs_, strict=True):
        assert np.array_equal(ours, theirs)


def test_d60_equal_fits_are_equal_files_and_hashes(tmp_path) -> None:
    models = [MLPClassifier((4,), **SMALL).fit(X, SIDE) for _ in range(2)]
    models[1].fit_seconds_ += 1.0
    assert joblib.hash(models[0]) == joblib.hash(models[1])
    for number, model in enumerate(models):
        save_model(tmp_path / f"{number}", model)
    assert (tmp_path / "0").read_bytes() == (tmp_path / "1").read_bytes()


def test_options_that_are_records_or_lists_come_back(tmp_path) -> None:
    model = MLPRegressor(
        loss=losses.get("huber", delta=2.0),
        hidden_layer_sizes=[4, 3],
        activation=["tanh", chainrule.activations.get("leaky_relu", negative_slope=0.2)],
        solver=optimizers.get("sgd", momentum=0.5),
        learning_rate=schedules.get("one_cycle", warm_up=0.5),
        n_iter_no_change=math.inf,
        dtype=np.float64,
        max_iter=2,
        random_state=np.random.default_rng(0),
        engine="reference",
    ).fit(X, NUMBER)
    save_model(tmp_path / "m", model)
    again = chainrule.load(tmp_path / "m")
    for name in ("loss", "activation", "solver", "learning_rate", "n_iter_no_change"):
        assert getattr(again, name) == getattr(model, name)
    assert again.hidden_layer_sizes == (4, 3)
    assert again.random_state == model.seed_
    assert np.array_equal(again.predict(X), model.predict(X))


def test_names_of_columns_come_back(tmp_path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "c"])
    model = MLPRegressor(hidden_layer_sizes=(3,), **SMALL).fit(frame, NUMBER)
    save_model(tmp_path / "m", model)
    again = chainrule.load(tmp_path / "m")
    assert again.feature_names_in_.tolist() == ["a", "b", "c"]
    assert np.array_equal(again.predict(frame), model.predict(frame))


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_training_goes_on_from_a_file(tmp_path, kind) -> None:
    y = SIDE if kind is MLPClassifier else NUMBER
    options = SMALL | {"max_iter": 30, "learning_rate": "constant"}
    model = kind(hidden_layer_sizes=(8,), n_iter_no_change=math.inf, **options)
    with pytest.warns(match="Raise max_iter"):
        model.fit(X, y)
    save_model(tmp_path / "m", model)
    again = chainrule.load(tmp_path / "m")
    before = again.loss_curve_[-1]
    for _ in range(40):
        again.partial_fit(X, y)
    assert again.loss_curve_[-1] < before
    assert len(again.loss_curve_) == 70


def table_model(path) -> tuple[MLPRegressor, pl.DataFrame]:
    frame = pl.DataFrame({"a": X[:, 0], "kind": LABELS["text"], "y": NUMBER})
    preparation = Preparation.fit(frame, target="y")
    model = MLPRegressor(hidden_layer_sizes=(4,), **SMALL)
    model.fit(preparation.transform(frame), NUMBER)
    save_model(path, model, preparation, {"data": "made up", "seconds": 1.5})
    return model, frame


def test_a_model_of_a_table_knows_how_to_prepare_one(tmp_path) -> None:
    model, frame = table_model(tmp_path / "m")
    again = chainrule.load(tmp_path / "m")
    rows = again.preparation_.transform(frame.select("kind", "a"))
    assert np.array_equal(again.predict(rows), model.predict(again.preparation_.transform(frame)))
    whole = read_model(tmp_path / "m")
    assert whole.training == {"data": "made up", "seconds": 1.5}
    assert whole.version == chainrule.__version__


def test_unsavable_models_are_refused_and_nothing_is_written(tmp_path) -> None:
    path = tmp_path / "m"
    with pytest.raises(InputError, match="estimator must be fitted"):
        save_model(path, MLPClassifier())
    with pytest.raises(InputError, match="must be an MLPClassifier or MLPRegressor"):
        save_model(path, object())
    model = MLPClassifier((3,), **SMALL).fit(X, LABELS["objects"])
    model.classes_ = np.array([Decimal(1), Decimal(2), Decimal(3)])
    with pytest.raises(InputError, match="labels must be texts, numbers or bools"):
        save_model(path, model)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="cannot write"):
        save_model(tmp_path / "none" / "m", MLPClassifier((3,), **SMALL).fit(X, SIDE))


def test_saving_over_a_file_leaves_no_other(tmp_path) -> None:
    for _ in range(2):
        table_model(tmp_path / "m")
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize("keep", [0, 1, 7, 8, 100, 2000, -1])
def test_a_truncated_file_is_one_clear_error(tmp_path, keep) -> None:
    path = tmp_path / "m"
    table_model(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(FileFormatError, match="is damaged, or no chainrule file"):
        chainrule.load(path)


def test_foreign_files_kinds_and_formats_are_refused(tmp_path) -> None:
    path = tmp_path / "m"
    path.write_bytes(b"\x80\x04K\x01.")  # a pickle
    with pytest.raises(FileFormatError, match="no chainrule file"):
        chainrule.load(path)
    with pytest.raises(InputError, match="cannot read"):
        chainrule.load(tmp_path / "none")
    state = TrainingState.start(chainrule.Network.of_widths([1, 1]), optimizers.adam)
    save_state(path, state)
    with pytest.raises(FileFormatError, match="must be a model; it is a training state"):
        chainrule.load(path)
    write_arrays(path, KIND, {"format": 3}, {"parameters": np.ones(1)})
    with pytest.raises(FileFormatError, match=r"has format 3, of chainrule .*Install"):
        chainrule.load(path)


@pytest.mark.grid(3)
@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("estimator", "eval"),
        ("estimator", ...),
        ("options.hidden_layer_sizes", {"name": "relu"}),
        ("options.solver", {"name": "no such"}),
        ("options.nonsense", 1),
        ("options.engine", 0),
        ("options.engine", "no such"),
        ("network.layers", []),
        ("network.layers.0.n_out", 5),
        ("network.layers.0.n_in", -1),
        ("network.layers.0.activation.name", "__import__"),
        ("network.layers.0.activation.surplus", 1),
        ("loss.name", "none"),
        ("curves.loss_curve_", ["low"]),
        ("counts.n_iter_", -1),
        ("counts.n_outputs_", 4),
        ("counts.seed_", "x"),
        ("target_spread", "wide"),
        ("preparation.columns.0.kind", "pickle"),
        ("preparation.columns.1.levels", ["a", "b"]),
        ("preparation.columns.1.levels", ["a", "b", "\ud800"]),
        ("preparation.columns", []),
        ("training", 3),
        ("version", 1),
    ],
)
def test_a_file_with_a_wrong_part_is_one_clear_error(tmp_path, place, value) -> None:
    path = tmp_path / "m"
    table_model(path)
    description, arrays = read_arrays(path, KIND)
    description = json.loads(json.dumps(description))
    *parents, last = place.split(".")
    part = description
    for name in parents:
        part = part[int(name) if isinstance(part, list) else name]
    if value is ...:
        del part[last]
    else:
        part[last] = value
    write_arrays(path, KIND, description, arrays)
    with pytest.raises(FileFormatError, match=r"must hold a whole model; it cannot be restored"):
        chainrule.load(path)


@pytest.mark.parametrize(
    ("kind", "values"),
    [("str", [1, 2, 3]), ("int", ["a", "b", "c"]), ("int", [1, 2]), ("none", [1, 2, 3])],
)
def test_wrong_labels_are_refused(tmp_path, kind, values) -> None:
    path = tmp_path / "m"
    save_model(path, MLPClassifier((3,), **SMALL).fit(X, SIDE))
    description, arrays = read_arrays(path, KIND)
    description["classes"] |= {"kind": kind, "values": values}
    write_arrays(path, KIND, description, arrays)
    with pytest.raises(FileFormatError, match="cannot be restored"):
        chainrule.load(path)


def test_parameters_of_another_number_are_refused(tmp_path) -> None:
    path = tmp_path / "m"
    save_model(path, MLPClassifier((3,), **SMALL).fit(X, SIDE))
    description, arrays = read_arrays(path, KIND)
    write_arrays(path, KIND, description, {"parameters": arrays["parameters"][1:]})
    with pytest.raises(FileFormatError, match="the network has 24 parameters"):
        chainrule.load(path)
