"""Stand-ins for NumPy and for records while a formula is traced.

`value(xp, z)` is called once with an `Expression` for z and a namespace whose functions build
expressions, so that a formula is written once, and its author needs to know nothing of compilers.
"""

from dataclasses import fields, is_dataclass
from typing import Any

from chainrule.tracing.expressions import (
    ELEMENT,
    ROW,
    SHARED,
    UNARY,
    Expression,
    Graph,
    NotTraceableError,
)

__all__ = ["FormulaNamespace", "number_fields", "symbolic_record"]


class FormulaNamespace:
    """The functions of the array API standard that formulas use, on expressions."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def __getattr__(self, name: str) -> Any:
        if name not in UNARY:
            raise NotTraceableError(f"it uses xp.{name}")

        def function(x: Any) -> Any:
            return self._graph.node(name, x)

        return function

    def where(self, condition: Any, yes: Any, no: Any) -> Any:
        return self._graph.node("where", condition, yes, no)

    def maximum(self, one: Any, two: Any) -> Any:
        return self._graph.node("maximum", one, two)

    def minimum(self, one: Any, two: Any) -> Any:
        return self._graph.node("minimum", one, two)

    def clip(self, x: Any, low: Any = None, high: Any = None) -> Any:
        x = x if low is None else self.maximum(x, low)
        return x if high is None else self.minimum(x, high)

    def per_column(self, numbers: Any, like: Any) -> Any:
        column = self._graph.input("column", ELEMENT)
        chosen = self._graph.constant(numbers[-1])
        for place, number in enumerate(numbers[:-1]):
            chosen = self.where(column == float(place), number, chosen)
        return chosen

    def square(self, x: Any) -> Any:
        return x * x

    def add(self, one: Any, two: Any) -> Any:
        return one + two

    def subtract(self, one: Any, two: Any) -> Any:
        return one - two

    def multiply(self, one: Any, two: Any) -> Any:
        return one * two

    def divide(self, one: Any, two: Any) -> Any:
        return one / two

    def negative(self, x: Any) -> Any:
        return -x

    def pow(self, x: Any, exponent: Any) -> Any:
        return x**exponent

    def logaddexp(self, one: Any, two: Any) -> Any:
        apart = self.where(one == two, 0.0, one - two)
        return self.maximum(one, two) + self.log1p(self.exp(-self.abs(apart)))

    def sinh(self, x: Any) -> Any:
        half = self.expm1(self.abs(x))
        return self.sign(x) * 0.5 * (half + half / (half + 1.0))

    def cosh(self, x: Any) -> Any:
        e = self.exp(self.abs(x))
        return 0.5 * e + 0.5 / e

    def zeros_like(self, x: Any) -> Any:
        return self._graph.constant(0.0)

    def ones_like(self, x: Any) -> Any:
        return self._graph.constant(1.0)

    def _reduced(self, op: str, x: Any, axis: Any) -> Any:
        if axis != -1:
            raise NotTraceableError(
                f"it reduces along axis {axis!r}; rows are reduced along axis=-1"
            )
        return self._graph.node(op, x, span=ROW)

    def sum(self, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        return self._reduced("sum", x, axis)

    def max(self, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        return self._reduced("max", x, axis)

    def min(self, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        return self._reduced("min", x, axis)

    def mean(self, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        return self._reduced("sum", x, axis) / self._graph.input("columns", SHARED)


class _SymbolicRecord:
    """A record of formulas whose numbers are parameters of the pass instead of constants in it."""

    def __init__(self, record: Any, numbers: dict[str, Expression]) -> None:
        self._record = record
        self._numbers = numbers

    def __getattr__(self, name: str) -> Any:
        if name in self._numbers:
            return self._numbers[name]
        found = getattr(type(self._record), name, None)
        if callable(getattr(found, "__get__", None)) and callable(found):
            return found.__get__(self)
        return getattr(self._record, name)


def number_fields(record: Any) -> tuple[str, ...]:
    """Return the names of a record's fields that hold a float."""
    if not is_dataclass(record):
        return ()
    return tuple(f.name for f in fields(record) if isinstance(getattr(record, f.name), float))


def symbolic_record(graph: Graph, record: Any, table: str, first: int = 0) -> Any:
    """Return a record that computes with the parameters ``first``, ... of a table."""
    names = number_fields(record)
    numbers = {name: graph.parameter(table, first + i) for i, name in enumerate(names)}
    return _SymbolicRecord(record, numbers)
