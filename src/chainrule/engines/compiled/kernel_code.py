"""The kernels in memory, one set per processor and precision."""

import ctypes
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from chainrule.engines.compiled.kinds import EntryPoint, Signature
from chainrule.engines.compiled.machine_code import MachineCode, ModuleSource, load
from chainrule.engines.compiled.parts import TABLE, parts_at
from chainrule.engines.compiled.rounding import Rounding
from chainrule.engines.compiled.tables import BUILTIN, ENTRY
from chainrule.engines.compiled.target import Target
from chainrule.engines.compiled.threads import (
    PYTHON_FUNCTIONS,
    Kernel,
    builtin_at,
    give_way,
)
from chainrule.foundation.undisturbed import undisturbed

__all__ = ["Kernels"]


class Kernels:
    """Entry points of the kernels, for calls from Python and from machine code."""

    def __init__(self, code: MachineCode) -> None:
        self._code = code
        self._functions: dict[str, Kernel] = {}
        self.give_way = give_way()

    @classmethod
    def of(
        cls,
        target: Target,
        itemsize: int,
        timed: bool = False,
        rounding: Rounding | None = None,
    ) -> "Kernels":
        """Return the kernels for one processor and size of numbers.

        Timed ones have a clock; those with a rounding train with products in bfloat16.
        """
        return _kernels(target, itemsize, timed, rounding)

    def entry(self, name: str, signature: Signature) -> EntryPoint:
        """Return a function of the kernels."""
        return self._code.entry(name, signature)

    def function(self, name: str) -> Kernel:
        """Return a kernel as a function of Python: of the address of a job, and a thread."""
        if name not in self._functions:
            self._functions[name] = self.entry(name, ENTRY).function()
        return self._functions[name]

    def builtin(self, name: str, job: int) -> Callable[[], Any]:
        """Return a function of Python that runs an entry point on one job, for short work."""
        return builtin_at(self.entry(name, BUILTIN), job)

    def parts(self) -> np.ndarray:
        """Return the table of the clock of timed kernels, as it lies in their memory."""
        return parts_at(self._code.global_address(TABLE))


@lru_cache(maxsize=16)
def _kernels(target: Target, itemsize: int, timed: bool, rounding: Rounding | None) -> Kernels:
    def build() -> object:
        from chainrule.engines.compiled.kernels import kernel_module

        return kernel_module(target, itemsize, timed, rounding)

    for name in PYTHON_FUNCTIONS:
        address = ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value
        undisturbed(partial(llvm.add_symbol, name, address))
    kind = "timed kernels" if timed else "kernels"
    kind = f"{kind} with rounding in {rounding.value}" if rounding else kind
    title = f"{kind} float{8 * itemsize}"
    return Kernels(load(ModuleSource(target, title, f"{kind} {itemsize}", build)))
