"""Section 1: the network and its training."""

import platform
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.foundation.short_numbers import short
from chainrule.insight.report.items import Facts, Sentence, Table
from chainrule.insight.report.material import Material
from chainrule.insight.report.sections import Item, Section

__all__ = ["STOPPED", "card"]

STOPPED = {
    "max_iter": "all epochs were completed",
    "no_improvement": "it stopped improving",
    "time_limit": "the time limit was reached",
    "interrupted": "it was interrupted",
    "divergence": "it diverged",
}


def card(material: Material) -> Section:
    """Return the network's layers, loss and training."""
    subject, training = material.subject, material.subject.training
    network = subject.objective.network
    shape = " → ".join(f"{n:,}" for n in (network.n_in, *(one.n_out for one in network.layers)))
    penalties = ", ".join(f"{one.name} {one.strength:g}" for one in subject.objective.penalties)
    seconds, rows_seen = training.seconds, training.rows_seen
    speed = (
        f"{short(rows_seen / seconds)} rows per second, including start-up"
        if seconds and rows_seen
        else None
    )
    named: list[tuple[str, Any]] = [
        ("Model", training.model or "a network and its parameters"),
        ("Predicts", _predicts(material)),
        ("Layers", f"{shape} ({subject.n_parameters:,} parameters, {subject.vector.dtype})"),
        ("Loss", material.loss_name + (f"; penalty {penalties}" if penalties else "")),
        ("Optimizer", _optimizer(material)),
        ("Epochs", _count(training.epochs)),
        ("Stopped because", STOPPED.get(training.stopped_because or "")),
        ("Time to train", None if seconds is None else f"{short(seconds)} s"),
        ("Speed", speed),
        ("Seed", None if training.seed is None else str(training.seed)),
        ("Versions", ", ".join(f"{name} {number}" for name, number in versions().items())),
    ]
    missing = [name.lower() for name, value in named if value is None]
    items: list[Item] = [Facts([(name, str(value)) for name, value in named if value])]
    if missing:
        items.append(Sentence(f"Not recorded: {', '.join(missing)}.", "note"))
    layers = [
        (str(number), f"{one.n_in:,}", f"{one.n_out:,}", one.activation.name, f"{size:,}")
        for number, (one, size) in enumerate(zip(network.layers, _sizes(material), strict=True), 1)
    ]
    head = ("layer", "inputs", "units", "activation", "parameters")
    items.append(Table("Layers, from the inputs to the scores", head, layers, ("activation",)))
    link = subject.objective.loss.link.name
    if link != "linear":
        items.append(Sentence(f"The loss applies the {link} that turns scores into predictions."))
    items += [Sentence(f"{note[0].upper()}{note[1:]}.", "note") for note in subject.notes]
    known = ("model", "epochs", "stopped_because", "seconds", "rows_seen", "seed", "options")
    record = {
        "task": material.task,
        "widths": [network.n_in, *(one.n_out for one in network.layers)],
        "activations": [one.activation.name for one in network.layers],
        "parameters": subject.n_parameters,
        "dtype": str(subject.vector.dtype),
        "loss": subject.objective.loss.to_dict(),
        "penalties": {one.name: one.strength for one in subject.objective.penalties},
        "optimizer": training.solver,
        "learning_rate": None if training.solver is None else subject.learning_rate,
        "batch_size": subject.batch_size,
        "versions": versions(),
        "notes": list(subject.notes),
        **{name: getattr(training, name) for name in known},
    }
    return Section("card", "The network", items, record)


def _predicts(material: Material) -> str:
    names = material.classes if material.task != "numbers" else material.targets
    if names == ("target",):
        return "a number"
    listed = ", ".join(names[:6]) + (f", and {len(names) - 6:,} more" if len(names) > 6 else "")
    what = {"classes": "one of {} classes", "labels": "{} labels at once", "numbers": "{} numbers"}
    return f"{what[material.task].format(f'{len(names):,}')}: {listed}"


def _optimizer(material: Material) -> str | None:
    subject, solver = material.subject, material.subject.training.solver
    if solver is None:
        return None
    if not material.trained_by_steps:
        return f"{solver}, on all rows at once"
    rows = "" if subject.batch_size is None else f", {subject.batch_size:,} rows per step"
    schedule = subject.training.schedule
    moved = "" if schedule in (None, "constant") else f" ({schedule.replace('_', ' ')})"
    return f"{solver}, learning rate {subject.learning_rate:g}{moved}{rows}"


def _count(value: Any) -> str | None:
    return None if value is None else f"{value:,}"


def _sizes(material: Material) -> Iterator[int]:
    for span in material.subject.objective.network.layout.whole_layers:
        yield span.stop - span.start


def versions() -> dict[str, str]:
    """Return the versions of the packages that computed the report."""
    import scipy
    import sklearn

    return {
        "chainrule": sys.modules["chainrule"].__version__,
        "Python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
    }
