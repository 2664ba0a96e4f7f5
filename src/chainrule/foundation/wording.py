"""Words for counts, lists of names, and names of columns that are not there."""

from collections.abc import Iterable, Sequence

from chainrule.foundation.errors import InputError, must_be, suggest

__all__ = ["counted", "listed", "unknown_column"]


def counted(number: int, thing: str) -> str:
    """Return ``1 cell`` or ``2 cells``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def listed(names: Sequence[str], most: int = 12) -> str:
    """Return names separated by commas, the first ones only where there are many.

    Examples
    --------
    >>> listed(["a", "b"]), listed(["a", "b", "c", "d"], most=2)
    ('a, b', 'a, b and 2 more')
    """
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def unknown_column(
    argument: str, name: str, columns: Iterable[str], place: str = "the table"
) -> InputError:
    """Return the error of an argument that names no column.

    Examples
    --------
    >>> print(unknown_column("y", "rnet", ["area", "rent"]))
    y must be a column of the table; got 'rnet'. Did you mean 'rent'? Columns: area, rent.
    """
    names = list(columns)
    advice = f"{suggest(str(name), names)} Columns: {listed(names)}.".strip()
    return must_be(argument, f"a column of {place}", name, advice)
