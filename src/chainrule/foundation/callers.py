"""Find the caller's line, so that warnings point at user code and not into this package."""

import sys

__all__ = ["level_outside"]


def level_outside() -> int:
    """Return the stack level, as `warnings.warn` counts it, of the first caller not of ours."""
    frame, level, ours = sys._getframe(1), 1, __name__.partition(".")[0]
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == ours:
        frame, level = frame.f_back, level + 1
    return level
