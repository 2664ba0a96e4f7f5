"""What keeps a fit small: penalties, smoothed labels, averaged parameters, clipping, dropout."""

import numpy as np
import pytest
from sklearn.linear_model import Lasso

from chainrule import MLPClassifier, MLPRegressor, Network, load, losses, save_model, train
from chainrule.foundation.array_files import read_arrays, write_arrays
from chainrule.foundation.errors import DivergenceWarning, InputError, NoEffectWarning
from chainrule.interop.model_file import KIND

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RANDOM = np.random.default_rng(41)
X = RANDOM.normal(size=(120, 6))
T = 2.0 * X[:, 0] - X[:, 1] + 0.3 * RANDOM.normal(size=120)
BINARY = (T > 0.0).astype(int)
THREE = np.digitize(T, [-1.0, 1.0])


def classifier(**options):
    return MLPClassifier((8,), **{"max_iter": 10, "random_state": 0, "batch_size": 32} | options)


class TestL1:
    def test_l1_of_a_linear_model_is_the_lasso(self):
        model = MLPRegressor(
            hidden_layer_sizes=(),
            alpha=0.0,
            l1=0.2,
            scale_target=False,
            learning_rate="cosine",
            learning_rate_init=0.05,
            max_iter=400,
            n_iter_no_change=np.inf,
            random_state=0,
        ).fit(X, T)
        # theirs is half of ours: sum of squares over 2 n, plus alpha |w|
        theirs = Lasso(alpha=0.1).fit(X, T)
        np.testing.assert_allclose(model.coefs_[0][:, 0], theirs.coef_, atol=2e-3)
        assert (theirs.coef_[2:] == 0.0).any()
        assert model.penalty_curve_[-1] == pytest.approx(0.2 * np.abs(model.coefs_[0]).sum())

    def test_strength_is_a_number_of_at_least_0(self):
        with pytest.raises(InputError, match=r"l1 must be a number of at least 0; got -0\.1"):
            classifier(l1=-0.1).fit(X, BINARY)


class TestLabelSmoothing:
    @pytest.mark.parametrize(
        ("loss", "y", "expected"),
        [
            ("categorical_cross_entropy", [[0.0, 1.0, 0.0, 0.0]], [[0.05, 0.85, 0.05, 0.05]]),
            ("binary_cross_entropy", [[0.0], [1.0]], [[0.1], [0.9]]),
            ("binary_cross_entropy", [[0.0, 1.0, 1.0]], [[0.1, 0.9, 0.9]]),
        ],
    )
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_every_class_gets_its_share(self, loss, y, expected, dtype):
        found = losses[loss].smoothed(np.array(y, dtype), 0.2)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=1e-6)

    def test_two_scores_and_one_score_mean_the_same(self):
        one = losses.binary_cross_entropy.smoothed(np.array([[0.0], [1.0]]), 0.3)
        two = losses.categorical_cross_entropy.smoothed(np.array([[1.0, 0.0], [0.0, 1.0]]), 0.3)
        np.testing.assert_allclose(one[:, 0], two[:, 1], rtol=1e-15)

    @pytest.mark.parametrize("y", [BINARY, THREE, np.c_[BINARY, THREE > 0]])
    def test_a_fit_is_that_on_smoothed_targets(self, y):
        model = classifier(label_smoothing=0.2, alpha=0.0, max_iter=3).fit(X, y)
        network, loss = model.network_, model.objective_.loss
        encoded = y
        if y.ndim == 1 and model.n_outputs_ > 1:
            encoded = np.eye(3)[y]
        soft = 0.8 * encoded + 0.2 / (3 if loss.rowwise else 2)
        options = {"batch_size": 32, "epochs": 3, "optimizer": "adam", "seed": 0}
        *_, last = train(network, X, soft, loss=loss, **options)
        np.testing.assert_array_equal(model.parameters_.vector, last.parameters.vector)
        *_, last = train(network, X, encoded, loss=loss, label_smoothing=0.2, **options)
        np.testing.assert_array_equal(model.parameters_.vector, last.parameters.vector)

    @pytest.mark.parametrize("y", [BINARY, THREE, np.c_[BINARY, THREE > 0]])
    def test_held_out_rows_keep_their_labels(self, y):
        model = classifier(label_smoothing=0.4, max_iter=40, learning_rate_init=0.02)
        model.fit(X, y, X_val=X, y_val=y)
        at = int(np.argmax(model.validation_scores_))
        assert model.score(X, y) > 0.8
        assert model.validation_scores_[at] == pytest.approx(model.score(X, y))
        true = model.objective_.loss(model.predict_proba(X)[:, -model.n_outputs_ :], _target(y))
        assert model.validation_loss_curve_[at] == pytest.approx(float(true), rel=1e-9)

    def test_probabilities_are_less_extreme(self):
        options = {"max_iter": 300, "learning_rate_init": 0.05, "n_iter_no_change": np.inf}
        easy = np.where(BINARY, 1.0, -1.0)[:, None]
        sharp = classifier(**options).fit(easy, BINARY).predict_proba(easy)
        soft = classifier(label_smoothing=0.2, **options).fit(easy, BINARY).predict_proba(easy)
        assert sharp.max() > 0.99
        # the best answer to a target of 0.9 is 0.9
        assert soft.max() == pytest.approx(0.9, abs=0.01)

    def test_it_goes_on_by_partial_fit(self):
        model = classifier(label_smoothing=0.2).partial_fit(X, THREE, classes=[0, 1, 2])
        assert model.loss_curve_[0] > classifier().partial_fit(X, THREE, classes=[0, 1, 2]).loss_

    def test_an_explanation_says_so(self):
        explanation = classifier(label_smoothing=0.2).fit(X, BINARY).explain(X, BINARY)
        assert set(np.unique(explanation.subject.rows.y)) == {0.1, 0.9}
        assert "labels are smoothed as in training, by 0.2" in " ".join(explanation.subject.notes)

    def test_only_probabilities_have_labels_to_smooth(self):
        with pytest.raises(InputError, match=r"label_smoothing must be 0 for mse; got 0\.1"):
            train(Network.of_widths([6, 1]), X, T, label_smoothing=0.1)
        with pytest.raises(InputError, match="label_smoothing must be at least 0 and below 1"):
            classifier(label_smoothing=1.0).fit(X, BINARY)


def _target(y):
    return np.eye(3)[y] if y.ndim == 1 and y.max() > 1 else y.reshape(len(y), -1)


class TestAveraging:
    OPTIONS = {"learning_rate_init": 0.02, "averaging": 0.9}

    @pytest.mark.parametrize("solver", ["sgd", "adam", "rmsprop"])
    def test_the_average_is_shown_and_measured(self, solver):
        live = classifier(solver=solver, learning_rate_init=0.02)
        averaged = classifier(solver=solver, **self.OPTIONS)
        shown = []
        for _ in averaged.fit_epochs(X, BINARY, X_val=X, y_val=BINARY):
            shown.append(averaged._run.state.current.copy())
            p = averaged._predictions_of(_scores(averaged))
            loss = float(averaged.objective_.loss(p, _column()))
            assert averaged.validation_loss_curve_[-1] == pytest.approx(loss, rel=1e-9)
        live.fit(X, BINARY)
        # the steps are the same; what is shown is the mean of those behind
        np.testing.assert_array_equal(averaged._run.state.vector, live.parameters_.vector)
        best = int(np.argmax(averaged.validation_scores_))
        np.testing.assert_array_equal(averaged.parameters_.vector, shown[best])
        assert not np.array_equal(shown[-1], averaged._run.state.vector)

    def test_an_average_is_steadier(self):
        options = {"learning_rate_init": 0.1, "batch_size": 4, "max_iter": 20}
        y = RANDOM.permutation(BINARY)
        plain, averaged = classifier(**options), classifier(averaging=0.99, **options)
        for model in (plain, averaged):
            list(model.fit_epochs(X, y, X_val=X, y_val=y))
        jumps = [np.std(np.diff(m.validation_loss_curve_[5:])) for m in (plain, averaged)]
        assert jumps[1] < 0.5 * jumps[0]

    @pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
    def test_warm_start_goes_on_as_one_long_fit(self, kind):
        options = {"hidden_layer_sizes": (8,), "random_state": 0, "batch_size": 16}
        options |= self.OPTIONS | {"n_iter_no_change": np.inf}
        y = BINARY if kind is MLPClassifier else T
        whole = kind(max_iter=6, **options).fit(X, y)
        parts = kind(max_iter=2, warm_start=True, **options)
        for _ in range(3):
            parts.fit(X, y)
        np.testing.assert_array_equal(parts.parameters_.vector, whole.parameters_.vector)

    def test_edited_parameters_are_what_steps_and_average_go_on_from(self):
        model = classifier(warm_start=True, max_iter=1, **self.OPTIONS).fit(X, BINARY)
        model.intercepts_[-1][:] = 5.0
        model.set_params(learning_rate_init=1e-9).fit(X, BINARY)
        np.testing.assert_allclose(model.intercepts_[-1], 5.0, atol=1e-6)
        np.testing.assert_allclose(model._run.state.vector, model._run.state.current, atol=1e-6)

    @pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
    def test_a_file_holds_the_average_and_goes_on_from_it(self, kind, tmp_path):
        y = BINARY if kind is MLPClassifier else T
        options = {"random_state": 0, "max_iter": 3, "warm_start": True} | self.OPTIONS
        model = kind(hidden_layer_sizes=(8,), **options).fit(X, y)
        save_model(tmp_path / "model", model)
        again = load(tmp_path / "model")
        assert again.averaging == 0.9
        np.testing.assert_array_equal(again.predict(X), model.predict(X))
        np.testing.assert_array_equal(again._run.state.vector, again._run.state.current)
        again.fit(X, y)
        assert np.isfinite(again.loss_)

    def test_an_explanation_is_of_the_average_and_says_so(self):
        model = classifier(**self.OPTIONS).fit(X, BINARY)
        explanation = model.explain(X, BINARY)
        np.testing.assert_array_equal(explanation.subject.vector, model.parameters_.vector)
        assert "the parameters are the average of those of the steps" in " ".join(
            explanation.subject.notes
        )
        chain = explanation.weight(1, 1, 1)
        assert chain.check.status == "passed"
        assert chain.update.memory["average"] == (chain.weight, chain.update.after)

    def test_lbfgs_has_no_steps_to_average(self, tmp_path):
        with pytest.warns(NoEffectWarning, match="averaging=0.9 has no effect"):
            model = classifier(solver="lbfgs", averaging=0.9, batch_size="auto").fit(X, BINARY)
        save_model(tmp_path / "model", model)
        assert load(tmp_path / "model")._run.state.slots == ()


class TestClipping:
    def test_clipping_bounds_every_step(self):
        options = {"solver": "sgd", "momentum": 0.0, "alpha": 0.0, "learning_rate_init": 1.0}
        model = classifier(clip_norm=0.01, batch_size=120, **options)
        before = None
        for _ in model.fit_epochs(X, BINARY):
            now = model.parameters_.vector.copy()
            if before is not None:
                assert np.linalg.norm(now - before) <= 0.01 * (1.0 + 1e-9)
            before = now

    def test_clipping_prevents_divergence(self):
        options = {"solver": "sgd", "learning_rate_init": 0.1, "scale_target": False}
        options |= {"hidden_layer_sizes": (8,), "random_state": 0, "max_iter": 40}
        y = 100.0 * T
        with pytest.warns(DivergenceWarning):
            MLPRegressor(**options).fit(X, y)
        model = MLPRegressor(clip_norm=10.0, **options).fit(X, y)
        assert model.score(X, y) > 0.5

    @pytest.mark.parametrize("bad", [0.0, -1.0, np.inf, "1"])
    def test_a_norm_is_positive(self, bad):
        with pytest.raises(InputError, match="clip_norm must be None or a positive number"):
            classifier(clip_norm=bad).fit(X, BINARY)


def _scores(model):
    return model.network_.forward(np, model._run.state.parameters, X)[0]


def _column():
    return BINARY[:, None]


class TestDropout:
    @pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
    @pytest.mark.parametrize("dropout", [0.3, [0.5, 0.0]])
    def test_a_fit_is_that_of_train(self, kind, dropout):
        y = BINARY if kind is MLPClassifier else T
        options = {"hidden_layer_sizes": (9, 5), "random_state": 4, "batch_size": 32}
        model = kind(dropout=dropout, max_iter=3, alpha=0.0, **options)
        if kind is MLPRegressor:
            model.set_params(scale_target=False)
        model.fit(X, y)
        *_, last = train(
            model.network_, X, y, loss=model.objective_.loss, optimizer="adam", batch_size=32,
            epochs=3, dropout=dropout, seed=4, engine="reference",
        )  # fmt: skip
        np.testing.assert_allclose(
            model.parameters_.vector, last.parameters.vector, rtol=1e-8, atol=1e-10
        )

    def test_the_curve_is_of_steps_and_all_else_of_the_whole_network(self):
        options = {"dropout": 0.5, "alpha": 0.0, "batch_size": 120, "learning_rate_init": 1e-9}
        model = classifier(max_iter=5, **options).fit(X, BINARY, X_val=X, y_val=BINARY)
        assert len(set(np.round(model.validation_loss_curve_, 6))) == 1
        assert len(set(np.round(model.loss_curve_, 6))) == 5

    def test_warm_start_goes_on_as_one_long_fit(self):
        options = {"dropout": 0.4, "n_iter_no_change": np.inf, "batch_size": 16}
        whole = classifier(max_iter=6, **options).fit(X, BINARY)
        parts = classifier(max_iter=2, warm_start=True, **options)
        for _ in range(3):
            parts.fit(X, BINARY)
        np.testing.assert_array_equal(parts.parameters_.vector, whole.parameters_.vector)

    def test_it_keeps_a_wide_network_from_learning_noise(self):
        x, y = RANDOM.normal(size=(60, 10)), RANDOM.integers(0, 2, 60)
        options = {"hidden_layer_sizes": (200,), "random_state": 0, "max_iter": 100, "alpha": 0.0}
        options |= {"learning_rate_init": 0.01, "n_iter_no_change": np.inf}
        sure = [
            MLPClassifier(dropout=dropout, **options).fit(x, y).predict_proba(x).max(axis=1).mean()
            for dropout in (0.0, 0.8)
        ]
        assert sure[0] > 0.99
        assert sure[1] < 0.95

    def test_a_file_keeps_it_and_older_files_have_none(self, tmp_path):
        model = classifier(dropout=[0.25]).fit(X, BINARY)
        save_model(tmp_path / "model", model)
        again = load(tmp_path / "model")
        assert again.dropout == [0.25]
        assert again.objective_.dropout == (0.25,)
        description, arrays = read_arrays(tmp_path / "model", KIND)
        for young in ("dropout", "l1", "averaging", "clip_norm", "label_smoothing"):
            del description["options"][young]
        write_arrays(tmp_path / "old", KIND, description, arrays)
        old = load(tmp_path / "old")
        assert old.objective_.dropout == ()
        np.testing.assert_array_equal(old.predict_proba(X), model.predict_proba(X))

    def test_an_explanation_is_of_the_whole_network_and_says_so(self):
        model = classifier(dropout=0.5).fit(X, BINARY)
        explanation = model.explain(X, BINARY)
        assert "the whole network is explained" in " ".join(explanation.subject.notes)
        assert explanation.check().passed

    @pytest.mark.parametrize("bad", [1.0, -0.1, "0.5", [0.1, 1.5], True])
    def test_shares_are_below_1(self, bad):
        with pytest.raises(InputError, match="dropout must be at least 0 and below 1"):
            classifier(dropout=bad).fit(X, BINARY)

    def test_one_share_for_each_hidden_layer(self):
        with pytest.raises(InputError, match=r"one per hidden layer \(1\); got 2"):
            classifier(dropout=[0.1, 0.2]).fit(X, BINARY)
