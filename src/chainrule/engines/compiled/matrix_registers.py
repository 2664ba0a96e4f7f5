"""Products of bfloat16 pairs in matrix registers (AMX of x86).

Eight registers of 16 rows by 64 bytes hold a square of float32 sums, or 16 rows of 16 pairs. One
instruction adds to a square of sums the product of 16 rows of pairs and 16 pair rows of 16 columns.
Operands have whole squares of pairs, with zeros where the product has ended, and sums whole squares
of rows, of which those beyond the last are scratch.
"""

import ctypes
import os
import platform
import sys
from functools import lru_cache
from typing import Any

from llvmlite import ir

from chainrule.engines.compiled.kinds import NUMBERS, Address, Signature, pointer, whole
from chainrule.engines.compiled.target import Target
from chainrule.engines.compiled.values import Value, Variable
from chainrule.engines.compiled.writing import Code, Function, Module, function

__all__ = ["SIDE", "has_matrix_registers", "write_matrix_products"]

# Rows of a register, and the pairs or numbers in one of them.
SIDE = 16
VARIABLE = "CHAINRULE_AMX"
# Squares of sums side by side and one above the other: six, and one for each operand.
_MOST_ROWS = {1: 4, 2: 3, 3: 2}
_A, _B = 6, 7
# Linux: ask for a state of the processor that threads do not have from the start, that of tiles.
_ARCH_PRCTL, _REQUEST, _TILE_DATA = 158, 0x1023, 18

_numbers = Address(NUMBERS)
_SQUARES = Signature(
    k=whole,
    a=_numbers,
    a_row=whole,
    b=_numbers,
    b_row=whole,
    init=_numbers,
    init_row=whole,
    c=_numbers,
    c_row=whole,
)


def has_matrix_registers(target: Target) -> bool:
    """Return whether products of pairs use matrix registers on a processor.

    CHAINRULE_AMX=0 in the environment refuses them.
    """
    if "+amx-bf16" not in target.features.split(",") or target.family != "x86":
        return False
    if target.vector_bytes != 4 * SIDE or os.environ.get(VARIABLE) == "0":
        return False
    return bool(target.triple) or _granted()


@lru_cache(maxsize=1)
def _granted() -> bool:
    """Ask the system for the registers, for all threads of this process."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    refused: int = ctypes.CDLL(None).syscall(_ARCH_PRCTL, _REQUEST, _TILE_DATA)
    return not refused


class _Registers:
    """The instructions on matrix registers, in a function that is being written."""

    def __init__(self, code: Code) -> None:
        self._code = code
        self._byte = ir.IntType(8)

    def _call(self, name: str, *arguments: Any) -> None:
        known = self._code.declared(f"llvm.x86.{name}", [value.type for value in arguments])
        self._code.builder.call(known, arguments)

    def _number(self, register: int) -> Any:
        return ir.Constant(self._byte, register)

    def begin(self) -> None:
        """Give all registers their full size."""
        module = self._code.module
        known = module.globals.get("matrix_registers")
        if known is None:
            # palette 1; from byte 16 on the bytes of a row, from byte 48 on the rows
            text = bytearray(64)
            text[0] = 1
            for register in range(8):
                text[16 + 2 * register] = 4 * SIDE
                text[48 + register] = SIDE
            kind = ir.ArrayType(self._byte, 64)
            known = ir.GlobalVariable(module, kind, "matrix_registers")
            known.global_constant, known.initializer = True, ir.Constant(kind, text)
            known.linkage, known.align = "internal", 64
        self._call("ldtilecfg", self._code.builder.bitcast(known, pointer))

    def end(self) -> None:
        """Leave the registers to others."""
        self._call("tilerelease")

    def load(self, register: int, place: Value, row: Value) -> None:
        """Read 16 rows that are so many numbers apart."""
        self._call("tileloadd64", self._number(register), place.ir, (row << 2).ir)

    def store(self, register: int, place: Value, row: Value) -> None:
        """Write 16 rows that are so many numbers apart."""
        self._call("tilestored64", self._number(register), place.ir, (row << 2).ir)

    def multiply(self, total: int, a: int, b: int) -> None:
        """Add the product of two registers of pairs to one of sums."""
        self._call("tdpbf16ps", *map(self._number, (total, a, b)))


def _squares(module: Module, rows: int, columns: int) -> Function:
    """Write the product of some squares of sums, in the order of the pairs."""
    element = module.element
    code = function(module, f"squares_{rows}_{columns}", _SQUARES)
    k, a, a_row, b, b_row, init, init_row, c, c_row = code.arguments(
        "k", "a", "a_row", "b", "b_row", "init", "init_row", "c", "c_row"
    )
    registers = _Registers(code)
    sums = {(i, j): i * columns + j for i in range(rows) for j in range(columns)}

    def corner(of: Value, row: Value, i: int, j: int) -> Value:
        return of.at(row * (SIDE * i), element).at(SIDE * j, element)

    for (i, j), register in sums.items():
        registers.load(register, corner(init, init_row, i, j), init_row)
    at_b = Variable(code, b, "at_b")
    with code.loop(0, k, SIDE, name="pair") as pair:
        place = at_b.get()
        held = None
        for j in range(columns):
            registers.load(_B, place.at(SIDE * j, element), b_row)
            # down and up again, so that the register of A serves two products where it can
            for i in range(rows)[:: -1 if j % 2 else 1]:
                if i != held:
                    registers.load(_A, corner(a, a_row, i, 0).at(pair, element), a_row)
                    held = i
                registers.multiply(sums[i, j], _A, _B)
        at_b.set(place.at(b_row * SIDE, element))
    for (i, j), register in sums.items():
        registers.store(register, corner(c, c_row, i, j), c_row)
    code.end()
    return code.function


def _strip(module: Module, signature: Signature) -> Function:
    """Write the product with one panel: as few groups of squares as hold all rows."""
    element = module.element
    code = function(module, "matrix_strip", signature)
    vectors, m, k, a, a_row, b, b_row, init, init_row, c, c_row = code.arguments(
        *signature.parameters
    )
    for columns in code.cases(vectors, _MOST_ROWS):
        most = _MOST_ROWS[columns]
        groups = {rows: _squares(module, rows, columns) for rows in range(1, most + 1)}
        with code.loop(0, m, SIDE * most, name="row") as row:
            rows = code.least((m - row + (SIDE - 1)) // SIDE, most)
            for count in code.cases(rows, groups):
                code.call(
                    groups[count],
                    k=k,
                    a=a.at(row * a_row, element),
                    a_row=a_row,
                    b=b,
                    b_row=b_row,
                    init=init.at(row * init_row, element),
                    init_row=init_row,
                    c=c.at(row * c_row, element),
                    c_row=c_row,
                )
    code.end()
    return code.function


def write_matrix_products(
    module: Module, across: Signature, down: Signature
) -> tuple[Function, Function]:
    """Write the product of rows with all panels, and of rows with one panel.

    In both A lies by rows, and ``k`` counts pairs; a number is the same sum, whatever group of
    squares it falls into.
    """
    strip = _strip(module, down)
    return _across(module, strip, across), _down(module, strip, down)


def _down(module: Module, strip: Function, signature: Signature) -> Function:
    code = function(module, "matrix_down", signature)
    names = signature.parameters
    arguments = dict(zip(names, code.arguments(*names), strict=True))
    registers = _Registers(code)
    registers.begin()
    code.call(strip, **arguments)
    registers.end()
    code.end()
    return code.function


def _across(module: Module, strip: Function, signature: Signature) -> Function:
    lanes, element, widest = module.lanes, module.element, module.target.panel_vectors
    code = function(module, "matrix_across", signature)
    m, vectors, k, a, a_row, b, panel_rows, init, init_row, c, c_row = code.arguments(
        *signature.parameters
    )
    registers = _Registers(code)
    registers.begin()
    with code.loop(0, vectors, widest, name="panel") as panel:
        width = code.least(vectors - panel, widest)
        column = panel * lanes
        code.call(
            strip,
            vectors=width,
            m=m,
            k=k,
            a=a,
            a_step=a_row,
            b=b.at(column * panel_rows, element),
            b_step=width * lanes,
            init=init.at(column, element),
            init_row=init_row,
            c=c.at(column, element),
            c_row=c_row,
        )
    registers.end()
    code.end()
    return code.function
