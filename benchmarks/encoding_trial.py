"""The trial that chooses how numbers come in, beside each encoding on its own, on real tables.

    pip install . -r benchmarks/requirements.txt
    python benchmarks/encoding_trial.py --data FOLDER

It writes ``benchmarks/results/encoding_trial.md``: by how much the error of one network on 15 % of
the rows is above that of the encoding that is best there, and CPU seconds. FOLDER holds the tables
of ``benchmarks/tabular.py``, and `--seeds` are others than those of that page. Each fit is a line
of `--cells`, and is not made again.
"""

import warnings
from pathlib import Path

import numpy as np
from cells import Cells
from report import markdown
from tabular import ENCODED, TABLES, arguments, asked_data, measure

CHOSEN = "fast"


def main() -> None:
    """Fit with every encoding and with the one that the trial takes, and write what came out."""
    parser = arguments(__doc__, "encoding_trial", [3, 4])
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    cells = Cells(asked.cells)
    for seed, table, data in asked_data(asked):
        for method in (*ENCODED, CHOSEN):
            cells.measure(table, method, seed, None, lambda m=method, d=data: measure(d, m))
    write(asked.out, cells)


def write(path: Path, cells: Cells) -> None:
    """Write the errors above those of the best encoding of each split, and CPU seconds."""
    methods = (*ENCODED, *cells.methods(CHOSEN))
    logs: dict[str, list[float]] = {method: [] for method in methods}
    rows = []
    for table in TABLES:
        own = {m: {c["seed"]: c for c in cells.seeds(table, m, None)} for m in methods}
        seeds = sorted(set.intersection(*(set(one) for one in own.values())))
        if not seeds:
            continue
        least = {s: min(own[m][s]["error"] for m in ENCODED) for s in seeds}
        row = [table, f"{len(seeds)}"]
        for method in methods:
            found = [float(np.log(own[method][s]["error"] / least[s])) for s in seeds]
            logs[method] += found
            row.append(f"{100 * np.expm1(np.mean(found)):+.1f} %")
        row += [f"{np.mean([own[m][s]['seconds'] for s in seeds]):.2f}" for m in methods]
        rows.append(row)
    last = ["all", f"{len(logs[CHOSEN])}"]
    for method in methods:
        found = 100 * np.array(logs[method])
        error = np.std(found, ddof=1) / np.sqrt(len(found))
        last.append(f"{np.mean(found):+.2f} +- {error:.2f} %")
    head = ["table", "splits", *methods, *(f"s, {method}" for method in methods)]
    text = [
        "# The trial of encodings",
        (
            "One network of each table (`fast`) with its numbers scaled, with steps at splits of "
            "the target, with steps at quantiles, and with the one of them that the trial takes: "
            "by how much log loss or RMSE on 15 % of the rows is above that of the best of the "
            "three there (geometric means, with their standard error), and CPU seconds of fit and "
            "prediction, one thread. `python benchmarks/encoding_trial.py --data FOLDER`, "
            f"{cells.machines()}, shared with other work; each fit is a line of "
            f"[{path.stem}.jsonl]({path.stem}.jsonl). `fast (before)` tried on 10,000 rows for "
            "half of the epochs, and began with the scale; now it is 4,000 rows and a sixth."
        ),
        markdown(head, [*rows, [*last, *("" for _ in methods)]]),
    ]
    path.write_text("\n\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
