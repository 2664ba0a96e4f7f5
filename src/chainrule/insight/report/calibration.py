"""Calibration: predicted probabilities against observed frequencies."""

import numpy as np

from chainrule.foundation.short_numbers import share
from chainrule.insight.reliability import reliability
from chainrule.insight.report.confusion import Found
from chainrule.insight.report.figures import Curve, Lines
from chainrule.insight.report.items import Advice, Sentence
from chainrule.insight.report.material import Material
from chainrule.insight.report.sections import Item

__all__ = ["calibration"]

FEWEST_ROWS = 50
# A mean distance of predicted and observed frequencies above this is a finding.
FAR = 0.05
# So many of the ten bins must lie farther off than chance, which puts one in twenty there.
OUTSIDE = 3
# Where the mean difference is more than this share of the mean distance, most bins err to one side.
ONE_SIDED = 0.5


def calibration(material: Material) -> Found:
    """Return predicted probabilities against observed frequencies, in bins of equal size."""
    found = material.predictions
    if len(found) < FEWEST_ROWS:
        said = f"Calibration needs at least {FEWEST_ROWS} rows; there are {len(found)}."
        return [Sentence(said, "note")], "calibration", None, []
    weight = found.weight
    if found.p.shape[1] == 1:
        p, hit = found.p[:, 0], found.y[:, 0]
        what = f"probability of {material.classes[1]}"
    elif material.task == "classes":
        best = np.argmax(found.p, axis=1)
        rows = np.arange(len(found))
        p, hit = found.p[rows, best], found.y[rows, best]
        what = "probability of the predicted class"
    else:
        p, hit = found.p.ravel(), found.y.ravel()
        weight = np.repeat(weight, found.p.shape[1])
        what = "probability of a label"
    bins = reliability(p, hit, weight)
    far, over = bins.mean_distance, bins.mean_difference
    wrong = far > FAR and bins.outside >= OUTSIDE
    # near 0 and 1 at once, one mean for the whole says nothing of a probability of one class
    sided = wrong and abs(over) > ONE_SIDED * far and material.task == "classes"
    tendency = ", within chance" if far > FAR and not wrong else ""
    if sided:
        tendency = "; it is overconfident" if over > 0.0 else "; it is underconfident"
    said = (
        f"The {what} and the observed frequency differ by {share(far)} on average"
        f"{tendency}. Points on the diagonal are calibrated; the bars show chance."
    )
    chart = Lines(
        "Calibration: predicted probability against observed frequency",
        said,
        what,
        "observed frequency",
        (
            Curve(
                "bins of equal size",
                bins.stated.tolist(),
                bins.seen.tolist(),
                bins.low,
                bins.high,
                dots=True,
            ),
        ),
        diagonal=True,
    )
    items: list[Item] = [Sentence(said, "warning" if wrong else "good"), chart]
    advice = []
    if wrong:
        advice.append(
            Advice(
                "Do not rely on its probabilities: calibrate them on separate rows "
                "(scikit-learn's CalibratedClassifierCV)"
                + (", or train longer." if sided and over < 0.0 else ", or train fewer epochs."),
                f"predicted and observed frequencies differ by {share(far)} on average, more than "
                f"{share(FAR)}, and {bins.outside} of {len(bins.stated)} bins are farther off than "
                "chance",
                8,
                4.2,
            )
        )
    record = {"what": what, "stated": bins.stated, "seen": bins.seen, "mean_distance": far}
    return items, "calibration", record, advice
