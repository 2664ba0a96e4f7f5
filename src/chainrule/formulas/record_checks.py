"""Checks of a record before it is used: all its formulas, with arguments in the engines' order."""

from functools import cache
from types import FunctionType
from typing import Any

from chainrule.formulas.calling import positional
from chainrule.foundation.errors import InputError, must_be

__all__ = ["refuse_incomplete", "refuse_other_order", "refuse_vast_numbers"]


@cache
def refuse_incomplete(kind: type, record_type: type) -> None:
    """Refuse a record that lacks a formula or an attribute that its kind cannot do without."""
    bases = list(reversed(kind.__mro__))
    attributes = [name for base in bases for name in vars(base).get("__annotations__", {})]
    formulas = [
        name
        for base in bases
        for name, method in vars(base).items()
        if getattr(method, "__isabstractmethod__", False)
    ]
    missing = [name for name in attributes if not hasattr(record_type, name)]
    missing += [
        f"{name}({', '.join(positional(getattr(kind, name))[1:])})"
        for name in formulas
        if getattr(getattr(record_type, name), "__isabstractmethod__", False)
    ]
    if missing:
        raise InputError(
            f"{record_type.__name__} must have {', '.join(missing)}, as every {kind.__name__} has; "
            f"got a class without. Add {'it' if len(missing) == 1 else 'them'}: the page 'A "
            "formula of your own' shows one of each kind."
        )


@cache
def refuse_other_order(kind: type, record_type: type) -> None:
    """Refuse a record whose methods name the arguments of their kind in another order.

    Engines pass arguments by position, so that an update rule ``step(xp, constants, g, p)`` would
    train nonsense without a word.
    """
    declared = {
        name: positional(method)
        for base in reversed(kind.__mro__)
        for name, method in vars(base).items()
        if isinstance(method, FunctionType) and not name.startswith("_")
    }
    for name, wanted in declared.items():
        found = positional(getattr(record_type, name))
        order = [argument for argument in found if argument in wanted]
        if order != [argument for argument in wanted if argument in found]:
            raise InputError(
                f"{record_type.__name__}.{name} must take its arguments in the order "
                f"({', '.join(wanted[1:])}); got ({', '.join(found[1:])}). They are passed by "
                "position: change the order."
            )


def refuse_vast_numbers(record_type: type, parameters: dict[str, Any]) -> None:
    """Refuse whole numbers beyond the largest float, which Python compares, but cannot convert."""
    for name, value in parameters.items():
        if isinstance(value, int):
            try:
                float(value)
            except OverflowError:
                rule = f"a number that a float can hold, for {record_type.__name__}"
                raise must_be(name, rule, value) from None
