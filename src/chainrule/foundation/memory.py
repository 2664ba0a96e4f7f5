"""Check the memory of the machine before building a network that cannot fit."""

import os
from contextlib import suppress
from pathlib import Path

__all__ = [
    "address_limit",
    "check_file",
    "check_memory",
    "check_table",
    "limit_bytes",
    "memory_words",
    "physical_bytes",
]

GROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
# A table takes at least half of its text: numbers of sixteen digits become eight bytes.
SHARE_OF_TEXT = 0.5


def physical_bytes() -> int | None:
    """Return the memory of the machine, or None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not on Windows
        return None


def address_limit() -> int | None:
    """Return the limit that ``ulimit -v`` has set, or None where there is none."""
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if soft == resource.RLIM_INFINITY else soft


def limit_bytes() -> int | None:
    """Return the memory that this process may have, or None where only the machine limits it.

    The limit is that of ``ulimit -v``, or of the container.
    """
    address = address_limit()
    limits = [] if address is None else [address]
    for path in GROUP_LIMITS:
        with suppress(OSError, ValueError):
            limits.append(int(path.read_text()))
    present = physical_bytes()
    least = min(limits, default=None)
    return None if least is None or (present is not None and least >= present) else least


def memory_words() -> str:
    """Say how much memory there is, as the end of a sentence."""
    limit, present = limit_bytes(), physical_bytes()
    if limit is not None:
        return f"this process may have {limit / 1e9:.1f} GB"
    return (
        "the machine has no more" if present is None else f"this machine has {present / 1e9:.1f} GB"
    )


def check_memory(n_parameters: int, copies: int, itemsize: int) -> None:
    """Refuse parameters that cannot be trained in the memory of this machine.

    Parameters
    ----------
    n_parameters, copies : int
        Length of the vector of parameters, and how many vectors of it training holds.
    itemsize : int
        Bytes of a number.

    Raises
    ------
    MemoryError
        At once, instead of after minutes or by the end of the process.

    Examples
    --------
    >>> check_memory(10**15, copies=10, itemsize=8)
    Traceback (most recent call last):
    ...
    MemoryError: 1,000,000,000,000,000 parameters need 80000000.0 GB to be trained (10 vectors ...
    """
    needed = n_parameters * copies * itemsize
    trained = f"to be trained ({copies} vectors of them)"
    _refuse_more_than_all(
        needed,
        f"{n_parameters:,} parameters need {needed / 1e9:.1f} GB {trained}",
        "Take smaller layers.",
    )


def check_table(rows: int, columns: int, itemsize: int) -> None:
    """Refuse a table of numbers that the memory of this machine cannot hold.

    Parameters
    ----------
    rows, columns : int
        Its shape.
    itemsize : int
        Bytes of a number.

    Raises
    ------
    MemoryError
        At once: systems promise more memory than they have, and end the process that uses it.

    Examples
    --------
    >>> check_table(10**9, 10**6, itemsize=4)
    Traceback (most recent call last):
    ...
    MemoryError: 1,000,000,000 rows of 1,000,000 numbers need 4000000.0 GB, and this machine has ...
    """
    needed = rows * columns * itemsize
    _refuse_more_than_all(
        needed,
        f"{rows:,} rows of {columns:,} numbers need {needed / 1e9:.1f} GB",
        "Take fewer rows, or leave out columns, first those of many categories.",
    )


def check_file(name: str, size: int) -> None:
    """Refuse a text file whose table memory cannot hold.

    Parameters
    ----------
    name : str
        What the file is called.
    size : int
        Bytes of its text.

    Raises
    ------
    MemoryError
        At once, instead of by the end of the process.

    Examples
    --------
    >>> check_file("big.csv", 10**15)
    Traceback (most recent call last):
    ...
    MemoryError: big.csv of 1000000.0 GB needs 500000.0 GB or more, and this machine has ...
    """
    needed = int(size * SHARE_OF_TEXT)
    _refuse_more_than_all(
        needed,
        f"{name} of {size / 1e9:.1f} GB needs {needed / 1e9:.1f} GB or more",
        "Save fewer rows or columns of it.",
    )


def _refuse_more_than_all(needed: int, what: str, advice: str) -> None:
    most = [one for one in (limit_bytes(), physical_bytes()) if one is not None]
    if most and needed > min(most):
        raise MemoryError(f"{what}, and {memory_words()}. {advice}")
