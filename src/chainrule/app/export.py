"""A model file as a program of another language: ONNX, or C."""

from __future__ import annotations

from pathlib import Path

from chainrule.app.places import check_outputs
from chainrule.app.report import Report
from chainrule.foundation.errors import must_be
from chainrule.tables.loading import load

__all__ = ["export"]

SUFFIXES = {"onnx": ".onnx", "c": ".c"}


def export(path: str, to: str, *, out: Path | None, name: str, force: bool, report: Report) -> None:
    """Write a model in another language."""
    if to not in SUFFIXES:
        raise must_be("--to", "onnx or c", to)
    place = Path(Path(path).stem + SUFFIXES[to]) if out is None else out
    outputs = {"--out": place}
    if to == "c":
        if place.suffix != ".c":
            raise must_be("--out", "a file named *.c, for C", str(place))
        outputs["the header of --out"] = place.with_suffix(".h")
    check_outputs(outputs, [path], force=force)
    model = load(path)
    if to == "onnx":
        model.to_onnx(place)
    else:
        model.to_c(place, name=name)
    for one in outputs.values():
        report.line(f"wrote {one}")
