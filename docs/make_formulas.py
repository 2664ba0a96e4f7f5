"""Write formulas.md from the catalogues: every record with its formula, parameters and source.

Run it after adding a record: ``python docs/make_formulas.py``.
"""

from dataclasses import fields
from pathlib import Path

from chainrule import (
    activations,
    initializers,
    losses,
    optimizers,
    penalties,
    rate_factors,
    schedules,
)
from chainrule.formulas.initializers import start_latex

PAGE = Path(__file__).with_name("formulas.md")
INTRODUCTION = """# All formulas

This page is written by `docs/make_formulas.py` from the catalogues, the same records that training
computes with. The symbols: $z$ weighted sum, $a$ activation, $s$ score of the last layer, $p$
prediction, $y$ target, $w$ weight, $g$ gradient, $\\eta$ learning rate, $t$ step.
"""
CHAPTERS = (
    (
        activations,
        "Activations",
        "What a unit answers to its weighted sum, and the slope of that answer.",
    ),
    (
        losses,
        "Losses",
        "The disagreement of a prediction and its target, and the gradient by the score.",
    ),
    (
        initializers,
        "Initializers",
        "The variance of starting weights $w$ and biases $b$, by fan-in $n$ and fan-out $m$.",
    ),
    (optimizers, "Optimizers", "The update of parameters $p$ by their gradient $g$."),
    (
        schedules,
        "Schedules",
        "What the learning rate is multiplied by, at step $t$ of $T$, with $n$ steps an epoch.",
    ),
    (penalties, "Penalties", "What large weights cost, on top of the loss."),
    (
        rate_factors,
        "Rate factors",
        "The learning rates of a layer's weight and bias, by fan-in $n$ and fan-out $m$.",
    ),
)


def number(value):
    """Return a bound of an interval as LaTeX."""
    if value in (float("inf"), float("-inf")):
        return r"\infty" if value > 0 else r"-\infty"
    return f"{value:.6g}"


def first_sentence(record):
    """Return the sentence that opens a record's docstring."""
    return type(record).__doc__.strip().split("\n\n")[0].replace("\n    ", " ")


def display(latex):
    """Return LaTeX as a block of its own."""
    return f"$$\n{latex}\n$$"


def formulas(record):
    """Return the LaTeX of a record, its derivative included."""
    latex = record.in_latex(record.latex)
    if hasattr(record, "slope_latex"):
        slope = record.in_latex(record.slope_latex)
        return [f"a = {latex}", rf"\frac{{da}}{{dz}} = {slope}"]
    if hasattr(record, "gradient_latex"):
        gradient = record.in_latex(record.gradient_latex)
        return [f"l = {latex}", rf"\frac{{dl}}{{ds}} = {gradient}"]
    if hasattr(record, "variance"):
        return [start_latex(record)]
    return [latex]


def facts(record):
    """Return what else there is to know, one line each."""
    lines = []
    if record.aliases:
        lines.append("Also called " + ", ".join(f"`{alias}`" for alias in record.aliases) + ".")
    if hasattr(record, "slope_latex"):
        low, high = map(number, record.range)
        lines.append(f"Values from ${low}$ to ${high}$; weights start from `{record.initializer}`.")
    if hasattr(record, "link"):
        low, high = map(number, record.domain)
        lines.append(
            f"Prediction: `{record.link.name}` of the score. Targets from ${low}$ to ${high}$."
        )
    if hasattr(record, "slots"):
        lines.append(f"Learning rate, if none is given: {record.learning_rate:g}.")
    parameters = [f"`{f.name}={getattr(record, f.name)!r}`" for f in fields(record)]
    if parameters:
        lines.append("Parameters: " + ", ".join(parameters) + ".")
    lines.append(f"Source: {record.source}.")
    return lines


def page():
    """Return the whole page."""
    parts = [INTRODUCTION]
    for catalogue, title, text in CHAPTERS:
        parts.append(f"## {title}\n\n{text}\n")
        for name in catalogue:
            record = catalogue[name]
            blocks = [first_sentence(record), *map(display, formulas(record))]
            blocks.append("\n".join(f"* {line}" for line in facts(record)))
            parts.append(f"### {name}\n\n" + "\n\n".join(blocks) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
