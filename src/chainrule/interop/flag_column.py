"""Yes or no as a column of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.foundation.arrays import namespace
from chainrule.foundation.errors import InputError
from chainrule.foundation.wording import counted
from chainrule.interop.cells import Tell, numbers_of, text_of
from chainrule.interop.feature_formulas import yes_feature

__all__ = ["Flag"]

# How a table to predict may write what was true and false at training.
YES_AND_NO = {
    **dict.fromkeys(("true", "yes", "y", "t"), "1"),
    **dict.fromkeys(("false", "no", "n", "f"), "0"),
}


@dataclass(frozen=True)
class Flag:
    """Yes or no as 1 or 0; a missing cell takes the share of yes, and is flagged."""

    kind: ClassVar[str] = "yes/no"
    name: str
    share: float
    missing: int

    @classmethod
    def learn(cls, series: pl.Series) -> Flag:
        """Learn the share of yes and the number of missing cells."""
        present = len(series) - series.null_count()
        return cls(series.name, int(series.sum() or 0) / present, series.null_count())

    @property
    def outputs(self) -> tuple[str, ...]:
        value = (self.name,) if 0 < self.share < 1 else ()
        return (*value, f"{self.name} missing") if self.missing else value

    @property
    def done(self) -> str:
        flagged = f"{counted(self.missing, 'missing cell')} flagged" if self.missing else ""
        if not 0 < self.share < 1:
            return f"{flagged}; all other cells are one value"
        return f"yes in {self.share:.1%}" + (f"; {flagged}" if flagged else "")

    def write(self, series: pl.Series, out: NDArray[np.float32]) -> None:
        values = self._numbers(series)
        if 0 < self.share < 1:
            out[:, 0] = yes_feature(namespace(values), values, self.share)
        if self.missing:
            out[:, -1] = np.isnan(values)

    def tell_of(self, series: pl.Series, tell: Tell) -> None:
        """Tell of cells unlike those of training."""
        absent = np.isnan(self._numbers(series))
        if absent.any() and not self.missing:
            tell(
                f"column {self.name!r}: {counted(int(absent.sum()), 'missing cell')}, none at "
                "training; filled with the share of yes"
            )

    def _numbers(self, series: pl.Series) -> NDArray[np.float64]:
        if series.dtype in (pl.String, pl.Categorical, pl.Enum):
            series = text_of(series).str.to_lowercase().replace(YES_AND_NO)
        try:
            return numbers_of(series)
        except InputError as error:
            words = str(error).replace("must hold numbers", "must hold true and false, or 1 and 0")
            raise InputError(words) from None
