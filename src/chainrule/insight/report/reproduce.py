"""Section 10: code, options, fingerprints, and the limits of the report."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.engines.engine import Rows
from chainrule.engines.registry import registry
from chainrule.insight.report.items import Code, Facts, Sentence, Table
from chainrule.insight.report.material import Material, clipped
from chainrule.insight.report.sections import Item, Section

__all__ = ["fingerprint", "reproduce"]

LIMITS = (
    (
        "Limits: a passed gradient check shows that the gradient is the derivative of this loss, "
        "not that the loss or the data are right. Importance and calibration describe the network "
        "on these rows, not cause and effect."
    ),
    (
        "Times depend on the machine and its load. Noise and learning rates are measured on short "
        "runs from a new start; longer runs may differ. Random draws use the seed shown."
    ),
)


def reproduce(material: Material) -> Section:
    """Return code, options, fingerprints, and the limits of the report."""
    training = material.subject.training
    items: list[Item] = []
    if training.code:
        items.append(Code("Code that trains it again", training.code))
    else:
        items.append(Sentence("The model does not record how it was trained.", "note"))
    prints = {"rows given": fingerprint(material.subject.rows)}
    if material.held_out is not None:
        prints["rows held out"] = fingerprint(material.held_out)
    prints["parameters"] = hashlib.sha256(
        np.ascontiguousarray(material.subject.vector).tobytes()
    ).hexdigest()
    items.append(Facts([(f"SHA-256 of the {name}", value) for name, value in prints.items()]))
    engine, options = training.engine, training.options
    if engine is not None:
        items.append(Sentence(_engine_sentence(engine, training.device, options)))
    if options:
        cells = [(name, clipped(_option(value))) for name, value in options.items()]
        items.append(
            Table("All options of the model", ("option", "value"), cells, ("value",), folded=True)
        )
    items.append(
        Sentence(
            "The fingerprints cover inputs, targets and weights as the network received them, with "
            "dtypes and shapes. Equal fingerprints mean equal data."
        )
    )
    items += [Sentence(text) for text in LIMITS]
    record = {
        "code": training.code,
        "engine": engine,
        "device": training.device,
        "options": options,
        "sha256": prints,
        "limits": LIMITS,
    }
    return Section("reproduce", "Reproduce", items, record)


def _engine_sentence(name: str, device: str | None, options: Mapping[str, Any]) -> str:
    known = f": {registry[name].sentence}" if name in registry else ""
    precision = options.get("matmul_precision", "highest")
    place = "" if device in (None, "cpu") else f" on {device}"
    lowered = (
        ""
        if precision == "highest"
        else f" Products of matrices were allowed the precision {precision!r}."
    )
    return f"It was trained by the {name} engine{place}{known}.{lowered}"


def _option(value: Any) -> str:
    return repr(value) if isinstance(value, str) else str(value)


def fingerprint(rows: Rows) -> str:
    """Return the SHA-256 of inputs, targets and weights, with their types and shapes."""
    digest = hashlib.sha256()
    x = rows.x
    inputs = [x.data, x.indices, x.indptr] if hasattr(x, "tocsr") else [x]
    for array in (*inputs, rows.y, *(() if rows.weight is None else (rows.weight,))):
        array = np.ascontiguousarray(array)
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
