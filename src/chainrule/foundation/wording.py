"""Words for counts and lists of names."""

from collections.abc import Sequence

__all__ = ["counted", "listed"]


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
