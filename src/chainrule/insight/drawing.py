"""Colours, axes and estimator access that all displays share.

Blue and vermilion (Okabe & Ito, 2008) differ in lightness too, and dashes, markers and hatches say
the same again, so that a picture survives grey printing. Matplotlib is imported with the first
drawing.
"""

from typing import Any

from chainrule.foundation.errors import InputError, must_be
from chainrule.insight.subject import Subject

__all__ = ["BLUE", "GREY", "VERMILION", "axes_for", "fitted", "pyplot", "subject_of"]

BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#767676"


def pyplot() -> Any:
    """Return matplotlib.pyplot, or raise an error that names it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "matplotlib must be installed to draw; it was not found. Install it, or read the "
            "numbers instead."
        ) from error
    return plt


def axes_for(ax: Any, size: tuple[float, float] | None = None) -> tuple[Any, Any]:
    """Return the axes given, or new ones, and their figure."""
    if ax is None:
        _, ax = pyplot().subplots(figsize=size, layout="constrained")
    return ax, ax.figure


def fitted(estimator: Any, name: str) -> Any:
    """Return a fitted attribute of an estimator."""
    value = getattr(estimator, name, None)
    if value is None:
        raise InputError(
            f"estimator must be fitted; {type(estimator).__name__} has no {name}. Call fit first."
        )
    return value


def subject_of(estimator: Any, X: Any, y: Any) -> Subject:
    """Return a fitted estimator on some rows as a subject."""
    if not callable(getattr(estimator, "explain", None)):
        raise must_be(
            "estimator",
            "an estimator of chainrule",
            type(estimator).__name__,
            "Pass chainrule.explain(model, X, y).subject to health, gradient_noise or "
            "learning_rate_report, and what they return to the display.",
        )
    subject: Subject = estimator.explain(X, y).subject
    return subject
