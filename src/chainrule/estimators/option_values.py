"""Options and labels of an estimator as JSON can hold them, and back."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from chainrule.engines.choice import check_engine
from chainrule.formulas.initializers import initializers
from chainrule.formulas.loss import losses
from chainrule.formulas.optimizers import optimizers
from chainrule.formulas.rate_factors import rate_factors
from chainrule.formulas.records import Formula, activations, registered, restore
from chainrule.formulas.schedules import schedules
from chainrule.foundation.errors import must_be

__all__ = [
    "class_weight_from_json",
    "class_weight_to_json",
    "labels_from_json",
    "labels_to_json",
    "option_from_json",
    "option_to_json",
    "text",
    "whole",
]

# Options that name a formula, and the catalogue of each.
CATALOGUES: dict[str, Any] = {
    "activation": activations,
    "initializer": initializers,
    "rate_factors": rate_factors,
    "solver": optimizers,
    "learning_rate": schedules,
    "loss": losses,
}
# What `solver` calls by a name that is in no catalogue.
OTHER_NAMES = ("lbfgs",)


def option_to_json(estimator: Any, option: str, value: Any) -> Any:
    if option == "random_state":  # a generator's seed is the one it gave
        return estimator.seed_ if value is not None else None
    if option == "engine" and not isinstance(value, str):
        return "auto"
    if option == "class_weight":
        return class_weight_to_json(value)
    # code, which no file holds
    if option == "monitor" and not isinstance(value, str):
        return "score"
    if option == "callbacks":
        return None
    if option == "dtype" and value is not None:
        return np.dtype(value).name
    return _plain(option, value)


def _plain(option: str, value: Any) -> Any:
    if isinstance(value, Formula):
        return value.to_dict()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(option, item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise must_be(option, "a number, a text, or a record of a catalogue", value)


def class_weight_to_json(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [class_weight_to_json(one) for one in value]
    if isinstance(value, Mapping):  # JSON has texts as keys, labels are of any kind
        labels = [_plain("class_weight", label) for label in value]
        weights = [float(value[label]) for label in value]
        return {"labels": labels, "weights": weights}
    return value


def class_weight_from_json(value: Any) -> Any:
    if isinstance(value, list):
        return [class_weight_from_json(one) for one in value]
    if isinstance(value, dict):
        weights = [float(weight) for weight in value["weights"]]
        return dict(zip(value["labels"], weights, strict=True))
    return value


def option_from_json(option: str, value: Any) -> Any:
    if option == "class_weight":
        return class_weight_from_json(value)
    if option == "engine":  # which predictions use too
        check_engine(text(value))
    if isinstance(value, dict):
        return restore(CATALOGUES[option], value)
    if option in CATALOGUES and isinstance(value, str) and value not in OTHER_NAMES:
        registered(CATALOGUES[option], value)
    if isinstance(value, list):
        items = [option_from_json(option, item) for item in value]
        return tuple(items) if option == "hidden_layer_sizes" else items
    return value


# The kinds of labels, how NumPy calls them, and what JSON must hold for them.
LABELS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "str": ("UT", lambda value: isinstance(value, str)),
    "bool": ("b", lambda value: isinstance(value, bool)),
    "int": ("iu", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "float": ("f", lambda value: isinstance(value, float)),
    "object": ("O", lambda value: isinstance(value, str | int | float)),
}


def labels_to_json(labels: np.ndarray) -> dict[str, Any]:
    if labels.dtype.kind in "Mm":
        return {"kind": "time", "dtype": labels.dtype.name, "values": labels.view("i8").tolist()}
    if labels.dtype.kind == "S":
        return {"kind": "bytes", "dtype": "", "values": [b.decode("latin-1") for b in labels]}
    values = labels.tolist()
    for name, (kinds, right) in LABELS.items():
        if labels.dtype.kind in kinds and all(right(value) for value in values):
            return {"kind": name, "dtype": labels.dtype.name, "values": values}
    raise must_be("labels", "texts, numbers or bools for a file", labels.dtype, "Convert them.")


def labels_from_json(record: dict[str, Any]) -> np.ndarray:
    if record["kind"] == "time":
        numbers = np.array([_integer(value) for value in record["values"]], dtype=np.int64)
        dtype = np.dtype(text(record["dtype"]))
        if dtype.kind not in "Mm":
            raise ValueError("the labels are not of their dtype")
        return numbers.view(dtype)
    if record["kind"] == "bytes":
        return np.array([text(value).encode("latin-1") for value in record["values"]])
    kinds, right = LABELS[record["kind"]]
    values = record["values"]
    if not isinstance(values, list) or not all(right(value) for value in values):
        raise ValueError("the labels are not of their kind")
    if record["kind"] in ("str", "object"):
        dtype = np.dtype(object if record["kind"] == "object" else str)
    else:
        dtype = np.dtype(text(record["dtype"]))
        if dtype.kind not in kinds:
            raise ValueError("the labels are not of their dtype")
    return np.array(values, dtype=dtype)


def _integer(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"a whole number is needed, got {value!r}")
    return value


def whole(value: Any) -> int:
    if _integer(value) < 0:
        raise ValueError(f"a count must be at least 0, got {value!r}")
    return int(value)


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a name must be a text, got {value!r}")
    return value
