"""`class_weight`: how much each label counts."""

import numpy as np
import pytest
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from chainrule import MLPClassifier, load, save_model
from chainrule.foundation.errors import InputError

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # options that lbfgs does not take
    pytest.mark.filterwarnings("ignore::chainrule.foundation.errors.NoEffectWarning"),
]

generator = np.random.default_rng(21)
X = generator.normal(size=(60, 3))
RARE = (X[:, 0] + generator.normal(size=60) > 1.0).astype(int)
THREE = np.array(["oak", "fir", "yew"])[np.arange(60) % 3]
LABELS = np.c_[RARE, (X[:, 1] > 0)].astype(int)
WEIGHT = generator.uniform(0.1, 3.0, size=60)


def small(**options):
    return MLPClassifier(
        **{"hidden_layer_sizes": (6,), "max_iter": 8, "random_state": 0, "batch_size": 16} | options
    )


def same(one, other):
    np.testing.assert_allclose(one.parameters_.vector, other.parameters_.vector, rtol=1e-9)


@pytest.mark.parametrize("batch", [1, 16, 60])
def test_a_dict_is_a_weight_per_row(batch):
    weighted = small(class_weight={0: 1, 1: 5}, batch_size=batch).fit(X, RARE)
    same(weighted, small(batch_size=batch).fit(X, RARE, np.where(RARE, 5.0, 1.0)))
    plain = small(batch_size=batch).fit(X, RARE)
    assert np.abs(weighted.parameters_.vector - plain.parameters_.vector).max() > 1e-3
    assert weighted.class_weight_ == {0: 1.0, 1: 5.0}
    assert plain.class_weight_ is None


def test_balanced_is_that_of_scikit_learn():
    model = small(class_weight="balanced").fit(X, RARE)
    expected = compute_class_weight("balanced", classes=np.array([0, 1]), y=RARE)
    np.testing.assert_allclose(list(model.class_weight_.values()), expected, rtol=1e-12)
    model.fit(X, RARE, WEIGHT)
    counts = np.bincount(RARE, WEIGHT)
    by_hand = WEIGHT.sum() / (2 * counts)
    np.testing.assert_allclose(list(model.class_weight_.values()), by_hand, rtol=1e-12)
    same(model, small().fit(X, RARE, WEIGHT * by_hand[RARE]))


def test_the_rare_class_is_found_more_often():
    options = {"max_iter": 100, "learning_rate_init": 0.01}
    plain = small(**options).fit(X, RARE)
    balanced = small(class_weight="balanced", **options).fit(X, RARE)
    assert balanced.predict_proba(X)[:, 1].mean() > plain.predict_proba(X)[:, 1].mean() + 0.1


def test_sample_weights_multiply():
    weights = {"oak": 1.0, "fir": 2.0, "yew": 0.5}
    model = small(class_weight=weights).fit(X, THREE, WEIGHT)
    by_row = WEIGHT * np.array([weights[label] for label in THREE])
    same(model, small().fit(X, THREE, by_row))


@pytest.mark.filterwarnings("ignore::chainrule.foundation.errors.NoEffectWarning")
def test_a_class_of_weight_0_is_absent():
    options = {"solver": "lbfgs", "alpha": 1e-3}
    model = small(class_weight={"oak": 1, "fir": 0, "yew": 1}, **options)
    model.fit(X, THREE)
    weight = np.where(THREE == "fir", 0.0, 1.0)
    same(model, small(**options).fit(X, THREE, weight))
    assert "fir" not in model.predict(X)
    with pytest.raises(InputError, match="must leave a row of positive weight"):
        model.fit(X, THREE, 1.0 - weight)


@pytest.mark.parametrize(
    "choice", [[{0: 1, 1: 3}, {0: 1, 1: 1}], [{0: 1, 1: 3}, {0: 2, 1: 1}], "balanced"]
)
def test_multilabel_weights_are_those_of_scikit_learn(choice):
    model = small(class_weight=choice).fit(X, LABELS)
    same(model, small().fit(X, LABELS, compute_sample_weight(choice, LABELS)))
    assert [list(one) for one in model.class_weight_] == [[0, 1], [0, 1]]


def test_labels_without_a_weight_count_1_and_labels_of_other_rows_are_ignored():
    part = small(class_weight={"yew": 3}).fit(X, THREE)
    assert part.class_weight_ == {"oak": 1.0, "fir": 1.0, "yew": 3.0}
    same(part, small().fit(X, THREE, compute_sample_weight({"yew": 3}, THREE)))
    more = {"oak": 1, "fir": 1, "yew": 3, "elm": 7}
    same(part, small(class_weight=more).fit(X, THREE))
    same(
        small(class_weight=[{1: 3}, {}]).fit(X, LABELS),
        small(class_weight=[{0: 1, 1: 3}, {0: 1, 1: 1}]).fit(X, LABELS),
    )


def test_held_out_rows_are_weighted_by_the_same_rule():
    weights = {0: 1.0, 1: 5.0}
    model = small(class_weight=weights).fit(X[:40], RARE[:40], X_val=X[40:], y_val=RARE[40:])
    best = int(np.argmax(model.validation_scores_))
    weight = np.where(RARE[40:], 5.0, 1.0)
    found = np.average(model.predict(X[40:]) == RARE[40:], weights=weight)
    assert found == pytest.approx(model.validation_scores_[best])
    loss = log_loss(RARE[40:], model.predict_proba(X[40:]), sample_weight=weight)
    assert loss == pytest.approx(model.validation_loss_curve_[best])
    inside = small(class_weight=weights, early_stopping=True, validation_fraction=0.3)
    other = small(early_stopping=True, validation_fraction=0.3)
    other.fit(X, RARE, np.where(RARE, 5.0, 1.0))
    assert inside.fit(X, RARE).validation_loss_curve_ == pytest.approx(other.validation_loss_curve_)


def test_class_weights_act_when_training_continues():
    weights = {"oak": 1, "fir": 2, "yew": 0.5}
    steps = small(class_weight=weights)
    for _ in range(3):
        steps.partial_fit(X, THREE, classes=np.unique(THREE))
    same(steps, small(class_weight=weights, max_iter=3).fit(X, THREE))
    warm = small(class_weight=weights, max_iter=1, warm_start=True)
    for _ in range(3):
        warm.fit(X, THREE)
    same(warm, steps)
    with pytest.raises(InputError, match="must be a dict for partial_fit"):
        small(class_weight="balanced").partial_fit(X, THREE, classes=np.unique(THREE))


@pytest.mark.parametrize(
    ("choice", "y", "message"),
    [
        ({"oak": 1, "fir": 2, "elm": 3}, THREE, "got 'elm'"),
        (
            {"oak": 10**400},
            THREE,
            r"class_weight\['oak'\] must .* got a whole number of 1",
        ),
        ({0: 1, 1: -2}, RARE, r"class_weight\[1\] must be a number of at least 0; got -2"),
        ({0: 1, 1: np.nan}, RARE, r"class_weight\[1\] must be a number of at least 0; got nan"),
        ({0: 1, 1: "two"}, RARE, r"class_weight\[1\] must be a number of at least 0; got 'two'"),
        ("balance", RARE, "class_weight must be None, 'balanced', a dict by label"),
        (3, RARE, "class_weight must be None, 'balanced', a dict by label"),
        ([{0: 1, 1: 2}], RARE, "A list of dicts is for multilabel targets"),
        ({0: 1, 1: 2}, LABELS, "a list with one dict per label"),
        ([{0: 1, 1: 2}], LABELS, "one dict per label, 2 in all; got 1"),
        ([{0: 1, 1: 2}, {0: 1, 2: 1}], LABELS, r"class_weight\[1\] must have labels of y .* got 2"),
    ],
)
def test_invalid_weights_are_named(choice, y, message):
    with pytest.raises(InputError, match=message):
        small(class_weight=choice).fit(X, y)


@pytest.mark.parametrize(
    "labels", [RARE.astype(bool), RARE.astype(np.uint8), RARE * 2.0, np.where(RARE, "yes", "no")]
)
def test_keys_are_labels_of_any_kind(labels):
    high, low = labels[RARE == 1][0], labels[RARE == 0][0]
    model = small(class_weight={low: 1, high: 5}).fit(X, labels)
    same(model, small(class_weight={0: 1, 1: 5}).fit(X, RARE))


@pytest.mark.parametrize("choice", [{"oak": 1, "fir": 2, "yew": 0.5}, "balanced"])
def test_class_weights_are_saved(choice, tmp_path):
    model = small(class_weight=choice).fit(X, THREE)
    save_model(tmp_path / "model", model)
    loaded = load(tmp_path / "model")
    assert loaded.class_weight == choice
    assert loaded.class_weight_ == model.class_weight_
    assert loaded.explain(X, THREE).weight(layer=1, unit=1, to=1).gradient == pytest.approx(
        model.explain(X, THREE).weight(layer=1, unit=1, to=1).gradient
    )
