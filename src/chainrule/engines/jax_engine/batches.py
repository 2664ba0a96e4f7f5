"""The batches of a call as arrays of one shape, so that one program serves them all."""

from typing import NamedTuple

import numpy as np

__all__ = ["Batches", "filled", "power_of_two"]

# Steps that every call has room for.
FEWEST = 8


class Batches(NamedTuple):
    """Row numbers of consecutive batches; the last one may be short.

    Attributes
    ----------
    whole : ndarray (steps, batch) of int32
        Row numbers of the whole batches.
    short : ndarray (batch,) of int32
        Those of a short batch behind them, filled up with its first row.
    n_short : int
        Rows of the short batch; 0 where there is none.
    room : int
        Steps that the arrays of a call have room for: the same for all calls of a fit.
    has_short : bool
        Whether there may be a short batch in any call of a fit.
    """

    whole: np.ndarray
    short: np.ndarray
    n_short: int
    room: int
    has_short: bool

    @classmethod
    def of(cls, order: np.ndarray, batch_size: int, rows: int) -> "Batches":
        """Return the batches of an order of so many rows.

        Examples
        --------
        >>> batches = Batches.of(np.array([4, 2, 0, 1, 3]), batch_size=3, rows=5)
        >>> batches.whole.tolist(), batches.short.tolist(), batches.n_short, batches.room
        ([[4, 2, 0]], [1, 3, 1], 2, 8)
        """
        batch = max(min(batch_size, max(rows, len(order))), 1)
        order = order.astype(np.int32)
        steps, count = divmod(len(order), batch)
        short = np.zeros(batch, np.int32)
        if count:
            short[:] = order[steps * batch]
            short[:count] = order[steps * batch :]
        room = max(power_of_two(-(-rows // batch)), FEWEST)
        whole = order[: steps * batch].reshape(steps, batch)
        return cls(whole, short, count, room, bool(count or rows % batch))

    def weights(self, weight: np.ndarray | None) -> tuple[np.ndarray, float]:
        """Return the sum of the weights of each whole batch, and that of the short one.

        Examples
        --------
        >>> batches = Batches.of(np.array([1, 0, 2]), batch_size=2, rows=3)
        >>> batches.weights(np.array([0.5, 1.0, 2.0]))
        (array([1.5]), 2.0)
        """
        if weight is None:
            steps, batch = self.whole.shape
            return np.full(steps, float(batch)), float(self.n_short)
        sums = weight[self.whole].sum(axis=1, dtype=np.float64)
        return sums, float(weight[self.short[: self.n_short]].sum(dtype=np.float64))


def power_of_two(number: int) -> int:
    """Return the least power of two that is not below a number.

    Examples
    --------
    >>> [power_of_two(number) for number in (0, 1, 2, 3, 64)]
    [1, 1, 2, 4, 64]
    """
    return 1 << max(number - 1, 0).bit_length()


def filled(array: np.ndarray, length: int) -> np.ndarray:
    """Return an array with zeros behind it, up to a length.

    Examples
    --------
    >>> filled(np.ones(2), 3)
    array([1., 1., 0.])
    """
    if len(array) == length:
        return array
    whole = np.zeros((length, *array.shape[1:]), array.dtype)
    whole[: len(array)] = array
    return whole
