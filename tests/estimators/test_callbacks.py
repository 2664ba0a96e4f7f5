"""Who is told of each epoch: people's own functions, and scikit-learn's callbacks."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import chainrule
from chainrule import MLPClassifier, MLPRegressor
from chainrule.estimators import callbacks
from chainrule.foundation.errors import DivergenceWarning, InputError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

GENERATOR = np.random.default_rng(32)
X = GENERATOR.normal(size=(60, 3))
LABELS = np.arange(60) % 3
T = 1000.0 * (2 * X[:, 0] - X[:, 1] + 1)
SMALL = {"hidden_layer_sizes": (5,), "random_state": 0}


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_callbacks_get_losses_in_the_unit_of_the_targets(solver):
    seen = []
    model = MLPRegressor(callbacks=seen.append, solver=solver, max_iter=7, **SMALL).fit(X, T)
    assert [epoch.number for epoch in seen] == list(range(1, 8))
    assert [epoch.loss for epoch in seen] == model.loss_curve_
    assert model.loss_curve_[0] > 1e5


def test_several_callbacks_run_on_a_fitted_estimator():
    scores, numbers = [], []
    model = MLPClassifier(max_iter=4, early_stopping=True, **SMALL)
    model.callbacks = [lambda epoch: scores.append(model.score(X, LABELS)), lambda e: e.number]
    model.callbacks.append(lambda epoch: numbers.append((epoch.number, len(model.loss_curve_))))
    model.fit(X, LABELS)
    assert numbers == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert scores[-1] == model.score(X, LABELS)
    assert model.stopped_because_ == "max_iter"


@pytest.mark.parametrize("answer", [True, np.True_])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_true_ends_training(answer, solver):
    model = MLPRegressor(solver=solver, **SMALL)
    asked = []
    model.callbacks = (lambda epoch: epoch.number == 3 and answer, asked.append)
    model.fit(X, T)
    assert (model.n_iter_, len(asked)) == (3, 3)
    assert model.stopped_because_ == "callback"
    assert model.train_loss_ == pytest.approx(np.mean((model.predict(X) - T) ** 2), rel=1e-9)
    short = MLPRegressor(max_iter=3, solver=solver, **SMALL).fit(X, T)
    np.testing.assert_array_equal(short.parameters_.vector, model.parameters_.vector)


@pytest.mark.parametrize("error", [RuntimeError("own"), KeyboardInterrupt(), StopIteration()])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_an_error_goes_through_and_training_can_go_on_from_there(error, solver):
    def fail(epoch):
        if epoch.number == 4:
            raise error

    model = MLPClassifier(callbacks=fail, solver=solver, max_iter=9, warm_start=True, **SMALL)
    # in a generator StopIteration becomes a RuntimeError
    with pytest.raises(RuntimeError if isinstance(error, StopIteration) else type(error)):
        model.fit(X, LABELS)
    assert model.n_iter_ == len(model.loss_curve_) == model._run.state.epoch == 4
    assert model.stopped_because_ == "interrupted"
    assert np.isfinite(model.predict_proba(X)).all()
    if solver == "adam":
        model.set_params(max_iter=5).fit(X, LABELS)
        whole = MLPClassifier(max_iter=9, **SMALL).fit(X, LABELS)
        np.testing.assert_array_equal(model.parameters_.vector, whole.parameters_.vector)
        assert model.loss_curve_ == whole.loss_curve_


def test_partial_fit_calls_callbacks_too():
    seen = []
    model = MLPClassifier(callbacks=[seen.append], **SMALL)
    for _ in range(3):
        model.partial_fit(X, LABELS, classes=[0, 1, 2])
    assert [epoch.number for epoch in seen] == [1, 2, 3]


def test_callbacks_must_be_callable():
    for wrong in ("print", [print, 3], 1):
        with pytest.raises(InputError, match="callbacks must be None, a function of an epoch"):
            MLPClassifier(callbacks=wrong, **SMALL).fit(X, LABELS)


def test_files_drop_callbacks_and_copies_keep_them(tmp_path):
    seen = []
    model = MLPClassifier(callbacks=[seen.append], max_iter=2, **SMALL).fit(X, LABELS)
    assert clone(model).callbacks == [seen.append]
    copy.deepcopy(model).predict(X)
    pickle.loads(pickle.dumps(model)).predict(X)
    chainrule.save_model(tmp_path / "m", model)
    assert chainrule.load(tmp_path / "m").callbacks is None


def test_an_older_scikit_learn_has_no_protocol(monkeypatch):
    monkeypatch.setattr(callbacks, "find_spec", lambda name: None)
    model = MLPClassifier(max_iter=2, **SMALL)
    assert not hasattr(model, "set_callbacks")
    model.fit(X, LABELS)


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
            self.calls.append(("begin", context.task_name, context.task_id))

        def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
            self.calls.append(("end", context.task_name, context.task_id))
            if fitted_estimator is not None:
                assert fitted_estimator is not estimator
                self.scores.append(fitted_estimator.score(X, y, **(metadata or {})))
            return context.task_name == "epoch" and context.task_id + 1 == self.last

        def teardown(self, estimator, context):
            self.calls.append("teardown")

    def test_tasks_begin_and_end_in_order(self):
        watcher = self.Watcher()
        model = MLPClassifier(max_iter=3, **SMALL)
        assert model.set_callbacks(watcher) is model
        weight = GENERATOR.uniform(size=60)
        model.fit(X, LABELS, weight)
        epochs = [(what, "epoch", n) for n in range(3) for what in ("begin", "end")]
        assert watcher.calls == [
            "setup", ("begin", "fit", 0), *epochs, ("end", "fit", 0), "teardown"
        ]  # fmt: skip
        assert watcher.scores[-1] == model.score(X, LABELS, weight)
        assert len(watcher.scores) == 4
        model.set_callbacks().fit(X, LABELS)
        assert len(watcher.scores) == 4

    @pytest.mark.parametrize("solver", ["adam", "lbfgs"])
    def test_a_callback_may_end_training(self, solver):
        model = MLPRegressor(solver=solver, **SMALL).set_callbacks(self.Watcher(last=2))
        model.fit(X, T)
        assert (model.n_iter_, model.stopped_because_) == (2, "callback")

    def test_an_error_and_a_divergence_tear_down_too(self):
        watcher = self.Watcher()
        model = MLPRegressor(solver="sgd", learning_rate_init=1e4, **SMALL)
        with pytest.warns(DivergenceWarning):
            model.set_callbacks(watcher).fit(X, T)
        assert watcher.calls[-1] == "teardown"
        model.callbacks = [lambda epoch: 1 / 0]
        with pytest.raises(ZeroDivisionError):
            model.set_params(learning_rate_init=1e-3).fit(X, T)
        assert watcher.calls[-1] == "teardown"
        pickle.loads(pickle.dumps(model.set_params(callbacks=None))).predict(X)

    def test_scikit_learns_own_callbacks(self, capsys):
        pytest.importorskip("rich")
        scores = self.callback.ScoringMonitor(scoring="accuracy")
        model = MLPClassifier(max_iter=5, **SMALL).set_callbacks(
            scores, self.callback.ProgressBar()
        )
        model.fit(X, LABELS)
        rows = [row for row in scores.get_logs().data if row["task_name"] == "epoch"]
        assert len(rows) == 5
        assert rows[-1]["accuracy"] == model.score(X, LABELS)
        assert "MLPClassifier - fit" in capsys.readouterr().out

    def test_in_a_pipeline(self, capsys):
        pytest.importorskip("rich")
        pipeline = make_pipeline(StandardScaler(), MLPClassifier(max_iter=3, **SMALL))
        pipeline.set_callbacks(self.callback.ProgressBar()).fit(X, LABELS)
        assert "MLPClassifier - fit" in capsys.readouterr().out
        pipeline.set_callbacks().fit(X, LABELS)
