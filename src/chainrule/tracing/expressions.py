"""Expression graphs: nodes are expressions, and equal expressions are one node.

Engines make code of a graph, and exporters can write it in the words of another library.
"""

from collections.abc import Iterable
from typing import Any

__all__ = [
    "Expression",
    "Graph",
    "NotTraceableError",
    "all_nodes",
    "described",
    "reductions",
]

REDUCTIONS = ("sum", "max", "min")
_SMOOTH = ("exp", "log", "log1p", "expm1", "tanh", "erf", "erfc", "sin", "cos", "sqrt")
UNARY = frozenset((*_SMOOTH, "abs", "sign", "floor", "ceil", "isnan", "isfinite", "isinf"))
TRUTHS = ("lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not", "isnan", "isfinite", "isinf")
OF_TRUTHS = ("and", "or", "not")
# What a node's value belongs to: all rows, one row, one element.
SHARED, ROW, ELEMENT = 0, 1, 2


class NotTraceableError(TypeError):
    """A formula does something that no graph can express."""


class Graph:
    """All expressions of one pass; equal ones are the same object."""

    def __init__(self) -> None:
        self._nodes: dict[Any, Expression] = {}

    def node(self, op: str, *arguments: Any, detail: Any = None, span: int | None = None) -> Any:
        """Return the one expression of an operation on operands."""
        operands = tuple(self.constant(argument) for argument in arguments)
        if any(operand.is_truth for operand in operands):
            operands = self._with_numbers(op, operands)
        key = (op, tuple(map(id, operands)), detail)
        if key not in self._nodes:
            if span is None:
                span = max((operand.span for operand in operands), default=SHARED)
            self._nodes[key] = Expression(self, op, operands, detail, span)
        return self._nodes[key]

    def _with_numbers(
        self, op: str, operands: tuple["Expression", ...]
    ) -> tuple["Expression", ...]:
        """Return operands with 1 and 0 in the place of truths, where an operation is of numbers."""
        truths = [operand.is_truth for operand in operands]
        first = 1 if op == "where" else 0  # a condition is a truth
        if op in OF_TRUTHS or (all(truths[first:]) and op in ("where", "eq", "ne")):
            return operands
        if op in ("add", "sub") and all(truths):
            raise NotTraceableError("it adds truths, of which libraries differ; write xp.where")
        return tuple(
            self.node("where", operand, 1.0, 0.0) if truth and place >= first else operand
            for place, (operand, truth) in enumerate(zip(operands, truths, strict=True))
        )

    def constant(self, number: Any) -> "Expression":
        """Return a number as an expression; an expression as it is."""
        if isinstance(number, Expression):
            return number
        try:
            value = float(number)
        except (TypeError, ValueError):
            raise NotTraceableError(f"it computes with {number!r}") from None
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
            raise NotTraceableError(f"it raises to the power {exponent!r}")
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
        raise NotTraceableError("it branches on a value; write xp.where instead")

    def __float__(self) -> float:
        raise NotTraceableError("it turns a value into a Python number")


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
