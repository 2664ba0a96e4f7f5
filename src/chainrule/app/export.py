"""A model file as a program of another language: ONNX, or C."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chainrule.app.places import check_outputs
from chainrule.app.report import Report
from chainrule.foundation.errors import InputError, must_be
from chainrule.tables.loading import load

__all__ = ["export"]

SUFFIXES = {"onnx": ".onnx", "c": ".c"}


def export(
    path: str,
    to: str,
    *,
    out: Path | None,
    name: str,
    interval: float | None,
    quantiles: Sequence[float] | None,
    force: bool,
    report: Report,
) -> None:
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
    answers = {"interval": interval, "quantiles": quantiles or None}
    try:
        if to == "onnx":
            model.to_onnx(place, **answers)
        else:
            model.to_c(place, name=name, **answers)
    except InputError as error:
        raise InputError(_as_flag(str(error))) from error
    for one in outputs.values():
        report.line(f"wrote {one}")


def _as_flag(sentence: str) -> str:
    """Return a sentence about an argument of Python as one about the flag."""
    for argument, flag in (("interval ", "--interval "), ("quantiles ", "--quantile ")):
        if sentence.startswith(argument):
            return flag + sentence.removeprefix(argument)
    return sentence
