"""The grid on which a function of two inputs is drawn: the range of some rows, and a margin."""

import numpy as np

__all__ = ["plane_grid"]

MARGIN = 0.06


def plane_grid(points: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ``count`` positions along each input, and all points of the grid (count^2, 2).

    Examples
    --------
    >>> x1, x2, grid = plane_grid(np.array([[0.0, 5.0], [1.0, 5.0]]), 3)
    >>> x1, x2, grid.shape
    (array([-0.06,  0.5 ,  1.06]), array([4.5, 5. , 5.5]), (9, 2))
    """
    low, high = points.min(axis=0), points.max(axis=0)
    room = np.where(high > low, MARGIN * (high - low), 0.5)
    x1, x2 = (np.linspace(low[k] - room[k], high[k] + room[k], count) for k in (0, 1))
    return x1, x2, np.stack([one.ravel() for one in np.meshgrid(x1, x2)], axis=1)
