"""A fitted estimator as the subject of an explanation."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.engines.engine import Rows
from chainrule.estimators.history import best_epoch
from chainrule.estimators.ingredients import solver_of
from chainrule.estimators.number_codec import NumberCodec
from chainrule.estimators.recipe import Recipe
from chainrule.estimators.run import Run
from chainrule.estimators.target_codec import TargetCodec
from chainrule.insight.explanation import Explanation
from chainrule.insight.records import Encoding, TrainingRecord
from chainrule.insight.subject import Subject

__all__ = ["explanation_of"]


def explanation_of(
    estimator: Any, run: Run, recipe: Recipe, rows: Rows, held_out: Rows | None
) -> Explanation:
    """Return the explanation of a fitted estimator on rows, judged on those held out.

    The optimizer's memory belongs to the last step; it is left out where the parameters shown are
    others: those of an earlier, better epoch, an average, or edited ones.
    """
    state, shown = run.state, estimator.parameters_.vector
    live = np.array_equal(run.parameters(state.vector).vector, shown, equal_nan=True)
    remembered = live and state.step > 0  # a loaded model has parameters, and no memory
    subject = Subject(
        estimator.objective_,
        state.vector if live else run.codec.unfold(shown, run.network.layout),
        rows,
        optimizer=recipe.optimizer,
        slots=tuple(state.slots) if remembered else (),
        step=state.step if live else 0,
        learning_rate=recipe.learning_rate,
        batch_size=run.batch_size or None,
        input_names=_input_names(estimator),
        notes=tuple(_notes(run, recipe)),
        training=_training(estimator, run, recipe),
        encoding=_encoding(estimator, run.codec),
    )
    return Explanation(subject, held_out)


def _notes(run: Run, recipe: Recipe) -> Iterator[str]:
    """Yield the sentences that a reader of the numbers must know."""
    if isinstance(run.codec, NumberCodec) and run.codec.target_scale is not None:
        yield run.codec.target_scale.sentence
    if run.state.optimizer.get("averaging"):
        yield "the parameters are the average of those of the steps; training goes on from the last"
    if run.objective.dropout:
        yield "training leaves units out; the whole network is explained"
    if recipe.label_smoothing > 0.0:
        yield f"labels are smoothed as in training, by {recipe.label_smoothing:g}"


def _input_names(estimator: Any) -> tuple[str, ...]:
    """Return the names of the inputs, or those of the table they were prepared from."""
    preparation = getattr(estimator, "preparation_", None)
    names = getattr(preparation, "feature_names", ())
    return tuple(map(str, getattr(estimator, "feature_names_in_", names)))


def _training(estimator: Any, run: Run, recipe: Recipe) -> TrainingRecord:
    """Return the record of the fit."""
    return TrainingRecord(
        model=type(estimator).__name__,
        solver=solver_of(estimator),
        schedule=recipe.schedule.name,
        options=estimator.get_params(deep=False),
        code=_code(estimator),
        seed=estimator.seed_,
        engine=getattr(estimator, "engine_", None),
        device=getattr(estimator, "device_", None),
        epochs=len(estimator.loss_curve_),
        rows_seen=estimator.t_,
        seconds=getattr(estimator, "fit_seconds_", None) or None,
        stopped_because=estimator.stopped_because_,
        best_epoch=best_epoch(estimator, run.watches_loss(estimator.monitor)),
        loss_curve=estimator.loss_curve_,
        validation_loss_curve=estimator.validation_loss_curve_ or (),
        validation_scores=estimator.validation_scores_ or (),
        rates=getattr(estimator, "learning_rate_curve_", None) or (),
    )


def _encoding(estimator: Any, codec: TargetCodec) -> Encoding:
    """Return the way from the user's rows to inputs and targets."""
    classes = getattr(estimator, "classes_", None)
    scale = getattr(estimator, "target_scale_", None)
    preparation = getattr(estimator, "preparation_", None)
    return Encoding(
        classes=None if classes is None else classes.tolist(),
        columns=None if preparation is None else _columns(preparation),
        center=0.0 if scale is None else scale.center,
        spread=1.0 if scale is None else scale.spread,
        loss=codec.own_loss,
        loss_factor=float(codec.loss_factor),
    )


def _columns(preparation: Any) -> list[tuple[str, range]]:
    """Return each column of the table with the inputs made of it."""
    found, start = [], 0
    for column in preparation.columns:
        stop = start + len(column.outputs)
        found.append((column.name, range(start, stop)))
        start = stop
    return found


def _code(estimator: Any) -> str:
    """Return the code that trains the estimator again, with the seed that it drew."""
    name = type(estimator).__name__
    kind: Any = type(estimator)
    usual = kind().get_params(deep=False)
    options = {
        option: value
        for option, value in estimator.get_params(deep=False).items()
        if option not in usual or repr(value) != repr(usual[option])
    }
    options["random_state"] = estimator.seed_
    lines = [f"    {option}={value!r}," for option, value in options.items()]
    made = "\n".join([f"model = {name}(", *lines, ")"])
    return f"from chainrule import {name}\n\n{made}\nmodel.fit(X, y)"
