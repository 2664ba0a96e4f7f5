"""How many threads a call is worth, and whether its zeros are passed over."""

from typing import Any

import numpy as np

from chainrule.engines.compiled.zeros import Fillings, Zeros
from chainrule.foundation.threads import available_threads
from chainrule.model.network import Network

__all__ = ["Planning"]

# Multiplications per step, and per call, below which a second thread costs more than it brings:
# two barriers a step, and the start of a thread, about 0.1 ms.
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
    """

    def __init__(self, network: Network, n_threads: int | None) -> None:
        self._first = network.layers[0]
        self._n_threads = n_threads
        self._fillings = Fillings()

    def of(
        self,
        vector: np.ndarray,
        x: Any,
        kept: int,
        rows: int,
        steps: int = 1,
        moves: bool = False,
    ) -> tuple[int, Zeros | None]:
        """Return how many threads are worth it, and how to pass over inputs that are 0.

        A workspace keeps so many rows; each of ``steps`` computes with ``rows``, and moves the
        parameters or not.
        """
        n_in, n_out, weights = self._first.n_in, self._first.n_out, len(vector)
        filling = self._fillings.of(x)
        zeros = Zeros.of(filling, n_in, n_out, kept)
        # in a dense matrix 0 times infinity is no number, and has to be seen
        if zeros and not (zeros.listed or np.isfinite(vector).all()):
            zeros = None
        if zeros:
            weights -= int((1.0 - filling.share) * n_in * n_out)
        work = rows * weights + (MOVE_WORK * len(vector) if moves else 0)
        wanted = max(1, min(work // STEP_WORK, work * steps // CALL_WORK + 1))
        return (1 if wanted == 1 else min(available_threads(self._n_threads), wanted)), zeros
