"""Networks of Keras, read along the chain from input to output."""

import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.foundation.errors import InputError, must_be
from chainrule.interop.steps import Affine, Foreign, Function, Product, Same, Step, known

__all__ = ["read_keras"]

NOTHING = ("Identity", "Flatten", "Dropout", "GaussianNoise", "GaussianDropout", "AlphaDropout")
PLAIN = ("relu", "sigmoid", "tanh", "softmax", "exponential", "elu", "selu", "gelu", "silu")
PARAMETERS = {"leaky_relu": {"negative_slope": 0.2}}
PRECISIONS = ("bfloat16", "float16", "float32", "float64")


def read_keras(model: Any, x: np.ndarray) -> Foreign:
    """Return the operations of a Keras model on rows, in evaluation."""
    keras = sys.modules.get("keras")
    # layers of float64 have been seen to answer with the digits of float32
    foreign = Foreign(narrow=True, precision="float32")
    given = keras.ops.convert_to_tensor(x, dtype="float64") if keras else x
    value: Any = given
    for layer in _chain(model):
        count = len(foreign.steps)
        steps = _steps(layer, foreign, x)
        before = value
        value = _called(layer, value)
        foreign.steps += steps
        if len(steps) == 2:
            # the layer tells only its last result; the sum before it is ours
            foreign.trace.append(steps[0](_numbers(before).astype(np.float64)))
        foreign.trace += [_numbers(value)] * (len(foreign.steps) > count)
        if getattr(layer, "get_weights", None) and any(
            str(one.dtype) == "float64" for one in layer.get_weights()
        ):
            foreign.narrow = False
        precision = str(getattr(layer, "compute_dtype", "float32" if steps else "float64"))
        if precision in PRECISIONS:
            foreign.precision = min(foreign.precision, precision, key=PRECISIONS.index)
    if not any(isinstance(step, Product) for step in foreign.steps):
        raise InputError("model must have at least one dense layer; got none.")
    outputs = _called(model, given)
    if isinstance(outputs, list | tuple | dict):
        several = f"a {type(outputs).__name__} of {len(outputs)}"
        raise must_be("model", "a network with one output", several)
    foreign.outputs = _numbers(outputs)
    return foreign


def _called(layer: Any, value: Any) -> Any:
    """Call a layer or model as in evaluation; turn an error of Keras into a sentence."""
    try:
        with warnings.catch_warnings():  # Keras warns at each call; its owner has seen it
            warnings.simplefilter("ignore")
            return layer(value, training=False) if _takes_training(layer) else layer(value)
    except Exception as error:
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        raise InputError(
            f"model must compute its outputs from X; {layer.name!r} of Keras refuses: {said}"
        ) from error


def _takes_training(layer: Any) -> bool:
    return bool(getattr(layer, "_call_has_training_arg", True))


def _numbers(value: Any) -> np.ndarray:
    keras = sys.modules.get("keras")
    if isinstance(value, np.ndarray) or keras is None:
        return np.asarray(value)
    if str(getattr(value, "dtype", "")).endswith("bfloat16"):
        value = keras.ops.cast(value, "float32")
    return np.asarray(keras.ops.convert_to_numpy(value))


def _chain(model: Any) -> Iterator[Any]:
    """Yield the layers from input to output; refuse a model that is not a chain."""
    if not hasattr(model, "layers"):
        yield model
        return
    within = list(model.layers)
    outputs = getattr(model, "outputs", None)
    if outputs is not None and type(model).__name__ != "Sequential":
        if len(outputs) != 1:
            raise must_be("model", "a network with one output", f"{len(outputs)} outputs")
        within = _backwards(model, outputs[0])
    for layer in within:
        yield from _chain(layer)


def _backwards(model: Any, tensor: Any) -> list[Any]:
    found: list[Any] = []
    inputs = [id(one) for one in model.inputs]
    while id(tensor) not in inputs:
        operation, node, _ = tensor._keras_history
        given = operation._inbound_nodes[node].input_tensors
        if len(given) != 1 or not hasattr(operation, "get_weights"):
            raise InputError(
                "model must be a chain of Dense layers and activations; "
                f"{operation.name!r} is {type(operation).__name__}."
            )
        found.append(operation)
        tensor = given[0]
    return found[::-1]


def _steps(layer: Any, foreign: Foreign, x: np.ndarray) -> list[Step]:
    """Return the operations of a layer in evaluation, or refuse it by name and value."""
    kind = type(layer).__name__
    name = f"layer {layer.name!r}, {kind}"
    if kind == "Dense":
        steps: list[Step] = [_dense(layer, name)]
        number = 1 + sum(isinstance(one, Product) for one in foreign.steps)
        n_in = len(steps[0].weight) if isinstance(steps[0], Product) else 0
        if number == 1 and not foreign.flattens and (x.ndim != 2 or x.shape[1] != n_in):
            raise InputError(
                f"X must be of shape (n, {n_in}) for {name}, the first that the model holds; got "
                f"{x.shape}."
            )
        return steps + _activation(layer.activation, name, layer.name)
    if kind == "Activation":
        return _activation(layer.activation, name, layer.name)
    if kind in NOTHING or kind == "InputLayer":
        if "Dropout" in kind or "Noise" in kind:
            foreign.notes.append("dropout is left out, as in evaluation")
        first = all(isinstance(step, Same | Affine) for step in foreign.steps)
        foreign.flattens = foreign.flattens or (kind == "Flatten" and first)
        return [] if kind == "InputLayer" else [Same(name)]
    if kind in ("BatchNormalization", "Normalization", "Rescaling"):
        rows = x.shape if all(isinstance(one, Same | Affine) for one in foreign.steps) else ()
        return [_affine(layer, kind, name, rows)]
    return [_activation_layer(layer, kind, name)]


def _dense(layer: Any, name: str) -> Product:
    if getattr(layer, "quantization_mode", None) is not None:
        raise InputError(
            f"model must have floating-point weights; {name} is quantized to "
            f"{layer.quantization_mode}."
        )
    if getattr(layer, "lora_enabled", False):
        raise InputError(f"model must have weights of its own; {name} has LoRA enabled.")
    arrays = [np.asarray(array) for array in layer.get_weights()]
    if not arrays:
        raise must_be("model", "built before it is explained", name, "Call it on some rows first.")
    if not 1 <= len(arrays) <= 2 or arrays[0].ndim != 2:
        shapes = [array.shape for array in arrays]
        raise must_be(f"weights of {name}", "a kernel (n_in, n_out) and a bias", shapes)
    kernel, *bias = [array.astype(np.float64) for array in arrays]
    owners = list(getattr(layer, "weights", ()))  # the variables, which two layers may hold
    if len(owners) != len(arrays):
        owners = [layer] * len(arrays)
    return Product(name, kernel, bias[0] if bias else None, *owners)


def _activation(function: Any, name: str, layer: str) -> list[Step]:
    """Return the activation that a Dense or Activation layer was given, as a step or none."""
    if hasattr(function, "get_weights"):
        return [_activation_layer(function, type(function).__name__, name)]
    own = getattr(function, "__name__", repr(function))
    if own == "linear":
        return []
    record = known(own, f"layer {layer!r}", **PARAMETERS.get(own, {}))
    return [Function(name, record)]


def _activation_layer(layer: Any, kind: str, name: str) -> Step:
    def refusal(reason: str = "") -> InputError:
        return InputError(
            "model must be a chain of Dense layers and activations that the catalogue has; layer "
            f"{layer.name!r} is {kind}{reason}."
        )

    if kind == "ReLU":
        slope = float(getattr(layer, "negative_slope", 0.0) or 0.0)
        options = {one: getattr(layer, one, None) for one in ("max_value", "threshold")}
        odd = {
            one: value for one, value in options.items() if value or value == 0 == (one[0] == "t")
        }
        if odd:
            said = ", ".join(f"{one}={value}" for one, value in odd.items())
            raise refusal(f"({said})")
        if not slope:
            return Function(name, known("relu", name))
        return Function(name, known("leaky_relu", name, negative_slope=slope))
    if kind == "LeakyReLU":
        slope = float(layer.negative_slope)
        return Function(name, known("leaky_relu", name, negative_slope=slope))
    if kind == "ELU":
        return Function(name, known("elu", name, alpha=float(getattr(layer, "alpha", 1.0))))
    if kind == "Softmax":
        axis = getattr(layer, "axis", -1)
        if axis not in (1, -1):
            raise refusal(f"(axis={axis})")
    if kind.lower() not in PLAIN:
        raise refusal()
    return Function(name, known(kind.lower(), name))


def _affine(layer: Any, kind: str, name: str, rows: tuple[int, ...]) -> Affine:
    """Return the factor and the shift of a layer that normalizes by statistics that stay.

    Where it stands before all others, ``rows`` is the shape of what it normalizes.
    """

    def read(attribute: str) -> Any:
        value = getattr(layer, attribute, None)
        if value is None:
            return None
        numbers = _numbers(value).astype(np.float64)
        if len(rows) > 2 and numbers.size > 1:
            numbers = np.broadcast_to(numbers, (1, *rows[1:]))
        return numbers.reshape(-1)

    if kind == "Rescaling":
        return Affine(name, np.asarray(read("scale")), np.asarray(read("offset")))
    if kind == "Normalization":
        mean, variance = read("mean"), read("variance")
        if mean is None or variance is None:
            raise InputError(f"model must know its statistics; {name} was never adapted.")
        spread = np.maximum(np.sqrt(variance), 1e-7)
        if getattr(layer, "invert", False):
            return Affine(name, spread, mean)
        return Affine(name, 1.0 / spread, -mean / spread)
    scale = 1.0 / np.sqrt(read("moving_variance") + layer.epsilon)
    gamma, beta = read("gamma"), read("beta")
    scale = scale if gamma is None else scale * gamma
    shift = -read("moving_mean") * scale
    return Affine(name, scale, shift if beta is None else shift + beta)
