"""From a table to a model file: split, prepare, train, test, write."""

from __future__ import annotations

import logging
import math
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

import chainrule
from chainrule.app.report import Diverged, Interrupted, Report, written
from chainrule.app.results import Baseline, Score, scores_of
from chainrule.app.settings import Settings, command_line, estimator_options
from chainrule.app.tables import SUFFIXES, TARGET, is_built_in, read_table
from chainrule.app.targets import Task, decide_task, encode_target, target_column
from chainrule.estimators.classifier import MLPClassifier
from chainrule.estimators.ingredients import loss_in_units
from chainrule.estimators.regressor import MLPRegressor
from chainrule.foundation.errors import DivergenceError, InputError
from chainrule.foundation.files import check_place
from chainrule.interop.columns import counted
from chainrule.interop.model_file import Estimator, save_model
from chainrule.interop.preparation import Preparation
from chainrule.training.splits import held_out_rows
from chainrule.training.stopping import REASONS

if TYPE_CHECKING:
    from collections.abc import Generator

    from chainrule.training.loop import Epoch

__all__ = ["fit"]


@dataclass
class Run:
    """How training went."""

    seconds: float
    stopped: str
    best_epoch: int | None
    divergence: DivergenceError | None = None


def fit(
    data: str,
    target: str | None,
    settings: Settings,
    *,
    task: str | None,
    out: Path | None,
    plot: bool,
    page: Path | None,
    report: Report,
) -> None:
    """Train on a table, and write the model, the picture of its losses, and the report.

    Raises
    ------
    InputError
        Before anything is written.
    Interrupted
        After Ctrl-C during training; a model of at least one epoch has been written.
    Diverged
        After a divergence; a model of at least one good epoch has been written.
    """
    model_path = _place(data, out)
    if page is not None:
        check_place(page)
    if plot:  # a missing matplotlib is to be known before training, its font cache is not
        logging.getLogger("matplotlib").setLevel(logging.ERROR)
        from chainrule.app.plot import draw_losses
    frame = read_table(data, tell=report.note)
    series = target_column(frame, TARGET if is_built_in(data) and not target else target, data)
    target = series.name
    name = data if is_built_in(data) else Path(data).name
    report.line(f"{name}: {counted(frame.height, 'row')}, {counted(frame.width, 'column')}")
    chosen, reason = decide_task(series, task)
    y = encode_target(series, chosen)
    what = f" of {len(np.unique(y))} classes" if chosen == "classification" else ""
    change = "" if task else "; --task changes that"
    report.line(f"target {target!r}: {chosen}{what}, as {reason.removeprefix('as ')}{change}")
    train, test = _split(y, chosen, settings)
    preparation = Preparation.fit(frame[train], target=target, tell=report.note)
    X = preparation.transform(frame[train])
    estimator = _estimator(y[train], chosen, settings, report)
    held = math.ceil(len(train) * settings.validation_fraction) if estimator.early_stopping else 0
    inputs = counted(X.shape[1], "input")
    report.line(
        f"{inputs} from {counted(len(preparation.columns), 'column')}; "
        f"{len(train) - held:,} rows to train on, {held:,} to validate, {len(test):,} to test"
    )
    run = _train(estimator, X, y[train], settings, report)
    if not estimator.loss_curve_:
        if run.divergence is not None:
            raise Diverged(_advice(estimator, run.divergence, "Nothing was written."))
        raise Interrupted("interrupted in the first epoch; nothing was written")
    baseline = _baseline(estimator, y[train])
    X_test = preparation.transform(frame[test], tell=report.note)
    scores = scores_of(estimator, X_test, y[test], baseline)
    training: dict[str, Any] = {
        "data": name,
        "rows": {
            "all": frame.height,
            "train": len(train) - held,
            "validation": held,
            "test": len(test),
        },
        "target": target,
        "task": chosen,
        "reason": reason,
        "settings": asdict(settings),
        "seconds": run.seconds,
        "stopped": run.stopped,
        "best_epoch": run.best_epoch,
        "results": [score.to_dict() for score in scores],
        "baseline": asdict(baseline),
        "versions": {
            "chainrule": chainrule.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }
    save_model(model_path, estimator, preparation, training)
    estimator.preparation_ = preparation
    _show_run(estimator, run, report)
    report.line(f"\nresult on the {len(test):,} test rows, none of them seen in training:\n")
    report.scores(scores, baseline.name)
    report.line()
    report.line(f"model  {model_path}")
    if plot:
        picture = model_path.with_suffix(".png")
        _draw(draw_losses, picture, estimator, run, name, target, scores)
        report.line(f"plot   {picture}")
    if page is not None:
        held_out = (X_test, y[test])
        explanation = estimator.explain(X, y[train], held_out=held_out)
        facts = {
            **explanation.subject.facts,
            "stopped_because": run.stopped,
            "seconds": run.seconds,
            "best_epoch": run.best_epoch,
            "code": command_line(data, target, settings, task),
        }
        subject = replace(explanation.subject, facts=facts)
        replace(explanation, subject=subject).save(page)
        report.line(f"report {page}")
    if run.stopped == "interrupted":
        raise Interrupted(f"interrupted; the best model so far is in {model_path}")
    if run.divergence is not None:
        kept = f"The model of the epochs before is in {model_path}."
        raise Diverged(_advice(estimator, run.divergence, kept))


def _advice(estimator: Estimator, error: DivergenceError, kept: str) -> str:
    return (
        f"training diverged in epoch {error.epoch}, step {error.step}: the loss is "
        f"{error.loss:.4g}, the first was {error.first_loss:.4g}. {kept} Try --learning-rate "
        f"{estimator.learning_rate_init / 10:g} or less."
    )


def _place(data: str, out: Path | None) -> Path:
    """Return where the model goes; refuse a place that cannot be written before training."""
    path = Path(f"{Path(data).stem}.chainrule") if out is None else out
    if path.suffix.lower() in (*SUFFIXES, ".png"):
        raise InputError(
            f"--out must name a model file, not data or a picture; got {path}. "
            "Name it like model.chainrule."
        )
    path = path if path.suffix else path.with_suffix(".chainrule")
    if path.is_dir() or not path.parent.is_dir():
        what = "it is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise InputError(f"--out must be a file that can be written; got {path}, but {what}.")
    return path


def _split(y: np.ndarray, task: Task, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to train on and those to test on; classes keep their shares."""
    n = len(y)
    classes = len(np.unique(y)) if task == "classification" else 1
    held = math.ceil(n * settings.test_fraction)
    least = max(2, classes)
    if held < least or n - held < least:
        raise InputError(
            f"--test-fraction must leave at least {least} rows to test on and {least} to train on; "
            f"{settings.test_fraction:g} of {n:,} rows is {held:,}. Change it, or add rows."
        )
    labels = y if task == "classification" else None
    return held_out_rows(n, settings.test_fraction, settings.seed, labels)


def _estimator(y: np.ndarray, task: Task, settings: Settings, report: Report) -> Estimator:
    options = estimator_options(settings, task, len(y))
    if settings.early_stopping:
        held = math.ceil(len(y) * settings.validation_fraction)
        least, fewest = 2, 2
        if task == "classification":
            _, counts = np.unique(y, return_counts=True)
            least, fewest = max(2, len(counts)), int(counts.min())
        if held < least or len(y) - held < least or fewest < 2:
            report.note("too few rows to validate on: all epochs are made, none is chosen")
            options |= {"early_stopping": False, "n_iter_no_change": math.inf}
            del options["monitor"], options["validation_fraction"]
    return MLPClassifier(**options) if task == "classification" else MLPRegressor(**options)


def _train(
    estimator: Estimator, X: np.ndarray, y: np.ndarray, settings: Settings, report: Report
) -> Run:
    """Train until the end, the time limit, Ctrl-C or divergence; the best epoch is kept."""
    epochs = cast("Generator[Epoch, None, None]", estimator.fit_epochs(X, y))
    divergence = None
    with report.epochs(estimator.max_iter, settings.time_limit) as bar:
        try:
            for epoch in epochs:
                bar.show(epoch)
        except KeyboardInterrupt:
            pass  # the estimator says so
        except DivergenceError as error:
            divergence = error
        finally:
            epochs.close()
        seconds = bar.seconds
    curve = estimator.validation_loss_curve_
    best = int(np.nanargmin(curve)) + 1 if curve and not np.isnan(curve).all() else None
    stopped = getattr(estimator, "stopped_because_", "interrupted")
    return Run(seconds, stopped, best, divergence)


def _baseline(estimator: Estimator, y: np.ndarray) -> Baseline:
    if isinstance(estimator, MLPClassifier):
        codes = np.searchsorted(estimator.classes_, y)
        return Baseline.of_labels(codes, estimator.classes_)
    return Baseline.of_numbers(y)


def _show_run(estimator: Estimator, run: Run, report: Report) -> None:
    widths = [str(estimator.network_.n_in)]
    widths += [f"{layer.n_out} {layer.activation.name}" for layer in estimator.network_.layers[:-1]]
    widths.append(str(estimator.network_.n_out))
    report.line(f"network {' > '.join(widths)}, {estimator.network_.n_parameters:,} parameters")
    kept = "" if run.best_epoch is None else f", epoch {run.best_epoch} kept"
    report.line(
        f"trained {counted(estimator.n_iter_, 'epoch')} in {run.seconds:.1f} s "
        f"({REASONS[run.stopped]}){kept}"
    )


def _draw(
    draw: Callable[..., None],
    path: Path,
    estimator: Estimator,
    run: Run,
    name: str,
    target: str,
    scores: list[Score],
) -> None:
    loss = loss_in_units(estimator).name.replace("_", " ")
    reached = ", ".join(f"{score.name} {written(score.value)}" for score in scores)
    draw(
        path,
        estimator.loss_curve_,
        estimator.validation_loss_curve_,
        best=run.best_epoch,
        title=f"{name}: {target}",
        subtitle=f"on test rows: {reached}",
        loss=loss,
    )
