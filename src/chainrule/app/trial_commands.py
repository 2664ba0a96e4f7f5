"""The commands that try several models of a table: compare and tune."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chainrule.app.commands import UNCHANGED
from chainrule.app.model_commands import app
from chainrule.app.option_types import (
    OUTPUT,
    AsCategory,
    AsDate,
    AsNumber,
    DateFormat,
    Decimal,
    Drop,
    Encoding,
    Force,
    Header,
    Json,
    KeepOnly,
    MissingTarget,
    Null,
    Separator,
    SkipFooter,
    SkipRows,
)
from chainrule.app.report import Report
from chainrule.app.setting_flags import with_flags
from chainrule.app.settings import Settings

__all__ = ["app"]

DATA = "A table, or digits, iris, wine, breast_cancer or diabetes."
Data = Annotated[str, typer.Argument(metavar="DATA", help=DATA)]
Target = Annotated[str | None, typer.Option(metavar="COLUMN", help="The column to predict.")]
Task = Annotated[
    str | None,
    typer.Option(help="classification or regression; decided from the target if left out."),
]
OF_ROWS = ("test_fraction", "seed", "groups", "weight", "rows", "validation", "n_threads")


@app.command()
@with_flags(*OF_ROWS)
def compare(
    data: Data,
    target: Target = None,
    task: Task = None,
    settings: Settings = UNCHANGED,
    method: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="What to compare: trivial, linear, boosting, fast, balanced or best; may be given "
            "again. All but best if left out.",
        ),
    ] = None,
    as_json: Json = False,
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    header: Header = None,
    skip_rows: SkipRows = None,
    null: Null = None,
    skip_footer: SkipFooter = None,
    drop: Drop = None,
    keep_only: KeepOnly = None,
    category: AsCategory = None,
    number: AsNumber = None,
    date: AsDate = None,
    date_format: DateFormat = None,
    missing_target: MissingTarget = "leave-out",
) -> None:
    """Compare models on the same rows: scores on the test rows, and seconds.

    The trivial answer, a linear model and gradient boosting of scikit-learn, and the presets of
    this program. Nothing is written. Ctrl-C shows what has ended.
    """
    from chainrule.app.compare import compare as run
    from chainrule.app.fit import read_choices
    from chainrule.app.reading import Reading

    run(
        data,
        target,
        settings,
        task=task,
        methods=method or (),
        report=Report(stderr=as_json),
        as_json=as_json,
        reading=Reading(separator, decimal, encoding, header, skip_rows, null, skip_footer),
        choices=read_choices(drop, keep_only, category, number, date, date_format),
        missing_target=missing_target,
    )


@app.command()
@with_flags(*OF_ROWS)
def tune(
    data: Data,
    target: Target = None,
    time_limit: Annotated[
        str, typer.Option(metavar="TIME", help="How long to search, as 60s, 10m or 1h.")
    ] = "60s",
    task: Task = None,
    settings: Settings = UNCHANGED,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The model file, as in fit.", rich_help_panel=OUTPUT),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Write a report.", rich_help_panel=OUTPUT),
    ] = None,
    as_json: Json = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print errors only.", rich_help_panel=OUTPUT)
    ] = False,
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    header: Header = None,
    skip_rows: SkipRows = None,
    null: Null = None,
    skip_footer: SkipFooter = None,
    force: Force = False,
    drop: Drop = None,
    keep_only: KeepOnly = None,
    category: AsCategory = None,
    number: AsNumber = None,
    date: AsDate = None,
    date_format: DateFormat = None,
    missing_target: MissingTarget = "leave-out",
) -> None:
    """Search for the best settings until the time is over, and write the model.

    Many settings are tried a little, few in full, and the best answer together. What is found is
    shown as it is found; Ctrl-C keeps the best so far and writes it.
    """
    from chainrule.app.fit import fit as run
    from chainrule.app.fit import read_choices
    from chainrule.app.reading import Reading
    from chainrule.app.settings import searching

    run(
        data,
        target,
        searching(settings, time_limit),
        task=task,
        out=out,
        plot=False,
        page=page,
        report=Report(quiet=quiet, stderr=as_json),
        as_json=as_json,
        reading=Reading(separator, decimal, encoding, header, skip_rows, null, skip_footer),
        force=force,
        choices=read_choices(drop, keep_only, category, number, date, date_format),
        missing_target=missing_target,
    )
