"""The steps of one network as a function of C99, with its weights as constants."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from chainrule.exports import c_text
from chainrule.exports.c_formulas import CFunctions
from chainrule.exports.program import (
    Affine,
    Formula,
    InDtype,
    Member,
    Pick,
    Program,
    Step,
    width_after,
)

__all__ = ["CNetwork"]

DOUBLE, SINGLE = np.dtype(np.float64), np.dtype(np.float32)


class CNetwork:
    """A function from the inputs of a network, or the cells of a raw row, to its answer.

    Attributes
    ----------
    name : str
        The function.
    n_out : int
        The number of numbers that it writes.
    constants, stack : int
        Bytes of its constants, and of its arrays on the stack.
    """

    def __init__(self, member: Member, program: Program, name: str, functions: CFunctions) -> None:
        self.name, self._functions = name, functions
        self.constants = self.stack = 0
        self._definitions: list[str] = []
        self._lines: list[str] = []
        self._sizes: dict[tuple[np.dtype[Any], int], int] = {}
        dtype, x = program.dtype, "x"
        if member.features:
            x = self._features(member, dtype)
            argument = "const double *cells"
        else:
            argument = f"const {c_text.type_name(dtype)} *x"
        self._write(argument, member.steps, x, member.n_in, dtype)

    @classmethod
    def of_steps(
        cls, program: Program, steps: tuple[Step, ...], name: str, functions: CFunctions
    ) -> Self:
        """Return the function of steps that come after the mean of the networks."""
        self = cls.__new__(cls)
        self.name, self._functions = name, functions
        self.constants = self.stack = 0
        self._definitions, self._lines, self._sizes = [], [], {}
        dtype = program.answer_dtype
        argument = f"const {c_text.type_name(dtype)} *x"
        self._write(argument, steps, "x", program.mean_width, dtype)
        return self

    def _write(
        self, argument: str, steps: tuple[Step, ...], x: str, width: int, dtype: np.dtype[Any]
    ) -> None:
        for number, step in enumerate(steps, start=1):
            x, dtype = self._step(step, number, x, width, dtype)
            width = width_after(step, width)
        self._lines.append(f"for (i = 0; i < {width}; i++) out[i] = {x}[i];")
        self.n_out = width
        kind = c_text.type_name(dtype)
        arrays = [
            f"{c_text.type_name(of)} {_buffer(of, number)}[{size}];"
            for (of, number), size in self._sizes.items()
        ]
        self.stack += sum(of.itemsize * size for (of, _), size in self._sizes.items())
        lines = (*arrays, "int i;", *self._lines)
        inner = "\n".join(f"    {line}" if line else "" for line in lines)
        self.text = (
            "\n".join(self._definitions)
            + f"\nstatic void {self.name}({argument}, {kind} *out)\n{{\n{inner}\n}}\n"
        )

    def _room(self, dtype: np.dtype[Any], number: int, width: int) -> str:
        """Return the name of a buffer with room for a row."""
        key = (dtype, number)
        self._sizes[key] = max(self._sizes.get(key, 0), width)
        return _buffer(dtype, number)

    def _other(self, x: str, dtype: np.dtype[Any], width: int) -> str:
        return self._room(dtype, 1 if x == _buffer(dtype, 0) else 0, width)

    def _constant(
        self, name: str, values: np.ndarray, dtype: np.dtype[Any], words: str = ""
    ) -> str:
        own = f"{self.name}_{c_text.identifier(name)}"
        self._definitions.append(c_text.array(own, values, dtype, words))
        self.constants += values.size * np.dtype(dtype).itemsize
        return own

    def _step(
        self, step: Step, number: int, x: str, width: int, dtype: np.dtype[Any]
    ) -> tuple[str, np.dtype[Any]]:
        """Write a step; return the name and the dtype of the row after it."""
        kind = c_text.type_name(dtype)
        if isinstance(step, Affine):
            return self._affine(step, x, width, dtype), dtype
        if isinstance(step, Formula):
            return self._formula(step, number, x, width, dtype), dtype
        if isinstance(step, Pick):
            out = self._other(x, dtype, len(step.columns))
            for place, column in enumerate(step.columns):
                picked = "0" if column is None else f"{x}[{column}]"
                self._lines.append(f"{out}[{place}] = {picked};")
            return out, dtype
        if isinstance(step, InDtype):
            out = self._room(step.dtype, 0, width)
            cast = c_text.type_name(step.dtype)
            self._lines.append(f"for (i = 0; i < {width}; i++) {out}[i] = ({cast}){x}[i];")
            return out, step.dtype
        x = self._owned(x, width, dtype)
        self._lines.append(f"{self._functions.own('sorted', kind)}({x}, {width});")
        return x, dtype

    def _owned(self, x: str, width: int, dtype: np.dtype[Any]) -> str:
        """Return a row that may be changed: the arguments of a function may not."""
        if x in (_buffer(dtype, 0), _buffer(dtype, 1)):
            return x
        out = self._room(dtype, 0, width)
        self._lines.append(f"for (i = 0; i < {width}; i++) {out}[i] = {x}[i];")
        return out

    def _affine(self, step: Affine, x: str, width: int, dtype: np.dtype[Any]) -> str:
        n_in, n_out = step.weight.shape
        out = self._other(x, dtype, n_out)
        words = f"{step.name}: {n_in} rows of {n_out} weights"
        weight = self._constant(f"{step.name} weight", step.weight, dtype, words)
        bias = np.zeros(n_out) if step.bias is None else step.bias
        added = self._constant(f"{step.name} bias", bias, dtype)
        sums = self._functions.own("weighted_sums", c_text.type_name(dtype))
        self._lines += ["", f"/* {step.name} */"]
        self._lines.append(f"{sums}({x}, {n_in}, {weight}, {added}, {out}, {n_out});")
        return out

    def _formula(self, step: Formula, number: int, x: str, width: int, dtype: np.dtype[Any]) -> str:
        function = self._functions.of(
            step.name, step.traced, dtype, width, step.vectors, step.words, step.source
        )
        x = self._owned(x, width, dtype)
        vectors = [
            self._constant(f"{step.name} {number} {name}", step.vectors[name], dtype)
            for name in function.vectors
        ]
        if function.of_rows:
            given = "".join(f", {name}" for name in vectors)
            self._lines.append(f"{function.name}({x}, {x}, {width}{given});")
        else:
            given = "".join(f", {name}[i]" for name in vectors)
            self._lines.append(f"for (i = 0; i < {width}; i++)")
            self._lines.append(f"    {x}[i] = {function.name}({x}[i]{given});")
        return x

    def _features(self, member: Member, dtype: np.dtype[Any]) -> str:
        """Write the features of a raw row, and return the name of the inputs."""
        x = self._room(dtype, 0, member.n_in)
        for number, features in enumerate(member.features, start=1):
            width = len(features.places)
            function = self._functions.of(
                features.name, features.traced, DOUBLE, width, features.vectors, features.words
            )
            assert not function.of_rows, features.name
            own = f"features {number}"
            of = self._constant(f"{own} cells", np.array(features.cells), np.dtype(np.int32))
            to = self._constant(f"{own} places", np.array(features.places), np.dtype(np.int32))
            vectors = [
                self._constant(f"{own} {name}", features.vectors[name], DOUBLE)
                for name in function.vectors
            ]
            given = "".join(f", {name}[i]" for name in vectors)
            # a feature is written in single precision, whatever the network computes in
            self._lines.append(f"for (i = 0; i < {width}; i++)")
            self._lines.append(f"    {x}[{to}[i]] = (float){function.name}(cells[{of}[i]]{given});")
        return x


def _buffer(dtype: np.dtype[Any], number: int) -> str:
    return f"{'ab'[number]}{'f' if dtype == SINGLE else ''}"
