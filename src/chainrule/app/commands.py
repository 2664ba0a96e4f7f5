"""The commands and their options; each calls one function and says nothing of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import chainrule
from chainrule.app.report import Report
from chainrule.formulas.loss import losses
from chainrule.formulas.optimizers import optimizers
from chainrule.formulas.records import activations
from chainrule.formulas.schedules import schedules

__all__ = ["app"]

app = typer.Typer(
    name="chainrule",
    help="Train a feed-forward neural network on a table, and use it.",
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

NETWORK, TRAINING, OUTPUT = "Network", "Training", "Output"


def _names(catalogue: Any) -> str:
    return ", ".join(catalogue)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"chainrule {chainrule.__version__}")
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
def fit(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="A CSV, TSV, Parquet or JSON-lines file, or digits, iris, wine, breast_cancer or "
            "diabetes.",
        ),
    ],
    target: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column to predict.")
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(help="classification or regression; decided from the target if left out."),
    ] = None,
    test_fraction: Annotated[
        float, typer.Option(help="Share of the rows to test on, never trained on.")
    ] = 0.2,
    seed: Annotated[int, typer.Option(help="Seed of the split, the start and the orders.")] = 0,
    hidden: Annotated[
        str,
        typer.Option(
            metavar="WIDTHS",
            help="Units per hidden layer, as 128,64, or none.",
            rich_help_panel=NETWORK,
        ),
    ] = "128,64",
    activation: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help=f"One name, or one per hidden layer: {_names(activations)}.",
            rich_help_panel=NETWORK,
        ),
    ] = "relu",
    loss: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"What training makes small: {_names(losses)}; cross-entropy for classes and mse "
            "for numbers if left out.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    solver: Annotated[
        str,
        typer.Option(
            metavar="NAME", help=f"{_names(optimizers)} or lbfgs.", rich_help_panel=TRAINING
        ),
    ] = "adam",
    learning_rate: Annotated[
        float | None,
        typer.Option(
            help="Full rate of the schedule; what suits the solver if left out.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    schedule: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"How the rate moves: {_names(schedules)}.",
            rich_help_panel=TRAINING,
        ),
    ] = "one_cycle",
    batch_size: Annotated[
        int | None,
        typer.Option(help="Rows per step; by the size of the table.", rich_help_panel=TRAINING),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Most passes over the rows; by the size of the table.", rich_help_panel=TRAINING
        ),
    ] = None,
    l2: Annotated[
        float,
        typer.Option("--l2", "--alpha", help="Penalty on weights.", rich_help_panel=TRAINING),
    ] = 1e-3,
    momentum: Annotated[
        float, typer.Option(help="Momentum of sgd.", rich_help_panel=TRAINING)
    ] = 0.9,
    early_stopping: Annotated[
        bool,
        typer.Option(
            help="Hold out validation rows, stop when they get no better, keep the best epoch.",
            rich_help_panel=TRAINING,
        ),
    ] = True,
    patience: Annotated[
        int | None,
        typer.Option(
            help="Epochs without improvement before training stops; half of all if left out.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    validation_fraction: Annotated[
        float,
        typer.Option(help="Share of the training rows to validate on.", rich_help_panel=TRAINING),
    ] = 0.15,
    time_limit: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Stop after the epoch that passes this time.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    dtype: Annotated[
        str, typer.Option(metavar="NAME", help="float32 or float64.", rich_help_panel=TRAINING)
    ] = "float32",
    engine: Annotated[
        str, typer.Option(metavar="NAME", help="What computes.", rich_help_panel=TRAINING)
    ] = "auto",
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
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print errors only.", rich_help_panel=OUTPUT)
    ] = False,
) -> None:
    """Train on a table and write a model file and a picture of the losses.

    Ctrl-C during training keeps the best model so far and writes it.

    Exit code: 0, or 1 if training diverged, 2 for input that cannot be used, 130 after Ctrl-C.
    """
    from chainrule.app.fit import fit as run
    from chainrule.app.settings import Settings

    settings = Settings(
        hidden=hidden,
        activation=activation,
        loss=loss,
        solver=solver,
        learning_rate=learning_rate,
        schedule=schedule,
        batch_size=batch_size,
        epochs=epochs,
        l2=l2,
        momentum=momentum,
        early_stopping=early_stopping,
        patience=patience,
        validation_fraction=validation_fraction,
        test_fraction=test_fraction,
        time_limit=time_limit,
        seed=seed,
        dtype=dtype,
        engine=engine,
    )
    run(
        data, target, settings, task=task, out=out, plot=plot, page=page, report=Report(quiet=quiet)
    )


@app.command()
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
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
) -> None:
    """Predict the rows of a table, in its order, one line each.

    Columns are found by name; where the target is there too, the result is printed to stderr.
    """
    from chainrule.app.predict import predict as run

    run(model, data, out=out, proba=proba, report=Report(quiet=quiet, stderr=True))


@app.command()
def show(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="What fit wrote.")],
) -> None:
    """Show what a model is, how it was trained, on which columns, and with which result."""
    from chainrule.app.show import show as run

    run(model, Report())


@app.command()
def explain(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="What fit wrote.")],
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="A table with the training columns and target.")
    ],
    row: Annotated[
        int | None,
        typer.Option(metavar="N", help="Explain the loss of this row, from 1; else the mean."),
    ] = None,
    weight: Annotated[
        str | None,
        typer.Option(
            metavar="LAYER:UNIT:TO",
            help="Which weight, counted from 1; else the three that pull hardest.",
        ),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="Write the whole report on these rows instead, as an HTML page.",
        ),
    ] = None,
) -> None:
    """Show the chain rule of a model's weights, in symbols and numbers, and check it."""
    from chainrule.app.explain import explain as run

    run(model, data, row=row, weight=weight, page=page, report=Report())
