"""The same network from four libraries: the same chain rule."""

import warnings

import numpy as np
import pytest
import sklearn.neural_network

import chainrule
from chainrule import MLPClassifier, MLPRegressor, Network, Parameters, explain

random = np.random.default_rng(5)
X = random.normal(size=(40, 4))
ENDS = ["tanh", "tanh", "softmax"]
CLASSES = np.array(["a", "b", "c"])[np.argmax(X[:, :3], axis=1)]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def theirs(**options):
    return sklearn.neural_network.MLPClassifier(
        (6, 5), "tanh", max_iter=20, random_state=0, **options
    )


def test_scikit_learn_and_its_copies_agree():
    model = theirs(alpha=0.0).fit(X, CLASSES)
    copied = MLPClassifier((6, 5), "tanh", max_iter=1, random_state=0, alpha=0.0).fit(X, CLASSES)
    copied.coefs_, copied.intercepts_ = model.coefs_, model.intercepts_
    codes = np.searchsorted(model.classes_, CLASSES)
    triples = list(zip(model.coefs_, model.intercepts_, ["tanh", "tanh", "softmax"], strict=True))
    network = Network.of_widths([4, 6, 5, 3], "tanh")
    pair = (network, Parameters.from_arrays(model.coefs_, model.intercepts_))
    chains = [
        explain(model, X, CLASSES),
        explain(copied, X, CLASSES),
        explain(triples, X, codes),
        explain(pair, X, codes, loss="categorical_cross_entropy"),
    ]
    for place in ((1, 3, 4), (2, 1, 5), (3, 5, 2)):
        values = [found.weight(*place).gradient for found in chains]
        np.testing.assert_allclose(values, values[0], rtol=1e-10)
    assert explain(model, X, CLASSES).check(20).passed


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras with NumPy 2
def test_one_weight_in_four_libraries(monkeypatch):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        keras = pytest.importorskip("keras", reason="Keras is not installed")
        model = theirs(alpha=0.0).fit(X, CLASSES)
        shapes = [(weight.shape[1], name) for weight, name in zip(model.coefs_, ENDS, strict=True)]
        layers = [keras.layers.Dense(n, activation=name, dtype="float64") for n, name in shapes]
        in_keras = keras.Sequential([keras.Input((4,)), *layers])
        for layer, *arrays in zip(layers, model.coefs_, model.intercepts_, strict=True):
            layer.set_weights(arrays)
    linear = [torch.nn.Linear(*weight.shape).double() for weight in model.coefs_]
    for module, weight, bias in zip(linear, model.coefs_, model.intercepts_, strict=True):
        module.weight.data, module.bias.data = torch.tensor(weight.T), torch.tensor(bias)
    tanh = torch.nn.Tanh()
    body = torch.nn.Sequential(linear[0], tanh, linear[1], tanh, linear[2])
    codes = np.searchsorted(model.classes_, CLASSES)
    torch.nn.functional.cross_entropy(body(torch.tensor(X)), torch.tensor(codes)).backward()
    ours = MLPClassifier((6, 5), "tanh", max_iter=1, random_state=0, alpha=0.0).fit(X, CLASSES)
    ours.coefs_, ours.intercepts_ = model.coefs_, model.intercepts_
    found = [
        explain(ours, X, CLASSES),
        explain(model, X, CLASSES),
        explain(torch.nn.Sequential(*body, torch.nn.Softmax(dim=-1)), X, codes),
        explain(in_keras, X, codes),
    ]
    for layer, unit, to in ((1, 2, 3), (2, 0, 4), (3, 4, 1)):
        autograd = float(linear[layer - 1].weight.grad[to, unit])
        values = [one.weight(layer, unit + 1, to + 1).gradient for one in found]
        np.testing.assert_allclose(values, autograd, rtol=1e-10)


def test_scikit_learns_binary_and_regression():
    binary = sklearn.neural_network.MLPClassifier((4,), max_iter=5, random_state=0)
    binary.fit(X, X[:, 0] > 0)
    assert explain(binary, X, X[:, 0] > 0).check(10).passed
    regression = sklearn.neural_network.MLPRegressor(hidden_layer_sizes=(4,), max_iter=5)
    found = explain(regression.fit(X, X[:, 0]), X, X[:, 0])
    assert found.check(10).passed
    assert "half of this loss" in " ".join(found.subject.notes)


def test_our_estimators_explain_themselves():
    model = MLPRegressor(hidden_layer_sizes=(5,), max_iter=5, random_state=0).fit(X, 100 * X[:, 0])
    chain = model.explain(X, 100 * X[:, 0]).weight(layer=1, unit=1, to=1)
    assert chain.check.status in ("passed", "not valid here")
    assert chain.weight == model.coefs_[0][0, 0]
    assert "targets are standardised" in str(chain)
    assert chain.update.step == model._run.state.step + 1
    assert explain(model, X, 100 * X[:, 0]).weight(1, 1, 1).gradient == chain.gradient


@pytest.mark.parametrize(
    ("end", "loss"), [("LogSoftmax", None), (None, "categorical_cross_entropy"), ("Softmax", None)]
)
def test_torch_and_its_own_gradient(end, loss):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    torch.manual_seed(0)
    layers = [
        torch.nn.Linear(4, 6),
        torch.nn.GELU(),
        torch.nn.Dropout(0.5),
        torch.nn.Linear(6, 5),
        torch.nn.LeakyReLU(0.2),
        torch.nn.Linear(5, 3),
    ]
    body = torch.nn.Sequential(*layers).double().eval()
    if end is not None:
        layers.append(getattr(torch.nn, end)(dim=-1))
    model = torch.nn.Sequential(*layers).double().eval()
    codes = np.searchsorted(np.unique(CLASSES), CLASSES)
    found = explain(model, X, codes, loss=loss)
    value = torch.nn.functional.cross_entropy(body(torch.tensor(X)), torch.tensor(codes))
    value.backward()
    for layer, module in ((1, 0), (2, 3), (3, 5)):
        own = layers[module].weight.grad.numpy().T
        for unit, to in ((0, 0), (2, 1), (3, 2)):
            value = found.weight(layer, unit + 1, to + 1).gradient
            assert value == pytest.approx(own[unit, to], rel=1e-10)
        bias = layers[module].bias.grad.numpy()
        assert found.bias(layer, 2).gradient == pytest.approx(bias[1], rel=1e-10)
    assert "dropout" in found.subject.notes[0]


def test_torch_layers_that_are_not_dense_are_named():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    with pytest.raises(ValueError, match="module 1 is LayerNorm"):
        explain(torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.LayerNorm(2)), X, X[:, :2])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("a name", "model must be a dense network"),
        ([], "a list of at least one layer"),
        ([([[1.0]], [0.0])], "layer 1 must be"),
        ([([1.0], [0.0], "relu")], "weight of layer 1 must be of shape"),
    ],
)
def test_other_models_are_refused(model, message):
    with pytest.raises(ValueError, match=message):
        explain(model, X, CLASSES)


def test_public_names_have_it():
    assert chainrule.explain is explain
