"""The flags of commands that take settings: one per field."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import Field, fields
from typing import Annotated, Any, TypeAlias, get_type_hints

import typer

from chainrule.app.flags import flag_of, spelled
from chainrule.app.settings import Settings

__all__ = ["with_flags"]

Command: TypeAlias = Callable[..., None]


def with_flags(*names: str) -> Callable[[Command], Command]:
    """Return what gives a command flags of settings in place of its argument ``settings``.

    ``names`` are the settings; all of them where none is named.
    """
    chosen = [one for one in fields(Settings) if not names or one.name in names]
    return functools.partial(_with_flags, chosen)


def _with_flags(chosen: list[Field[Any]], command: Command) -> Command:
    @functools.wraps(command)
    def flagged(**given: Any) -> None:
        own = {one.name: given.pop(one.name) for one in chosen}
        command(**given, settings=Settings(**own))

    types = get_type_hints(Settings)
    flags = []
    for setting in chosen:
        known = flag_of(setting)
        switch = f"/--no-{setting.name.replace('_', '-')}" if types[setting.name] is bool else ""
        option = typer.Option(
            spelled(setting.name) + switch,
            *known.also,
            metavar=known.metavar,
            help=known.help,
            rich_help_panel=known.panel,
        )
        flags.append(
            inspect.Parameter(
                setting.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=setting.default,
                annotation=Annotated[types[setting.name], option],
            )
        )
    own = inspect.signature(command, eval_str=True).parameters.values()
    place = [one.name for one in own].index("settings")
    named = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
    parameters = [*named[:place], *flags, *named[place + 1 :]]
    flagged.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    flagged.__annotations__ = {one.name: one.annotation for one in parameters}
    return flagged
