"""The parameters as the arrays that a rule updates, and how they are cut from the flat vector."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from chainrule.formulas.optimizers import Optimizer
from chainrule.model.parameters import Layout, Span

__all__ = ["Groups", "joined", "split"]

# Numbers of a part up to which it is updated in one array with others: each operation on a CPU
# costs a fixed time, which a small part does not pay for.
SMALL = 1100
# Parameters from which a program takes and returns its arrays themselves: a flat vector is copied
# twice in each call, and a call of a large network makes few steps.
LARGE = 2**18


class Groups:
    """The parts of the parameters as arrays: the small ones in one, each other for itself.

    Parameters
    ----------
    layout : Layout
        The parts of the flat vector.
    optimizer : Optimizer
        The update rule; parts that it treats differently are never in one array.

    Examples
    --------
    >>> from chainrule import optimizers
    >>> groups = Groups(Layout(((2, 1, True), (50, 60, True))), optimizers.sgd)
    >>> [array.shape for array in groups.opened(np.zeros(3063))]
    [(63,), (50, 60)]
    >>> groups.closed(groups.opened(np.arange(3063.0))).tolist() == list(range(3063))
    True
    """

    def __init__(self, layout: Layout, optimizer: Optimizer) -> None:
        self.spans = layout.spans
        alike: dict[Any, list[int]] = {}
        for number, span in enumerate(self.spans):
            decays = optimizer.weight_decay > 0.0 and span.decays
            is_small = span.stop - span.start <= SMALL
            key = (span.rate_factor, decays) if is_small else number
            alike.setdefault(key, []).append(number)
        self.numbers = tuple(map(tuple, alike.values()))
        self.are_large = self.spans[-1].stop >= LARGE

    def joined(self, parts: Sequence[Any]) -> tuple[Any, ...]:
        """Return the arrays of the groups."""
        return tuple(
            parts[numbers[0]] if len(numbers) == 1 else joined([parts[one] for one in numbers])
            for numbers in self.numbers
        )

    def apart(self, arrays: Sequence[Any]) -> tuple[Any, ...]:
        """Return the parts that the arrays were joined from."""
        parts = {}
        for numbers, array in zip(self.numbers, arrays, strict=True):
            if len(numbers) == 1:
                parts[numbers[0]] = array
                continue
            start = 0
            for one in numbers:
                span = self.spans[one]
                stop = start + span.stop - span.start
                parts[one] = array[start:stop].reshape(span.shape)
                start = stop
        return tuple(parts[number] for number in range(len(self.spans)))

    def opened(self, vector: Any) -> tuple[Any, ...]:
        """Return the arrays of a flat vector, which is one of NumPy or of JAX."""
        return self.joined(split(self.spans, vector))

    def closed(self, arrays: Sequence[Any]) -> Any:
        """Return the flat vector of arrays."""
        return joined(self.apart(arrays))


def split(spans: Sequence[Span], vector: Any) -> tuple[Any, ...]:
    """Return the parts of a flat vector, each an array of its own."""
    return tuple(vector[span.at].reshape(span.shape) for span in spans)


def joined(parts: Sequence[Any]) -> Any:
    """Return arrays as one flat array of their library."""
    xp: Any = np if all(isinstance(part, np.ndarray) for part in parts) else jnp
    return xp.concatenate([part.reshape(-1) for part in parts])
