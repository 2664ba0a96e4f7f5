"""From a table to a model file: split, prepare, train, test, write."""

from __future__ import annotations

import copy
import json
import logging
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.app.asked import Asked
from chainrule.app.cross_validation import cross_validated, tell_folds
from chainrule.app.interrupted_fits import NOTHING, Keeping
from chainrule.app.large_files import large_file
from chainrule.app.pages import write_page
from chainrule.app.places import check_outputs, source_of, wrote
from chainrule.app.problem_rows import ProblemRows, read_rows
from chainrule.app.remarks import tell_of_answers, tell_warnings
from chainrule.app.report import Diverged, Interrupted, Report, written
from chainrule.app.results import Score, scores_of
from chainrule.app.settings import command_line
from chainrule.app.spooling import is_stream
from chainrule.app.stopping import Stop, stoppable
from chainrule.app.streamed_fit import Outcome, fit_streamed
from chainrule.app.table_models import Tabular
from chainrule.app.tables import SUFFIXES, TARGET, is_built_in
from chainrule.app.training import Trained, divergence_words, inputs_of, train
from chainrule.estimators.base import best_epoch_of, codec_of
from chainrule.foundation.errors import InputError
from chainrule.foundation.files import check_kind
from chainrule.foundation.version import __version__
from chainrule.foundation.wording import counted
from chainrule.insight.json_values import as_record
from chainrule.tables.recipes import presets
from chainrule.tables.table_file import save_table_model
from chainrule.training.stopping import REASONS

__all__ = ["Outputs", "fit"]

# Rows of the leaderboard that are printed.
MOST_SHOWN = 10


@dataclass(frozen=True)
class Outputs:
    """The files that a fit writes, and how it prints its result.

    Attributes
    ----------
    model : Path, optional
        The model file; named after the data if left out.
    plot : bool
        Whether to draw the losses beside it.
    page : Path, optional
        The report.
    force : bool
        Whether files that are there are replaced.
    as_json : bool
        Whether the result is printed for programs.
    """

    model: Path | None
    plot: bool
    page: Path | None
    force: bool
    as_json: bool


def fit(
    asked: Asked,
    outputs: Outputs,
    report: Report,
    *,
    cv: int | None = None,
    fit_all: bool = False,
    keeping: Keeping = NOTHING,
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
        _fit(asked, outputs, report, cv, fit_all, keeping, stop)


def _fit(
    asked: Asked,
    outputs: Outputs,
    report: Report,
    cv: int | None,
    fit_all: bool,
    keeping: Keeping,
    stop: Stop,
) -> None:
    data, settings, page = asked.data, asked.settings, outputs.page
    model_path = _place(data, outputs.model)
    source = source_of(data, is_built_in(data))
    picture = model_path.with_suffix(".png") if outputs.plot else None
    named = asked.column or (TARGET if is_built_in(data) else None)
    check_outputs(
        {"--out": model_path, "the plot": picture, "--report": page},
        [data],
        force=outputs.force,
        own=lambda path: path != page and wrote(model_path, source, named),
    )
    if outputs.plot:  # a missing matplotlib is to be known before training, its font cache is not
        logging.getLogger("matplotlib").setLevel(logging.ERROR)
        from chainrule.app.plot import draw_losses
    large = large_file(asked, cv, fit_all)
    read, folds = None, None
    if large is not None:
        done = fit_streamed(asked, large, report, keeping)
    else:
        read = read_rows(asked, report)
        if cv is not None:
            folds = cross_validated(read, cv)
            tell_folds(folds, read, cv)
        done = _in_memory(read, keeping)
    stop.interrupts = False  # what was trained is written, whatever comes
    problem, trained, rows, tested = done.problem, done.trained, done.rows, done.tested
    target, baseline = problem.target, done.baseline
    model = trained.model
    answers = model.answers(tested.frame, report.note)
    classes = getattr(model.estimator, "classes_", None)
    scores = scores_of(answers, tested.y, baseline, tested.weight, classes)
    tell_of_answers(model.decided(answers), tested.y, problem.task, report.note)
    _show_run(trained, report)
    tested_model = replace(model, estimator=copy.copy(model.estimator))
    drawn = replace(trained, model=tested_model)
    fit_all = fit_all and trained.stopped != "interrupted" and not stop.asked
    if fit_all and read is not None and not _again_on_all(read, model.estimator, stop):
        report.note("the last fit was interrupted; the model is the one before")
        fit_all, model = False, tested_model
    training: dict[str, Any] = {
        "data": done.name,
        "source": source,
        "rows": {
            "all": done.n_all,
            "train": done.n_trained,
            "validation": trained.held,
            "test": len(tested.y),
        },
        "target": target,
        "task": problem.task,
        "reason": done.reason,
        "settings": asdict(settings),
        "seconds": trained.seconds,
        "stopped": trained.stopped,
        "best_epoch": trained.best_epoch,
        "results": [score.to_dict() for score in scores],
        "baseline": asdict(baseline),
        "cross_validation": None if folds is None else [one.to_dict() for one in folds],
        "fit_all": fit_all,
        "versions": {
            "chainrule": __version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }
    save_table_model(model_path, model.estimator, training)
    by = "" if settings.weight is None else f", by the weights of {settings.weight!r}"
    report.line(
        f"\nresult on the {len(tested.y):,} test rows, none of them seen in training{by}:\n"
    )
    report.scores(scores, baseline.name)
    report.line()
    report.line(f"model  {model_path}")
    if picture is not None:
        lacking = _draw(draw_losses, picture, drawn, done.name, target, scores)
        if lacking:
            report.note(f"the picture shows boxes for {lacking}, which its font lacks")
        report.line(f"plot   {picture}")
    if page is not None:
        facts = {
            "stopped_because": trained.stopped,
            "seconds": trained.seconds,
            "best_epoch": trained.best_epoch,
            "code": command_line(data, asked.target or target, settings, asked.task),
        }
        write_page(page, tested_model, rows, tested, facts)
        report.line(f"report {page}")
    if presets.get(settings.preset).searches:
        report.line("\nsettings tried, the best first:\n")
        report.line("\n".join(str(model.estimator.leaderboard_).splitlines()[: 1 + MOST_SHOWN]))
    if outputs.as_json:
        record = {"model": str(model_path), "out_of_fold": model.estimator.oof_score_, **training}
        print(json.dumps(as_record(record), ensure_ascii=False))
    if trained.stopped == "interrupted" or stop.asked:
        raise Interrupted(f"interrupted; the best model so far is in {model_path}")
    if trained.divergence is not None:
        kept = f"The model of the epochs before is in {model_path}."
        raise Diverged(divergence_words(trained, kept))


def _in_memory(read: ProblemRows, keeping: Keeping) -> Outcome:
    rows, tested = read.part(read.train_on), read.part(read.test)
    problem = read.problem
    if not problem.classes and problem.settings.loss is None and np.any(tested.y < 0.0):
        # no loss may be chosen that cannot be told of the test rows
        problem = replace(problem, settings=replace(problem.settings, loss="mse"))
    trained = train(rows, problem, len(read.test), keeping)
    return Outcome(
        read.name,
        problem,
        read.reason,
        trained,
        rows,
        tested,
        read.baseline(rows),
        read.all.frame.height,
        len(rows.y) - trained.held,
    )


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


def _again_on_all(read: ProblemRows, estimator: Tabular, stop: Stop) -> bool:
    """Train the networks again, on all rows, for as many epochs as each kept.

    Returns whether that came to its end; where it did not, the estimator is not to be used.
    """
    report, seconds = read.problem.report, estimator.fit_seconds_
    networks = [one.estimator for one in estimator.members_]
    total = sum(best_epoch_of(one) or one.n_iter_ for one in networks)
    report.line(f"training again on all {len(read.all.y):,} rows")
    try:
        stop.interrupts = True
        with tell_warnings(report), report.epochs(total, None) as bar:
            estimator.set_params(callbacks=bar.show)
            frame = inputs_of(read.all.frame, read.problem)[0]
            estimator.refit(frame, read.all.y, read.all.weight)
        stop.interrupts = False
    except KeyboardInterrupt:
        return False
    finally:
        estimator.set_params(callbacks=None)
    epochs = sorted(one.estimator.n_iter_ for one in estimator.members_)
    made = (
        f"{epochs[0]} to {epochs[-1]} epochs"
        if epochs[0] < epochs[-1]
        else counted(epochs[0], "epoch")
    )
    report.line(
        f"trained again, {made}, in {estimator.fit_seconds_ - seconds:.1f} s; "
        "the result is that of the model before"
    )
    return True


def _show_run(trained: Trained, report: Report) -> None:
    networks = trained.model.networks
    shown = networks[0].network_
    widths = [str(shown.n_in)]
    widths += [f"{layer.n_out} {layer.activation.name}" for layer in shown.layers[:-1]]
    widths.append(str(shown.n_out))
    report.line(f"network {' > '.join(widths)}, {shown.n_parameters:,} parameters")
    kept = "" if trained.best_epoch is None else f", epoch {trained.best_epoch} kept"
    several = f"{len(networks)} networks, at most " if len(networks) > 1 else ""
    epochs = max(one.n_iter_ for one in networks)
    report.line(
        f"trained {several}{counted(epochs, 'epoch')} in {trained.seconds:.1f} s "
        f"({REASONS.get(trained.stopped, trained.stopped)}){kept}"
    )


def _draw(
    draw: Callable[..., str],
    path: Path,
    trained: Trained,
    name: str,
    target: str,
    scores: list[Score],
) -> str:
    networks = trained.model.networks
    loss = codec_of(networks[0]).own_loss.name.replace("_", " ")
    reached = ", ".join(f"{score.name} {written(score.value)}" for score in scores)
    return draw(
        path,
        [one.loss_curve_ for one in networks],
        [one.validation_loss_curve_ for one in networks if one.validation_loss_curve_],
        best=trained.best_epoch,
        title=f"{name}: {target}",
        subtitle=f"on test rows: {reached}",
        loss=loss,
    )
