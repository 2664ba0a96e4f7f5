"""A record prints itself with its formula, and stays one expression within other things."""

from dataclasses import dataclass

import pytest

from chainrule import (
    activations,
    initializers,
    losses,
    optimizers,
    penalties,
    rate_factors,
    schedules,
)
from chainrule.formulas.plain_text import plain
from chainrule.formulas.records import Activation

CATALOGUES = (activations, losses, optimizers, schedules, initializers, penalties, rate_factors)
EVERY = [c[name] for c in CATALOGUES for name in c]


@pytest.mark.parametrize("record", EVERY, ids=lambda record: record.name)
def test_every_record_prints_its_formula_without_latex(record):
    first, *formulas = str(record).splitlines()
    assert first == repr(record)
    assert formulas
    for line in formulas:
        assert line.startswith("    ")
        assert "=" in line or "<-" in line
        assert not set("\\${}&") & set(line)
        assert line.count("(") == line.count(")")


@pytest.mark.parametrize(
    ("record", "formulas"),
    [
        (activations.sigmoid, ["a = 1 / (1 + e^-z)", "da/dz = a (1 - a)"]),
        (
            activations.get("leaky_relu", negative_slope=0.25),
            ["a = 0.25 z if z <= 0, z if z > 0", "da/dz = 0.25 if z <= 0, 1 if z > 0"],
        ),
        (losses.mse, ["l = (p - y)^2", "dl/ds = 2 (s - y)"]),
        (optimizers.sgd, ["p <- p - rate g"]),
        (
            optimizers.get("sgd", momentum=0.9, nesterov=True),
            ["v <- momentum v - rate g", "p <- p + momentum v - rate g"],
        ),
        (
            optimizers.get("rmsprop", weight_decay=0.1, clip_norm=2.0),
            [
                "p <- (1 - rate weight_decay) p",
                "g <- g min(1, 2.0 / |g|)",
                "v <- decay v + (1 - decay) g^2",
                "p <- p - rate g / (sqrt(v) + epsilon)",
            ],
        ),
        (schedules.invscaling, ["multiplier = 1 / (t + 1)^0.5"]),
        (initializers.he_normal, ["Var(w) = 2 / n", "b = 0"]),
        (penalties.get("l2", strength=0.5), ["price = (strength / 2) sum_i w_i^2"]),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else "",
)
def test_formulas_as_they_stand(record, formulas):
    assert str(record).splitlines()[1:] == [f"    {one}" for one in formulas]


def test_the_rule_with_decay_is_shown_once():
    assert str(optimizers.adamw).count("(1 - rate weight_decay) p") == 1


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"2 \begin{cases} z & z > 0 \\ 0 & z \leq 0 \end{cases}", "2 (z if z > 0, 0 if z <= 0)"),
        (r"\frac{1}{2} \cos(t)", "(1 / 2) cos(t)"),
        (r"\frac{(a) + (b)}{2}", "((a) + (b)) / 2"),
        (r"\frac{1}{2} + \frac{z}{3}", "1 / 2 + z / 3"),
        (r"0.1^{\lfloor \frac{t}{3 n} \rfloor}", "0.1^(floor(t / (3 n)))"),
    ],
)
def test_plain_text_keeps_what_belongs_together(latex, text):
    assert plain(latex) == text


def test_a_record_without_latex_is_shown_all_the_same():
    @dataclass(frozen=True)
    class Draft(Activation):
        name = "draft"

        def value(self, xp, z):
            return z**3

        def slope(self, xp, z, a):
            return 3.0 * z**2

    assert str(Draft()) == f"{Draft()!r}\n    a = draft(z)\n    da/dz = draft'(z)"


@pytest.mark.parametrize("record", EVERY, ids=lambda record: record.name)
def test_the_prompt_of_ipython_shows_the_formula_of_a_record_alone(record):
    pretty = pytest.importorskip("IPython.lib.pretty").pretty
    assert pretty(record) == str(record)
    assert pretty([record]) == f"[{record!r}]"
