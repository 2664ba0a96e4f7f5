"""Plan a call: its number of threads, and whether it skips zero inputs."""

from typing import Any

import numpy as np

from chainrule.engines.compiled.zeros import Densities, Zeros
from chainrule.foundation.threads import available_threads
from chainrule.model.network import Network

__all__ = ["Planning"]

# Multiplications per step, and per call, below which a second thread does not pay for two barriers
# a step, and the start of a thread, about 0.1 ms.
STEP_WORK = 1_000_000
CALL_WORK = 20_000_000
# Multiplications that take as long as to move a parameter.
MOVE_WORK = 8


class Planning:
    """The plans of calls with one network.

    Parameters
    ----------
    network : Network
        The layers.
    n_threads : int or None
        Most threads; None for all cores.
    speed : int
        That of the processor, `Target.speed`.
    """

    def __init__(self, network: Network, n_threads: int | None, speed: int = 1) -> None:
        self._first = network.layers[0]
        self._speed = speed
        self._n_threads = n_threads
        self._densities = Densities()

    def of(
        self,
        vector: np.ndarray,
        x: Any,
        kept: int,
        rows: int,
        steps: int = 1,
        moves: bool = False,
    ) -> tuple[int, Zeros | None]:
        """Return the number of threads, and the plan for zero inputs.

        A workspace keeps ``kept`` rows; each of ``steps`` computes with ``rows``, and moves the
        parameters or not.
        """
        n_in, n_out, weights = self._first.n_in, self._first.n_out, len(vector)
        density = self._densities.of(x)
        zeros = Zeros.of(density, n_in, n_out, kept)
        # in a dense matrix 0 times infinity is NaN, and has to show
        if zeros and not (zeros.listed or np.isfinite(vector).all()):
            zeros = None
        if zeros:
            weights -= int((1.0 - density.share) * n_in * n_out)
        work = rows * weights + (MOVE_WORK * len(vector) if moves else 0)
        work //= self._speed
        wanted = max(1, min(work // STEP_WORK, work * steps // CALL_WORK + 1))
        return (1 if wanted == 1 else min(available_threads(self._n_threads), wanted)), zeros
