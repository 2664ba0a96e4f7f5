"""Numbers that decide in estimators of tables, on both sides."""

import numpy as np
import polars as pl
import pytest

from chainrule import MLPRegressor, TabularRegressor
from chainrule.foundation.errors import InputError
from chainrule.interop.bins import BOUND, encodings, steps
from chainrule.interop.preparation import Preparation
from chainrule.tables import short_runs
from chainrule.tables.choosing_encoding import choose_encoding
from chainrule.tables.folds import folds_of
from chainrule.tables.members import Table, Work
from chainrule.tables.recipes import options_for, presets
from chainrule.tables.selection import greedy_weights

RANDOM = np.random.default_rng(81)


@pytest.mark.parametrize(("rows", "folds"), [(19, 1), (20, 5)])
def test_of_fewer_than_twenty_rows_none_is_held_out(rows, folds):
    found = folds_of(rows, 5, seed=0)
    assert len(found) == folds
    assert (len(found[0][1]) > 0) == (folds == 5)


@pytest.mark.parametrize(("share", "count"), [({}, 105), ({"fraction": 0.3}, 210)])
def test_a_single_fold_holds_out_a_share(share, count):
    ((train, held),) = folds_of(700, 1, seed=0, **share)
    assert len(held) == count
    assert sorted([*train, *held]) == list(range(700))


@pytest.mark.parametrize(("rare", "held"), [(4, False), (5, True)])
def test_classes_with_fewer_rows_than_folds_are_never_held_out(rare, held):
    labels = np.r_[np.zeros(60), np.ones(40), np.full(rare, 2)]
    folds = folds_of(len(labels), 5, seed=0, labels=labels)
    assert any((labels[part] == 2).any() for _, part in folds) == held
    assert all((labels[train] == 2).any() for train, _ in folds)


@pytest.mark.parametrize(("rows", "told"), [(49, False), (50, True)])
def test_intervals_take_fifty_errors_out_of_fold(rows, told):
    X = pl.DataFrame({"x": RANDOM.normal(size=rows)})
    model = TabularRegressor("balanced", random_state=0, options={"max_iter": 2})
    model.fit(X, X["x"].to_numpy())
    if told:
        assert model.predict_interval(X).shape == (rows, 2)
    else:
        with pytest.raises(InputError, match="must have the errors of 50 rows out of fold; got 49"):
            model.predict_interval(X)


@pytest.fixture
def losses(monkeypatch):
    """Return a function that sets what the encodings reach in the trial."""

    class Done:
        def __init__(self, loss):
            self.held_out_loss, self.complete, self.snapshots = loss, False, {}
            self.estimator = type("Fitted", (), {"fit_seconds_": 1.0})

    def choose(columns=1, n_folds=3, rows=1000, **reached):
        def trained(work, jobs):
            return [Done(reached[job.encoding]) for job in jobs]

        monkeypatch.setattr(short_runs, "train", trained)
        frame = pl.DataFrame({f"x{i}": np.arange(float(rows)) for i in range(columns)})
        table = Table(frame, np.arange(float(rows)))
        work = Work(MLPRegressor, table, folds_of(rows, n_folds, seed=0), seed=0, n_threads=1)
        return choose_encoding(short_runs.ShortRuns.of(work), {}).encoding

    return choose


@pytest.mark.parametrize("other", ["scale", "quantiles"])
@pytest.mark.parametrize(("loss", "better"), [(0.9899, True), (0.9901, False)])
def test_another_encoding_must_be_one_per_cent_better_than_splits(losses, other, loss, better):
    reached = {"scale": 2.0, "target": 1.0, "quantiles": 2.0} | {other: loss}
    assert losses(**reached) == (other if better else "target")


def test_the_best_of_those_that_are_better_is_taken(losses):
    assert losses(scale=0.8, target=1.0, quantiles=0.9) == "scale"
    assert losses(scale=0.9, target=1.0, quantiles=0.8) == "quantiles"


@pytest.mark.parametrize(("loss", "found"), [(0.9799, "scale"), (0.9801, "target")])
def test_a_single_fold_must_say_two_per_cent(losses, loss, found):
    assert losses(n_folds=1, scale=loss, target=1.0, quantiles=2.0) == found


@pytest.mark.parametrize(
    ("rows", "loss", "found"),
    [(19_999, 0.98, "scale"), (20_000, 0.9701, "target"), (20_000, 0.9699, "scale")],
)
def test_few_of_many_rows_must_say_three_per_cent(losses, rows, loss, found):
    assert losses(rows=rows, scale=loss, target=1.0, quantiles=2.0) == found


@pytest.mark.parametrize(("columns", "found"), [(500, "target"), (501, "scale")])
def test_steps_are_for_five_hundred_columns_at_most(losses, columns, found):
    assert losses(columns, scale=1.0, target=0.5, quantiles=2.0) == found


@pytest.mark.parametrize(("rows", "learnt"), [(1200, 3), (6000, 4)])
def test_what_a_trial_learns_of_all_rows_is_not_learnt_again(monkeypatch, rows, learnt):
    real, calls = Preparation.fit, []

    def fit(*given, **more):
        calls.append(more["encoding"])
        return real(*given, **more)

    monkeypatch.setattr(Preparation, "fit", fit)
    X = pl.DataFrame({"x": np.arange(float(rows)) % 97})
    model = TabularRegressor("fast", random_state=0, n_threads=1, options={"max_iter": 1})
    model.fit(X, X["x"].to_numpy() % 5)
    assert calls[:3] == ["scale", "target", "quantiles"]
    assert calls[3:] == [model.encoding_] * (learnt - 3)


def test_sixteen_steps_and_leaves_of_a_hundredth_or_64_rows():
    x = np.arange(1000.0)
    y = RANDOM.normal(size=1000)
    edges = encodings["target"].edges(x, y, classes=False)
    assert len(edges) == 17
    assert np.diff(edges)[1:-1].min() >= 10.0
    many = np.arange(20_000.0)
    edges = encodings["target"].edges(many, RANDOM.normal(size=20_000), classes=False)
    assert np.diff(edges).min() >= 63.5
    assert encodings["scale"].edges(x, y, classes=False) == ()


def test_steps_beyond_sixteen_are_beyond_chance():
    """A number of 100 days, each with a level of its own, has a step for most of them."""
    day, random = np.arange(20_000.0) % 100, np.random.default_rng(3)
    level = random.normal(size=100)[day.astype(int)]
    found = []
    for noise in (0.5, 5.0, 50.0):
        y = level + noise * random.normal(size=20_000)
        found.append(len(encodings["target"].edges(day, y, classes=False)) - 1)
    assert found[0] > 80
    assert 16 <= found[1] < 60
    assert found[2] == 16
    yes = (level + 0.5 * random.normal(size=20_000) > 0.0).astype(int)
    assert len(encodings["target"].edges(day, yes, classes=True)) > 50


def test_steps_beyond_the_usual_are_few_in_all():
    days = {
        f"day {i}": (np.arange(20_000) * (2 * i + 1) // 7 % 100).astype(float) for i in range(8)
    }
    random = np.random.default_rng(4)
    y = sum(random.normal(size=100)[day.astype(int)] for day in days.values())
    found = Preparation.fit(pl.DataFrame(days), encoding="target", y=y)
    steps_of = [len(column.edges) - 1 for column in found.columns]
    assert min(steps_of) >= 16
    assert 0 < sum(steps_of) - 8 * 16 <= 256


def test_the_first_and_the_last_step_go_on_to_three():
    found = steps(np.array([-1e9, 1e9, np.inf]), (0.0, 1.0, 2.0))
    np.testing.assert_array_equal(found, [[-BOUND, 0.0], [1.0, BOUND], [1.0, BOUND]])


@pytest.mark.parametrize(
    ("rows", "classes", "batch", "epochs"),
    [(4_999, True, 32, 90), (5_000, True, 128, 60), (4_999, False, 32, 60),
     (19_999, False, 128, 60), (20_000, False, 256, 30), (199_999, True, 256, 30),
     (200_000, True, 512, 15),
     (1_000_000, False, 1024, 8), (20, True, 20, 90)],
)  # fmt: skip
def test_recipes_by_rows(rows, classes, batch, epochs):
    options = options_for(rows, classes)
    assert (options["batch_size"], options["max_iter"]) == (batch, epochs)
    assert ("dropout" in options) == classes


@pytest.mark.parametrize(
    ("name", "rows", "folds"),
    [("best", 19_999, 8), ("best", 20_000, 5), ("balanced", 10**6, 5), ("fast", 10, 1)],
)
def test_folds_by_rows(name, rows, folds):
    assert presets.get(name).folds_for(rows) == folds


@pytest.mark.parametrize("least", [1.0, -1.0])
@pytest.mark.parametrize(("fall", "taken"), [(1.1e-4, True), (0.9e-4, False)])
def test_another_model_joins_where_the_loss_falls_by_a_ten_thousandth(least, fall, taken):
    losses = {1.0: least, 0.0: least + 1.0, 0.5: least - fall}
    models = [np.array([1.0]), np.array([0.0])]
    weights = greedy_weights(models, lambda p: losses.get(float(p[0]), least + 1.0))
    assert weights.tolist() == ([0.5, 0.5] if taken else [1.0, 0.0])
