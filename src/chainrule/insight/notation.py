"""How the numbers of a network are named: as plain text, and as LaTeX.

Layers count from 1, and so do units and rows, as in a textbook: ``w1[2,3]`` leads from input 2 to
unit 3 of layer 1. MathML is made from the LaTeX.
"""

import re
from dataclasses import dataclass

__all__ = ["Derivative", "Name", "Symbol", "latex_number", "mathml", "number", "plain"]


@dataclass(frozen=True)
class Symbol:
    """A letter with a layer and with indices: a1[3], or s[2].

    Examples
    --------
    >>> w = Symbol("w", 1, (2, 3))
    >>> w.text, w.latex
    ('w1[2,3]', 'w^{(1)}_{2,3}')
    """

    letter: str
    layer: int | None = None
    indices: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """As plain text."""
        layer = "" if self.layer is None else str(self.layer)
        indices = f"[{','.join(map(str, self.indices))}]" if self.indices else ""
        return f"{self.letter}{layer}{indices}"

    @property
    def latex(self) -> str:
        """As LaTeX."""
        upper = "" if self.layer is None else f"^{{({self.layer})}}"
        lower = f"_{{{','.join(map(str, self.indices))}}}" if self.indices else ""
        letter = self.letter if len(self.letter) == 1 else rf"\mathrm{{{self.letter}}}"
        return f"{letter}{upper}{lower}"


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
    """Return a number with so many significant digits, as plain text.

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


_WORDS = {
    r"\cdot": "·",
    r"\quad": " ",
    r"\leftarrow": "<-",
    r"\leq": "<=",
    r"\geq": ">=",
    r"\infty": "inf",
    r"\sum": "sum",
    r"\max": "max",
    r"\min": "min",
    r"\log": "log",
    r"\exp": "exp",
    r"\tanh": "tanh",
    r"\lfloor": "floor(",
    r"\rfloor": ")",
    r"\eta": "rate",
    r"\lambda": "decay",
}


def plain(latex: str) -> str:
    r"""Return a formula of the catalogues as one line of plain text.

    Examples
    --------
    >>> plain(r"\frac{e^{z}}{1 + e^{z}}")
    'e^z / (1 + e^z)'
    >>> plain(r"\begin{cases} z & z > 0 \\ 0 & z \leq 0 \end{cases}")
    'z if z > 0, 0 if z <= 0'
    """
    text = re.sub(r"\\begin\{cases\}(.*?)\\end\{cases\}", _cases, latex, flags=re.DOTALL)
    text = re.sub(r"\^\{\((\d+)\)\}_\{([\d,]+)\}", r"\1[\2]", text)
    text = re.sub(r"([ax])_\{(\d+)\}", r"\1[\2]", text)
    text = re.sub(r"\\(?:operatorname|mathrm|text)\{([^{}]*)\}", r"\1", text)
    while True:
        shorter = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", _fraction, text)
        shorter = re.sub(r"\\sqrt\{([^{}]*)\}", r"sqrt(\1)", shorter)
        shorter = re.sub(r"([\^_])\{([^{}]*)\}", _raised, shorter)
        if shorter == text:
            break
        text = shorter
    for command, word in _WORDS.items():
        text = text.replace(command, word)
    text = re.sub(r"\\([A-Za-z]+)", r"\1", text).replace(r"\ ", " ").replace("\\,", " ")
    return re.sub(r"\s+", " ", text.replace("{", "").replace("}", "")).strip()


def _cases(found: re.Match[str]) -> str:
    rows = [row.split("&") for row in found[1].split(r"\\")]
    return ", ".join(f"{value.strip()} if {when.strip()}" for value, when in rows)


def _grouped(part: str) -> str:
    part = part.strip()
    return part if re.fullmatch(r"[\w.^\\]+|[\w.]+\^[\w-]+|\(.*\)", part) else f"({part})"


def _fraction(found: re.Match[str]) -> str:
    return f"{_grouped(found[1])} / {_grouped(found[2])}"


def _raised(found: re.Match[str]) -> str:
    inner = found[2].strip()
    return f"{found[1]}{inner}" if re.fullmatch(r"-?\w+", inner) else f"{found[1]}({inner})"


def mathml(latex: str) -> str:
    """Return LaTeX as presentation MathML, for pages; needs the ``app`` extra."""
    from latex2mathml.converter import convert

    converted: str = convert(latex, display="block")
    return converted
