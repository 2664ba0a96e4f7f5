"""The dialect of a text file: what flags give, and what the reader must find."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from chainrule.foundation.errors import must_be

__all__ = ["AS_FOUND", "Reading"]

SPELLED = {"comma": ",", "semicolon": ";", "tab": "\t", r"\t": "\t", "bar": "|", "space": " "}


@dataclass(frozen=True)
class Reading:
    """The dialect of a text file, as far as the user gives it.

    Attributes
    ----------
    separator : str, optional
        One letter, or comma, semicolon, tab, bar, space.
    decimal : str, optional
        ``"."`` or ``","``.
    encoding : str, optional
        A name that Python knows.
    header : bool, optional
        Whether the first line holds the names of the columns.
    skip_rows : int, optional
        Lines above the header, or above the first row.
    null : str, optional
        One more word that stands for a missing cell.
    skip_footer : int, optional
        Lines below the table, not counting blank ones; 0 keeps all.

    Examples
    --------
    >>> Reading(separator="tab").separator
    '\\t'
    >>> Reading(decimal=";")
    Traceback (most recent call last):
    chainrule.foundation.errors.InputError: --decimal must be . or ,; got ';'.
    """

    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    header: bool | None = None
    skip_rows: int | None = None
    null: str | None = None
    skip_footer: int | None = None

    def __post_init__(self) -> None:
        if self.separator is not None:
            mark = SPELLED.get(self.separator, self.separator)
            if len(mark) != 1 or mark in '\r\n"':
                rule = f"one letter, or one of {', '.join(SPELLED)}"
                raise must_be("--separator", rule, self.separator)
            object.__setattr__(self, "separator", mark)
        if self.decimal not in (None, ".", ","):
            raise must_be("--decimal", ". or ,", self.decimal)
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding)
            except LookupError:
                advice = "Try utf-8, utf-16, latin-1 or cp1252."
                raise must_be(
                    "--encoding", "an encoding that Python knows", self.encoding, advice
                ) from None
        for flag, lines in (("--skip-rows", self.skip_rows), ("--skip-footer", self.skip_footer)):
            if lines is not None and lines < 0:
                raise must_be(flag, "0 or more", lines)


AS_FOUND = Reading()
