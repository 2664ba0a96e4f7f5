"""In a notebook a record shows its formula, with its own parameters in it."""

import pytest

from chainrule import activations, initializers, losses, optimizers, penalties, schedules

CATALOGUES = (activations, losses, optimizers, schedules, initializers, penalties)


@pytest.mark.parametrize(
    "record", [c[name] for c in CATALOGUES for name in c], ids=lambda record: record.name
)
def test_every_record_shows_its_formula(record):
    html = record._repr_html_()
    assert type(record).__name__ in html
    assert html.count("$") == 2
    assert ":math:" not in html
    assert "`" not in html


def test_parameters_stand_in_the_formula():
    html = activations.get("leaky_relu", negative_slope=0.25)._repr_html_()
    assert "LeakyReLU(negative_slope=0.25)" in html
    assert "0.25 z &amp; z" in html
    assert "0.01" not in html
    assert r"\frac{1}{1 + e^{-z}}" in activations.sigmoid._repr_html_()
