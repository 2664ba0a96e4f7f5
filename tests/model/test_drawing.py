"""A drawing of a network: well-formed SVG that holds what the network says of itself."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass

import numpy as np
import pytest

from chainrule import Dense, Network, Parameters
from chainrule.formulas.records import Activation
from chainrule.foundation.errors import InputError

SVG = "{http://www.w3.org/2000/svg}"


def tree(drawing):
    return ET.fromstring(drawing.svg)


def words(root):
    return [element.text for element in root.iter(f"{SVG}text")]


def hints(root, tag):
    found = (element.find(f"{SVG}title") for element in root.iter(f"{SVG}{tag}"))
    return [hint.text for hint in found if hint is not None]


def test_a_small_network_has_every_unit_line_and_word():
    root = tree(Network(Dense(2, 3, "sigmoid"), Dense(3, 1)).draw())
    assert len(list(root.iter(f"{SVG}circle"))) == 2 + 3 + 1
    assert len(list(root.iter(f"{SVG}line"))) == 2 * 3 + 3 * 1
    said = words(root)
    for text in ("inputs", "layer 1", "layer 2", "2 inputs", "3 sigmoid", "1 linear"):
        assert text in said
    assert {"2 x 3 + 3", "3 x 1 + 1", "2 > 3 > 1, 13 parameters"} <= set(said)
    assert "2 inputs, layer 1 of 3 sigmoid units, layer 2 of 1 linear unit." in {
        element.text for element in root.iter(f"{SVG}desc")
    }


def test_a_wide_layer_is_cut_with_dots_and_a_count():
    root = tree(Network.of_widths([784, 256, 256, 10]).draw())
    units = hints(root, "circle")
    assert len(units) == 4 * 8
    assert units[:8] == [f"input {n}" for n in (1, 2, 3, 4, 781, 782, 783, 784)]
    assert len(list(root.iter(f"{SVG}circle"))) == 4 * (8 + 3)  # three dots each
    assert {"776 more", "248 more", "2 more", "784 x 256 + 256"} <= set(words(root))


@pytest.mark.parametrize("width", [1, 8, 9, 10, 11])
def test_units_never_overlap(width):
    root = tree(Network.of_widths([width, 1]).draw())
    circles = [c for c in root.iter(f"{SVG}circle") if c.find(f"{SVG}title") is not None]
    heights = sorted(float(c.get("cy")) for c in circles if float(c.get("cx")) < 100.0)
    assert all(np.diff(heights) > 2 * 13)
    height = float(root.get("height"))
    assert all(30.0 < one < height - 30.0 for one in heights)


class TestWeights:
    network = Network(Dense(2, 2, "tanh"), Dense(2, 1, bias=False))
    at = Parameters.from_arrays([[[1.0, -2.0], [0.0, 0.5]], [[3.0], [-0.75]]], [[0.25, 0.0], None])

    def test_lines_are_the_weights(self):
        root = tree(self.network.draw(self.at))
        lines = {}
        for line in root.iter(f"{SVG}line"):
            hint = line.find(f"{SVG}title")
            if hint is not None:
                lines[hint.text] = line
        assert set(lines) == {
            "w1[1,1] = 1", "w1[1,2] = -2", "w1[2,1] = 0", "w1[2,2] = 0.5",
            "w2[1,1] = 3", "w2[2,1] = -0.75",
        }  # fmt: skip
        positive, negative = lines["w1[1,1] = 1"], lines["w1[1,2] = -2"]
        assert positive.get("stroke") != negative.get("stroke")
        assert positive.get("stroke-dasharray") is None
        assert negative.get("stroke-dasharray")
        width = {name: float(line.get("stroke-width")) for name, line in lines.items()}
        assert width["w1[1,2] = -2"] == width["w2[1,1] = 3"] == max(width.values())
        assert width["w1[2,1] = 0"] == min(width.values())
        assert width["w1[2,1] = 0"] < width["w1[2,2] = 0.5"] < width["w1[1,1] = 1"]

    def test_biases_are_described_and_the_key_is_written(self):
        root = tree(self.network.draw(self.at))
        assert "unit 1 of layer 1, b1[1] = 0.25" in hints(root, "circle")
        assert "unit 1 of layer 2" in hints(root, "circle")
        assert {"positive", "negative", "2 x 1"} <= set(words(root))

    def test_weights_that_are_not_finite_or_all_zero_are_drawn(self):
        for value in (np.nan, np.inf, 0.0):
            root = tree(self.network.draw(self.network.parameters(np.full(8, value))))
            assert len(hints(root, "line")) == 6

    def test_parameters_of_another_network_are_refused(self):
        with pytest.raises(InputError, match="parameters must be those of the network"):
            self.network.draw(Network.of_widths([2, 1]).start(0))

    def test_arrays_of_other_libraries_are_drawn(self, asarray):
        assert self.network.draw(self.network.parameters(asarray(self.at.vector))).svg == (
            self.network.draw(self.at).svg
        )


def test_names_are_escaped():
    @dataclass(frozen=True)
    class Odd(Activation):
        name = "<b>&"

        def value(self, xp, z):
            return z**3

        def slope(self, xp, z, a):
            return 3.0 * z**2

    assert "2 <b>&" in words(tree(Network(Dense(1, 2, Odd())).draw()))


def test_a_drawing_is_shown_and_saved(tmp_path):
    drawing = Network.of_widths([2, 3, 1]).draw()
    assert str(drawing) == drawing._repr_svg_() == drawing.svg
    assert repr(drawing) == "drawing of a network 2 > 3 > 1; save(path) writes it as SVG"
    path = tmp_path / "network.svg"
    drawing.save(path)
    assert path.read_text(encoding="utf-8") == drawing.svg
    with pytest.raises(InputError, match=r"path must be the name of an \.svg file"):
        drawing.save(tmp_path / "network.png")
