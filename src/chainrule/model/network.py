"""A network is a description of layers and holds no arrays.

`Dense.trace` is the formula of a layer, with each derivative right below what it differentiates;
`Network.trace` is the tape of all layers, and backpropagation the loop over it in reverse.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, Self

from chainrule.formulas.activations import linear
from chainrule.formulas.initializers import Initializer, initializers
from chainrule.formulas.rate_factors import RateFactors, constant
from chainrule.formulas.rate_factors import rate_factors as _rate_factors
from chainrule.formulas.records import Activation, activations, restore
from chainrule.foundation.arrays import Array, Namespace, floating_dtype
from chainrule.foundation.catalogue import Catalogue
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.real_numbers import check_count
from chainrule.foundation.seeds import Purpose, stream
from chainrule.model.describing import layer_table
from chainrule.model.drawing import Drawing, draw_layers
from chainrule.model.dropout import Mask
from chainrule.model.parameters import Layout, Parameters
from chainrule.model.tape import LayerTape, Pullback, Tape

__all__ = ["Dense", "Network"]


@dataclass(frozen=True)
class Dense:
    """A fully connected layer: a = activation(x W + b).

    Parameters
    ----------
    n_in, n_out : int
        Number of inputs, and of units.
    activation : str or Activation, default="linear"
        A name from `chainrule.activations`, or a record.
    bias : bool, default=True
        Whether each unit has a bias.
    initializer : str or Initializer, optional
        How weight and bias start; None takes the one that suits the activation, where biases
        start at 0.
    rate_factors : str or RateFactors, default="constant"
        What the learning rate of weight and bias is multiplied by, as ``"ntk"`` or
        ``chainrule.rate_factors.get("constant", weight=0.5, bias=0.1)``.

    Examples
    --------
    >>> Dense(2, 3, "sigmoid")
    Dense(2, 3, 'sigmoid')
    """

    n_in: int
    n_out: int
    activation: Activation = linear
    bias: bool = True
    initializer: Initializer = None  # type: ignore[assignment]
    rate_factors: RateFactors = constant

    def __init__(
        self,
        n_in: int,
        n_out: int,
        activation: str | Activation = linear,
        bias: bool = True,
        initializer: str | Initializer | None = None,
        rate_factors: str | RateFactors = constant,
    ) -> None:
        for name, width in (("n_in", n_in), ("n_out", n_out)):
            check_count(name, width)
        record = activations.get(activation)
        object.__setattr__(self, "n_in", int(n_in))
        object.__setattr__(self, "n_out", int(n_out))
        object.__setattr__(self, "activation", record)
        object.__setattr__(self, "bias", bool(bias))
        start = initializers.get(record.initializer if initializer is None else initializer)
        object.__setattr__(self, "initializer", start)
        object.__setattr__(self, "rate_factors", _rate_factors.get(rate_factors))

    def __repr__(self) -> str:
        parts = [repr(self.n_in), repr(self.n_out), _short(activations, self.activation)]
        if not self.bias:
            parts.append("bias=False")
        if self.initializer != initializers[self.activation.initializer]:
            parts.append(f"initializer={_short(initializers, self.initializer)}")
        if self.rate_factors != constant:
            parts.append(f"rate_factors={_short(_rate_factors, self.rate_factors)}")
        return f"Dense({', '.join(parts)})"

    def forward(
        self, xp: Namespace, weight: Array, bias: Array | None, x: Array
    ) -> tuple[Array, Pullback]:
        """Return the output (n, n_out) for an input (n, n_in), and the pullback to it."""
        layer = self.trace(xp, weight, bias, x)
        return layer.a, layer.pullback

    def trace(self, xp: Namespace, weight: Array, bias: Array | None, x: Array) -> LayerTape:
        """Return all numbers of the layer for an input (n, n_in), and its derivatives."""
        z = x @ weight if bias is None else x @ weight + bias
        a = self.activation.value(xp, z)

        def dz(da: Array) -> Array:
            return self.activation.pullback(xp, z, a, da)

        def dx(dz: Array) -> Array:
            return dz @ weight.T

        def dparameters(dz: Array) -> tuple[Array, Array | None]:
            return x.T @ dz, None if bias is None else xp.sum(dz, axis=0)

        return LayerTape(x, z, a, dz, dx, dparameters)

    def to_dict(self) -> dict[str, Any]:
        """Return the description as JSON can hold it."""
        return {
            "n_in": self.n_in,
            "n_out": self.n_out,
            "activation": self.activation.to_dict(),
            "bias": self.bias,
            "initializer": self.initializer.to_dict(),
            "rate_factors": self.rate_factors.to_dict(),
        }


def _short(catalogue: Catalogue[Any], record: Any) -> str:
    known = record.name in catalogue and catalogue[record.name] == record
    return repr(record.name) if known else repr(record)


@dataclass(frozen=True)
class Network:
    """Dense layers, one after the other: description, formulas, and the way back.

    `chainrule.Network` is this and what needs engines: predictions, and gradients on arrays.

    The output of the last layer is the score that the loss takes; the loss owns the last step from
    score to prediction, so a classifier ends in a linear layer.

    Parameters
    ----------
    *layers : Dense
        At least one; each takes as many inputs as the one before has units.

    Examples
    --------
    >>> network = Network(Dense(2, 3, "sigmoid"), Dense(3, 1))
    >>> print(network.summary())
    layer  inputs  units  activation  initializer     parameters
        1       2      3  sigmoid     glorot_uniform           9
        2       3      1  linear      glorot_uniform           4
    total                                                     13
    """

    layers: tuple[Dense, ...] = field(default=())

    def __init__(self, *layers: Dense) -> None:
        if not layers:
            raise must_be("layers", "at least one Dense", layers, "Try Network(Dense(2, 1)).")
        for number, layer in enumerate(layers, start=1):
            if not isinstance(layer, Dense):
                raise must_be(f"layer {number}", "a Dense", layer)
        for number, (before, after) in enumerate(pairwise(layers), start=2):
            if before.n_out != after.n_in:
                raise InputError(
                    f"layer {number} must take the {before.n_out} outputs of layer {number - 1}; "
                    f"got n_in={after.n_in}. Change one of the two."
                )
        object.__setattr__(self, "layers", tuple(layers))

    @classmethod
    def of_widths(
        cls,
        widths: Sequence[int],
        activation: str | Activation | Sequence[str | Activation] = "relu",
        output: str | Activation = linear,
        initializer: str | Initializer | None = None,
        rate_factors: str | RateFactors | Sequence[str | RateFactors] = constant,
    ) -> Self:
        """Build a network from its widths, input and output included.

        All layers start by the initializer given, or each by the one that suits its activation;
        rate factors are those of all layers, or a list with one record per layer.

        Examples
        --------
        >>> Network.of_widths([64, 32, 10])
        Network(Dense(64, 32, 'relu'), Dense(32, 10, 'linear'))
        """
        hidden = len(widths) - 2
        if isinstance(activation, str | Activation):
            activation = [activation] * max(hidden, 0)
        if not isinstance(activation, Sequence):
            raise must_be("activation", "a name, a record, or a list of them", activation)
        if len(activation) != hidden:
            raise InputError(
                f"activation must name one function per hidden layer ({hidden}); got "
                f"{len(activation)}: {list(activation)!r}."
            )
        if isinstance(rate_factors, str | RateFactors):
            rate_factors = [rate_factors] * (hidden + 1)
        if not isinstance(rate_factors, Sequence) or len(rate_factors) != hidden + 1:
            rule = f"a name, a record, or a list with one per layer ({hidden + 1})"
            raise must_be("rate_factors", rule, rate_factors)
        return cls(
            *(
                Dense(n_in, n_out, choice, initializer=initializer, rate_factors=factors)
                for n_in, n_out, choice, factors in zip(
                    widths, widths[1:], [*activation, output], rate_factors, strict=False
                )
            )
        )

    def __repr__(self) -> str:
        return f"Network({', '.join(map(repr, self.layers))})"

    @property
    def n_in(self) -> int:
        """Number of inputs."""
        return self.layers[0].n_in

    @property
    def n_out(self) -> int:
        """Number of outputs."""
        return self.layers[-1].n_out

    @cached_property
    def layout(self) -> Layout:
        """The layout of the flat parameter vector."""
        return Layout(
            tuple((layer.n_in, layer.n_out, layer.bias) for layer in self.layers),
            tuple(layer.rate_factors.of_layer(layer.n_in, layer.n_out) for layer in self.layers),
        )

    @property
    def n_parameters(self) -> int:
        """Number of weights and biases."""
        return self.layout.size

    def start(self, seed: int = 0, dtype: Any = "float64") -> Parameters:
        """Return starting parameters, drawn by each layer's initializer.

        All weights come before the first bias, so that the weights of a seed are the same whether
        biases are drawn or 0.
        """
        random = stream(seed, Purpose.START)
        weights = [layer.initializer.draw(random, layer.n_in, layer.n_out) for layer in self.layers]
        biases = [
            layer.initializer.draw_biases(random, layer.n_in, layer.n_out) if layer.bias else None
            for layer in self.layers
        ]
        return Parameters.from_arrays(weights, biases, dtype=str(floating_dtype(dtype)))

    def parameters(self, vector: Array) -> Parameters:
        """Return the views of a flat vector."""
        return Parameters(self.layout, vector)

    def forward(
        self,
        xp: Namespace,
        parameters: Parameters,
        x: Array,
        masks: Sequence[Mask | None] = (),
    ) -> tuple[Array, Callable[[Array], Array]]:
        """Return the scores (n, n_out), and the pullback to the flat gradient.

        Parameters
        ----------
        xp : Namespace
            The namespace of the parameters.
        parameters : Parameters
            The numbers of this network.
        x : array of shape (n, n_in)
            Inputs; a SciPy sparse matrix where the parameters are NumPy arrays.
        masks : sequence of Mask or None
            Of the first layers, in a step of training that leaves units out.
        """
        tape = self.trace(xp, parameters, x, masks)
        return tape.scores, tape.pullback

    def trace(
        self,
        xp: Namespace,
        parameters: Parameters,
        x: Array,
        masks: Sequence[Mask | None] = (),
    ) -> Tape:
        """Return the tape of a forward pass: every layer's input, z, a and derivatives.

        It takes the arguments of `forward`.
        """
        masks = (*masks, *[None] * (len(self.layers) - len(masks)))
        a, layers = x, []
        for layer, weight, bias, mask in zip(
            self.layers, parameters.weights, parameters.biases, masks, strict=True
        ):
            layers.append(layer.trace(xp, weight, bias, a))
            a = layers[-1].a if mask is None else mask(xp, layers[-1].a)
        return Tape(xp, tuple(layers), masks, a)

    def summary(self) -> str:
        """Return the layers as a table of plain text, with the number of parameters."""
        starts = [layer.initializer.name for layer in self.layers]
        return layer_table(self.layout, self._activation_names, starts)

    @property
    def _activation_names(self) -> list[str]:
        return [layer.activation.name for layer in self.layers]

    def draw(self, parameters: Parameters | None = None) -> Drawing:
        """Draw layers as columns of circles; given parameters, with weights as lines.

        Examples
        --------
        >>> drawing = Network.of_widths([2, 3, 1]).draw()
        >>> drawing
        drawing of a network 2 > 3 > 1; save(path) writes it as SVG
        >>> drawing.svg.count("<circle")
        6
        """
        return draw_layers(self.layout, self._activation_names, parameters)

    def to_dict(self) -> dict[str, Any]:
        """Return the description as JSON can hold it; `from_dict` is the way back."""
        return {"layers": [layer.to_dict() for layer in self.layers]}

    @classmethod
    def from_dict(cls, description: dict[str, Any]) -> Self:
        """Build the network that `to_dict` described."""
        return cls(
            *(
                Dense(
                    layer["n_in"],
                    layer["n_out"],
                    restore(activations, layer["activation"]),
                    layer["bias"],
                    restore(initializers, layer["initializer"]),
                    # files written by older versions have none
                    restore(_rate_factors, layer.get("rate_factors", constant.to_dict())),
                )
                for layer in description["layers"]
            )
        )
