"""The commands and their options; each calls one function and says nothing of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from chainrule.app.option_types import (
    OUTPUT,
    CheckpointFolder,
    Every,
    FitAll,
    Folds,
    Force,
    Interval,
    Json,
    Keep,
    Memory,
    MissingTarget,
    Quantile,
    Quiet,
    Resume,
    Rows,
    Stream,
    Target,
    Task,
    Threshold,
)
from chainrule.app.record_flags import choices_of, reading_of, settings_of, with_flags
from chainrule.app.report import Report
from chainrule.foundation.version import __version__

__all__ = ["app"]

app = typer.Typer(
    name="chainrule",
    help="Train a feed-forward neural network on a table, and use it.",
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"chainrule {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Train a feed-forward neural network on a table, and use it."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
@with_flags(settings=settings_of(), reading=reading_of, choices=choices_of)
def fit(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="A file of separated values, Parquet, Arrow or JSON lines, or digits, iris, wine, "
            "breast_cancer or diabetes.",
        ),
    ],
    target: Target = None,
    task: Task = None,
    settings: Any = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The model file; the name of the data with .chainrule, in this folder, if left "
            "out.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    plot: Annotated[
        bool, typer.Option(help="Draw the losses beside the model.", rich_help_panel=OUTPUT)
    ] = True,
    page: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="Write a report too: an HTML page on training, layers, gradients and test rows.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    cv: Folds = None,
    fit_all: FitAll = False,
    checkpoint: CheckpointFolder = None,
    every: Every = None,
    resume: Resume = None,
    as_json: Json = False,
    quiet: Quiet = False,
    reading: Any = None,
    force: Force = False,
    choices: Any = None,
    missing_target: MissingTarget = "leave-out",
) -> None:
    """Train on a table and write a model file and a picture of the losses.

    Ctrl-C during training keeps the best model so far and writes it.

    Exit code: 0, or 1 if training diverged, 2 for input that cannot be used, 130 after Ctrl-C.
    """
    from chainrule.app.asked import Asked
    from chainrule.app.fit import Outputs
    from chainrule.app.fit import fit as run
    from chainrule.app.interrupted_fits import keeping_of

    run(
        Asked(data, target, task, settings, reading, choices, missing_target),
        Outputs(out, plot, page, force, as_json),
        Report(quiet=quiet, stderr=as_json),
        cv=cv,
        fit_all=fit_all,
        keeping=keeping_of(checkpoint, every, resume, force=force),
    )


@app.command()
@with_flags(reading=reading_of)
def predict(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="What fit wrote.")],
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="A table with the columns of the training table.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A CSV, TSV, Parquet or JSON-lines file; stdout, as CSV, if left out.",
        ),
    ] = None,
    proba: Annotated[
        bool, typer.Option("--proba", help="Add the probability of each class.")
    ] = False,
    keep: Keep = None,
    interval: Interval = None,
    quantile: Quantile = None,
    threshold: Threshold = None,
    as_json: Json = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse a table that surprises the model.")
    ] = False,
    as_stream: Stream = False,
    rows: Rows = None,
    memory: Memory = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
    reading: Any = None,
    force: Force = False,
) -> None:
    """Predict the rows of a table, in its order, one line each.

    Columns are found by name; where the target is there too, the result is printed to stderr.
    """
    from chainrule.app.predict import predict as run
    from chainrule.app.streaming import stream
    from chainrule.app.wanted import Wanted

    if as_stream:
        stream(
            model,
            data,
            wanted=Wanted(proba, threshold, interval, tuple(quantile or ())),
            reading=reading,
            keep=keep or (),
            strict=strict,
            for_tables={
                "--out": out,
                "--rows": rows,
                "--memory": memory,
                "--decimal": reading.decimal,
                "--header": reading.header,
                "--skip-rows": reading.skip_rows,
                "--skip-footer": reading.skip_footer,
            },
        )
        return
    run(
        model,
        data,
        out=out,
        proba=proba,
        report=Report(quiet=quiet, stderr=True),
        reading=reading,
        keep=keep or (),
        strict=strict,
        force=force,
        rows=rows,
        interval=interval,
        quantiles=quantile or (),
        threshold=threshold,
        as_json=as_json,
        memory=memory,
    )


@app.command()
@with_flags(reading=reading_of)
def explain(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="What fit wrote.")],
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="A table with the training columns and target.")
    ],
    row: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Show what each column adds to the answer for this row, from 1; with --weight or "
            "--report, explain its loss.",
        ),
    ] = None,
    against: Annotated[
        int | None,
        typer.Option(metavar="N", help="Compare with this row; the typical row if left out."),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            "--class", metavar="LABEL", help="The class whose score is explained, with --row."
        ),
    ] = None,
    weight: Annotated[
        str | None,
        typer.Option(
            metavar="LAYER:UNIT:TO",
            help="Which weight, counted from 1; else the three that pull hardest.",
        ),
    ] = None,
    network: Annotated[
        int | None,
        typer.Option(metavar="N", help="Which of several networks, from 1; the first if left out."),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="Write the whole report on these rows instead, as an HTML page.",
        ),
    ] = None,
    as_json: Json = False,
    rows: Rows = None,
    reading: Any = None,
    force: Force = False,
) -> None:
    """Show which columns made an answer, or the chain rule of a model's weights, checked.

    With --row alone: what each column adds to the answer for that row, in the units of the file.
    Otherwise the chain rule of weights, in symbols and numbers.
    """
    from chainrule.app.explain import explain as run

    run(
        model,
        data,
        row=row,
        weight=weight,
        page=page,
        report=Report(stderr=as_json),
        reading=reading,
        force=force,
        rows=rows,
        against=against,
        label=label,
        network=network,
        as_json=as_json,
    )


@app.command()
def play(
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA | MODEL]",
            help="A table or a built-in set to learn, or a model that fit wrote; the chapter's "
            "network if left out.",
        ),
    ] = None,
    rows: Annotated[
        str | None, typer.Argument(metavar="ROWS", help="For a model: a table with its target.")
    ] = None,
    target: Target = None,
    port: Annotated[
        int, typer.Option(metavar="N", help="The port of the page; 0 takes a free one.")
    ] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Whether to open the browser.")
    ] = True,
) -> None:
    """Open a page on which a network learns step by step: see the chain rule of every weight.

    The page is for this machine only; Ctrl-C ends it.
    """
    from chainrule.app.play.command import play as run

    run(data, rows, target=target, port=port, browser=browser, report=Report())
