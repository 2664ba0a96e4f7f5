"""Numbers, names, texts and comments as C99 writes them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from textwrap import wrap
from typing import Any

import numpy as np

from chainrule.foundation.errors import InputError, must_be

__all__ = ["array", "check_name", "comment", "identifier", "number", "text", "type_name"]

KEYWORDS = frozenset(
    (
        *("auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else"),
        *("enum", "extern", "float", "for", "goto", "if", "inline", "int", "long", "register"),
        *("restrict", "return", "short", "signed", "sizeof", "static", "struct", "switch"),
        *("typedef", "union", "unsigned", "void", "volatile", "while"),
    )
)
# Names of C++, which may include a header, and of its operators.
TAKEN = KEYWORDS | frozenset(
    (
        *("and", "bool", "catch", "class", "delete", "explicit", "export", "false", "friend"),
        *("mutable", "namespace", "new", "not", "operator", "or", "private", "protected"),
        *("public", "template", "this", "throw", "true", "try", "typename", "using", "virtual"),
        *("xor", "nullptr", "concept", "requires", "asm", "main"),
        # macros of compilers and of the headers that are included
        *("linux", "unix", "i386", "NULL", "NAN", "INFINITY", "errno", "I"),
    )
)


# Numbers in a line of an array.
PER_LINE = 8


def type_name(dtype: np.dtype[Any]) -> str:
    """Return the name of a dtype: float or double."""
    return "float" if dtype == np.float32 else "double"


def number(value: float, dtype: np.dtype[Any]) -> str:
    """Return a number as a constant that is read back as the same bits.

    Examples
    --------
    >>> number(0.1, np.dtype(np.float32)), number(2.0, np.dtype(np.float64))
    ('0.1f', '2.0')
    """
    single = dtype == np.float32
    value = float(np.float32(value)) if single else float(value)
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    digits = str(np.float32(value)) if single else repr(value)
    if not re.search(r"[.e]", digits):
        digits += ".0"
    return f"{digits}f" if single else digits


def _numbers(values: np.ndarray, dtype: np.dtype[Any]) -> list[str]:
    """Return numbers as constants that are read back as the same bits."""
    if not np.isfinite(values).all():
        return [number(value, dtype) for value in values]
    # a model may have millions: the shortest text of a number in single precision takes too long
    single = dtype == np.float32
    end, written = ("f", "{:.9g}".format) if single else ("", repr)
    texts = map(written, values.astype(dtype).tolist())
    return [text + end if "." in text or "e" in text else f"{text}.0{end}" for text in texts]


def array(name: str, values: np.ndarray, dtype: np.dtype[Any], words: str = "") -> str:
    """Return the definition of a constant array, with a comment."""
    flat = np.asarray(values).ravel()
    if np.dtype(dtype).kind == "i":
        kind, cells = "int", list(map(str, flat.tolist()))
    else:
        kind, cells = type_name(dtype), _numbers(flat, dtype)
    rows = (cells[start : start + PER_LINE] for start in range(0, len(cells), PER_LINE))
    body = ",\n".join(f"    {', '.join(row)}" for row in rows)
    said = f"/* {comment(words)} */\n" if words else ""
    return f"{said}static const {kind} {name}[{flat.size}] = {{\n{body}\n}};\n"


def identifier(name: str, taken: Iterable[str] = ()) -> str:
    """Return a name as C takes it, which none of the others is.

    Examples
    --------
    >>> identifier("hours per week"), identifier("2nd", ["x_2nd"]), identifier("int")
    ('hours_per_week', 'x_2nd_2', 'int_')
    """
    plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
    plain = plain if plain and not plain[0].isdigit() else f"x_{plain}".rstrip("_")
    plain = f"{plain}_" if plain in TAKEN else plain[:40]
    found, count = plain, 1
    while found in taken:
        count += 1
        found = f"{plain}_{count}"
    return found


def check_name(name: str) -> str:
    """Return the name that all of a file's names begin with; refuse what C does not take."""
    right = isinstance(name, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,30}", name)
    if not right or name in KEYWORDS:
        raise must_be("name", "a name of C: up to 31 letters, digits and _", name)
    return name


def text(value: str) -> str:
    """Return a text as a string literal of its UTF-8 bytes.

    Examples
    --------
    >>> text('caf\u00e9 "x"')
    '"caf\\\\303\\\\251 \\\\"x\\\\""'
    """
    if "\0" in value:
        raise InputError(
            f"a text must have no NUL character to be one of C; got {value!r}. Replace it, and fit "
            "again, or export to ONNX."
        )
    plain = {ord('"'): '\\"', ord("\\"): "\\\\", ord("?"): "\\?"}
    return (
        '"'
        + "".join(
            plain.get(byte, chr(byte)) if 32 <= byte < 127 else f"\\{byte:03o}"
            for byte in value.encode("utf-8", "surrogatepass")
        )
        + '"'
    )


def comment(words: str) -> str:
    """Return words that stand in a comment of ASCII letters, and cannot end it."""
    said = " ".join(words.split()).replace("*/", "* /").replace("/*", "/ *")
    return said.encode("ascii", "backslashreplace").decode().replace("??", "? ?").replace("\\", "/")


def paragraph(words: str, indent: str = "   ") -> list[str]:
    """Return words as lines of a comment."""
    return [f"{indent}{line}" for line in wrap(comment(words), 92)]
