"""The search for settings: halving, the ensemble of the best, limits of time, and Ctrl-C."""

import json
import math
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import log_loss

from chainrule import MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor, load
from chainrule.foundation.errors import InputError
from chainrule.tables import members, search
from chainrule.tables.selection import greedy_weights
from chainrule.tables.settings_space import Setting, drawn_settings

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RANDOM = np.random.default_rng(91)
N = 300
AGE = RANDOM.uniform(18, 80, N)
COLORS = RANDOM.choice(["red", "green", "blue"], N)
FRAME = pl.DataFrame({"age": AGE, "color": COLORS})
WORDS = np.where((AGE > 35) & (AGE < 60) | (COLORS == "red"), "yes", "no")
PRICE = np.sin(AGE / 8.0) * 100.0 + 20.0 * (COLORS == "red") + RANDOM.normal(size=N)
QUICK = {"n_folds": 3, "random_state": 0, "encoding": "target", "options": {"max_iter": 6}}


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(search, "SETTINGS", 6)


@pytest.mark.slow
def test_the_search_follows_the_seed_and_not_the_threads(few):
    one, two = (TabularClassifier("best", **QUICK, n_threads=n).fit(FRAME, WORDS) for n in (1, 2))
    np.testing.assert_array_equal(one.predict_proba(FRAME), two.predict_proba(FRAME))
    kept = [(t.options, t.loss, t.weight) for t in one.leaderboard_.trials]
    assert kept == [(t.options, t.loss, t.weight) for t in two.leaderboard_.trials]
    other = TabularClassifier("best", **QUICK | {"random_state": 1}).fit(FRAME, WORDS)
    drawn = [
        {t.options.get("learning_rate_init") for t in m.leaderboard_.trials} for m in (one, other)
    ]
    assert drawn[0] != drawn[1]


@pytest.mark.slow
def test_rounds_keep_the_better_settings(few):
    model = TabularRegressor("best", **QUICK).fit(FRAME, PRICE)
    trials = model.leaderboard_.trials
    assert len(trials) == 7  # the recipe, and six that were drawn
    by_folds = {folds: [t for t in trials if t.folds == folds] for folds in (1, 2, 3)}
    assert [len(by_folds[folds]) for folds in (1, 2, 3)] == [4, 1, 2]
    assert {t.epochs for t in by_folds[3]} == {1.0}
    assert sum(t.weight for t in trials) == pytest.approx(1.0)
    assert sum(one.weight for one in model.members_) == pytest.approx(1.0)
    assert model.leaderboard_.trials[0].weight == max(t.weight for t in trials)


@pytest.mark.slow
def test_columns_are_learnt_once_for_all_networks_of_a_fold(few, monkeypatch):
    learnt = []
    fit = members.Preparation.fit

    def counted(*args, **options):
        learnt.append(options["encoding"])
        return fit(*args, **options)

    monkeypatch.setattr(members.Preparation, "fit", counted)
    model = TabularRegressor("best", **QUICK, n_threads=1).fit(FRAME, PRICE)
    assert len(model.leaderboard_.trials) == 7
    assert learnt == ["target"] * 3
    assert model.notes_ == TabularRegressor("fast", **QUICK).fit(FRAME, PRICE).notes_


@pytest.mark.slow
def test_the_answer_is_no_worse_than_the_best_setting_out_of_fold(few):
    model = TabularRegressor("best", **QUICK | {"options": {"max_iter": 30}}).fit(FRAME, PRICE)
    oof = np.mean((np.clip(model.oof_prediction_, PRICE.min(), PRICE.max()) - PRICE) ** 2)
    full = [t.loss for t in model.leaderboard_.trials if t.folds == 3]
    assert oof <= min(full) * 1.0001


@pytest.mark.slow
def test_out_of_fold_answers_are_weighted_as_the_answer_is(few):
    model = TabularClassifier("best", **QUICK | {"options": {"max_iter": 20}})
    model.fit(FRAME, WORDS)
    p = model.oof_prediction_
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    assert model.oof_score_ == np.mean(model.classes_[p.argmax(axis=1)] == WORDS)
    assert log_loss(WORDS, p) < 0.69


@pytest.mark.slow
@pytest.mark.parametrize("make", [TabularClassifier, TabularRegressor])
def test_a_searched_model_is_one_file(few, make, tmp_path):
    y = WORDS if make is TabularClassifier else PRICE
    model = make("best", **QUICK).fit(FRAME, y)
    path = tmp_path / "table.chainrule"
    model.save(path)
    restored = load(path)
    np.testing.assert_array_equal(restored.predict(FRAME), model.predict(FRAME))
    weights = [[one.weight for one in m.members_] for m in (restored, model)]
    assert weights[0] == weights[1]
    assert str(restored.leaderboard_) == str(model.leaderboard_)


@pytest.mark.slow
def test_the_leaderboard_is_shown_and_is_rows_for_a_frame(few):
    board = TabularRegressor("best", **QUICK).fit(FRAME, PRICE).leaderboard_
    head, *rows = str(board).splitlines()
    assert head.split() == ["share", "held-out", "loss", "folds", "epochs", "seconds", "numbers",
                            "setting"]  # fmt: skip
    assert len(rows) == len(board) == 7
    assert repr(board).startswith("share  held-out loss")
    assert board._repr_html_().startswith("<pre")
    frame = pl.DataFrame(board.to_dicts())
    assert frame["loss"].min() == min(t.loss for t in board.trials)
    json.dumps(board.to_dicts())


def test_without_a_search_the_trial_of_encodings_is_reported():
    X = pl.DataFrame({"x": RANDOM.uniform(0, 60, 1000)})
    model = TabularRegressor("fast", random_state=0, options={"max_iter": 4})
    board = model.fit(X, np.sin(X["x"].to_numpy())).leaderboard_
    assert [t.encoding for t in board.trials[1:]] != []
    assert {t.encoding for t in board.trials} == {"scale", "target", "quantiles"}
    assert [t.weight for t in board.trials] == [1.0, 0.0, 0.0, 0.0]


@pytest.mark.slow
def test_losses_of_amounts_are_tried_and_compare_by_the_squared_error(few, monkeypatch):
    monkeypatch.setattr(search, "greedy_weights", lambda found, loss: np.eye(len(found))[0])
    amounts = np.exp(AGE / 30.0 + RANDOM.normal(scale=0.5, size=N))
    model = TabularRegressor("best", **QUICK).fit(FRAME, amounts)
    trials = model.leaderboard_.trials
    assert {t.options["loss"] for t in trials} == {"mse", "poisson"}
    squares = (model.oof_prediction_ - amounts) ** 2
    folds = [squares[one.held].mean() for one in model.members_]
    assert trials[0].weight == 1.0
    assert trials[0].loss == pytest.approx(np.mean(folds))
    assert all(0.1 < t.loss / amounts.var() < 10.0 for t in trials)


@pytest.mark.slow
def test_without_time_for_halving_the_leading_settings_are_tried(monkeypatch):
    monkeypatch.setattr(search._Running, "_number", lambda self, full: search.FEWEST - 1)
    affordable = lambda self, ranked: [one for one in ranked if len(one.members) < 3]  # noqa: E731
    monkeypatch.setattr(search._Running, "_affordable", affordable)
    amounts = np.exp(AGE / 20.0)
    model = TabularRegressor("best", **QUICK, time_limit=1000.0).fit(FRAME, amounts)
    trials = model.leaderboard_.trials
    assert [t.folds for t in trials] == [3, 3, 3, 3]
    names = ("loss", "activation", "hidden_layer_sizes")
    tried = sorted(str([t.options.get(name) for name in names]) for t in trials)
    assert tried == [
        "['mse', None, None]",
        "['poisson', 'relu', (256, 128)]",
        "['poisson', None, (256, 128)]",
        "['poisson', None, None]",
    ]


def test_settings_that_no_time_is_left_to_train_in_full_are_not_tried(monkeypatch):
    monkeypatch.setattr(search._Running, "_number", lambda self, full: search.FEWEST - 1)
    monkeypatch.setattr(search._Running, "_affordable", lambda self, ranked: [])
    monkeypatch.setattr(search, "COST_OF_DRAWN", 1e9)
    model = TabularRegressor("best", **QUICK, time_limit=1000.0).fit(FRAME, PRICE)
    assert [t.options for t in model.leaderboard_.trials] == [QUICK["options"]]


@pytest.mark.slow
def test_time_that_is_left_trains_the_best_setting_again_with_other_seeds(monkeypatch):
    monkeypatch.setattr(search._Running, "_number", lambda self, full: 0)
    only = [Setting("target", QUICK["options"])]
    monkeypatch.setattr(search, "leading_settings", lambda *_: only)
    left = iter([True, True, False])
    affordable = lambda self, ranked: [one for one in ranked if next(left)]  # noqa: E731
    monkeypatch.setattr(search._Running, "_affordable", affordable)
    model = TabularRegressor("best", **QUICK, time_limit=1000.0).fit(FRAME, PRICE)
    trials = model.leaderboard_.trials
    assert [t.folds for t in trials] == [3, 3, 3]
    assert len({str(t.options) for t in trials}) == 1
    assert len({t.loss for t in trials}) == 3
    oof = np.mean((model.oof_prediction_ - PRICE) ** 2)
    assert oof < min(t.loss for t in trials)


def test_settings_in_full_are_those_that_the_time_left_allows(monkeypatch):
    """Three folds of 10, 2 and 3 s each on two threads, in 20 s."""
    monkeypatch.setattr(search.time, "perf_counter", lambda: 100.0)
    monkeypatch.setattr(search, "available_threads", lambda _: 2)
    work = members.Work(None, None, [((), ())] * 3, 0, until=120.0)
    running = search._Running(work, ["scale"], {}, (), print, print)
    one, two, three = (
        search.Contender(number, None, seconds=seconds, done=0.5)
        for number, seconds in enumerate((5.0, 1.0, 1.5))
    )
    assert running._affordable([one, two, three]) == [one, two]
    assert running._affordable([three, two, one]) == [three, two]
    assert running._affordable([search.Contender(0, None)]) == []


@pytest.mark.slow
def test_progress_reports_the_best_setting(few, capsys):
    TabularRegressor("best", **QUICK, verbose=True).fit(FRAME, PRICE)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "training 1 setting on 3 folds"
    assert lines[1].startswith("held-out loss ")
    assert "training 6 settings on 1 fold for 33 % of the epochs" in lines
    assert any(line.startswith("answer: ") for line in lines)


def test_a_limit_of_time_ends_the_search_with_an_answer():
    options = QUICK | {"options": {"max_iter": 100_000}}
    model = TabularRegressor("fast", **options, time_limit=1.0).fit(FRAME, PRICE)
    assert max(one.estimator.n_iter_ for one in model.members_) < 100_000
    assert model.predict(FRAME).shape == (N,)
    assert len(model.leaderboard_) == 1


def test_near_a_deadline_the_recipe_ends_its_cycle_of_fewer_epochs(monkeypatch):
    monkeypatch.setattr(search._Running, "_epochs", lambda self: 0.5)
    monkeypatch.setattr(search._Running, "_number", lambda self, full: 0)
    model = TabularRegressor("fast", **QUICK, time_limit=1000.0).fit(FRAME, PRICE)
    assert [one.estimator.max_iter for one in model.members_] == [3, 3, 3]
    assert {one.estimator.stopped_because_ for one in model.members_} == {"max_iter"}
    assert [trial.epochs for trial in model.leaderboard_.trials] == [0.5]


@pytest.mark.parametrize(
    ("seconds", "share"), [(math.inf, 1.0), (1e9, 1.0), (4.0, 0.7), (2.0, 0.35), (0.0, 0.05)]
)
def test_the_recipe_makes_the_epochs_that_the_time_left_allows(seconds, share, monkeypatch):
    """20 epochs of 0.1 s on 4 folds take 4 s of two threads; the first one compiles."""

    def trained(work, jobs):
        for one in (5.0, 0.1):
            work.callbacks[0](SimpleNamespace(seconds=one))

    monkeypatch.setattr(search.time, "perf_counter", lambda: 100.0)
    monkeypatch.setattr(search, "available_threads", lambda _: 2)
    monkeypatch.setattr(search, "train", trained)
    work = members.Work(MLPRegressor, None, [(np.arange(90), ())] * 4, 0, until=100.0 + seconds)
    running = search._Running(work, ["scale"], {"max_iter": 20}, (), print, print)
    assert running._epochs() == pytest.approx(share)


@pytest.mark.slow
def test_halving_begins_again_until_too_few_settings_fit_the_time_left(monkeypatch):
    left = iter(
        [8, 7, 7, search.FEWEST - 1]
    )  # asked before the first and each later one, and in it
    monkeypatch.setattr(search._Running, "_number", lambda self, full: next(left))
    monkeypatch.setattr(search._Running, "_use_what_is_left", lambda self: None)
    model = TabularRegressor("balanced", **QUICK, time_limit=1000.0).fit(FRAME, PRICE)
    assert len(model.leaderboard_) == 1 + 8 + 7


@pytest.mark.parametrize(("seconds", "count"), [(1e9, search.MOST), (40.0, 10), (0.0, 0)])
def test_settings_are_as_many_as_the_time_left_allows(seconds, count, monkeypatch):
    """One in full takes 9 seconds here, and one that is begun with 4 on average."""
    monkeypatch.setattr(search.time, "perf_counter", lambda: 100.0)
    work = members.Work(None, None, [((), ())] * 3, 0, until=100.0 + seconds)
    running = search._Running(work, ["scale"], {}, (), print, print)
    of_one = search.COST_OF_DRAWN * (1 / 3 / 3 + 2 / 3 / 3 * 2 / 3 + 1 / 6)
    assert running._number(4.0 / of_one) == count
    endless = members.Work(None, None, [], 0)
    assert search._Running(endless, [], {}, (), print, print)._number(1.0) == 24


def interrupted_at(monkeypatch, number):
    """Let the training of a network be cut by Ctrl-C, counted from 0."""
    count = iter(range(10_000))
    whole = MLPClassifier.fit

    def cut(*arguments, **more):
        if next(count) == number:
            raise KeyboardInterrupt
        return whole(*arguments, **more)

    monkeypatch.setattr(MLPClassifier, "fit", cut)


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 3, 8, 14])
def test_after_ctrl_c_the_best_is_kept(few, monkeypatch, number):
    model = TabularClassifier("best", **QUICK, n_threads=1)
    interrupted_at(monkeypatch, number)
    with pytest.raises(KeyboardInterrupt):
        model.fit(FRAME, WORDS)
    assert model.predict_proba(FRAME).shape == (N, 2)
    assert sum(one.weight for one in model.members_) == pytest.approx(1.0)
    assert len(model.members_) == min(number, 3)


def test_after_ctrl_c_without_a_network_nothing_has_changed(few, monkeypatch):
    model = TabularClassifier("best", **QUICK, n_threads=1)
    interrupted_at(monkeypatch, 0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(FRAME, WORDS)
    assert not hasattr(model, "members_")


def test_given_validation_rows_judge_the_settings(few):
    model = TabularClassifier("best", **QUICK | {"n_folds": None})
    model.fit(FRAME[:200], WORDS[:200], X_val=FRAME[200:], y_val=WORDS[200:])
    assert len(model.leaderboard_) == 7
    assert np.isnan(model.oof_prediction_).all()


def test_few_rows_are_not_searched():
    model = TabularRegressor("best", random_state=0, options={"max_iter": 3})
    model.fit(FRAME[:15], PRICE[:15])
    assert len(model.members_) == len(model.leaderboard_) == 1


@pytest.mark.slow
def test_weights_count_in_the_ensemble(few):
    weight = np.where(np.arange(N) < 20, 0.0, 1.0)
    model = TabularRegressor("best", **QUICK).fit(FRAME, PRICE, weight)
    assert np.isnan(model.oof_prediction_[:20]).all()
    assert not np.isnan(model.oof_prediction_[20:]).any()


@pytest.mark.parametrize("limit", [0, -1.0, "long", float("nan")])
def test_a_limit_of_time_is_a_positive_number(limit):
    with pytest.raises(InputError, match="time_limit must be None or a positive number"):
        TabularRegressor(time_limit=limit).fit(FRAME, PRICE)


def test_drawn_settings_are_the_same_by_their_numbers():
    more = drawn_settings(8, ["scale", "target"], 5000, True, {}, seed=3)
    assert drawn_settings(3, ["scale", "target"], 5000, True, {}, seed=3, first=5) == more[5:]
    assert len({str(one) for one in more}) == 8
    own = drawn_settings(8, ["scale"], 5000, True, {"solver": "sgd", "dropout": 0.1}, seed=3)
    assert {one.options["dropout"] for one in own} == {0.1}
    assert not any("weight_decay" in one.options for one in own)


def test_models_that_err_in_opposite_ways_answer_together():
    y = np.linspace(0.0, 1.0, 50)
    noise = np.sin(np.arange(50.0))
    models = [y + noise, y - 0.5 * noise, y + 3.0]
    weights = greedy_weights(models, lambda p: float(np.mean((p - y) ** 2)))
    np.testing.assert_allclose(weights, [1 / 3, 2 / 3, 0.0], atol=0.04)


def test_a_single_model_has_the_whole_weight():
    np.testing.assert_array_equal(greedy_weights([np.ones(3)], lambda p: 0.0), [1.0])
