"""Sections 4 and 5: the gradient check, and the health of each layer."""

from chainrule.foundation.short_numbers import share, short
from chainrule.insight.check import Check, check_gradient
from chainrule.insight.layer_verdicts import (
    DEAD_SHARE,
    RESTING_SHARE,
    SATURATED_SHARE,
    UPDATE_RATIO,
    VANISHING_RATIO,
    Finding,
)
from chainrule.insight.notation import number
from chainrule.insight.report.figures import Bars
from chainrule.insight.report.items import Advice, Sentence, Table
from chainrule.insight.report.material import Material
from chainrule.insight.report.sections import Item, Section

__all__ = ["gradients", "layer_health"]

CHECKED, VERDICTS_SHOWN = 50, 8
# The advice for each kind of finding, and its weight.
CURES = {
    "dead": (
        (
            "Revive the dead units: lower the learning rate, use He initialization, or use "
            "leaky_relu, which has no flat side."
        ),
        8.0,
    ),
    "saturated": (
        (
            "Reduce saturation: standardise the inputs, start with smaller weights, or use relu in "
            "the hidden layers."
        ),
        8.0,
    ),
    "vanishing": (
        (
            "Strengthen the gradient in this layer: use fewer layers, relu or another activation "
            "that is not flat, or standardised inputs."
        ),
        7.0,
    ),
    "large update": ("Lower the learning rate, or train with larger batches.", 7.5),
    "not finite": ("Train again at a lower learning rate, on finite inputs.", 10.0),
}


def gradients(material: Material) -> Section:
    """Return the verdict of finite differences on a sample of weights of every layer."""
    subject = material.checked
    found = check_gradient(subject, CHECKED, material.seed)
    valid = [one for one in found.verdicts if one.status != "not valid here"]
    first = Sentence(f"The gradient check passed: {found.summary}.", "good")
    if not valid:
        first = Sentence(f"The gradient check has no verdict: {found.summary}.", "warning")
    elif not found.passed:
        first = Sentence(f"The gradient check failed: {found.summary}.", "warning")
    items: list[Item] = [
        first,
        Sentence(
            f"{len(found.verdicts)} weights and biases were drawn from all layers (seed "
            f"{material.seed}). For each, the derivative by the chain rule was compared with a "
            f"finite difference of the loss, on {len(subject.rows):,} of the "
            f"{len(material.subject.rows):,} rows, in float64. A weight passes with a relative "
            "error below 1e-6."
        ),
        _table(found),
    ]
    advice = []
    if not found.passed:
        worst = found.verdicts[0]
        advice.append(
            Advice(
                "Do not trust this training until the gradient is fixed: check user-defined "
                "activations and losses with chainrule.check_formula.",
                f"the derivative of {worst.name} is {number(worst.gradient)} by the chain rule and "
                f"{number(worst.difference)} by finite difference",
                4,
                11.0,
            )
        )
    record = {
        "passed": found.passed,
        "summary": found.summary,
        "seed": material.seed,
        "rows": len(subject.rows),
        "verdicts": found.verdicts,
    }
    return Section("gradients", "Gradient check", items, record, tuple(advice))


def _table(found: Check) -> Table:
    shown = found.verdicts[:VERDICTS_SHOWN]
    cells = [
        (
            one.name,
            number(one.gradient),
            number(one.difference),
            f"{one.error:.0e}",
            f"{one.status}: {one.reason}" if one.reason else one.status,
        )
        for one in shown
    ]
    head = ("weight", "chain rule", "finite difference", "relative error", "verdict")
    caption = f"The {len(shown)} of {len(found.verdicts)} with the largest errors"
    return Table(caption, head, cells, ("verdict",))


def layer_health(material: Material) -> Section:
    """Return activations, dead and saturated units, gradients and updates of every layer."""
    found = material.health
    # the optimizer's memory decides the update: without it there is none to judge
    subject = material.subject
    stepwise = material.trained_by_steps and subject.training.solver is not None
    stepwise = stepwise and bool(subject.slots or not subject.optimizer.slots)
    ours = [one for one in found.all_findings if one.layer is not None or one.kind == "not finite"]
    if not stepwise:  # an update that nobody made
        ours = [one for one in ours if one.kind != "large update"]
    items: list[Item] = []
    if not ours:
        items.append(Sentence("No layer exceeds a threshold.", "good"))
    for one in ours:
        where = "" if one.layer is None else f"Layer {one.layer}: "
        items.append(Sentence(f"{where}{one.words}.", "warning"))
    wrong = {one.layer: [] for one in ours}  # type: dict[int | None, list[str]]
    for one in ours:
        wrong[one.layer].append(one.kind)
    cells = [
        (
            str(one.layer),
            f"{one.units:,} {one.activation}",
            short(one.mean),
            short(one.spread),
            f"{len(one.dead):,}",
            share(one.saturated),
            short(one.gradient_norm),
            share(one.gradient_share),
            share(one.update_ratio) if stepwise else "-",
            ", ".join(wrong.get(one.layer, ())) or "fine",
        )
        for one in found.layers
    ]
    head = (
        "layer",
        "units",
        "mean output",
        "spread",
        "dead units",
        "flat slopes",
        "gradient",
        "share of gradient",
        "next update / weights",
        "verdict",
    )
    items.append(Table(f"Each layer over {found.rows:,} rows", head, cells, ("units", "verdict")))
    items.append(
        Bars(
            "Share of the squared gradient by layer",
            _shares_in_words(material),
            "layer",
            "share of the squared gradient",
            [f"layer {one.layer}" for one in found.layers],
            [one.gradient_share or 0.0 for one in found.layers],
            [share(one.gradient_share) for one in found.layers],
        )
    )
    items.append(Sentence(_thresholds(), "note"))
    record = {**found.to_dict(), "update_known": stepwise}
    return Section("layers", "Layer health", items, record, tuple(map(_advice, ours)))


def _shares_in_words(material: Material) -> str:
    shares = [(one.gradient_share or 0.0, one.layer) for one in material.health.layers]
    most, least = max(shares), min(shares)
    return (
        f"Layer {most[1]} has the largest share ({share(most[0])}), layer {least[1]} the smallest "
        f"({share(least[0])})."
    )


def _thresholds() -> str:
    return (
        "Thresholds: a dead unit outputs 0 on every row and cannot learn (a finding above "
        f"{share(DEAD_SHARE)} of the units); a slope is flat below 1 % of the activation's "
        f"steepest (a finding above {share(SATURATED_SHARE)}, or {share(RESTING_SHARE)} for "
        "activations with one flat side); an update at the full learning rate is too large above "
        f"{share(UPDATE_RATIO)} of the weights; a gradient per weight has vanished below "
        f"{VANISHING_RATIO:g} of another layer's. Near a minimum all gradients are small, which is "
        "normal."
    )


def _advice(finding: Finding) -> Advice:
    where = "" if finding.layer is None else f"layer {finding.layer}: "
    do, weight = CURES.get(finding.kind, ("Inspect this layer.", 1.0))
    return Advice(do, where + finding.words, 5, weight)
