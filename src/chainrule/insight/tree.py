"""The expression tree of a chain rule: symbols, numbers, and the source of each number.

A node is a number, a product or a sum of nodes. Its parts are made when it is opened, so only the
opened nodes of a deep tree cost anything.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from chainrule.formulas.plain_text import plain
from chainrule.foundation.showing import Shown
from chainrule.insight.json_values import as_json
from chainrule.insight.notation import Name, Symbol, number

__all__ = ["Node", "Rest", "exact_sum", "product_node", "sum_node"]

TERMS = 5


@dataclass(frozen=True)
class Rest:
    """The terms of a sum that are not shown individually.

    Attributes
    ----------
    count : int
        Their number.
    value : float
        Their sum: the terms shown and this add up to the whole, to the last bit.
    """

    count: int
    value: float


def _no_node() -> "Node | None":
    return None


def _no_parts() -> tuple["Node", ...]:
    return ()


@dataclass(frozen=True, eq=False, repr=False)
class Node(Shown):
    """A quantity of the chain rule.

    Attributes
    ----------
    name : Symbol or Derivative
        Its name.
    value : float
        Its number.
    operation : {"number", "product", "sum"}
        The operation on its parts.
    formula : str
        For a number: its formula, as LaTeX.
    inputs : tuple of (str, float)
        The inputs of the formula.
    origin : str
        Its source in words.
    rest : Rest or None
        For a sum: the terms not shown.
    """

    name: Name
    value: float
    operation: Literal["number", "product", "sum"] = "number"
    formula: str = ""
    inputs: tuple[tuple[str, float], ...] = ()
    origin: str = ""
    rest: Rest | None = None
    make_parts: Callable[[], tuple["Node", ...]] = field(default=_no_parts, repr=False)
    make_alternative: Callable[[], "Node | None"] = field(default=_no_node, repr=False)

    @property
    def nameless(self) -> bool:
        """True for a term of a sum without a name of its own."""
        return isinstance(self.name, Symbol) and self.name.letter == "via"

    @cached_property
    def alternative(self) -> "Node | None":
        """The same number by a longer path, up to rounding; for a score, by the predictions."""
        return self.make_alternative()

    @cached_property
    def parts(self) -> tuple["Node", ...]:
        """The factors, or the terms shown; their product, or their sum with the rest, is the value.

        Raises
        ------
        AssertionError
            If they do not add up to the last bit: an error of this package.
        """
        parts = self.make_parts()
        if parts and math.isfinite(self.value):
            values = [part.value for part in parts]
            if self.operation == "sum":
                rest = [] if self.rest is None else [self.rest.value]
                assert math.fsum(values + rest) == self.value, "the terms must add up"
            else:
                assert math.prod(values) == self.value, "the factors must multiply"
        return parts

    def to_dict(self, depth: int = 3) -> dict[str, Any]:
        """Return the node and ``depth`` levels below it as JSON can hold them."""
        record: dict[str, Any] = {
            "name": self.name.text,
            "latex": self.name.latex,
            "value": as_json(self.value),
            "operation": self.operation,
        }
        if self.formula:
            record["formula"] = self.formula
            record["inputs"] = as_json(dict(self.inputs))
        if self.alternative is not None:
            record["alternative"] = self.alternative.to_dict(depth)
        if self.origin:
            record["origin"] = self.origin
        if depth > 0 and self.parts:
            record["parts"] = [part.to_dict(depth - 1) for part in self.parts]
            if self.rest is not None:
                record["rest"] = {"count": self.rest.count, "value": as_json(self.rest.value)}
        return record

    def __str__(self) -> str:
        name, value = self.name.text, number(self.value, 7)
        if self.operation == "product":
            return f"{name} = {' · '.join(part.name.text for part in self.parts)} = {value}"
        if self.operation == "sum":
            terms = len(self.parts) + (0 if self.rest is None else self.rest.count)
            return f"{name} = {value}, {self.origin or f'a sum of {terms:,} terms'}"
        inputs = ", ".join(f"{one} = {number(given, 7)}" for one, given in self.inputs)
        formula = f"{plain(self.formula)} = " if self.formula else ""
        at = f" at {inputs}" if inputs else ""
        return f"{name} = {formula}{value}{at}" + (f" ({self.origin})" if self.origin else "")


def exact_sum(terms: Sequence[float]) -> float:
    """Return the sum rounded once; of terms that are not finite, or too large, as IEEE 754 has it.

    Examples
    --------
    >>> exact_sum([1e16, 1.0, -1e16]), exact_sum([1e308, 1e308])
    (1.0, inf)
    """
    if all(map(math.isfinite, terms)):
        with suppress(OverflowError):
            return math.fsum(terms)
    return float(sum(terms))


def product_node(name: Name, value: float, make_factors: Callable[[], Sequence[Node]]) -> Node:
    """Return a product node; its factors are made when it is opened."""
    return Node(name, value, "product", make_parts=lambda: tuple(make_factors()))


def sum_node(
    name: Name,
    terms: Sequence[float],
    total: float,
    make_term: Callable[[int], Node],
    origin: str = "",
    exact: Callable[[int], float] | None = None,
    adjust: bool = False,
) -> Node:
    """Return a sum node with its largest terms and the exact rest of the others.

    Parameters
    ----------
    terms : sequence of float
        All terms.
    total : float
        Their sum.
    make_term : callable
        From the index of a term to its node, called when the sum is opened.
    exact : callable, optional
        From the index of a term to the value of its node, where ``terms`` is rounded otherwise.
    adjust : bool
        True if the sum may change by the rounding of its rest: where terms cancel, the rest is
        larger than the sum, and no number makes up the difference to the last bit.
    """
    largest = sorted(range(len(terms)), key=lambda number: (-abs(terms[number]), number))
    shown = TERMS
    rest: float | None
    while True:
        chosen = sorted(largest[:shown])
        values = [terms[number] if exact is None else exact(number) for number in chosen]
        if not all(map(math.isfinite, values)):  # where the terms, rounded otherwise, just are
            total, rest = exact_sum(values), 0.0
            break
        rest = _remainder(total, values)
        if rest is not None or shown >= len(terms):
            break
        if adjust:
            rest = math.fsum([total, *(-value for value in values)])
            total = math.fsum([*values, rest])
            break
        shown = 2 * shown + 1  # terms that cancel: the remainder needs more of them to be exact
    if rest is None:
        total, rest = math.fsum(values), 0.0
    left = len(terms) - len(chosen)
    kept = Rest(left, rest) if left or rest else None

    def make_parts() -> tuple[Node, ...]:
        return tuple(make_term(number) for number in chosen)

    return Node(name, total, "sum", origin=origin, rest=kept, make_parts=make_parts)


def _remainder(total: float, values: list[float]) -> float | None:
    """Return the number that makes the values add up to the total, to the last bit; or None."""
    if not (math.isfinite(total) and all(map(math.isfinite, values))):
        return 0.0
    if math.fsum(values) == total:
        return 0.0
    rest = math.fsum([total, *(-value for value in values)])
    for candidate in (rest, math.nextafter(rest, math.inf), math.nextafter(rest, -math.inf)):
        if math.fsum([*values, candidate]) == total:
            return candidate
    return None
