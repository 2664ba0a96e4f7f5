"""A fitted estimator as the subject of an explanation."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.engines.engine import Rows
from chainrule.estimators.base import BaseMLP
from chainrule.estimators.history import best_epoch
from chainrule.estimators.ingredients import loss_in_units, make_optimizer, make_schedule, solver_of
from chainrule.foundation.errors import InputError
from chainrule.insight.explanation import Explanation
from chainrule.insight.records import Encoding, TrainingRecord
from chainrule.insight.subject import Subject

__all__ = ["explanation_of", "rows_of"]


def explanation_of(
    estimator: BaseMLP, given: tuple[Any, ...], held_out: tuple[Any, ...] | None = None
) -> Explanation:
    """Return the explanation of a fitted estimator on rows (X, y, sample_weight).

    The optimizer's memory belongs to the last step; it is left out where the parameters shown are
    others: those of an earlier, better epoch, an average, or edited ones.
    """
    state, parameters = estimator._state, estimator.parameters_.vector
    live = np.array_equal(estimator._fold(state.vector), parameters, equal_nan=True)
    remembered = live and state.step > 0  # a loaded model has parameters, and no memory
    subject = Subject(
        estimator.objective_,
        state.vector if live else estimator._unfold(parameters),
        rows_of(estimator, given, ("X", "y", "sample_weight"), estimator.label_smoothing),
        optimizer=make_optimizer(estimator),
        slots=tuple(state.slots) if remembered else (),
        step=state.step if live else 0,
        learning_rate=float(estimator.learning_rate_init),
        batch_size=getattr(estimator, "batch_size_", None),
        input_names=_input_names(estimator),
        notes=tuple(_notes(estimator)),
        training=_training(estimator),
        encoding=_encoding(estimator),
    )
    names = ("X held out", "y held out", "sample_weight held out")
    return Explanation(subject, None if held_out is None else rows_of(estimator, held_out, names))


def _notes(estimator: BaseMLP) -> Iterator[str]:
    """Give the sentences that a reader of the numbers must know."""
    scale = getattr(estimator, "target_scale_", None)
    if scale is not None:
        yield scale.sentence
    if estimator._state.optimizer.get("averaging"):
        yield "the parameters are the average of those of the steps; training goes on from the last"
    if estimator.objective_.dropout:
        yield "training leaves units out; what is explained is the whole network"
    if estimator.label_smoothing > 0.0:
        yield f"labels are smoothed as in training, by {estimator.label_smoothing:g}"


def rows_of(
    estimator: BaseMLP,
    given: tuple[Any, ...],
    names: tuple[str, str, str],
    smoothing: float = 0.0,
) -> Rows:
    """Return arrays as the estimator's own rows; refuse what `fit` refuses."""
    if len(given) not in (2, 3):
        raise InputError(
            f"held_out must be (X, y) or (X, y, sample_weight); got {len(given)} arrays."
        )
    X, y, weight = (*given, None)[:3]
    samples = estimator._checked(X, y, weight, reset=False, names=names)
    weight = estimator._weighted(samples.y, samples.weight)
    rows: Rows = estimator._rows(samples._replace(weight=weight), names[:2], smoothing)
    return rows


def _input_names(estimator: BaseMLP) -> tuple[str, ...]:
    """Return the names that the estimator saw, or those of the table it was prepared from."""
    preparation = getattr(estimator, "preparation_", None)
    names = getattr(preparation, "feature_names", ())
    return tuple(map(str, getattr(estimator, "feature_names_in_", names)))


def _training(estimator: BaseMLP) -> TrainingRecord:
    """Return what the fit recorded."""
    return TrainingRecord(
        model=type(estimator).__name__,
        solver=solver_of(estimator),
        schedule=make_schedule(estimator).name,
        options=estimator.get_params(deep=False),
        code=_code(estimator),
        seed=estimator.seed_,
        engine=getattr(estimator, "engine_", None),
        epochs=len(estimator.loss_curve_),
        rows_seen=estimator.t_,
        seconds=getattr(estimator, "fit_seconds_", None) or None,
        stopped_because=estimator.stopped_because_,
        best_epoch=best_epoch(estimator),
        loss_curve=estimator.loss_curve_,
        validation_loss_curve=estimator.validation_loss_curve_ or (),
        validation_scores=estimator.validation_scores_ or (),
        rates=getattr(estimator, "learning_rate_curve_", None) or (),
    )


def _encoding(estimator: BaseMLP) -> Encoding:
    """Return how the user's rows became inputs and targets."""
    classes = getattr(estimator, "classes_", None)
    scale = getattr(estimator, "target_scale_", None)
    preparation = getattr(estimator, "preparation_", None)
    return Encoding(
        classes=None if classes is None else classes.tolist(),
        columns=None if preparation is None else _columns(preparation),
        center=0.0 if scale is None else scale.center,
        spread=1.0 if scale is None else scale.spread,
        loss=loss_in_units(estimator),
        loss_factor=float(estimator._loss_factor),
    )


def _columns(preparation: Any) -> list[tuple[str, range]]:
    """Return each column of the table with the inputs that are made of it."""
    found, start = [], 0
    for column in preparation.columns:
        stop = start + len(column.outputs)
        found.append((column.name, range(start, stop)))
        start = stop
    return found


def _code(estimator: BaseMLP) -> str:
    """Return the lines that make and train it again, with the seed it drew."""
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
