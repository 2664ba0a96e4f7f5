"""Dense networks of other libraries, read without importing anything that is not already there."""

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.formulas.loss import Loss, losses
from chainrule.formulas.optimizers import optimizers
from chainrule.formulas.records import Activation, activations
from chainrule.foundation.errors import InputError, must_be
from chainrule.insight.explanation import Explanation
from chainrule.insight.subject import Subject
from chainrule.model.network import Dense, Network
from chainrule.model.objective import Objective
from chainrule.model.parameters import Parameters

__all__ = ["explain", "read_network"]

Layers = list[tuple[np.ndarray, np.ndarray | None, Activation]]


def explain(
    model: Any,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    loss: str | Loss | None = None,
    held_out: tuple[Any, ...] | None = None,
) -> Explanation:
    """Explain any dense network on some rows: the chain rule of every weight, checks, a report.

    Parameters
    ----------
    model : object
        One of our fitted estimators; a pair (Network, Parameters); a list of (weight, bias,
        activation) with weights (n_in, n_out); a fitted ``MLPClassifier`` or ``MLPRegressor`` of
        scikit-learn; a PyTorch ``Sequential`` of ``Linear`` and activations; a Keras
        ``Sequential`` of ``Dense``.
    X : array (n, n_in)
        Inputs.
    y : array
        Targets, as the model was trained with; class numbers for networks without labels.
    sample_weight : array (n,), optional
        Weights of the rows.
    loss : str or Loss, optional
        The loss to explain; by default the one that suits the model's end: cross-entropy after a
        sigmoid or softmax, otherwise ``mse``.
    held_out : (X, y) or (X, y, sample_weight), optional
        Rows that it was not trained on: the report judges the predictions on them.

    Raises
    ------
    InputError
        If a layer is not dense; the message names the layer that is the reason.

    Examples
    --------
    >>> layers = [([[0.5], [0.25]], [0.0], "sigmoid"), ([[2.0]], [0.0], "linear")]
    >>> chain = explain(layers, [[1.0, -2.0]], [0.0]).weight(layer=1, unit=0, to=0)
    >>> round(chain.gradient, 6), chain.check.status
    (1.0, 'passed')
    """
    own = getattr(model, "explain", None)
    if callable(own) and hasattr(model, "parameters_"):
        if loss is not None:
            raise must_be("loss", "left out for a model that knows its own", loss)
        found: Explanation = own(X, y, sample_weight, held_out=held_out)
        return found
    objective, parameters, encode, notes = read_network(model, loss)
    subject = Subject.of(
        objective,
        parameters,
        X,
        encode(y),
        sample_weight,
        input_names=tuple(map(str, getattr(model, "feature_names_in_", ()))),
        notes=notes,
        **_recorded(model),
    )
    apart = None
    if held_out is not None:
        X, y, *weight = held_out
        given = encode(y), *weight
        apart = Subject.of(objective, parameters, X, *given).rows
    return Explanation(subject, apart)


def _recorded(model: Any) -> dict[str, Any]:
    """Return what a network of scikit-learn says of its training; others record nothing."""
    if not hasattr(model, "coefs_"):
        kind = type(model).__module__.partition(".")[0]
        return {"facts": {"model": f"{kind} network"}} if kind in ("torch", "keras") else {}
    facts = {
        "model": f"{type(model).__name__} of scikit-learn",
        "solver": model.solver,
        "schedule": model.learning_rate if model.solver == "sgd" else "constant",
        "options": model.get_params(deep=False),
        "epochs": model.n_iter_,
        "rows_seen": getattr(model, "t_", None),
        "loss_curve": getattr(model, "loss_curve_", None),
        "validation_scores": getattr(model, "validation_scores_", None),
    }
    if hasattr(model, "classes_"):
        facts["classes"] = np.asarray(model.classes_).tolist()
    if model.solver == "lbfgs":
        return {"facts": facts}
    name, options = "adam", {}
    if model.solver == "sgd":
        nesterov = bool(model.nesterovs_momentum and model.momentum > 0.0)
        name, options = "sgd", {"momentum": float(model.momentum), "nesterov": nesterov}
    size = 200 if model.batch_size == "auto" else int(model.batch_size)
    return {
        "facts": facts,
        "optimizer": optimizers.get(name, **options),
        "learning_rate": float(model.learning_rate_init),
        "batch_size": size,
    }


def read_network(
    model: Any, loss: str | Loss | None = None
) -> tuple[Objective, Parameters, Callable[[Any], Any], tuple[str, ...]]:
    """Return objective, parameters, the encoding of targets, and notes, of any dense network."""
    if isinstance(model, tuple) and len(model) == 2 and isinstance(model[0], Network):
        return Objective(model[0], loss or "mse"), model[1], _as_given, ()
    if isinstance(model, list | tuple):
        return *_objective(_from_triples(model), loss), _as_given, ()
    if hasattr(model, "coefs_") and hasattr(model, "intercepts_"):
        return _from_scikit_learn(model, loss)
    # Keras before PyTorch: on that backend its models are PyTorch modules too
    if hasattr(model, "layers") and hasattr(model, "get_weights"):
        layers, notes = _from_keras(model)
        return *_objective(layers, loss), _as_given, notes
    if hasattr(model, "modules") and hasattr(model, "state_dict"):
        layers, notes = _from_torch(model)
        return *_objective(layers, loss), _as_given, notes
    raise must_be(
        "model",
        "a dense network of chainrule, scikit-learn, PyTorch or Keras, or a list of layers",
        type(model).__name__,
        "Pass a list of (weight, bias, activation).",
    )


def _as_given(y: Any) -> Any:
    return y


def _objective(layers: Layers, loss: str | Loss | None) -> tuple[Objective, Parameters]:
    """Return objective and parameters; an end that the loss applies itself is taken off."""
    *hidden, (weight, bias, last) = layers
    if loss is None:
        linked = (name for name in losses if losses[name].link.name == last.name)
        loss = "mse" if last.name == "linear" else next(linked, "mse")
    record = losses.get(loss)
    if record.link.name == last.name:
        last = activations.linear
    layers = [*hidden, (weight, bias, last)]
    network = Network(*(Dense(w.shape[0], w.shape[1], f, bias=b is not None) for w, b, f in layers))
    dtype = "float32" if all(w.dtype == np.float32 for w, _, _ in layers) else "float64"
    parameters = Parameters.from_arrays([w for w, _, _ in layers], [b for _, b, _ in layers], dtype)
    return Objective(network, record), parameters


def _from_triples(model: Any) -> Layers:
    layers: Layers = []
    for number, layer in enumerate(model, start=1):
        try:
            weight, bias, activation = layer
        except (TypeError, ValueError) as error:
            raise InputError(
                f"layer {number} must be (weight, bias, activation); got {type(layer).__name__}."
            ) from error
        weight = np.asarray(weight)
        if weight.ndim != 2:
            raise must_be(f"weight of layer {number}", "of shape (n_in, n_out)", weight.shape)
        bias = None if bias is None else np.asarray(bias)
        layers.append((weight, bias, activations.get(activation)))
    if not layers:
        raise must_be("model", "a list of at least one layer", [])
    return layers


def _from_scikit_learn(
    model: Any, loss: str | Loss | None
) -> tuple[Objective, Parameters, Callable[[Any], Any], tuple[str, ...]]:
    names = [model.activation] * (len(model.coefs_) - 1) + [model.out_activation_]
    layers: Layers = [
        (np.asarray(w), np.asarray(b), activations[name])
        for w, b, name in zip(model.coefs_, model.intercepts_, names, strict=True)
    ]
    if loss is None and not hasattr(model, "classes_"):
        loss = getattr(model, "loss", "mse")
    objective, parameters = _objective(layers, loss)
    notes = ["the penalty of scikit-learn's alpha is left out"] if model.alpha else []
    if objective.loss.name == "mse":
        notes.append("scikit-learn trains on half of this loss")

    def encode(y: Any) -> Any:
        y = np.asarray(y)
        if not hasattr(model, "classes_") or y.ndim == 2:
            return y
        codes = np.searchsorted(model.classes_, y)
        return codes if model.n_outputs_ > 1 else codes.reshape(-1, 1)

    return objective, parameters, encode, tuple(notes)


def _from_torch(model: Any) -> tuple[Layers, tuple[str, ...]]:
    # by iteration, because children() leaves out a module that stands in two places
    children = list(model) if type(model).__name__ == "Sequential" else [model]
    layers: Layers = []
    notes: list[str] = []
    for number, module in enumerate(children):
        kind = type(module).__name__
        if kind == "Linear":
            weight = module.weight.detach().cpu().numpy().T
            bias = None if module.bias is None else module.bias.detach().cpu().numpy()
            layers.append((np.ascontiguousarray(weight), bias, activations.linear))
        elif kind == "Dropout":
            notes.append("dropout is left out, as in evaluation")
        elif kind == "Flatten" and not layers:
            continue
        elif layers and (record := _torch_activation(module, kind)) is not None:
            _set_activation(layers, record, f"module {number}, {kind},")
        else:
            raise InputError(
                "model must be a Sequential of Linear layers and activations that the catalogue "
                f"has; module {number} is {kind}."
            )
    return _not_empty(layers), tuple(dict.fromkeys(notes))


def _torch_activation(module: Any, kind: str) -> Activation | None:
    if kind == "LeakyReLU":
        return activations.get(activations.leaky_relu, negative_slope=float(module.negative_slope))
    if kind == "ELU":
        return activations.get(activations.elu, alpha=float(module.alpha))
    # softmax and its log are one network with one loss
    ours = kind.lower().removeprefix("log") if kind == "LogSoftmax" else kind.lower()
    differs = (
        getattr(module, "approximate", "none") != "none"
        or getattr(module, "beta", 1) != 1
        or getattr(module, "dim", -1) not in (1, -1)
    )
    return None if differs or ours not in activations else activations[ours]


def _from_keras(model: Any) -> tuple[Layers, tuple[str, ...]]:
    layers: Layers = []
    notes: list[str] = []
    for layer in model.layers:
        kind = type(layer).__name__
        if kind == "Dense":
            kernel, *bias = [np.asarray(array) for array in layer.get_weights()]
            record = _keras_activation(layer.activation.__name__, layer.name)
            layers.append((kernel, bias[0] if bias else None, record))
        elif kind == "Activation" and layers:
            record = _keras_activation(layer.activation.__name__, layer.name)
            _set_activation(layers, record, f"layer {layer.name!r}")
        elif kind.lower() in activations and kind != "LeakyReLU" and layers:
            _set_activation(layers, activations[kind.lower()], f"layer {layer.name!r}")
        elif kind == "LeakyReLU" and layers:
            slope = float(layer.negative_slope)
            record = activations.get(activations.leaky_relu, negative_slope=slope)
            _set_activation(layers, record, f"layer {layer.name!r}")
        elif kind == "Dropout":
            notes.append("dropout is left out, as in evaluation")
        elif kind not in ("InputLayer", "Flatten") or (kind == "Flatten" and layers):
            raise InputError(
                "model must be a Sequential of Dense layers and activations that the catalogue "
                f"has; layer {layer.name!r} is {kind}."
            )
    return _not_empty(layers), tuple(dict.fromkeys(notes))


def _keras_activation(name: str, layer: str) -> Activation:
    if name not in activations:
        raise InputError(
            f"model must have activations that the catalogue has; layer {layer!r} has {name!r}."
        )
    return activations[name]


def _set_activation(layers: Layers, record: Activation, what: str) -> None:
    weight, bias, before = layers[-1]
    if before.name != "linear":
        raise InputError(f"model must have one activation per layer; {what} is a second one.")
    layers[-1] = (weight, bias, record)


def _not_empty(layers: Layers) -> Layers:
    if not layers:
        raise InputError("model must have at least one dense layer; got none.")
    return layers
