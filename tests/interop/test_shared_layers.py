"""A layer that is used several times: one chain, the sum of its places, as autograd has it."""

import json
import math
import os
import re
import warnings

import numpy as np
import pytest

from chainrule import explain, optimizers
from chainrule.foundation.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras with NumPy 2
random = np.random.default_rng(3)
X, Y = random.normal(size=(9, 3)), random.normal(size=(9, 2))


@pytest.fixture
def torch():
    module = pytest.importorskip("torch", reason="PyTorch is not installed")
    module.manual_seed(0)
    return module


@pytest.fixture
def keras(torch):
    os.environ["KERAS_BACKEND"] = "torch"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip("keras", reason="Keras is not installed")
    module.utils.set_random_seed(0)
    return module


def stack(torch, uses, *, bias=True, norms=False):
    """A PyTorch network that calls one Linear several times, and that Linear."""
    shared = torch.nn.Linear(3, 3, bias=bias)
    parts = []
    for number in range(uses):
        norm = torch.nn.BatchNorm1d(3)
        norm.running_mean.data = torch.tensor(random.normal(size=3))
        norm.running_var.data = torch.tensor(random.uniform(0.2, 3.0, 3))
        norm.weight.data = torch.tensor(random.normal(size=3))
        before = [norm] if norms and number % 2 == 0 else []
        after = [norm] if norms and number % 2 else []
        parts += [*before, shared, *after, torch.nn.Tanh()]
    return torch.nn.Sequential(*parts, torch.nn.Linear(3, 2)).double().eval(), shared


def autograd(torch, model, *, first_row=False):
    """Put the gradient of the mean loss, or of the first row's, into the parameters."""
    rows = slice(0, 1) if first_row else slice(None)
    model.zero_grad()
    torch.mean((model(torch.tensor(X[rows])) - torch.tensor(Y[rows])) ** 2).backward()


@pytest.mark.grid(15)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("norms", [False, True])
@pytest.mark.parametrize("uses", [2, 3, 7])
def test_torch_weights_and_biases(torch, uses, bias, norms):
    model, shared = stack(torch, uses, bias=bias, norms=norms)
    found = explain(model, X, Y)
    for sample in (None, 1):
        autograd(torch, model, first_row=sample is not None)
        for unit, to in np.ndindex(3, 3):
            chain = found.weight(1, unit + 1, to + 1, sample)
            right = float(shared.weight.grad[to, unit])
            assert chain.gradient == pytest.approx(right, rel=1e-8, abs=1e-12)
            assert chain.weight == shared.weight[to, unit].item()
        assert found.weight(uses, 3, 3, sample).gradient == chain.gradient
        assert chain.check.status == "passed"
        if bias:
            chain = found.bias(2, 3, sample)
            assert chain.gradient == pytest.approx(float(shared.bias.grad[2]), rel=1e-8)
            assert chain.weight == shared.bias[2].item()
            assert chain.check.status == "passed"
    own = found.weight(uses + 1, 2, 1)
    autograd(torch, model)
    assert own.gradient == pytest.approx(float(model[-1].weight.grad[0, 1]), rel=1e-8)
    assert own.place.symbol == own.parameter.symbol


def test_each_place_is_a_term(torch):
    model, _ = stack(torch, 3)
    chain = explain(model, X, Y).weight(2, 2, 1)
    assert chain.parameter.symbol.text == "w1,2,3[2,1]"
    assert [part.name.text for part in chain.tree.parts] == [
        f"dL/dw{layer}[2,1]" for layer in (1, 2, 3)
    ]
    assert math.fsum(part.value for part in chain.tree.parts) == chain.gradient
    text = str(chain)
    assert "the sum over layers 1, 2 and 3, which share the weight:" in text
    for layer in (1, 2, 3):
        assert re.search(rf"^dL/dw{layer}\[2,1\] = .*, the mean over 9 rows:$", text, re.MULTILINE)
    assert r"w^{(1,2,3)}_{2,1}" in chain.to_latex()
    latex = chain.to_latex().replace(" ", "")
    terms = [rf"\frac{{\partialL}}{{\partialw^{{({layer})}}_{{2,1}}}}" for layer in (1, 2, 3)]
    assert "+".join(terms) in latex
    html = chain.to_html()
    assert "the weight from unit 2 to unit 1 that layers 1, 2 and 3 share" in html
    record = json.loads(json.dumps(chain.to_dict(), allow_nan=False))
    assert record["weight"]["name"] == "w1,2,3[2,1]"
    places = record["weight"]["places"]
    assert [(one["layer"], one["unit"], one["to"]) for one in places] == [
        (1, 2, 1),
        (2, 2, 1),
        (3, 2, 1),
    ]
    assert sum(one["factor"] * one["gradient"] for one in places) == pytest.approx(chain.gradient)


def test_the_note_names_the_shared_layer(torch):
    model, _ = stack(torch, 3)
    notes = " ".join(explain(model, X, Y).subject.notes)
    assert "layers 1, 2 and 3 share their weights and biases (module 0, Linear)" in notes
    first, second, last = (torch.nn.Linear(3, n).double() for n in (3, 3, 2))
    second.weight = first.weight
    model = torch.nn.Sequential(first, torch.nn.Tanh(), second, torch.nn.Tanh(), last)
    found = explain(model, X, Y)
    assert "layers 1 and 2 share their weights (module 0, Linear)" in " ".join(found.subject.notes)
    autograd(torch, model)
    assert found.weight(2, 3, 1).gradient == pytest.approx(float(first.weight.grad[0, 2]), rel=1e-8)
    for layer, module in ((1, first), (2, second)):
        bias = found.bias(layer, 1)
        assert bias.gradient == pytest.approx(float(module.bias.grad[0]), rel=1e-8)
        assert bias.parameter.symbol.text == f"b{layer}[1]"


def test_a_normalization_folded_into_a_place_is_a_factor(torch):
    model, _ = stack(torch, 2, norms=True)
    text = str(explain(model, X, Y).weight(1, 1, 2))
    assert "dL/dw1[1,2] · dw1[1,2]/dw1,2[1,2]" in text
    assert "dL/db1[2]   · db1[2]/dw1,2[1,2]" in text or "dL/db1[2] · db1[2]/dw1,2[1,2]" in text
    assert "folded into layer 1" in text


@pytest.mark.parametrize("uses", [2, 3])
@pytest.mark.parametrize("bias", [True, False])
def test_keras(torch, keras, uses, bias):
    shared = keras.layers.Dense(3, "tanh", use_bias=bias, dtype="float64")
    shared.build((None, 3))
    if bias:
        shared.set_weights([random.normal(size=(3, 3)), random.normal(size=3)])
    inputs = value = keras.Input((3,), dtype="float64")
    for _ in range(uses):
        value = shared(value)
    model = keras.Model(inputs, keras.layers.Dense(2, dtype="float64")(value))
    found = explain(model, X, Y)
    outputs = model(X, training=False)
    torch.mean((outputs - torch.tensor(Y)) ** 2).backward()
    kernel = shared.kernel.value.grad.numpy()
    for unit, to in np.ndindex(3, 3):
        chain = found.weight(uses, unit + 1, to + 1)
        # Keras on PyTorch keeps the digits of float32 even here
        assert chain.gradient == pytest.approx(kernel[unit, to], rel=1e-4, abs=1e-5)
        assert chain.check.status == "passed"
        assert len(chain.tree.parts) == uses
    if bias:
        chain = found.bias(1, 2)
        assert chain.gradient == pytest.approx(shared.bias.value.grad.numpy()[1], rel=1e-4)
    what = "weights and biases" if bias else "weights"
    assert f"share their {what}" in " ".join(found.subject.notes)


@pytest.mark.parametrize("clip_norm", [None, 0.01])
@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_the_step_is_that_of_the_sum(torch, name, clip_norm):
    model, shared = stack(torch, 2)
    rule = optimizers.get(name, clip_norm=clip_norm)
    found = explain(model, X, Y, optimizer=rule, learning_rate=0.1)
    update, place = found.weight(1, 2, 3).update, (2, 1)
    autograd(torch, model)
    if clip_norm is not None:
        total = torch.nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
        assert update.clipping == pytest.approx(clip_norm / float(total), rel=1e-5)
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[name]
    kind(model.parameters(), lr=0.1).step()
    assert update.after == pytest.approx(shared.weight[place].item(), rel=1e-5)
    one, two, _ = found.health().layers
    assert one.update_ratio == two.update_ratio > 0.0


def test_health_moves_every_place_by_the_shared_step(torch):
    model, shared = stack(torch, 2, norms=True)
    found = explain(model, X, Y, learning_rate=0.1)
    before = [np.array(weight) for weight in found.subject.parameters.weights]
    autograd(torch, model)
    torch.optim.SGD(shared.parameters(), lr=0.1).step()
    after = explain(model, X, Y).subject.parameters.weights
    for layer, (old, new) in enumerate(zip(before[:2], after[:2], strict=True)):
        right = np.linalg.norm(new - old) / np.linalg.norm(old)
        assert found.health().layers[layer].update_ratio == pytest.approx(right, rel=1e-6)


def test_the_check_and_the_largest_take_each_weight_once(torch):
    model, _ = stack(torch, 3)
    found = explain(model, X, Y)
    check = found.check(500)
    assert check.passed
    names = [verdict.name for verdict in check.verdicts]
    assert sorted(names) == sorted(set(names))
    assert len(names) == sum(one.numel() for one in model.parameters())
    autograd(torch, model)
    everything = np.concatenate([one.grad.numpy().ravel() for one in model.parameters()])
    largest = [chain.gradient for chain in found.largest(5)]
    right = sorted(everything, key=abs, reverse=True)[:5]
    np.testing.assert_allclose(largest, right, rtol=1e-8)


def test_nothing_is_trained_apart_that_is_shared(torch):
    model, _ = stack(torch, 2)
    found = explain(model, X, Y)
    for measure in (found.batch_sizes, found.learning_rates):
        with pytest.raises(InputError, match="got shared layers 1 and 2"):
            measure()
    report = found.report()
    assert "layers 1 and 2 share" in report.to_text()
    assert "w1,2[" in report.to_text()
    assert report.to_dict()["card"]["parameters"] == 3 * 3 + 3 + 3 * 2 + 2
