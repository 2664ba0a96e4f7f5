"""The units of a weight in the second phase: strips of its rows times panels of its columns."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from chainrule.engines.compiled.memory import round_up
from chainrule.engines.compiled.row_phase import STRIP_ROWS

__all__ = ["UnitGrid"]


@dataclass(frozen=True)
class UnitGrid:
    """Positions and sizes of the units of one weight, panel by panel within each strip.

    Attributes
    ----------
    first, column : ndarray
        First row and first column of each unit.
    rows, columns, vectors : ndarray
        Rows, columns, and vectors of columns, the last of which may be padded.
    starts : ndarray of bool
        Whether a unit is in the first strip, and so updates the bias too.
    """

    first: np.ndarray
    column: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    vectors: np.ndarray
    starts: np.ndarray

    @staticmethod
    @lru_cache(maxsize=256)
    def of(n_in: int, n_out: int, lanes: int, panel_vectors: int) -> "UnitGrid":
        """Return the grid of a weight of ``n_in`` rows; equal layers share one."""
        width = lanes * panel_vectors
        panels = np.arange(0, n_out, width)
        strips = np.arange(0, n_in, STRIP_ROWS)
        column, first = np.tile(panels, len(strips)), np.repeat(strips, len(panels))
        vectors = np.minimum(width, round_up(n_out, lanes) - column) // lanes
        return UnitGrid(
            first=first,
            column=column,
            rows=np.minimum(STRIP_ROWS, n_in - first),
            columns=np.minimum(vectors * lanes, n_out - column),
            vectors=vectors,
            starts=first == 0,
        )
