"""What a model of a table says of itself, on held-out rows: probabilities and intervals."""

from typing import Any

import numpy as np
from sklearn.metrics import log_loss

from chainrule import TabularClassifier

COVERAGES = (0.8, 0.95)
BINS = 15


def calibration_error(p: np.ndarray, codes: np.ndarray) -> float:
    """Return the expected calibration error of the most probable class, in bins of equal rows.

    Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks",
    ICML 2017, eq. 3, with bins of equally many rows.
    """
    sure, right = p.max(axis=1), p.argmax(axis=1) == codes
    parts = np.array_split(np.argsort(sure, kind="stable"), BINS)
    gaps = [abs(sure[part].mean() - right[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / len(codes))


def said(model: Any, X: Any, y: np.ndarray) -> dict[str, Any]:
    """Return figures of probabilities before and after the temperature, or of intervals.

    `y` are codes of classes, or numbers.
    """
    if isinstance(model, TabularClassifier):
        after, temperature = model.predict_proba(X), model.temperature_
        model.temperature_ = 1.0
        before = model.predict_proba(X)
        model.temperature_ = temperature
        return {
            "calibration_error": [calibration_error(p, y) for p in (before, after)],
            "log_loss": [float(log_loss(y, p)) for p in (before, after)],
            "temperature": float(temperature),
        }
    shares, widths = [], []
    for coverage in COVERAGES:
        low, high = model.predict_interval(X, coverage).T
        shares.append(float(np.mean((low <= y) & (y <= high))))
        widths.append(float(np.mean(high - low)))
    return {"coverage": shares, "width": widths}
