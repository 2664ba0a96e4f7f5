"""Pictures of formulas and of networks, without an estimator: a curve and its slope, and a map."""

from typing import Any, Self

import numpy as np

from chainrule.formulas.loss import Loss, losses
from chainrule.formulas.records import Activation, activations
from chainrule.foundation.arrays import Array, namespace
from chainrule.foundation.errors import InputError, must_be
from chainrule.insight.drawing import BLUE, GREY, VERMILION, axes_for, pyplot
from chainrule.insight.plane_grid import plane_grid
from chainrule.model.parameters import Parameters
from chainrule.training.network import Network

__all__ = ["ActivationDisplay", "DecisionBoundaryDisplay"]

POINTS = 801
# Shape and colour of the rows of each class; more classes than these are drawn as dots.
MARKERS = ("o", "^", "s", "D", "v", "P")
COLOURS = "cividis"
SHARES = np.linspace(0.0, 1.0, 11)


class ActivationDisplay:
    """An activation and its slope over the weighted sum, with both formulas.

    A row-wise function is drawn for its first column, beside a second one of zeros.

    Parameters
    ----------
    activation : Activation
        The record.
    low, high : float
        The ends of the curves.

    Attributes
    ----------
    line_, slope_line_ : Line2D
        The function, and its slope, which is interrupted where it jumps.
    ax_, figure_
        The axes and the figure.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("Agg")
    >>> display = ActivationDisplay.from_formula("sigmoid")
    >>> round(float(display.slope_line_.get_ydata().max()), 6)
    0.25
    """

    def __init__(self, activation: Activation, low: float = -5.0, high: float = 5.0) -> None:
        if not low < high:
            raise InputError(f"low must be below high; got {low} and {high}.")
        self.activation = activation
        self.low, self.high = low, high

    @classmethod
    def from_formula(
        cls, activation: str | Activation, *, low: float = -5.0, high: float = 5.0, ax: Any = None
    ) -> Self:
        """Draw a record of `chainrule.activations`, or a user-defined one."""
        return cls(activations.get(activation), low, high).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw on ``ax``, or on a new figure."""
        self.ax_, self.figure_ = axes_for(ax)
        z = np.linspace(self.low, self.high, POINTS)
        kinks = np.array([one for one in self.activation.kinks if self.low < one < self.high])
        # on both sides of a jump, and a gap at it
        z = np.sort(np.concatenate([z[~np.isin(z, kinks)], kinks, *_beside(kinks)]))
        value, slope = self._computed(z)
        slope[np.isin(z, kinks)] = np.nan
        _, *formulas = str(self.activation).splitlines()
        labels = [one.strip() for one in formulas]
        if len(labels) != 2 or max(map(len, labels)) > 90:
            labels = ["a", "da/dz"]
        self.ax_.axhline(0.0, color=GREY, linewidth=0.6)
        self.ax_.axvline(0.0, color=GREY, linewidth=0.6)
        (self.line_,) = self.ax_.plot(z, value, color=BLUE, linewidth=2.0, label=labels[0])
        (self.slope_line_,) = self.ax_.plot(
            z, slope, color=VERMILION, linestyle="--", label=labels[1]
        )
        self.ax_.set(xlabel="weighted sum z", ylabel="activation a and its slope")
        self.ax_.legend(
            frameon=False,
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            title=self.activation.name,
            alignment="left",
            fontsize="small",
        )
        return self

    def _computed(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows = np.stack([z, np.zeros_like(z)], axis=1)
        xp = namespace(rows)
        with np.errstate(all="ignore"):
            value = self.activation.value(xp, rows)
            slope = self.activation.slope(xp, rows, value)
        return np.array(value[:, 0]), np.array(slope[:, 0])


def _beside(kinks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.nextafter(kinks, -np.inf), np.nextafter(kinks, np.inf)


class DecisionBoundaryDisplay:
    """The prediction of a network over the plane of its two inputs, with rows drawn on it.

    Parameters
    ----------
    x1, x2 : ndarray
        The grid along each input.
    response : ndarray (len(x2), len(x1))
        The prediction at each point.
    kind : {"class", "probability", "value"}
        The kind of the response.

    Attributes
    ----------
    surface_ : contour set or QuadMesh
        The areas.
    boundary_ : list of contour sets
        The edge of each class, or where the probability is 1/2.
    rows_ : list of artists
        The rows, one per class; empty where none were given.
    ax_, figure_
        The axes and the figure.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("Agg")
    >>> network = Network.of_widths([2, 1])
    >>> at = Parameters.from_arrays([[[1.0], [1.0]]], [[0.0]])
    >>> X, y = [[-1.0, -1.0], [1.0, 1.0]], [0, 1]
    >>> display = DecisionBoundaryDisplay.from_network(
    ...     network, at, X, y, loss="binary_cross_entropy")
    >>> display.kind, len(display.rows_)
    ('probability', 2)
    """

    def __init__(
        self, x1: np.ndarray, x2: np.ndarray, response: np.ndarray, kind: str = "value"
    ) -> None:
        self.x1, self.x2, self.response, self.kind = x1, x2, response, kind
        self.classes = 2

    @classmethod
    def from_network(
        cls,
        network: Network,
        parameters: Parameters,
        X: Any,
        y: Any = None,
        *,
        loss: str | Loss | None = None,
        output: int | None = None,
        grid_resolution: int = 200,
        ax: Any = None,
    ) -> Self:
        """Draw a network at some parameters.

        Several outputs are the scores of classes, and the largest wins. One output, or the one
        given, is drawn as it is, or through the link of the loss: as a probability for a
        cross-entropy.

        Parameters
        ----------
        network : Network
            A network of two inputs.
        parameters : Parameters
            Its parameters.
        X : array (n, 2)
            Rows: their range, and a margin, is the plane.
        y : array (n,), optional
            Their classes or targets; None draws no rows.
        loss : str or Loss, optional
            The loss of the training.
        output : int, optional
            The output to draw, from 1.
        grid_resolution : int
            Points along each input.
        ax : Axes, optional
            The axes; by default those of a new figure.

        Raises
        ------
        InputError
            If the network does not take two inputs, or the output is ambiguous.
        """
        if network.n_in != 2:
            raise must_be("network", "one of 2 inputs to be drawn on a plane", network.n_in)
        if grid_resolution < 2:
            raise must_be("grid_resolution", "at least 2", grid_resolution)
        record = None if loss is None else losses.get(loss)
        rows = np.asarray(X, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != 2 or len(rows) == 0 or not np.isfinite(rows).all():
            raise must_be("X", "finite rows (n, 2)", rows.shape)
        if output is not None and not 1 <= output <= network.n_out:
            raise must_be("output", f"from 1 to {network.n_out}", output)
        by_class = record is None or record.link.rowwise
        if output is None and network.n_out > 1 and not by_class:
            assert record is not None
            raise must_be(
                "output",
                f"one of the {network.n_out} outputs, which the loss {record.name!r} takes one by "
                "one",
                output,
            )
        x1, x2, grid = plane_grid(rows, grid_resolution)
        predicted, kind = _predicted(network, parameters, grid, record, output)
        if not np.isfinite(predicted).any():
            raise InputError(
                "parameters must give predictions that are finite; these give none on the plane of "
                "X. Check health() of the network."
            )
        display = cls(x1, x2, predicted.reshape(len(x2), len(x1)), kind)
        return display.plot(ax, rows=rows, y=y)

    def plot(self, ax: Any = None, *, rows: Any = None, y: Any = None) -> Self:
        """Draw on ``ax``, or on a new figure, with rows on it where ``y`` says what they are."""
        self.ax_, self.figure_ = axes_for(ax)
        response = np.ma.masked_invalid(self.response)
        self.boundary_: list[Any] = []
        self.rows_: list[Any] = []
        if y is not None:
            rows, y = np.asarray(rows), _checked(y, len(rows))
        if self.kind == "class":
            self.classes = 1 + int(max(response.max(), 0 if y is None else y.max()))
            self._areas(response)
        else:
            share = self.kind == "probability"
            style = {"levels": SHARES, "cmap": _pale(256)} if share else {"cmap": COLOURS}
            self.surface_ = self.ax_.contourf(self.x1, self.x2, response, **style)
            if share:
                self._edge(response)
        bar = self.figure_.colorbar(self.surface_, ax=self.ax_)
        bar.set_label("class with the largest score" if self.kind == "class" else self.kind)
        if self.kind == "class":
            bar.set_ticks(np.arange(self.classes), labels=list(map(str, range(self.classes))))
        if y is not None:
            self._draw_rows(rows, y)
        self.ax_.set(xlabel="x1", ylabel="x2")
        return self

    def _areas(self, response: np.ndarray) -> None:
        from matplotlib.colors import BoundaryNorm

        levels = np.arange(self.classes + 1) - 0.5
        self.surface_ = self.ax_.pcolormesh(
            self.x1,
            self.x2,
            response,
            cmap=_pale(self.classes),
            norm=BoundaryNorm(levels, self.classes),
            rasterized=True,
        )
        for one in range(self.classes):
            self._edge((response == one).astype(np.float64))

    def _edge(self, share: np.ndarray) -> None:
        if share.min() < 0.5 < share.max():
            self.boundary_.append(
                self.ax_.contour(
                    self.x1, self.x2, share, levels=[0.5], colors="black", linewidths=1.0
                )
            )

    def _draw_rows(self, rows: np.ndarray, y: np.ndarray) -> None:
        groups = np.unique(y)
        style = {"edgecolors": "black", "linewidths": 0.8, "s": 28, "zorder": 3}
        if self.kind == "value" or len(groups) > len(MARKERS):
            scale = {"cmap": COLOURS, "norm": self.surface_.norm}
            self.rows_ = [self.ax_.scatter(*rows.T, c=y, **scale, **style)]
            return
        last = max(self.classes - 1, 1) if self.kind == "class" else 1
        for number, group in enumerate(groups):
            colour = pyplot().get_cmap(COLOURS)(float(group) / last)
            self.rows_.append(
                self.ax_.scatter(
                    *rows[y == group].T,
                    color=[colour],
                    marker=MARKERS[number],
                    label=f"class {group:g}",
                    **style,
                )
            )
        self.ax_.legend(
            frameon=False, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=6, fontsize="small"
        )


def _pale(count: int) -> Any:
    """Return the colours of areas, on which rows can be seen."""
    from matplotlib.colors import ListedColormap

    colours = pyplot().get_cmap(COLOURS)(np.linspace(0.0, 1.0, count))
    return ListedColormap(1.0 - 0.6 * (1.0 - colours[:, :3]))


def _checked(y: Any, count: int) -> np.ndarray:
    """Return class numbers or targets as one column."""
    column = np.asarray(y)
    column = column.ravel() if column.size == count else column
    if column.shape != (count,) or column.dtype.kind not in "biuf":
        raise must_be("y", f"{count} class numbers or targets, one per row of X", y)
    return column


def _predicted(
    network: Network, parameters: Parameters, grid: Array, loss: Loss | None, output: int | None
) -> tuple[np.ndarray, str]:
    """Return the prediction at each point of the grid, and its kind."""
    xp = namespace(parameters.vector)
    scores = network.predict(parameters, xp.asarray(grid, dtype=parameters.vector.dtype))
    if output is None and network.n_out > 1:
        best = np.asarray(xp.argmax(scores, axis=1), dtype=np.float64)
        return np.where(np.isfinite(np.asarray(scores)).all(axis=1), best, np.nan), "class"
    with np.errstate(all="ignore"):
        predicted = scores if loss is None else loss.mean(namespace(scores), scores)
    bounded = loss is not None and loss.link.range == (0.0, 1.0)
    column = np.asarray(predicted[:, (output or 1) - 1], dtype=np.float64)
    return column, "probability" if bounded else "value"
