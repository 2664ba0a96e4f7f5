"""Flush-to-zero around kernels: subnormal numbers count as 0; the state of the caller is restored.

Arithmetic on numbers below 1.2e-38 (float32) or 2.2e-308 (float64) takes x86 processors some
hundred cycles. Penalties and dead units drive many weights there: adult with three layers of 256
ReLU units, L2 and 44 epochs took seven times as long. Both bits are kept per thread, so every
entry point sets them for itself: flush-to-zero for results, denormals-are-zero for operands.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chainrule.engines.compiled.kinds import Signature, pointer, small, whole
from chainrule.engines.compiled.values import Value, Variable
from chainrule.engines.compiled.writing import Code, Function, function

__all__ = ["enclose", "entry"]

# MXCSR of x86: flush-to-zero is bit 15, denormals-are-zero bit 6.
_X86_BITS = 0x8040
# FPCR of 64-bit ARM: FZ, bit 24, does both.
_ARM_BITS = 1 << 24


def entry(module: Any, name: str, signature: Signature) -> Code:
    """Begin a function that other code calls from outside, and that runs with flush-to-zero."""
    code = function(module, f"{name}_body", signature)
    enclose(module, name, code.function)
    return code


def enclose(module: Any, name: str, body: Function) -> None:
    """Write the entry point of a function: it runs with flush-to-zero and restores the state.

    The body is never inlined, so that no arithmetic moves out of the reach of the two bits.
    """
    body.ir.attributes.add("noinline")
    code = function(module, name, body.signature, inner=False)
    names = tuple(body.signature.parameters)
    with _flushing(code):
        code.call(body, **dict(zip(names, code.arguments(*names), strict=True)))
    code.end()


@contextmanager
def _flushing(code: Code) -> Iterator[None]:
    family = code.module.target.family
    if family == "x86":
        state, changed = (
            Variable(code, code.value(0, small), name) for name in ("state", "changed")
        )
        store = code.declared("llvm.x86.sse.stmxcsr", [pointer])
        load = code.declared("llvm.x86.sse.ldmxcsr", [pointer])
        code.builder.call(store, [state.place])
        changed.set(state.get() | code.value(_X86_BITS, small))
        code.builder.call(load, [changed.place])
        yield
        code.builder.call(load, [state.place])
    elif family == "arm":
        read = code.declared("llvm.aarch64.get.fpcr", [], whole)
        write = code.declared("llvm.aarch64.set.fpcr", [whole])
        before = Value(code, code.builder.call(read, []))
        code.builder.call(write, [(before | _ARM_BITS).ir])
        yield
        code.builder.call(write, [before.ir])
    else:
        yield
