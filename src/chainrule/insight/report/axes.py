"""An axis of a chart: from numbers to positions, with ticks at round numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from chainrule.foundation.short_numbers import short

__all__ = ["Axis"]

# Powers of ten from here on are written with an exponent.
LONG_POWER = 4


@dataclass(frozen=True)
class Axis:
    """A range of numbers along a range of positions, linear or logarithmic.

    Examples
    --------
    >>> axis = Axis.over([0.0, 10.0], 0.0, 100.0, room=0.0)
    >>> axis.position(5.0), axis.ticks(3)
    (50.0, [(0.0, '0'), (5.0, '5'), (10.0, '10')])
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    @classmethod
    def over(
        cls,
        values: Sequence[float],
        start: float,
        end: float,
        *,
        log: bool = False,
        room: float = 0.05,
    ) -> "Axis":
        """Return the axis that holds all finite values, with some room at both ends."""
        finite = [value for value in values if math.isfinite(value) and (value > 0.0 or not log)]
        low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
        if log:
            low, high = (math.log10(low), math.log10(high)) if finite else (0.0, 1.0)
        if not low < high:
            step = 0.5 * abs(low) or 0.5
            low, high = low - step, high + step
        width = min(high - low, 1e300)
        return cls(low - room * width, high + room * width, start, end, log)

    def position(self, value: float) -> float:
        """Return the position of a number."""
        number = math.log10(value) if self.log else value
        return self.start + (self.end - self.start) * (number - self.low) / (self.high - self.low)

    def ticks(self, count: int) -> list[tuple[float, str]]:
        """Return about so many round numbers within the axis, and their words."""
        width = self.high - self.low
        step = 10.0 ** math.floor(math.log10(width / count))
        step *= next((m for m in (1.0, 2.0, 5.0, 10.0) if width / (step * m) <= count), 10.0)
        if self.log:
            if width < 1.0:
                return _within_a_decade(self.low, self.high)
            step = max(1.0, math.ceil(step))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        values = [k * step for k in range(first, last + 1)]
        if self.log:
            return [(10.0**value, _power(value)) for value in values]
        return [(value + 0.0, short(round(value, 12) + 0.0, 4)) for value in values]


def _power(exponent: float) -> str:
    """Return a power of ten in few letters."""
    return short(10.0**exponent, 4) if abs(exponent) < LONG_POWER else f"1e{exponent:.0f}"


def _within_a_decade(low: float, high: float) -> list[tuple[float, str]]:
    decade = math.floor(low)
    values = [m * 10.0 ** (decade + k) for k in (0, 1) for m in (1, 1.5, 2, 3, 4, 5, 7)]
    return [(value, short(value)) for value in values if low <= math.log10(value) <= high]
