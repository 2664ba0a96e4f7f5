"""A formula's own text, followed with symbols in place of arrays: what it computes, as a graph.

`value(xp, z)` is called once with an `Expression` for z and a namespace whose functions build
expressions. Equal subexpressions are one node. The machine code is made from the graph, so that a
formula is written once, and its author needs to know nothing of compilers.
"""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Any

__all__ = [
    "Expression",
    "FormulaNamespace",
    "Graph",
    "NotCompilableError",
    "described",
    "symbolic_record",
]

REDUCTIONS = ("sum", "max", "min")
_SMOOTH = ("exp", "log", "log1p", "expm1", "tanh", "erf", "erfc", "sin", "cos", "sqrt")
UNARY = frozenset((*_SMOOTH, "abs", "sign", "floor", "ceil", "isnan", "isfinite", "isinf"))
TRUTHS = ("lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not", "isnan", "isfinite", "isinf")
# What a node's value belongs to: all rows, one row, one element.
SHARED, ROW, ELEMENT = 0, 1, 2


class NotCompilableError(TypeError):
    """A formula does something that no graph can express."""


class Graph:
    """All expressions of one pass; equal ones are the same object."""

    def __init__(self) -> None:
        self._nodes: dict[Any, Expression] = {}

    def node(self, op: str, *arguments: Any, detail: Any = None, span: int | None = None) -> Any:
        """Return the one expression of an operation on operands."""
        operands = tuple(self.constant(argument) for argument in arguments)
        key = (op, tuple(map(id, operands)), detail)
        if key not in self._nodes:
            if span is None:
                span = max((operand.span for operand in operands), default=SHARED)
            self._nodes[key] = Expression(self, op, operands, detail, span)
        return self._nodes[key]

    def constant(self, number: Any) -> "Expression":
        """Return a number as an expression; an expression as it is."""
        if isinstance(number, Expression):
            return number
        try:
            value = float(number)
        except (TypeError, ValueError):
            raise NotCompilableError(f"it computes with {number!r}") from None
        return self.node("constant", detail=(value, str(value)))  # type: ignore[no-any-return]

    def input(self, name: str, span: int = ELEMENT) -> "Expression":
        """Return an array of the pass."""
        return self.node("input", detail=name, span=span)  # type: ignore[no-any-return]

    def parameter(self, table: str, index: int) -> "Expression":
        """Return a number that is given when the pass is called."""
        return self.node("parameter", detail=(table, index))  # type: ignore[no-any-return]


class Expression:
    """One node: an operation on other nodes."""

    __array_ufunc__ = None  # NumPy scalars leave arithmetic to this class
    __hash__ = object.__hash__

    def __init__(
        self, graph: Graph, op: str, operands: tuple["Expression", ...], detail: Any, span: int
    ) -> None:
        self.graph = graph
        self.op = op
        self.operands = operands
        self.detail = detail
        self.span = span
        self.is_truth: bool = op in TRUTHS or (op == "where" and operands[1].is_truth)
        below = max((operand.level for operand in operands), default=0)
        # How many loops over the columns must have ended before this value is known.
        self.level: int = below + (op in REDUCTIONS)

    def _with(self, op: str, *others: Any, swapped: bool = False) -> Any:
        operands = (*others, self) if swapped else (self, *others)
        return self.graph.node(op, *operands)

    def __add__(self, other: Any) -> Any:
        return self._with("add", other)

    def __radd__(self, other: Any) -> Any:
        return self._with("add", other, swapped=True)

    def __sub__(self, other: Any) -> Any:
        return self._with("sub", other)

    def __rsub__(self, other: Any) -> Any:
        return self._with("sub", other, swapped=True)

    def __mul__(self, other: Any) -> Any:
        return self._with("mul", other)

    def __rmul__(self, other: Any) -> Any:
        return self._with("mul", other, swapped=True)

    def __truediv__(self, other: Any) -> Any:
        return self._with("div", other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._with("div", other, swapped=True)

    def __neg__(self) -> Any:
        return self._with("neg")

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return self._with("abs")

    def __pow__(self, exponent: Any) -> Any:
        if exponent == 0.5:
            return self._with("sqrt")
        if not isinstance(exponent, int | float) or exponent != int(exponent):
            raise NotCompilableError(f"it raises to the power {exponent!r}")
        power: Any = None
        square: Any = self
        rest = abs(int(exponent))
        while rest:
            if rest & 1:
                power = square if power is None else power * square
            square, rest = square * square, rest >> 1
        if power is None:
            return self * 0.0 + 1.0
        return power if exponent > 0 else 1.0 / power

    def __lt__(self, other: Any) -> Any:
        return self._with("lt", other)

    def __le__(self, other: Any) -> Any:
        return self._with("le", other)

    def __gt__(self, other: Any) -> Any:
        return self._with("gt", other)

    def __ge__(self, other: Any) -> Any:
        return self._with("ge", other)

    def __eq__(self, other: Any) -> Any:
        return self._with("eq", other)

    def __ne__(self, other: Any) -> Any:
        return self._with("ne", other)

    def __and__(self, other: Any) -> Any:
        return self._with("and", other)

    def __or__(self, other: Any) -> Any:
        return self._with("or", other)

    def __invert__(self) -> Any:
        return self._with("not")

    def __bool__(self) -> bool:
        raise NotCompilableError("it branches on a value; write xp.where instead")

    def __float__(self) -> float:
        raise NotCompilableError("it turns a value into a Python number")


def described(outputs: Iterable[Expression]) -> str:
    """Return a text of the graph below some expressions: equal texts are equal graphs."""
    numbers: dict[int, int] = {}
    lines: list[str] = []

    def add(node: Expression) -> int:
        if id(node) not in numbers:
            operands = [add(operand) for operand in node.operands]
            numbers[id(node)] = len(lines)
            lines.append(f"{node.op} {operands} {node.detail!r} {node.span}")
        return numbers[id(node)]

    lines.append(f"give {[add(output) for output in outputs]}")
    return "\n".join(lines)


class FormulaNamespace:
    """The functions of the array API standard that formulas use, on expressions."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def __getattr__(self, name: str) -> Any:
        if name not in UNARY:
            raise NotCompilableError(f"it uses xp.{name}")

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
            raise NotCompilableError(
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


def reductions(outputs: Iterable[Expression]) -> list[Expression]:
    """Return every sum, maximum and minimum along rows that the outputs need."""
    return [node for node in all_nodes(outputs) if node.op in REDUCTIONS]


def all_nodes(outputs: Iterable[Expression]) -> list[Expression]:
    """Return the outputs and every expression below them, each once."""
    found: dict[int, Expression] = {}
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if id(node) not in found:
            found[id(node)] = node
            stack.extend(node.operands)
    return list(found.values())
