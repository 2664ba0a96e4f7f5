"""Draw a network: layers are columns of circles, weights the lines between them.

The drawing is SVG, written as text: it needs no other package. Blue and vermilion (Okabe & Ito,
2008) differ in lightness too, and negative weights are dashed, so that it survives a grey printer.
"""

import math
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.files import write_whole
from chainrule.foundation.markup import Markup
from chainrule.model.parameters import Layout, Parameters

__all__ = ["Drawing", "draw_layers"]

BLUE, VERMILION, INK, GREY, PALE = "#0072B2", "#D55E00", "#1A1A1A", "#595959", "#B8B8B8"
# Of a wider layer the first and the last units are drawn, so many of each.
MOST_UNITS, END_UNITS = 9, 4
# A longer number does not go into a circle.
LONGEST_NUMBER = 9999
RADIUS, STEP, GAP, SIDE, LEFT, ABOVE = 13, 34, 190, 84, 20, 62
THICKEST, THINNEST, DASH = 3.5, 0.3, "7 3"
KEY = "positive; negative; width: size, against the largest drawn of its layer"

Place = tuple[float, float]
Places = dict[int, Place]


@dataclass(frozen=True, repr=False)
class Drawing:
    """A drawing of a network, which a notebook shows and `save` writes to a file.

    Attributes
    ----------
    svg : str
        The drawing.
    shape : str
        The widths of the network.

    Examples
    --------
    >>> from chainrule import Network
    >>> drawing = Network.of_widths([784, 256, 10]).draw()
    >>> drawing
    drawing of a network 784 > 256 > 10; save(path) writes it as SVG
    >>> drawing.svg[:4]
    '<svg'
    """

    svg: str
    shape: str

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the drawing to a file whose name ends in .svg: whole, or not at all.

        Raises
        ------
        InputError
            If the name ends otherwise, or the file cannot be written.
        """
        if not os.fspath(path).lower().endswith(".svg"):
            raise must_be("path", "the name of an .svg file", os.fspath(path))
        write_whole(path, lambda file: file.write(self.svg.encode("utf-8")))

    def __str__(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"drawing of a network {self.shape}; save(path) writes it as SVG"

    def _repr_svg_(self) -> str:
        return self.svg


def draw_layers(
    layout: Layout, activations: Sequence[str], parameters: Parameters | None = None
) -> Drawing:
    """Draw the layers of a layout; given parameters, their weights too.

    Parameters
    ----------
    layout : Layout
        Widths and biases.
    activations : sequence of str
        The name of each layer's activation.
    parameters : Parameters, optional
        Of that layout.
    """
    if parameters is not None and parameters.layout != layout:
        raise InputError(
            f"parameters must be those of the network, {layout.shapes}; got "
            f"{parameters.layout.shapes}."
        )
    widths, names = layout.widths, ["", *activations]
    slots = [min(width, MOST_UNITS) for width in widths]
    middle = ABOVE + STEP * max(slots) / 2.0
    columns = [_places(width, SIDE + GAP * number, middle) for number, width in enumerate(widths)]
    out = Markup()
    out.add("rect", {"width": "100%", "height": "100%", "fill": "#FFFFFF"})
    for number, (before, after) in enumerate(pairwise(columns)):
        _lines(out, number + 1, before, after, parameters)
    for number, (column, width) in enumerate(zip(columns, widths, strict=True)):
        _units(out, number, column, width, parameters)
    foot = ABOVE + STEP * max(slots) + 22
    _words(out, layout, names, foot)
    if parameters is not None:
        _key(out, foot + 46)
    shape = " > ".join(f"{width:,}" for width in widths)
    heading = f"{shape}, {layout.size:,} parameters"
    out.add("text", {"x": LEFT, "y": 24, "font-size": 14, "fill": INK}, heading)
    longest = max(heading, "" if parameters is None else KEY, key=len)
    svg = out.svg(
        f"Network {shape}",
        _description(layout, names, parameters),
        max(2 * SIDE + GAP * (len(widths) - 1), 8 * len(longest) + 2 * LEFT),
        foot + (36 if parameters is None else 64),
        f"network-{zlib.crc32(repr((layout, names)).encode()):x}",
        xmlns="http://www.w3.org/2000/svg",
        **{"font-family": "sans-serif"},
    )
    return Drawing(svg, shape)


def _places(width: int, x: float, middle: float) -> Places:
    """Return where the units of a column stand that are drawn, by their number from 0."""
    if width <= MOST_UNITS:
        units = list(range(width))
        slots = [slot - (width - 1) / 2.0 for slot in range(width)]
    else:
        units = [*range(END_UNITS), *range(width - END_UNITS, width)]
        slots = [sign * slot for sign in (-1.0, 1.0) for slot in range(1, END_UNITS + 1)]
        slots.sort()
    return {unit: (x, middle + STEP * slot) for unit, slot in zip(units, slots, strict=True)}


def _lines(
    out: Markup, layer: int, before: Places, after: Places, parameters: Parameters | None
) -> None:
    """Draw a line from every unit to every unit; those of large weights last, on top."""
    if parameters is None:
        style = {"stroke": PALE, "stroke-width": 0.8}
        for start in before.values():
            for end in after.values():
                out.add("line", {**_ends(start, end), **style})
        return
    weight = parameters.weights[layer - 1]
    drawn = {(one, two): float(weight[one, two]) for one in before for two in after}
    largest = max((abs(value) for value in drawn.values() if math.isfinite(value)), default=0.0)
    for (one, two), value in sorted(drawn.items(), key=lambda pair: abs(pair[1])):
        style = _weight_style(value, largest)
        hint = f"w{layer}[{one + 1},{two + 1}] = {value:.6g}"
        out.add("line", {**_ends(before[one], after[two]), **style}, hint=hint)


def _weight_style(value: float, largest: float) -> dict[str, object]:
    if not math.isfinite(value):
        return {"stroke": INK, "stroke-width": 1.5, "stroke-dasharray": "1 4"}
    share = abs(value) / largest if largest > 0.0 else 0.0
    style: dict[str, object] = {
        "stroke": BLUE if value >= 0.0 else VERMILION,
        "stroke-width": f"{THINNEST + (THICKEST - THINNEST) * share:.2f}",
        "stroke-opacity": f"{0.25 + 0.65 * share:.2f}",
    }
    return style if value >= 0.0 else {**style, "stroke-dasharray": DASH}


def _ends(one: Place, two: Place) -> dict[str, object]:
    (x1, y1), (x2, y2) = one, two
    return {"x1": f"{x1:g}", "y1": f"{y1:g}", "x2": f"{x2:g}", "y2": f"{y2:g}"}


def _units(
    out: Markup, number: int, column: Places, width: int, parameters: Parameters | None
) -> None:
    """Draw circles with the numbers of their units, and dots for the units left out."""
    bias = None if parameters is None or number == 0 else parameters.biases[number - 1]
    for unit, (x, y) in column.items():
        hint = f"input {unit + 1}" if number == 0 else f"unit {unit + 1} of layer {number}"
        hint += "" if bias is None else f", b{number}[{unit + 1}] = {float(bias[unit]):.6g}"
        place = {"cx": f"{x:g}", "cy": f"{y:g}", "r": RADIUS}
        out.add("circle", {**place, "fill": "#FFFFFF", "stroke": INK}, hint=hint)
        name = {"x": f"{x:g}", "y": f"{y + 3.5:g}", "text-anchor": "middle"}
        if unit < LONGEST_NUMBER:
            size = 10 if unit < 999 else 8
            out.add("text", {**name, "font-size": size, "fill": INK}, str(unit + 1))
    if len(column) < width:
        x, y = (sum(place) / len(column) for place in zip(*column.values(), strict=True))
        for shift in (-9.0, 0.0, 9.0):
            dot = {"cx": f"{x:g}", "cy": f"{y + shift:g}", "r": 2, "fill": INK}
            out.add("circle", dot)
        beside = {"x": f"{x + 9:g}", "y": f"{y + 4:g}", "font-size": 11}
        for style in ({"stroke": "#FFFFFF", "stroke-width": 5}, {"fill": INK}):
            out.add("text", {**beside, **style}, f"{width - len(column):,} more")


def _words(out: Markup, layout: Layout, names: Sequence[str], foot: float) -> None:
    """Write each column's name above it, width and activation below, and shapes between."""
    for number, (width, name) in enumerate(zip(layout.widths, names, strict=True)):
        x = SIDE + GAP * number
        above = "inputs" if number == 0 else f"layer {number}"
        below = f"{width:,} input{'s' if width > 1 else ''}" if number == 0 else f"{width:,} {name}"
        for y, words in ((ABOVE - 10, above), (foot, below)):
            _centred(out, x, y, words, INK, 12)
    for number, (n_in, n_out, bias) in enumerate(layout.shapes):
        words = f"{n_in:,} x {n_out:,}{f' + {n_out:,}' if bias else ''}"
        _centred(out, SIDE + GAP * (number + 0.5), foot + 18, words, GREY, 11)


def _centred(out: Markup, x: float, y: float, words: str, colour: str, size: int) -> None:
    place = {"x": f"{x:g}", "y": f"{y:g}", "text-anchor": "middle"}
    out.add("text", {**place, "font-size": size, "fill": colour}, words)


def _key(out: Markup, y: float) -> None:
    """Say what colours, dashes and widths mean."""
    for x, sign in ((LEFT, 1.0), (LEFT + 92, -1.0)):
        ends = _ends((x, y - 4), (x + 26, y - 4))
        out.add("line", {**ends, **_weight_style(sign, 1.0)})
    for x, words in zip((LEFT + 32, LEFT + 124, LEFT + 190), KEY.split("; "), strict=True):
        place = {"x": x, "y": y, "font-size": 11, "fill": INK}
        out.add("text", place, words)


def _description(layout: Layout, names: Sequence[str], parameters: Parameters | None) -> str:
    layers = ", ".join(
        f"layer {number} of {n_out:,} {name} unit{'s' if n_out > 1 else ''}"
        for number, ((_, n_out, _), name) in enumerate(
            zip(layout.shapes, names[1:], strict=True), start=1
        )
    )
    weights = "" if parameters is None else f" Lines are weights: {KEY}."
    n_in = layout.widths[0]
    return f"{n_in:,} input{'s' if n_in > 1 else ''}, {layers}.{weights}"
