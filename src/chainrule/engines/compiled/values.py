"""LLVM values with Python's operators, and loops as `with` blocks: the words of kernels.

A kernel is a Python function that runs once and leaves machine code behind. Its numbers are
`Value`s: pointers, 64-bit integers, floats, vectors of floats, and vectors of their truth values.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

__all__ = [
    "Code",
    "Value",
    "Variable",
    "bits_of",
    "float_type",
    "function",
    "pointer",
    "whole",
    "truth",
]

pointer = ir.PointerType()
whole = ir.IntType(64)
truth = ir.IntType(1)
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
    """A number of the program that is being written."""

    __slots__ = ("code", "ir")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, code: "Code", value: Any) -> None:
        self.code = code
        self.ir = value

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

    def at(self, offset: Any, type_: Any) -> "Value":
        """Return a pointer moved on by so many elements of a type."""
        index = self.code.value(offset)
        return Value(self.code, self.code.builder.gep(self.ir, [index.ir], source_etype=type_))

    def load(self, type_: Any, offset: Any = None, step: Any = None) -> "Value":
        """Read through a pointer, ``offset`` elements (of type ``step`` or its own) further on."""
        place = self if offset is None else self.at(offset, step or _element(type_))
        size = _align(_element(type_))
        return Value(self.code, self.code.builder.load(place.ir, typ=type_, align=size))

    def store(self, value: "Value", offset: Any = None) -> None:
        """Write through a pointer, ``offset`` elements of the value's kind further on."""
        element = _element(value.type)
        place = self if offset is None else self.at(offset, element)
        self.code.builder.store(value.ir, place.ir, align=_align(element))


def _align(element: Any) -> int:
    if isinstance(element, ir.IntType):
        return max(int(element.width) // 8, 1)
    return 4 if isinstance(element, ir.FloatType) else 8


class Variable:
    """A place that loops can change; LLVM turns it into a register."""

    def __init__(self, code: "Code", initial: Value) -> None:
        self._code = code
        self._type = initial.type
        with code.builder.goto_entry_block():
            self.place = code.builder.alloca(self._type)
        self.set(initial)

    def get(self) -> Value:
        return Value(self._code, self._code.builder.load(self.place, typ=self._type))

    def set(self, value: Any) -> None:
        value = self._code.value(value, self._type)
        self._code.builder.store(value.ir, self.place)


class Code:
    """A function that is being written."""

    def __init__(self, function_: Any) -> None:
        self.function = function_
        self.module = function_.module
        entry = function_.append_basic_block("entry")
        body = function_.append_basic_block("body")
        self.builder = ir.IRBuilder(entry)
        self.builder.branch(body)
        self.builder.position_at_end(body)
        self.arguments = [Value(self, argument) for argument in function_.args]

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
        count = getattr(condition.type, "count", None)
        if count and not isinstance(yes.type, ir.VectorType):
            yes, no = self.spread(yes, count), self.spread(no, count)
        return Value(self, self.builder.select(condition.ir, yes.ir, no.ir))

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

    def ask_for(self, place: Value) -> None:
        """Bring what lies at an address near the core, without waiting for it."""
        small = ir.IntType(32)
        known = self.declared("llvm.prefetch.p0", [pointer, small, small, small])
        kind = [ir.Constant(small, number) for number in (0, 3, 1)]  # read, keep, data
        self.builder.call(known, [place.ir, *kind])

    def address(self, number: Value) -> Value:
        """Return an integer as a pointer."""
        return Value(self, self.builder.inttoptr(number.ir, pointer))

    def call(self, callee: Any, *arguments: Any) -> Value:
        """Call a function of this module."""
        values = [
            self.value(argument, type_).ir
            for argument, type_ in zip(arguments, callee.function_type.args, strict=True)
        ]
        return Value(self, self.builder.call(callee, values))

    def cases(self, number: Value, values: Iterable[int]) -> Iterator[int]:
        """Give one value after the other; what is written meanwhile is done for that number.

        Nothing is done for a number that is none of them.
        """
        end = self.function.append_basic_block("cases_end")
        choice = self.builder.switch(number.ir, end)
        for value in values:
            block = self.function.append_basic_block(f"case_{value}")
            choice.add_case(ir.Constant(whole, value), block)
            self.builder.position_at_end(block)
            yield value
            self.builder.branch(end)
        self.builder.position_at_end(end)

    def declared(self, name: str, arguments: Sequence[Any], result: Any = None) -> Any:
        """Return a function that is not of this module, such as an LLVM intrinsic."""
        known = self.module.globals.get(name)
        if known is None:
            signature = ir.FunctionType(result or ir.VoidType(), list(arguments))
            known = ir.Function(self.module, signature, name)
        return known

    def call_address(self, address: Value, *arguments: Any) -> None:
        """Call a function without a result, through its address."""
        values = [self.value(argument) for argument in arguments]
        signature = ir.FunctionType(ir.VoidType(), [value.type for value in values])
        target = self.builder.inttoptr(address.ir, signature.as_pointer())
        self.builder.call(target, [value.ir for value in values])

    @contextmanager
    def loop(self, start: Any, stop: Any, step: Any = 1) -> Iterator[Value]:
        """Count from ``start`` up to ``stop``, as `range` does."""
        start, stop, step = self.value(start), self.value(stop), self.value(step)
        counter = Variable(self, start)
        head = self.function.append_basic_block("loop")
        body = self.function.append_basic_block("do")
        end = self.function.append_basic_block("done")
        self.builder.branch(head)
        self.builder.position_at_end(head)
        self.builder.cbranch((counter.get() < stop).ir, body, end)
        self.builder.position_at_end(body)
        index = counter.get()
        yield index
        if not self.builder.block.is_terminated:
            counter.set(index + step)
            self.builder.branch(head)
        self.builder.position_at_end(end)

    @contextmanager
    def forever(self) -> Iterator[Any]:
        """Repeat until the block that is yielded is branched to."""
        body = self.function.append_basic_block("forever")
        end = self.function.append_basic_block("out")
        self.builder.branch(body)
        self.builder.position_at_end(body)
        yield end
        if not self.builder.block.is_terminated:
            self.builder.branch(body)
        self.builder.position_at_end(end)

    def leave_if(self, condition: Value, end: Any) -> None:
        """Leave a `forever` where the condition holds."""
        further = self.function.append_basic_block("further")
        self.builder.cbranch(condition.ir, end, further)
        self.builder.position_at_end(further)

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """Do something only where a condition holds."""
        with self.builder.if_then(condition.ir):
            yield

    @contextmanager
    def choice(self, condition: Value) -> Iterator[tuple[Any, Any]]:
        """Do one of two things."""
        with self.builder.if_else(condition.ir) as branches:
            yield branches

    def end(self, value: Value | None = None) -> None:
        """Return from the function."""
        if value is None:
            self.builder.ret_void()
        else:
            self.builder.ret(value.ir)


def function(
    module: Any, name: str, arguments: Sequence[Any], result: Any = None, inner: bool = True
) -> Code:
    """Begin a function of a module; ``inner`` ones are seen by this module only."""
    signature = ir.FunctionType(ir.VoidType() if result is None else result, list(arguments))
    made = ir.Function(module, signature, name)
    made.attributes.add("nounwind")
    if inner:
        made.linkage = "internal"
    return Code(made)
