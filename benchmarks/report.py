"""What all pages of results share: machine and versions, tables, and where they are written."""

import argparse
import os
import platform
from collections.abc import Iterable, Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).parent
COLORS = {
    "chainrule": "#D55E00",
    "JAX": "#0072B2",
    "PyTorch": "#56B4E9",
    "PyTorch compiled": "#009E73",
    "scikit-learn": "#999999",
    "onnxruntime": "#CC79A7",
}


def vector_bits() -> int:
    """Return the width of the vectors that this processor computes with: the class of the results.

    Ratios differ between the classes more than between processors of one of them.
    """
    from chainrule.engines.compiled.target import host_target

    return 8 * host_target().vector_bytes


# Kinds of processors that have pages of their own.
KINDS = {
    "512": "512-bit vectors",
    "512-intel": "512-bit vectors of Intel",
    "amx": "matrix registers",
}


def page(name: str) -> str:
    """Return the name of a page for the class of this processor.

    512-bit vectors have pages of their own, Intel's and those of others: caches and peers differ.
    """
    if vector_bits() < 512:
        return name
    return f"{name}-512-intel" if "Intel" in _processor() else f"{name}-512"


def _processor() -> str:
    """Return the name of the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def machine(*packages: str) -> str:
    """Return processor, width of its vectors, date and versions in one line."""
    cores = f", {os.cpu_count()} cores"
    found = []
    for package in ("chainrule", "numpy", "scikit-learn", "llvmlite", *packages):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    known = f"{_processor()}{cores}, {vector_bits()}-bit vectors; {date.today():%d %B %Y}"
    return f"{known}; Python {platform.python_version()}, {', '.join(found)}"


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def duration(seconds: float) -> str:
    """Return a time with three digits and the unit that suits it."""
    for unit, size in (("us", 1e-6), ("ms", 1e-3)):
        if seconds < 1e3 * size:
            return f"{seconds / size:.{max(0, 2 - len(str(int(seconds / size))) + 1)}f} {unit}"
    return f"{seconds:.{max(0, 3 - len(str(int(seconds))))}f} s"


def arguments(description: str) -> argparse.ArgumentParser:
    """Return a parser with what every benchmark takes."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder of the results")
    return parser


def write(folder: Path, name: str, text: str) -> None:
    """Write a page, with the script that measured it, and print it."""
    folder.mkdir(exist_ok=True, parents=True)
    script, _, kind = name.partition("-")
    if kind:
        text = text.replace("\n", f", {KINDS[kind]}\n", 1)
    by = f"Measured by `python benchmarks/{script}.py`."
    (folder / f"{name}.md").write_text(f"{text.rstrip()}\n\n{by}\n")
    print(text)
