"""Tables larger than memory: peak, speed and quality of streamed fits beside fits in memory.

    pip install '.[app]' -r benchmarks/requirements.txt
    python benchmarks/streaming.py --data FOLDER [--rows 1000000 4000000]

FOLDER holds ``flights_3m.parquet``. Each fit has its own process; the peak is that of resident
memory above the interpreter with its imports. It writes ``benchmarks/results/streaming.md``; Linux
only.
"""

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from isolated import isolated
from memory import resident
from report import arguments, machine, markdown, write

EPOCHS, MEMORY, COLUMNS = 3, "500MB", 100
TESTED = 0.1
GROUP = 2**16


def model(kind: str) -> Any:
    """Return a regressor, and load the code that its fit needs."""
    import polars as pl

    from chainrule import TabularRegressor

    options = {"max_iter": EPOCHS}
    table = pl.DataFrame({"x": np.arange(500.0), "t": ["a", "b"] * 250, "y": np.arange(500) % 7.0})
    own = {"encoding": "target" if kind == "flights" else "scale", "random_state": 0}
    TabularRegressor("fast", options=options, **own).fit(table.drop("y"), table["y"])
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "small.parquet")
        table.write_parquet(place)
        TabularRegressor("fast", options=options, **own).fit(place, "y")
    return TabularRegressor("fast", options=options, **own)


def streamed(path: str, target: str, kind: str) -> dict[str, float]:
    """Fit in bounded memory; return what was measured."""
    from sklearn.metrics import r2_score

    found = model(kind)
    base, seconds = resident("VmRSS"), list[float]()
    found.set_params(callbacks=lambda epoch: seconds.append(time.process_time()))
    fit = found.fit_files(path, target, memory=MEMORY, test_fraction=TESTED)
    peak = resident("VmHWM") - base
    y = fit.tested[target].to_numpy()
    r2 = r2_score(y, found.predict(fit.tested.drop(target)))
    return _measured(peak, fit.rows, seconds, found.fit_seconds_, r2)


def in_memory(path: str, target: str, kind: str) -> dict[str, float]:
    """Fit the same table in memory, with the same rows to test on."""
    import polars as pl
    from sklearn.metrics import r2_score

    from chainrule.tables.table_blocks import Parts

    found = model(kind)
    base, seconds = resident("VmRSS"), list[float]()
    found.set_params(callbacks=lambda epoch: seconds.append(time.process_time()))
    table = pl.read_parquet(path)
    part = Parts.of(table.height, 0, TESTED, 0.15, table.height).of_rows(0, table.height)
    train, held = table.filter(part == 0), table.filter(part == 1)
    found.fit(train.drop(target), train[target], X_val=held.drop(target), y_val=held[target])
    peak = resident("VmHWM") - base
    tested = table.filter(part == 2)
    r2 = r2_score(tested[target].to_numpy(), found.predict(tested.drop(target)))
    return _measured(peak, train.height, seconds, found.fit_seconds_, r2)


def _measured(
    peak: int, rows: int, seconds: list[float], total: float, r2: float
) -> dict[str, float]:
    each = float(np.median(np.diff(seconds))) / rows * 1e6
    return {"peak": peak, "each": each, "seconds": total, "r2": r2, "rows": rows}


def sorted_by(path: str, target: str, out: Path) -> None:
    """Write a table in the order of its target."""
    import polars as pl

    pl.read_parquet(path).sort(target).write_parquet(out, row_group_size=GROUP)


def generate(rows: int, folder: Path) -> None:
    """Write a table of 100 columns of float32 as a folder, some hundred thousand rows a file."""
    import polars as pl

    folder.mkdir()
    random = np.random.default_rng(0)
    weights = random.normal(size=COLUMNS).astype(np.float32) / COLUMNS**0.5
    for start in range(0, rows, 4 * GROUP):
        x = random.standard_normal((min(4 * GROUP, rows - start), COLUMNS), np.float32)
        y = x @ weights + x[:, 0] * x[:, 1] + random.standard_normal(len(x), np.float32) / 2
        frame = pl.DataFrame(x, schema=[f"x{i}" for i in range(COLUMNS)]).with_columns(y=y)
        frame.write_parquet(folder / f"{start:010}.parquet", compression="uncompressed",
                            row_group_size=GROUP)  # fmt: skip


def line(name: str, found: dict[str, float]) -> list[str]:
    """Return a line of the table."""
    return [
        name,
        f"{int(found['rows']):,}",
        f"{found['peak'] / 1e6:,.0f}",
        f"{found['each']:.2f}",
        f"{found['seconds']:.0f}",
        f"{found['r2']:.4f}",
    ]


HEAD = [
    "",
    "rows trained on",
    "peak, MB",
    "processor s per million rows",
    "whole fit, s",
    "R2, test rows",
]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of flights_3m.parquet")
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000_000, 4_000_000])
    given = parser.parse_args()
    flights = str(given.data / "flights_3m.parquet")
    lines, generated = [], []
    with tempfile.TemporaryDirectory(prefix="chainrule-") as folder:
        lines.append(line("streamed", isolated(streamed, flights, "delay", "flights")))
        print(lines, flush=True)
        lines.append(line("in memory", isolated(in_memory, flights, "delay", "flights")))
        print(lines, flush=True)
        place = Path(folder, "table.parquet")
        isolated(sorted_by, flights, "delay", place)
        found = isolated(streamed, str(place), "delay", "flights")
        lines.append(line("streamed, file sorted by the target", found))
        print(lines, flush=True)
        for rows in given.rows:
            parts = Path(folder, f"{rows}")
            isolated(generate, rows, parts)
            size = sum(part.stat().st_size for part in parts.iterdir())
            found = isolated(streamed, str(parts), "y", "generated")
            generated.append(line(f"{size / 1e9:.2f} GB", found))
            print(generated, flush=True)
            shutil.rmtree(parts)
    text = f"""# Tables larger than memory

{machine("polars")}. `memory="{MEMORY}"`, {EPOCHS} epochs of the preset `fast`; the peak is resident
memory above the interpreter with its imports; processor time, of both cores, is that of the median
epoch, the thread that reads included.

## flights_3m, 3,000,000 rows of 5 columns, 225 inputs or more

{markdown(HEAD, lines)}

## Generated, {COLUMNS} columns of float32

{markdown(HEAD, generated)}
"""
    write(given.out, "streaming", text)


if __name__ == "__main__":
    main()
