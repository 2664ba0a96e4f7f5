"""Functions that are being written: calls, and loops and choices as `with` blocks."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from chainrule.engines.compiled.kinds import (
    Address,
    Entry,
    KindError,
    Signature,
    ir_type,
    named,
    pointer,
    signature_of,
    small,
    whole,
)
from chainrule.engines.compiled.target import Target
from chainrule.engines.compiled.values import Value, Variable, Writer, float_type

__all__ = ["Code", "Function", "Module", "function"]


class Module(ir.Module):  # type: ignore[misc]
    """A module for one processor and one precision.

    Attributes
    ----------
    target : Target
        The processor.
    itemsize, element, lanes, vector
        Bytes of a number, its LLVM type, how many a vector holds, and the type of the vector.
    """

    def __init__(self, name: str, target: Target, itemsize: int) -> None:
        super().__init__(name)
        self.target = target
        self.itemsize = itemsize
        self.element = float_type(itemsize)
        self.lanes = target.lanes(itemsize)
        self.vector = ir.VectorType(self.element, self.lanes)


@dataclass(frozen=True)
class Function:
    """A function that is written, and how it is called."""

    ir: Any
    signature: Signature


class Code(Writer):
    """A function that is being written."""

    def __init__(self, module: Any, name: str, signature: Signature, inner: bool) -> None:
        made = ir.Function(module, signature.ir(), name)
        made.attributes.add("nounwind")
        if inner:
            made.linkage = "internal"
        self.function = Function(made, signature)
        self.module = module
        self.element = getattr(module, "element", None)
        entry = made.append_basic_block("entry")
        body = made.append_basic_block("body")
        self.builder = ir.IRBuilder(entry)
        self.builder.branch(body)
        self.builder.position_at_end(body)
        for argument, parameter in zip(made.args, signature.parameters, strict=True):
            argument.name = parameter

    def arguments(self, *names: str) -> list[Value]:
        """Return the values of the parameters, which are named again in the order they are taken.

        Raises
        ------
        KindError
            If these are not the parameters of the signature.
        """
        signature = self.function.signature
        if names != tuple(signature.parameters):
            raise KindError(
                f"the arguments of {self.function.ir.name} must be taken as ({signature}); got "
                f"{', '.join(names)}. Name them in the order of the signature."
            )
        kinds = signature.parameters.values()
        return [
            Value(self, argument, kind if isinstance(kind, Address | Entry) else None)
            for argument, kind in zip(self.function.ir.args, kinds, strict=True)
        ]

    def call(self, callee: Function, /, **arguments: Any) -> Value:
        """Call a function of this module.

        Raises
        ------
        KindError
            If the arguments are not those of its signature.
        """
        values = self._checked(callee.ir.name, callee.signature, arguments)
        result = callee.signature.result
        kind = result if isinstance(result, Address | Entry) else None
        return Value(self, self.builder.call(callee.ir, values), kind)

    def call_entry(self, entry: Value, /, **arguments: Any) -> None:
        """Call a function without a result, through its address.

        Raises
        ------
        KindError
            If the value is no `Entry`, or the arguments are not those of its signature.
        """
        if not isinstance(entry.kind, Entry):
            raise KindError(f"only an entry can be called; got {named(entry.kind or entry.type)}.")
        signature = entry.kind.signature
        values = self._checked(f"the entry {entry.ir.name}", signature, arguments)
        target = self.builder.inttoptr(entry.ir, signature.ir().as_pointer())
        self.builder.call(target, values)

    def _checked(self, name: str, signature: Signature, arguments: dict[str, Any]) -> list[Any]:
        values = []
        for parameter, kind, argument in signature.ordered(name, arguments):
            if isinstance(argument, float) and not isinstance(kind, ir.FloatType | ir.DoubleType):
                raise KindError(f"{parameter} of {name} must be {named(kind)}; got {argument!r}.")
            value = self.value(argument, ir_type(kind))
            self.must_fit(value, kind, f"{parameter} of {name}")
            values.append(value.ir)
        return values

    def ask_for(self, place: Value) -> None:
        """Bring what lies at an address near the core, without waiting for it."""
        known = self.declared("llvm.prefetch.p0", [pointer, small, small, small])
        kind = [ir.Constant(small, number) for number in (0, 3, 1)]  # read, keep, data
        self.builder.call(known, [place.ir, *kind])

    def cases(self, number: Value, values: Iterable[int]) -> Iterator[int]:
        """Give one value after the other; what is written meanwhile is done for that number.

        Nothing is done for a number that is none of them.
        """
        end = self.function.ir.append_basic_block("cases_end")
        choice = self.builder.switch(number.ir, end)
        for value in values:
            block = self.function.ir.append_basic_block(f"case_{value}")
            choice.add_case(ir.Constant(whole, value), block)
            self.builder.position_at_end(block)
            yield value
            self.builder.branch(end)
        self.builder.position_at_end(end)

    @contextmanager
    def loop(self, start: Any, stop: Any, step: Any = 1, name: str = "i") -> Iterator[Value]:
        """Count from ``start`` up to ``stop``, as `range` does; the counter has a name."""
        start, stop, step = self.value(start), self.value(stop), self.value(step)
        counter = Variable(self, start, name)
        head = self.function.ir.append_basic_block(f"{name}.loop")
        body = self.function.ir.append_basic_block(f"{name}.do")
        end = self.function.ir.append_basic_block(f"{name}.done")
        self.builder.branch(head)
        self.builder.position_at_end(head)
        self.builder.cbranch((counter.get() < stop).ir, body, end)
        self.builder.position_at_end(body)
        index = counter.get().named(name)
        yield index
        if not self.builder.block.is_terminated:
            counter.set(index + step)
            self.builder.branch(head)
        self.builder.position_at_end(end)

    @contextmanager
    def forever(self) -> Iterator[Any]:
        """Repeat until the block that is yielded is branched to."""
        body = self.function.ir.append_basic_block("forever")
        end = self.function.ir.append_basic_block("out")
        self.builder.branch(body)
        self.builder.position_at_end(body)
        yield end
        if not self.builder.block.is_terminated:
            self.builder.branch(body)
        self.builder.position_at_end(end)

    def leave_if(self, condition: Value, end: Any) -> None:
        """Leave a `forever` where the condition holds."""
        further = self.function.ir.append_basic_block("further")
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


def function(module: Any, name: str, signature: Signature, inner: bool = True) -> Code:
    """Begin a function of a module; ``inner`` ones are seen by this module only.

    Beside one that others see lies the text of its signature, for those who load it.
    """
    if not inner:
        text = bytearray(repr(signature).encode() + b"\0")
        kind = ir.ArrayType(ir.IntType(8), len(text))
        known = ir.GlobalVariable(module, kind, signature_of(name))
        known.global_constant, known.initializer = True, ir.Constant(kind, text)
    return Code(module, name, signature, inner)
