"""A network as a module of PyTorch."""

from collections.abc import Callable
from typing import Any

from chainrule.estimators.outward import Outward, lacks

__all__ = ["torch_module"]

# From there on PyTorch takes softplus(z) for z; its own 20 changes the tenth digit.
SOFTPLUS_THRESHOLD = 50.0
MODULES: dict[str, Callable[[Any, Any], Any]] = {
    "relu": lambda nn, f: nn.ReLU(),
    "sigmoid": lambda nn, f: nn.Sigmoid(),
    "tanh": lambda nn, f: nn.Tanh(),
    "softmax": lambda nn, f: nn.Softmax(dim=1),
    "leaky_relu": lambda nn, f: nn.LeakyReLU(f.negative_slope),
    "elu": lambda nn, f: nn.ELU(f.alpha),
    "selu": lambda nn, f: nn.SELU(),
    "gelu": lambda nn, f: nn.GELU(),
    "silu": lambda nn, f: nn.SiLU(),
    "mish": lambda nn, f: nn.Mish(),
    "softplus": lambda nn, f: nn.Softplus(threshold=SOFTPLUS_THRESHOLD),
}


def torch_module(network: Outward) -> Any:
    """Return a ``torch.nn.Sequential`` of the layers."""
    network.check("PyTorch", ("linear", *MODULES))
    try:
        import torch
    except ImportError as error:
        raise lacks("to_torch", error) from error
    modules: list[Any] = []
    for weight, bias, record in zip(
        network.weights, network.biases, network.activations, strict=True
    ):
        n_in, n_out = weight.shape
        linear = torch.nn.Linear(n_in, n_out, dtype=getattr(torch, network.dtype))
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weight.T.copy()))
            linear.bias.copy_(torch.from_numpy(bias))
        modules.append(linear)
        if record.name != "linear":
            modules.append(MODULES[record.name](torch.nn, record))
    return torch.nn.Sequential(*modules)
