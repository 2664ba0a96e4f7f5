"""Networks of PyTorch, Keras and scikit-learn, read rightly or refused: the cases D63 to D79."""

import numpy as np
import pytest
import sklearn.neural_network as theirs
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from chainrule import MLPRegressor, explain

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore::DeprecationWarning",  # of Keras with NumPy 2
)
ROWS = np.random.default_rng(0).normal(size=(8, 2))
FIRST = [np.array([[1.0, -1.0], [0.5, 2.0]]), np.zeros(2)]


def first_gradient(model):
    return explain(model, ROWS, ROWS[:, 0]).weight(1, 2, 2).gradient


def in_keras(keras, *layers, first="linear"):
    dense = keras.layers.Dense(2, activation=first)
    model = keras.Sequential([keras.Input((2,)), dense, *layers, keras.layers.Dense(1)])
    dense.set_weights(FIRST)
    return model


def by_torch(keras, model):
    """The gradient of w1[1,1] as PyTorch, the backend of Keras, has it."""
    import torch

    first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Dense))
    kernel = first.kernel.value
    kernel.grad = None
    outputs = model(ROWS.astype("float32"), training=False)
    target = torch.tensor(ROWS[:, :1].astype("float32"))
    torch.mean((outputs - target) ** 2).backward()
    return float(kernel.grad[1, 1])


@pytest.mark.slow
def test_d63_keras_leaky_relu_by_name(keras):
    model = in_keras(keras, first="leaky_relu")
    assert first_gradient(model) == pytest.approx(by_torch(keras, model), rel=1e-4)
    assert explain(model, ROWS, ROWS[:, 0]).subject.objective.network.layers[0].activation == (
        explain([(*FIRST, "leaky_relu")], ROWS, ROWS, loss="mse")
        .subject.objective.network.layers[0]
        .activation.__class__(negative_slope=0.2)
    )


def test_d64_keras_relu_with_parameters(keras):
    model = in_keras(keras, keras.layers.ReLU(negative_slope=0.3))
    assert first_gradient(model) == pytest.approx(by_torch(keras, model), rel=1e-4)
    for options, said in (
        ({"max_value": 0.5}, "max_value=0.5"),
        ({"threshold": 0.5}, "threshold=0.5"),
        ({"max_value": 0.0}, "max_value=0.0"),
    ):
        with pytest.raises(ValueError, match=said):
            first_gradient(in_keras(keras, keras.layers.ReLU(**options)))


def test_warnings_of_keras_about_its_layers_stop_nothing(keras):
    softmax = keras.layers.Activation("softmax")  # of one unit, which Keras finds odd
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1), softmax])
    assert explain(model, ROWS, ROWS[:, :1], loss="mse").weight(1, 1, 1).gradient == 0.0


def test_d66_keras_models_that_are_no_chain(keras):
    dense = keras.layers.Dense
    x = keras.Input((2,))
    h = dense(2)(x)
    heads = keras.Model(x, [dense(1)(h), dense(1)(h)])
    for model, said in (
        (keras.Model(x, dense(1)(h + x)), "is Add"),
        (keras.Model(x, dense(1)(keras.ops.tanh(h))), "is Tanh"),
        (keras.Model(x, dense(1)(dense(2)(x / 10))), "is (True)?Divide"),
        (heads, "one output; got '2 outputs'"),
    ):
        with pytest.raises(ValueError, match=said):
            first_gradient(model)
    twice = dense(2)
    model = keras.Model(x, dense(1)(twice(twice(x))))
    found = explain(model, ROWS, ROWS[:, 0])
    for layer in (1, 2):
        chain = found.weight(layer, 2, 2)
        assert chain.gradient == pytest.approx(by_torch(keras, model), rel=1e-4)
    assert "layers 1 and 2 share their weights" in " ".join(found.subject.notes)


def test_d69_torch_hooks(torch):
    def model():
        return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))

    hooked = model()
    hooked[1].register_forward_hook(lambda _module, _given, result: 5 * result)
    with pytest.raises(ValueError, match=r"differs by up to .* begins at module 1, Tanh"):
        first_gradient(hooked)
    hooked = model()
    hooked[2].register_forward_pre_hook(lambda _module, given: (given[0] + 1,))
    with pytest.raises(ValueError, match="begins at module 2, Linear"):
        first_gradient(hooked)
    hooked = model().train()
    hooked.register_forward_hook(lambda _module, _given, result: 5 * result)
    with pytest.raises(ValueError, match="begins outside its layers"):
        first_gradient(hooked)
    assert hooked.training
    assert hooked[0].weight.grad is None


def test_d70_labels_never_seen():
    model = theirs.MLPClassifier((3,), max_iter=5).fit(ROWS, ["no", "yes"] * 4)
    with pytest.raises(
        ValueError, match=r"y must hold labels .*'no', 'yes'.* got 'maybe' in row 0"
    ):
        explain(model, ROWS[:3], ["maybe"] * 3)
    model = theirs.MLPClassifier((3,), max_iter=5).fit(ROWS, [0, 10, 20, 0] * 2)
    with pytest.raises(ValueError, match="got 5 in row 1"):
        explain(model, ROWS[:3], [10, 5, 5])
    with pytest.raises(ValueError, match=r"y of held_out must .*; got 30 in row 0"):
        explain(model, ROWS[:1], [10], held_out=(ROWS[:1], [30]))


def test_d71_torch_nesting(torch):
    class Own(torch.nn.Sequential):
        pass

    class Holder(torch.nn.Module):
        def __init__(self, body):
            super().__init__()
            self.body = body

        def forward(self, x):
            return self.body(x)

    parts = [torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)]
    plain = torch.nn.Sequential(*parts)
    right = first_gradient(plain)
    nested = torch.nn.Sequential(torch.nn.Sequential(*parts[:2]), parts[2])
    for model in (nested, Own(*parts), Holder(plain), Holder(nested), torch.nn.DataParallel(plain)):
        assert first_gradient(model) == right
    with pytest.raises(ValueError, match="PyTorch refuses"):
        first_gradient(torch.nn.ModuleList(parts))
    Holder.forward = lambda self, x: self.body(torch.sin(x))
    with pytest.raises(ValueError, match=r"begins at module body\.0, Linear"):
        first_gradient(Holder(plain))


def test_d72_torch_activations_with_parameters(torch):
    first = torch.nn.Linear(2, 3)
    codes = np.arange(8) % 3
    right = explain(torch.nn.Sequential(first, torch.nn.Softmax(dim=1)), ROWS, codes)
    found = explain(torch.nn.Sequential(first, torch.nn.Softmax()), ROWS, codes)
    assert found.weight(1, 1, 1).gradient == right.weight(1, 1, 1).gradient
    for module, said in (
        (torch.nn.Softmax(dim=0), r"Softmax\(dim=0\)"),
        (torch.nn.GELU("tanh"), r"GELU\(approximate='tanh'\)"),
        (torch.nn.Softplus(beta=3), r"Softplus\(beta=3"),
    ):
        with pytest.raises(ValueError, match=said):
            explain(torch.nn.Sequential(first, module), ROWS, codes)


def factor_and_shift(norm):
    scale = 1 / np.sqrt(norm.running_var.numpy() + norm.eps)
    if norm.weight is not None:
        scale = scale * norm.weight.detach().numpy()
    return scale, -norm.running_mean.numpy() * scale


@pytest.mark.slow
def test_d73_normalization_is_folded(torch):
    nn = torch.nn
    parts = [
        nn.BatchNorm1d(2),
        nn.Linear(2, 3),
        nn.BatchNorm1d(3),
        nn.Tanh(),
        nn.BatchNorm1d(3, affine=False),
        nn.Linear(3, 1, bias=False),
    ]
    model = nn.Sequential(*parts).double()
    for _ in range(5):
        model(torch.tensor(3 * ROWS + 1))
    model.eval()
    torch.mean((model(torch.tensor(ROWS)) - torch.tensor(ROWS[:, :1])) ** 2).backward()
    found = explain(model, ROWS, ROWS[:, 0])
    # with W' = s W r and b' = t W r + ..., the derivative by W is r (s dW' + t db')
    scale, shift = factor_and_shift(parts[0])
    outer, _ = factor_and_shift(parts[2])
    own = parts[1].weight.grad.numpy().T
    for unit, to in ((0, 0), (1, 2)):
        by_both = scale[unit] * found.weight(1, unit + 1, to + 1).gradient
        by_both += shift[unit] * found.bias(1, to + 1).gradient
        assert outer[to] * by_both == pytest.approx(own[unit, to], rel=1e-8)
    scale, shift = factor_and_shift(parts[4])
    by_both = scale[1] * found.weight(2, 2, 1).gradient + shift[1] * found.bias(2, 1).gradient
    assert by_both == pytest.approx(float(parts[5].weight.grad[0, 1]), rel=1e-8)
    assert "module 2, BatchNorm1d is folded into layer 1" in " ".join(found.subject.notes)
    with pytest.raises(ValueError, match="after the last activation"):
        explain(model[:5], ROWS, np.tanh(ROWS @ np.ones((2, 3))))


def test_d73_keras_normalization_and_noise(keras):
    layers = keras.layers
    normal = layers.Normalization()
    normal.adapt(3 * ROWS + 1)
    body = keras.Sequential([keras.Input((2,)), layers.Dense(3), layers.BatchNormalization()])
    model = keras.Sequential(
        [
            keras.Input((2,)),
            normal,
            layers.Rescaling(0.5, 1.0),
            body,
            layers.GaussianNoise(0.3),
            layers.ReLU(),
            layers.Dense(1),
        ]
    )
    found = explain(model, ROWS, ROWS[:, 0])
    layer = model.layers[-1].kernel.value
    import torch

    outputs = model(ROWS.astype("float32"), training=False)
    torch.mean((outputs - torch.tensor(ROWS[:, :1].astype("float32"))) ** 2).backward()
    for unit in range(3):
        own = float(layer.grad[unit, 0])
        assert found.weight(2, unit + 1, 1).gradient == pytest.approx(own, rel=1e-3, abs=1e-6)


def test_d74_dtypes_and_devices(torch):
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    for dtype in (torch.bfloat16, torch.float16):
        narrow = model.to(dtype)
        wide = torch.nn.Sequential(*narrow)
        assert np.isfinite(first_gradient(wide))
        assert next(narrow.parameters()).dtype == dtype
    with pytest.raises(ValueError, match=r"0\.weight is on the meta device"):
        first_gradient(model.float().to("meta"))


def test_d76_tensors_and_targets_that_are_no_numbers(torch):
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    tensor = torch.tensor(ROWS, requires_grad=True)
    found = explain(model, tensor, tensor[:, 0]).weight(1, 2, 2).gradient
    assert found == first_gradient(model)
    with pytest.raises(ValueError, match=r"y must hold real numbers; got .*'yes'"):
        explain(model, ROWS, ["yes"] * 8)
    with pytest.raises(ValueError, match="y must be given; got None"):
        explain(model, ROWS, None)
    with pytest.raises(ValueError, match=r"X must hold real numbers; got .*'a'"):
        explain(model, [["a", "b"]], [0.0])


def test_d77_images_are_flattened(torch):
    images = ROWS.repeat(2, axis=1).reshape(8, 2, 2)
    body = [torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)]
    right = explain(torch.nn.Sequential(*body), images.reshape(8, 4), ROWS[:, 0])
    model = torch.nn.Sequential(torch.nn.Flatten(), *body)
    found = explain(model, images, ROWS[:, 0], held_out=(images, ROWS[:, 0]))
    assert found.weight(1, 4, 3).gradient == right.weight(1, 4, 3).gradient
    with pytest.raises(ValueError, match=r"X must be of shape \(n, 4\)"):
        explain(torch.nn.Sequential(*body), images, ROWS[:, 0])


def test_d78_a_shared_layer_is_reported(torch):
    shared = torch.nn.Linear(2, 2).double()
    last = torch.nn.Linear(2, 1).double()
    model = torch.nn.Sequential(shared, torch.nn.Tanh(), shared, torch.nn.Tanh(), last)
    found = explain(model, ROWS, ROWS[:, 0])
    torch.mean((model(torch.tensor(ROWS)) - torch.tensor(ROWS[:, :1])) ** 2).backward()
    for layer in (1, 2):
        chain = found.weight(layer, 2, 1)
        assert chain.gradient == pytest.approx(float(shared.weight.grad[0, 1]), rel=1e-8)
        assert "dL/dw1,2[2,1]" in str(chain)
    assert "layers 1 and 2 share their weights" in " ".join(found.subject.notes)


def test_two_layers_of_one_parameter_are_reported(torch):
    first, second, last = (torch.nn.Linear(2, n).double() for n in (2, 2, 1))
    second.weight = first.weight
    model = torch.nn.Sequential(first, torch.nn.Tanh(), second, torch.nn.Tanh(), last)
    found = explain(model, ROWS, ROWS[:, 0])
    torch.mean((model(torch.tensor(ROWS)) - torch.tensor(ROWS[:, :1])) ** 2).backward()
    for layer in (1, 2):
        gradient = found.weight(layer, 2, 1).gradient
        assert gradient == pytest.approx(float(first.weight.grad[0, 1]), rel=1e-8)
    assert "layers 1 and 2 share their weights" in " ".join(found.subject.notes)


@pytest.mark.parametrize("kind", [MLPRegressor, theirs.MLPRegressor])
def test_d79_pipelines_searches_and_networks_not_fitted(kind):
    network = kind(hidden_layer_sizes=(3,), max_iter=5, random_state=0)
    whole = make_pipeline(StandardScaler(), network)
    with pytest.raises(ValueError, match="fitted before it is explained"):
        explain(network, ROWS, ROWS[:, 0])
    whole.fit(ROWS, ROWS[:, 0])
    right = explain(network, whole[:-1].transform(ROWS), ROWS[:, 0]).weight(1, 1, 1).gradient
    found = explain(whole, ROWS, ROWS[:, 0])
    assert found.weight(1, 1, 1).gradient == right
    assert "standardscaler" in " ".join(found.subject.notes)
    search = GridSearchCV(whole, {f"{kind.__name__.lower()}__alpha": [0.1]}, cv=2)
    with pytest.raises(ValueError, match="a fitted search"):
        explain(search, ROWS, ROWS[:, 0])
    found = explain(search.fit(ROWS, ROWS[:, 0]), ROWS, ROWS[:, 0])
    assert "GridSearchCV" in " ".join(found.subject.notes)
