"""Flags in place of records: a command takes settings, and its flags are one per field."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Annotated, Any, TypeAlias, get_type_hints

import typer

from chainrule.app.flags import flag_of, spelled
from chainrule.app.option_types import (
    AsCategory,
    AsDate,
    AsNumber,
    DateFormat,
    Decimal,
    Drop,
    Encoding,
    Header,
    KeepOnly,
    Null,
    Separator,
    SkipFooter,
    SkipRows,
)
from chainrule.app.settings import Settings
from chainrule.foundation.errors import must_be

__all__ = ["choices_of", "reading_of", "settings_of", "with_flags"]

Command: TypeAlias = Callable[..., None]


def with_flags(**makers: Callable[..., Any]) -> Callable[[Command], Command]:
    """Return what gives a command flags in place of some of its arguments.

    Each argument is named with the function that makes it; the flags are the parameters of that
    function.
    """
    return functools.partial(_with_flags, makers)


def _with_flags(makers: dict[str, Callable[..., Any]], command: Command) -> Command:
    flags = {
        name: inspect.signature(make, eval_str=True).parameters for name, make in makers.items()
    }

    @functools.wraps(command)
    def flagged(**given: Any) -> None:
        for name, make in makers.items():
            given[name] = make(**{flag: given.pop(flag) for flag in flags[name]})
        command(**given)

    parameters: list[inspect.Parameter] = []
    for own in inspect.signature(command, eval_str=True).parameters.values():
        parameters += flags[own.name].values() if own.name in flags else [own]
    parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters]
    flagged.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    flagged.__annotations__ = {one.name: one.annotation for one in parameters}
    return flagged


def settings_of(*names: str) -> Callable[..., Settings]:
    """Return what makes settings of flags: of those that are named, or of all where none is."""

    def make(**flags: Any) -> Settings:
        return Settings(**flags)

    types = get_type_hints(Settings)
    parameters: list[inspect.Parameter] = []
    for setting in fields(Settings):
        if names and setting.name not in names:
            continue
        known = flag_of(setting)
        switch = f"/--no-{setting.name.replace('_', '-')}" if types[setting.name] is bool else ""
        option = typer.Option(
            spelled(setting.name) + switch,
            *known.also,
            metavar=known.metavar,
            help=known.help,
            rich_help_panel=known.panel,
        )
        parameters.append(
            inspect.Parameter(
                setting.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=setting.default,
                annotation=Annotated[types[setting.name], option],
            )
        )
    make.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return make


def reading_of(
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    header: Header = None,
    skip_rows: SkipRows = None,
    null: Null = None,
    skip_footer: SkipFooter = None,
) -> Any:
    """Return the `Reading` of flags."""
    from chainrule.app.reading import Reading

    return Reading(separator, decimal, encoding, header, skip_rows, null, skip_footer)


def choices_of(
    drop: Drop = None,
    keep_only: KeepOnly = None,
    category: AsCategory = None,
    number: AsNumber = None,
    date: AsDate = None,
    date_format: DateFormat = None,
) -> Any:
    """Return the `Choices` of flags."""
    from chainrule.interop.choosing import Choices

    formats = []
    for text in date_format or ():
        name, mark, how = text.rpartition("=")
        if not mark or "%" not in how:
            raise must_be("--date-format", "COLUMN=FORMAT, as in 'day=%d/%m/%Y'", text)
        formats.append((name, how))
    return Choices(
        drop=tuple(drop or ()),
        keep_only=tuple(keep_only or ()),
        category=tuple(category or ()),
        number=tuple(number or ()),
        date=tuple(date or ()),
        date_formats=tuple(formats),
    )
