"""Networks of scikit-learn: layers, targets and what is known of their training."""

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.formulas.optimizers import optimizers
from chainrule.foundation.errors import InputError
from chainrule.insight.records import Encoding, TrainingRecord
from chainrule.interop.steps import Foreign, Function, Product, known

__all__ = ["labels_encoder", "read_scikit_learn", "training_of"]


def read_scikit_learn(model: Any, x: np.ndarray) -> Foreign:
    """Return the operations of a fitted scikit-learn network on rows."""
    names = [model.activation] * (len(model.coefs_) - 1) + [model.out_activation_]
    foreign = Foreign(narrow=all(w.dtype == np.float32 for w in model.coefs_))
    for number, (w, b, name) in enumerate(
        zip(model.coefs_, model.intercepts_, names, strict=True), start=1
    ):
        what = f"layer {number}"
        foreign.steps.append(Product(what, np.asarray(w, float), np.asarray(b, float)))
        foreign.steps.append(Function(what, known(name, what)))
    n_in = len(model.coefs_[0])
    if x.ndim != 2 or x.shape[1] != n_in:
        raise InputError(f"X must be of shape (n, {n_in}) for this network; got {x.shape}.")
    twin = copy.copy(model)
    twin.coefs_ = [np.asarray(w, float) for w in model.coefs_]
    twin.intercepts_ = [np.asarray(b, float) for b in model.intercepts_]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = getattr(twin, "predict_proba", twin.predict)
            outputs = np.asarray(answer(x.astype(float)))
    except Exception as error:
        raise InputError(
            f"model must compute its outputs from X of shape {x.shape}; scikit-learn refuses: "
            f"{str(error).partition(chr(10))[0]}"
        ) from error
    if model.n_outputs_ == 1 and outputs.ndim == 2:
        outputs = outputs[:, -1]
    foreign.outputs = outputs
    if model.alpha:
        foreign.notes.append("the penalty of scikit-learn's alpha is left out")
    return foreign


def labels_encoder(model: Any) -> Callable[[Any, str], Any]:
    """Return a function from labels to class numbers, which refuses unknown labels."""

    def encode(y: Any, name: str) -> Any:
        y = np.asarray(y)
        if not hasattr(model, "classes_"):
            return y
        several = getattr(model._label_binarizer, "y_type_", "").startswith("multilabel")
        if several:
            return y
        y = y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y
        places = {label: code for code, label in enumerate(np.asarray(model.classes_).tolist())}
        for row, label in enumerate(y.tolist()):
            if isinstance(label, list) or label not in places:
                shown = ", ".join(map(repr, list(places)[:10]))
                raise InputError(
                    f"{name} must hold labels that the network was trained with ({shown}); got "
                    f"{label!r} in row {row}."
                )
        codes = np.array([places[label] for label in y.tolist()], dtype=np.int64)
        return codes if model.n_outputs_ > 1 else codes.reshape(-1, 1)

    return encode


def training_of(model: Any) -> dict[str, Any]:
    """Return what a network of scikit-learn records of its training, as fields of a `Subject`."""
    found: dict[str, Any] = {
        "training": TrainingRecord(
            model=f"{type(model).__name__} of scikit-learn",
            solver=model.solver,
            schedule=model.learning_rate if model.solver == "sgd" else "constant",
            options=model.get_params(deep=False),
            epochs=model.n_iter_,
            rows_seen=getattr(model, "t_", None),
            loss_curve=getattr(model, "loss_curve_", None) or (),
            validation_scores=getattr(model, "validation_scores_", None) or (),
        )
    }
    if hasattr(model, "classes_"):
        found["encoding"] = Encoding(classes=np.asarray(model.classes_).tolist())
    if model.solver == "lbfgs":
        return found
    name, options = "adam", {}
    if model.solver == "sgd":
        nesterov = bool(model.nesterovs_momentum and model.momentum > 0.0)
        name, options = "sgd", {"momentum": float(model.momentum), "nesterov": nesterov}
    size = 200 if model.batch_size == "auto" else int(model.batch_size)
    return found | {
        "optimizer": optimizers.get(name, **options),
        "learning_rate": float(model.learning_rate_init),
        "batch_size": size,
    }
