"""Tables in files are fitted in bounded memory, as well as in memory."""

import numpy as np
import polars as pl
import pytest

import chainrule
from chainrule import Checkpoint, TabularClassifier, TabularRegressor
from chainrule.foundation.errors import InputError
from chainrule.tables.table_blocks import Parts

RANDOM = np.random.default_rng(11)
N = 12_000
X1, X2 = RANDOM.normal(size=(2, N))
CITY = RANDOM.choice(["Bern", "Zug", "Chur"], N)
PRICE = np.where(CITY == "Zug", 3.0, 0.0) + X1 * X2 + 0.1 * RANDOM.normal(size=N)
TABLE = pl.DataFrame(
    {
        "x1": pl.Series(X1).set(pl.Series(RANDOM.random(N) < 0.01), None),
        "x2": X2,
        "city": CITY,
        "wide": RANDOM.choice([f"street {i}" for i in range(40)], N),
        "price": PRICE,
        "dear": np.where(PRICE > 1.0, "yes", "no"),
        "weight": RANDOM.uniform(0.5, 1.5, N),
    }
)
OPTIONS = {"options": {"max_iter": 6}, "random_state": 0, "encoding": "scale"}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    TABLE[:7000].write_parquet(folder / "1.parquet", row_group_size=2000)
    TABLE[7000:].write_parquet(folder / "2.parquet", row_group_size=900)
    return folder


def of_task(classes):
    if classes:
        return TabularClassifier, TABLE.drop("price", "dear", "weight"), "dear"
    return TabularRegressor, TABLE.drop("price", "dear", "weight"), "price"


@pytest.mark.slow
@pytest.mark.parametrize("classes", [True, False], ids=["classes", "numbers"])
def test_streamed_as_well_as_in_memory(files, classes, tmp_path):
    kind, X, target = of_task(classes)
    other = "price" if classes else "dear"
    choices = chainrule.interop.choosing.Choices(drop=(other,))
    found = kind("fast", choices=choices, **OPTIONS).fit(files, target, "weight", memory="6MB")
    again = kind("fast", choices=choices, n_threads=1, **OPTIONS)
    again.fit([files / "1.parquet", files / "2.parquet"], target, "weight", memory="6MB")
    whole = kind("fast", **OPTIONS).fit(X, TABLE[target], TABLE["weight"])
    frame = TABLE.drop(target, "weight")
    score = found.score(frame, TABLE[target])
    assert score > whole.score(X, TABLE[target]) - 0.02
    assert again.score(frame, TABLE[target]) == score
    assert found.oof_score_ > 0.8
    assert len(found.oof_prediction_) == len(found.members_[0].held)
    assert "rows are streamed" in found.notes_[0]
    found.save(tmp_path / "model.chainrule")
    loaded = chainrule.load(tmp_path / "model.chainrule")
    np.testing.assert_array_equal(loaded.predict(frame), found.predict(frame))
    if not classes:
        low, high = found.predict_interval(frame, 0.8).T
        assert 0.7 < np.mean((low <= PRICE) & (high >= PRICE)) < 0.9


@pytest.mark.slow
def test_rows_set_aside_and_rows_without_a_target(tmp_path):
    table = TABLE.with_columns(price=pl.Series(PRICE).set(pl.Series(np.arange(N) % 100 == 0), None))
    table = table.drop("dear", "weight")
    found = []
    for rows in (500, 5000):
        table.write_parquet(tmp_path / f"{rows}.parquet", row_group_size=rows)
        model = TabularRegressor("fast", **OPTIONS)
        found.append(model.fit_files(tmp_path / f"{rows}.parquet", "price", memory="8MB",
                                     test_fraction=0.1))  # fmt: skip
    first, second = found
    assert first.tested.equals(second.tested)
    assert first.without_target == N // 100
    assert first.rows + first.held + first.tested.height + first.without_target == N
    assert first.tested.height == pytest.approx(0.1 * N, rel=0.1)
    assert first.mean == pytest.approx(PRICE.mean(), abs=0.05)
    assert "left out 120 rows whose target 'price' is missing" in model.notes_


@pytest.mark.slow
@pytest.mark.parametrize("classes", [True, False], ids=["classes", "numbers"])
def test_a_sorted_file_is_learnt_as_well(files, classes, tmp_path):
    kind, X, target = of_task(classes)
    X = X.with_columns(TABLE[target])
    X.sort(target).write_parquet(tmp_path / "sorted.parquet", row_group_size=1000)
    X.write_parquet(tmp_path / "mixed.parquet", row_group_size=1000)
    found = {}
    for name in ("sorted", "mixed"):
        model = kind("fast", **OPTIONS).fit(tmp_path / f"{name}.parquet", target, memory="6MB")
        said = any("seem to be sorted by the target" in note for note in model.notes_)
        assert said == (name == "sorted")
        found[name] = model.score(X.drop(target), X[target])
    assert found["sorted"] > found["mixed"] - 0.02


@pytest.mark.parametrize("last", [False, True])
def test_parts_depend_on_seed_and_row_alone(last):
    parts = Parts.of(1000, 5, 0.2, 0.1, 10_000, last)
    whole = parts.of_rows(0, 1000)
    pieces = [parts.of_rows(start, 70) for start in range(0, 1000, 70)]
    assert np.concatenate(pieces)[:1000].tolist() == whole.tolist()
    counts = np.bincount(whole, minlength=3)
    assert counts[2] == pytest.approx(200, abs=40)
    assert counts[1] == pytest.approx(80, abs=30)
    if last:
        assert whole.tolist() == sorted(whole)


def test_ctrl_c_keeps_the_best_network(files):
    def interrupt(epoch):
        if epoch.number == 3:
            raise KeyboardInterrupt

    model = TabularRegressor("fast", callbacks=interrupt, **OPTIONS)
    with pytest.raises(KeyboardInterrupt):
        model.fit(files, "price", memory="6MB")
    assert len(model.members_[0].estimator.loss_curve_) >= 2
    assert np.isfinite(model.predict(TABLE.drop("price"))).all()


@pytest.mark.slow
def test_a_fit_goes_on_from_its_checkpoint(files, tmp_path):
    def end(epoch):
        if epoch.number == 3:
            raise RuntimeError("killed")

    def fitted(callbacks=None, memory="6MB", **given):
        model = TabularRegressor("fast", callbacks=callbacks, **OPTIONS)
        return model.fit(files, "price", memory=memory, **given)

    whole = fitted()
    saved = Checkpoint(tmp_path / "kept", every=1)
    with pytest.raises(RuntimeError, match="killed"):
        fitted(end, checkpoint=saved)
    found = fitted(resume=tmp_path / "kept", memory="7MB")  # the memory is that of the beginning
    table = TABLE.drop("price")
    np.testing.assert_array_equal(found.predict(table), whole.predict(table))
    assert found.members_[0].estimator.loss_curve_ == whole.members_[0].estimator.loss_curve_
    with pytest.raises(InputError, match="one of the two was streamed"):
        TabularRegressor("fast", **OPTIONS).fit(table, TABLE["price"], resume=tmp_path / "kept")


@pytest.mark.parametrize(
    ("fit", "words"),
    [
        (lambda at: TabularRegressor().fit(at, "prise"), "target must be .*'price'"),
        (lambda at: TabularRegressor().fit(at, "price", "weigth"), "sample_weight must be a col"),
        (lambda at: TabularRegressor().fit(at / "3.parquet", "price"), "there is no"),
        (lambda at: TabularRegressor().fit(at, "city"), "must hold numbers"),
        (lambda at: TabularRegressor().fit(at, "price", groups=CITY), "must be None for files"),
        (lambda at: TabularRegressor().fit(TABLE, PRICE, memory="1GB"), "None for a table in mem"),
    ],
)
def test_refusals(files, fit, words):
    with pytest.raises(InputError, match=words):
        fit(files)
