"""The commands for what fit wrote: show, diff, export and warm."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chainrule.app.commands import app
from chainrule.app.option_types import Force, Interval, Json, Quantile
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


@app.command()
def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="What fit wrote.")],
    to: Annotated[str, typer.Option("--to", metavar="LANGUAGE", help="onnx or c.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="The file to write; the name of the model with .onnx or .c, in this folder, if "
            "left out. The header of C is written beside it.",
        ),
    ] = None,
    name: Annotated[
        str,
        typer.Option(metavar="NAME", help="What all names of a file of C begin with."),
    ] = "model",
    interval: Interval = None,
    quantile: Quantile = None,
    force: Force = False,
) -> None:
    """Write a model as a program of another language: an ONNX graph, or C99 without dependencies.

    It takes raw columns, and answers with labels and probabilities, or numbers; with intervals and
    quantiles where they are asked for.
    """
    from chainrule.app.export import export as run

    run(
        model,
        to,
        out=out,
        name=name,
        interval=interval,
        quantiles=quantile,
        force=force,
        report=Report(),
    )


@app.command()
def warm(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL ...]", help="What fit wrote; every formula if left out."),
    ] = None,
) -> None:
    """Make the machine code of models ahead, as when an image is built.

    It is kept in the folder that CHAINRULE_CACHE_DIR names.
    """
    from chainrule.app.warm import warm as run

    run(models or (), Report())
