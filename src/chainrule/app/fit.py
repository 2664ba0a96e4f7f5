"""From a table to a model file: split, prepare, train, test, write."""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.app.conditions import rows_where
from chainrule.app.held_out import group_column, split
from chainrule.app.pages import write_page
from chainrule.app.places import check_outputs, source_of, wrote
from chainrule.app.problem import Part, Problem
from chainrule.app.reading import AS_FOUND, Reading
from chainrule.app.remarks import tell_of_answers, tell_of_target
from chainrule.app.report import Diverged, Interrupted, Report, written
from chainrule.app.results import Baseline, Score, scores_of
from chainrule.app.row_weights import check_split, weight_column
from chainrule.app.running import Run, divergence_words
from chainrule.app.settings import Settings, command_line
from chainrule.app.spooling import is_stream
from chainrule.app.stopping import Stop, stoppable
from chainrule.app.table_models import TableModel
from chainrule.app.tables import SUFFIXES, TARGET, is_built_in, read_table
from chainrule.app.targets import decide_task, encode_target, target_column, with_target
from chainrule.app.training import train_bag, train_network
from chainrule.estimators.base import codec_of
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.files import check_kind
from chainrule.foundation.version import __version__
from chainrule.interop.choosing import NO_CHOICES, Choices
from chainrule.interop.columns import counted
from chainrule.tables.classifier import TabularClassifier
from chainrule.tables.regressor import TabularRegressor
from chainrule.tables.table_file import save_table_model
from chainrule.training.stopping import REASONS

__all__ = ["fit"]


MISSING_TARGETS = ("leave-out", "error")


def read_choices(
    drop: Sequence[str] | None,
    keep_only: Sequence[str] | None,
    category: Sequence[str] | None,
    number: Sequence[str] | None,
    date: Sequence[str] | None,
    date_format: Sequence[str] | None,
) -> Choices:
    """Return what flags say of columns."""
    formats = []
    for text in date_format or ():
        name, mark, how = text.rpartition("=")
        if not mark or "%" not in how:
            raise must_be("--date-format", "COLUMN=FORMAT, as in 'day=%d/%m/%Y'", text)
        formats.append((name, how))
    return Choices(
        drop=tuple(drop or ()),
        keep_only=tuple(keep_only or ()),
        category=tuple(category or ()),
        number=tuple(number or ()),
        date=tuple(date or ()),
        date_formats=tuple(formats),
    )


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
    reading: Reading = AS_FOUND,
    force: bool = False,
    choices: Choices = NO_CHOICES,
    missing_target: str = "leave-out",
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
    with stoppable() as stop:
        _fit(
            data,
            target,
            settings,
            task=task,
            out=out,
            plot=plot,
            page=page,
            report=report,
            reading=reading,
            force=force,
            choices=choices,
            missing_target=missing_target,
            stop=stop,
        )


def _fit(
    data: str,
    target: str | None,
    settings: Settings,
    *,
    task: str | None,
    out: Path | None,
    plot: bool,
    page: Path | None,
    report: Report,
    reading: Reading,
    force: bool,
    choices: Choices,
    missing_target: str,
    stop: Stop,
) -> None:
    model_path = _place(data, out)
    source = source_of(data, is_built_in(data))
    picture = model_path.with_suffix(".png") if plot else None
    named = target or (TARGET if is_built_in(data) else None)
    check_outputs(
        {"--out": model_path, "the plot": picture, "--report": page},
        [data],
        force=force,
        own=lambda path: path != page and wrote(model_path, source, named),
    )
    if plot:  # a missing matplotlib is to be known before training, its font cache is not
        logging.getLogger("matplotlib").setLevel(logging.ERROR)
        from chainrule.app.plot import draw_losses
    if missing_target not in MISSING_TARGETS:
        raise must_be("--missing-target", " or ".join(MISSING_TARGETS), missing_target)
    texts = [*choices.category, *choices.date, *(name for name, _ in choices.date_formats)]
    frame = read_table(data, reading=reading, texts=texts, tell=report.note)
    frame = rows_where(frame, settings.rows, report.note)
    series = target_column(frame, TARGET if is_built_in(data) and not target else target, data)
    target = series.name
    if missing_target == "leave-out":
        frame = with_target(frame, target, report.note)
        series = frame[target]
    name = data if is_built_in(data) else Path(data).name
    report.line(f"{name}: {counted(frame.height, 'row')}, {counted(frame.width, 'column')}")
    chosen, reason = decide_task(series, task)
    y = encode_target(series, chosen)
    groups = None if settings.groups is None else group_column(frame, settings.groups, target)
    weight = None if settings.weight is None else weight_column(frame, settings.weight, target)
    what = f" of {len(np.unique(y))} classes" if chosen == "classification" else ""
    change = "" if task else "; --task changes that"
    report.line(f"target {target!r}: {chosen}{what}, as {reason.removeprefix('as ')}{change}")
    train_on, test = split(y, chosen, settings, groups)
    if weight is not None and settings.weight is not None:
        check_split(weight, y, chosen, train_on, test, settings.weight)
    part = frame[train_on]
    tell_of_target(part, target, y[train_on], chosen, settings, report.note)
    own = None if groups is None else groups[train_on]
    counts = None if weight is None else weight[train_on]
    rows = Part(part, y[train_on], counts, own)
    trainer = train_network if settings.preset is None else train_bag
    trained = trainer(rows, Problem(target, chosen, settings, choices, report), len(test))
    stop.interrupts = False  # what was trained is written, whatever comes
    run, model = trained.run, trained.model
    w_test = None if weight is None else weight[test]
    answers = model.answers(frame[test], report.note)
    baseline = _baseline(model, rows)
    classes = getattr(model.estimator, "classes_", None)
    scores = scores_of(answers, y[test], baseline, w_test, classes)
    tell_of_answers(model.decided(answers), y[test], chosen, report.note)
    training: dict[str, Any] = {
        "data": name,
        "source": source,
        "rows": {
            "all": frame.height,
            "train": len(train_on) - trained.held,
            "validation": trained.held,
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
            "chainrule": __version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }
    if isinstance(model.estimator, TabularRegressor) and not len(model.estimator._errors):
        model.estimator._errors = y[test] - answers  # intervals by rows never trained on
    save_table_model(model_path, model.estimator, training)
    _show_run(model, run, report)
    by = "" if settings.weight is None else f", by the weights of {settings.weight!r}"
    report.line(f"\nresult on the {len(test):,} test rows, none of them seen in training{by}:\n")
    report.scores(scores, baseline.name)
    report.line()
    report.line(f"model  {model_path}")
    if picture is not None:
        lacking = _draw(draw_losses, picture, model, run, name, target, scores)
        if lacking:
            report.note(f"the picture shows boxes for {lacking}, which its font lacks")
        report.line(f"plot   {picture}")
    if page is not None:
        facts = {
            "stopped_because": run.stopped,
            "seconds": run.seconds,
            "best_epoch": run.best_epoch,
            "code": command_line(data, target, settings, task),
        }
        write_page(page, model, rows, Part(frame[test], y[test], w_test), facts)
        report.line(f"report {page}")
    if run.stopped == "interrupted" or stop.asked:
        raise Interrupted(f"interrupted; the best model so far is in {model_path}")
    if run.divergence is not None:
        kept = f"The model of the epochs before is in {model_path}."
        raise Diverged(divergence_words(trained.rate, run.divergence, kept))


def _place(data: str, out: Path | None) -> Path:
    """Return where the model goes; refuse a place that cannot be written before training."""
    name = "stdin" if is_stream(data) else Path(data).name.partition(".")[0] or "model"
    path = Path(f"{name}.chainrule") if out is None else out
    if path.suffix.lower() in (*SUFFIXES, ".png"):
        raise InputError(
            f"--out must name a model file, not data or a picture; got {path}. "
            "Name it like model.chainrule."
        )
    check_kind(path)
    path = path if path.suffix else path.with_suffix(".chainrule")
    check_kind(path)
    if not path.parent.is_dir():
        raise InputError(
            f"--out must be a file that can be written; got {path}, but there is no folder "
            f"{path.parent}."
        )
    return path


def _baseline(model: TableModel, part: Part) -> Baseline:
    if isinstance(model.estimator, TabularClassifier):
        classes = model.estimator.classes_
        return Baseline.of_labels(np.searchsorted(classes, part.y), classes, part.weight)
    return Baseline.of_numbers(part.y, part.weight)


def _show_run(model: TableModel, run: Run, report: Report) -> None:
    networks = model.networks
    shown = networks[0].network_
    widths = [str(shown.n_in)]
    widths += [f"{layer.n_out} {layer.activation.name}" for layer in shown.layers[:-1]]
    widths.append(str(shown.n_out))
    report.line(f"network {' > '.join(widths)}, {shown.n_parameters:,} parameters")
    kept = "" if run.best_epoch is None else f", epoch {run.best_epoch} kept"
    several = f"{len(networks)} networks, at most " if len(networks) > 1 else ""
    epochs = max(one.n_iter_ for one in networks)
    report.line(
        f"trained {several}{counted(epochs, 'epoch')} in {run.seconds:.1f} s "
        f"({REASONS.get(run.stopped, run.stopped)}){kept}"
    )


def _draw(
    draw: Callable[..., str],
    path: Path,
    model: TableModel,
    run: Run,
    name: str,
    target: str,
    scores: list[Score],
) -> str:
    networks = model.networks
    loss = codec_of(networks[0]).own_loss.name.replace("_", " ")
    reached = ", ".join(f"{score.name} {written(score.value)}" for score in scores)
    return draw(
        path,
        [one.loss_curve_ for one in networks],
        [one.validation_loss_curve_ for one in networks if one.validation_loss_curve_],
        best=run.best_epoch,
        title=f"{name}: {target}",
        subtitle=f"on test rows: {reached}",
        loss=loss,
    )
