"""Formula records: the shape that all activations, losses and other formulas share.

A record is a frozen dataclass. Its methods are the formula text, written once against an array
namespace ``xp``; its class attributes are the LaTeX, the domain and the source of that formula.
Constants in formula text are floats (``1.0``, not ``1``), and `where` gets an array on one side.
"""

import math
import re
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from html import escape
from typing import Any, ClassVar, Self

import numpy as np

from chainrule.formulas.calling import Calls, of_one_array, with_or_without_namespace
from chainrule.formulas.plain_text import plain
from chainrule.formulas.record_checks import (
    refuse_incomplete,
    refuse_other_order,
    refuse_vast_numbers,
)
from chainrule.foundation.arrays import Array, Namespace, as_floating, namespace
from chainrule.foundation.catalogue import Catalogue
from chainrule.foundation.errors import UnknownNameError

__all__ = ["Activation", "Formula", "activations", "equations", "registered", "restore", "written"]


@dataclass(frozen=True)
class Formula:
    """A named formula with its LaTeX and source; what all records of formulas share.

    The line ``{formula}`` in a record's docstring is replaced by the formula's own LaTeX, so that
    it stands in one place only. A record without LaTeX is written by its name.
    """

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    latex: ClassVar[str]
    source: ClassVar[str] = "user-defined"
    # How a record without LaTeX is written, where <f> is its name.
    _by_name: ClassVar[Mapping[str, str]] = {}
    # For plain text: what symbols of the LaTeX are called, and what the formula is of.
    symbols: ClassVar[Mapping[str, str]] = {}
    left_side: ClassVar[str] = ""
    _of_arrays: ClassVar[Calls] = {}
    # What refuses the arrays of those methods that do not fit each other.
    _check_arrays: ClassVar[Callable[..., None] | None] = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # IPython takes the __repr__ of a class before what its parents have
        cls._repr_pretty_ = cls._repr_pretty_  # type: ignore[method-assign]
        for name, of_arrays in cls._of_arrays.items():
            if name in vars(cls):
                method = with_or_without_namespace(vars(cls)[name], of_arrays, cls._check_arrays)
                setattr(cls, name, method)
        if "name" in vars(cls):
            operator = r"\operatorname{" + cls.name.replace("_", r"\_") + "}"
            for attribute, latex in cls._by_name.items():
                if not hasattr(cls, attribute):
                    setattr(cls, attribute, latex.replace("<f>", operator))
        if cls.__doc__ and "{formula}" in cls.__doc__:
            cls.__doc__ = cls.__doc__.replace("{formula}", cls.formula_text())

    def __new__(cls, *parameters: Any, **named: Any) -> Self:
        # not in __post_init__, which records define for their own parameters
        kind: type = next(kind for kind in cls.__mro__ if Formula in kind.__bases__)
        refuse_incomplete(kind, cls)  # type: ignore[arg-type]
        refuse_other_order(kind, cls)  # type: ignore[arg-type]
        names = (one.name for one in fields(cls))
        refuse_vast_numbers(cls, {**dict(zip(names, parameters, strict=False)), **named})
        return super().__new__(cls)

    @classmethod
    def formula_text(cls) -> str:
        """Return the formula as the line of LaTeX that stands in the docstring."""
        return f":math:`{written(cls, cls.latex)}`"

    def in_latex(self, latex: str) -> str:
        r"""Return LaTeX with this record's parameters put in where it says ``<parameter>``.

        Examples
        --------
        >>> activations.leaky_relu.in_latex(r"<negative_slope> z")
        '0.01 z'
        """
        return written(self, latex)

    @property
    def _own_latex(self) -> str:
        # the text of the class, with the parameters of this record
        text: str = type(self).formula_text.__func__(self)  # type: ignore[attr-defined]
        return text.removeprefix(":math:`").removesuffix("`")

    def __str__(self) -> str:
        if not hasattr(self, "latex"):  # a record in the making
            return repr(self)
        formulas = equations(self._own_latex)
        lines = [f"    {self.left_side}{plain(one, self.symbols)}" for one in formulas]
        return "\n".join([repr(self), *lines])

    def _repr_html_(self) -> str:
        """Return the record and its formula, as a notebook shows them."""
        latex = escape(self._own_latex)
        return f"<p><code>{escape(repr(self))}</code></p><p>$\\displaystyle {latex}$</p>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Write the formula too at the prompt of IPython; within other things, the record alone."""
        printer.text(str(self) if len(printer.stack) == 1 else repr(self))

    def to_dict(self) -> dict[str, Any]:
        """Return name and parameters, as JSON can hold them; `restore` is the way back."""
        return {"name": self.name, **{f.name: getattr(self, f.name) for f in fields(self)}}


def written(owner: Formula | type[Formula], latex: str) -> str:
    """Return LaTeX with the parameters of a record, or its defaults, put in."""
    return re.sub(r"<(\w+)>", lambda found: repr(getattr(owner, found[1])), latex)


def equations(latex: str) -> list[str]:
    r"""Return the equations of LaTeX that says them one after the other.

    Examples
    --------
    >>> equations(r"v \leftarrow g, \quad p \leftarrow p - v")
    ['v \\leftarrow g', 'p \\leftarrow p - v']
    """
    return re.split(r",\s*\\quad\s*(?:\\text\{then\}\s*\\quad\s*)?", latex)


def restore(catalogue: Catalogue[Any], description: dict[str, Any]) -> Any:
    """Return the record that `Formula.to_dict` described.

    Examples
    --------
    >>> restore(activations, {"name": "leaky_relu", "negative_slope": 0.2})
    LeakyReLU(negative_slope=0.2)

    Raises
    ------
    UnknownNameError
        If no record of that name is in the catalogue; the message says how to add it.
    """
    parameters = dict(description)
    return type(registered(catalogue, parameters.pop("name")))(**parameters)


def registered(catalogue: Catalogue[Any], name: str) -> Any:
    """Return the record that a file calls by name; say how to add one that is not there.

    Raises
    ------
    UnknownNameError
        If no record of that name is in the catalogue.
    """
    if name not in catalogue:
        record_type = catalogue.record_type.__name__
        raise UnknownNameError(
            f"the {catalogue.kind} {name!r} must be registered first: it is none of chainrule's "
            f"own. Call chainrule.{catalogue.plural}.add(...) with your record of class "
            f"{record_type}, or import the module that does."
        )
    return catalogue[name]


def _slope_of_arrays(
    record: "Activation", formula: Callable[..., Any], z: Array, a: Array | None = None
) -> Array:
    z = as_floating(z)
    xp = namespace(z)
    with np.errstate(all="ignore"):
        a = record.value(xp, z) if a is None else xp.asarray(a, dtype=z.dtype)
        return formula(record, xp, z, a)


@dataclass(frozen=True)
class Activation(Formula):
    """A function a = f(z) of a layer's weighted sum, beside its slope da/dz.

    A subclass is one block: the formula `value`, its derivative `slope`, and the attributes below.
    An instance is a plain function of any array, and so is its slope: ``sigmoid([0.0, 1.0])``,
    ``sigmoid.slope([0.0, 1.0])``. Engines call the formula text itself, with the namespace first.

    Attributes
    ----------
    latex, slope_latex : str
        Both formulas, in the symbols z and a.
    range : tuple of float
        The smallest interval that holds every value.
    kinks : tuple of float
        The points where the slope jumps; there it takes the left-hand value.
    rowwise : bool
        Whether a value depends on its whole row (softmax) or on its own z only.
    initializer : str
        The initializer that suits the layer's weights, when none is named.
    onnx : str
        The operator of ONNX that is the value, in single precision and at every input, infinite
        ones and NaN too; with its attributes, as ``"LeakyRelu(alpha=<negative_slope>)"``. Empty
        where there is none: an exported graph then holds the formula itself.

    Examples
    --------
    >>> isinstance(activations.sigmoid, Activation)
    True
    >>> activations.sigmoid.slope([0.0])
    array([0.25])
    >>> print(activations.sigmoid)
    Sigmoid()
        a = 1 / (1 + e^-z)
        da/dz = a (1 - a)
    """

    slope_latex: ClassVar[str]
    range: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    kinks: ClassVar[tuple[float, ...]] = ()
    rowwise: ClassVar[bool] = False
    initializer: ClassVar[str] = "glorot_uniform"
    onnx: ClassVar[str] = ""
    _by_name: ClassVar[Mapping[str, str]] = {"latex": "<f>(z)", "slope_latex": "<f>'(z)"}
    _of_arrays: ClassVar[Calls] = {"value": of_one_array, "slope": _slope_of_arrays}

    @classmethod
    def formula_text(cls) -> str:
        text = f":math:`a = {cls.latex}, \\quad \\frac{{da}}{{dz}} = {cls.slope_latex}`"
        return written(cls, text)

    @abstractmethod
    def value(self, xp: Namespace, z: Array) -> Array:
        """Return a = f(z), of the shape of ``z``."""
        raise NotImplementedError

    @abstractmethod
    def slope(self, xp: Namespace, z: Array, a: Array) -> Array:
        """Return da/dz, of the shape of ``z``; for a row-wise function the Jacobian's diagonal."""
        raise NotImplementedError

    def pullback(self, xp: Namespace, z: Array, a: Array, da: Array) -> Array:
        """Return dz, the derivative of the loss by z, from that by a."""
        return da * self.slope(xp, z, a)

    def __call__(self, z: Array) -> Array:
        """Return a = f(z) for numbers, lists, or arrays of any library."""
        z = as_floating(z)
        with np.errstate(all="ignore"):
            return self.value(namespace(z), z)


activations: Catalogue[Activation] = Catalogue("activation", Activation)
