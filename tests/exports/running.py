"""Exported models at work: ONNX Runtime, and C compiled by gcc, and by clang with sanitizers."""

import importlib.util
import shutil
import struct
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

STRICT = ("-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-O1")
# how each compiler is called; what a sanitizer finds ends the program
COMPILERS = {
    "gcc": ("gcc", *STRICT),
    "clang": (
        *("clang", *STRICT, "-g", "-fsanitize=address,undefined,float-cast-overflow"),
        "-fno-sanitize-recover=all",
    ),
}
HAS_RUNTIME = importlib.util.find_spec("onnxruntime") is not None


@cache
def has(compiler: str) -> bool:
    """Return whether a compiler makes a program: its sanitizers may be a package of their own."""
    if shutil.which(COMPILERS[compiler][0]) is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        words = [*COMPILERS[compiler], "-x", "c", "-", "-o", f"{folder}/empty"]
        program = b"int main(void) { return 0; }\n"
        made = subprocess.run(words, input=program, capture_output=True, check=False)
    return made.returncode == 0


def onnx_answers(model, inputs):
    """Return the outputs of an ONNX model by name; inputs are one array, or columns by name."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    given = inputs if isinstance(inputs, dict) else {"x": inputs}
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(names, given), strict=True))


PLAIN = """\
#include "model.h"
#include <stdio.h>

int main(void)
{{
    static {kind} x[MODEL_INPUTS], out[MODEL_OUTPUTS];

    while (fread(x, sizeof x, 1, stdin) == 1) {{
        model_predict(x, out);
        fwrite(out, sizeof out, 1, stdout);
    }}
    return 0;
}}
"""
TEXT = """\
static const char *text(void)
{
    int size;
    char *read;

    if (fread(&size, sizeof size, 1, stdin) != 1 || size < 0) return NULL;
    read = malloc((size_t)size + 1);
    read[fread(read, 1, (size_t)size, stdin)] = 0;
    return read;
}

"""
OF_ROWS = """\
#include "model.h"
#include <stdio.h>
#include <stdlib.h>

{reader}int main(void)
{{
    static {kind} out[MODEL_OUTPUTS];
    struct model_row row;
    int more;

    while (fread(&more, sizeof more, 1, stdin) == 1) {{
{reads}
        model_predict(&row, out);
        fwrite(out, sizeof out, 1, stdout);
{frees}
    }}
    return 0;
}}
"""


def c_program(folder: Path, files, compiler: str) -> Path:
    """Compile a model with a loop over rows on its standard input; return the program."""
    files.save(folder / "model.c")
    header = files.header
    kind = "float" if "float *out" in header else "double"
    if "struct model_row {" in header:
        body = header.partition("struct model_row {")[2].partition("};")[0]
        fields = [line.partition(";")[0].split() for line in body.strip().splitlines()]
        reads = [
            f"        if (fread(&row.{name}, 8, 1, stdin) != 1) return 1;"
            if words == ["double"]
            else f"        row.{name.lstrip('*')} = text();"
            for *words, name in fields
        ]
        frees = [
            f"        free((void *)row.{name.lstrip('*')});"
            for *words, name in fields
            if words != ["double"]
        ]
        main = OF_ROWS.format(
            kind=kind,
            reader=TEXT if frees else "",
            reads="\n".join(reads),
            frees="\n".join(frees),
        )
    else:
        main = PLAIN.format(kind=kind)
    (folder / "main.c").write_text(main)
    program = folder / f"program_{compiler}"
    sources = [str(folder / "model.c"), str(folder / "main.c")]
    command = [*COMPILERS[compiler], *sources, "-o", str(program), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return program


def c_answers(folder: Path, files, compiler: str, rows) -> np.ndarray:
    """Return what a compiled model answers: to an array, or to rows of numbers and texts."""
    program = c_program(folder, files, compiler)
    if isinstance(rows, np.ndarray):
        given = np.ascontiguousarray(rows).tobytes()
    else:
        given = b"".join(map(packed, rows))
    done = subprocess.run([str(program)], input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    dtype = np.float32 if "float *out" in files.header else np.float64
    return np.frombuffer(done.stdout, dtype).reshape(len(rows), -1)


def packed(row) -> bytes:
    found = struct.pack("i", 1)
    for cell in row:
        if cell is None:
            found += struct.pack("i", -1)
        elif isinstance(cell, str):
            found += struct.pack("i", len(cell.encode())) + cell.encode()
        else:
            found += struct.pack("d", cell)
    return found


def worst(found: np.ndarray, wanted: np.ndarray, sizes: np.ndarray | float = 1.0) -> float:
    """Return the largest difference; infinite where infinities and NaN are others.

    It is relative to the answer, and to the largest number of its row that it is a sum of
    (``sizes``), where these are above 1: a computation cannot be nearer than their rounding.
    """
    sizes = np.broadcast_to(sizes, found.shape)
    found, wanted = found.astype(np.float64), wanted.astype(np.float64)
    if found.shape != wanted.shape:
        return np.inf
    finite = np.isfinite(wanted)
    if not np.array_equal(found[~finite], wanted[~finite], equal_nan=True):
        return np.inf
    if not np.isfinite(found[finite]).all():
        return np.inf
    if not finite.any():
        return 0.0
    size = np.maximum(np.maximum(1.0, np.abs(wanted[finite])), sizes[finite])
    return float((np.abs(found[finite] - wanted[finite]) / size).max())
