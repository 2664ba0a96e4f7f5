"""The commands that describe what fit wrote: show and diff."""

from __future__ import annotations

from typing import Annotated

import typer

from chainrule.app.commands import app
from chainrule.app.option_types import Json
from chainrule.app.report import Report

__all__ = ["app"]


@app.command()
def show(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="What fit wrote.")],
    as_json: Json = False,
) -> None:
    """Show what a model is, how it was trained, on which columns, and with which result."""
    from chainrule.app.show import show as run

    run(model, Report(), as_json)


@app.command()
def diff(
    one: Annotated[str, typer.Argument(metavar="A", help="A model file.")],
    other: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    as_json: Json = False,
) -> None:
    """Tell in what two models differ: options, data, results, and the distance of weights."""
    from chainrule.app.difference import diff as run

    run(one, other, Report(), as_json)
