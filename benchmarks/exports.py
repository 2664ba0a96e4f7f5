"""Exported models against our own: random networks of every formula, and random raw tables.

    pip install ".[test]" torch && python benchmarks/exports.py --networks 416 --tables 50

Each runs in ONNX Runtime, and in C compiled by gcc, and by clang with the address and undefined
behaviour sanitizers; warnings are errors. Networks have every pair of an activation and a loss, in
single and in double precision, and answer for common rows and for vast, tiny, infinite and missing
numbers. As many answer for common rows in scikit-learn, PyTorch and Keras (on the backend that
KERAS_BACKEND names, by default TensorFlow), drawn from what each of these can express; for all
other pairs the refusals are counted. It writes ``benchmarks/results/exports.md``: the largest
difference of each, and the time of one row in C.
"""

import math
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from report import arguments, duration, machine, markdown, write

from chainrule import Dense, Network
from chainrule.exports.c_file import CFiles, c_files
from chainrule.exports.networks import layer_steps, link_steps
from chainrule.exports.onnx_file import onnx_model
from chainrule.exports.program import Member, Program
from chainrule.formulas.loss import losses

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "exports"))
from drawn import TOLERANCE as OF_DTYPES
from drawn import Drawn
from libraries import LIBRARIES, estimator_of, refusals
from raw_tables import RawTable
from running import COMPILERS, HAS_RUNTIME, c_answers, has, onnx_answers, worst

# Double precision with a formula that the library computes in single precision.
COARSE = "float64, in part float32"
TOLERANCE = OF_DTYPES | {COARSE: OF_DTYPES["float32"]}
WIDTHS = (50, 128, 64, 10)
CALLS = 200_000
TIMED = """\
#include "model.h"
#include <stdio.h>
#include <time.h>

int main(void)
{{
    static {kind} x[MODEL_INPUTS], out[MODEL_OUTPUTS];
    double total = 0;
    int i;
    clock_t began = clock();

    for (i = 0; i < {calls}; i++) {{
        x[i % MODEL_INPUTS] = ({kind})(i % 7) - 3;
        model_predict(x, out);
        total += out[0];
    }}
    printf("%.9g %.9g", (double)(clock() - began) / CLOCKS_PER_SEC / {calls}, total);
    return 0;
}}
"""


def targets() -> list[str]:
    """Return where exported models can run here."""
    return [*(["onnx"] if HAS_RUNTIME else []), *filter(has, COMPILERS)]


def in_c(files: CFiles, compiler: str, rows: object) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        return c_answers(Path(folder), files, compiler, rows)


def of_networks(count: int) -> Iterator[tuple[str, str, str, float]]:
    """Yield target, dtype, name and largest difference of each network."""
    for number in range(count):
        network = Drawn(number)
        rows = np.concatenate([network.x, network.extremes()])
        wanted, sizes = network.answers(rows), network.sizes(rows)
        for target in targets():
            if target == "onnx":
                found = onnx_answers(onnx_model(network.program), rows)["prediction"]
            else:
                found = in_c(c_files(network.program), target, rows)
            yield target, network.dtype, network.name, worst(found, wanted, sizes)


def of_libraries(count: int) -> Iterator[tuple[str, str, str, float]]:
    """Yield library, dtype, name and largest difference of each network."""
    for library in filter(lambda one: one.is_installed, LIBRARIES):
        period = 2 * len(library.drawing.pairs)
        for number in range(period * math.ceil(count / period)):
            network = Drawn(number, library.drawing)
            found = library.answers(estimator_of(network), network.x)
            apart = worst(found, network.answers(network.x), network.sizes(network.x))
            coarse = network.dtype == "float64" and library.is_coarse(network)
            yield library.name, COARSE if coarse else network.dtype, network.name, apart


def of_tables(count: int) -> Iterator[tuple[str, str, str, float]]:
    """Yield target, dtype, kind of target and largest difference of each table."""
    for number in range(count):
        table = RawTable(number)
        for target in targets():
            if target == "onnx":
                model = table.model.to_onnx(**table.asked)
                answers = onnx_answers(model, table.columns(model.graph.input))
                kept = [one for name, one in answers.items() if not name.startswith("label")]
                found = np.concatenate([one.reshape(len(one), -1) for one in kept], axis=1)
            else:
                found = in_c(table.model.to_c(**table.asked), target, table.raw_rows)
            asked = "".join(f", {name}" for name in table.asked)
            wanted = [one.reshape(len(one), -1) for one in table.every_answer.values()]
            apart = worst(found, np.concatenate(wanted, axis=1))
            yield target, "float32", f"table {number}: {table.kind}{asked}", apart


def collected(
    found: Callable[[int], Iterator[tuple[str, str, str, float]]], count: int, what: str
) -> list[tuple[str, ...]]:
    """Return the rows of the page: how many, the largest difference, and what it must be below."""
    by_kind: dict[tuple[str, str], list[tuple[float, str]]] = {}
    for target, dtype, name, apart in found(count):
        by_kind.setdefault((target, dtype), []).append((apart, name))
    rows = []
    for (target, dtype), all_ in sorted(by_kind.items()):
        apart, name = max(all_)
        wrong = sum(not one <= TOLERANCE[dtype] for one, _ in all_)
        bound = f"{TOLERANCE[dtype]:g}"
        rows.append((what, target, dtype, str(len(all_)), f"{apart:.1e}", bound, str(wrong), name))
        print(*rows[-1], sep="  ", flush=True)
    return rows


def seconds_of_c(dtype: str, compiler: str) -> float:
    """Return the processor time of one row of a 50 > 128 > 64 > 10 network, compiled with -O3."""
    layers = [
        Dense(n_in, n_out, "relu" if n_out != WIDTHS[-1] else "linear")
        for n_in, n_out in pairwise(WIDTHS)
    ]
    network = Network(*layers)
    steps = layer_steps(network, network.start(0, dtype=dtype))
    whole = (*steps, *link_steps(losses.get("categorical_cross_entropy")))
    files = c_files(Program("network", (Member(whole),), np.dtype(dtype), n_in=WIDTHS[0]))
    kind = "float" if dtype == "float32" else "double"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files.save(folder / "model.c")
        (folder / "main.c").write_text(TIMED.format(kind=kind, calls=CALLS))
        command = [compiler, "-std=c99", "-O3", "model.c", "main.c", "-o", "program", "-lm"]
        subprocess.run(command, cwd=folder, check=True)
        done = [
            subprocess.run([folder / "program"], capture_output=True, text=True, check=True)
            for _ in range(5)
        ]
    return min(float(one.stdout.split()[0]) for one in done)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--networks", type=int, default=416)
    parser.add_argument("--tables", type=int, default=50)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    began = time.perf_counter()
    rows = collected(of_libraries, given.networks, "networks")
    rows += collected(of_networks, given.networks, "networks")
    rows += collected(of_tables, given.tables, "raw tables")
    head = ("of", "target", "dtype", "models", "largest difference", "bound", "beyond it")
    times = [
        (dtype, compiler, duration(seconds_of_c(dtype, compiler)))
        for dtype in OF_DTYPES
        for compiler in filter(has, COMPILERS)
    ]
    pairs = []
    for library in LIBRARIES:
        if library.is_installed:
            kept, refused = refusals(library).values()
            pairs.append(
                (library.name, str(len(kept) + len(refused)), *map(str, map(len, (kept, refused))))
            )
    measure = (
        "Differences are relative to the answer, and to the largest number of its row within the "
        "network, where these are above 1. Rows are common ones, and rows of vast, tiny, infinite "
        "and missing numbers; infinities and NaN must be the same. scikit-learn, PyTorch and Keras "
        "answer for common rows; formulas that Keras computes in single precision are those of its "
        "backend."
    )
    of_pairs = (
        "Networks of every pair of an activation and a loss on their way to another library: taken "
        "over, or refused by the name of what it lacks."
    )
    timed = (
        f"One row of a {' > '.join(map(str, WIDTHS))} network through its C file, compiled with "
        "-O3, processor time:"
    )
    parts = [
        "# Exported models",
        machine("onnx", "onnxruntime", "torch", "keras", "tensorflow"),
        measure,
        markdown((*head, "the one of it"), rows),
        of_pairs,
        markdown(("library", "pairs", "taken over", "refused"), pairs),
        timed,
        markdown(("dtype", "compiler", "time"), times),
        f"It took {duration(time.perf_counter() - began)}.",
    ]
    text = "\n\n".join(parts)
    write(given.out, "exports", text)
    if any(row[6] != "0" for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
