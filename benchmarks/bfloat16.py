"""Products in bfloat16 beside those in float32: whole training steps, and errors on held-out rows.

    pip install . -r benchmarks/requirements.txt && python benchmarks/bfloat16.py --data FOLDER

Steps are those of `chainrule.train` on one thread, beside PyTorch in float32 and under its autocast
to bfloat16; rounds are interleaved in one process, and the best of each counts. Errors are of
networks 128-64 after so many epochs, from the same seeds in both precisions. FOLDER is that of
``tables.py``, with the four files of Fashion-MNIST in ``fashion-mnist``; without it there are no
errors. It needs a processor with avx512_bf16, and writes ``benchmarks/results/bfloat16.md``; with
matrix registers (AMX), ``bfloat16-amx.md``, where steps of the engine in vectors run beside.
"""

import gzip
import os
import time
import warnings
from pathlib import Path

import numpy as np
import peers
from cases import CASES, ROWS, Case
from report import arguments, machine, markdown, write
from sklearn.exceptions import ConvergenceWarning
from tables import TABLES, prepared

from chainrule import MLPClassifier, MLPRegressor
from chainrule.engines.compiled.matrix_registers import has_matrix_registers
from chainrule.engines.compiled.target import host_target

NAMES = (
    "20-64-64-2 @ 256",
    "784-128-64-10 @ 32",
    "784-128-64-10 @ 128",
    "784-128-64-10 @ 1024",
    "784-512-512-10 @ 128",
    "784-1024-1024-10 @ 1024",
)
EPOCHS = {"fashion-mnist": 10, "adult": 10, "diamonds": 20}


def pytorch_autocast(case: Case) -> peers.Run:
    """Return PyTorch's epoch with products in bfloat16."""
    import torch

    run = peers.pytorch(case, "sgd", 1)

    def epoch() -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            run()

    return epoch


def in_vectors(case: Case) -> peers.Run:
    """Return the engine's epoch with products of bfloat16 in vectors."""
    before = os.environ.get("CHAINRULE_AMX")
    os.environ["CHAINRULE_AMX"] = "0"
    run = peers.chainrule(case, "sgd", 1, "bfloat16")  # the engine keeps its choice
    if before is None:
        del os.environ["CHAINRULE_AMX"]
    else:
        os.environ["CHAINRULE_AMX"] = before
    return run


def best_of(case: Case, rounds: int) -> dict[str, float]:
    """Return the least microseconds per step of each, over interleaved epochs."""
    runs = {
        "float32": peers.chainrule(case, "sgd", 1),
        "bfloat16": peers.chainrule(case, "sgd", 1, "bfloat16"),
        "PyTorch": peers.pytorch(case, "sgd", 1),
        "PyTorch, bfloat16": pytorch_autocast(case),
    }
    if has_matrix_registers(host_target()):
        runs["bfloat16 in vectors"] = in_vectors(case)
    best = dict.fromkeys(runs, float("inf"))
    for number in range(rounds + 1):  # the first compiles
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            if number:
                best[name] = min(best[name], time.perf_counter() - began)
    return {name: 1e6 * seconds / (ROWS // case.batch) for name, seconds in best.items()}


def data_of(name: str, folder: Path) -> tuple[np.ndarray, ...]:
    """Return inputs and targets to train on, and to test on."""
    if name != "fashion-mnist":
        table = TABLES[name](folder)
        x, x_test = prepared(table)
        return x, table.y, x_test, table.y_test
    found = []
    for part in ("train", "t10k"):
        for kind, head in (("images-idx3", 16), ("labels-idx1", 8)):
            with gzip.open(folder / name / f"{part}-{kind}-ubyte.gz") as file:
                found.append(np.frombuffer(file.read(), np.uint8, offset=head))
    x, y, x_test, y_test = found
    return (
        *(x.reshape(-1, 784).astype(np.float32) / 255, y),
        *(x_test.reshape(-1, 784).astype(np.float32) / 255, y_test),
    )


def errors_of(name: str, folder: Path, seeds: int) -> dict[str, list[float]]:
    """Return the errors of each precision: 1 - accuracy, or 1 - R2."""
    x, y, x_test, y_test = data_of(name, folder)
    kind = MLPRegressor if y.dtype.kind == "f" else MLPClassifier
    errors: dict[str, list[float]] = {"highest": [], "bfloat16": []}
    for seed in range(seeds):
        for precision, found in errors.items():
            model = kind(
                hidden_layer_sizes=(128, 64),
                max_iter=EPOCHS[name],
                early_stopping=False,
                batch_size=128,
                dtype="float32",
                random_state=seed,
                matmul_precision=precision,
                engine="compiled",
            )
            found.append(1.0 - model.fit(x, y).score(x_test, y_test))
    return errors


def main() -> None:
    """Measure steps and errors, and write the page."""
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--data", type=Path, help="folder of the tables")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    table, head = [], []
    for case in (case for case in CASES if case.name in NAMES):
        best = best_of(case, options.rounds)
        ours, low, torch, torch_low, *_ = best.values()
        times = [f"{one:,.1f}" for one in best.values()]
        table.append([case.name, *times, f"{ours / low:.2f}", f"{min(torch, torch_low) / low:.2f}"])
        head = ["network @ batch", *best, "float32 / bfloat16", "best of PyTorch / bfloat16"]
        print(*table[-1], flush=True)
    pages = [
        "# Products in bfloat16",
        f"{machine('torch')}.",
        (
            "## Steps\n\nMicroseconds per whole step under SGD with momentum on one thread, the "
            f"best of {options.rounds} interleaved epochs of {ROWS:,} rows."
        ),
        markdown(head, table),
    ]
    if options.data:
        table = []
        for name, epochs in EPOCHS.items():
            errors = errors_of(name, options.data, options.seeds)
            full, low = (np.array(found) for found in errors.values())
            moved = low - full
            table.append(
                [
                    f"{name}, {epochs} epochs",
                    *(f"{e.mean():.5f} +- {e.std(ddof=1):.5f}" for e in (full, low)),
                    f"{moved.mean():+.5f} +- {moved.std(ddof=1) / len(moved) ** 0.5:.5f}",
                ]
            )
            print(*table[-1], flush=True)
        pages += [
            (
                "## Errors on held-out rows\n\n1 - accuracy, or 1 - R2 for diamonds: the mean over "
                f"{options.seeds} seeds and the standard deviation of one of them; the difference "
                "with the standard error of its mean."
            ),
            markdown(["data", "float32", "bfloat16", "difference"], table),
        ]
    name = "bfloat16-amx" if has_matrix_registers(host_target()) else "bfloat16"
    write(options.out, name, "\n\n".join(pages))


if __name__ == "__main__":
    main()
