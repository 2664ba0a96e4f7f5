"""What `MLPClassifier` promises beyond scikit-learn's own checks."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.preprocessing import scale

from chainrule import MLPClassifier, losses, optimizers, schedules
from chainrule.estimators.run import Run
from chainrule.foundation.errors import InputError

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # a few held-out rows stop a short training early
    pytest.mark.filterwarnings("ignore:the network predicts class"),
    # one set of options for all solvers
    pytest.mark.filterwarnings("ignore::chainrule.foundation.errors.NoEffectWarning"),
]

generator = np.random.default_rng(20)
X = generator.normal(size=(60, 3))
BINARY = (X[:, 0] > 0).astype(int)
THREE = np.arange(60) % 3
NOISE = generator.permutation(BINARY)
LABELS = np.c_[BINARY, (X[:, 1] > 0)].astype(int)


def small(**options):
    return MLPClassifier(
        **{"hidden_layer_sizes": (8,), "max_iter": 30, "random_state": 0} | options
    )


@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw", "rmsprop", "lbfgs"])
def test_every_solver_learns_digits(solver):
    data, y = load_digits(return_X_y=True)
    train, test, y_train, y_test = train_test_split(data / 16, y, random_state=0, stratify=y)
    rate = {"sgd": 0.1, "rmsprop": 0.003}.get(solver, 0.005)
    model = MLPClassifier(
        (32,), solver=solver, learning_rate_init=rate, batch_size=64, max_iter=40, random_state=0
    ).fit(train, y_train)
    assert model.score(test, y_test) > 0.94
    assert model.loss_curve_[-1] < 0.25 * model.loss_curve_[0]
    assert len(model.loss_curve_) == model.n_iter_


def test_binary():
    data, y = load_breast_cancer(return_X_y=True)
    model = small(learning_rate_init=0.01).fit(scale(data), y)
    p = model.predict_proba(scale(data))
    assert p.shape == (len(y), 2)
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-15)
    assert model.out_activation_ == "logistic"
    assert model.n_outputs_ == 1
    np.testing.assert_array_equal(model.predict(scale(data)), model.classes_[p.argmax(axis=1)])
    assert model.score(scale(data), y) > 0.97


def test_two_classes_with_softmax():
    model = small(loss="categorical_cross_entropy").fit(X, BINARY)
    assert model.n_outputs_ == 2
    assert model.predict_proba(X).shape == (60, 2)
    assert model.predict_log_proba(X).shape == (60, 2)


def test_multilabel_probabilities_are_independent():
    model = small().fit(X, LABELS)
    p = model.predict_proba(X)
    assert p.shape == (60, 2)
    assert not np.allclose(p.sum(axis=1), 1.0)
    np.testing.assert_array_equal(model.predict(X), (p > 0.5).astype(int))
    assert small(max_iter=300, learning_rate_init=0.02).fit(X, LABELS).score(X, LABELS) > 0.9


@pytest.mark.parametrize(
    "labels",
    [
        THREE * 10 + 5,
        np.array(["oak", "fir", "yew"])[THREE],
        np.array(["oak", "fir", "yew"], dtype=object)[THREE],
        (THREE + 2).astype(object),
        BINARY.astype(np.uint8),
        BINARY.astype(np.int8),
        BINARY.astype(bool),
        np.where(BINARY, "yes", "no"),
        THREE.astype(float),
    ],
    ids=lambda labels: str(np.asarray(labels).dtype),
)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_labels_of_every_kind_come_back(labels, early_stopping):
    model = small(early_stopping=early_stopping, validation_fraction=0.2).fit(X, labels)
    predicted = model.predict(X)
    assert predicted.dtype == (labels.dtype if labels[0] != 2 else int)
    assert set(predicted.tolist()) <= set(labels.tolist())


def test_log_probabilities_are_finite_far_out():
    model = small().fit(X, BINARY)
    far = model.predict_log_proba(X * 1e6)
    assert np.all(np.isfinite(far))
    assert far.min() < -1e5
    three = small().fit(X, THREE).predict_log_proba(X * 1e6)
    assert np.all(np.isfinite(three))
    np.testing.assert_allclose(
        np.exp(model.predict_log_proba(X)), model.predict_proba(X), rtol=1e-12
    )


def test_loss_curve_is_the_mean_over_rows():
    model = small(batch_size=7, learning_rate_init=1e-300, max_iter=1).fit(X, THREE)
    assert model.loss_ == pytest.approx(log_loss(THREE, model.predict_proba(X)), rel=1e-12)


def test_partial_fit_needs_classes_once(contents):
    model = small()
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, THREE)
    model.partial_fit(X[:6], ["oak", "fir"] * 3, classes=["fir", "oak", "yew"])
    model.partial_fit(X[6:8], ["yew", "yew"])
    assert model.predict_proba(X).shape == (60, 3)
    before = contents(model)
    with pytest.raises(ValueError, match="'elm' in row 1"):
        model.partial_fit(X[:2], ["oak", "elm"])
    with pytest.raises(ValueError, match="classes must be those of the first call"):
        model.partial_fit(X[:2], ["oak", "fir"], classes=["oak", "fir"])
    assert contents(model) == before


def test_partial_fit_is_refused_where_rows_are_held_out_or_all_needed():
    model = small(early_stopping=True).fit(X, BINARY)
    with pytest.raises(ValueError, match="early_stopping must be False"):
        model.partial_fit(X, BINARY)
    assert not hasattr(small(solver="lbfgs"), "partial_fit")
    with pytest.raises(ValueError, match="planned end"):
        small(learning_rate="cosine").partial_fit(X, BINARY, classes=[0, 1])


@pytest.mark.parametrize(
    "options", [{}, {"early_stopping": True, "tol": 0.0, "n_iter_no_change": 99}]
)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_many_short_fits_equal_a_long_one(solver, options):
    long = small(solver=solver, max_iter=12, batch_size=16, **options).fit(X, THREE)
    short = small(solver=solver, max_iter=3, batch_size=16, warm_start=True, **options)
    for _ in range(4):
        short.fit(X, THREE)
        assert short.n_iter_ == 3
    np.testing.assert_array_equal(short._run.state.vector, long._run.state.vector)
    assert short.loss_curve_ == long.loss_curve_
    assert short.t_ == long.t_


def test_partial_fits_equal_a_fit():
    long = small(max_iter=5, batch_size=16).fit(X, THREE)
    steps = small(batch_size=16)
    for _ in range(5):
        steps.partial_fit(X, THREE, classes=[0, 1, 2])
    np.testing.assert_array_equal(steps.parameters_.vector, long.parameters_.vector)
    assert steps.n_iter_ == 5


def test_a_rate_set_anew_is_used():
    model = small(solver="sgd", momentum=0.0, alpha=0.0, batch_size=60)
    model.partial_fit(X, BINARY, classes=[0, 1])
    start = model.parameters_.vector.copy()
    slow = copy.deepcopy(model).partial_fit(X, BINARY).parameters_.vector - start
    fast = model.set_params(learning_rate_init=0.5).partial_fit(X, BINARY).parameters_.vector
    np.testing.assert_allclose(fast - start, slow * 500, rtol=1e-9, atol=1e-12)
    with pytest.raises(ValueError, match="solver must stay 'sgd'"):
        model.set_params(solver="rmsprop").partial_fit(X, BINARY)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_too_few_evaluations_for_lbfgs_are_said(early_stopping):
    model = small(
        solver="lbfgs", max_fun=10, max_iter=500, tol=0.0, early_stopping=early_stopping,
        n_iter_no_change=500,
    )  # fmt: skip
    with pytest.warns(ConvergenceWarning, match="max_fun=10 evaluations.*Raise max_fun"):
        model.fit(X, NOISE)
    assert model.stopped_because_ == "max_fun"


def test_early_stopping_keeps_the_best():
    model = small(hidden_layer_sizes=(64,), max_iter=500, learning_rate_init=0.02)
    model.fit(X[:40], NOISE[:40], X_val=X[40:], y_val=NOISE[40:])
    assert model.stopped_because_ == "no_improvement"
    assert model.n_iter_ < 500
    assert len(model.validation_loss_curve_) == len(model.validation_scores_) == model.n_iter_
    assert model.score(X[40:], NOISE[40:]) == model.best_validation_score_
    assert model.best_loss_ is None
    lowest = model.set_params(monitor="loss").fit(
        X[:40], NOISE[:40], X_val=X[40:], y_val=NOISE[40:]
    )
    found = log_loss(NOISE[40:], lowest.predict_proba(X[40:]))
    assert found == pytest.approx(min(lowest.validation_loss_curve_), rel=1e-12)


def test_the_best_comes_back_at_the_last_epoch_too():
    model = small(
        hidden_layer_sizes=(64,), learning_rate_init=0.02, n_iter_no_change=1000, monitor="loss"
    )
    model.fit(X[:40], NOISE[:40], X_val=X[40:], y_val=NOISE[40:])
    found = log_loss(NOISE[40:], model.predict_proba(X[40:]))
    assert min(model.validation_loss_curve_) < model.validation_loss_curve_[-1]
    assert found == pytest.approx(min(model.validation_loss_curve_), rel=1e-12)


def test_the_split_keeps_every_class_on_both_sides(monkeypatch):
    order = np.argsort(THREE)
    seen = []
    model = small(early_stopping=True, validation_fraction=0.2)
    original = Run.rows
    monkeypatch.setattr(
        Run,
        "rows",
        lambda run, samples, *rest: seen.append(samples.y) or original(run, samples, *rest),
    )
    model.fit(X[order], THREE[order])
    kept, held = seen
    np.testing.assert_array_equal(np.bincount(held), [4, 4, 4])
    np.testing.assert_array_equal(np.bincount(kept), [16, 16, 16])


@pytest.mark.parametrize(
    ("rows", "labels", "message"),
    [
        (12, [0] * 6 + [1] * 5 + [2], r"class .*2.* has 1"),
        (2, [0, 1], "at least 2 rows and leave 1; got 0.1 of 2 rows"),
        (30, list(range(10)) * 3, "each of 10 classes"),
    ],
)
def test_a_split_that_cannot_be_says_why(rows, labels, message):
    with pytest.raises(InputError, match=message):
        small(early_stopping=True).fit(X[:rows], labels)


def test_validation_rows_of_an_unknown_class():
    labels = np.where(np.arange(20) == 0, 9, BINARY[40:])
    with pytest.raises(InputError, match="9 in row 0"):
        small().fit(X[:40], BINARY[:40], X_val=X[40:], y_val=labels)
    with pytest.raises(InputError, match="given together"):
        small().fit(X, BINARY, X_val=X)


def test_records_serve_as_options_and_a_list_as_activations():
    model = MLPClassifier(
        (6, 4),
        ["tanh", "leaky_relu"],
        solver=optimizers.get("sgd", momentum=0.5),
        learning_rate=schedules.get("step", every=2),
        loss=losses.categorical_cross_entropy,
        learning_rate_init=0.1,
        max_iter=4,
        random_state=1,
    ).fit(X, THREE)
    assert [layer.activation.name for layer in model.network_.layers] == [
        "tanh",
        "leaky_relu",
        "linear",
    ]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_bits_for_any_number_of_threads(dtype):
    wide = np.random.default_rng(1).normal(size=(600, 50))
    y = (wide[:, 0] > 0).astype(int)
    options = {"hidden_layer_sizes": (200, 200), "batch_size": 300, "max_iter": 2, "dtype": dtype}
    fits = [small(n_threads=threads, **options).fit(wide, y) for threads in (1, 2, 3, None)]
    for other in fits[1:]:
        assert other.parameters_.vector.tobytes() == fits[0].parameters_.vector.tobytes()
        assert other.predict_proba(wide).tobytes() == fits[0].predict_proba(wide).tobytes()
    with pytest.raises(ValueError, match="n_threads must be None or a positive integer"):
        small(n_threads=0).fit(wide, y)


def test_a_batch_size_by_the_noise_of_the_gradient():
    data, y = load_digits(return_X_y=True)
    model = small(batch_size="noise", max_iter=3).fit(data / 16, y)
    assert model.batch_size_ in (32, 64, 128, 256, 512, 1024)
    assert "noise scale" in model.batch_size_reason_
    again = small(batch_size="noise", max_iter=3).fit(data / 16, y)
    np.testing.assert_array_equal(again.parameters_.vector, model.parameters_.vector)


def test_no_hidden_layer_is_logistic_regression():
    from sklearn.linear_model import LogisticRegression

    data, y = load_iris(return_X_y=True)
    data = scale(data)
    ours = MLPClassifier((), solver="lbfgs", alpha=0.01, tol=1e-9, max_iter=2000).fit(data, y)
    theirs = LogisticRegression(C=1 / (0.01 * len(y)), tol=1e-10, max_iter=2000).fit(data, y)
    np.testing.assert_allclose(ours.predict_proba(data), theirs.predict_proba(data), atol=1e-5)


def test_weights_of_zero_are_absent_rows():
    weight = (np.arange(60) % 2).astype(float)
    options = {"solver": "lbfgs", "alpha": 1e-3, "max_iter": 20}
    weighted = small(**options).fit(X, BINARY, weight)
    kept = small(**options).fit(X[1::2], BINARY[1::2])
    np.testing.assert_allclose(weighted.parameters_.vector, kept.parameters_.vector, rtol=1e-6)


def test_a_batch_of_absent_rows_is_skipped():
    weight = np.ones(60)
    weight[:30] = 0.0
    model = small(batch_size=30, shuffle=False).fit(X, BINARY, weight)
    assert np.all(np.isfinite(model.parameters_.vector))


def test_copies_work_before_and_after_fit():
    for model in (small(), small().fit(X, THREE)):
        for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            if hasattr(model, "parameters_"):
                np.testing.assert_array_equal(copied.predict_proba(X), model.predict_proba(X))
                copied.set_params(warm_start=True, max_iter=1).fit(X, THREE)


def test_edited_weights_are_used():
    model = small().fit(X, BINARY)
    model.coefs_[-1][:] = 0.0
    model.intercepts_[-1][:] = 3.0
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], 1 / (1 + np.exp(-3.0)))
    model.intercepts_ = [bias * 0.0 for bias in model.intercepts_]
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], 0.5)
    model.set_params(learning_rate_init=1e-300).partial_fit(X, BINARY)
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], 0.5)
    with pytest.raises(AttributeError, match="before it is fitted"):
        small().coefs_  # noqa: B018


@pytest.mark.parametrize(
    "other",
    [
        lambda arrays: [array[:1] for array in arrays],
        lambda arrays: [0.0 for _ in arrays],
        lambda arrays: arrays[:-1],
        lambda arrays: [2.0 * arrays[0], arrays[1][:, None]],
        lambda arrays: [2.0 * arrays[0], np.full(arrays[1].shape, "a")],
    ],
    ids=["one row", "numbers", "a layer less", "a dimension more", "text"],
)
@pytest.mark.parametrize("name", ["coefs_", "intercepts_"])
def test_weights_of_other_shapes_are_refused_and_nothing_is_broadcast(name, other, contents):
    model = small().fit(X, THREE)
    wrong = other(getattr(model, name))
    before = contents(model)
    with pytest.raises(ValueError, match=rf"{name} must be one array per layer|could not convert"):
        setattr(model, name, wrong)
    assert contents(model) == before


def test_the_loop_can_be_left_and_the_estimator_is_fitted():
    model = small(early_stopping=True)
    for epoch in model.fit_epochs(X, THREE):
        assert model.predict(X).shape == (60,)
        if epoch.number == 3:
            break
    assert model.n_iter_ == 3
    assert model.stopped_because_ == "interrupted"
    assert len(model.loss_curve_) == 3


def test_the_seed_used_is_kept_and_the_global_one_untouched(global_random_state):
    before = global_random_state()
    model = small(random_state=None).fit(X, BINARY)
    assert global_random_state() == before
    again = small(random_state=model.seed_).fit(X, BINARY)
    np.testing.assert_array_equal(again.parameters_.vector, model.parameters_.vector)


def test_warnings_and_lines(capsys):
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        small(max_iter=2, verbose=True, early_stopping=True).fit(X, BINARY)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("epoch 1  loss ")
    assert "validation score" in lines[1]


def test_grid_search_with_two_jobs():
    search = GridSearchCV(small(), {"alpha": [0.0, 1.0]}, cv=2, n_jobs=2).fit(X, BINARY)
    one = GridSearchCV(small(), {"alpha": [0.0, 1.0]}, cv=2, n_jobs=1).fit(X, BINARY)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], one.cv_results_["mean_test_score"]
    )


def test_any_number_of_rows_per_batch():
    for rows in (1, 2, 59):
        model = small(batch_size=rows, max_iter=2).fit(X, BINARY)
        assert model.t_ == 120
