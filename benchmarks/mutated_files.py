"""Damage model files in every way: each is refused by our error, or answers as before.

    python benchmarks/mutated_files.py --files 5000

Bits are flipped, blocks swapped, zeroed, cut out and put in, files cut short, headers nested, sizes
changed, records edited. Half of the edited records get a new, right checksum, as no accident
could give them: these must be refused, or answer with finite numbers. Counted are foreign errors,
other answers, loads of more than a minute, and the peak of memory while a file is refused.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
import tracemalloc
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import chainrule
from chainrule import (
    MLPClassifier,
    MLPRegressor,
    TabularClassifier,
    TabularRegressor,
    TrainingState,
    load_state,
    optimizers,
    save_model,
    save_state,
)
from chainrule.foundation.array_files import read_contents, write_arrays
from chainrule.foundation.errors import InputError
from chainrule.interop.preparation import Preparation

# Enough to compile the engine, where an edited record names it.
SECONDS = 60
# Beside twice the file: the objects of a few records and the sentence of the error.
SLACK = 200_000
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 3))
SIDE = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
LABELS = np.array(["red", "green", "blüe"])[SIDE]
TABLE = pl.DataFrame(
    {
        "size": [None if row % 9 == 4 else float(X[row, 0]) for row in range(60)],
        "kind": ["abc"[row % 3] for row in range(60)],
        "sold": pl.date_range(pl.date(2020, 1, 1), pl.date(2020, 2, 29), eager=True),
        "new": (X[:, 1] > 0).tolist(),
    }
)
VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 3, 10**9, 10**30, 0.5, -1e308, 1e999, float("nan")),
    *("", "x", "relu", "10 years", "\ud800", [], {}, [[1]], [None], [1.0, 2.0, 3.0]),
    {"name": "relu"},
)


def written(folder: Path, wide: int) -> dict[str, Path]:
    """Write a file of every kind, with layers of so many units."""
    small = {"hidden_layer_sizes": (wide, wide), "max_iter": 2, "engine": "reference"}
    small["random_state"] = 0
    number = X @ [1.0, -2.0, 0.5] * 100
    preparation = Preparation.fit(TABLE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models = {
            "classifier": MLPClassifier(dtype="float32", **small).fit(X, LABELS),
            "regressor": MLPRegressor(early_stopping=True, **small).fit(X, number),
            "ensemble": MLPClassifier(n_estimators=2, **small).fit(X, SIDE > 0),
        }
        prepared = MLPRegressor(**small).fit(preparation.transform(TABLE), number)
        given = {"n_folds": 2, "options": small | {"random_state": None}, "random_state": 0}
        del given["options"]["random_state"]
        tables = {
            "table classifier": TabularClassifier("fast", **given).fit(TABLE, SIDE),
            "table regressor": TabularRegressor("fast", **given).fit(TABLE, number),
        }
    for name, model in models.items():
        save_model(folder / name, model)
    save_model(folder / "prepared", prepared, preparation, {"data": "made up"})
    for name, table in tables.items():
        table.save(folder / name)
    network = chainrule.Network.of_widths([3, wide, wide, 1])
    save_state(folder / "state", TrainingState.start(network, optimizers["adam"]))
    return {name: folder / name for name in (*models, "prepared", *tables, "state")}


def answers(path: Path, kind: str) -> np.ndarray:
    """Return what a file answers: probabilities, numbers, or the parameters of a state."""
    if kind == "state":
        return np.asarray(load_state(path).vector)
    model = chainrule.load(path)
    rows = X
    if hasattr(model, "members_"):
        rows = TABLE
    elif model.preparation_ is not None:
        rows = model.preparation_.transform(TABLE)
    found: np.ndarray = (model.predict_proba if hasattr(model, "classes_") else model.predict)(rows)
    return found


def flipped(contents: bytes, random: np.random.Generator) -> bytes:
    changed = bytearray(contents)
    for _ in range(int(random.integers(1, 9))):
        # every second one in the header
        end = len(changed) if random.random() < 0.5 else 8 + int.from_bytes(contents[:8], "little")
        changed[int(random.integers(end))] ^= 1 << int(random.integers(8))
    return bytes(changed)


def block(contents: bytes, random: np.random.Generator) -> tuple[int, int]:
    begin = int(random.integers(len(contents)))
    return begin, min(len(contents), begin + int(2 ** random.uniform(0, 12)))


def truncated(contents: bytes, random: np.random.Generator) -> bytes:
    return contents[: int(random.integers(len(contents)))]


def swapped(contents: bytes, random: np.random.Generator) -> bytes:
    size = int(2 ** random.uniform(0, 10))
    one, other = sorted(random.integers(0, max(1, len(contents) - size), 2))
    if other - one < size:
        return truncated(contents, random)
    parts = contents[:one], contents[other : other + size], contents[one + size : other]
    return b"".join((*parts, contents[one : one + size], contents[other + size :]))


def zeroed(contents: bytes, random: np.random.Generator) -> bytes:
    begin, end = block(contents, random)
    return contents[:begin] + bytes(end - begin) + contents[end:]


def cut_out(contents: bytes, random: np.random.Generator) -> bytes:
    begin, end = block(contents, random)
    return contents[:begin] + contents[end:]


def put_in(contents: bytes, random: np.random.Generator) -> bytes:
    begin, end = block(contents, random)
    return contents[:end] + contents[begin:end] + contents[end:]


def nested(contents: bytes, random: np.random.Generator) -> bytes:
    header = json.loads(contents[8 : 8 + int.from_bytes(contents[:8], "little")])
    deep = int(10 ** random.uniform(1, 5))
    text = header["__metadata__"]["chainrule"]
    mark = str(random.choice(["[", '{"a":', "[[],"]))
    places = [place for place, letter in enumerate(text) if letter in ":,"]
    place = int(random.choice(places)) + 1
    header["__metadata__"]["chainrule"] = text[:place] + mark * deep + text[place:]
    if random.random() < 0.3:
        return with_header(contents, (mark * deep).encode())
    return with_header(contents, json.dumps(header).encode())


def resized(contents: bytes, random: np.random.Generator) -> bytes:
    length = int.from_bytes(contents[:8], "little")
    if random.random() < 0.3:
        length = int(random.choice([0, 1, length - 1, length + 8, 10**9, 2**62]))
        return length.to_bytes(8, "little") + contents[8:]
    header = json.loads(contents[8 : 8 + length])
    names = [name for name in header if name != "__metadata__"]
    record = header[str(random.choice(names))]
    key = str(random.choice(["shape", "data_offsets"]))
    place = int(random.integers(max(1, len(record[key]))))
    change = int(random.choice([-(10**12), -8, -1, 1, 8, 10**12, 2**62]))
    old = record[key] or [0]
    record[key] = [*old[:place], old[place] + change, *old[place + 1 :]]
    return with_header(contents, json.dumps(header).encode())


def with_header(contents: bytes, header: bytes) -> bytes:
    data = contents[8 + int.from_bytes(contents[:8], "little") :]
    return len(header).to_bytes(8, "little") + header + data


def edit(record: Any, random: np.random.Generator) -> None:
    """Change, remove or repeat one value, anywhere in a record."""
    while True:
        keys: list[Any] = list(record) if isinstance(record, dict) else list(range(len(record)))
        key = keys[int(random.integers(len(keys)))]
        below = record[key]
        if isinstance(below, dict | list) and below and random.random() < 0.85:
            record = below
            continue
        act = random.random()
        if act < 0.15:
            del record[key]
        elif act < 0.25 and isinstance(record, list):
            record.append(below)
        else:
            record[key] = VALUES[int(random.integers(len(VALUES)))]
        return


def edited(contents: bytes, random: np.random.Generator) -> bytes:
    """Edit the description, and leave the checksum as it was."""
    header = json.loads(contents[8 : 8 + int.from_bytes(contents[:8], "little")])
    description = json.loads(header["__metadata__"]["chainrule"])
    edit(description, random)
    header["__metadata__"]["chainrule"] = json.dumps(description)
    return with_header(contents, json.dumps(header).encode())


def forged(path: Path, changed: Path, random: np.random.Generator) -> None:
    """Edit the description, or the arrays, and give the file a right checksum."""
    kind, number, description, arrays = read_contents(path)
    description = json.loads(json.dumps(description))
    if random.random() < 0.8:
        edit(description, random)
    else:
        name = str(random.choice(list(arrays)))
        array = arrays[name].copy()
        if array.size and random.random() < 0.7:
            values = [np.nan, np.inf, -1, 1e30] if array.dtype.kind == "f" else [-1, 10**6]
            array.reshape(-1)[int(random.integers(array.size))] = random.choice(values)
        elif random.random() < 0.5:
            array = array.reshape(-1)[: array.size // 2]
        else:
            array = array.astype(random.choice(["f2", "f4", "i8", "u1"]))
        arrays[name] = array
    write_arrays(changed, kind, {"format": number, **description}, arrays)


MUTATIONS: dict[str, Callable[[bytes, np.random.Generator], bytes]] = {
    "flipped bits": flipped,
    "cut short": truncated,
    "swapped blocks": swapped,
    "zeroed block": zeroed,
    "block cut out": cut_out,
    "block put in": put_in,
    "nested header": nested,
    "wrong sizes": resized,
    "edited record": edited,
}
FORGED = "edited record, right checksum"


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    def late(*given: Any) -> None:
        raise TimeoutError

    if not hasattr(signal, "SIGALRM"):
        yield
        return
    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def outcome(path: Path, kind: str, expected: np.ndarray, right_checksum: bool) -> str:
    """Return what became of a file: "refused", "equal", "finite", or what must not be."""
    tracemalloc.start()
    try:
        with time_limit(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = answers(path, kind)
    except InputError:
        peak = tracemalloc.get_traced_memory()[1]
        if not right_checksum and peak > 2 * path.stat().st_size + SLACK:
            return f"MEMORY: {peak:,} bytes for {path.stat().st_size:,}"
        return "refused"
    except TimeoutError:
        return "HANG"
    except Exception as error:
        return f"FOREIGN ERROR: {type(error).__name__}: {str(error)[:150]}"
    finally:
        tracemalloc.stop()
    if found.shape == expected.shape and found.tobytes() == expected.tobytes():
        return "equal"
    if right_checksum:
        return "finite" if np.isfinite(found).all() else "NOT FINITE"
    return "OTHER ANSWERS"


def mutate(count: int, seed: int, wide: int) -> Iterator[tuple[str, str, str, Path]]:
    """Yield the mutation, the kind of file, what became of it, and the file."""
    random = np.random.default_rng(seed)
    names = [*MUTATIONS, FORGED]
    with tempfile.TemporaryDirectory() as folder:
        files = written(Path(folder), wide)
        expected = {kind: answers(path, kind) for kind, path in files.items()}
        changed = Path(folder) / "changed"
        kinds = list(files)
        for number in range(count):
            name, kind = names[number % len(names)], kinds[number // len(names) % len(kinds)]
            if name == FORGED:
                forged(files[kind], changed, random)
            else:
                changed.write_bytes(MUTATIONS[name](files[kind].read_bytes(), random))
            yield name, kind, outcome(changed, kind, expected[kind], name == FORGED), changed


def main() -> int:
    """Print a table of outcomes; return 1 if any must not be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--wide", type=int, default=128, help="units of each hidden layer")
    parser.add_argument("--keep", type=Path, help="folder for the files with a wrong outcome")
    given = parser.parse_args()
    began, table, wrong = time.perf_counter(), Counter(), Counter()
    for number, (name, kind, found, path) in enumerate(mutate(given.files, given.seed, given.wide)):
        table[name, found if found.islower() else "wrong"] += 1
        if not found.islower():
            wrong[f"{kind}, {name}: {found}"] += 1
            if given.keep:
                given.keep.mkdir(exist_ok=True)
                (given.keep / f"{number} {kind}").write_bytes(path.read_bytes())
    columns = ("refused", "equal", "finite", "wrong")
    print("| mutation |", " | ".join(columns), "|\n|---|" + "---|" * len(columns))
    for name in (*MUTATIONS, FORGED):
        print(f"| {name} |", " | ".join(str(table[name, one]) for one in columns), "|")
    print(f"\n{given.files:,} files in {time.perf_counter() - began:.0f} s")
    for words, count in wrong.most_common():
        print(f"{count} x {words}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
