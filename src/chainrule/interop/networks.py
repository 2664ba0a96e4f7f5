"""Dense networks of other libraries, read without importing anything that is not already there."""

import math
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.formulas.loss import Loss, losses
from chainrule.formulas.optimizers import Optimizer, optimizers
from chainrule.formulas.records import activations
from chainrule.foundation.errors import InputError, must_be, shown
from chainrule.foundation.wording import listed
from chainrule.insight.explanation import Explanation
from chainrule.insight.records import TrainingRecord
from chainrule.insight.sharing import SharedArray
from chainrule.insight.subject import Subject
from chainrule.interop.folding import Layers, fold
from chainrule.interop.frames import names_of
from chainrule.interop.keras_networks import read_keras
from chainrule.interop.scikit_learn_networks import (
    labels_encoder,
    read_scikit_learn,
    training_of,
)
from chainrule.interop.steps import Foreign, Function, compare
from chainrule.interop.torch_networks import read_torch
from chainrule.interop.wrappers import unwrap
from chainrule.model.network import Dense
from chainrule.model.objective import Objective
from chainrule.model.parameters import Parameters
from chainrule.training.network import Network

__all__ = ["ReadNetwork", "explain", "read_network"]

FLATTENED = "the rows are flattened first"

Encode = Callable[[Any, str], Any]


def explain(
    model: Any,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    loss: str | Loss | None = None,
    optimizer: str | Optimizer | None = None,
    learning_rate: float | None = None,
    held_out: tuple[Any, ...] | None = None,
) -> Explanation:
    """Explain any dense network on some rows: the chain rule of every weight, checks, a report.

    Parameters
    ----------
    model : object
        One of our fitted estimators; a pair (Network, Parameters); a list of (weight, bias,
        activation) with weights (n_in, n_out); a fitted ``MLPClassifier`` or ``MLPRegressor`` of
        scikit-learn; a PyTorch module that calls ``Linear`` layers and activations one after the
        other, nested or not; a Keras model that is a chain of ``Dense``; a net of skorch; a fitted
        pipeline or search that ends in one of these. Normalization is folded into the layer beside
        it, and dropout left out. The gradient of a layer that is used several times is the sum over
        its places. A network of another library is run on ``X`` and refused if it computes
        something else than its layers say.
    X : array (n, n_in)
        Inputs; for a network that flattens its rows first, of any shape (n, ...).
    y : array
        Targets, as the model was trained with; class numbers for networks without labels.
    sample_weight : array (n,), optional
        Weights of the rows.
    loss : str or Loss, optional
        The loss to explain; by default the one that suits the model's end: cross-entropy after a
        sigmoid or softmax, and where several linear outputs meet class numbers (integers, one per
        row), as logits do in PyTorch; otherwise ``mse``.
    optimizer : str or Optimizer, optional
        The rule of the update that is shown; by default the one that the model records, or ``sgd``.
    learning_rate : float, optional
        The rate of that update, as a book's 1; by default the one that the model records, or the
        one that suits the optimizer.
    held_out : (X, y) or (X, y, sample_weight), optional
        Rows that it was not trained on: the report judges the predictions on them.

    Raises
    ------
    InputError
        If a layer is not dense, or the network computes something else than its layers say; the
        message names the layer that is the reason.

    Examples
    --------
    >>> layers = [([[0.5], [0.25]], [0.0], "sigmoid"), ([[2.0]], [0.0], "linear")]
    >>> chain = explain(layers, [[1.0, -2.0]], [0.0]).weight(layer=1, unit=1, to=1)
    >>> round(chain.gradient, 6), chain.check.status
    (1.0, 'passed')
    >>> explain(layers, [[1.0, -2.0]], [0.0], learning_rate=1.0).weight(1, 1, 1).update.after
    -0.5
    """
    model, prepare, said = unwrap(model)
    X = prepare(X)
    if held_out is not None:
        held_out = (prepare(held_out[0]), *held_out[1:])
    own = getattr(model, "explain", None)
    if callable(own) and hasattr(model, "parameters_"):
        given = {"loss": loss, "optimizer": optimizer, "learning_rate": learning_rate}
        for name, value in given.items():
            if value is not None:
                raise must_be(name, "left out for a model that knows its own", value)
        found: Explanation = own(X, y, sample_weight, held_out=held_out)
        subject = replace(found.subject, notes=(*found.subject.notes, *said))
        return replace(found, subject=subject) if said else found
    recorded = _recorded(model) | _update(optimizer, learning_rate)
    read = read_network(model, X, loss, _are_class_numbers(y))
    objective, parameters, encode = read.objective, read.parameters, read.encode
    subject = Subject.of(
        objective,
        parameters,
        read.rows,
        encode(y, "y"),
        sample_weight,
        input_names=tuple(map(str, getattr(model, "feature_names_in_", ()))),
        notes=(*read.notes, *said),
        shared=read.shared,
        **recorded,
    )
    apart = None
    if held_out is not None:
        X, y, *weight = held_out
        _check_names(model, X, "X of held_out")
        X = _numbers(X, "X of held_out")
        if X.ndim > 2 and FLATTENED in read.notes:
            X = X.reshape(len(X), -1)
        apart = Subject.of(objective, parameters, X, encode(y, "y of held_out"), *weight).rows
    return Explanation(subject, apart)


def _check_names(model: Any, X: Any, name: str) -> None:
    """Refuse a table whose columns are not those that the network was fitted on, in order."""
    trained, given = getattr(model, "feature_names_in_", None), names_of(X)
    if trained is not None and given is not None and list(trained) != given:
        columns = f"of the columns {listed(list(map(str, trained)))}, in this order"
        raise must_be(name, columns, listed(given))


def _recorded(model: Any) -> dict[str, Any]:
    """Return the record of a network's training; most have none."""
    if hasattr(model, "coefs_"):
        return training_of(model)
    kind = type(model).__module__.partition(".")[0]
    known = kind in ("torch", "keras")
    return {"training": TrainingRecord(model=f"{kind} network")} if known else {}


def _update(optimizer: str | Optimizer | None, learning_rate: float | None) -> dict[str, Any]:
    """Return the options of the next update, as fields of a subject."""
    found: dict[str, Any] = {}
    if optimizer is not None:
        rule = optimizers.get(optimizer)
        found = {"optimizer": rule, "learning_rate": rule.learning_rate}
    if learning_rate is not None:
        real = isinstance(learning_rate, int | float | np.integer | np.floating)
        if not real or not 0.0 < learning_rate < math.inf:
            raise must_be("learning_rate", "positive and finite", learning_rate)
        found["learning_rate"] = float(learning_rate)
    return found


def _are_class_numbers(y: Any) -> bool:
    """Return True for integer targets, one per row, as class numbers are."""
    found = _targets(y, "y")
    return bool(found.ndim == 1 and found.dtype.kind in "iu")


@dataclass(frozen=True, eq=False)
class ReadNetwork:
    """A network of any library, as this one computes it.

    Attributes
    ----------
    objective : Objective
        Its layers, and the loss to explain.
    parameters : Parameters
        Its weights and biases.
    encode : callable
        From targets and their name to what the loss takes.
    rows : array or sparse matrix
        The inputs, flattened where the network flattens them.
    notes : tuple of str
        Sentences that every output repeats.
    shared : tuple of SharedArray
        Parameters that several layers use.
    """

    objective: Objective
    parameters: Parameters
    encode: Encode
    rows: Any
    notes: tuple[str, ...] = ()
    shared: tuple[SharedArray, ...] = ()


def read_network(
    model: Any, X: Any, loss: str | Loss | None = None, class_numbers: bool = False
) -> ReadNetwork:
    """Return any network with its rows.

    A network of another library is run on the rows, and must compute what was read of it. With
    ``class_numbers`` as targets, several linear outputs are logits.
    """
    if isinstance(model, tuple) and len(model) == 2 and isinstance(model[0], Network):
        loss = loss or _loss_of_scores(model[0].n_out, class_numbers)
        return ReadNetwork(Objective(model[0], loss), model[1], _numbers, _numbers(X, "X"))
    if isinstance(model, list | tuple):
        found = _objective(_from_triples(model), loss, class_numbers)
        return ReadNetwork(*found, _numbers, _numbers(X, "X"))
    read, encode = _reader(model)
    _check_names(model, X, "X")
    rows = _numbers(X, "X")
    dense = rows.toarray() if hasattr(rows, "toarray") else rows
    if dense.ndim < 2 or not dense.shape[0]:
        raise must_be("X", "of shape (n, n_in) with at least one row", tuple(dense.shape))
    foreign = read(model, dense)
    folded = fold(foreign)
    compare(foreign, dense.reshape(len(dense), -1) if foreign.flattens else dense)
    notes = foreign.notes
    if foreign.flattens and dense.ndim > 2:
        rows = dense.reshape(len(dense), -1)
        notes.append(FLATTENED)
    scikit_learn = hasattr(model, "coefs_")
    if loss is None and scikit_learn and not hasattr(model, "classes_"):
        given = getattr(model, "loss", "mse")
        loss = "mse" if given == "squared_error" else given
    if loss is None and scikit_learn and model.out_activation_ == "logistic":
        several = model.n_outputs_ > 1  # labels, over which its loss is summed
        loss = losses.get("binary_cross_entropy", summed=several)
    objective, parameters = _objective(folded.layers, loss, class_numbers)
    ends_in_log = any(isinstance(step, Function) and step.log for step in foreign.steps)
    if ends_in_log and objective.loss.link.name != "softmax":
        raise must_be("loss", "categorical_cross_entropy after LogSoftmax", objective.loss.name)
    if scikit_learn and objective.loss.name == "mse":
        notes.append("scikit-learn trains on half of this loss")
    return ReadNetwork(objective, parameters, encode, rows, tuple(notes), folded.shared)


def _reader(model: Any) -> tuple[Callable[[Any, np.ndarray], Foreign], Encode]:
    if isinstance(model, type):
        raise must_be("model", "a network", f"the class {model.__name__}", "Pass an object of it.")
    if hasattr(model, "coefs_") and hasattr(model, "intercepts_"):
        encode = labels_encoder(model)
        return read_scikit_learn, lambda y, name: encode(_targets(y, name), name)
    # Keras before PyTorch: on that backend its models are PyTorch modules too
    if hasattr(model, "layers") and hasattr(model, "get_weights"):
        return read_keras, _numbers
    if hasattr(model, "modules") and hasattr(model, "state_dict"):
        return read_torch, _numbers
    if hasattr(model, "fit") and hasattr(model, "get_params"):
        neural = hasattr(model, "hidden_layer_sizes")
        rule = "fitted before it is explained" if neural else "a neural network"
        raise must_be("model", rule, type(model).__name__, "Call fit first." if neural else "")
    raise must_be(
        "model",
        "a dense network of chainrule, scikit-learn, PyTorch or Keras, or a list of layers",
        type(model).__name__,
        "Pass a list of (weight, bias, activation).",
    )


def _targets(values: Any, name: str) -> Any:
    """Return data of any library as an array of NumPy, or a sparse matrix as it is."""
    if values is None:
        raise must_be(name, "given", None)
    if hasattr(values, "tocsr"):
        return values
    if hasattr(values, "detach"):
        return _of_tensor(values, name)
    return np.asarray(values)


def _of_tensor(tensor: Any, name: str) -> np.ndarray:
    """Return a tensor of PyTorch as an array, or say why it has no numbers."""
    if tensor.is_meta:
        raise must_be(name, "a tensor that holds numbers", "one on the meta device")
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    if tensor.layout != sys.modules["torch"].strided:
        tensor = tensor.to_dense()
    tensor = tensor.detach().cpu()
    if "bfloat16" in str(tensor.dtype):
        tensor = tensor.float()
    found: np.ndarray = tensor.resolve_conj().resolve_neg().numpy()
    return found


def _numbers(values: Any, name: str) -> Any:
    """Return inputs, or targets without labels, as real numbers; name those that are none."""
    found = _targets(values, name)
    if found.dtype.kind == "O":
        with suppress(TypeError, ValueError):
            found = np.asarray(found, np.float64)
    if found.dtype.kind not in "biuf":
        first = found.ravel()[:1].tolist() if hasattr(found, "ravel") else []
        what = f"{found.dtype}, as in {shown(first[0])}" if first else str(found.dtype)
        advice = (
            "Encode the columns." if name.startswith("X") else "Encode labels as class numbers."
        )
        raise InputError(f"{name} must hold real numbers; got {what}. {advice}")
    return found


def _real(values: Any, name: str) -> np.ndarray:
    """Return the weights or biases of a layer as real numbers."""
    try:
        found = _targets(values, name)
    except ValueError:  # rows of different lengths
        raise must_be(name, "an array of numbers", values) from None
    if hasattr(found, "toarray"):
        found = found.toarray()
    if found.dtype.kind not in "biuf":
        raise must_be(name, "an array of real numbers", str(found.dtype))
    return np.asarray(found)


def _loss_of_scores(outputs: int, class_numbers: bool) -> str:
    """Return the loss that suits a linear end: one number per row says nothing of many outputs."""
    return "categorical_cross_entropy" if class_numbers and outputs > 1 else "mse"


def _objective(
    layers: Layers, loss: str | Loss | None, class_numbers: bool
) -> tuple[Objective, Parameters]:
    """Return objective and parameters; an end that the loss applies itself is taken off."""
    *hidden, (weight, bias, last) = layers
    if loss is None:
        linked = (name for name in losses if losses[name].link.name == last.name)
        scores = _loss_of_scores(weight.shape[1], class_numbers)
        loss = scores if last.name == "linear" else next(linked, "mse")
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
        weight = _real(weight, f"weight of layer {number}")
        if weight.ndim != 2:
            raise must_be(f"weight of layer {number}", "of shape (n_in, n_out)", weight.shape)
        bias = None if bias is None else _real(bias, f"bias of layer {number}")
        n_out = weight.shape[1]
        if bias is not None and bias.shape != (n_out,):
            raise must_be(f"bias of layer {number}", f"of shape ({n_out},)", bias.shape)
        layers.append((weight, bias, activations.get(activation)))
    if not layers:
        raise must_be("model", "a list of at least one layer", [])
    return layers
