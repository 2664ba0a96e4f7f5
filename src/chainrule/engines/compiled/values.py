"""LLVM values with Python's operators: the numbers and addresses of kernels.

A kernel is a Python function that runs once and leaves machine code behind. Its numbers are
`Value`s: addresses, integers, floats, vectors of floats, and vectors of their truth values. An
address knows what lies there (`kinds`), and is read and written as that only.
"""

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from chainrule.engines.compiled.kinds import (
    BYTES,
    NUMBERS,
    Address,
    Entry,
    Field,
    KindError,
    fits,
    ir_type,
    named,
    pointer,
    whole,
)

__all__ = ["Value", "Variable", "Writer", "bits_of", "float_type"]

_FLOATS = (ir.FloatType, ir.DoubleType)


def _element(type_: Any) -> Any:
    return type_.element if isinstance(type_, ir.VectorType) else type_


def float_type(itemsize: int) -> Any:
    """Return the LLVM type of float32 or float64."""
    return ir.FloatType() if itemsize == 4 else ir.DoubleType()


def bits_of(type_: Any) -> Any:
    """Return the integer type of the same shape and width as a floating type."""
    element = ir.IntType(32 if isinstance(_element(type_), ir.FloatType) else 64)
    return ir.VectorType(element, type_.count) if isinstance(type_, ir.VectorType) else element


class Value:
    """A number of the program that is being written.

    ``kind`` is an `Address` or an `Entry`; None for what is described by its LLVM type.
    """

    __slots__ = ("code", "ir", "kind")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, code: "Writer", value: Any, kind: Any = None) -> None:
        self.code = code
        self.ir = value
        self.kind = kind

    def named(self, name: str) -> "Value":
        """Give the value a name, for those who read LLVM's text."""
        self.ir.name = name
        return self

    @property
    def type(self) -> Any:
        return self.ir.type

    @property
    def floating(self) -> bool:
        return isinstance(_element(self.type), _FLOATS)

    def _binary(self, other: Any, floating: str, integer: str, swapped: bool = False) -> "Value":
        one, two = self.code.alike(self, other)
        if swapped:
            one, two = two, one
        name = floating if one.floating else integer
        return Value(self.code, getattr(self.code.builder, name)(one.ir, two.ir))

    def __add__(self, other: Any) -> "Value":
        return self._binary(other, "fadd", "add")

    def __radd__(self, other: Any) -> "Value":
        return self._binary(other, "fadd", "add", True)

    def __sub__(self, other: Any) -> "Value":
        return self._binary(other, "fsub", "sub")

    def __rsub__(self, other: Any) -> "Value":
        return self._binary(other, "fsub", "sub", True)

    def __mul__(self, other: Any) -> "Value":
        return self._binary(other, "fmul", "mul")

    def __rmul__(self, other: Any) -> "Value":
        return self._binary(other, "fmul", "mul", True)

    def __truediv__(self, other: Any) -> "Value":
        return self._binary(other, "fdiv", "")

    def __rtruediv__(self, other: Any) -> "Value":
        return self._binary(other, "fdiv", "", True)

    def __floordiv__(self, other: Any) -> "Value":
        return self._binary(other, "", "udiv")

    def __lshift__(self, other: Any) -> "Value":
        return self._binary(other, "", "shl")

    def __rshift__(self, other: Any) -> "Value":
        return self._binary(other, "", "ashr")

    def __and__(self, other: Any) -> "Value":
        return self._binary(other, "", "and_")

    def __or__(self, other: Any) -> "Value":
        return self._binary(other, "", "or_")

    def __xor__(self, other: Any) -> "Value":
        return self._binary(other, "", "xor")

    def __neg__(self) -> "Value":
        builder = self.code.builder
        return Value(self.code, builder.fneg(self.ir) if self.floating else builder.neg(self.ir))

    def __invert__(self) -> "Value":
        return Value(self.code, self.code.builder.not_(self.ir))

    def _compare(self, sign: str, other: Any) -> "Value":
        one, two = self.code.alike(self, other)
        builder = self.code.builder
        if one.floating:
            compare = builder.fcmp_unordered if sign == "!=" else builder.fcmp_ordered
        else:
            compare = builder.icmp_signed
        return Value(self.code, compare(sign, one.ir, two.ir))

    def __lt__(self, other: Any) -> "Value":
        return self._compare("<", other)

    def __le__(self, other: Any) -> "Value":
        return self._compare("<=", other)

    def __gt__(self, other: Any) -> "Value":
        return self._compare(">", other)

    def __ge__(self, other: Any) -> "Value":
        return self._compare(">=", other)

    def __eq__(self, other: Any) -> "Value":  # type: ignore[override]
        return self._compare("==", other)

    def __ne__(self, other: Any) -> "Value":  # type: ignore[override]
        return self._compare("!=", other)

    def bits(self) -> "Value":
        """Return the bits of a float as an integer."""
        return Value(self.code, self.code.builder.bitcast(self.ir, bits_of(self.type)))

    def float_of_bits(self, type_: Any) -> "Value":
        """Return the float whose bits this integer is."""
        return Value(self.code, self.code.builder.bitcast(self.ir, type_))

    @property
    def present(self) -> "Value":
        """True of an address that is not null, and of an entry that is not 0."""
        zero = ir.Constant(self.type, 0 if self.type == whole else None)
        return Value(self.code, self.code.builder.icmp_signed("!=", self.ir, zero))

    def at(self, offset: Any, type_: Any) -> "Value":
        """Return an address moved on by so many elements of a type."""
        self._must_hold(type_)
        index = self.code.value(offset)
        moved = self.code.builder.gep(self.ir, [index.ir], source_etype=ir_type(type_))
        return Value(self.code, moved, self.kind)

    def load(self, type_: Any, offset: Any = None) -> "Value":
        """Read a number, an address or a vector of numbers, ``offset`` elements further on."""
        place = self if offset is None else self.at(offset, _element(type_))
        self._must_hold(_element(type_))
        kind = type_ if isinstance(type_, Address | Entry) else None
        size = _align(_element(ir_type(type_)))
        loaded = self.code.builder.load(place.ir, typ=ir_type(type_), align=size)
        return Value(self.code, loaded, kind)

    def store(self, value: "Value", offset: Any = None) -> None:
        """Write through an address, ``offset`` elements of the value's kind further on."""
        element = value.kind or _element(value.type)
        place = self if offset is None else self.at(offset, element)
        self._must_hold(element)
        self.code.builder.store(value.ir, place.ir, align=_align(ir_type(element)))

    def row(self, number: Any) -> "Value":
        """Return the address of a row, of rows of a record."""
        if not (isinstance(self.kind, Address) and hasattr(self.kind.of, "fields")):
            raise KindError(f"rows must be of a record; got {self._words}. Use at.")
        index = self.code.value(number * len(self.kind.of.fields))
        moved = self.code.builder.gep(self.ir, [index.ir], source_etype=whole)
        return Value(self.code, moved, self.kind)

    def _place(self, field: Field) -> Any:
        if not fits(self.kind, Address(field.record)):
            raise KindError(
                f"{field} must be read at the address of a {field.record.__name__}; got "
                f"{self._words}. Swapped arguments look like this."
            )
        index = self.code.value(field.index)
        return self.code.builder.gep(self.ir, [index.ir], source_etype=whole)

    def __getitem__(self, field: Field) -> "Value":
        """Read a field of the record at this address."""
        kind = field.kind
        loaded = self.code.builder.load(self._place(field), typ=ir_type(kind), align=8)
        value = Value(self.code, loaded, kind if isinstance(kind, Address | Entry) else None)
        return value.named(field.name)

    def __setitem__(self, field: Field, value: "Value") -> None:
        """Write a field of the record at this address."""
        self.code.must_fit(value, field.kind, str(field))
        self.code.builder.store(value.ir, self._place(field), align=8)

    def seen_as(self, of: Any) -> "Value":
        """Return an address of bytes as one of something else; the writer vouches for it."""
        if self.kind != Address(BYTES):
            raise KindError(f"only bytes can be seen as {named(of)}; got {self._words}.")
        return Value(self.code, self.ir, Address(of))

    @property
    def _words(self) -> str:
        return named(self.kind or self.type)

    def _must_hold(self, type_: Any) -> None:
        """Refuse to take what lies at an address for something else."""
        of = self.kind.of if isinstance(self.kind, Address) else None
        wanted = self.code.element if of is NUMBERS else of
        known = isinstance(self.kind, Address) and of is not None
        if of is BYTES and known:
            wanted = ir.IntType(8)
        if not known or type_ != wanted:
            raise KindError(f"{named(type_)} must lie at an address of it; got {self._words}.")


def _align(element: Any) -> int:
    if isinstance(element, ir.IntType):
        return max(int(element.width) // 8, 1)
    return 4 if isinstance(element, ir.FloatType) else 8


class Variable:
    """A number that loops can change; LLVM turns it into a register of this name."""

    def __init__(self, code: "Writer", initial: Value, name: str = "") -> None:
        self._code = code
        self._type, self._kind = initial.type, initial.kind
        with code.builder.goto_entry_block():
            self.place = code.builder.alloca(self._type, name=name)
        self.set(initial)

    def get(self) -> Value:
        """Return the number of the moment."""
        loaded = self._code.builder.load(self.place, typ=self._type)
        return Value(self._code, loaded, self._kind)

    def set(self, value: Any) -> None:
        """Let another number of the same kind take its place."""
        value = self._code.value(value, self._type)
        self._code.must_fit(value, self._kind or self._type, "a variable")
        self._code.builder.store(value.ir, self.place)


class Writer:
    """Arithmetic that is more than an operator, on values of one function."""

    builder: Any
    module: Any
    element: Any  # the type of `NUMBERS`; None where no precision is given

    def value(self, number: Any, type_: Any = whole) -> Value:
        """Return a value as it is, or a Python number as a constant of a type."""
        if isinstance(number, Value):
            return number
        element = _element(type_)
        number = float(number) if isinstance(element, _FLOATS) else int(number)
        if isinstance(type_, ir.VectorType):
            return Value(self, ir.Constant(type_, [ir.Constant(element, number)] * type_.count))
        return Value(self, ir.Constant(type_, number))

    def alike(self, one: Any, two: Any) -> tuple[Value, Value]:
        """Return both operands as values of one type: constants and scalars follow vectors."""
        if not isinstance(one, Value):
            one = self.value(one, two.type)
        if not isinstance(two, Value):
            two = self.value(two, one.type)
        if isinstance(one.type, ir.VectorType) and not isinstance(two.type, ir.VectorType):
            two = self.spread(two, one.type.count)
        elif isinstance(two.type, ir.VectorType) and not isinstance(one.type, ir.VectorType):
            one = self.spread(one, two.type.count)
        return one, two

    def spread(self, scalar: Value, lanes: int) -> Value:
        """Return a vector with the same number in every lane."""
        type_ = ir.VectorType(scalar.type, lanes)
        empty = ir.Constant(type_, ir.Undefined)
        first = self.builder.insert_element(empty, scalar.ir, ir.Constant(ir.IntType(32), 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), lanes), None)
        return Value(self, self.builder.shuffle_vector(first, empty, zeros))

    def insert(self, vector: Value, scalar: Value, lane: int) -> Value:
        index = ir.Constant(ir.IntType(32), lane)
        return Value(self, self.builder.insert_element(vector.ir, scalar.ir, index))

    def extract(self, vector: Value, lane: int) -> Value:
        index = ir.Constant(ir.IntType(32), lane)
        return Value(self, self.builder.extract_element(vector.ir, index))

    def shuffle(self, one: Value, two: Value, lanes: Sequence[int]) -> Value:
        mask = ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), list(lanes))
        return Value(self, self.builder.shuffle_vector(one.ir, two.ir, mask))

    def where(self, condition: Value, yes: Any, no: Any) -> Value:
        """Return ``yes`` where the condition holds, else ``no``."""
        yes, no = self.alike(yes, no)
        kind = no.kind if yes.kind == Address(None) else yes.kind
        self.must_fit(no, kind or no.type, "the other choice")
        count = getattr(condition.type, "count", None)
        if count and not isinstance(yes.type, ir.VectorType):
            yes, no = self.spread(yes, count), self.spread(no, count)
        return Value(self, self.builder.select(condition.ir, yes.ir, no.ir), kind)

    def null(self) -> Value:
        """Return the address of nothing."""
        return Value(self, ir.Constant(pointer, None), Address(None))

    def must_fit(self, value: Value, kind: Any, name: str) -> None:
        """Refuse a value of another kind than a parameter, a field or a variable has.

        Raises
        ------
        KindError
            If it does not fit.
        """
        if not fits(value.kind or value.type, kind):
            raise KindError(
                f"{name} must be of the kind {named(kind)}; got {named(value.kind or value.type)}. "
                "Check the order and the types of what is given."
            )

    def least(self, one: Any, two: Any) -> Value:
        """Return the smaller integer."""
        one, two = self.alike(one, two)
        return self.where(one < two, one, two)

    def intrinsic(self, name: str, *values: Value) -> Value:
        """Call an LLVM intrinsic that is overloaded on the type of its first argument."""
        type_ = values[0].type
        element = _element(type_)
        suffix = {ir.FloatType: "f32", ir.DoubleType: "f64"}.get(type(element))
        suffix = suffix or f"i{element.width}"
        if isinstance(type_, ir.VectorType):
            suffix = f"v{type_.count}{suffix}"
        known = self.declared(f"llvm.{name}.{suffix}", [value.type for value in values], type_)
        return Value(self, self.builder.call(known, [value.ir for value in values]))

    def declared(self, name: str, arguments: Sequence[Any], result: Any = None) -> Any:
        """Return a function that is not of this module, such as an LLVM intrinsic."""
        known = self.module.globals.get(name)
        if known is None:
            signature = ir.FunctionType(result or ir.VoidType(), list(arguments))
            known = ir.Function(self.module, signature, name)
        return known

    def fused(self, one: Value, two: Any, three: Any) -> Value:
        """Return one * two + three, rounded once where the processor can."""
        one, two = self.alike(one, two)
        one, three = self.alike(one, three)
        return self.intrinsic("fmuladd", one, two, three)

    def cast(self, value: Value, type_: Any) -> Value:
        """Convert a number to a float type (from float or signed integer), or float to integer."""
        if value.type == type_:
            return value
        builder, source, to = self.builder, _element(value.type), _element(type_)
        if isinstance(to, _FLOATS):
            if isinstance(source, ir.IntType):
                return Value(self, builder.sitofp(value.ir, type_))
            wider = isinstance(to, ir.DoubleType)
            return Value(self, (builder.fpext if wider else builder.fptrunc)(value.ir, type_))
        if isinstance(source, _FLOATS):
            return Value(self, builder.fptosi(value.ir, type_))
        grow = builder.sext if to.width > source.width else builder.trunc
        return Value(self, grow(value.ir, type_))
