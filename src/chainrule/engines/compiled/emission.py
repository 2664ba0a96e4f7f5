"""Emit vector instructions from a graph of expressions."""

import math
from collections.abc import Callable
from typing import Any

from llvmlite import ir

from chainrule.engines.compiled import vector_maths
from chainrule.engines.compiled.kinds import real
from chainrule.engines.compiled.reciprocals import has_slow_divider, quotient, root
from chainrule.engines.compiled.values import Value, Variable
from chainrule.engines.compiled.writing import Code
from chainrule.tracing.expressions import (
    ELEMENT,
    REDUCTIONS,
    ROW,
    SHARED,
    Expression,
    reductions,
)

__all__ = ["Emission"]

_ARITHMETIC: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "not": lambda a: ~a,
}
_VECTOR_MATHS = ("exp", "log", "log1p", "expm1", "tanh", "erf", "erfc")
_INTRINSICS = {"sqrt": "sqrt", "abs": "fabs", "floor": "floor", "ceil": "ceil"}
_INTRINSICS |= {"sin": "sin", "cos": "cos"}


def _is_root(node: Expression) -> bool:
    """Return whether a node is a root, times and plus numbers that all rows share."""
    if node.op in ("add", "mul"):
        of_rows = [operand for operand in node.operands if operand.span != SHARED]
        return len(of_rows) == 1 and _is_root(of_rows[0])
    return node.op == "sqrt"


class Emission:
    """The values of a graph's nodes while its code is written.

    Parameters
    ----------
    code : Code
        The function being written.
    vector : LLVM vector type
        The vectors it computes with.
    load : callable
        Gives the vector of an input by its name, at the place the loops have reached.
    parameter : callable
        Gives a float64 by table and index.
    """

    def __init__(
        self,
        code: Code,
        vector: Any,
        load: Callable[[str], Value],
        parameter: Callable[[str, int], Value],
    ) -> None:
        self.code = code
        self.vector = vector
        self._load = load
        self._parameter = parameter
        # one memory per span: a loop's own values are forgotten when it ends
        self._known: dict[int, dict[int, Value]] = {SHARED: {}, ROW: {}, ELEMENT: {}}
        single = vector.element == ir.FloatType()
        self._beside_divider = single and has_slow_divider(code.module.target)

    def forget(self, span: int) -> None:
        """Forget the values of one element, or of one row and its elements."""
        for narrower in range(span, ELEMENT + 1):
            self._known[narrower] = {}

    def prepare(self, *outputs: Expression) -> None:
        """Write, ahead of a loop, what the outputs need of wider spans."""
        for output in outputs:
            if output.span < ELEMENT:
                self.vector_of(output)
            else:
                for operand in output.operands:
                    self.prepare(operand)

    def prepare_shared(self, *outputs: Expression) -> None:
        """Write, ahead of all loops, what does not depend on rows."""
        for output in outputs:
            if output.span == SHARED:
                self.vector_of(output)
            else:
                self.prepare_shared(*output.operands)

    def vector_of(self, node: Expression) -> Value:
        """Return the vector of a node; numbers that all rows share are spread over the lanes."""
        memory = self._known[node.span]
        if id(node) not in memory:
            if node.span == SHARED and not node.is_truth:
                scalar = self._shared(node)
                element = self.code.cast(scalar, self.vector.element)
                memory[id(node)] = self.code.spread(element, self.vector.count)
            else:
                memory[id(node)] = self._computed(node)
        return memory[id(node)]

    def _shared(self, node: Expression) -> Value:
        """Compute in float64, as Python does with the numbers of a formula."""
        if node.op == "constant":
            return self.code.value(node.detail[0], real)
        if node.op == "parameter":
            return self._parameter(*node.detail)
        if node.op == "input":
            return self.code.cast(self._load(node.detail), real)
        operands = [self._shared(operand) for operand in node.operands]
        if node.op in _ARITHMETIC:
            return _ARITHMETIC[node.op](*operands)  # type: ignore[no-any-return]
        pair = ir.VectorType(real, 2)
        vectors = [self.code.spread(operand, 2) for operand in operands]
        assert all(vector.type == pair for vector in vectors)
        return self.code.extract(self._function(node.op, vectors), 0)

    def _computed(self, node: Expression) -> Value:
        if node.op == "input":
            return self._load(node.detail)
        assert node.op not in REDUCTIONS, "reductions are loops of their own"
        operands = [self.vector_of(operand) for operand in node.operands]
        if self._beside_divider and node.op == "sqrt":
            return root(self.code, *operands)
        if self._beside_divider and node.op == "div" and _is_root(node.operands[1]):
            return quotient(self.code, *operands)
        if node.op in _ARITHMETIC:
            return _ARITHMETIC[node.op](*operands)  # type: ignore[no-any-return]
        return self._function(node.op, operands)

    def _function(self, op: str, operands: list[Value]) -> Value:
        code, x = self.code, operands[0]
        if op in _VECTOR_MATHS:
            return getattr(vector_maths, op)(code, x)  # type: ignore[no-any-return]
        if op in _INTRINSICS:
            return code.intrinsic(_INTRINSICS[op], x)
        if op == "where":
            return code.where(*operands)
        if op == "sign":
            return code.where(x > 0.0, 1.0, code.where(x < 0.0, -1.0, x))
        if op == "isnan":
            return x != x
        if op == "isfinite":
            return code.intrinsic("fabs", x) < math.inf
        if op == "isinf":
            return code.intrinsic("fabs", x) == math.inf
        assert op in ("maximum", "minimum"), op
        return self.extreme(op == "maximum", *operands)

    def extreme(self, largest: bool, one: Value, two: Value) -> Value:
        """Return the larger or smaller one; NaN where either is NaN."""
        code = self.code
        # one instruction that keeps a NaN of `one`; then that of `two`, unless it is a constant
        chosen = code.where(two > one if largest else two < one, two, one)
        if any(two is known for known in self._known[SHARED].values()):
            return chosen
        return code.where(two != two, two, chosen)

    def reduce(
        self, outputs: list[Expression], columns: Value, at: Callable[[Value], None]
    ) -> None:
        """Write the loops over the columns that the outputs' sums and extremes need."""
        code = self.code
        pending = reductions(outputs)
        for level in sorted({node.level for node in pending}):
            now = [node for node in pending if node.level == level]
            self.prepare(*(node.operands[0] for node in now))
            start = {"sum": 0.0, "max": -math.inf, "min": math.inf}
            totals = [
                Variable(code, code.value(start[node.op], self.vector), node.op) for node in now
            ]
            with code.loop(0, columns, name="column") as column:
                at(column)
                self.forget(ELEMENT)
                for node, total in zip(now, totals, strict=True):
                    value, before = self.vector_of(node.operands[0]), total.get()
                    if node.op == "sum":
                        total.set(before + value)
                    else:
                        total.set(self.extreme(node.op == "max", before, value))
            self.forget(ELEMENT)
            for node, total in zip(now, totals, strict=True):
                self._known[ROW][id(node)] = total.get()
