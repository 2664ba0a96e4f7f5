"""Training step by step: the same bits as epochs, and the contents of a step."""

import subprocess
import sys
import warnings

import numpy as np
import pytest

from chainrule import (
    Dense,
    DivergenceError,
    InputError,
    Network,
    NoEffectWarning,
    Objective,
    TrainingState,
    optimizers,
    steps,
    train,
)
from chainrule.engines.reference import ReferenceEngine
from chainrule.formulas.cross_entropies import sigmoid

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(53, 3))
Y = X[:, 0] - 2.0 * X[:, 1]
WEIGHT = RANDOM.uniform(0.0, 3.0, 53)
NETWORK = Network(Dense(3, 6, "relu"), Dense(6, 1))
OPTIONS = {"batch_size": 10, "learning_rate": 0.01, "seed": 4}
KINDS = {
    "plain": {},
    "weighted": {"sample_weight": WEIGHT},
    "adam, dropout, penalties": {"optimizer": "adam", "dropout": 0.3, "l2": 0.1, "l1": 0.01},
    "clipped and averaged": {"optimizer": optimizers.get("sgd", clip_norm=0.5, averaging=0.9)},
    "schedule, in order": {"schedule": "cosine", "shuffle": False},
    "float32": {"dtype": "float32", "optimizer": "adamw"},
    "without the short batch": {"drop_last": True},
}


def trained(**options):
    return [(epoch.loss, epoch.parameters.vector.copy())
            for epoch in train(NETWORK, X, Y, **OPTIONS, **options)]  # fmt: skip


class Counting(ReferenceEngine):
    calls = 0

    def epoch(self, *arguments):
        self.calls += 1
        return super().epoch(*arguments)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("engine", ["reference", "compiled"])
class TestSameBits:
    def test_with_a_hook_and_without(self, engine, kind):
        options = {**KINDS[kind], "engine": engine, "epochs": 3}
        seen = []
        watched = trained(**options, on_step=lambda step: seen.append(step.gradient))
        for (loss, vector), (expected, other) in zip(watched, trained(**options), strict=True):
            assert loss == expected
            np.testing.assert_array_equal(vector, other)
        assert len(seen) == 3 * (5 if kind == "without the short batch" else 6)

    def test_step_by_step(self, engine, kind):
        options = {**KINDS[kind], "engine": engine, "epochs": 3}
        *_, step = steps(NETWORK, X, Y, **OPTIONS, **options)
        np.testing.assert_array_equal(step.parameters.vector, trained(**options)[-1][1])
        assert step.state.epoch == 3

    def test_a_resumed_run_too(self, engine, kind):
        options = {**OPTIONS, **KINDS[kind], "engine": engine}
        if kind == "schedule, in order":
            pytest.skip("a planned end depends on the number of epochs asked for")
        *_, epoch = train(NETWORK, X, Y, **options, epochs=2)
        *_, step = steps(NETWORK, X, Y, **options, epochs=1, state=epoch.state)
        expected = trained(**KINDS[kind], engine=engine, epochs=3)[-1][1]
        np.testing.assert_array_equal(step.parameters.vector, expected)


class TestWhatAStepTells:
    def test_batches_are_those_of_the_seed_and_make_an_epoch(self):
        made = list(steps(NETWORK, X, Y, **OPTIONS, epochs=2))
        assert [step.number for step in made] == list(range(1, 13))
        assert [step.epoch for step in made] == [1] * 6 + [2] * 6
        assert [len(step.batch) for step in made[:6]] == [10] * 5 + [3]
        first, second = (np.concatenate([s.batch for s in made[k : k + 6]]) for k in (0, 6))
        assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(53))
        assert not np.array_equal(first, second)

    def test_loss_and_gradient_are_of_the_batch_before_the_step(self):
        for step in steps(NETWORK, X, Y, **OPTIONS, epochs=2):
            x, y = X[step.batch], Y[step.batch]
            answers = NETWORK(step.before, x)[:, 0]
            assert step.loss == pytest.approx(np.mean((answers - y) ** 2), rel=1e-12)
            expected = NETWORK.gradient(step.before, x, y).vector
            np.testing.assert_allclose(step.gradient.vector, expected, rtol=1e-12, atol=1e-15)
            assert step.learning_rate == 0.01

    @pytest.mark.parametrize("kind", ["weighted", "plain"])
    @pytest.mark.parametrize("dropout", [0.0, 0.4])
    def test_the_gradient_is_the_one_the_step_took(self, kind, dropout):
        options = {**OPTIONS, **KINDS[kind], "dropout": dropout, "l2": 0.3}
        for step in steps(NETWORK, X, Y, **options, epochs=2):
            moved = step.before.vector - 0.01 * step.gradient.vector
            np.testing.assert_allclose(step.parameters.vector, moved, rtol=1e-12, atol=1e-15)

    def test_a_batch_without_weight_makes_no_step(self):
        weight = np.where(np.arange(53) < 10, 0.0, 1.0)
        made = steps(NETWORK, X, Y, **OPTIONS, shuffle=False, sample_weight=weight, l2=0.5)
        step = next(made)
        assert np.isnan(step.loss)
        assert not step.gradient.vector.any()
        np.testing.assert_array_equal(step.parameters.vector, step.before.vector)
        assert next(made).gradient.vector.any()

    def test_a_step_prints_as_one_short_line(self):
        step = next(steps(NETWORK, X, Y, **OPTIONS))
        assert repr(step) == f"step 1  epoch 1  10 rows  loss {step.loss:.6g}"

    def test_a_loop_left_early_leaves_the_steps_made(self):
        state = TrainingState.start(NETWORK, optimizers.sgd, seed=4)
        for step in steps(NETWORK, X, Y, **OPTIONS, state=state):
            if step.number == 4:
                break
        assert state.step == 4
        moved = step.before.vector - 0.01 * step.gradient.vector
        np.testing.assert_allclose(state.vector, moved, rtol=1e-12)


class TestHook:
    def test_without_it_an_epoch_is_one_call_of_the_engine(self):
        engine = Counting(Objective(NETWORK, "mse"), optimizers.sgd)
        list(train(NETWORK, X, Y, **OPTIONS, epochs=4, engine=engine))
        assert engine.calls == 5  # the first batch alone says what divergence is
        list(train(NETWORK, X, Y, **OPTIONS, epochs=1, engine=engine, on_step=lambda step: None))
        assert engine.calls == 5 + 6

    def test_no_gradient_is_computed_unasked(self, monkeypatch):
        def refuse(*arguments):
            raise AssertionError("a gradient was computed")

        monkeypatch.setattr(ReferenceEngine, "step_gradient", refuse)
        seen = []
        list(train(NETWORK, X, Y, **OPTIONS, epochs=1, on_step=seen.append))
        assert [step.number for step in seen] == [1, 2, 3, 4, 5, 6]

    def test_its_error_takes_the_epoch_back(self):
        state = TrainingState.start(NETWORK, optimizers.sgd, seed=4)
        before = state.vector.tobytes()

        def fail(step):
            if step.number == 3:
                raise ValueError("enough")

        with pytest.raises(ValueError, match="enough"):
            list(train(NETWORK, X, Y, **OPTIONS, state=state, on_step=fail))
        assert state.vector.tobytes() == before
        assert state.step == 0

    def test_divergence_is_the_same(self):
        errors = []
        options = {**OPTIONS, "learning_rate": 1e3}
        for extra in ({}, {"on_step": lambda step: None}):
            with pytest.raises(DivergenceError) as caught:
                list(train(NETWORK, X, Y, **options, **extra))
            errors.append(str(caught.value))
        with pytest.raises(DivergenceError) as caught:
            list(steps(NETWORK, X, Y, **options, epochs=100))
        assert errors == [str(caught.value)] * 2


class TestAnswersOfAnEpoch:
    def test_probabilities_of_a_cross_entropy(self):
        *_, epoch = train(NETWORK, X, Y > 0, loss="binary_cross_entropy", epochs=5, **OPTIONS)
        chances = epoch.predict(X)
        np.testing.assert_allclose(chances, sigmoid(epoch.network(epoch.parameters, X)), rtol=1e-15)
        assert 0.0 < chances.min() < chances.max() < 1.0
        assert epoch.predict(X[0]).shape == (1,)

    def test_probabilities_of_classes_add_up(self):
        three = Network(Dense(3, 3))
        loss = "categorical_cross_entropy"
        *_, epoch = train(three, X, np.arange(53) % 3, loss=loss, epochs=2, **OPTIONS)
        np.testing.assert_allclose(epoch.predict(X).sum(axis=1), 1.0, rtol=1e-12)
        assert epoch.predict(X[0].tolist()).shape == (3,)
        *_, step = steps(three, X, np.arange(53) % 3, loss=loss, epochs=2, **OPTIONS)
        np.testing.assert_array_equal(step.predict(X), epoch.predict(X))

    def test_numbers_are_the_scores(self):
        *_, epoch = train(NETWORK, X, Y, epochs=2, **OPTIONS)
        np.testing.assert_array_equal(epoch.predict(X), epoch.network(epoch.parameters, X))

    def test_the_network_is_the_one_trained(self):
        *_, epoch = train(NETWORK, X, Y, epochs=1)
        assert epoch.network is NETWORK
        assert epoch.member is None

    def test_an_estimator_answers_for_itself(self):
        from chainrule import MLPRegressor

        for epoch in MLPRegressor(hidden_layer_sizes=(3,), max_iter=1).fit_epochs(X, 100.0 + Y):
            with pytest.raises(InputError, match="Call predict or predict_proba of the estimator"):
                epoch.predict(X)


NOTHING = {
    "train": lambda: train(NETWORK, X, Y),
    "steps": lambda: steps(NETWORK, X, Y),
}


def fit_epochs():
    from chainrule import MLPRegressor

    return MLPRegressor(hidden_layer_sizes=(3,), max_iter=2).fit_epochs(X, Y)


@pytest.mark.parametrize("call", [*NOTHING, "fit_epochs"])
class TestWithoutALoop:
    @pytest.fixture
    @staticmethod
    def make(call):
        return {**NOTHING, "fit_epochs": fit_epochs}[call]

    def test_an_unused_iterator_warns_that_nothing_was_trained(self, make, call):
        with pytest.warns(NoEffectWarning, match=f"{call} trained nothing.* in {call}") as found:
            make()
        assert found[0].filename == __file__

    def test_no_warning_after_the_first_step(self, make, call):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            next(make())
            for _ in make():
                break
            list(make())

    def test_no_warning_for_a_closed_iterator(self, make, call):
        make().close()


def test_a_run_answers_as_a_generator_does():
    run = train(NETWORK, X, Y, epochs=9)
    assert run.send(None).number == 1
    with pytest.raises(StopIteration) as ended:
        run.send(True)
    assert ended.value.value.reason == "callback"
    run = train(NETWORK, X, Y, epochs=9)
    next(run)
    with pytest.raises(KeyError):
        run.throw(KeyError("from outside"))
    assert list(run) == []


@pytest.mark.slow
def test_the_end_of_python_says_nothing():
    code = (
        "from chainrule import Dense, Network, train\n"
        "run = train(Network(Dense(1, 1)), [[1.0], [2.0]], [1.0, 2.0])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
