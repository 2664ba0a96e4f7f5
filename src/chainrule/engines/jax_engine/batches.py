"""The batches of a call as arrays of one shape, so that one program serves them all."""

from typing import NamedTuple

import numpy as np

__all__ = ["Batches", "filled", "power_of_two"]

# Steps that every call has room for.
FEWEST = 8


class Batches(NamedTuple):
    """Row numbers of consecutive batches.

    Attributes
    ----------
    order : ndarray (steps, batch) of int32
        Row numbers; a short batch is filled up with its first row.
    counts : ndarray (steps,) of int32
        Rows that a batch really has.
    room : int
        Steps that the arrays of a call have room for: the same for all calls of a fit.
    """

    order: np.ndarray
    counts: np.ndarray
    room: int

    @classmethod
    def of(cls, order: np.ndarray, steps: int, batch_size: int, rows: int) -> "Batches":
        """Return the batches of an order of so many rows; the last may be short.

        Examples
        --------
        >>> batches = Batches.of(np.array([4, 2, 0, 1, 3]), steps=2, batch_size=3, rows=5)
        >>> batches.order.tolist(), batches.counts.tolist(), batches.room
        ([[4, 2, 0], [1, 3, 1]], [3, 2], 8)
        """
        batch = max(min(batch_size, max(rows, len(order))), 1)
        table = np.zeros((steps, batch), np.int32)
        counts = np.clip(len(order) - batch_size * np.arange(steps), 0, batch).astype(np.int32)
        whole = int((counts == batch).sum())
        table[:whole] = order[: whole * batch].reshape(whole, batch)
        for step in range(whole, steps):
            some = order[step * batch_size :]
            table[step] = some[0] if len(some) else 0
            table[step, : len(some)] = some
        return cls(table, counts, max(power_of_two(-(-rows // batch)), FEWEST))

    def some(self, span: slice) -> "Batches":
        """Return some of the batches."""
        return Batches(self.order[span], self.counts[span], self.room)


def power_of_two(number: int) -> int:
    """Return the least power of two that is not below a number.

    Examples
    --------
    >>> [power_of_two(number) for number in (0, 1, 2, 3, 64)]
    [1, 1, 2, 4, 64]
    """
    return 1 << max(number - 1, 0).bit_length()


def filled(array: np.ndarray, length: int) -> np.ndarray:
    """Return an array with zeros behind it, up to a length."""
    whole = np.zeros((length, *array.shape[1:]), array.dtype)
    whole[: len(array)] = array
    return whole
