"""The loss of numbers: a log link for those never negative, where short runs find it better."""

import numpy as np
import polars as pl
import pytest

from chainrule import MLPRegressor, TabularClassifier, TabularRegressor, load, losses
from chainrule.tables.choosing_loss import choose_loss, losses_for
from chainrule.tables.members import Member, Table, Work
from chainrule.tables.short_runs import ShortRuns

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RANDOM = np.random.default_rng(31)
N = 1200
SIZE, AGE = RANDOM.uniform(-1.5, 1.5, (2, N))
TOWN = RANDOM.choice(["Bern", "Zug", "Chur"], N)
FRAME = pl.DataFrame({"size": SIZE, "age": AGE, "town": TOWN})
# effects that multiply
PRICE = np.exp(1.2 * SIZE - AGE + 1.5 * (TOWN == "Zug") + 0.1 * RANDOM.normal(size=N))
# effects that add up, never negative
SUM = np.maximum(4.0 + SIZE - AGE + (TOWN == "Zug") + 0.1 * RANDOM.normal(size=N), 0.0)
QUICK = {"encoding": "scale", "random_state": 0, "options": {"max_iter": 30}}


def fitted(y, preset="fast", X=FRAME, **more):
    return TabularRegressor(preset, **QUICK | more).fit(X, y)


def losses_of(model):
    return {one.estimator.objective_.loss.name for one in model.members_}


def test_effects_that_multiply_are_learnt_with_a_log_link():
    model = fitted(PRICE, "balanced", n_folds=3)
    assert losses_of(model) == {"poisson"}
    words = "poisson, squared error of short runs on 2 folds: poisson "
    assert model.loss_reason_.startswith(words)
    usual = fitted(PRICE, "balanced", n_folds=3, options={"max_iter": 30, "loss": "mse"})
    assert losses_of(usual) == {"mse"}
    assert usual.loss_reason_ == ""
    assert 1.0 - model.oof_score_ < 0.9 * (1.0 - usual.oof_score_)


def test_effects_that_add_up_are_learnt_with_the_squared_error():
    model = fitted(SUM)
    assert losses_of(model) == {"mse"}
    assert model.loss_reason_.startswith("mse, squared error of a short run: poisson 0.")


@pytest.mark.parametrize(
    ("errors", "found"),
    [
        # of the log link beyond those of the squared error, all around 10
        (np.tile([-0.1, -0.2], 300), "poisson"),
        (np.tile([0.01, 0.02], 300), "poisson"),  # less than 2 % of the squared error
        (np.tile([0.1, 0.3], 300), "mse"),
        (np.eye(600)[0] * 300.0, "poisson"),  # one row says nothing
    ],
)
def test_the_squared_error_must_be_clearly_better(errors, found, monkeypatch):
    work = Work(MLPRegressor, Table(FRAME, PRICE), [(np.arange(600), np.arange(600, N))], seed=0)
    runs, held = ShortRuns.of(work), np.arange(600, N)
    one, two = Member(None, None, held), Member(None, None, held)
    monkeypatch.setattr(ShortRuns, "members", lambda self, settings: [[one], [two]])
    monkeypatch.setattr(ShortRuns, "trial", lambda self, *given: given)
    answers = {id(one): PRICE[held] + 10.0, id(two): PRICE[held] + 10.0 + errors}
    chosen = choose_loss(runs, "scale", {}, PRICE, lambda member, frame: answers[id(member)])
    assert chosen.losses[0] == found
    assert ("no clear difference" in chosen.reason) == (errors.mean() > 0.0 and found == "poisson")


@pytest.mark.parametrize(
    ("y", "own", "found"),
    [
        ([0.0, 1.0, 9.0], {}, ("mse", "poisson")),
        ([-0.1, 1.0, 9.0], {}, ()),
        ([0.0, 0.0], {}, ()),
        ([[1.0, 0.0], [2.0, 3.0]], {}, ("mse", "poisson")),
        ([[1.0, 0.0], [2.0, 0.0]], {}, ()),
        ([[1.0, 0.0], [2.0, -3.0]], {}, ()),
        ([1.0, 2.0], {"loss": losses.get("mae")}, ()),
    ],
)
def test_losses_that_targets_allow(y, own, found):
    assert losses_for(np.array(y), own) == found


def test_few_rows_and_rows_without_validation_keep_the_squared_error():
    few = fitted(PRICE[:900], X=FRAME[:900])
    assert (losses_of(few), few.loss_reason_) == (
        {"mse"},
        "mse, a trial on fewer than 1,000 rows says little",
    )
    none_held = fitted(PRICE, n_folds=0)
    assert losses_of(none_held) == {"mse"}
    assert "no rows held out" in none_held.loss_reason_


def test_rows_to_validate_on_must_allow_the_loss_too():
    X, y = FRAME[:1100], PRICE[:1100]
    held = FRAME[1100:], np.where(np.arange(100) == 7, -1.0, PRICE[1100:])
    model = TabularRegressor("fast", **QUICK).fit(X, y, X_val=held[0], y_val=held[1])
    assert losses_of(model) == {"mse"}


def test_absent_rows_do_not_count():
    weight = np.where(np.arange(N) % 12 == 0, 0.0, 1.0)
    y = np.where(weight == 0.0, -5.0, PRICE)
    model = TabularRegressor("fast", **QUICK).fit(FRAME, y, weight)
    assert losses_of(model) == {"poisson"}


def test_the_choice_has_no_unit():
    one, large = fitted(PRICE), fitted(2.0**40 * PRICE)
    assert losses_of(large) == {"poisson"}
    np.testing.assert_allclose(large.predict(FRAME), 2.0**40 * one.predict(FRAME), rtol=1e-3)


def test_the_leaderboard_compares_losses_by_the_squared_error():
    model = fitted(PRICE)
    answer, *others = model.leaderboard_.trials
    assert answer.options["loss"] == "poisson"
    held = model.members_[0].held
    squares = (model.oof_prediction_[held] - PRICE[held]) ** 2
    assert answer.loss == pytest.approx(squares.mean())
    assert [one.options for one in others] == [{"loss": "poisson"}]


def test_a_short_run_is_made_once(monkeypatch):
    from chainrule.tables import short_runs

    real, made = short_runs.train, []

    def counted(work, jobs):
        made.extend((job.encoding, job.options.get("loss")) for job in jobs)
        return real(work, jobs)

    monkeypatch.setattr(short_runs, "train", counted)
    model = TabularRegressor("fast", random_state=0, options={"max_iter": 12}).fit(FRAME, PRICE)
    encodings = [(name, None) for name in ("scale", "target", "quantiles")]
    assert made == [*encodings, (model.encoding_, "poisson")]


def test_answers_have_the_unit_of_the_targets(tmp_path):
    y = np.where(PRICE < 0.2, 0.0, PRICE)  # zeros among them
    model = fitted(y, "balanced", n_folds=3)
    assert losses_of(model) == {"poisson"}
    assert y.min() <= model.predict(FRAME).min()
    low, high = model.predict_interval(FRAME, 0.8).T
    assert 0.75 < np.mean((low <= y) & (y <= high)) < 0.95
    why = model.why(FRAME, 3)
    assert why.complete
    assert why.score == pytest.approx(model.predict(FRAME[2:3])[0], rel=1e-5)
    assert model.explain(FRAME, y).check().passed
    model.save(tmp_path / "model.chainrule")
    found = load(tmp_path / "model.chainrule")
    np.testing.assert_array_equal(found.predict(FRAME), model.predict(FRAME))
    assert found.loss_reason_ == model.loss_reason_
    assert losses_of(model.refit(FRAME, y)) == {"poisson"}


def test_classes_have_no_such_choice():
    model = TabularClassifier("fast", **QUICK).fit(FRAME, TOWN == "Zug")
    assert model.loss_reason_ == ""


@pytest.mark.parametrize("least", [0.0, -1.0])
def test_streamed_targets_must_all_allow_it(least, tmp_path):
    for row in (5, 700):
        y = np.where(np.arange(N) == row, least, PRICE)
        FRAME.with_columns(price=y).write_parquet(tmp_path / "table.parquet", row_group_size=400)
        model = TabularRegressor("fast", **QUICK).fit(tmp_path / "table.parquet", "price")
        assert losses_of(model) == ({"mse"} if least < 0.0 else {"poisson"})
        assert (model.leaderboard_.trials[0].options.get("loss") == "poisson") == (least == 0.0)
        assert model.oof_score_ > 0.5
