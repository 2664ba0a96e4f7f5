"""Types of what crosses between functions of machine code, and between them and Python.

A kind is an LLVM type, for a number, or an `Address` or `Entry`, which also say what lies there. A
`Signature` names the parameters of a function, a `Record` the fields of a row in memory. Writers
and callers use the same one, so a call that does not fit is refused when the code is written.
"""

import ctypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from llvmlite import ir

__all__ = [
    "BYTES",
    "NUMBERS",
    "Address",
    "Entry",
    "EntryPoint",
    "Field",
    "KindError",
    "Record",
    "Signature",
    "fits",
    "ir_type",
    "named",
    "pointer",
    "real",
    "signature_of",
    "small",
    "truth",
    "whole",
]

pointer = ir.PointerType()
whole = ir.IntType(64)
small = ir.IntType(32)
truth = ir.IntType(1)
real = ir.DoubleType()


class KindError(TypeError):
    """Code that does not fit a signature or a record: an error of whoever writes kernels."""


@dataclass(frozen=True)
class _Content:
    name: str

    def __repr__(self) -> str:
        return self.name


# What lies at an address: numbers of the module's precision; anything, counted in bytes.
NUMBERS = _Content("numbers")
BYTES = _Content("bytes")


@dataclass(frozen=True)
class Address:
    """The address of one thing or of several in a row; None stands for a null of any kind."""

    of: Any


@dataclass(frozen=True)
class Entry:
    """The address of a function, an integer; 0 where there is none."""

    signature: "Signature"


def ir_type(kind: Any) -> Any:
    """Return the LLVM type of a kind."""
    return pointer if isinstance(kind, Address) else whole if isinstance(kind, Entry) else kind


def named(kind: Any) -> str:
    """Return a kind in words.

    Examples
    --------
    >>> named(Address(NUMBERS)), named(whole)
    ('address of numbers', 'i64')
    """
    if isinstance(kind, Address):
        return "null" if kind.of is None else f"address of {named(kind.of)}"
    if isinstance(kind, Entry):
        return f"entry ({kind.signature})"
    return kind.__name__ if isinstance(kind, type) else str(kind)


def fits(given: Any, wanted: Any) -> bool:
    """Return whether a value of one kind may stand where another is wanted."""
    if isinstance(given, Address) and isinstance(wanted, Address):
        return given.of is None or given.of == wanted.of
    return bool(given == wanted)


class Signature:
    """The parameters of a function in their order, and what it returns.

    Examples
    --------
    >>> Signature(rows=whole, z=Address(NUMBERS))
    rows: i64, z: address of numbers
    """

    def __init__(self, result: Any = None, /, **parameters: Any) -> None:
        self.result = result
        self.parameters = parameters
        text = ", ".join(f"{name}: {named(kind)}" for name, kind in parameters.items())
        self._text = text if result is None else f"{text} -> {named(result)}"

    def __repr__(self) -> str:
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Signature) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def ordered(
        self, function: str, arguments: Mapping[str, Any]
    ) -> Iterator[tuple[str, Any, Any]]:
        """Return name, kind and argument of each parameter.

        Raises
        ------
        KindError
            If one has no argument, or an argument has no parameter.
        """
        missing = [name for name in self.parameters if name not in arguments]
        other = [name for name in arguments if name not in self.parameters]
        if missing or other:
            words = [f"no {name}" for name in missing] + [f"also {name}" for name in other]
            raise KindError(
                f"a call of {function} must give each of ({self}) once; got {', '.join(words)}. "
                "Name the arguments as the signature does."
            )
        return ((name, kind, arguments[name]) for name, kind in self.parameters.items())

    def arranged(self, **arguments: Any) -> tuple[Any, ...]:
        """Return arguments of a call from Python in their order; ctypes checks their types.

        Raises
        ------
        KindError
            If one is missing, or has no parameter.
        """
        return tuple(argument for _, _, argument in self.ordered("a function", arguments))

    def ir(self) -> Any:
        """Return the type of the function for LLVM."""
        result = ir.VoidType() if self.result is None else ir_type(self.result)
        return ir.FunctionType(result, [ir_type(kind) for kind in self.parameters.values()])

    def ctypes(self) -> Any:
        """Return the type of the function for calls from Python."""
        result = None if self.result is None else _ctype(self.result)
        return ctypes.CFUNCTYPE(result, *map(_ctype, self.parameters.values()))


def _ctype(kind: Any) -> Any:
    if isinstance(kind, Address):
        return ctypes.c_void_p
    if isinstance(kind, ir.FloatType | ir.DoubleType):
        return ctypes.c_float if isinstance(kind, ir.FloatType) else ctypes.c_double
    return ctypes.c_int32 if kind == small else ctypes.c_int64


class Field:
    """A field of a record: eight bytes, read as its kind says.

    ``instead_of`` names a field that has the same bytes; one of the two is used.
    """

    record: type["Record"]
    name: str
    index: int

    def __init__(self, kind: Any, instead_of: "Field | None" = None) -> None:
        self.kind = kind
        self.points = isinstance(kind, Address | Entry)
        self.instead_of = instead_of

    def __set_name__(self, record: type["Record"], name: str) -> None:
        self.record, self.name = record, name

    def __repr__(self) -> str:
        return f"{self.record.__name__}.{self.name}"


class Record:
    """A row in memory that Python and machine code share, with a `Field` for each eight bytes."""

    fields: ClassVar[tuple[Field, ...]]
    every: ClassVar[tuple[Field, ...]]  # those that share their bytes with another included

    def __init_subclass__(cls) -> None:
        cls.every = tuple(field for field in vars(cls).values() if isinstance(field, Field))
        cls.fields = tuple(field for field in cls.every if field.instead_of is None)
        for index, field in enumerate(cls.fields):
            field.index = index
        for field in cls.every:
            if field.instead_of is not None:
                field.index = field.instead_of.index


@dataclass(frozen=True)
class EntryPoint:
    """A function of machine code that lies in memory: its address, and how it is called."""

    address: int
    signature: Signature

    def function(self) -> Any:
        """Return it as a function of Python; the interpreter's lock is free while it runs."""
        return self.signature.ctypes()(self.address)


def signature_of(name: str) -> str:
    """Return the name of the text that tells the signature of a function."""
    return f"{name}.signature"
