"""The second-level cache of a core, as the system or the user tells its size."""

import ctypes
import os
import sys
from functools import lru_cache
from pathlib import Path

__all__ = ["second_level_bytes"]

VARIABLE = "CHAINRULE_L2_KB"
_SYSTEM = Path("/sys/devices/system/cpu")


def second_level_bytes() -> int:
    """Return the size of the second-level cache of a core; 0 where nobody tells it.

    A positive whole number in CHAINRULE_L2_KB goes before what the system says.
    """
    asked = os.environ.get(VARIABLE, "")
    if asked.isascii() and asked.isdigit() and int(asked) > 0:
        return int(asked) << 10
    return _of_system()


@lru_cache(maxsize=1)
def _of_system() -> int:
    try:
        return _of_macos() if sys.platform == "darwin" else _of_linux(_SYSTEM, _first_core())
    except (OSError, ValueError, AttributeError):
        return 0


def _first_core() -> int:
    """Return the number of a core that this process may use."""
    return min(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0


def _of_linux(folder: Path, core: int) -> int:
    """Return the size in the files of a core, of which a virtual machine may have none."""
    for index in sorted((folder / f"cpu{core}/cache").glob("index*")):
        if (index / "level").read_text().strip() == "2":
            size = (index / "size").read_text().strip().lower()
            unit = {"k": 1 << 10, "m": 1 << 20}.get(size[-1:])
            return int(size[:-1]) * unit if unit else int(size)
    return 0


def _of_macos() -> int:
    """Return the size for the fast cores, of all cores that share it together."""
    number, size = ctypes.c_uint64(0), ctypes.c_size_t(8)
    ask = ctypes.CDLL(None).sysctlbyname
    for name in (b"hw.perflevel0.l2cachesize", b"hw.l2cachesize"):
        if ask(name, ctypes.byref(number), ctypes.byref(size), None, ctypes.c_size_t(0)) == 0:
            return number.value
    return 0
