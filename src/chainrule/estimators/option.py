"""The record of an option: its default, rule, conditions and words, beside its name and type."""

import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any, TypeVar

from chainrule.estimators.conditions import Condition
from chainrule.estimators.rules import PassRule, Rule

__all__ = ["Option", "documented", "option", "options_of", "parameters_of"]

Kind = TypeVar("Kind", bound=type)


@dataclass(frozen=True)
class Option:
    """One argument of the constructors.

    Attributes
    ----------
    kind : str
        Its type or its values, for the documentation.
    text : str
        Its meaning.
    rule : Rule, optional
        The values it may have; None for names in a catalogue, which refuses others.
    acts : Condition, optional
        When it has an effect; None is always.
    in_passes : Condition, optional
        When it has an effect in ``partial_fit``, where that differs from ``acts``.
    pass_rule : PassRule, optional
        The values that ``partial_fit`` accepts, where it refuses some.
    in_members : bool
        Whether the networks of an ensemble take its value; else they have the default.
    fixed : callable, optional
        Its meaning, from the estimator, for an option that may not change once training has begun.
        None where a change is used from then on.
    """

    kind: str
    text: str
    rule: Rule | None = None
    acts: Condition | None = None
    in_passes: Condition | None = None
    pass_rule: PassRule | None = None
    in_members: bool = True
    fixed: Callable[[Any], Any] | None = None


def option(default: Any, kind: str, text: str, rule: Rule | None = None, **more: Any) -> Any:
    """Return the field of an option: its default, and its record."""
    return field(default=default, metadata={"option": Option(kind, text, rule, **more)})


@lru_cache(maxsize=64)
def options_of(kind: Any) -> Mapping[str, Option]:
    """Return the records of the options of a class, by name."""
    return {one.name: one.metadata["option"] for one in fields(kind) if "option" in one.metadata}


@lru_cache(maxsize=64)
def parameters_of(kind: Any) -> Mapping[str, inspect.Parameter]:
    """Return the constructor's parameters; inspecting them takes a tenth of a `partial_fit`."""
    return inspect.signature(kind).parameters


def documented(kind: Kind) -> Kind:
    """Put the options of a class into its docstring, in place of ``{options}``."""
    if kind.__doc__ is not None:
        text = textwrap.indent(_lines(kind), "    ")
        kind.__doc__ = kind.__doc__.replace("    {options}", text)
    return kind


def _lines(kind: Any) -> str:
    """Return the numpydoc lines of the options, in the order of the constructor."""
    lines, records = [], options_of(kind)
    for name, parameter in parameters_of(kind).items():
        if name in records:
            record, default = records[name], parameter.default
            value = f'"{default}"' if isinstance(default, str) else default
            lines.append(f"{name} : {record.kind}, default={value}")
            lines.append(textwrap.indent(textwrap.fill(record.text, 92), "    "))
    return "\n".join(lines)
