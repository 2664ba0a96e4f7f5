"""Serving: the time of one row by each way out, of a first prediction, and of a stream of lines.

    pip install . -r benchmarks/requirements.txt && python benchmarks/serving.py

It writes ``benchmarks/results/serving.md``. Every way has the same weights, and its answer is
compared with ours first; rounds are interleaved, and the best of all kept.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from isolated import isolated
from report import arguments, duration, machine, markdown, write

WIDTHS = (50, 128, 64, 10)
TOLERANCE = 1e-5
# Calls that are timed at once: fewer than an interval in which a busy machine takes the core away.
CALLS = 100

Answer = Callable[[np.ndarray], Any]


def prepare(folder: Path) -> None:
    """Fit the network, and write it with a row and its answer."""
    from chainrule import MLPClassifier, save_model

    random = np.random.default_rng(0)
    x = random.normal(size=(2000, WIDTHS[0])).astype(np.float32)
    model = MLPClassifier(WIDTHS[1:-1], max_iter=5, random_state=0)
    model.fit(x, np.arange(2000) % WIDTHS[-1])
    save_model(folder / "network.chainrule", model)
    np.savez(folder / "row.npz", row=x[0], expected=model.predict_proba(x[:1])[0])


def stored(folder: Path) -> Any:
    """Return the model from its file."""
    from chainrule import load

    return load(folder / "network.chainrule")


def checked(folder: Path) -> Answer:
    """`model.predictor("predict_proba")`, rows checked."""
    return stored(folder).predictor("predict_proba")


def unchecked(folder: Path) -> Answer:
    """The same with ``validate=False``."""
    return stored(folder).predictor("predict_proba", validate=False)


def labels(folder: Path) -> Answer:
    """`model.predictor()`, rows checked; the label alone."""
    return stored(folder).predictor()


def estimator(folder: Path) -> Answer:
    """`model.predict_proba` of a table of one row."""
    model = stored(folder)
    return lambda row: model.predict_proba(row[None])[0]


def scikit_learn(folder: Path) -> Answer:
    """`model.to_sklearn().predict_proba`."""
    model = stored(folder).to_sklearn()
    return lambda row: model.predict_proba(row[None])[0]


def pytorch(folder: Path) -> Answer:
    """`model.to_torch()`, from and to NumPy arrays."""
    import torch

    torch.set_num_threads(1)
    module = stored(folder).to_torch().eval()

    def answer(row: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return module(torch.from_numpy(row[None])).numpy()[0]

    return answer


def onnxruntime(folder: Path) -> Answer:
    """`model.to_onnx()` in ONNX Runtime on one thread."""
    import onnxruntime as runtime

    stored(folder).to_onnx(folder / "network.onnx")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    path = str(folder / "network.onnx")
    session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda row: session.run(["probabilities"], {name: row[None]})[0][0]


WAYS: dict[str, Callable[[Path], Answer]] = {
    '`predictor("predict_proba")`': checked,
    '`predictor("predict_proba", validate=False)`': unchecked,
    "`predictor()`, the label": labels,
    "`predict_proba` of one row": estimator,
    "ONNX Runtime": onnxruntime,
    "PyTorch": pytorch,
    "scikit-learn": scikit_learn,
}


def measure(way: str, folder: Path, seconds: float) -> float:
    """Return the best seconds per call, once the answer is right."""
    answer = WAYS[way](folder)
    with np.load(folder / "row.npz") as arrays:
        row, expected = arrays["row"], arrays["expected"]
    found = answer(row)
    right = (
        found == expected.argmax()
        if np.ndim(found) == 0
        else np.allclose(found, expected, rtol=0.0, atol=TOLERANCE)
    )
    assert right, f"{way} is wrong"
    best, until = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.perf_counter()
        for _ in range(CALLS):
            answer(row)
        best = min(best, (time.perf_counter() - began) / CALLS)
    return best


MAIN_OF_C = """
#include <math.h>
#include <stdio.h>
#include <time.h>
#include "network.h"

static const float row[] = {%s};
static const float expected[] = {%s};

int main(void)
{
    float out[MODEL_OUTPUTS], sum = 0;
    double best = 1e9;
    int round, call, i;
    struct timespec begin, end;

    model_predict(row, out);
    for (i = 0; i < MODEL_OUTPUTS; i++) {
        if (fabsf(out[i] - expected[i]) > 1e-5f) return 1;
    }
    for (round = 0; round < %d; round++) {
        double took;
        clock_gettime(CLOCK_MONOTONIC, &begin);
        for (call = 0; call < 100; call++) {
            model_predict(row, out);
            sum += out[0];
        }
        clock_gettime(CLOCK_MONOTONIC, &end);
        took = (end.tv_sec - begin.tv_sec + 1e-9 * (end.tv_nsec - begin.tv_nsec)) / 100;
        if (took < best) best = took;
    }
    printf("%%.9f %%g\\n", best, sum);
    return 0;
}
"""


def measure_c(folder: Path, compiler: str, rounds: int = 2000) -> float:
    """Return the best seconds per call of the C file, called from C."""
    stored(folder).to_c(folder / "network.c")
    with np.load(folder / "row.npz") as arrays:
        texts = [", ".join(f"{x:.9e}f" for x in arrays[name]) for name in ("row", "expected")]
    (folder / "main.c").write_text(MAIN_OF_C % (*texts, rounds))
    program = str(folder / f"program-{compiler}")
    files = [str(folder / "main.c"), str(folder / "network.c")]
    subprocess.run(
        [compiler, "-O3", "-march=native", "-o", program, *files, "-lm"], check=True, cwd=folder
    )
    said = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    return float(said.split()[0])


# Processor time, which other work on the machine hardly changes.
FIRST = """
import json, sys, time
clock = time.process_time
began = clock()
import numpy, sklearn.base, sklearn.utils.validation
others = clock() - began
import chainrule
from chainrule import MLPClassifier
imported = clock()
model = chainrule.load(sys.argv[1])
loaded = clock()
answer = model.predictor("predict_proba")
row = numpy.zeros(50, numpy.float32)
answer(row)
first = clock()
print(json.dumps([others, imported - began - others, loaded - imported, first - loaded]))
"""


def first_prediction(folder: Path, warm: bool, turn: int) -> list[float]:
    """Return the seconds of imports, load and first prediction with an empty home.

    Warm: the cache was built in another place, and its files are read-only. Python finds bytecode,
    as where `pip` has installed the package.
    """
    here = folder / f"turn-{warm}-{turn}"
    home, built, cache = here / "home", here / "built", here / "cache"
    for place in (home, built):
        place.mkdir(parents=True, mode=0o700)
    environment = os.environ | {"HOME": str(home), "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    model = str(folder / "network.chainrule")
    if warm:
        subprocess.run(
            [sys.executable, "-m", "chainrule", "warm", model],
            env=environment | {"CHAINRULE_CACHE_DIR": str(built)},
            check=True,
            capture_output=True,
        )
        shutil.move(built, cache)
        for file in cache.iterdir():
            file.chmod(0o444)
        cache.chmod(0o555)
    done = subprocess.run(
        [sys.executable, "-c", FIRST, model],
        env=environment | {"CHAINRULE_CACHE_DIR": str(cache)},
        check=True,
        capture_output=True,
        text=True,
    )
    if warm:
        cache.chmod(0o755)
    found: list[float] = json.loads(done.stdout)
    return found


PEAK = """
import resource, sys
from chainrule.app.__main__ import main
main(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_maxrss, used.ru_utime + used.ru_stime, file=sys.stderr)
"""


def stream(folder: Path, lines: int) -> tuple[float, float, int]:
    """Return peak MB, processor seconds and errors of a stream with a bad line in the middle."""
    with (folder / "in.jsonl").open("w") as file:
        for number in range(lines):
            bad = number == lines // 2
            row = {"area": number % 97 + 20.25, "district": ("north", "west")[number % 2]}
            file.write('{"area": oops\n' if bad else json.dumps(row) + "\n")
    with (folder / "in.jsonl").open("rb") as source, (folder / "out.jsonl").open("wb") as into:
        command = ["predict", str(folder / "table.chainrule"), "-", "--stream"]
        done = subprocess.run(
            [sys.executable, "-c", PEAK, *command],
            stdin=source,
            stdout=into,
            stderr=subprocess.PIPE,
            check=True,
            text=True,
        )
    peak, seconds = map(float, done.stderr.split()[-2:])
    with (folder / "out.jsonl").open() as out:
        answers = [("error" in line) for line in out]
    assert len(answers) == lines
    return peak / 1e3, seconds, sum(answers)


def fit_table(folder: Path) -> None:
    """Train a model of a table by the command line."""
    random = np.random.default_rng(0)
    columns = random.uniform(20, 120, 500), random.integers(2, size=500)
    with (folder / "table.csv").open("w") as file:
        file.write("area,district,rent\n")
        for area, west in zip(*columns, strict=True):
            file.write(f"{area:.2f},{('north', 'west')[west]},{8 * area + 300 * west:.2f}\n")
    words = ["fit", "table.csv", "--target", "rent", "--out", "table.chainrule", "--no-plot", "-q"]
    subprocess.run([sys.executable, "-m", "chainrule", *words], cwd=folder, check=True)


def page(folder: Path, options: argparse.Namespace) -> str:
    """Measure, and return the page."""
    isolated(prepare, folder)
    best: dict[str, float] = {}
    for turn in range(options.rounds):
        for way in WAYS:
            new = isolated(measure, way, folder, options.seconds, threads=1)
            best[way] = min(new, best.get(way, new))
        for compiler in filter(shutil.which, ("gcc", "clang")):
            way = f"C, called from C, {compiler} -O3 -march=native"
            new = measure_c(folder, compiler)
            best[way] = min(new, best.get(way, new))
        print(f"round {turn + 1}", file=sys.stderr)
    own = best[next(iter(WAYS))]
    rows = [[way, duration(took), f"{took / own:.2g}"] for way, took in best.items()]
    table = markdown(["one row by", "time", "times the first"], rows)
    starts = []
    for warm, words in (
        (False, "nothing is cached, nor bytecode"),
        (True, "after `chainrule warm`"),
    ):
        # the first process of all writes the bytecode
        count = max(2, options.rounds) if warm else 1
        turns = [first_prediction(folder, warm, turn) for turn in range(count)]
        starts.append([words, *(duration(min(one)) for one in zip(*turns, strict=True))])
    head = ["", "import of NumPy and scikit-learn", "of chainrule", "load", "first prediction"]
    fit_table(folder)
    counts = [1_000, options.lines]
    lines = []
    for count in counts:
        peak, seconds, errors = stream(folder, count)
        lines.append([f"{count:,}", f"{peak:.0f} MB", f"{seconds:.1f} s", f"{errors}"])
    about = (
        f"{machine('torch', 'onnxruntime')}. Network "
        f"{'-'.join(map(str, WIDTHS))}, float32, one thread; one row, as a NumPy array, to its 10 "
        f"probabilities, equal to ours to {TOLERANCE:g}; each way in a process of its own, the "
        f"best of {CALLS} calls in {options.rounds} interleaved rounds.\n"
    )
    of_starts = (
        "\nA new process with an empty home; the cache was moved after it was built, and its "
        "folder is read-only; Python finds bytecode, as in an installed package. Processor time, "
        "the best of some processes.\n"
    )
    of_lines = (
        "\n`chainrule predict MODEL - --stream` on lines of JSON, two columns, one bad line in the "
        "middle: peak of memory and processor time, start included.\n"
    )
    streamed = markdown(["lines", "peak", "processor time", "errors"], lines)
    parts = ["# Serving\n", about, table, of_starts, markdown(head, starts), of_lines, streamed]
    return "\n".join(parts)


def main() -> None:
    """Measure, and write the results."""
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="per way and round")
    parser.add_argument("--lines", type=int, default=1_000_000, help="of the long stream")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        write(options.out, "serving", page(Path(temporary), options))


if __name__ == "__main__":
    main()
