"""The commands that try several models of a table: compare and tune."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from chainrule.app.model_commands import app
from chainrule.app.option_types import (
    OUTPUT,
    Force,
    Json,
    MissingTarget,
    Quiet,
    Target,
    Task,
)
from chainrule.app.record_flags import choices_of, reading_of, settings_of, with_flags
from chainrule.app.report import Report

__all__ = ["app"]

DATA = "A table, or digits, iris, wine, breast_cancer or diabetes."
Data = Annotated[str, typer.Argument(metavar="DATA", help=DATA)]
OF_ROWS = ("test_fraction", "seed", "groups", "weight", "rows", "validation", "n_threads")


@app.command()
@with_flags(settings=settings_of(*OF_ROWS), reading=reading_of, choices=choices_of)
def compare(
    data: Data,
    target: Target = None,
    task: Task = None,
    settings: Any = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="What to compare: trivial, linear, boosting, fast, balanced or best; may be given "
            "again. All but best if left out.",
        ),
    ] = None,
    as_json: Json = False,
    reading: Any = None,
    choices: Any = None,
    missing_target: MissingTarget = "leave-out",
) -> None:
    """Compare models on the same rows: scores on the test rows, and seconds.

    The trivial answer, a linear model and gradient boosting of scikit-learn, and the presets of
    this program. Nothing is written. Ctrl-C shows what has ended.
    """
    from chainrule.app.asked import Asked
    from chainrule.app.compare import compare as run

    run(
        Asked(data, target, task, settings, reading, choices, missing_target),
        methods=method or (),
        report=Report(stderr=as_json),
        as_json=as_json,
    )


@app.command()
@with_flags(settings=settings_of(*OF_ROWS), reading=reading_of, choices=choices_of)
def tune(
    data: Data,
    target: Target = None,
    time_limit: Annotated[
        str, typer.Option(metavar="TIME", help="How long to search, as 60s, 10m or 1h.")
    ] = "60s",
    task: Task = None,
    settings: Any = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The model file, as in fit.", rich_help_panel=OUTPUT),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Write a report.", rich_help_panel=OUTPUT),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    reading: Any = None,
    force: Force = False,
    choices: Any = None,
    missing_target: MissingTarget = "leave-out",
) -> None:
    """Search for the best settings until the time is over, and write the model.

    Many settings are tried a little, few in full, and the best answer together. What is found is
    shown as it is found; Ctrl-C keeps the best so far and writes it.
    """
    from chainrule.app.asked import Asked
    from chainrule.app.fit import Outputs
    from chainrule.app.fit import fit as run
    from chainrule.app.settings import searching

    settings = searching(settings, time_limit)
    run(
        Asked(data, target, task, settings, reading, choices, missing_target),
        Outputs(out, plot=False, page=page, force=force, as_json=as_json),
        Report(quiet=quiet, stderr=as_json),
    )
