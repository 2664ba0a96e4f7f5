"""The settings of the page as one record, and the problem that they describe."""

from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, get_type_hints

import numpy as np

from chainrule.app.play.data import DATA_SETS, Kind, make_data
from chainrule.app.play.forms import CATALOGUES, read_record
from chainrule.app.play.own_rows import BUILT_IN, OwnRows, built_in_rows
from chainrule.engines.engine import Rows
from chainrule.formulas.initializers import initializers
from chainrule.formulas.loss import losses
from chainrule.formulas.optimizers import Optimizer, sgd
from chainrule.formulas.penalties import penalties
from chainrule.formulas.records import activations
from chainrule.formulas.schedules import Schedule, constant
from chainrule.foundation.errors import InputError, must_be, suggest
from chainrule.foundation.real_numbers import is_real
from chainrule.insight.explanation import Explanation
from chainrule.insight.records import Encoding
from chainrule.insight.subject import Subject
from chainrule.model.objective import Objective
from chainrule.model.parameters import Parameters
from chainrule.training.network import Network
from chainrule.training.preparing import StepOptions
from chainrule.training.sources import make_rows
from chainrule.training.splits import held_out_rows

__all__ = ["FEWEST_TO_SPLIT", "LIVE", "LOSSES", "STARTS", "Problem", "Settings"]

# What changes while the network goes on learning; all else begins again.
LIVE = ("learning_rate", "batch_size", "schedule", "epochs", "l1", "l2", "dropout")
LOSSES = {
    "two classes": ("binary_cross_entropy", "mse"),
    "classes": ("categorical_cross_entropy",),
    "numbers": ("mse", "mae", "huber"),
}
MOST_LAYERS, MOST_UNITS, MOST_EPOCHS = 6, 256, 100_000
# Starts that are no initializer of the catalogue: what suits each activation, and the chapter's.
STARTS = ("drawn", "chapter")
# Fewer rows are all trained on.
FEWEST_TO_SPLIT = 10
# The start of the chapter's worked example.
CHAPTER_WEIGHTS = (
    ((-0.0053, -0.5820, -0.2723), (0.3793, -0.5204, 0.1896)),
    ((0.1528,), (-0.1745,), (-0.1135,)),
)
CHAPTER_BIASES = ((-0.0140, 0.5607, -0.0628), (-0.5516,))


@dataclass(frozen=True, eq=False)
class Problem:
    """A network at its start, with the rows to train on and to hold out.

    Attributes
    ----------
    subject : Subject
        The network before the first step, and the rows to train on.
    seed : int
        The seed of the orders and of dropout.
    batch_size : int
        Rows per step.
    schedule : Schedule
        The rate from step to step.
    epochs : int
        The planned epochs, for the schedules that end.
    held_out : Rows or None
        Rows that the training does not see.
    kind : {"two classes", "classes", "numbers"}
        The kind of targets.
    settings : Settings
        What describes it.
    """

    subject: Subject
    seed: int
    batch_size: int
    schedule: Schedule
    epochs: int
    held_out: Rows | None
    kind: str
    settings: "Settings"


@dataclass(frozen=True)
class Settings:
    """All settings of the page; the link to share holds those that are not the default.

    Examples
    --------
    >>> Settings().changed(data="moons", units=[4]).problem().subject
    subject: network 2 > 4 > 1, loss binary_cross_entropy, on 160 rows; sgd at rate 0.1
    >>> Settings().changed(batch_size=0)
    Traceback (most recent call last):
    ...
    chainrule.foundation.errors.InputError: batch_size must be a positive integer; got 0.
    """

    data: str = "chapter"
    rows: int = 1
    noise: float = 0.0
    held_out: float = 0.0
    units: tuple[int, ...] = (3,)
    activations: tuple[str, ...] = ("sigmoid",)
    loss: str = "mse"
    optimizer: Optimizer = sgd
    learning_rate: float = 0.1
    schedule: Schedule = constant
    epochs: int = 50
    batch_size: int = 32
    l1: float = 0.0
    l2: float = 0.0
    dropout: float = 0.0
    start: str = "chapter"
    seed: int = 0
    own: OwnRows | None = field(default=None, compare=False, repr=False)

    def changed(self, **changes: Any) -> "Settings":
        """Return the settings with some changed, and those that follow from them.

        Another data set brings its number of rows, its noise and a loss that suits its targets.
        """
        names = list(self.to_dict())
        for name in changes:
            if name not in names:
                raise must_be("a setting", f"one of {', '.join(names)}", name, suggest(name, names))
        changes = {name: _read(name, value) for name, value in changes.items()}
        data = changes.get("data", self.data)
        known = [*DATA_SETS, *BUILT_IN, *(["own"] if self.own is not None else [])]
        if data not in known:
            rule = f"one of {', '.join(known)}"
            raise must_be("data", rule, data, suggest(str(data), known))
        if data == "own" and self.own is not None and self.own.explanation is not None:
            trained = of_model(self.own.explanation.subject)
            free = (*LIVE, "data", "seed", "optimizer")
            fixed = [k for k, value in changes.items() if k not in free and value != trained[k]]
            if changes.get("optimizer", trained["optimizer"]).name != trained["optimizer"].name:
                fixed.append("optimizer")
            if fixed:
                advice = "Choose another data set for a network of the page."
                raise must_be(fixed[0], "left as it is for a trained model", "a change", advice)
        if data != self.data:
            changes = self._suited(data) | changes
        found = replace(self, **changes)
        if found.model is not None:
            found.check()
            return found
        if "units" in changes and "activations" not in changes:
            given = self.activations or ("tanh",)
            same = [given[min(k, len(given) - 1)] for k in range(len(found.units))]
            found = replace(found, activations=tuple(same))
        other = found.kind != self.kind and "loss" not in changes
        if other or found.loss not in LOSSES[found.kind]:
            if "loss" in changes:
                raise must_be("loss", f"one of {', '.join(LOSSES[found.kind])} here", found.loss)
            found = replace(found, loss=LOSSES[found.kind][0])
        if found.start == "chapter" and (found.units != (3,) or found.network.n_in != 2):
            found = replace(found, start="drawn")
        if found.start == "chapter" and found.network.n_out != 1:
            found = replace(found, start="drawn")
        found.check()
        return found

    def _suited(self, data: str) -> dict[str, Any]:
        """Return the settings that suit a data set."""
        if data in DATA_SETS:
            known = DATA_SETS[data]
            few = known.rows < 20
            return {"rows": known.rows, "noise": known.noise, "held_out": 0.0 if few else 0.2}
        brought = replace(self, data=data).brought
        assert brought is not None
        if brought.explanation is not None:
            return of_model(brought.explanation.subject)
        rows = len(brought.x)
        return {"rows": rows, "noise": 0.0, "held_out": 0.0 if rows < 20 else 0.2}

    @property
    def brought(self) -> OwnRows | None:
        """The rows that are not drawn from the seed: the user's own, or a built-in set."""
        if self.data in DATA_SETS:
            return None
        return self.own if self.data == "own" else built_in_rows(self.data)

    def with_own(self, own: OwnRows) -> "Settings":
        """Return the settings on the user's own rows."""
        # the rows of before are no longer there to be the same
        plain = replace(self, own=own, data="chapter" if self.data == "own" else self.data)
        return plain.changed(data="own")

    def drawn(self) -> OwnRows:
        """Return the rows as the user's own, to add points to."""
        if self.model is not None or self.network.n_in > 2:
            raise InputError(
                "points must be drawn on data of one or two inputs, and not on those of a trained "
                "model. Choose another data set."
            )
        if self.brought is not None:
            return self.brought
        x, y = self.arrays
        classes = (
            () if self.kind == "numbers" else tuple(f"class {k}" for k in range(int(y.max()) + 1))
        )
        return OwnRows(x, y, self.kind, classes=classes)

    @property
    def model(self) -> Explanation | None:
        """The trained model whose rows these are, if they are."""
        return self.own.explanation if self.own is not None and self.data == "own" else None

    def check(self) -> None:
        """Refuse settings that describe no network, or no training of it."""
        StepOptions(self.learning_rate, self.batch_size)
        if not 1 <= self.epochs <= MOST_EPOCHS:
            raise must_be("epochs", f"an integer from 1 to {MOST_EPOCHS}", self.epochs)
        if not 0 <= self.seed < 2**31:
            raise must_be("seed", "an integer from 0 to 2147483647", self.seed)
        if self.model is not None:
            if self.schedule.needs_total:
                rule = "one without an end, for a trained model"
                raise must_be("schedule", rule, self.schedule.name)
            _ = self.objective
            return
        if not len(self.units) <= MOST_LAYERS or not all(1 <= n <= MOST_UNITS for n in self.units):
            rule = f"at most {MOST_LAYERS} layers of 1 to {MOST_UNITS} units"
            raise must_be("units", rule, list(self.units))
        if len(self.activations) != len(self.units):
            raise InputError(
                f"activations must name one function per hidden layer ({len(self.units)}); got "
                f"{len(self.activations)}."
            )
        if not 0.0 <= self.held_out <= 0.8:
            raise must_be("held_out", "a share from 0 to 0.8", self.held_out)
        if self.start not in (*STARTS, *initializers):
            rule = f"one of {', '.join((*STARTS, *initializers))}"
            raise must_be("start", rule, self.start, suggest(self.start, list(initializers)))
        if self.data in DATA_SETS:
            make_data(self.data, self.rows, self.noise, self.seed)
        _ = self.objective

    @property
    def kind(self) -> Kind:
        """The kind of targets: ``two classes``, ``classes`` or ``numbers``."""
        if self.brought is not None:
            return self.brought.kind
        return DATA_SETS[self.data].kind

    @cached_property
    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets of all rows."""
        if self.brought is not None:
            return self.brought.arrays
        return make_data(self.data, self.rows, self.noise, self.seed)

    @property
    def network(self) -> Network:
        """The layers: hidden ones, and a linear end."""
        x, y = self.arrays
        outputs = int(np.max(y)) + 1 if self.kind == "classes" else 1
        widths = [x.shape[1], *self.units, max(outputs, 1)]
        start = None if self.start in STARTS else self.start
        kinds = [activations.get(one) for one in self.activations]
        return Network.of_widths(widths, kinds, initializer=start)

    @property
    def objective(self) -> Objective:
        """Network, loss and penalties."""
        if self.model is not None:
            trained = self.model.subject.objective
            plain = [one for one in trained.penalties if one.name not in ("l1", "l2")]
            given = {"l1": self.l1, "l2": self.l2}
            own = [penalties.get(name, strength=one) for name, one in given.items()]
            dropout = self.dropout if len(trained.network.layers) > 1 else 0.0
            return Objective(trained.network, trained.loss, (*plain, *own), dropout)
        # a network without hidden layers has nothing to leave out
        dropout = self.dropout if self.units else 0.0
        return Objective.with_strengths(
            self.network, self.loss, dropout=dropout, l1=self.l1, l2=self.l2
        )

    @property
    def parameters(self) -> Parameters:
        """The start."""
        if self.start == "chapter":
            return Parameters.from_arrays(CHAPTER_WEIGHTS, CHAPTER_BIASES)
        return self.network.start(self.seed)

    def split(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of the rows to train on, and of those to hold out."""
        n = len(self.arrays[0])
        if self.held_out == 0.0 or n < FEWEST_TO_SPLIT:
            return np.arange(n), np.arange(0)
        return held_out_rows(n, self.held_out, self.seed)

    def problem(self) -> Problem:
        """Return the problem that the settings describe."""
        if self.model is not None:
            subject = replace(
                self.model.subject,
                objective=self.objective,
                learning_rate=self.learning_rate,
                batch_size=self.batch_size,
            )
            return self._problem(subject, self.model.held_out)
        x, y = self.arrays
        objective, parameters = self.objective, self.parameters
        train, apart = self.split()
        classes = None
        if self.kind != "numbers":
            classes = [f"class {k}" for k in range(int(np.max(y)) + 1)]
        own = self.brought
        if own is not None and own.classes:
            classes = list(own.classes)
        subject = Subject.of(
            objective,
            parameters,
            x[train],
            y[train],
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            encoding=Encoding(classes=classes),
            input_names=() if own is None else own.input_names,
            notes=() if own is None else own.notes,
        )
        held_out = None
        if len(apart):
            held_out = make_rows(objective, x[apart], y[apart], like=subject.vector)
        return self._problem(subject, held_out)

    def _problem(self, subject: Subject, held_out: Rows | None) -> Problem:
        plan = (self.seed, self.batch_size, self.schedule, self.epochs)
        return Problem(subject, *plan, held_out, self.kind, self)

    def goes_on(self, other: "Settings") -> bool:
        """Return True if a network that learns by these settings can go on with others."""
        mine, others = self.to_dict(), other.to_dict()
        differing = {name for name, value in others.items() if mine[name] != value}
        same_rule = self.optimizer.name == other.optimizer.name
        return differing <= {*LIVE, *(["optimizer"] if same_rule else [])}

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON can hold them."""
        values = {one.name: getattr(self, one.name) for one in fields(self) if one.compare}
        for name in CATALOGUES:
            values[name] = values[name].to_dict()
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


def of_model(subject: Subject) -> dict[str, Any]:
    """Return the settings that a trained network has."""
    objective = subject.objective
    *hidden, _ = objective.network.layers
    strengths = {one.name: one.strength for one in objective.penalties}
    return {
        "rows": len(subject.rows),
        "noise": 0.0,
        "held_out": 0.0,
        "units": tuple(one.n_out for one in hidden),
        "activations": tuple(one.activation.name for one in hidden),
        "loss": objective.loss.name,
        "optimizer": subject.optimizer,
        "schedule": constant,
        "learning_rate": float(subject.learning_rate),
        "batch_size": min(subject.batch_size or 32, len(subject.rows)),
        "l1": strengths.get("l1", 0.0),
        "l2": strengths.get("l2", 0.0),
        "dropout": objective.dropout[0] if objective.dropout else 0.0,
        "start": "drawn",
        "seed": subject.training.seed or 0,
    }


def _read(name: str, value: Any) -> Any:
    """Return a value of JSON as the type of a setting; refuse any other."""
    if name in CATALOGUES:
        return read_record(CATALOGUES[name], value)
    kind = get_type_hints(Settings)[name]
    if kind is int and type(value) is int:
        return value
    if kind is float and is_real(value):
        return float(value)
    if kind is str and isinstance(value, str) and (name != "loss" or value in losses):
        return value
    if isinstance(value, list | tuple) and len(value) <= MOST_LAYERS:
        of = int if name == "units" else str
        if kind in (tuple[int, ...], tuple[str, ...]) and all(type(one) is of for one in value):
            return tuple(value)
    rules = {int: "an integer", float: "a number", str: "a known name"}
    raise must_be(name, rules.get(kind, f"a list of at most {MOST_LAYERS} values"), value)
