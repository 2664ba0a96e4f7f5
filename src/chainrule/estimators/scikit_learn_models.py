"""A network as a fitted estimator of scikit-learn."""

from typing import Any

import numpy as np

from chainrule.estimators.class_codec import ClassCodec
from chainrule.estimators.ingredients import solver_of
from chainrule.estimators.outward import Outward
from chainrule.estimators.target_codec import TargetCodec
from chainrule.foundation.errors import InputError, must_be

__all__ = ["scikit_learn_model"]

# Our names and theirs.
ACTIVATIONS = {"linear": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}
LINKS = {"linear": "identity", "sigmoid": "logistic", "softmax": "softmax", "exponential": "exp"}
LOSSES = {"mse": "squared_error", "poisson": "poisson"}
SOLVERS = ("adam", "sgd", "lbfgs")
SCHEDULES = ("constant", "invscaling", "adaptive")
OPTIONS = (
    *("alpha", "learning_rate_init", "power_t", "max_iter", "shuffle", "tol", "momentum"),
    *("nesterovs_momentum", "validation_fraction", "beta_1", "beta_2", "epsilon", "early_stopping"),
    *("n_iter_no_change", "max_fun", "warm_start"),
)


def scikit_learn_model(estimator: Any, network: Outward, codec: TargetCodec) -> Any:
    """Return scikit-learn's estimator with the numbers and the options of a fitted one of ours."""
    from sklearn import neural_network
    from sklearn.utils import check_random_state

    *hidden, link = network.activations
    names = {record.name for record in hidden}
    Outward.check(_part(network, hidden), "scikit-learn", tuple(ACTIVATIONS))
    if len(names) > 1:
        raise must_be(
            "activation", "the same in all hidden layers, for scikit-learn", sorted(names)
        )
    kind: Any = neural_network.MLPClassifier
    options = _options(estimator)
    if isinstance(codec, ClassCodec):
        _check_classes(network, codec)
    else:
        kind = neural_network.MLPRegressor
        known = LOSSES if "loss" in kind().get_params() else {"mse": "squared_error"}
        if codec.own_loss.name not in known:
            rule = f"one that scikit-learn has ({', '.join(known)})"
            raise must_be("loss", rule, codec.own_loss.name)
        if "loss" in kind().get_params():
            options["loss"] = known[codec.own_loss.name]
    model = kind(
        hidden_layer_sizes=tuple(weight.shape[1] for weight in network.weights[:-1]),
        activation=ACTIVATIONS[names.pop()] if names else "identity",
        **options,
    )
    model.coefs_, model.intercepts_ = network.weights, network.biases
    model.n_layers_, model.n_outputs_ = len(network.weights) + 1, network.weights[-1].shape[1]
    model.out_activation_, model.n_features_in_ = LINKS[link.name], network.weights[0].shape[0]
    if hasattr(estimator, "feature_names_in_"):
        model.feature_names_in_ = estimator.feature_names_in_
    model.n_iter_, model.t_, model.loss_ = estimator.n_iter_, estimator.t_, estimator.loss_
    model.loss_curve_ = list(estimator.loss_curve_)
    held_out = model.early_stopping and estimator.validation_scores_
    model.validation_scores_ = list(estimator.validation_scores_) if held_out else None
    model.best_validation_score_ = max(model.validation_scores_) if held_out else None
    model.best_loss_ = None if held_out else min(model.loss_curve_, default=np.inf)
    # what its training goes on from
    model._random_state = check_random_state(model.random_state)
    model._no_improvement_count = 0
    model._best_coefs = [weight.copy() for weight in model.coefs_]
    model._best_intercepts = [bias.copy() for bias in model.intercepts_]
    if isinstance(codec, ClassCodec):
        from sklearn.preprocessing import LabelBinarizer

        rows = np.eye(len(codec.classes), dtype=int) if codec.multilabel else codec.classes
        model._label_binarizer = LabelBinarizer().fit(rows)
        model.classes_ = model._label_binarizer.classes_
    return model


def _part(network: Outward, hidden: list[Any]) -> Outward:
    return Outward(network.weights, network.biases, hidden, network.loss, linked=False)


def _check_classes(network: Outward, codec: ClassCodec) -> None:
    """Refuse losses and labels that scikit-learn's classifier has no way to hold."""
    loss = codec.loss
    if loss.name not in ("binary_cross_entropy", "categorical_cross_entropy"):
        raise must_be("loss", "a cross-entropy, for scikit-learn", loss.name)
    if loss.link.rowwise and len(codec.classes) == 2:
        raise must_be(
            "loss",
            "binary_cross_entropy for two classes, for scikit-learn",
            loss.name,
            "It has one score for two classes, and this network two.",
        )
    if codec.classes.dtype.kind not in "biuUO" or any(
        isinstance(label, bytes) for label in codec.classes.tolist()
    ):
        raise InputError(
            "classes must be whole numbers, booleans or texts, for scikit-learn; got "
            f"{codec.classes.dtype}. Fit on other labels."
        )


def _options(estimator: Any) -> dict[str, Any]:
    """Return the options that both libraries have."""
    found = {name: getattr(estimator, name) for name in OPTIONS}
    solver, schedule = solver_of(estimator), estimator.learning_rate
    if isinstance(solver, str) and solver in SOLVERS:
        found["solver"] = solver
    if isinstance(schedule, str) and schedule in SCHEDULES:
        found["learning_rate"] = schedule
    if estimator.batch_size != "noise":
        found["batch_size"] = estimator.batch_size
    found["random_state"] = estimator.seed_ % 2**32  # NumPy's older generators take no more
    return found
