"""The options of commands: reading, columns, rows, predictions and output."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from chainrule.app.settings import ROWS

__all__ = [
    "OUTPUT",
    "AsCategory",
    "AsDate",
    "AsNumber",
    "CheckpointFolder",
    "DateFormat",
    "Decimal",
    "Drop",
    "Encoding",
    "Every",
    "FitAll",
    "Folds",
    "Force",
    "Header",
    "Interval",
    "Json",
    "Keep",
    "KeepOnly",
    "Memory",
    "MissingTarget",
    "Null",
    "Quantile",
    "Quiet",
    "Resume",
    "Rows",
    "Separator",
    "SkipFooter",
    "SkipRows",
    "Stream",
    "Target",
    "Task",
    "Threshold",
]

OUTPUT, READING = "Output", "Reading"

Target = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="The column to predict; of an array in a .npy file, also another .npy file.",
    ),
]
Task = Annotated[
    str | None,
    typer.Option(help="classification or regression; decided from the target if left out."),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print errors only.", rich_help_panel=OUTPUT)
]


def _reading(*names: str, words: str, metavar: str | None = None) -> Any:
    return typer.Option(*names, metavar=metavar, help=words, rich_help_panel=READING)


Separator = Annotated[
    str | None,
    _reading("--separator", metavar="MARK", words="What separates cells: , ; | tab or another."),
]
Decimal = Annotated[
    str | None, _reading("--decimal", metavar="MARK", words="The decimal mark: . or a comma.")
]
Encoding = Annotated[
    str | None, _reading("--encoding", metavar="NAME", words="utf-8, utf-16, cp1252 and others.")
]
Header = Annotated[
    bool | None,
    _reading("--header/--no-header", words="Whether the first line holds the column names."),
]
SkipRows = Annotated[
    int | None, _reading("--skip-rows", metavar="N", words="Lines above the table to pass over.")
]
Null = Annotated[
    str | None, _reading("--null", metavar="WORD", words="A word that stands for a missing cell.")
]
SkipFooter = Annotated[
    int | None,
    _reading("--skip-footer", metavar="N", words="Lines below the table to leave out; 0 for none."),
]
COLUMNS = "Columns"


def _columns(*names: str, words: str, metavar: str = "COLUMN") -> Any:
    return typer.Option(*names, metavar=metavar, help=words, rich_help_panel=COLUMNS)


Names = list[str] | None
Drop = Annotated[Names, _columns("--drop", words="A column to leave out; may be given again.")]
KeepOnly = Annotated[Names, _columns("--keep-only", words="Learn from these columns alone.")]
AsCategory = Annotated[Names, _columns("--category", words="A column of codes: no amounts.")]
AsNumber = Annotated[Names, _columns("--number", words="A column of numbers.")]
AsDate = Annotated[Names, _columns("--date", words="A column of dates.")]
DateFormat = Annotated[
    Names,
    _columns(
        "--date-format",
        words="The format of a column of dates, as in 'day=%d/%m/%Y'.",
        metavar="COLUMN=FORMAT",
    ),
]
MissingTarget = Annotated[
    str,
    _columns(
        "--missing-target", words="Rows without a target: leave-out, or error.", metavar="WHAT"
    ),
]
Rows = Annotated[str | None, typer.Option("--rows", metavar="WHERE", help=ROWS)]
Force = Annotated[
    bool, typer.Option("--force", help="Replace files that are there.", rich_help_panel=OUTPUT)
]
Folds = Annotated[
    int | None,
    typer.Option(
        "--cv",
        metavar="FOLDS",
        help="Cross-validate first: train as often, test each row once, and show the scores.",
    ),
]
FitAll = Annotated[
    bool,
    typer.Option(
        "--fit-all",
        help="Write a model that is trained again on all rows, the test rows too, for as many "
        "epochs as were best.",
    ),
]
CheckpointFolder = Annotated[
    Path | None,
    typer.Option(
        "--checkpoint",
        metavar="DIR",
        help="Write checkpoints into this folder while training, for --resume.",
        rich_help_panel=OUTPUT,
    ),
]
Every = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Time between two checkpoints of a network: 30s, 5m, 1h, or a number of epochs. "
        "60s if left out.",
        rich_help_panel=OUTPUT,
    ),
]
Resume = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Go on from the checkpoints in this folder, with the same data and flags, and go on "
        "writing them there.",
        rich_help_panel=OUTPUT,
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print JSON, for programs.", rich_help_panel=OUTPUT)
]
Stream = Annotated[
    bool,
    typer.Option(
        "--stream",
        help="Answer each line, of JSON or of cells below a header, by a line of JSON at once, a "
        "bad one by an error.",
        rich_help_panel=OUTPUT,
    ),
]
Keep = Annotated[
    Names,
    typer.Option(metavar="COLUMN", help="A column to write beside the predictions, a key."),
]
Memory = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Memory that the predictions may take, as 500MB: a file that takes more is read in "
        "blocks. Half of what is free if left out.",
    ),
]
Interval = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Add the ends of an interval that holds this share of the rows, as 0.8.",
    ),
]
Quantile = Annotated[
    list[float] | None,
    typer.Option(metavar="LEVEL", help="Add a quantile, as 0.9; may be given again."),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        metavar="P",
        help="Of two classes, predict the second from this probability on, in place of 0.5.",
    ),
]
