"""Charts as small inline drawings.

Colours are classes of the page's style, so that a drawing follows light, dark and forced colours;
dashes, shapes and words say the same again.
"""

import math
from collections.abc import Iterable, Sequence

from chainrule.foundation.markup import Markup, element
from chainrule.insight.report.axes import Axis
from chainrule.insight.report.figures import Bars, Chart, Curve, Lines, Plane, thinned
from chainrule.insight.report.plane import draw_plane

__all__ = ["drawing_of"]

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 16, 44
BAR, LABEL_LENGTH = 22, 28
# Width of a letter at the drawing's size of text, a little more than the mean.
LETTER = 7.0
POINTS = 240


def drawing_of(chart: Chart, name: str) -> str:
    """Return the drawing; ``name`` makes its ids unique in the page."""
    if isinstance(chart, Plane):
        return draw_plane(chart, name)
    return _bars(chart, name) if isinstance(chart, Bars) else _lines(chart, name)


def _lines(chart: Lines, name: str) -> str:
    xs = [float(x) for curve in chart.curves for x in curve.x]
    ys = [float(y) for curve in chart.curves for y in (*curve.y, *curve.low, *curve.high)]
    if chart.diagonal:
        ys = xs = [*xs, *ys]
    across = Axis.over(xs, LEFT, WIDTH - RIGHT, log=chart.log_x, room=0.02)
    up = Axis.over(ys, HEIGHT - BOTTOM, TOP, log=chart.log_y, room=0.06)
    out = Markup()
    for value, words in across.ticks(6):
        x = f"{across.position(value):.1f}"
        out.add("line", {"class": "grid", "x1": x, "y1": TOP, "x2": x, "y2": HEIGHT - BOTTOM})
        out.add("text", {"x": x, "y": HEIGHT - BOTTOM + 16, "text-anchor": "middle"}, words)
    for value, words in up.ticks(6):
        y = f"{up.position(value):.1f}"
        out.add("line", {"class": "grid", "x1": LEFT, "y1": y, "x2": WIDTH - RIGHT, "y2": y})
        out.add("text", {"x": LEFT - 6, "y": float(y) + 4, "text-anchor": "end"}, words)
    middle = (LEFT + WIDTH - RIGHT) / 2
    out.add("text", {"x": middle, "y": HEIGHT - 6, "text-anchor": "middle"}, chart.x_name)
    side = f"translate(14 {(TOP + HEIGHT - BOTTOM) / 2:.0f}) rotate(-90)"
    out.add("text", {"transform": side, "text-anchor": "middle"}, chart.y_name)
    if chart.diagonal:
        low, high = max(across.low, up.low), min(across.high, up.high)
        ends = [(across.position(one), up.position(one)) for one in (low, high)]
        out.add("path", {"class": "guide", "d": _path(ends)})
    for number, curve in enumerate(chart.curves):
        _curve(out, curve, across, up, f"c{number % 2}")
    if chart.mark is not None and math.isfinite(chart.mark[1]):
        _mark(out, across.position(chart.mark[0]), up.position(chart.mark[1]), chart.mark[2])
    drawing = out.svg(chart.title, chart.description, WIDTH, HEIGHT, name)
    return _legend(chart.curves) + drawing if len(chart.curves) > 1 else drawing


def _mark(out: Markup, x: float, y: float, words: str) -> None:
    out.add("circle", {"class": "mark", "cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": 5})
    left = x > WIDTH / 2
    at = {"x": f"{x + (-8 if left else 8):.1f}", "y": f"{y - 9:.1f}"}
    out.add("text", {**at, "text-anchor": "end" if left else "start"}, words)


def _curve(out: Markup, curve: Curve, across: Axis, up: Axis, colour: str) -> None:
    kept = thinned(len(curve.y), POINTS)
    points = [(float(curve.x[k]), float(curve.y[k])) for k in kept]
    for k in kept if curve.low else ():
        x = f"{across.position(float(curve.x[k])):.1f}"
        ends = (up.position(float(curve.low[k])), up.position(float(curve.high[k])))
        out.add("path", {"class": f"range {colour}", "d": f"M{x} {ends[0]:.1f}V{ends[1]:.1f}"})
    for run in _runs(points):
        placed = [(across.position(x), up.position(y)) for x, y in run]
        dashed = " dashed" if curve.dashed else ""
        if len(placed) > 1:
            out.add("path", {"class": f"curve {colour}{dashed}", "d": _path(placed)})
        if curve.dots or len(placed) == 1:
            for cx, cy in placed:
                at = {"cx": f"{cx:.1f}", "cy": f"{cy:.1f}", "r": 3.5}
                out.add("circle", {"class": f"dot {colour}", **at})


def _runs(points: Sequence[tuple[float, float]]) -> Iterable[list[tuple[float, float]]]:
    """Yield the stretches of finite points: a curve has a gap where a number is missing."""
    run: list[tuple[float, float]] = []
    for point in points:
        if math.isfinite(point[0]) and math.isfinite(point[1]):
            run.append(point)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _legend(curves: Sequence[Curve]) -> str:
    keys = []
    for number, curve in enumerate(curves):
        dashed = " dashed" if curve.dashed else ""
        line = element("path", {"class": f"curve c{number % 2}{dashed}", "d": "M0 6H28"})
        size = {"viewBox": "0 0 28 12", "width": 28, "height": 12, "aria-hidden": "true"}
        keys.append(
            element(
                "li",
                {},
                element("svg", size, line) + element("span", {}, curve.name, escaped=False),
            )
        )
    return element("ul", {"class": "legend"}, "".join(keys))


def _bars(chart: Bars, name: str) -> str:
    height = BAR * len(chart.labels) + 8
    finite = [value for value in chart.values if math.isfinite(value)]
    left = 16.0 + LETTER * min(LABEL_LENGTH, max(map(len, chart.labels)))
    right = WIDTH - 12.0 - LETTER * max(map(len, chart.words))
    axis = Axis.over([0.0, *finite], left, right, room=0.0)
    zero = axis.position(0.0)
    out = Markup()
    for row, (label, value, words) in enumerate(
        zip(chart.labels, chart.values, chart.words, strict=True)
    ):
        y = 4 + BAR * row
        end = axis.position(value) if math.isfinite(value) else zero
        text = label if len(label) <= LABEL_LENGTH else f"{label[: LABEL_LENGTH - 1]}…"
        out.add("text", {"x": f"{left - 8:.1f}", "y": y + 15, "text-anchor": "end"}, text)
        box = {"x": f"{min(zero, end):.1f}", "y": y + 3, "width": f"{abs(end - zero):.1f}"}
        colour = "b1" if value < 0.0 else "b0"
        out.add("rect", {"class": colour, **box, "height": BAR - 6})
        out.add("text", {"x": f"{max(zero, end) + 6:.1f}", "y": y + 15}, words)
    out.add(
        "line", {"class": "axis", "x1": f"{zero:.1f}", "y1": 0, "x2": f"{zero:.1f}", "y2": height}
    )
    return out.svg(chart.title, chart.description, WIDTH, height, name)
