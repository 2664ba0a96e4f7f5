"""Networks and rows of other libraries, beyond the public cases: read rightly, or refused."""

import warnings

import numpy as np
import pytest
import scipy.sparse
from sklearn.neural_network import MLPRegressor as Theirs

from chainrule import explain
from chainrule.foundation.errors import InputError

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore::DeprecationWarning",  # of Keras with NumPy 2
)
ROWS = np.random.default_rng(0).normal(size=(8, 2))
TARGET = ROWS[:, 0]


def gradient(model, X=ROWS, y=TARGET, layer=1, unit=1, to=1):
    return explain(model, X, y).weight(layer, unit, to).gradient


def in_torch(torch, *between, n_in=2):
    return torch.nn.Sequential(
        torch.nn.Linear(n_in, 3), torch.nn.Tanh(), *between, torch.nn.Linear(3, 1)
    ).double()


def test_a_class_is_no_network(torch, keras) -> None:
    for kind in (torch.nn.Sequential, keras.Sequential, Theirs):
        with pytest.raises(
            InputError, match=f"model must be a network; got 'the class {kind.__name__}'"
        ):
            explain(kind, ROWS, TARGET)


def test_tensors_of_every_layout(torch) -> None:
    model = in_torch(torch)
    right = gradient(model)
    rows = torch.tensor(ROWS)
    assert gradient(model, rows.to_sparse()) == right
    assert gradient(model, scipy.sparse.csr_matrix(ROWS)) == right
    with warnings.catch_warnings():  # PyTorch means to give these tensors up
        warnings.simplefilter("ignore")
        steps = torch.quantize_per_tensor(rows.float(), 0.5, 0, torch.qint8)
    assert gradient(model, steps) == gradient(model, steps.dequantize())
    with pytest.raises(InputError, match=r"X must be a tensor that holds numbers; .* meta device"):
        explain(model, torch.zeros(8, 2, device="meta"), TARGET)
    with pytest.raises(InputError, match="y must be a tensor that holds numbers"):
        explain(model, ROWS, torch.zeros(8, device="meta"))


def test_parameters_that_the_catalogue_refuses_name_their_layer(torch) -> None:
    for module, said in (
        (torch.nn.ELU(-0.5), r"module 1, ELU: alpha must be positive and finite; got -0\.5"),
        (torch.nn.LeakyReLU(-0.1), "module 1, LeakyReLU: negative_slope must be at least 0"),
    ):
        model = torch.nn.Sequential(torch.nn.Linear(2, 3), module, torch.nn.Linear(3, 1))
        with pytest.raises(InputError, match=said):
            explain(model, ROWS, TARGET)


def by_torch(torch, model):
    """Return the gradient of the weights in use of the first layer, as autograd has it."""
    seen = []

    def keep(_module, _given, weighted):
        weighted.retain_grad()
        seen.append(weighted)

    handle = model[0].register_forward_hook(keep)
    ((model(torch.tensor(ROWS)) - torch.tensor(TARGET[:, None])) ** 2).mean().backward()
    handle.remove()
    return float(torch.tensor(ROWS)[:, 0] @ seen[0].grad[:, 0])


def test_weights_computed_from_others_are_those_in_use(torch) -> None:
    from torch.nn.utils import prune

    pruned = in_torch(torch)
    prune.l1_unstructured(pruned[0], "weight", amount=2)
    computed = in_torch(torch)
    spread = computed[0].weight.detach().clone()
    del computed[0]._parameters["weight"]
    computed[0].half_of_it = torch.nn.Parameter(spread / 2)
    computed[0].register_forward_pre_hook(
        lambda module, _given: setattr(module, "weight", 2 * module.half_of_it)
    )
    computed(torch.tensor(ROWS))
    for model in (pruned, computed):
        found = explain(model, ROWS, TARGET)
        assert found.weight(1, 1, 1).gradient == pytest.approx(by_torch(torch, model), rel=1e-9)
        assert "the weights of module 0, Linear are computed" in " ".join(found.subject.notes)


def test_a_module_that_keeps_its_last_result_is_copied(torch) -> None:
    class Keeps(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.body = in_torch(torch)

        def forward(self, x):
            self.last = self.body(x)
            return self.last

    model = Keeps()
    right = gradient(model.body)
    model(torch.tensor(ROWS))
    assert gradient(model) == right
    assert model.last.grad_fn is not None


def test_images_are_flattened_behind_what_acts_on_each_pixel(torch, keras) -> None:
    images = ROWS.repeat(2, axis=1).reshape(8, 2, 2) + np.arange(4).reshape(2, 2)
    flat = images.reshape(8, 4)
    body = in_torch(torch, n_in=4)
    dropped = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Flatten(), *body)
    assert gradient(dropped, images) == gradient(body, flat)

    layers = keras.layers
    normal = layers.Normalization(axis=-1)
    normal.adapt(images)
    dense = layers.Dense(1)
    plain = keras.Sequential([keras.Input((4,)), dense])
    scaled = np.float32(images) * 0.5 + 1
    for first, rows, factor in (
        (layers.Rescaling(0.5, 1.0), scaled, 0.5),
        (normal, normal(images).cpu().numpy(), 1 / np.std(images[..., 1])),
    ):
        model = keras.Sequential([keras.Input((2, 2)), first, layers.Flatten(), dense])
        found = gradient(model, images, layer=1, unit=4)
        # with W' = s W and b' = b + t W, the derivative by W is s dW' + t db'
        own = gradient(plain, rows.reshape(8, 4), unit=4)
        shift = explain(model, images, TARGET).bias(1, 1).gradient
        offset = (rows - images * factor)[0, 1, 1]
        assert factor * found + offset * shift == pytest.approx(own, rel=1e-4)


def test_keras_models_without_weights_or_with_several_results(keras) -> None:
    layers = keras.layers
    x = keras.Input((2,))
    with pytest.raises(InputError, match="at least one dense layer; got none"):
        explain(keras.Sequential([x]), ROWS, TARGET)
    with pytest.raises(InputError, match="model must be built before it is explained"):
        explain(keras.Sequential([layers.Dense(3)]), ROWS, TARGET)
    with pytest.raises(InputError, match="one output; got 'a dict of 1'"):
        explain(keras.Model(x, {"price": layers.Dense(1)(x)}), ROWS, TARGET)

    class Backwards(keras.Model):
        def __init__(self):
            super().__init__()
            self.last, self.first = layers.Dense(1), layers.Dense(3)

        def call(self, rows):
            return self.last(self.first(rows))

    model = Backwards()
    model(ROWS)
    with pytest.raises(InputError, match=r"X must be of shape \(n, 3\) for .*, the first that"):
        explain(model, ROWS, TARGET)


def test_tables_in_another_order_are_refused() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    table = pandas.DataFrame(ROWS, columns=["a", "b"])
    model = Theirs(hidden_layer_sizes=(3,), max_iter=5, random_state=0).fit(table, TARGET)
    assert gradient(model, table) == gradient(model, ROWS)
    other = table[["b", "a"]]
    with pytest.raises(
        InputError, match="X must be of the columns a, b, in this order; got 'b, a'"
    ):
        explain(model, other, TARGET)
    with pytest.raises(InputError, match="X of held_out must be of the columns a, b"):
        explain(model, table, TARGET, held_out=(other, TARGET))


def test_a_net_of_skorch_that_was_never_fitted(torch) -> None:
    skorch = pytest.importorskip("skorch", reason="skorch is not installed")
    with pytest.raises(InputError, match="fitted before it is explained; got 'NeuralNetRegressor'"):
        explain(skorch.NeuralNetRegressor(in_torch(torch)), ROWS, TARGET)


def test_layers_as_arrays_are_named_where_they_are_none(torch) -> None:
    weight = [[1.0], [2.0]]
    for layer, said in (
        (([["a"], ["b"]], None), "weight of layer 1 must be an array of real numbers; got '<U1'"),
        (([[1j], [1]], None), "weight of layer 1 must be an array of real numbers; got 'complex"),
        (([[1.0], [1, 2]], None), "weight of layer 1 must be an array of numbers"),
        ((weight, [1.0, 2.0]), r"bias of layer 1 must be of shape \(1,\); got \(2,\)"),
        ((weight, ["a"]), "bias of layer 1 must be an array of real numbers"),
    ):
        with pytest.raises(InputError, match=said):
            explain([(*layer, "tanh")], ROWS, TARGET)
    tensor = torch.tensor(weight, requires_grad=True)
    assert gradient([(tensor, None, "tanh")]) == pytest.approx(gradient([(weight, None, "tanh")]))


def test_rows_that_are_no_numbers_are_shown_shortly() -> None:
    with pytest.raises(InputError, match="X must hold real numbers") as caught:
        explain([([[1.0], [2.0]], None, "tanh")], {"a": ROWS}, TARGET)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
