"""The parts of one step, shown one after the other: forward, loss, backward, update."""

from typing import Any

__all__ = ["Phases"]


class Phases:
    """The part of the next step that is shown; 0 shows all numbers.

    Parameters
    ----------
    layers : int
        The number of layers.

    Examples
    --------
    >>> phases = Phases(1)
    >>> [phases.advance() for _ in range(4)], phases.number
    ([False, False, False, True], 0)
    """

    def __init__(self, layers: int) -> None:
        self.layers = layers
        self.number = 0

    def clear(self) -> None:
        """Show all numbers again."""
        self.number = 0

    def advance(self) -> bool:
        """Go on to the next part; return True for the update, which makes the step."""
        self.number += 1
        if self.number > 2 * self.layers + 1:
            self.number = 0
            return True
        return False

    def to_dict(self) -> dict[str, Any]:
        """Return how many layers have z and a, and from which layer on there is a delta."""
        layers, number = self.layers, self.number
        if number == 0:
            return {"number": 0, "forward": layers, "loss": True, "backward": 1, "words": ""}
        forward = min(number, layers)
        backward = layers + 1 - max(number - layers - 1, 0)
        if number <= layers:
            words = f"Forward: layer {number} has its weighted sums z and its outputs a."
        elif number == layers + 1:
            words = "Loss: the prediction is compared with the target."
        else:
            words = (
                f"Backward: layer {backward} has its deltas, and each weight into it its gradient."
            )
        return {
            "number": number,
            "forward": forward,
            "loss": number > layers,
            "backward": backward,
            "words": words,
        }
