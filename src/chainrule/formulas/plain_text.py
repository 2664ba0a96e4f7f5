"""Formulas of the catalogues as plain text, from their LaTeX."""

import re
from collections.abc import Mapping

__all__ = ["plain"]

_WORDS = {
    r"\cdot": "·",
    r"\quad": " ",
    r"\leftarrow": "<-",
    r"\leq": "<=",
    r"\geq": ">=",
    r"\infty": "inf",
    r"\lfloor": "floor(",
    r"\rfloor": ")",
    r"\eta": "rate",
    r"\lambda": "decay",
}
# What may stand behind a quotient that needs no brackets: the next term, or the end of its own.
_ENDS = r"(?=\s*(?:[-+=<>,)}&]|if\b|\\leq|\\geq|\\\\|\\quad|\\end|\\right|\\rfloor|$))"
_FRACTION = r"\\frac\{([^{}]*)\}\{([^{}]*)\}"


def plain(latex: str, names: Mapping[str, str] | None = None) -> str:
    r"""Return a formula of the catalogues as one line of plain text.

    Parameters
    ----------
    latex : str
        The formula.
    names : mapping of str to str, optional
        What symbols of LaTeX are called, as ``\mu`` is ``momentum``.

    Examples
    --------
    >>> plain(r"\frac{e^{z}}{1 + e^{z}}")
    'e^z / (1 + e^z)'
    >>> plain(r"\begin{cases} z & z > 0 \\ 0 & z \leq 0 \end{cases}")
    'z if z > 0, 0 if z <= 0'
    >>> plain(r"\frac{z}{2} \operatorname{erfc}(-\frac{z}{\sqrt{2}})")
    '(z / 2) erfc(-z / sqrt(2))'
    >>> plain(r"\mu v - \eta g", {r"\mu": "momentum"})
    'momentum v - rate g'
    """
    text = re.sub(r"(\S?\s*)\\begin\{cases\}(.*?)\\end\{cases\}", _cases, latex, flags=re.DOTALL)
    text = re.sub(r"\\bar\{\w\}", "average", text)
    text = re.sub(r"\\frac\{d(\w)\}\{d(\w)\}", r"d\1/d\2", text)
    text = re.sub(r"\^\{\((\d+)\)\}_\{([\d,]+)\}", r"\1[\2]", text)
    text = re.sub(r"([ax])_\{(\d+)\}", r"\1[\2]", text)
    text = re.sub(r"\\(?:operatorname|mathrm|text)\{([^{}]*)\}", r"\1", text)
    while True:
        shorter = re.sub(_FRACTION + _ENDS, _fraction, text)
        shorter = re.sub(_FRACTION, _factor, shorter)
        shorter = re.sub(r"\\sqrt\{([^{}]*)\}", r"sqrt(\1)", shorter)
        shorter = re.sub(r"([\^_])\{([^{}]*)\}", _raised, shorter)
        if shorter == text:
            break
        text = shorter
    for command, word in {**_WORDS, **(names or {})}.items():
        text = re.sub(re.escape(command) + r"(?![A-Za-z])", word, text)
    text = re.sub(r"\\([A-Za-z]+)", r"\1", text).replace(r"\ ", " ").replace("\\,", " ")
    text = re.sub(r"\s+", " ", text.replace("{", "").replace("}", "")).strip()
    return re.sub(r"\s+\)", ")", re.sub(r"\(\s+", "(", text))


def _cases(found: re.Match[str]) -> str:
    rows = [row.split("&") for row in found[2].split(r"\\")]
    cases = ", ".join(f"{value.strip()} if {when.strip()}" for value, when in rows)
    alone = found[1].strip() in ("", "=", ",")
    return f"{found[1]}{cases}" if alone else f"{found[1]}({cases})"


def _grouped(part: str) -> str:
    part = part.strip()
    simple = r"[\w.^\\]+|[\w.]+\^[\w-]+|\w*\([^()]*\)(?:\^[\w.]+)?"
    return part if re.fullmatch(simple, part) else f"({part})"


def _fraction(found: re.Match[str]) -> str:
    return f"{_grouped(found[1])} / {_grouped(found[2])}"


def _factor(found: re.Match[str]) -> str:
    return f"({_fraction(found)})"


def _raised(found: re.Match[str]) -> str:
    inner = found[2].strip()
    return f"{found[1]}{inner}" if re.fullmatch(r"-?[\w.]+", inner) else f"{found[1]}({inner})"
