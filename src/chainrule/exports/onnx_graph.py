"""Nodes and constants of an ONNX graph, and formulas as nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.exports.program import Formula
from chainrule.foundation.errors import InputError
from chainrule.tracing.expressions import ELEMENT, Expression
from chainrule.tracing.formulas import Traced
from chainrule.tracing.lowering import LOWERINGS, lowered

__all__ = ["OnnxGraph", "onnx_of"]

_OPERATORS = {
    "add": "Add",
    "sub": "Sub",
    "mul": "Mul",
    "div": "Div",
    "neg": "Neg",
    "abs": "Abs",
    "lt": "Less",
    "le": "LessOrEqual",
    "gt": "Greater",
    "ge": "GreaterOrEqual",
    "eq": "Equal",
    "and": "And",
    "or": "Or",
    "not": "Not",
    "maximum": "Max",
    "minimum": "Min",
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "sign": "Sign",
    "floor": "Floor",
    "ceil": "Ceil",
    "sin": "Sin",
    "cos": "Cos",
    "isnan": "IsNaN",
    "isinf": "IsInf",
    "tanh": "Tanh",
    "erf": "Erf",
}
_REDUCTIONS = {"sum": "ReduceSum", "max": "ReduceMax", "min": "ReduceMin"}
_OF_TRUTHS = ("and", "or", "not")


def onnx_of() -> Any:
    """Return the package onnx, or the sentence that says how to install it."""
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise InputError(
            "export to ONNX needs the package onnx. Install it: pip install 'chainrule[onnx]'"
        ) from error
    return onnx


def _complement(xp: Any, x: Any) -> Any:
    return 1.0 - xp.erf(x)


# Runtimes have the error function in single precision, where 1 - erf is off by its rounding.
_LACKING = {
    np.dtype(np.float32): {name: LOWERINGS[name] for name in ("log1p", "expm1")}
    | {"erfc": _complement},
    np.dtype(np.float64): dict(LOWERINGS),
}


class OnnxGraph:
    """The nodes and the constants of a graph that is being written; equal constants are one."""

    def __init__(self) -> None:
        self.onnx = onnx_of()
        self.nodes: list[Any] = []
        self.constants: dict[Any, Any] = {}
        self._taken: set[str] = set()
        self._names: dict[str, int] = {}

    def reserve(self, name: str) -> None:
        """Keep a name as it is for an input."""
        self._taken.add(name)

    def named(self, hint: str) -> str:
        """Return a name that nothing else in the graph has."""
        hint = found = hint.replace(" ", "_")
        while found in self._taken:
            count = self._names[hint] = self._names.get(hint, 1) + 1
            found = f"{hint}_{count}"
        self._taken.add(found)
        return found

    def constant(self, array: Any, hint: str = "constant") -> str:
        """Return the name of an array in the graph."""
        array = np.asarray(array)
        kept = tuple(array.ravel().tolist()) if array.dtype.kind in "OU" else array.tobytes()
        key = (array.dtype.str, array.shape, kept)
        if key not in self.constants:
            name = self.named(hint)
            if array.dtype.kind in "OU":
                texts = [one.encode() for one in array.ravel().tolist()]
                kind = self.onnx.TensorProto.STRING
                tensor = self.onnx.helper.make_tensor(name, kind, array.shape, texts)
            else:
                tensor = self.onnx.numpy_helper.from_array(np.array(array, order="C"), name)
            self.constants[key] = tensor
        return str(self.constants[key].name)

    def add(
        self, op: str, *inputs: str, hint: str = "", domain: str = "", **attributes: Any
    ) -> str:
        """Add a node, and return the name of its output."""
        return self.add_several(op, inputs, 1, hint, domain, **attributes)[0]

    def add_several(
        self,
        op: str,
        inputs: tuple[str, ...],
        outputs: int,
        hint: str = "",
        domain: str = "",
        **attributes: Any,
    ) -> list[str]:
        """Add a node, and return the names of its outputs."""
        names = [self.named(hint or op.lower()) for _ in range(outputs)]
        node = self.onnx.helper.make_node(
            op, list(inputs), names, name=names[0], domain=domain, **attributes
        )
        self.nodes.append(node)
        return names

    def needed(self, outputs: Sequence[str]) -> tuple[list[Any], list[Any]]:
        """Return the nodes and the constants that the outputs are made of."""
        wanted, nodes = set(outputs), []
        for node in reversed(self.nodes):
            if wanted.intersection(node.output):
                wanted.update(node.input)
                nodes.append(node)
        constants = [one for one in self.constants.values() if one.name in wanted]
        return nodes[::-1], constants

    def cast(self, name: str, dtype: np.dtype[Any], hint: str = "") -> str:
        """Add a conversion to another dtype."""
        kind = self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.add("Cast", name, hint=hint, to=kind)

    def formula(self, formula: Formula, x: str, width: int, dtype: np.dtype[Any]) -> str:
        """Add a formula of a row: its operator in single precision, or its graph."""
        if formula.native is not None and dtype == np.float32:
            name, numbers = formula.native
            attributes: dict[str, Any] = dict(numbers)
            return self.add(name, x, hint=formula.name, **attributes)
        return self.graph_of(formula.traced, x, width, dtype, formula.vectors, formula.name)

    def graph_of(
        self,
        traced: Traced,
        x: str,
        width: int,
        dtype: np.dtype[Any],
        vectors: Mapping[str, np.ndarray],
        hint: str,
    ) -> str:
        """Add the nodes of a graph from "z", an array of this width, and vectors."""
        if traced.outputs[0].span != ELEMENT:
            # the shape of z, for a formula that does not depend on it
            traced = Traced((_spread(traced.outputs[0]),), traced.numbers)
        given = {name: self.constant(array.astype(dtype), name) for name, array in vectors.items()}
        return self.formula_of(traced, {**given, "z": x}, dtype, hint, width)

    def formula_of(
        self,
        traced: Traced,
        given: Mapping[str, str],
        dtype: np.dtype[Any],
        hint: str,
        width: int = 1,
    ) -> str:
        """Add the nodes of a graph whose inputs are arrays in this one, and return its value."""
        traced = lowered(traced, _LACKING[dtype])
        return _Nodes(self, traced, given, width, dtype, hint).number(traced.outputs[0])


def _spread(constant: Expression) -> Expression:
    graph = constant.graph
    z = graph.input("z")
    found: Expression = graph.node("where", z == z, constant, constant)
    return found


class _Nodes:
    """The nodes of one formula."""

    def __init__(
        self,
        graph: OnnxGraph,
        traced: Traced,
        given: Mapping[str, str],
        width: int,
        dtype: np.dtype[Any],
        hint: str,
    ) -> None:
        self._graph, self._numbers, self._given = graph, traced.numbers, given
        self._width, self._dtype, self._hint = width, dtype, hint
        self._known: dict[tuple[int, bool], str] = {}

    def number(self, node: Expression) -> str:
        """Return the name of a node as a number: 1 for true, 0 for false."""
        if not node.is_truth:
            return self._name(node)
        key = (id(node), True)
        if key not in self._known:
            self._known[key] = self._graph.cast(self._name(node), self._dtype, self._hint)
        return self._known[key]

    def _truth(self, node: Expression) -> str:
        if node.is_truth:
            return self._name(node)
        return self._graph.add("Not", self._add("Equal", self._name(node), self._constant(0.0)))

    def _name(self, node: Expression) -> str:
        key = (id(node), False)
        if key not in self._known:
            self._known[key] = self._written(node)
        return self._known[key]

    def _constant(self, value: Any) -> str:
        return self._graph.constant(np.asarray(value, self._dtype))

    def _add(self, op: str, *inputs: str, **attributes: Any) -> str:
        return self._graph.add(op, *inputs, hint=f"{self._hint}_{op.lower()}", **attributes)

    def _written(self, node: Expression) -> str:
        op = node.op
        if op == "constant":
            return self._constant(node.detail[0])
        if op == "parameter":
            return self._constant(self._numbers[node.detail[1]])
        if op == "input":
            return self._input(node.detail)
        if op in _REDUCTIONS:
            return self._reduced(node)
        if op == "where":
            as_truths = node.is_truth
            chosen = [self._truth(o) if as_truths else self.number(o) for o in node.operands[1:]]
            return self._add("Where", self._truth(node.operands[0]), *chosen)
        if op in _OF_TRUTHS:
            return self._add(_OPERATORS[op], *map(self._truth, node.operands))
        operands = [self.number(operand) for operand in node.operands]
        if op == "ne":
            return self._add("Not", self._add("Equal", *operands))
        if op == "isfinite":
            wrong = self._add("Or", self._add("IsNaN", *operands), self._add("IsInf", *operands))
            return self._add("Not", wrong)
        return self._add(_OPERATORS[op], *operands)

    def _input(self, name: str) -> str:
        if name in self._given:
            return self._given[name]
        if name == "columns":
            return self._constant(float(self._width))
        assert name == "column", name
        return self._constant(np.arange(float(self._width)))

    def _reduced(self, node: Expression) -> str:
        operand = node.operands[0]
        inner = self.number(operand)
        if operand.span != ELEMENT:  # the same number in every column
            if node.op != "sum":
                return inner
            return self._add("Mul", inner, self._constant(float(self._width)))
        axes = self._graph.constant(np.array([-1], np.int64), "axes")
        return self._add(_REDUCTIONS[node.op], inner, axes, keepdims=1)
