"""The processor that code is made for: name, features, vector width and number of registers."""

import os
import platform
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import llvmlite.binding as llvm

from chainrule.foundation.errors import must_be
from chainrule.foundation.undisturbed import undisturbed

__all__ = ["Target", "host_target"]

WIDTHS = (16, 32, 64)


@dataclass(frozen=True)
class Target:
    """A processor, and the shape of the register tiles that suit it.

    Parameters
    ----------
    cpu, features : str
        As LLVM names them.
    vector_bytes : int
        Width of a vector register.
    registers : int
        How many of them there are.
    triple : str
        LLVM's name of processor and system; empty for this machine's.
    """

    cpu: str
    features: str
    vector_bytes: int
    registers: int
    triple: str = ""

    @property
    def family(self) -> str:
        """``x86``, ``arm`` or ``other``: processors of 64 bits that share instructions."""
        machine = (self.triple.partition("-")[0] or platform.machine()).lower()
        names = {"x86_64": "x86", "amd64": "x86", "aarch64": "arm", "arm64": "arm"}
        return names.get(machine, "other")

    def lanes(self, itemsize: int) -> int:
        """Return the numbers of a size, in bytes, that one vector holds."""
        return self.vector_bytes // itemsize

    @property
    def panel_vectors(self) -> int:
        """Vectors side by side in one tile."""
        return 3 if self.registers >= 32 else 2

    @property
    def speed(self) -> int:
        """About how many times as many products per second as with vectors of 256 bits.

        Measured on two servers, 40 GFLOP/s of a slow one with 256 bits and 266 of one with 512.
        Threads that wait for each other, and calls of kernels, cost the same time on both.
        """
        return 4 if self.vector_bytes == 64 else 1

    def tile_rows(self, vectors: int, itemsize: int) -> int:
        """Return the rows of a tile of so many vectors that fit the registers, operands included.

        Measured on 16 registers of 8 floats: 6 rows of 2 vectors reach 93 % of the peak, 4 of 3
        no more, and their panels of 24 fit fewer layers; 12 rows of 1 vector spill, and 8 hide the
        latency too, in 0.91 of the time. On 32 registers of 16 floats the addresses of 12 rows of
        2 vectors spill, as x86 has 16 integer registers for them, and the tile runs at half speed;
        11 rows of float32 and 10 of float64 do not.
        """
        free = self.registers - vectors - 1
        # vectors of 16 bytes in 32 registers are NEON's, with 31 integer registers
        pairs = 12 if self.vector_bytes == 16 else 11 if itemsize == 4 else 10
        most = {1: 12 if self.registers >= 32 else 8, 2: pairs, 3: 8}
        return min(free // vectors, most[vectors])

    def new_machine(self) -> Any:
        """Return a code generator of LLVM for this processor; to be called undisturbed."""
        if self.triple:
            llvm.initialize_all_targets()
            llvm.initialize_all_asmprinters()
            target = llvm.Target.from_triple(self.triple)
        else:
            llvm.initialize_native_target()
            llvm.initialize_native_asmprinter()
            target = llvm.Target.from_default_triple()
        return target.create_target_machine(
            cpu=self.cpu, features=self.features, opt=3, jit=True, codemodel="jitdefault"
        )


@lru_cache(maxsize=8)
def host_target(vector_bytes: int | None = None) -> Target:
    """Return this processor, with its widest vectors or with those asked for.

    Vectors wider than the processor's are correct and slow; narrower ones show what a smaller
    processor would do. The variable CHAINRULE_VECTOR_BYTES asks for a width from outside.
    """
    cpu, features, triple = undisturbed(_host)
    wide = bool(features.get("avx512f"))
    widest = 64 if wide else 32 if features.get("avx2") and features.get("fma") else 16
    asked = os.environ.get("CHAINRULE_VECTOR_BYTES")
    chosen = vector_bytes or (int(asked) if asked and asked.isdigit() else 0) or widest
    if chosen not in WIDTHS:
        raise must_be("vector_bytes", f"one of {WIDTHS}", chosen)
    many = wide or "aarch64" in triple or "arm64" in triple
    registers = 32 if many or chosen == 64 else 16
    return Target(cpu, features.flatten(), chosen, registers)


def _host() -> tuple[str, Any, str]:
    llvm.initialize_native_target()
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features(), llvm.get_default_triple()
