"""Estimators of raw tables: every kind of frame, folds, files, and what they promise."""

import datetime as dt
import pickle
import subprocess
import sys

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from chainrule import TabularClassifier, TabularRegressor, load
from chainrule.foundation.errors import (
    DivergenceWarning,
    FileFormatError,
    InputError,
    UnknownNameError,
)
from chainrule.tables import base

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RANDOM = np.random.default_rng(71)
N = 240
COLORS = RANDOM.choice(["red", "green", "blue"], N)
AGE = RANDOM.uniform(18, 80, N)
FRAME = pl.DataFrame(
    {
        "age": np.where(RANDOM.random(N) < 0.1, np.nan, AGE),
        "color": [None if RANDOM.random() < 0.05 else one for one in COLORS.tolist()],
        "member": RANDOM.random(N) < 0.5,
        "since": [dt.date(2020, 1, 1) + dt.timedelta(days=3 * i) for i in range(N)],
    }
).with_columns(pl.col("age").fill_nan(None))
WORDS = np.where((AGE > 35) & (AGE < 60) | (COLORS == "red"), "yes", "no")
PRICE = np.sin(AGE / 8.0) * 100.0 + 20.0 * (COLORS == "red") + RANDOM.normal(size=N)
QUICK = {"n_folds": 3, "encoding": "target", "random_state": 0, "options": {"max_iter": 15}}


def classifier(**options):
    return TabularClassifier(**QUICK | options)


def regressor(**options):
    return TabularRegressor(**QUICK | options)


def as_pandas():
    frame = FRAME.to_pandas()
    return frame.assign(color=frame["color"].astype("category"), member=frame["member"])


FRAMES = {
    "polars": lambda: FRAME,
    "pandas": as_pandas,
    "pandas nullable": lambda: FRAME.to_pandas().convert_dtypes(),
    "pyarrow": FRAME.to_arrow,
}


@pytest.mark.grid(5)
@pytest.mark.parametrize("kind", FRAMES)
def test_a_table_is_the_same_in_every_library(kind):
    expected = classifier().fit(FRAME, WORDS).predict_proba(FRAME)
    X = FRAMES[kind]()
    model = classifier().fit(X, WORDS)
    np.testing.assert_array_equal(model.predict_proba(X), expected)
    np.testing.assert_array_equal(classifier().fit(FRAME, WORDS).predict_proba(X), expected)
    assert model.feature_names_in_.tolist() == FRAME.columns
    kinds = {name: kind for name, kind, _ in model.describe()}
    assert kinds == {"age": "number", "color": "category", "member": "yes/no", "since": "date"}


def test_arrays_and_lists_are_tables_too():
    cells = FRAME.select("age", "color").to_numpy().tolist()
    model = classifier().fit(cells, WORDS)
    as_array = np.array(cells, dtype=object)
    np.testing.assert_array_equal(model.predict(cells), model.predict(as_array))
    assert not hasattr(model, "feature_names_in_")
    assert {kind for _, kind, _ in model.describe()} == {"number", "category"}
    with pytest.raises(ValueError, match="X has 3 features, but TabularClassifier is expecting 2"):
        model.predict([[1.0, "red", 2.0]])


@pytest.mark.slow
def test_steps_of_numbers_find_what_a_scale_alone_does_not():
    errors = {}
    for encoding in ("scale", "target", "quantiles"):
        model = regressor(encoding=encoding, options={"max_iter": 30}).fit(FRAME, PRICE)
        errors[encoding] = np.nanmean((model.oof_prediction_ - PRICE) ** 2)
    assert max(errors["target"], errors["quantiles"]) < 0.5 * errors["scale"]


@pytest.mark.parametrize(("rows", "tried"), [(999, False), (1000, True)])
def test_a_trial_on_a_thousand_rows_chooses_the_encoding(rows, tried):
    random = np.random.default_rng(8)
    X = pl.DataFrame({"x": random.uniform(0, 60, rows)})
    y = np.sin(X["x"].to_numpy())
    model = regressor(encoding="auto").fit(X, y)
    assert (model.encoding_ != "scale") == tried
    words = "held-out loss of short runs on 2 folds: scale" if tried else "fewer than 1,000 rows"
    assert words in model.encoding_reason_


def test_out_of_fold_answers_are_of_networks_that_have_not_seen_the_row():
    model = classifier().fit(FRAME, WORDS)
    assert model.oof_prediction_.shape == (N, 2)
    assert not np.isnan(model.oof_prediction_).any()
    codes = (WORDS == "yes").astype(int)
    assert model.oof_score_ == np.mean(model.oof_prediction_.argmax(axis=1) == codes)
    before = np.clip(model.oof_prediction_, 1e-7, 1)
    hotter = before ** (1 / 1.05) / (before ** (1 / 1.05)).sum(axis=1, keepdims=True)
    colder = before**1.05 / (before**1.05).sum(axis=1, keepdims=True)
    least = log_loss(codes, before[:, 1])
    assert least <= log_loss(codes, hotter[:, 1])
    assert least <= log_loss(codes, colder[:, 1])


@pytest.mark.slow
def test_a_target_of_noise_leaks_nothing():
    """AUC 0.5 out of fold: neither edges nor the epoch of a network look at its held-out rows."""
    random = np.random.default_rng(5)
    options = {"max_iter": 20, "hidden_layer_sizes": (16,), "learning_rate_init": 1e-2}
    how = {"encoding": "target", "n_threads": 1, "options": options}
    areas = []
    for seed in range(8):
        X = pl.DataFrame({f"x{i}": random.normal(size=500) for i in range(8)})
        y = random.permutation(np.arange(500) % 2)
        model = TabularClassifier(random_state=seed, **how).fit(X, y)
        areas.append(roc_auc_score(y, model.oof_prediction_[:, 1]))
    assert np.mean(areas) == pytest.approx(0.5, abs=0.02)


def test_the_bits_do_not_depend_on_the_threads_and_follow_the_seed():
    one, two = (classifier(n_threads=n).fit(FRAME, WORDS).predict_proba(FRAME) for n in (1, 2))
    np.testing.assert_array_equal(one, two)
    other = classifier(random_state=1).fit(FRAME, WORDS).predict_proba(FRAME)
    assert not np.array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("make", [classifier, regressor])
def test_files_pickles_and_clones_predict_the_same(make, tmp_path):
    y = WORDS if make is classifier else PRICE
    model = make(choices=None).fit(FRAME, y)
    answer = "predict_proba" if make is classifier else "predict_interval"
    expected = getattr(model, answer)(FRAME)
    path = tmp_path / "table.chainrule"
    model.save(path)
    for other in (load(path), pickle.loads(pickle.dumps(model)), clone(model).fit(FRAME, y)):
        np.testing.assert_array_equal(getattr(other, answer)(FRAME), expected)
        np.testing.assert_array_equal(other.oof_prediction_, model.oof_prediction_)
        assert other.get_params() == model.get_params()
    FRAME.write_parquet(tmp_path / "table.parquet")
    program = (
        "import sys, chainrule, polars; model = chainrule.load(sys.argv[1]); "
        f"print(model.{answer}(polars.read_parquet(sys.argv[2])).sum().hex())"
    )
    command = [sys.executable, "-c", program, path, tmp_path / "table.parquet"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert found.strip() == expected.sum().hex()


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "table.chainrule"
    classifier().fit(FRAME, WORDS).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileFormatError, match="is damaged"):
        load(path)
    path.write_bytes(whole.replace(b'\\"temperature\\": ', b'\\"temperaturX\\": '))
    with pytest.raises(FileFormatError, match=r"cannot be restored|is damaged"):
        load(path)


def test_intervals_cover_what_they_say():
    random = np.random.default_rng(6)
    X = pl.DataFrame({"a": random.normal(size=3000), "b": random.normal(size=3000)})
    y = X["a"].to_numpy() + random.normal(size=3000)
    model = regressor().fit(X[:1500], y[:1500])
    for coverage in (0.8, 0.95):
        low, high = model.predict_interval(X[1500:], coverage).T
        inside = np.mean((low <= y[1500:]) & (y[1500:] <= high))
        assert inside == pytest.approx(coverage, abs=0.03)
    with pytest.raises(InputError, match="coverage must be between 0 and 1"):
        model.predict_interval(X, 1.0)


def test_answers_stay_within_the_range_of_training():
    model = regressor().fit(FRAME, PRICE)
    far = FRAME.with_columns(pl.lit(1e6).alias("age"))
    assert model.predict(far).max() <= PRICE.max()
    assert model.predict(far).min() >= PRICE.min()


def test_groups_are_never_on_both_sides():
    groups = np.repeat(np.arange(24), 10)
    y = RANDOM.permutation(24)[groups] % 2  # a target that only the group tells
    X = pl.DataFrame({"group": [f"g{one}" for one in groups], "noise": RANDOM.normal(size=N)})
    assert classifier().fit(X, y).oof_score_ > 0.9
    assert classifier().fit(X, y, groups=groups).oof_score_ < 0.75
    with pytest.raises(InputError, match=r"groups must be of shape \(240,\)"):
        classifier().fit(X, y, groups=groups[:-1])


def test_the_last_rows_are_predicted_by_those_before_them():
    model = regressor(validation="last").fit(FRAME, PRICE)
    missing = np.isnan(model.oof_prediction_)
    assert missing[: N // 4].all()
    assert not missing[N // 4 :].any()


def test_given_validation_rows_replace_folds():
    model = TabularClassifier(encoding="scale", random_state=0, options={"max_iter": 5})
    model.fit(FRAME[:160], WORDS[:160], X_val=FRAME[160:], y_val=WORDS[160:])
    assert len(model.members_) == 1
    assert len(model.members_[0].estimator.validation_loss_curve_) == 5
    assert np.isnan(model.oof_prediction_).all()
    with pytest.raises(InputError, match="X_val and y_val must be given together"):
        model.fit(FRAME, WORDS, X_val=FRAME)


def test_weights_of_classes_are_by_their_labels():
    options = {"max_iter": 10, "dropout": 0.0}
    by_label = classifier(options=options | {"class_weight": {"yes": 9.0}}).fit(FRAME, WORDS)
    by_row = classifier(options=options).fit(FRAME, WORDS, np.where(WORDS == "yes", 9.0, 1.0))
    for one, two in zip(by_label.members_, by_row.members_, strict=True):
        np.testing.assert_allclose(
            one.estimator.parameters_.vector, two.estimator.parameters_.vector, rtol=1e-4, atol=1e-5
        )


def test_absent_rows_are_absent():
    weight = np.r_[np.zeros(40), np.ones(N - 40)]
    spoilt = FRAME.with_columns(
        pl.when(pl.int_range(N) < 40).then(1e9).otherwise("age").alias("age")
    )
    one = classifier().fit(spoilt, WORDS, weight)
    two = classifier().fit(FRAME[40:], WORDS[40:])
    np.testing.assert_array_equal(one.predict_proba(FRAME), two.predict_proba(FRAME))
    assert np.isnan(one.oof_prediction_[:40]).all()


def test_rare_classes_are_always_trained_on():
    y = np.array(["common", "usual"] * (N // 2), dtype=object)
    y[:2] = "rare"
    model = classifier().fit(FRAME, y)
    assert model.classes_.tolist() == ["common", "rare", "usual"]
    assert np.isnan(model.oof_prediction_[:2]).all()
    assert model.predict_proba(FRAME).shape == (N, 3)


def test_few_rows_make_one_network():
    model = regressor(encoding="auto").fit(FRAME[:12], PRICE[:12])
    assert len(model.members_) == 1
    assert model.encoding_ == "scale"
    with pytest.raises(InputError, match="must have the errors of 50 rows out of fold; got 0"):
        model.predict_interval(FRAME)


def test_verbose_prints_guessed_kinds(capsys):
    table = FRAME.with_columns(pl.lit("one").alias("same"))
    model = classifier(verbose=True).fit(table, WORDS)
    printed = capsys.readouterr().out.splitlines()
    assert printed == [*model.notes_, "encoding of numbers: target, as asked for"]
    assert printed[0] == "left out column same: all cells are one value"
    classifier().fit(table, WORDS)
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_inputs_of_an_explanation_have_the_names_of_the_table():
    model = regressor().fit(FRAME, PRICE)
    explained = model.explain(FRAME, PRICE)
    names = explained.subject.input_names
    assert any(name.startswith("age between ") for name in names)
    assert "color=red" in names
    assert explained.check().passed
    with pytest.raises(InputError, match="member must be 1 to 3; got 4"):
        model.explain(FRAME, PRICE, member=4)


@pytest.mark.slow
def test_they_work_in_searches_scores_and_pipelines():
    scores = cross_val_score(regressor(n_folds=1), as_pandas(), PRICE, cv=2)
    assert len(scores) == 2
    search = GridSearchCV(classifier(), {"n_folds": [1, 2]}, cv=2).fit(as_pandas(), WORDS)
    assert search.best_estimator_.predict(as_pandas()).shape == (N,)
    pipe = make_pipeline(
        FunctionTransformer(lambda frame: frame.drop(columns="since")), regressor()
    )
    assert pipe.fit(as_pandas(), PRICE).predict(as_pandas()).shape == (N,)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"preset": "fest"}, UnknownNameError, "unknown preset 'fest'. Did you mean 'fast'"),
        ({"encoding": "tree2"}, UnknownNameError, "unknown encoding of numbers 'tree2'"),
        ({"n_folds": -1}, InputError, "n_folds must be None or an integer of at least 0; got -1"),
        ({"validation": "first"}, InputError, "validation must be 'random' or 'last'"),
        ({"options": {"learning_rte": 1}}, InputError, "options must be options of MLPClassifier"),
        ({"options": {"alpha": -1.0}}, InputError, "alpha must be a number of at least 0"),
        ({"verbose": 3}, InputError, "verbose must be True or False"),
        ({"options": {"random_state": 1}}, InputError, "options must be left without random_state"),
        ({"options": {"n_estimators": 2}}, InputError, "options must be left without n_estimators"),
        ({"options": {"class_weight": {"maybe": 2}}}, InputError, "labels of y as its keys, 'no'"),
    ],
)
def test_wrong_options_are_named(options, error, words):
    model = classifier(**options)
    with pytest.raises(error, match=words):
        model.fit(FRAME, WORDS)
    assert not hasattr(model, "members_")


def test_wrong_tables_and_targets_are_named():
    model = classifier()
    double = pa.Table.from_arrays([pa.array([1.0, 2.0])] * 2, names=["a", "a"])
    for X, y, words in (
        (FRAME, None, "requires y to be passed"),
        (FRAME, WORDS[:-1], "inconsistent numbers of samples"),
        (FRAME.lazy(), WORDS, "a frame in memory; got 'LazyFrame'. Call collect"),
        (double, [0, 1], "columns of different names; got 'a' twice"),
        (FRAME, np.c_[PRICE, PRICE], "continuous-multioutput"),
        (pl.DataFrame({"a": [1.0] * 30}), WORDS[:30], "got none of use"),
        (FRAME, PRICE, "Unknown label type|continuous"),
    ):
        with pytest.raises(ValueError, match=words):
            model.fit(X, y)
    model.fit(FRAME, WORDS)
    with pytest.raises(InputError, match=r"missing: 'age'"):
        model.predict(FRAME.drop("age"))


def missing(y):
    return [None, *y[1:]]


@pytest.mark.grid(5)
@pytest.mark.parametrize(
    ("X", "y", "words"),
    [
        (FRAME, missing(WORDS.tolist()), "y must hold labels of one type that sorts"),
        (FRAME, np.where(np.arange(N) == 3, 1, WORDS.astype(object)), "labels of one type"),
        (FRAME, WORDS[:-1], "inconsistent numbers of samples"),
        (FRAME.select(pl.lit(1.0).alias("age")).head(1), ["no"], "got 1 sample"),
    ],
    ids=["missing label", "mixed labels", "short", "one row"],
)
def test_a_refused_fit_leaves_the_model_as_it_was(X, y, words, contents):
    model = classifier().fit(FRAME, WORDS)
    seen, before = model.predict_proba(FRAME).tobytes(), contents(model)
    with pytest.raises(ValueError, match=words):
        model.fit(X, y)
    assert contents(model) == before
    assert model.predict_proba(FRAME).tobytes() == seen


def test_an_interrupted_fit_leaves_the_model_as_it_was(monkeypatch, contents):
    def cut(*arguments, **more):
        raise KeyboardInterrupt

    model = classifier().fit(FRAME, WORDS)
    before = contents(model)
    monkeypatch.setattr(base, "train_bag", cut)
    with pytest.raises(KeyboardInterrupt):
        model.fit(FRAME, np.where(WORDS == "yes", "up", "down"))
    assert contents(model) == before
    fresh = classifier()
    with pytest.raises(KeyboardInterrupt):
        fresh.fit(FRAME, WORDS)
    assert vars(fresh) == vars(classifier())


def test_a_trial_prints_and_warns_nothing():
    X = pl.DataFrame({"x": np.linspace(0.0, 1.0, 1200)})
    model = TabularRegressor("fast", random_state=0, options={"learning_rate_init": 1e9})
    with pytest.warns(DivergenceWarning) as caught:
        model.fit(X, X["x"].to_numpy())
    assert len(caught) == 1  # of the one network


def test_a_model_of_the_command_line_predicts_a_raw_frame(tmp_path, monkeypatch):
    from chainrule.app.__main__ import main

    monkeypatch.chdir(tmp_path)
    FRAME.with_columns(pl.Series("price", PRICE)).write_parquet("table.parquet")
    main(["fit", "table.parquet", "--target", "price", "--epochs", "3", "--no-plot"])
    model = load("table.chainrule")
    assert isinstance(model, TabularRegressor)
    prepared = model.members_[0].answers(model.members_[0].inputs(FRAME))
    np.testing.assert_array_equal(model.predict(FRAME), prepared)
    np.testing.assert_array_equal(model.predict(as_pandas()), prepared)
