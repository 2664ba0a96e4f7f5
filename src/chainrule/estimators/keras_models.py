"""A network as a model of Keras."""

from collections.abc import Callable
from typing import Any

from chainrule.estimators.outward import Outward, lacks
from chainrule.foundation.errors import InputError

__all__ = ["keras_model"]

NAMES = ("linear", "relu", "sigmoid", "tanh", "softmax", "exponential", "selu", "gelu", "silu",
         "mish", "softplus")  # fmt: skip
# Activations with a parameter are layers.
LAYERS: dict[str, Callable[[Any, Any, str], Any]] = {
    "leaky_relu": lambda layers, f, dtype: layers.LeakyReLU(f.negative_slope, dtype=dtype),
    "elu": lambda layers, f, dtype: layers.ELU(f.alpha, dtype=dtype),
}


def keras_model(network: Outward) -> Any:
    """Return a ``keras.Sequential`` of the layers."""
    network.check("Keras", (*NAMES, *LAYERS))
    try:
        import keras
    except ImportError as error:
        if error.name != "keras":
            raise InputError(
                f"the package {error.name} must be installed, for to_keras, as the backend of "
                "Keras; got none. Install it, or name another: KERAS_BACKEND=torch."
            ) from error
        raise lacks("to_keras", error) from error
    dtype = network.dtype
    model = keras.Sequential([keras.Input((network.weights[0].shape[0],), dtype=dtype)])
    for weight, bias, record in zip(
        network.weights, network.biases, network.activations, strict=True
    ):
        own = record.name in LAYERS
        dense = keras.layers.Dense(
            weight.shape[1], activation=None if own else record.name, dtype=dtype
        )
        model.add(dense)
        dense.set_weights([weight, bias])
        if own:
            model.add(LAYERS[record.name](keras.layers, record, dtype))
    return model
