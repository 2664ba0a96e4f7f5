"""Data drawn by hand: points are added, moved and taken away."""

from collections.abc import Mapping
from typing import Any

from chainrule.app.play.looking import whole_number
from chainrule.app.play.own_rows import moved_point, with_point, without_point
from chainrule.app.play.settings import Settings
from chainrule.foundation.errors import must_be
from chainrule.foundation.real_numbers import is_real

__all__ = ["drawn_settings"]

# The largest coordinate of a point, and the most classes, that are drawn by hand.
FARTHEST, MOST_DRAWN = 1e6, 6


def drawn_settings(before: Settings, request: Mapping[str, Any]) -> Settings:
    """Return the settings with a point added, moved or taken out, and the network left as it is.

    Parameters
    ----------
    before : Settings
        The settings.
    request : mapping
        ``place``, and ``target`` for a new point; ``row``, the number of a row to train on, for one
        that is moved there; or ``remove``, which takes the nearest one out.

    Examples
    --------
    >>> found = drawn_settings(Settings().changed(data="xor"), {"place": [0.5, 0.5], "target": 1})
    >>> found.arrays[0].shape, found.arrays[1].tolist()
    ((5, 2), [0, 1, 1, 0, 1])
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
    if request.get("remove") is True:
        found = without_point(rows, place)
    elif "row" in request:
        train, _ = before.split()
        row = whole_number(request, "row", 0, len(train) - 1)
        found = moved_point(rows, int(train[row]), place, target)
    else:
        most = min(len(rows.classes) + 1, MOST_DRAWN)
        if rows.kind != "numbers" and target not in range(most):
            raise must_be("target", f"a class from 0 to {most - 1}", target)
        found = with_point(rows, place, target)
    after = before.with_own(found).changed(held_out=0.0)
    # the same network, unless a class is new
    same = {name: getattr(before, name) for name in ("units", "activations", "start", "seed")}
    return after.changed(**same)
