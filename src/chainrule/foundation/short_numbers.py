"""Numbers in few digits, as tables and sentences show them."""

import math

__all__ = ["share", "short"]


def short(value: float | None, digits: int = 3) -> str:
    """Return a number for a cell: so many significant digits; a dash where there is none.

    Examples
    --------
    >>> short(0.012345), short(None), short(123456.0), short(1e-9)
    ('0.0123', '-', '123,456', '1e-09')
    """
    if value is None:
        return "-"
    if math.isfinite(value) and abs(value) >= 10.0**digits:
        return f"{value:,.0f}" if abs(value) < 1e7 else f"{value:.{digits - 1}e}"
    return f"{value:.{digits}g}"


def share(value: float | None) -> str:
    """Return a share as per cent.

    Examples
    --------
    >>> share(0.625), share(0.0004), share(0.0), share(None)
    ('62 %', '0.04 %', '0 %', '-')
    """
    if value is None:
        return "-"
    percent = 100.0 * value
    if not math.isfinite(percent):
        return str(value)
    return f"{percent:.0f} %" if abs(percent) >= 1.0 or percent == 0.0 else f"{percent:.1g} %"
