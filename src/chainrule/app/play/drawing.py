"""Data drawn by hand: points are added, moved and taken away."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.app.play.looking import whole_number
from chainrule.app.play.moments import Point
from chainrule.app.play.own_rows import moved_point, with_point, without_point
from chainrule.app.play.run import Run
from chainrule.app.play.settings import Settings
from chainrule.foundation.errors import must_be
from chainrule.foundation.real_numbers import is_real

__all__ = ["drawn_settings", "words_of"]

# The largest coordinate of a point, and the most classes, that are drawn by hand.
FARTHEST, MOST_DRAWN = 1e6, 6


def drawn_settings(before: Settings, request: Mapping[str, Any]) -> tuple[Settings, Point]:
    """Return the settings with a point added, moved or taken out, and that point.

    The network is left as it is, unless a class is new; rows that were held out are trained on.

    Parameters
    ----------
    before : Settings
        The settings.
    request : mapping
        ``place``, and ``target`` for a new point; ``row``, the number of a row to train on, for one
        that is moved there; or ``remove``, which takes the nearest one out.

    Examples
    --------
    >>> xor = Settings().changed(data="xor")
    >>> found, point = drawn_settings(xor, {"place": [0.5, 0.5], "target": 1})
    >>> found.arrays[0].shape, found.arrays[1].tolist()
    ((5, 2), [0, 1, 1, 0, 1])
    >>> point
    Point(kind='added', row=4, place=(0.5, 0.5), target=1)
    """
    place: Any = request.get("place")
    target: Any = request.get("target", 0)
    rows = before.drawn()
    inputs = rows.x.shape[1]
    numbers = [*place, target] if isinstance(place, list) else []
    if len(numbers) != inputs + 1 or not all(
        is_real(one) and abs(one) <= FARTHEST for one in numbers
    ):
        raise must_be("a point", f"{inputs} numbers and a target", [place, target])
    given = tuple(map(float, place))
    if request.get("remove") is True:
        nearest = int(np.argmin(np.sum((rows.x - place) ** 2, axis=1)))
        point, found = Point("removed", nearest), without_point(rows, nearest)
    elif "row" in request:
        train, _ = before.split()
        row = int(train[whole_number(request, "row", 0, len(train) - 1)])
        moves = float(target) if rows.kind == "numbers" else None
        point, found = Point("moved", row, given, moves), moved_point(rows, row, place, target)
    else:
        most = min(len(rows.classes) + 1, MOST_DRAWN)
        if rows.kind != "numbers" and target not in range(most):
            raise must_be("target", f"a class from 0 to {most - 1}", target)
        target = float(target) if rows.kind == "numbers" else int(target)
        point = Point("added", len(rows.x), given, target)
        found = with_point(rows, place, target)
    after = before.with_own(found).changed(held_out=0.0)
    # the same network, unless a class is new
    same = {name: getattr(before, name) for name in ("units", "activations", "start", "seed")}
    return after.changed(**same), point


def words_of(point: Point, before: Settings, run: Run, *, goes_on: bool) -> str:
    """Return what a point did, and how the training goes on.

    Parameters
    ----------
    point : Point
        The point.
    before : Settings
        The settings before it.
    run : Run
        The training, with the rows as they are now.
    goes_on : bool
        False where the network had to begin again.
    """
    did = f"Row {point.row + 1:,} is {point.kind}"
    if not goes_on:
        return f"{did}, of a new class: the network has other outputs and begins again."
    rows = len(run.rows)
    pass_ = f"the next step, {run.moment.step + 1:,}, begins a new pass over the {rows:,} rows"
    held_out = len(before.split()[1])
    joined = f", {held_out:,} of which were held out until now" if held_out else ""
    return f"{did}, and the network goes on: {pass_}{joined}."
