"""The data sets of the page: each one function of a number of rows, noise and a generator."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from chainrule.foundation.errors import must_be, suggest
from chainrule.foundation.real_numbers import is_real
from chainrule.foundation.seeds import Purpose, stream

__all__ = ["DATA_SETS", "MOST_ROWS", "DataSet", "make_data"]

MOST_ROWS = 5000
Arrays = tuple[np.ndarray, np.ndarray]
Kind = Literal["two classes", "classes", "numbers"]


@dataclass(frozen=True)
class DataSet:
    """A data set that is drawn from a seed.

    Attributes
    ----------
    name, words : str
        Its name, and a description.
    kind : {"two classes", "classes", "numbers"}
        The kind of targets.
    draw : callable
        From the number of rows, the noise and a generator to inputs and targets.
    rows : int
        The number of rows to begin with.
    noise : float
        The noise to begin with.
    fixed : bool
        True if the number of rows and the noise have no effect.
    """

    name: str
    words: str
    kind: Kind
    draw: Callable[[int, float, np.random.Generator], Arrays]
    rows: int = 200
    noise: float = 0.1
    fixed: bool = False


def make_data(name: str, rows: int = 200, noise: float = 0.1, seed: int = 0) -> Arrays:
    """Return the inputs (n, n_in) and the targets (n,) of a data set of the page.

    Examples
    --------
    >>> x, y = make_data("xor", rows=4, noise=0.0)
    >>> x.tolist(), y.tolist()
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
    """
    if name not in DATA_SETS:
        rule = f"one of {', '.join(DATA_SETS)}"
        raise must_be("data", rule, name, suggest(str(name), list(DATA_SETS)))
    if isinstance(rows, bool) or not isinstance(rows, int) or not 1 <= rows <= MOST_ROWS:
        raise must_be("rows", f"an integer from 1 to {MOST_ROWS}", rows)
    if not is_real(noise) or not 0.0 <= noise <= 5.0:
        raise must_be("noise", "a number from 0 to 5", noise)
    return DATA_SETS[name].draw(rows, float(noise), stream(seed, Purpose.SAMPLE, 0))


def _chapter(rows: int, noise: float, random: np.random.Generator) -> Arrays:
    return np.array([[1.0, 1.0]]), np.array([0.0])


def _line(rows: int, noise: float, random: np.random.Generator) -> Arrays:
    x = np.array([[1.0], [2.0], [3.0], [4.0]])
    return x, 3.0 * x[:, 0]


def _xor(rows: int, noise: float, random: np.random.Generator) -> Arrays:
    corner = np.arange(rows) % 4
    x = np.stack([corner // 2, corner % 2], axis=1).astype(np.float64)
    return x + noise * random.normal(size=x.shape), (corner // 2) ^ (corner % 2)


def _moons(rows: int, noise: float, random: np.random.Generator) -> Arrays:
    y = np.arange(rows) % 2
    angle = np.pi * random.random(rows)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lower = np.stack([1.0 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
    x = np.where((y == 0)[:, None], upper, lower)
    return x + noise * random.normal(size=x.shape), y


def _circles(rows: int, noise: float, random: np.random.Generator) -> Arrays:
    y = np.arange(rows) % 2
    angle = 2.0 * np.pi * random.random(rows)
    radius = np.where(y == 0, 1.0, 0.5)
    x = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return x + noise * random.normal(size=x.shape), y


def _spiral(rows: int, noise: float, random: np.random.Generator) -> Arrays:
    y = np.arange(rows) % 2
    way = np.sqrt(random.random(rows))
    angle = 1.5 * 2.0 * np.pi * way + np.pi * y
    x = way[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return x + 0.3 * noise * random.normal(size=x.shape), y


def _blobs(rows: int, noise: float, random: np.random.Generator) -> Arrays:
    y = np.arange(rows) % 3
    angle = 2.0 * np.pi * (y / 3.0 + 0.25)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return x + (0.2 + noise) * random.normal(size=x.shape), y


def _sine(rows: int, noise: float, random: np.random.Generator) -> Arrays:
    x = np.sort(random.uniform(-1.0, 1.0, rows))[:, None]
    return x, np.sin(np.pi * x[:, 0]) + noise * random.normal(size=rows)


DATA_SETS = {
    one.name: one
    for one in (
        DataSet("chapter", "the chapter's row: x = (1, 1), y = 0", "numbers", _chapter, 1, 0, True),
        DataSet("xor", "XOR: one of two, but not both", "two classes", _xor, 4, 0.0),
        DataSet("moons", "two half moons", "two classes", _moons),
        DataSet("circles", "a circle in a circle", "two classes", _circles),
        DataSet("spiral", "two spirals", "two classes", _spiral, 200, 0.05),
        DataSet("blobs", "three clouds", "classes", _blobs),
        DataSet("sine", "a sine curve", "numbers", _sine, 60, 0.1),
        DataSet("line", "the chapter's line: y = 3 x", "numbers", _line, 4, 0, True),
    )
}
