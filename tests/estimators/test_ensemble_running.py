"""What a person sees of several networks in training, and how they end it."""

import io
import time

import numpy as np
import pytest

from chainrule import MLPClassifier, MLPRegressor, load, save_model
from chainrule.estimators import progress

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

GENERATOR = np.random.default_rng(41)
X = GENERATOR.normal(size=(90, 3))
LABELS = np.arange(90) % 3
T = 1000.0 * (2 * X[:, 0] - X[:, 1] + 1)
SMALL = {"hidden_layer_sizes": (5,), "random_state": 0, "batch_size": 16, "n_estimators": 3}
THREADS = pytest.mark.parametrize("threads", [1, 2])


@THREADS
def test_callbacks_get_every_epoch_of_every_network(threads):
    seen = []
    model = MLPRegressor(callbacks=seen.append, max_iter=4, n_threads=threads, **SMALL).fit(X, T)
    for number, member in enumerate(model.estimators_, start=1):
        own = [epoch for epoch in seen if epoch.member == number]
        assert [epoch.number for epoch in own] == [1, 2, 3, 4]
        assert [epoch.loss for epoch in own] == member.loss_curve_
        assert member.callbacks is None
    assert len(seen) == 12


@THREADS
def test_callbacks_run_one_at_a_time_on_an_ensemble_that_can_predict(threads):
    inside, most, counts = 0, 0, []
    model = MLPClassifier(max_iter=3, n_threads=threads, **SMALL)

    def look(epoch):
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.002)
        assert model.predict_proba(X).shape == (90, 3)
        counts.append(len(model.estimators_))
        inside -= 1

    model.set_params(callbacks=look).fit(X, LABELS)
    assert most == 1
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (1, 3)


@THREADS
def test_a_callback_that_returns_true_ends_its_network(threads):
    model = MLPClassifier(n_threads=threads, max_iter=9, **SMALL)
    model.callbacks = lambda epoch: epoch.member == 2 and epoch.number == 3
    model.fit(X, LABELS)
    assert [one.n_iter_ for one in model.estimators_] == [9, 3, 9]
    reasons = [one.stopped_because_ for one in model.estimators_]
    assert reasons == ["max_iter", "callback", "max_iter"]


@THREADS
@pytest.mark.parametrize("error", [RuntimeError("own"), KeyboardInterrupt()])
def test_an_error_ends_all_and_what_was_trained_is_kept(threads, error, tmp_path):
    def fail(epoch):
        if epoch.number == 4:
            raise error

    model = MLPClassifier(callbacks=fail, max_iter=7, n_threads=threads, **SMALL)
    with pytest.raises(type(error)):
        model.fit(X, LABELS)
    begun = len(model.estimators_)
    assert 1 <= begun <= threads
    assert max(one.n_iter_ for one in model.estimators_) == 4
    assert all(1 <= one.n_iter_ < 7 for one in model.estimators_)
    p = np.mean([one.predict_proba(X) for one in model.estimators_], axis=0)
    np.testing.assert_array_equal(model.predict_proba(X), p)
    save_model(tmp_path / "m", model)
    np.testing.assert_array_equal(load(tmp_path / "m").predict(X), model.predict(X))
    # those that had not begun begin when training goes on
    whole = MLPClassifier(max_iter=7, **SMALL).fit(X, LABELS)
    model.set_params(callbacks=None, warm_start=True, max_iter=7).fit(X, LABELS)
    assert [one.seed_ for one in model.estimators_] == [one.seed_ for one in whole.estimators_]
    last, other = model.estimators_[-1], whole.estimators_[-1]
    if begun < 3:
        np.testing.assert_array_equal(last.parameters_.vector, other.parameters_.vector)


@THREADS
def test_an_error_before_the_first_epoch_changes_nothing(threads, contents):
    model = MLPClassifier(max_iter=2, n_threads=threads, **SMALL).fit(X, LABELS)
    before = contents(model)
    with pytest.raises(ValueError):
        model.fit(X[:, :2], LABELS[:-1])
    assert contents(model) == before
    model.warm_start = True
    before = contents(model)
    with pytest.raises(ValueError, match="features"):
        model.fit(X[:, :2], LABELS)
    assert contents(model) == before


def test_networks_are_added_where_training_goes_on():
    model = MLPClassifier(warm_start=True, max_iter=2, **SMALL).fit(X, LABELS)
    first = [one.seed_ for one in model.estimators_]
    model.set_params(n_estimators=4).fit(X, LABELS)
    assert [one.seed_ for one in model.estimators_][:3] == first
    assert [len(one.loss_curve_) for one in model.estimators_] == [4, 4, 4, 2]


@THREADS
def test_the_networks_share_a_time_limit(threads, monkeypatch):
    """The first takes a third of it, though each epoch seems to take no time at all."""
    limits = []

    class Member(MLPClassifier):
        def _training(self, *arguments, **options):
            limits.append(self.time_limit)
            yield from super()._training(*arguments, **options)

    model = Member(max_iter=2, time_limit=900.0, n_threads=threads, **SMALL).fit(X, LABELS)
    rounds = 3 if threads == 1 else 2
    assert max(limits[: 3 - rounds + 1]) <= 900.0 / rounds
    assert min(limits[: 3 - rounds + 1]) > 800.0 / rounds
    assert 600.0 < limits[-1] <= 900.0
    assert all(one.time_limit == 900.0 for one in model.estimators_)
    short = Member(max_iter=10**6, time_limit=1e-9, n_threads=threads, **SMALL).fit(X, LABELS)
    assert [one.n_iter_ for one in short.estimators_] == [1, 1, 1]
    assert {one.stopped_because_ for one in short.estimators_} == {"time_limit"}


@pytest.mark.parametrize(("verbose", "numbers"), [(True, [1, 2, 3, 4, 5]), (2, [2, 4]), (0, [])])
def test_lines_name_the_network(capsys, verbose, numbers):
    MLPClassifier(verbose=verbose, max_iter=5, **SMALL).fit(X, LABELS)
    words = [line.split() for line in capsys.readouterr().out.splitlines()]
    for network in ("1", "2", "3"):
        assert [int(w[3]) for w in words if w[:2] == ["network", network]] == numbers
    assert len(words) == 3 * len(numbers)


def test_a_bar_counts_the_epochs_of_all(capsys, monkeypatch):
    console = pytest.importorskip("rich.console")
    file = io.StringIO()
    terminal = console.Console(
        file=file, force_terminal=True, width=150, _environ={"TERM": "xterm"}
    )
    monkeypatch.setattr(progress, "_terminal", lambda: terminal)
    MLPClassifier(verbose=True, max_iter=4, **SMALL).fit(X, LABELS)
    assert "epoch 12/12" in file.getvalue()
    assert capsys.readouterr().out == ""


class TestScikitLearn:
    """The callback protocol that scikit-learn 1.9 brought."""

    @pytest.fixture(autouse=True)
    def protocol(self):
        self.callback = pytest.importorskip("sklearn.callback")

    class Watcher:
        def __init__(self, last=None):
            self.calls, self.last, self.scores = [], last, []

        def setup(self, estimator, context):
            self.calls.append("setup")

        def on_fit_task_begin(self, estimator, context):
            self.calls.append(("begin", *self.place(context)))

        def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
            self.calls.append(("end", *self.place(context)))
            self.scores.append(fitted_estimator.score(X, y))
            return context.task_name == "epoch" and context.task_id + 1 == self.last

        def teardown(self, estimator, context):
            self.calls.append("teardown")

        @staticmethod
        def place(context):
            if context.task_name == "epoch":
                return context.parent.task_id, context.task_id
            return (context.task_id,) if context.task_name == "network" else ()

    @THREADS
    def test_networks_and_their_epochs_begin_and_end_in_order(self, threads):
        watcher = self.Watcher()
        model = MLPClassifier(max_iter=2, n_threads=threads, **SMALL).set_callbacks(watcher)
        model.fit(X, LABELS)
        assert watcher.calls[:2] == ["setup", ("begin",)]
        assert watcher.calls[-2:] == [("end",), "teardown"]
        for n in range(3):
            own = [call for call in watcher.calls if len(call) > 1 and call[1] == n]
            assert own == [
                *(("begin", n), ("begin", n, 0), ("end", n, 0), ("begin", n, 1), ("end", n, 1)),
                ("end", n),
            ]
        assert len(watcher.calls) == 4 + 3 * 6
        assert watcher.scores[-1] == model.score(X, LABELS)

    def test_a_callback_may_end_every_network(self):
        model = MLPRegressor(max_iter=9, **SMALL).set_callbacks(self.Watcher(last=2)).fit(X, T)
        assert [one.n_iter_ for one in model.estimators_] == [2, 2, 2]
        assert {one.stopped_because_ for one in model.estimators_} == {"callback"}

    def test_scikit_learns_own_callbacks(self, capsys):
        pytest.importorskip("rich")
        scores = self.callback.ScoringMonitor(scoring="accuracy")
        model = MLPClassifier(max_iter=4, **SMALL)
        model.set_callbacks(scores, self.callback.ProgressBar()).fit(X, LABELS)
        rows = scores.get_logs().data
        assert len([row for row in rows if row["task_name"] == "epoch"]) == 12
        assert rows[0]["accuracy"] == model.score(X, LABELS)
        assert "MLPClassifier - fit" in capsys.readouterr().out

    def test_an_error_tears_down(self):
        watcher = self.Watcher()
        model = MLPClassifier(callbacks=lambda epoch: 1 / 0, **SMALL).set_callbacks(watcher)
        with pytest.raises(ZeroDivisionError):
            model.fit(X, LABELS)
        assert watcher.calls[-1] == "teardown"
