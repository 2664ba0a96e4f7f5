"""Formulas as functions of C99, written from their graphs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.exports import c_text
from chainrule.tracing.expressions import (
    REDUCTIONS,
    Expression,
    all_nodes,
    described,
    reductions,
)
from chainrule.tracing.formulas import Traced

__all__ = ["CFunction", "CFunctions"]

_INFIX = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "eq": "==",
    "ne": "!=",
    "and": "&&",
    "or": "||",
}
_FUNCTIONS = {"abs": "fabs"}
_OF_TRUTHS = ("and", "or", "not")
_MATHS = (
    *("exp", "log", "log1p", "expm1", "erf", "erfc", "tanh", "sin", "cos", "sqrt", "floor"),
    *("ceil", "abs"),
)
_CLASSES = {"isnan": "isnan({})", "isinf": "isinf({})", "isfinite": "isfinite({})"}
# Functions of our own, where C has none that treats NaN and zero as the formulas do.
_OWN = {
    "maximum": "(a > b || a != a) ? a : b",
    "minimum": "(a < b || a != a) ? a : b",
    "sign": "(a > 0) ? 1 : (a < 0) ? -1 : a",
}
_ABOUT = {
    "maximum": "the larger of two numbers; NaN where one is NaN",
    "minimum": "the smaller of two numbers; NaN where one is NaN",
    "sign": "-1, 0 or 1; NaN of NaN",
}

# What other names of a file begin with, after its own.
_RESERVED = {
    *("answer", "cells", "class", "classes", "code", "levels", "network", "predict", "read", "row"),
    *("INPUTS", "OUTPUTS", "H"),
}


@dataclass(frozen=True)
class CFunction:
    """A function that computes a formula.

    Attributes
    ----------
    name : str
        Its name.
    of_rows : bool
        Whether it takes a whole row, (z, a, n), or one number and gives its value.
    vectors : tuple of str
        The vectors whose numbers it takes beside z.
    """

    name: str
    of_rows: bool
    vectors: tuple[str, ...]


class CFunctions:
    """The functions of a file; the same formula is written once."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._known: dict[Any, CFunction] = {}
        self._own: set[tuple[str, str]] = set()
        self._texts: list[str] = []
        self._names: set[str] = set()

    @property
    def text(self) -> str:
        """All functions, those of our own first."""
        own = [_own_function(self._own_name(op, kind), op, kind) for op, kind in sorted(self._own)]
        return "\n".join([*own, *self._texts])

    def of(
        self,
        name: str,
        traced: Traced,
        dtype: np.dtype[Any],
        width: int,
        vectors: Mapping[str, np.ndarray],
        words: str = "",
        source: str = "",
    ) -> CFunction:
        """Return the function of a formula, written where it is new."""
        output = traced.outputs[0]
        depends = {node.detail for node in all_nodes([output]) if node.op == "input"}
        size = width if "columns" in depends else None
        key = (described([output]), traced.numbers.tobytes(), dtype, size)
        if key not in self._known:
            own = self._named(name, dtype)
            of_rows = bool(reductions([output])) or "column" in depends
            used = tuple(one for one in vectors if one in depends)
            found = self._known[key] = CFunction(own, of_rows, used)
            writer = _Writer(self, traced, dtype, width)
            said = _said(words, source)
            body = writer.row(found) if of_rows else writer.number(found)
            self._texts.append(f"{said}{body}")
        return self._known[key]

    def own(self, op: str, kind: str) -> str:
        """Return the name of a function of our own."""
        self._own.add((op, kind))
        return self._own_name(op, kind)

    def _own_name(self, op: str, kind: str) -> str:
        return f"{self._prefix}_{op}{'f' if kind == 'float' else ''}"

    def _named(self, name: str, dtype: np.dtype[Any]) -> str:
        single = "f" if dtype == np.float32 else ""
        own = c_text.identifier(name)
        if own.split("_")[0] in _RESERVED or own in _ABOUT or own in _LOOPS:
            own = f"formula_{own}"
        plain = f"{self._prefix}_{own}{single}"
        found = c_text.identifier(plain, self._names)
        self._names.add(found)
        return found


def _own_function(name: str, op: str, kind: str) -> str:
    if op in _LOOPS:
        return _LOOPS[op].format(name=name, kind=kind)
    arguments = f"{kind} a" if op == "sign" else f"{kind} a, {kind} b"
    head = f"static {kind} {name}({arguments})"
    return f"/* {_ABOUT[op]} */\n{head}\n{{\n    return {_OWN[op]};\n}}\n"


# Loops of our own, for both kinds of numbers.
_LOOPS = {
    "weighted_sums": """\
/* the weighted sums of a layer: z = x W + b */
static void {name}(const {kind} *restrict x, int n_in, const {kind} *restrict w,
                   const {kind} *restrict b, {kind} *restrict z, int n_out)
{{
    int i, j;

    for (j = 0; j < n_out; j++) z[j] = b[j];
    for (i = 0; i < n_in; i++) {{
        for (j = 0; j < n_out; j++) z[j] += x[i] * w[j];
        w += n_out;
    }}
}}
""",
    "sorted": """\
/* the numbers of a row in increasing order */
static void {name}({kind} *a, int n)
{{
    int i, j;

    for (i = 1; i < n; i++) {{
        const {kind} moved = a[i];
        for (j = i; j > 0 && a[j - 1] > moved; j--) a[j] = a[j - 1];
        a[j] = moved;
    }}
}}
""",
}


def _said(words: str, source: str) -> str:
    lines = [line for part in (words, source) if part for line in c_text.paragraph(part)]
    if not lines:
        return ""
    lines[0] = f"/* {lines[0].lstrip()}"
    return "\n".join(lines) + " */\n"


class _Writer:
    """The body of one function."""

    def __init__(
        self, functions: CFunctions, traced: Traced, dtype: np.dtype[Any], width: int
    ) -> None:
        self._functions, self._dtype, self._width = functions, dtype, width
        self._type = c_text.type_name(dtype)
        self._output, self._numbers = traced.outputs[0], traced.numbers
        self._uses: dict[int, int] = {}
        for node in all_nodes([self._output]):
            for operand in node.operands:
                self._uses[id(operand)] = self._uses.get(id(operand), 0) + 1
        self._of_row: dict[int, str] = {}
        self._known: dict[int, str] = {}
        self._lines: list[str] = []
        self._count = 0
        self._z = "z"

    def number(self, function: CFunction) -> str:
        """Return a function of one number."""
        vectors = "".join(f", {self._type} {name}" for name in function.vectors)
        value = self._value(self._output)
        # a formula may be a constant
        unused = [] if "z" in self._inputs else ["(void)z;"]
        lines = "".join(f"    {line}\n" for line in (*self._lines, *unused))
        head = f"static {self._type} {function.name}({self._type} z{vectors})"
        return f"{head}\n{{\n{lines}    return {_bare(value)};\n}}\n"

    @property
    def _inputs(self) -> set[Any]:
        return {node.detail for node in all_nodes([self._output]) if node.op == "input"}

    def row(self, function: CFunction) -> str:
        """Return a function of a row, which may be written over it."""
        self._z = "z[i]"
        vectors = "".join(f", const {self._type} *{name}" for name in function.vectors)
        kind = self._type
        head = f"static void {function.name}(const {kind} *z, {kind} *a, int n{vectors})"
        lines = [f"{head}", "{", "    int i;"]
        starts = {"sum": "0", "max": "-INFINITY", "min": "INFINITY"}
        body: list[str] = []
        pending = reductions([self._output])
        for level in sorted({node.level for node in pending}):
            now = [node for node in pending if node.level == level]
            for node in now:
                name = f"{node.op}_{len(self._of_row) + 1}"
                lines.append(f"    {kind} {name} = {starts[node.op]};")
                self._of_row[id(node)] = name
            body += self._loop([(node, self._of_row[id(node)]) for node in now])
        body += self._loop([(self._output, "")])
        return "\n".join([*lines, "", *body, "}", ""])

    def _loop(self, jobs: list[tuple[Expression, str]]) -> list[str]:
        """Return the loop over the columns that sums, or writes the answer."""
        self._known, self._lines = {}, []
        found = []
        for node, name in jobs:
            if not name:
                found.append(f"a[i] = {_bare(self._value(node))};")
                continue
            value = self._value(node.operands[0])
            if node.op == "sum":
                found.append(f"{name} += {_bare(value)};")
            else:
                extreme = self._functions.own(f"{node.op}imum", self._type)
                found.append(f"{name} = {extreme}({name}, {_bare(value)});")
        inner = [f"        {line}" for line in (*self._lines, *found)]
        return ["    for (i = 0; i < n; i++) {", *inner, "    }"]

    def _value(self, node: Expression) -> str:
        """Return the expression of a node; one that is used again becomes a variable."""
        if id(node) in self._of_row:
            return self._of_row[id(node)]
        if id(node) in self._known:
            return self._known[id(node)]
        value = self._written(node)
        leaf = node.op in ("constant", "parameter", "input")
        if self._uses.get(id(node), 0) > 1 and not leaf:
            self._count += 1
            name = f"t{self._count}"
            kind = "int" if node.is_truth else self._type
            self._lines.append(f"const {kind} {name} = {_bare(value)};")
            value = name
        self._known[id(node)] = value
        return value

    def _truth(self, node: Expression) -> str:
        return self._value(node) if node.is_truth else f"({self._value(node)} != 0)"

    def _written(self, node: Expression) -> str:
        op = node.op
        if op == "constant":
            return self._constant(node.detail[0])
        if op == "parameter":
            return self._constant(self._numbers[node.detail[1]])
        if op == "input":
            return self._input(node.detail)
        assert op not in REDUCTIONS, "reductions are loops of their own"
        if op == "where":
            yes, no = map(self._value, node.operands[1:])
            return f"({self._truth(node.operands[0])} ? {yes} : {no})"
        if op in _OF_TRUTHS:
            truths = [self._truth(operand) for operand in node.operands]
            return f"(!{truths[0]})" if op == "not" else f"({f' {_INFIX[op]} '.join(truths)})"
        operands = [self._value(operand) for operand in node.operands]
        if op in _INFIX:
            return f"({operands[0]} {_INFIX[op]} {operands[1]})"
        if op == "neg":
            return f"(-{operands[0]})"
        if op in _CLASSES:
            return f"({_CLASSES[op].format(_bare(operands[0]))} != 0)"
        given = ", ".join(map(_bare, operands))
        if op in _OWN:
            return f"{self._functions.own(op, self._type)}({given})"
        assert op in _MATHS, op
        single = "f" if self._type == "float" else ""
        return f"{_FUNCTIONS.get(op, op)}{single}({given})"

    def _constant(self, value: float) -> str:
        written = c_text.number(value, self._dtype)
        return f"({written})" if written.startswith("-") else written

    def _input(self, name: str) -> str:
        if name == "z":
            return self._z
        if name == "columns":
            return self._constant(float(self._width))
        if name == "column":
            return f"({self._type})i"
        return f"{name}[i]" if self._z == "z[i]" else name


def _bare(value: str) -> str:
    """Return an expression without the brackets around all of it."""
    if not value.startswith("(") or not value.endswith(")"):
        return value
    depth = 0
    for place, letter in enumerate(value):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and place < len(value) - 1:
            return value
    return value[1:-1]
