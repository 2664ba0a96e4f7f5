"""The kernels in memory, one set per processor and precision."""

import ctypes
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from chainrule.engines.compiled.machine_code import MachineCode, ModuleSource, load
from chainrule.engines.compiled.parts import TABLE, parts_at
from chainrule.engines.compiled.target import Target
from chainrule.engines.compiled.threads import (
    PYTHON_FUNCTIONS,
    Kernel,
    builtin_at,
    give_way_address,
    kernel_at,
)
from chainrule.engines.compiled.undisturbed import undisturbed

__all__ = ["Kernels"]


class Kernels:
    """Entry points of the kernels, as functions and as addresses."""

    def __init__(self, code: MachineCode) -> None:
        self._code = code
        self._addresses: dict[str, int] = {}
        self._functions: dict[str, Kernel] = {}
        self.give_way = give_way_address()

    @classmethod
    def of(cls, target: Target, itemsize: int, timed: bool = False) -> "Kernels":
        """Return the kernels for one processor and size of numbers; timed ones have a clock."""
        return _kernels(target, itemsize, timed)

    def address(self, name: str) -> int:
        """Return where a function begins."""
        if name not in self._addresses:
            self._addresses[name] = self._code.address(name)
        return self._addresses[name]

    def function(self, name: str) -> Kernel:
        """Return an entry point (job, thread)."""
        if name not in self._functions:
            self._functions[name] = kernel_at(self.address(name))
        return self._functions[name]

    def builtin(self, name: str, job: int) -> Callable[[], Any]:
        """Return a function of Python that runs an entry point on one job, for short work."""
        return builtin_at(self.address(name), job)

    def parts(self) -> np.ndarray:
        """Return the table of the clock of timed kernels, as it lies in their memory."""
        return parts_at(self._code.global_address(TABLE))


@lru_cache(maxsize=16)
def _kernels(target: Target, itemsize: int, timed: bool) -> Kernels:
    def build() -> object:
        from chainrule.engines.compiled.kernels import kernel_module

        return kernel_module(target, itemsize, timed)

    for name in PYTHON_FUNCTIONS:
        address = ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value
        undisturbed(partial(llvm.add_symbol, name, address))
    kind = "timed kernels" if timed else "kernels"
    title = f"{kind} float{8 * itemsize}"
    return Kernels(load(ModuleSource(target, title, f"{kind} {itemsize}", build)))
