"""One seed, many independent streams: every random choice names its purpose and its counter.

A stream is created from (seed, purpose, counters), so a resumed run draws what a long run would
have drawn, and the state of randomness is one integer.
"""

import secrets
from enum import IntEnum
from typing import Any

import numpy as np

from chainrule.foundation.errors import must_be

__all__ = ["Purpose", "as_seed", "stream", "words"]


class Purpose(IntEnum):
    """The purposes of streams of random numbers."""

    START = 0
    SHUFFLE = 1
    SPLIT = 2
    DROPOUT = 3
    SAMPLE = 4
    MEMBER = 5
    SEARCH = 6
    BLOCKS = 7
    SHARD = 8
    SPOOL = 9


def stream(seed: int, purpose: Purpose, *counters: int) -> np.random.Generator:
    """Return the generator of one purpose, as ``stream(seed, Purpose.SHUFFLE, epoch)``.

    Examples
    --------
    >>> stream(7, Purpose.SHUFFLE, 1).permutation(5)
    array([4, 1, 0, 3, 2])
    """
    numbers = [seed, int(purpose), *counters]
    if max(numbers) < 1 << 32:  # the same stream, in two thirds of the time
        return np.random.default_rng(np.array(numbers, np.uint32))
    return np.random.default_rng(numbers)


def words(seed: int, purpose: Purpose, *counters: int) -> np.ndarray:
    """Return two 32-bit integers of one purpose, for a generator that counts on its own."""
    return np.random.SeedSequence([seed, int(purpose), *counters]).generate_state(2, np.uint32)


def as_seed(random_state: Any) -> int:
    """Return the seed that a ``random_state`` stands for; None draws a fresh one.

    An integer stands for itself; a NumPy generator or ``RandomState`` gives its next number.
    NumPy's global random state is neither read nor changed.
    """
    if random_state is None:
        return secrets.randbits(31)
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31 - 1))
    integer = isinstance(random_state, int | np.integer) and not isinstance(random_state, bool)
    if integer and random_state >= 0:
        return int(random_state)
    raise must_be(
        "random_state", "None, an integer of at least 0, or a NumPy generator", random_state
    )
