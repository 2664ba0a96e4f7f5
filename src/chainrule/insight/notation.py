"""The names of a network's numbers as plain text and as LaTeX.

Layers count from 1, and so do units and rows, as in a textbook: ``w1[2,3]`` leads from input 2 to
unit 3 of layer 1. MathML is made from the LaTeX.
"""

from dataclasses import dataclass

__all__ = ["Derivative", "Name", "Symbol", "latex_number", "mathml", "number"]


@dataclass(frozen=True)
class Symbol:
    """A letter with a layer and with indices: a1[3], or s[2].

    The weight of a shared layer has several layers: w1,3[2,1].

    Examples
    --------
    >>> w = Symbol("w", 1, (2, 3))
    >>> w.text, w.latex
    ('w1[2,3]', 'w^{(1)}_{2,3}')
    """

    letter: str
    layer: int | tuple[int, ...] | None = None
    indices: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """As plain text."""
        layer = self._layers
        indices = f"[{','.join(map(str, self.indices))}]" if self.indices else ""
        return f"{self.letter}{layer}{indices}"

    @property
    def latex(self) -> str:
        """As LaTeX."""
        upper = f"^{{({self._layers})}}" if self._layers else ""
        lower = f"_{{{','.join(map(str, self.indices))}}}" if self.indices else ""
        letter = self.letter if len(self.letter) == 1 else rf"\mathrm{{{self.letter}}}"
        return f"{letter}{upper}{lower}"

    @property
    def _layers(self) -> str:
        layers = self.layer if isinstance(self.layer, tuple) else (self.layer,)
        return "" if self.layer is None else ",".join(map(str, layers))


@dataclass(frozen=True)
class Derivative:
    """The derivative of one symbol by another.

    Examples
    --------
    >>> Derivative(Symbol("L"), Symbol("z", 2, (1,))).text
    'dL/dz2[1]'
    """

    of: Symbol
    by: Symbol

    @property
    def text(self) -> str:
        """As plain text."""
        return f"d{self.of.text}/d{self.by.text}"

    @property
    def latex(self) -> str:
        """As LaTeX."""
        return rf"\frac{{\partial {self.of.latex}}}{{\partial {self.by.latex}}}"


Name = Symbol | Derivative


def number(value: float, digits: int = 6) -> str:
    """Return a number with ``digits`` significant digits, as plain text.

    Examples
    --------
    >>> number(-1.1568061351575283), number(1.0), number(1e-12)
    ('-1.15681', '1', '1e-12')
    """
    return f"{value + 0.0:.{digits}g}"  # + 0.0: a negative zero is read as 0


def latex_number(value: float, digits: int = 6) -> str:
    r"""Return a number as LaTeX.

    Examples
    --------
    >>> latex_number(1.5e-12)
    '1.5 \\cdot 10^{-12}'
    """
    text = number(value, digits)
    if text.lstrip("-") in ("inf", "nan"):
        return {"inf": r"\infty", "-inf": r"-\infty"}.get(text, r"\mathrm{nan}")
    mantissa, _, exponent = text.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa


def mathml(latex: str) -> str:
    """Return LaTeX as presentation MathML, for pages; needs the ``app`` extra."""
    from latex2mathml.converter import convert

    converted: str = convert(latex, display="block")
    return converted
