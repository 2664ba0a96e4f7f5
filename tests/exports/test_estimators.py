"""Fitted estimators of arrays, exported: classes, labels, numbers, quantiles and ensembles."""

import numpy as np
import pytest

from chainrule import MLPClassifier, MLPRegressor, losses
from chainrule.formulas.records import Activation
from chainrule.foundation.errors import InputError

generator = np.random.default_rng(25)
X = generator.normal(size=(120, 3))
SIDE = (X[:, 0] > 0).astype(int)
THREE = np.array(["fir", "oak", "yew"])[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0)]
LABELS = np.c_[SIDE, X[:, 1] > 0].astype(int)
T = 10.0 * X[:, 0] - X[:, 1]
COUNTS = np.floor(np.exp(X[:, 0]))
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 5, "learning_rate": "cosine", "random_state": 0}
SMALL |= {"learning_rate_init": 0.02, "batch_size": 16}
LEVELS = losses.get("quantile", q=(0.1, 0.6, 0.9))


def classifier(y, **options):
    return MLPClassifier(**SMALL | options).fit(X, y)


def regressor(y, **options):
    return MLPRegressor(**SMALL | options).fit(X, y)


CLASSIFIERS = {
    "two": (SIDE, {}),
    "three": (THREE, {}),
    "labels": (LABELS, {}),
    "softmax of two": (SIDE, {"loss": "categorical_cross_entropy"}),
    "one": (np.full(120, "fir"), {}),
    "ensemble": (THREE, {"n_estimators": 3}),
    "ensemble of two": (SIDE, {"n_estimators": 3}),
    "truths": (X[:, 0] > 0, {}),
    "decimals": (SIDE + 1.0, {}),
}
REGRESSORS = {
    "one target": (T, {}),
    "two targets": (np.c_[T, -T], {}),
    "counts": (COUNTS, {"loss": "poisson"}),
    "quantiles": (T, {"loss": LEVELS}),
    "ensemble": (T, {"n_estimators": 3}),
    "ensemble of quantiles": (T, {"loss": LEVELS, "n_estimators": 2}),
}
QUIET = [
    "ignore::chainrule.foundation.errors.DataWarning",
    "ignore::chainrule.foundation.errors.NoEffectWarning",
]
pytestmark = [pytest.mark.filterwarnings(words) for words in QUIET]


@pytest.mark.grid(11)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CLASSIFIERS)
def test_probabilities(case, dtype, answers, running, drawn):
    y, options = CLASSIFIERS[case]
    model = classifier(y, dtype=dtype, **options)
    x = X.astype(dtype)
    assert running.worst(answers(model, x), model.predict_proba(x)) < drawn.TOLERANCE[dtype]


@pytest.mark.grid(5)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", REGRESSORS)
def test_numbers(case, dtype, answers, running, drawn):
    y, options = REGRESSORS[case]
    model = regressor(y, dtype=dtype, **options)
    x = X.astype(dtype)
    wanted = model.predict(x).reshape(len(x), -1)
    size = np.abs(wanted).max()
    assert running.worst(answers(model, x), wanted, size) < drawn.TOLERANCE[dtype]


@pytest.mark.parametrize("case", CLASSIFIERS)
def test_labels_of_onnx(case, running):
    if not running.HAS_RUNTIME:
        pytest.skip("onnxruntime is not installed")
    y, options = CLASSIFIERS[case]
    model = classifier(y, dtype="float64", **options)
    labels = running.onnx_answers(model.to_onnx(), X)["label"]
    assert labels.tolist() == model.predict(X).tolist()


def test_the_target_scale_is_in_the_graph(answers):
    model = regressor(1e6 * T + 5e7, dtype="float64")
    np.testing.assert_allclose(answers(model, X)[:, 0], model.predict(X), rtol=1e-12)


class TestRefusals:
    def test_a_weight_that_is_not_finite(self, tmp_path):
        model = regressor(T)
        model.coefs_[1][0, 0] = np.nan
        for export, place in ((model.to_onnx, "model.onnx"), (model.to_c, "model.c")):
            with pytest.raises(InputError, match="got nan in a weight of layer 2"):
                export(tmp_path / place)
        assert list(tmp_path.iterdir()) == []

    def test_a_formula_that_no_graph_can_express(self):
        class Flipped(Activation):
            name = "flipped"

            def value(self, xp, z):
                return xp.flip(z, axis=-1)

            def slope(self, xp, z, a):
                return xp.ones_like(z)

            def pullback(self, xp, z, a, da):
                return xp.flip(da, axis=-1)

        model = MLPRegressor(**SMALL | {"activation": Flipped(), "engine": "reference"}).fit(X, T)
        for export in (model.to_onnx, model.to_c):
            with pytest.raises(InputError, match=r"activation of layer 1.*xp\.flip"):
                export()

    def test_before_fit(self):
        from sklearn.exceptions import NotFittedError

        with pytest.raises(NotFittedError):
            MLPRegressor().to_onnx()

    def test_without_the_package(self, monkeypatch):
        import sys

        monkeypatch.setitem(sys.modules, "onnx", None)
        with pytest.raises(InputError, match=r"pip install 'chainrule\[onnx\]'"):
            regressor(T).to_onnx()

    @pytest.mark.parametrize("name", ["2nd", "int", "a-b", "", "x" * 40])
    def test_names_that_c_does_not_take(self, name):
        with pytest.raises(InputError, match="a name of C"):
            regressor(T).to_c(name=name)

    def test_labels_that_no_language_has(self):
        model = classifier(np.array([b"a", b"b"])[SIDE])
        with pytest.raises(InputError, match="labels must be"):
            model.to_onnx()
        with pytest.raises(InputError, match="labels must be"):
            model.to_c()

    @pytest.mark.parametrize("odd", ["a\0b", "\ud800"], ids=["NUL", "half a pair"])
    def test_texts_that_a_language_cannot_hold(self, odd):
        model = classifier(np.array(["a", odd], dtype=object)[SIDE])
        export, words = model.to_c, "no NUL character"
        if odd == "\ud800":
            export, words = model.to_onnx, "labels must be all texts"
        with pytest.raises(InputError, match=words):
            export()


@pytest.mark.parametrize("labels", [[-(2**63), 5], [-5, 2**63 - 1]])
def test_every_whole_number_of_64_bits_is_a_label_of_c(labels, running, tmp_path):
    import subprocess

    if not running.has("gcc"):
        pytest.skip("there is no gcc")
    classifier(np.array(labels)[SIDE]).to_c(tmp_path / "model.c")
    main = '#include "model.h"\n#include <stdio.h>\nint main(void)\n{\n'
    main += '    printf("%lld %lld", model_classes[0], model_classes[1]);\n    return 0;\n}\n'
    (tmp_path / "main.c").write_text(main)
    command = [*running.COMPILERS["gcc"], "main.c", "model.c", "-o", "program", "-lm"]
    subprocess.run(command, cwd=tmp_path, check=True)
    said = subprocess.run([tmp_path / "program"], capture_output=True, text=True, check=True)
    assert [int(word) for word in said.stdout.split()] == labels


class TestFormulasOfTheirOwn:
    def test_a_child_of_a_formula_is_not_exported_as_its_parent(self, answers, running):
        from chainrule import activations

        class Doubled(type(activations.relu)):
            name = "doubled"

            def value(self, xp, z):
                return 2.0 * xp.maximum(z, 0.0) + xp.where((z > 1.0) & xp.isfinite(z), 1.0, 0.0)

            def slope(self, xp, z, a):
                return xp.where(a > 0.0, 2.0, a)

        model = regressor(T, activation=Doubled(), dtype="float32")
        x = X.astype(np.float32)
        wanted = model.predict(x)[:, None]
        assert running.worst(answers(model, x), wanted, np.abs(wanted).max()) < 1e-6

    def test_sums_and_columns_of_a_row(self, answers, running):
        class Centred(Activation):
            name = "centred"

            def value(self, xp, z):
                spread = xp.max(z, axis=-1, keepdims=True) - xp.min(z, axis=-1, keepdims=True)
                return (z - xp.mean(z, axis=-1, keepdims=True)) / (1.0 + spread)

            def slope(self, xp, z, a):
                return xp.ones_like(z)

        model = regressor(T, activation=Centred(), dtype="float64")
        wanted = model.predict(X)[:, None]
        assert running.worst(answers(model, X), wanted, np.abs(wanted).max()) < 1e-12
