"""A network of another library as a fitted estimator, which trains on from its numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.estimators.base import put_run
from chainrule.estimators.checking import check_options, fixed_options
from chainrule.estimators.class_codec import ClassCodec
from chainrule.estimators.classifier import MLPClassifier
from chainrule.estimators.history import begin_history
from chainrule.estimators.labels import checked_labels
from chainrule.estimators.number_codec import NumberCodec
from chainrule.estimators.option import parameters_of
from chainrule.estimators.recipe import Recipe
from chainrule.estimators.regressor import MLPRegressor
from chainrule.estimators.run import Run
from chainrule.estimators.target_codec import TargetCodec
from chainrule.formulas.loss import Loss, losses
from chainrule.formulas.records import activations
from chainrule.foundation.errors import InputError, must_be, suggest
from chainrule.foundation.seeds import as_seed
from chainrule.interop.networks import ReadNetwork, read_network
from chainrule.training.network import own

__all__ = ["from_network"]

# Rows that a network is run on, where none are given.
ROWS = 16
FIXED = ("hidden_layer_sizes", "activation", "dtype", "n_estimators", "scale_target", "loss")


def from_network(
    model: Any,
    X: Any = None,
    *,
    classes: Sequence[Any] | None = None,
    loss: str | Loss | None = None,
    **options: Any,
) -> MLPClassifier | MLPRegressor:
    """Return a fitted estimator with the numbers of a network of another library.

    It predicts the same, and ``partial_fit``, or ``fit`` with ``warm_start=True``, trains it on;
    the optimizer begins without memory. ``to_sklearn``, ``to_torch`` and ``to_keras`` lead back.

    Parameters
    ----------
    model : object
        A fitted ``MLPClassifier`` or ``MLPRegressor`` of scikit-learn; a PyTorch module, a net of
        skorch or a Keras model as `explain` reads them; a list of (weight, bias, activation) with
        weights (n_in, n_out); or a pair (Network, Parameters).
    X : array (n, n_in), optional
        Rows to run the network on: it is refused if it computes something else than its layers say.
        Without, these are 16 rows of normal numbers.
    classes : sequence, optional
        The labels, sorted, in the order of the outputs; numbers from 0 on if left out. With linear
        outputs they say that these are logits.
    loss : str or Loss, optional
        The loss to train on with; by default the one that suits the model's end, as in `explain`.
    **options
        Options of `MLPClassifier` or `MLPRegressor`, as ``learning_rate_init=0.01``; for a network
        of scikit-learn its own by default.

    Returns
    -------
    MLPClassifier or MLPRegressor
        A classifier where the model ends in sigmoid or softmax, or has ``classes``.

    Raises
    ------
    InputError
        If a layer cannot be expressed, the last activation is neither linear nor the link of a
        loss, several layers share parameters, or a layer has no bias; the message says which.

    Examples
    --------
    >>> layers = [([[0.5], [0.25]], [0.0], "tanh"), ([[2.0, -2.0]], [0.0, 0.0], "softmax")]
    >>> model = from_network(layers, classes=["no", "yes"], learning_rate_init=0.1)
    >>> model.predict([[1.0, -4.0]]).tolist()
    ['yes']
    >>> for _ in range(30):
    ...     model = model.partial_fit([[1.0, -4.0]], ["no"])
    >>> model.predict([[1.0, -4.0]]).tolist()
    ['no']
    """
    _check_model(model)
    model = getattr(model, "module_", model)  # of a net of skorch
    rows = _rows_for(model) if X is None else X
    read = read_network(model, rows, loss, class_numbers=classes is not None)
    alone = read.objective.network.n_out == 1
    if classes is not None and loss is None and alone and read.objective.loss.name == "mse":
        read = read_network(model, rows, "binary_cross_entropy")  # the one output is a logit
    _check_layers(read)
    labels = getattr(model, "classes_", None) if classes is None else classes
    codec = _codec(read, labels, default=loss is None)
    kind: Any = MLPClassifier if isinstance(codec, ClassCodec) else MLPRegressor
    estimator = kind(**_options(kind, model, read, codec, loss, options))
    check_options(estimator)
    _put(estimator, read, codec)
    names = getattr(model, "feature_names_in_", None)
    if names is not None:
        estimator.feature_names_in_ = names
    return estimator  # type: ignore[no-any-return]


def _check_model(model: Any) -> None:
    if hasattr(model, "steps") or hasattr(model, "best_estimator_"):
        advice = "Pass the network inside, and its inputs."
        raise must_be("model", "the network itself", type(model).__name__, advice)
    if isinstance(model, MLPClassifier | MLPRegressor):
        advice = "It is one of ours already: copy.deepcopy(model) is another one."
        raise must_be("model", "a network of another library", type(model).__name__, advice)


def _rows_for(model: Any) -> np.ndarray:
    """Return rows of the shape that a network takes."""
    shape: tuple[Any, ...] = getattr(model, "input_shape", ())[1:]
    if isinstance(model, tuple) and len(model) == 2 and hasattr(model[0], "n_in"):
        shape = (model[0].n_in,)
    elif isinstance(model, list | tuple) and model:
        shape = np.shape(model[0][0])[:1]
    elif hasattr(model, "coefs_"):
        shape = np.shape(model.coefs_[0])[:1]
    elif hasattr(model, "modules"):
        found = (one.in_features for one in model.modules() if hasattr(one, "in_features"))
        shape = shape or tuple(found)[:1]
    if not all(isinstance(one, int) for one in shape):
        shape = ()
    return np.random.default_rng(0).normal(size=(ROWS, *(shape or (1,))))


def _check_layers(read: ReadNetwork) -> None:
    """Refuse what an estimator has no way to hold."""
    if read.shared:
        layers = " and ".join(map(str, read.shared[0].layers))
        raise must_be("model", "of layers with parameters of their own", f"layers {layers} share")
    *_, last = layers_of = read.objective.network.layers
    for number, layer in enumerate(layers_of, start=1):
        if not layer.bias:
            advice = "Give it one of zeros."
            raise must_be("model", "of layers with a bias", f"none in layer {number}", advice)
    if last.activation.name != "linear":
        ends = dict.fromkeys(losses[name].link.name for name in losses)
        raise must_be(
            "the last activation of model",
            f"linear, or the link of a loss ({', '.join(ends)})",
            last.activation.name,
            "Add a linear layer, or name a loss with that link.",
        )


def _codec(read: ReadNetwork, labels: Any, default: bool) -> TargetCodec:
    loss, n_scores = read.objective.loss, read.objective.network.n_out
    if loss.link.range != (0.0, 1.0):
        if labels is not None:
            raise must_be("classes", "left out for a loss of numbers", list(labels))
        if n_scores % loss.scores_per_target:
            raise InputError(
                f"loss must be of {n_scores} scores, as the network has; got {loss.name!r} of "
                f"{loss.scores_per_target}. Name another loss."
            )
        return NumberCodec(loss=loss, own_loss=loss, n_scores=n_scores)
    if loss.link.rowwise and n_scores == 1:
        raise must_be("model", f"of several outputs for {loss.link.name}", 1, "Use sigmoid.")
    multilabel = not loss.link.rowwise and n_scores > 1
    if multilabel and default:
        loss = losses.get(loss, summed=True)  # each label learns as if it were alone
    count = 2 if n_scores == 1 else n_scores
    classes = np.arange(count)
    if labels is not None:
        found = checked_labels(labels, "classes")
        if len(found) != count or not np.array_equal(np.unique(found), found):
            raise must_be("classes", f"{count} different labels, sorted", found.tolist())
        if multilabel and not np.array_equal(found, classes):
            raise must_be("classes", "left out for several labels per row", found.tolist())
        classes = found
    return ClassCodec(
        loss=loss, own_loss=loss, n_scores=n_scores, classes=classes, multilabel=multilabel
    )


def _options(
    kind: Any,
    model: Any,
    read: ReadNetwork,
    codec: TargetCodec,
    loss: str | Loss | None,
    given: dict[str, Any],
) -> dict[str, Any]:
    """Return the options of the estimator: those of the network, of its library, and given."""
    known = parameters_of(kind)
    for name in given:
        if name in FIXED:
            raise must_be("options", f"left without {name}, which the network says", given[name])
        if name not in known:
            raise must_be("options", f"those of {kind.__name__}", name, suggest(name, list(known)))
    hidden = read.objective.network.layers[:-1]
    records = [layer.activation for layer in hidden]
    plain = [record.name if record == activations[record.name] else record for record in records]
    same = len(set(plain)) == 1
    found: dict[str, Any] = {}
    if hasattr(model, "coefs_"):
        found = {name: one for name, one in model.get_params(deep=False).items() if name in known}
    found |= given
    found |= {
        "hidden_layer_sizes": tuple(layer.n_out for layer in hidden),
        "dtype": str(read.parameters.vector.dtype),
    }
    if plain:
        found["activation"] = plain[0] if same else plain
    if isinstance(codec, NumberCodec):
        usual = losses[codec.loss.name] == codec.loss
        return found | {"loss": codec.loss.name if usual else codec.loss, "scale_target": False}
    return found | ({} if loss is None else {"loss": codec.loss})


def _put(estimator: Any, read: ReadNetwork, codec: TargetCodec) -> None:
    """Make the network that of the estimator, as if no epoch had been made."""
    network = own(read.objective.network)
    run = Run.begin(
        Recipe.of(estimator),
        codec,
        network,
        fixed_options(estimator),
        seed=as_seed(estimator.random_state),
        parameters=network.parameters(np.array(read.parameters.vector)),
    )
    begin_history(estimator)
    estimator.n_features_in_, estimator.n_iter_ = network.n_in, 0
    estimator.stopped_because_ = "not_trained"
    estimator.engine_ = estimator.device_ = None
    put_run(estimator, run)
