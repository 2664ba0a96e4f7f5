"""The networks that the benchmarks train, and the arithmetic of one step."""

from dataclasses import dataclass

import numpy as np

ROWS = 8192


@dataclass(frozen=True)
class Case:
    """A network and a batch size.

    Attributes
    ----------
    widths : tuple of int
        Inputs, hidden units, outputs; relu between.
    batch : int
        Rows per step.
    """

    widths: tuple[int, ...]
    batch: int

    @property
    def name(self) -> str:
        """Widths and batch, as in 784-128-64-10 @ 32."""
        return f"{'-'.join(map(str, self.widths))} @ {self.batch}"

    @property
    def classes(self) -> bool:
        """Whether it is a classifier; else one number under squared error."""
        return self.widths[-1] > 1

    @property
    def flops(self) -> int:
        """Floating-point operations of a step: the first layer needs no input gradient."""
        products = [a * b for a, b in zip(self.widths, self.widths[1:], strict=False)]
        return 2 * self.batch * (2 * products[0] + 3 * sum(products[1:]))

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the same random rows for every peer, float32."""
        random = np.random.default_rng(0)
        x = random.normal(size=(ROWS, self.widths[0])).astype(np.float32)
        if self.classes:
            return x, random.integers(0, self.widths[-1], ROWS)
        return x, random.normal(size=(ROWS, 1)).astype(np.float32)


CASES = [
    Case((8, 32, 32, 1), 16),
    Case((20, 64, 64, 2), 32),
    Case((20, 64, 64, 2), 256),
    Case((784, 128, 64, 10), 32),
    Case((784, 128, 64, 10), 128),
    Case((784, 128, 64, 10), 1024),
    Case((100, 256, 256, 1), 256),
    Case((784, 512, 512, 10), 128),
    Case((784, 1024, 1024, 10), 1024),
]
