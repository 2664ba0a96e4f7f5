"""A program as a file of C99 and its header: no allocation, nothing beyond the library of maths."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.exports import c_text
from chainrule.exports.c_columns import Raw
from chainrule.exports.c_formulas import CFunctions
from chainrule.exports.c_network import CNetwork
from chainrule.exports.program import Labels, Program, check_finite
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.files import check_place, write_whole
from chainrule.foundation.showing import Shown
from chainrule.foundation.version import __version__

__all__ = ["CFiles", "c_files"]


@dataclass(frozen=True, repr=False)
class CFiles(Shown):
    """A model as C99: the source and its header.

    Attributes
    ----------
    name : str
        The name that all its names begin with.
    header, source : str
        The two files.
    """

    name: str
    header: str
    source: str

    def __str__(self) -> str:
        return self.header

    def save(self, path: str | os.PathLike[str]) -> tuple[Path, Path]:
        """Write source and header, each whole or not at all; return their places.

        Parameters
        ----------
        path : path
            The source, as ``model.c``; the header is written beside it, as ``model.h``.
        """
        source = Path(path)
        if source.suffix != ".c":
            raise must_be("the path", "of a file named *.c", str(path))
        header = source.with_suffix(".h")
        for place in (source, header):
            check_place(place)
        included = self.source.replace(f'"{self.name}.h"', f'"{header.name}"', 1)
        write_whole(header, lambda file: file.write(self.header.encode("ascii")))
        write_whole(source, lambda file: file.write(included.encode("ascii")))
        return source, header


def c_files(program: Program, name: str = "model") -> CFiles:
    """Return a program as C99.

    Raises
    ------
    InputError
        If a weight is not finite, the name is none of C, or C cannot express something; the
        message names it.
    """
    c_text.check_name(name)
    check_finite(program)
    functions = CFunctions(name)
    raw = Raw(program, name, functions) if program.sources else None
    networks = [
        CNetwork(member, program, f"{name}_network_{number}", functions)
        for number, member in enumerate(program.members, start=1)
    ]
    ends = _ends(program, name, functions)
    body = _predict(program, name, networks, ends, raw)
    classes, decide = _classes(program, name)
    parts = [
        f"/* {name}.c: see {name}.h. */",
        f'#include "{name}.h"\n',
        "#include <math.h>\n" + ("#include <string.h>\n" if raw is not None else ""),
        functions.text,
        raw.text if raw is not None else "",
        *(one.text for one in networks),
        *(one.text for one in ends),
        body.text,
        classes,
        decide,
    ]
    source = "\n".join(part for part in parts if part)
    written = (*networks, *ends)
    constants = sum(one.constants for one in written) + (raw.constants if raw is not None else 0)
    stack = body.stack + max(one.stack for one in written)
    header = _header(program, name, raw, constants, stack, source)
    return CFiles(name, header, source)


def _ends(program: Program, name: str, functions: CFunctions) -> list[CNetwork]:
    """Return the functions from the mean of the networks to each answer; none where it is one."""
    if not program.after and not program.branches:
        return []
    named = [("answer", program.after), *((one.name, one.steps) for one in program.branches)]
    return [CNetwork.of_steps(program, steps, f"{name}_{own}", functions) for own, steps in named]


@dataclass(frozen=True)
class _Predict:
    text: str
    stack: int


def _predict(
    program: Program,
    name: str,
    networks: list[CNetwork],
    ends: list[CNetwork],
    raw: Raw | None,
) -> _Predict:
    """Return the function that users call, and the bytes of its arrays."""
    kind, width = c_text.type_name(program.answer_dtype), networks[0].n_out
    size = program.answer_dtype.itemsize
    lines, stack = [], 0
    arrays: list[str] = []
    row = f"const struct {name}_row *row" if raw is not None else _plain_argument(program)
    several = len(networks) > 1
    mean = "mean" if ends else "out"
    if several:
        arrays.append(f"{kind} part[{width}];")
        stack += width * size
    if ends:
        arrays.append(f"{kind} mean[{width}];")
        stack += width * size
    if raw is not None:
        arrays.append(f"double cells[{len(program.cells)}];")
        stack += len(program.cells) * 8
        lines.append(f"{name}_cells(row, cells);")
    x = "cells" if raw is not None else "x"
    if not several:
        lines.append(f"{networks[0].name}({x}, {mean});")
    else:
        arrays.append("int j;")
        lines.append(f"for (j = 0; j < {width}; j++) {mean}[j] = 0;")
        for network, member in zip(networks, program.members, strict=True):
            share = c_text.number(member.share, program.answer_dtype)
            lines.append(f"{network.name}({x}, part);")
            lines.append(f"for (j = 0; j < {width}; j++) {mean}[j] += {share} * part[j];")
    at = 0
    for end in ends:
        lines.append(f"{end.name}(mean, out + {at});" if at else f"{end.name}(mean, out);")
        at += end.n_out
    parts = (*arrays, "", *lines) if arrays else lines
    inner = "\n".join(f"    {line}" if line else "" for line in parts)
    text = f"void {name}_predict({row}, {kind} *out)\n{{\n{inner}\n}}\n"
    return _Predict(text, stack)


def _plain_argument(program: Program) -> str:
    return f"const {c_text.type_name(program.dtype)} *x"


def _classes(program: Program, name: str) -> tuple[str, str]:
    """Return the definition of the labels, and the function that decides."""
    labels = program.labels
    if labels is None:
        return "", ""
    kind, cells = _label_cells(labels)
    definition = f"{kind}{name}_classes[{len(cells)}] = {{{', '.join(cells)}}};\n"
    if labels.several:
        return definition, ""
    answer, count = c_text.type_name(program.answer_dtype), len(cells)
    decide = (
        f"int {name}_class(const {answer} *out)\n{{\n    int i, best = 0;\n\n"
        f"    for (i = 1; i < {count}; i++) {{\n        if (out[i] > out[best]) best = i;\n    }}\n"
        "    return best;\n}\n"
    )
    return definition, decide


def _label_cells(labels: Labels) -> tuple[str, list[str]]:
    kinds = {type(one) for one in labels.classes}
    if kinds == {str}:
        return "const char *const ", [c_text.text(one) for one in labels.classes]
    if kinds <= {bool, int} and all(-(2**63) <= one < 2**63 for one in labels.classes):
        return "const long long ", [_whole(int(one)) for one in labels.classes]
    if kinds == {float}:
        double: np.dtype[Any] = np.dtype(np.float64)
        return "const double ", [c_text.number(one, double) for one in labels.classes]
    raise InputError(
        "labels must be all texts, whole numbers of 64 bits, truths or decimals for C; got "
        f"{labels.classes!r}."
    )


def _whole(number: int) -> str:
    """Return a whole number of 64 bits as a constant."""
    if number == -(2**63):  # in C, a minus and a number that is too large
        return f"({number + 1}LL - 1)"
    return f"{number}LL"


def _header(
    program: Program, name: str, raw: Raw | None, constants: int, stack: int, source: str
) -> str:
    kind, upper = c_text.type_name(program.answer_dtype), name.upper()
    memory = (
        f"Constants: {constants:,} bytes. Stack: {stack:,} bytes of arrays at most. No memory is "
        "allocated and nothing is kept between calls, so threads may call at once. Link with the "
        "library of maths (-lm); do not compile with -ffast-math, which breaks NaN."
    )
    title = f"{program.title}. Written by chainrule {__version__}."
    said = [title, memory, *_contract(program, name)]
    comment = "\n\n".join("\n".join(c_text.paragraph(one)) for one in said)
    row = f"const struct {name}_row *row" if raw is not None else _plain_argument(program)
    declared = [f"void {name}_predict({row}, {kind} *out);"]
    if program.labels is not None:
        first, cells = _label_cells(program.labels)
        declared.append(f"extern {first}{name}_classes[{len(cells)}];")
        if not program.labels.several:
            declared.append(
                f"/* the place of the most probable label in {name}_classes */\n"
                f"int {name}_class(const {kind} *out);"
            )
    sizes = f"#define {upper}_OUTPUTS {_places(program)[-1]}"
    for branch, place in zip(program.branches, _places(program), strict=False):
        sizes += f"\n#define {upper}_{branch.name.upper()} {place}"
    if raw is None:
        sizes = f"#define {upper}_INPUTS {program.n_in}\n{sizes}"
    struct = f"{raw.struct}\n" if raw is not None else ""
    functions = "\n".join(declared)
    return (
        f"/* {comment.lstrip()} */\n#ifndef {upper}_H\n#define {upper}_H\n\n{sizes}\n\n"
        f'#ifdef __cplusplus\nextern "C" {{\n#endif\n\n{struct}{functions}\n\n'
        f"#ifdef __cplusplus\n}}\n#endif\n\n#endif\n"
    )


def _contract(program: Program, name: str) -> list[str]:
    upper = name.upper()
    given = f"a row of {upper}_INPUTS numbers" if not program.sources else "a row of the raw table"
    names = f": {', '.join(program.input_names)}" if program.input_names else ""
    made = f"{upper}_OUTPUTS numbers to out"
    if program.labels is None:
        what = "the prediction of each target"
    elif program.labels.several:
        what = f"the probability of each label of {name}_classes, which a row has above 0.5"
    else:
        what = f"the probability of each label of {name}_classes"
    return [
        f"{name}_predict reads {given}{names}; it writes {made}: {what}.",
        *(
            f"From out[{upper}_{branch.name.upper()}] on it writes {branch.words}."
            for branch in program.branches
        ),
    ]


def _places(program: Program) -> list[int]:
    """Return where the answer of each branch begins, and where the last one ends."""
    return list(accumulate((one.size for one in program.branches), initial=program.n_out))
