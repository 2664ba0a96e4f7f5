"""The map of a plane as a drawing: runs of equal level are one box, rows are shapes."""

from collections.abc import Sequence

from chainrule.foundation.markup import Markup, element
from chainrule.insight.report.axes import Axis
from chainrule.insight.report.figures import Plane

__all__ = ["draw_plane"]

WIDTH, HEIGHT = 520, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 12, 44


def draw_plane(chart: Plane, name: str) -> str:
    """Return the map with its key."""
    across = Axis.over(chart.x, LEFT, WIDTH - RIGHT, room=0.0)
    up = Axis.over(chart.y, HEIGHT - BOTTOM, TOP, room=0.0)
    out = Markup()
    wide = (WIDTH - LEFT - RIGHT) / len(chart.x)
    high = (HEIGHT - TOP - BOTTOM) / len(chart.y)
    kind = "g" if chart.graded else "k"
    for row, levels in enumerate(chart.levels):
        y = HEIGHT - BOTTOM - (row + 1) * high
        for start, stop, level in _runs(levels):
            box = {"x": f"{LEFT + start * wide:.1f}", "y": f"{y:.1f}"}
            size = {"width": f"{(stop - start) * wide:.1f}", "height": f"{high + 0.4:.1f}"}
            out.add("rect", {"class": f"{kind}{level}", **box, **size})
    for x, y, group in chart.points:
        out.add(
            "path",
            {"class": f"p{group % 6}", "d": _shape(across.position(x), up.position(y), group)},
        )
    for value, words in across.ticks(6):
        at = {"x": f"{across.position(value):.1f}", "y": HEIGHT - BOTTOM + 16}
        out.add("text", {**at, "text-anchor": "middle"}, words)
    for value, words in up.ticks(6):
        at = {"x": LEFT - 6, "y": f"{up.position(value) + 4:.1f}"}
        out.add("text", {**at, "text-anchor": "end"}, words)
    middle = (LEFT + WIDTH - RIGHT) / 2
    out.add("text", {"x": middle, "y": HEIGHT - 6, "text-anchor": "middle"}, chart.x_name)
    side = f"translate(14 {(TOP + HEIGHT - BOTTOM) / 2:.0f}) rotate(-90)"
    out.add("text", {"transform": side, "text-anchor": "middle"}, chart.y_name)
    drawing = out.svg(chart.title, chart.description, WIDTH, HEIGHT, name)
    return _key(chart, kind) + drawing


def _runs(levels: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return (start, stop, level) of each stretch of equal levels.

    Examples
    --------
    >>> _runs([1, 1, 0])
    [(0, 2, 1), (2, 3, 0)]
    """
    found: list[tuple[int, int, int]] = []
    for index, level in enumerate(levels):
        if found and found[-1][2] == level:
            found[-1] = (found[-1][0], index + 1, level)
        else:
            found.append((index, index + 1, level))
    return found


def _shape(x: float, y: float, group: int) -> str:
    """Return the path of a mark: each group has a shape of its own."""
    shapes = (
        "m-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z",
        "m0-4.5l4 7.5h-8z",
        "m-3.2-3.2h6.4v6.4h-6.4z",
        "m0-4.6l4 4.6-4 4.6-4-4.6z",
        "m0 4.5l4-7.5h-8z",
        "m-4-1.3h2.7v-2.7h2.6v2.7h2.7v2.6h-2.7v2.7h-2.6v-2.7h-2.7z",
    )
    return f"M{x:.1f} {y:.1f}{shapes[group % len(shapes)]}"


def _key(chart: Plane, kind: str) -> str:
    size = {"viewBox": "0 0 16 12", "width": 16, "height": 12, "aria-hidden": "true"}
    keys = []
    for level, name in enumerate(chart.names):
        box = element("rect", {"class": f"{kind}{level}", "width": 16, "height": 12})
        keys.append(element("svg", size, box) + element("span", {}, name, escaped=False))
    for group, name in enumerate(chart.groups):
        mark = element("path", {"class": f"p{group % 6}", "d": _shape(8, 6, group)})
        words = f"row: {name}"
        keys.append(element("svg", size, mark) + element("span", {}, words, escaped=False))
    return element("ul", {"class": "legend"}, "".join(element("li", {}, key) for key in keys))
