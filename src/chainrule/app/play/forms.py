"""Formula records as settings: a form made from the fields of a record, and the way back."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, fields
from typing import Any, TypeVar, get_type_hints

from chainrule.app.play.panel import lines_of
from chainrule.formulas.optimizers import Optimizer, optimizers
from chainrule.formulas.records import Formula
from chainrule.formulas.schedules import Schedule, schedules
from chainrule.foundation.catalogue import Catalogue
from chainrule.foundation.errors import InputError, must_be, suggest
from chainrule.foundation.real_numbers import is_real

__all__ = [
    "CATALOGUES",
    "form_of",
    "forms_of",
    "offered",
    "read_record",
    "rule_of",
    "written_record",
]

Record = TypeVar("Record", bound=Formula)
# The settings that are records, and what they are chosen from.
CATALOGUES: Mapping[str, Catalogue[Any]] = {"optimizer": optimizers, "schedule": schedules}
# How a number of each type is entered.
INPUTS: Mapping[Any, str] = {bool: "flag", int: "whole", float: "number", float | None: "or none"}
ENTRIES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "flag": ("true or false", lambda value: isinstance(value, bool)),
    "whole": ("an integer", lambda value: type(value) is int),
    "number": ("a number", is_real),
    "or none": ("a number, or nothing", lambda value: value is None or is_real(value)),
}


def forms_of(catalogue: Catalogue[Any]) -> list[dict[str, Any]]:
    """Return the forms of all records that the page offers."""
    return [form_of(one) for one in map(catalogue.get, catalogue) if offered(one)]


def offered(record: Formula) -> bool:
    """Return False for a schedule that watches the loss of whole epochs, which steps do not."""
    return not isinstance(record, Schedule) or record.after_plateau(1.0) is None


def form_of(record: Formula) -> dict[str, Any]:
    """Return the name and the numbers of a record as a form shows them.

    Examples
    --------
    >>> [one["label"] for one in form_of(optimizers.adam)["numbers"] if not one["shared"]]
    ['Beta 1', 'Beta 2', 'Epsilon']
    """
    shared = {one.name for one in fields(Optimizer)} if isinstance(record, Optimizer) else set()
    numbers = [
        {
            "name": one.name,
            "label": one.name.replace("_", " ").capitalize(),
            "kind": kind,
            "default": getattr(record, one.name),
            "shared": one.name in shared,
        }
        for one, kind in _numbers(record)
    ]
    needs_total = isinstance(record, Schedule) and record.needs_total
    return {"name": record.name, "numbers": numbers, "needs_total": needs_total}


def rule_of(record: Formula) -> str:
    """Return the rule of a record, with its numbers in it, as MathML; nothing for a factor of 1."""
    latex = record.update_latex if isinstance(record, Optimizer) else record.in_latex(record.latex)
    return "" if latex == "1" else lines_of(latex)


def _numbers(record: Formula) -> Iterator[tuple[Field[Any], str]]:
    """Return the fields that a form can hold."""
    hints = get_type_hints(type(record))
    for one in fields(record):
        if hints[one.name] in INPUTS:
            yield one, INPUTS[hints[one.name]]


def read_record(catalogue: Catalogue[Any], value: Any) -> Any:
    """Return the record that JSON describes: its name, or a mapping with its numbers.

    Examples
    --------
    >>> read_record(optimizers, {"name": "sgd", "momentum": 0.9})
    SGD(weight_decay=0.0, clip_norm=None, averaging=0.0, momentum=0.9, nesterov=False)
    >>> read_record(optimizers, {"name": "sgd", "momentum": 2})
    Traceback (most recent call last):
    ...
    chainrule.foundation.errors.InputError: momentum must be at least 0 and below 1; got 2.0.
    """
    if isinstance(value, catalogue.record_type):
        return value
    given: dict[str, Any] = dict(value) if isinstance(value, Mapping) else {"name": value}
    name = given.pop("name", None)
    if not isinstance(name, str):
        raise must_be(catalogue.kind, "a name, or a record of a name and numbers", value)
    known = catalogue[name]
    if not offered(known):
        raise InputError(
            f"{catalogue.kind} must be one that needs no epochs' losses here; got {name!r}. "
            "Choose another."
        )
    kinds = {one.name: kind for one, kind in _numbers(known)}
    for number, entry in given.items():
        if number not in kinds:
            rule = f"one of {', '.join(kinds)}" if kinds else "absent"
            raise must_be(f"a number of {name}", rule, number, suggest(number, list(kinds)))
        rule, fits = ENTRIES[kinds[number]]
        if not fits(entry):
            raise must_be(number, rule, entry)
        if is_real(entry) and kinds[number] != "whole":
            given[number] = float(entry)
    return catalogue.get(name, **given)


def written_record(catalogue: Catalogue[Any], record: Formula) -> str:
    """Return the call that gets a record from its catalogue, with the numbers it has of its own.

    Examples
    --------
    >>> written_record(optimizers, optimizers.get("adam", beta_1=0.8))
    "cr.optimizers.get('adam', beta_1=0.8)"
    """
    plain = catalogue[record.name]
    own = {one.name: getattr(record, one.name) for one in fields(record)}
    options = "".join(
        f", {name}={value!r}" for name, value in own.items() if value != getattr(plain, name)
    )
    return f"cr.{catalogue.plural}.get({record.name!r}{options})"
