"""The plane on which rows are drawn: their two inputs, or the principal plane of more."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.insight.subject import Subject

__all__ = ["MOST_POINTS", "Plane", "dense"]

MOST_POINTS = 1000


def dense(x: Any) -> np.ndarray:
    """Return inputs as an array, whatever they are kept as."""
    return np.asarray(x.toarray() if hasattr(x, "toarray") else x)


@dataclass(frozen=True, eq=False)
class Plane:
    """The plane that is drawn: the two inputs, or the principal plane of more.

    Attributes
    ----------
    center : ndarray (n_in,)
        A point of the plane.
    axes : ndarray (2, n_in)
        Its directions.
    names : tuple of str
        Their names.
    words : str
        What is drawn, where that is not the inputs themselves.
    """

    center: np.ndarray
    axes: np.ndarray
    names: tuple[str, str]
    words: str = ""

    @classmethod
    def of(cls, subject: Subject) -> "Plane":
        """Return the plane for the rows of a subject."""
        names, n_in = subject.input_names, subject.objective.network.n_in
        if n_in == 1:
            return cls(np.zeros(1), np.array([[1.0], [0.0]]), (names[0], "prediction"))
        if n_in == 2:
            return cls(np.zeros(2), np.eye(2), (names[0], names[1]))
        x = dense(subject.rows.x)[:MOST_POINTS].astype(np.float64)
        center = x.mean(axis=0)
        _, sizes, axes = np.linalg.svd(x - center, full_matrices=False)
        total = float(np.sum(sizes**2))
        kept = 100.0 * float(np.sum(sizes[:2] ** 2)) / total if total > 0.0 else 100.0
        if len(axes) < 2:
            axes = np.eye(2, n_in)
        words = (
            f"The plane of the two directions in which the {n_in} inputs differ most; it holds "
            f"{kept:.0f} % of their variance. All other directions are held at their mean."
        )
        return cls(center, axes[:2], ("direction 1", "direction 2"), words)

    def places(self, x: np.ndarray) -> np.ndarray:
        """Return the places of rows on the plane (n, 2)."""
        found: np.ndarray = (x.astype(np.float64) - self.center) @ self.axes.T
        return found

    def rows(self, places: np.ndarray) -> np.ndarray:
        """Return the inputs at places of the plane."""
        found: np.ndarray = places @ self.axes + self.center
        return found
