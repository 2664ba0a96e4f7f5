"""One pass over the rows in blocks, so that memory stays small for any number of rows."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chainrule.engines.engine import Rows
from chainrule.foundation.arrays import Array, namespace
from chainrule.foundation.seeds import Purpose, stream
from chainrule.model.objective import Objective

__all__ = ["Block", "drawn_places", "row_blocks", "rows_per_block"]

# Numbers in the widest array of a block.
BLOCK_SIZE = 2**20


@dataclass(frozen=True, eq=False)
class Block:
    """Feedforward and backpropagation of some rows, layer by layer.

    Attributes
    ----------
    inputs : tuple of array (n, n_in)
        What each layer is given; the first may be a SciPy CSR matrix.
    z, a : tuple of array (n, n_out)
        Weighted sums and activations.
    dz : tuple of array (n, n_out)
        Derivative of w_i l_i, the weighted loss of row i, by the weighted sums of row i.
    losses : array (n,)
        w_i l_i.
    present : array of bool (n,)
        Which rows have a positive weight; the others are absent.
    """

    inputs: tuple[Array, ...]
    z: tuple[np.ndarray, ...]
    a: tuple[np.ndarray, ...]
    dz: tuple[np.ndarray, ...]
    losses: np.ndarray
    present: np.ndarray

    def __len__(self) -> int:
        return len(self.losses)


def drawn_places(rows: Rows, count: int, seed: int) -> np.ndarray:
    """Return the sorted numbers of ``count`` rows of positive weight, drawn at random.

    All of them are returned if there are no more than ``count``.

    Examples
    --------
    >>> rows = Rows(np.ones((4, 1)), np.zeros((4, 1)), np.array([1.0, 0.0, 2.0, 1.0]))
    >>> drawn_places(rows, 3, seed=0)
    array([0, 2, 3])
    """
    places = np.arange(len(rows)) if rows.weight is None else np.flatnonzero(rows.weight > 0.0)
    if len(places) <= count:
        return places
    return np.sort(stream(seed, Purpose.SAMPLE).choice(places, count, replace=False))


def rows_per_block(objective: Objective) -> int:
    """Return the number of rows per block."""
    network = objective.network
    widest = max(network.n_in, *(layer.n_out for layer in network.layers))
    return max(16, min(4096, BLOCK_SIZE // widest))


def row_blocks(objective: Objective, vector: np.ndarray, rows: Rows) -> Iterator[Block]:
    """Yield the blocks of all rows, in the precision of the parameters.

    Examples
    --------
    >>> from chainrule import Network
    >>> network = Network.of_widths([1, 1])
    >>> rows = Rows(np.ones((5000, 1)), np.zeros((5000, 1)))
    >>> blocks = row_blocks(Objective(network, "mse"), network.start(0).vector, rows)
    >>> [len(block) for block in blocks]
    [4096, 904]
    """
    size = rows_per_block(objective)
    for start in range(0, len(rows), size):
        x, y, weight = rows.take(slice(start, start + size))
        with np.errstate(all="ignore"):
            yield _block(objective, vector, x, y, weight)


def _block(
    objective: Objective, vector: np.ndarray, x: Array, y: np.ndarray, weight: np.ndarray | None
) -> Block:
    xp = namespace(vector)
    tape = objective.network.trace(xp, objective.network.parameters(vector), x)
    losses = objective.loss.rows(xp, tape.scores, y)
    dscores = objective.loss.rows_gradient(xp, tape.scores, y)
    present = np.ones(len(losses), dtype=bool)
    if weight is not None:
        present = weight > 0.0
        losses = np.where(present, losses * weight, 0.0)
        dscores = np.where(present[:, None], dscores * weight[:, None], 0.0)
    dz = [dz for _, dz in tape.backward(dscores)]
    return Block(
        tuple(layer.x for layer in tape.layers),
        tuple(layer.z for layer in tape.layers),
        tuple(layer.a for layer in tape.layers),
        tuple(dz[::-1]),
        np.asarray(losses),
        present,
    )
