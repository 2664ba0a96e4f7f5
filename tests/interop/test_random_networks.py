"""Random networks of PyTorch and Keras: the gradient of autograd, or refused by name."""

import os
import re
import warnings
from itertools import pairwise

import numpy as np
import pytest

from chainrule import explain
from chainrule.foundation.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras with NumPy 2
MODELS = int(os.environ.get("CHAINRULE_RANDOM_NETWORKS", "40"))


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed")


@pytest.fixture
def keras(torch):
    os.environ["KERAS_BACKEND"] = "torch"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip("keras", reason="Keras is not installed")
    before = module.config.floatx()
    module.config.set_floatx("float64")
    yield module
    module.config.set_floatx(before)


def torch_activation(torch, random):
    """A module, and whether the catalogue has its formula."""
    nn, value = torch.nn, float(random.uniform(0.1, 2.0))
    known = [
        nn.ReLU(),
        nn.Tanh(),
        nn.Sigmoid(),
        nn.SiLU(),
        nn.Mish(),
        nn.SELU(),
        nn.GELU(),
        nn.LeakyReLU(value),
        nn.ELU(value),
        nn.Softplus(threshold=20 + value),
        nn.Softmax(dim=-1),
    ]
    others = [
        nn.GELU("tanh"),
        nn.Softplus(1 + value),
        nn.ReLU6(),
        nn.Hardtanh(-value, value),
        nn.Softmax(dim=0),
        nn.CELU(value),
        nn.PReLU(),
        nn.Softshrink(value),
    ]
    odd = random.random() < 0.05
    choices = others if odd else known
    return choices[random.integers(len(choices))], not odd


def torch_norm(torch, random, width):
    norm = torch.nn.BatchNorm1d(width, eps=10.0 ** random.integers(-6, -1))
    norm.running_mean = torch.tensor(random.normal(size=width))
    norm.running_var = torch.tensor(random.uniform(0.2, 3.0, width))
    norm.weight.data = torch.tensor(random.normal(size=width))
    norm.bias.data = torch.tensor(random.normal(size=width))
    return norm


def random_torch(torch, random):
    """A network, its (layer, norm before, norm after), and the kinds that must be refused."""
    parts, dense, refused = [], [], []
    widths = random.integers(1, 6, size=random.integers(2, 5))
    for number, (n_in, n_out) in enumerate(pairwise(widths)):
        norms = [
            torch_norm(torch, random, n) if random.random() < 0.3 else None for n in (n_in, n_out)
        ]
        linear = torch.nn.Linear(n_in, n_out, bias=random.random() < 0.8)
        last = number == len(widths) - 2
        activation, known = torch_activation(torch, random)
        if last or random.random() < 0.1:
            activation, known = torch.nn.Identity(), True
        if isinstance(activation, torch.nn.Identity) and not last:
            activation = torch.nn.Tanh()
        refused += [] if known else [type(activation).__name__]
        dropout = torch.nn.Dropout(0.5) if random.random() < 0.3 else None
        dense.append((linear, *norms))
        block = [
            one for one in (norms[0], dropout, linear, norms[1], activation) if one is not None
        ]
        parts += [torch.nn.Sequential(*block)] if random.random() < 0.4 else block
    return torch.nn.Sequential(*parts).double().train(random.random() < 0.5), dense, refused


def factor_and_shift(norm, width):
    if norm is None:
        return np.ones(width), np.zeros(width)
    scale = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach().numpy()
    return scale, norm.bias.detach().numpy() - norm.running_mean.numpy() * scale


def expected_refusal(refused, model, X, Y):
    with pytest.raises(InputError) as error:
        explain(model, X, Y, loss="mse")
    assert any(re.search(rf"\b{kind}\b", str(error.value)) for kind in refused), str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(MODELS))
def test_a_random_torch_network(torch, seed):
    random = np.random.default_rng(seed)
    torch.manual_seed(seed)
    model, dense, refused = random_torch(torch, random)
    X = random.normal(size=(7, dense[0][0].in_features))
    Y = random.normal(size=(7, dense[-1][0].out_features))
    if refused:
        return expected_refusal(refused, model, X, Y)
    training = model.training
    found = explain(model, X, Y, loss="mse")
    assert model.training == training
    loss = torch.mean((model.eval()(torch.tensor(X)) - torch.tensor(Y)) ** 2)
    loss.backward()
    # a mean over outputs or their sum, as our loss has it: the ratio of the two losses
    factor = explained_loss(found) / float(loss.detach())
    for layer, (linear, before, after) in enumerate(dense, start=1):
        n_out, n_in = linear.weight.shape
        scale, shift = factor_and_shift(before, n_in)
        outer, _ = factor_and_shift(after, n_out)
        own = factor * linear.weight.grad.numpy().T
        for unit, to in np.ndindex(n_in, n_out):
            value = scale[unit] * found.weight(layer, unit + 1, to + 1).gradient
            if shift[unit]:
                value += shift[unit] * found.bias(layer, to + 1).gradient
            assert outer[to] * value == pytest.approx(own[unit, to], rel=1e-6, abs=1e-9)
    return None


def explained_loss(found):
    return float(found.subject.engine.gradient(found.subject.vector, found.subject.rows)[0])


def keras_activation(keras, random):
    value = float(random.uniform(0.1, 2.0))
    layers = keras.layers
    names = "relu tanh sigmoid silu mish selu gelu leaky_relu elu softplus softmax exponential"
    known = [layers.Activation(name) for name in names.split()]
    known += [layers.ReLU(negative_slope=value), layers.LeakyReLU(value), layers.ELU(value)]
    others = [layers.ReLU(max_value=value), layers.ReLU(threshold=value)]
    odd = random.random() < 0.05
    choices = others if odd else known
    return choices[random.integers(len(choices))], not odd


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")  # of one unit
@pytest.mark.parametrize("seed", range(MODELS // 2))
def test_a_random_keras_network(torch, keras, seed):
    random = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)
    widths = random.integers(1, 6, size=random.integers(2, 5))
    parts, dense, refused = [], [], []
    for number, width in enumerate(widths[1:], start=1):
        last = number == len(widths) - 1
        dense.append(keras.layers.Dense(int(width), use_bias=bool(random.random() < 0.8)))
        activation, known = keras_activation(keras, random)
        block = [dense[-1]] if last else [dense[-1], activation]
        refused += [] if known or last else [type(activation).__name__]
        if random.random() < 0.3:
            block.insert(0, keras.layers.Dropout(0.5))
        parts += [keras.Sequential(block)] if random.random() < 0.4 else block
    model = keras.Sequential([keras.Input((int(widths[0]),)), *parts])
    X, Y = random.normal(size=(7, widths[0])), random.normal(size=(7, widths[-1]))
    if refused:
        return expected_refusal(refused, model, X, Y)
    found = explain(model, X, Y, loss="mse")
    loss = torch.mean((model(torch.tensor(X), training=False) - torch.tensor(Y)) ** 2)
    loss.backward()
    factor = explained_loss(found) / float(loss.detach())
    for layer, one in enumerate(dense, start=1):
        own = factor * one.kernel.value.grad.numpy()
        for unit, to in np.ndindex(*own.shape):
            gradient = found.weight(layer, unit + 1, to + 1).gradient
            # Keras on PyTorch keeps the digits of float32 even here
            assert gradient == pytest.approx(own[unit, to], rel=1e-4, abs=1e-5)
    return None
