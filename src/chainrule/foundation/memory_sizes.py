"""Amounts of memory as people write them, and how much of it there is to use."""

import os
import re
from pathlib import Path
from typing import Any

from chainrule.foundation.errors import must_be
from chainrule.foundation.memory import address_limit, limit_bytes, physical_bytes
from chainrule.foundation.real_numbers import is_real

__all__ = ["as_bytes", "usable_bytes"]

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
AMOUNT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?\s*", re.IGNORECASE)
# Where the system does not say how much memory there is.
ASSUMED = 4 * 10**9
# Address space that a fit takes beside its rows: for code, threads and what libraries set aside.
BESIDE_ROWS = 450 * 10**6
# A limit that is nearly reached leaves this, to be tried.
LEAST = 10**7


def as_bytes(amount: Any, name: str = "memory") -> int:
    """Return an amount of memory in bytes.

    Examples
    --------
    >>> as_bytes("500MB"), as_bytes("1.5 GB"), as_bytes(1000)
    (500000000, 1500000000, 1000)
    """
    if isinstance(amount, str) and (found := AMOUNT.fullmatch(amount)):
        amount = float(found[1]) * UNITS[found[2].lower()]
    elif isinstance(amount, str) or not is_real(amount):
        raise must_be(name, "an amount of memory, as '500MB' or '2GB'", amount)
    if not amount >= 1:
        raise must_be(name, "positive", amount, "Write it as '500MB' or '2GB'.")
    return int(amount)


def usable_bytes() -> int:
    """Return the memory that this process can still take: what is free, within its limits."""
    address = address_limit()
    left = None if address is None else max(LEAST, address - _addressed() - BESIDE_ROWS)
    known = [
        one for one in (limit_bytes(), physical_bytes(), _available(), left) if one is not None
    ]
    return min(known, default=ASSUMED)


def _addressed() -> int:
    """Return the address space that the process has taken, which ``ulimit -v`` limits."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _available() -> int | None:
    """Return the memory that is free or could be, as Linux says it."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvail"))
    except (OSError, StopIteration, ValueError, IndexError):
        return None
