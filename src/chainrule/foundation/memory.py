"""The memory of the machine, asked before a network is built that cannot fit into it."""

import os

__all__ = ["check_memory", "check_table", "physical_bytes"]


def physical_bytes() -> int | None:
    """Return the memory of the machine, or None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not on Windows
        return None


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


def _refuse_more_than_all(needed: int, what: str, advice: str) -> None:
    present = physical_bytes()
    if present is not None and needed > present:
        raise MemoryError(f"{what}, and this machine has {present / 1e9:.1f} GB. {advice}")
