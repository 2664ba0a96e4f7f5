"""Networks of PyTorch, read in the order in which their modules are called."""

import copy
import sys
import warnings
from typing import Any

import numpy as np

from chainrule.foundation.errors import InputError, must_be
from chainrule.interop.steps import Affine, Foreign, Function, Product, Same, Step, known

__all__ = ["read_torch"]

PLAIN = ("ReLU", "Sigmoid", "Tanh", "SELU", "SiLU", "Mish")
NOTHING = ("Identity", "Dropout", "Dropout1d", "AlphaDropout", "FeatureAlphaDropout")


def read_torch(model: Any, x: np.ndarray) -> Foreign:
    """Return the operations of a PyTorch module on rows; a copy of it is run."""
    torch = sys.modules["torch"]
    model = getattr(model, "_orig_mod", model)
    _check_state(torch, model)
    precisions = {str(one.dtype).removeprefix("torch.") for one in model.parameters()}
    foreign, failure = _run(torch, _copied(torch, model).double(), x, "float64")
    if failure is not None:
        precision = min(precisions, key=_order) if precisions else "float32"
        foreign, failure = _run(torch, _copied(torch, model), x, precision)
    if failure is not None:
        raise InputError(
            f"model must compute its outputs from X of shape {x.shape}; PyTorch refuses: "
            f"{_said(failure)}"
        ) from failure
    foreign.narrow = "float64" not in precisions
    return foreign


def _copied(torch: Any, model: Any) -> Any:
    """Return a copy in evaluation; tensors computed from others, which cannot be copied, as is."""
    computed = {
        id(value): value.detach().clone()
        for module in model.modules()
        for value in vars(module).values()
        if isinstance(value, torch.Tensor) and value.grad_fn is not None
    }
    try:
        return copy.deepcopy(model, computed).cpu().eval()
    except Exception as error:
        raise InputError(f"model must be a module that can be copied; {_said(error)}") from error


def _order(precision: str) -> int:
    return ["bfloat16", "float16", "float32", "float64"].index(precision)


def _said(error: BaseException) -> str:
    """Return the first line of another library's message."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _check_state(torch: Any, model: Any) -> None:
    """Refuse modules whose parameters cannot be read as numbers."""
    if isinstance(model, torch.jit.ScriptModule):
        raise InputError(
            "model must be a PyTorch module whose layers can be watched; got a compiled "
            "ScriptModule. Pass the module it was made of."
        )
    for path, module in model.named_modules():
        what, kind = _name(path, module), type(module)
        if "quantized" in kind.__module__:
            raise InputError(f"model must have floating-point weights; {what} is quantized.")
        if hasattr(module, "parametrizations"):
            raise InputError(
                f"model must have weights of its own; those of {what} are computed from others "
                "(parametrizations). Remove them with torch.nn.utils.parametrize first."
            )
    for name, value in model.named_parameters():
        if type(value).__name__ == "UninitializedParameter":
            raise InputError(f"model must have been run once; {name} has no shape yet.")
        if value.is_meta:
            raise InputError(f"model must hold its weights; {name} is on the meta device.")
        precision = str(value.dtype).removeprefix("torch.")
        if precision not in ("float64", "float32", "float16", "bfloat16"):
            raise must_be(name, "of float64, float32, float16 or bfloat16", precision)


def _run(
    torch: Any, twin: Any, x: np.ndarray, precision: str
) -> tuple[Foreign, BaseException | None]:
    """Run a module once, and record each innermost module it calls, with its outputs."""
    foreign = Foreign(precision=precision)

    def before(path: str, module: Any, given: Any) -> None:
        step = _step(torch, path, module, foreign)
        if isinstance(step, Product):
            layer = 1 + sum(isinstance(one, Product) for one in foreign.steps)
            width = tuple(given[0].shape) if given else ()
            n_in = len(step.weight)
            if layer == 1 and (len(width) != 2 or width[1] != n_in):
                raise InputError(
                    f"X must be of shape (n, {n_in}) for this network; got {tuple(x.shape)}."
                )
        foreign.steps.append(step)

    def after(result: Any) -> None:
        if not isinstance(result, torch.Tensor):
            raise InputError(
                f"model must pass one tensor on; {foreign.steps[-1].name} gives "
                f"{type(result).__name__}."
            )
        foreign.trace.append(_numbers(torch, result))

    for path, module in twin.named_modules():
        if next(module.children(), None) is None:
            module.register_forward_pre_hook(lambda one, given, path=path: before(path, one, given))
            module.register_forward_hook(lambda _one, _given, result: after(result))
    with warnings.catch_warnings(), torch.no_grad(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        try:
            outputs = twin(torch.tensor(x).to(getattr(torch, precision)))
        except InputError:
            raise
        except Exception as error:
            return foreign, error
    if not isinstance(outputs, torch.Tensor):
        raise must_be("the output of model", "one tensor", type(outputs).__name__)
    foreign.outputs = _numbers(torch, outputs)
    return foreign, None


def _numbers(torch: Any, tensor: Any) -> np.ndarray:
    found: np.ndarray = tensor.detach().to("cpu", torch.float64, copy=True).numpy()
    return found


def _name(path: str, module: Any) -> str:
    return f"module {path}, {type(module).__name__}" if path else type(module).__name__


def _step(torch: Any, path: str, module: Any, foreign: Foreign) -> Step:
    """Return the operation of an innermost module in evaluation, or refuse it by name and value."""
    kind, what = type(module).__name__, _name(path, module)
    if isinstance(module, torch.nn.Linear):
        weight = np.ascontiguousarray(_numbers(torch, module.weight).T)
        bias = None if module.bias is None else _numbers(torch, module.bias)
        if not isinstance(module.weight, torch.nn.Parameter):
            foreign.notes.append(
                f"the weights of {what} are computed from others: gradients are those of the result"
            )
        return Product(
            what, weight, bias, _owner(torch, module, "weight"), _owner(torch, module, "bias")
        )
    if kind in NOTHING:
        if kind != "Identity":
            foreign.notes.append("dropout is left out, as in evaluation")
        return Same(what)
    if kind == "Flatten":
        first = all(isinstance(step, Same) for step in foreign.steps)
        foreign.flattens = foreign.flattens or first
        return Same(what)
    if kind == "BatchNorm1d" and module.running_mean is not None:
        return _batch_norm(torch, what, module)
    if kind in PLAIN:
        return Function(what, known(kind.lower(), what))
    if kind == "LeakyReLU":
        slope = float(module.negative_slope)
        return Function(what, known("leaky_relu", what, negative_slope=slope))
    if kind == "ELU":
        return Function(what, known("elu", what, alpha=float(module.alpha)))
    if kind in ("Softmax", "LogSoftmax") and module.dim in (None, 1, -1):
        return Function(what, known("softmax", what), log=kind == "LogSoftmax")
    if kind == "GELU" and module.approximate == "none":
        return Function(what, known("gelu", what))
    if kind == "Softplus" and module.beta == 1:
        return Function(what, known("softplus", what))
    text = str(module).partition("\n")[0]
    shown = text if kind in text and len(text) < 100 else kind
    raise InputError(
        "model must be made of Linear layers and activations that the catalogue has; module "
        f"{path or 'itself'} is {shown}."
    )


def _owner(torch: Any, module: Any, name: str) -> Any:
    """Return the parameter, which two modules may hold; or else the module that computes it."""
    found = getattr(module, name)
    return found if found is None or isinstance(found, torch.nn.Parameter) else module


def _batch_norm(torch: Any, what: str, module: Any) -> Affine:
    mean, variance = (_numbers(torch, one) for one in (module.running_mean, module.running_var))
    scale = 1.0 / np.sqrt(variance + module.eps)
    if module.weight is not None:
        scale = scale * _numbers(torch, module.weight)
    shift = -mean * scale
    return Affine(
        what, scale, shift if module.bias is None else shift + _numbers(torch, module.bias)
    )
