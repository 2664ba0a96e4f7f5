"""A flag of a command for each setting, made from the settings themselves."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Annotated, Any, get_type_hints

import typer

from chainrule.app.flags import flag_of, spelled
from chainrule.app.settings import Settings

__all__ = ["with_flags"]


def with_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with a flag for each setting in place of its argument ``settings``."""

    @functools.wraps(command)
    def flagged(**given: Any) -> None:
        own = {one.name: given.pop(one.name) for one in fields(Settings)}
        command(**given, settings=Settings(**own))

    types = get_type_hints(Settings)
    flags = []
    for setting in fields(Settings):
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
