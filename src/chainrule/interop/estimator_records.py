"""A fitted estimator as JSON and arrays, and back: what a file holds of it is checked."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

from chainrule.estimators.base import codec_of, put_run
from chainrule.estimators.checking import fixed_options
from chainrule.estimators.class_codec import ClassCodec
from chainrule.estimators.classifier import MLPClassifier
from chainrule.estimators.ensemble import take_over
from chainrule.estimators.number_codec import NumberCodec
from chainrule.estimators.option_values import (
    class_weight_from_json,
    class_weight_to_json,
    labels_from_json,
    labels_to_json,
    option_from_json,
    option_to_json,
    text,
    whole,
)
from chainrule.estimators.recipe import Recipe
from chainrule.estimators.regressor import MLPRegressor
from chainrule.estimators.run import Run
from chainrule.estimators.target_codec import TargetCodec
from chainrule.formulas.loss import losses
from chainrule.formulas.records import restore
from chainrule.foundation.errors import must_be
from chainrule.training.network import Network

__all__ = [
    "ESTIMATORS",
    "Estimator",
    "arrays_of_member",
    "describe_estimator",
    "restore_estimator",
]

Estimator: TypeAlias = MLPClassifier | MLPRegressor
ESTIMATORS: dict[str, type[Estimator]] = {
    kind.__name__: kind for kind in (MLPClassifier, MLPRegressor)
}
CURVES = (
    "loss_curve_",
    "penalty_curve_",
    "learning_rate_curve_",
    "validation_loss_curve_",
    "validation_scores_",
)
COUNTS = ("n_iter_", "t_", "seed_", "n_features_in_", "n_outputs_")


def describe_estimator(estimator: Estimator) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return what a file holds of an estimator: its description, and its arrays."""
    description: dict[str, Any] = {
        "estimator": type(estimator).__name__,
        "options": {
            option: option_to_json(estimator, option, value)
            for option, value in estimator.get_params(deep=False).items()
        },
    }
    if hasattr(estimator, "estimators_"):
        members = [describe_estimator(member) for member in estimator.estimators_]
        description["members"] = [one for one, _ in members]
        description["seed"] = estimator.seed_
        arrays = {
            f"{number}.{name}": array
            for number, (_, own) in enumerate(members)
            for name, array in own.items()
        }
        return description, arrays
    _check_finite(estimator)
    codec = codec_of(estimator)
    description |= {
        "network": estimator.network_.to_dict(),
        "loss": estimator.objective_.loss.to_dict(),
        "curves": {curve: getattr(estimator, curve) for curve in CURVES},
        "counts": {count: int(getattr(estimator, count)) for count in COUNTS},
        "stopped_because": estimator.stopped_because_,
        "train_loss": estimator.train_loss_,
        "engine": getattr(estimator, "engine_", None),
        "device": getattr(estimator, "device_", None),
        "batch_size": [estimator.batch_size_, estimator.batch_size_reason_],
        "feature_names": _names(getattr(estimator, "feature_names_in_", None)),
    }
    arrays = {"parameters": np.asarray(estimator.parameters_.vector)}
    if isinstance(estimator, MLPClassifier):
        description["classes"] = labels_to_json(estimator.classes_)
        assert isinstance(codec, ClassCodec)
        description["multilabel"] = codec.multilabel
        description["class_weight"] = class_weight_to_json(estimator.class_weight_)
    else:
        scale = estimator.target_scale_
        description["target_spread"] = None if scale is None else scale.spread
        description["loss_factor"] = codec.loss_factor
        description["loss_unit"] = codec.loss_unit
        if scale is not None:
            arrays["target_center"] = scale.center
    return description, arrays


def restore_estimator(description: dict[str, Any], arrays: dict[str, np.ndarray]) -> Estimator:
    kind = ESTIMATORS[description["estimator"]]
    estimator = kind(**_options_of(description))
    if "members" in description:
        members = []
        for number, one in enumerate(description["members"]):
            own = arrays_of_member(arrays, number)
            members.append(_single(kind(**_options_of(one)), one, own))
        _check_members(estimator, members)
        take_over(estimator, members, whole(description["seed"]))
        return estimator
    return _single(estimator, description, arrays)


def arrays_of_member(arrays: dict[str, np.ndarray], number: int) -> dict[str, np.ndarray]:
    """Return the arrays of one of several networks, by the names they have alone."""
    first = f"{number}."
    return {
        name.removeprefix(first): array for name, array in arrays.items() if name.startswith(first)
    }


def _options_of(description: dict[str, Any]) -> dict[str, Any]:
    return {
        option: option_from_json(option, value) for option, value in description["options"].items()
    }


def _single(
    estimator: Estimator, description: dict[str, Any], arrays: dict[str, np.ndarray]
) -> Estimator:
    """Return the estimator of one network, fitted."""
    network = Network.from_dict(description["network"])
    vector = arrays["parameters"]
    if vector.shape != (network.n_parameters,) or vector.dtype.kind != "f":
        raise ValueError(f"the network has {network.n_parameters} parameters, got {vector.shape}")
    for curve in CURVES:
        # .get, because files written before a curve was recorded lack it
        setattr(estimator, curve, _curve(description["curves"].get(curve)))
    for count in COUNTS:
        setattr(estimator, count, whole(description["counts"][count]))
    estimator.stopped_because_ = text(description["stopped_because"])
    engine = description.get("engine")  # not in the files of version 0.1
    device = description.get("device")  # not in the files of version 0.1
    estimator.engine_ = None if engine is None else text(engine)
    estimator.device_ = None if device is None else text(device)
    if description["feature_names"] is not None:
        names = [text(name) for name in description["feature_names"]]
        estimator.feature_names_in_ = np.array(names, dtype=object)
    losses_seen, scores = estimator.loss_curve_, estimator.validation_scores_
    estimator.loss_ = losses_seen[-1] if losses_seen else math.nan
    estimator.train_loss_ = float(description["train_loss"])
    estimator.best_loss_ = min(losses_seen) if losses_seen and not scores else None
    estimator.best_validation_score_ = max(scores) if scores else None
    codec = _codec(estimator, description, arrays)
    _check_widths(network, codec, description["counts"])
    run = Run.begin(
        Recipe.of(estimator),
        codec,
        network,
        fixed_options(estimator),
        seed=whole(description["counts"]["seed_"]),
        parameters=network.parameters(vector),
    )
    size, reason = description["batch_size"]
    run = run.with_batch_size(whole(size), None if reason is None else text(reason))
    run.state.go_on_from(codec.unfold(vector, network.layout))
    put_run(estimator, run)
    estimator.parameters_ = network.parameters(vector)
    _check_finite(estimator)
    return estimator


def _codec(
    estimator: Estimator, description: dict[str, Any], arrays: dict[str, np.ndarray]
) -> TargetCodec:
    """Return the codec of the targets of one network."""
    loss, n_scores = (
        restore(losses, description["loss"]),
        whole(description["counts"]["n_outputs_"]),
    )
    if isinstance(estimator, MLPClassifier):
        return ClassCodec(
            loss=loss,
            own_loss=loss,
            n_scores=n_scores,
            classes=labels_from_json(description["classes"]),
            multilabel=description["multilabel"] is True,
            # not in the files of version 0.1
            class_weight=class_weight_from_json(description.get("class_weight")),
        )
    spread = description["target_spread"]
    scale = None if spread is None else loss.target_scale(arrays["target_center"], float(spread))
    if scale is not None and not (np.isfinite(scale.center).all() and 0.0 < scale.spread < np.inf):
        raise ValueError(f"the scale of the targets is {scale.center}, {scale.spread}")
    return NumberCodec(
        loss=loss,
        own_loss=loss if scale is None else losses.get(estimator.loss),
        n_scores=n_scores,
        loss_factor=float(description["loss_factor"]),
        loss_unit=float(description["loss_unit"]),
        target_scale=scale,
    )


def _check_members(estimator: Estimator, members: list[Estimator]) -> None:
    """Refuse an ensemble whose networks do not answer the same question."""
    first = members[0]
    alike = all(
        type(one) is type(estimator)
        and one.network_.n_in == first.network_.n_in
        and one.network_.n_out == first.network_.n_out
        and one.objective_.loss.link == first.objective_.loss.link
        and _classes(one) == _classes(first)
        for one in members
    )
    # fewer, where training was interrupted before all had begun
    if not alike or not 0 < len(members) <= estimator.n_estimators:
        raise ValueError("the networks of the ensemble do not fit together")


def _classes(estimator: Estimator) -> list[Any]:
    return estimator.classes_.tolist() if isinstance(estimator, MLPClassifier) else []


def _check_finite(estimator: Estimator) -> None:
    """Refuse a model that cannot predict, and name the layer."""
    layers = zip(estimator.coefs_, estimator.intercepts_, strict=True)
    for number, arrays in enumerate(layers, start=1):
        for kind, array in zip(("weight", "bias"), arrays, strict=True):
            wrong = array[~np.isfinite(array)]
            if wrong.size:
                raise must_be(
                    "estimator",
                    "a model of finite numbers",
                    f"{wrong[0]} in a {kind} of layer {number}",
                    "Train it again.",
                )


def _check_widths(network: Network, codec: TargetCodec, counts: dict[str, Any]) -> None:
    """Refuse counts that contradict the network."""
    right = (counts["n_features_in_"], codec.n_scores) == (network.n_in, network.n_out)
    if isinstance(codec, ClassCodec):
        right = right and (codec.one_score_for_two or len(codec.classes) == network.n_out)
    if not right:
        raise ValueError("the numbers of inputs, outputs and classes do not fit the network")


def _names(names: Any) -> list[str] | None:
    return None if names is None else [str(name) for name in names]


def _curve(value: Any) -> list[float] | None:
    return None if value is None else [float(number) for number in value]
