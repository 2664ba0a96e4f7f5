"""Section 7: the batch size and the learning rate, compared with others by measurement."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.engines.choice import choose_engine
from chainrule.foundation.errors import InputError
from chainrule.foundation.short_numbers import share, short
from chainrule.insight.gradient_noise import BATCH_SIZES
from chainrule.insight.learning_rate import learning_rate_report
from chainrule.insight.learning_rate_results import LearningRateReport
from chainrule.insight.report.figures import Curve, Lines
from chainrule.insight.report.items import Advice, Sentence, Table
from chainrule.insight.report.material import Material
from chainrule.insight.report.sections import Item, Section
from chainrule.insight.setting import Problem, RunOptions, setting_of
from chainrule.insight.step_cost import StepCost, measure_step_cost
from chainrule.training.noise_choice import noise_of_first_steps
from chainrule.training.trials import Setting

__all__ = ["BatchSizes", "steps"]

# Also timed, because the fixed cost of a step shows in small batches.
SMALL_SIZES = (1, 8)
# A batch size expected to need this share of the time of the one used is worth a try.
WORTH_A_TRY = 0.75
RUN_STEPS = 60
# Fewer rows leave no batch sizes to compare.
FEWEST_ROWS = 8
# Rows for the noise and for the losses, and repeats of each timing.
NOISE_ROWS, LOOK_ROWS, REPEATS = 2048, 256, 2
NOT_MEASURED = {"batch_sizes": None, "rates": None}


@dataclass(frozen=True)
class BatchSizes:
    """An estimate of batch sizes, from the noise of the gradient and the cost of a step.

    The steps to a loss grow as 1 + N / B with the noise scale N (McCandlish et al., 2018,
    arXiv:1812.06162, eq. 2.7), and a step costs a + b B seconds.

    Attributes
    ----------
    used : int
        The batch size of the training.
    noise_scale : float
        Median over a run's first steps, in rows.
    scales : tuple of float
        The noise scales of the first steps.
    cost : StepCost
        Seconds of a step on this machine.
    sizes : tuple of int
        The sizes compared.
    """

    used: int
    noise_scale: float
    scales: tuple[float, ...]
    cost: StepCost
    sizes: tuple[int, ...]

    def steps(self, batch_size: int) -> float:
        """Return the expected steps to a loss, over those with the batch size used."""
        if math.isinf(self.noise_scale):
            return self.used / batch_size
        noise = self.noise_scale
        return (1.0 + noise / batch_size) / (1.0 + noise / self.used)

    def seconds(self, batch_size: int) -> float:
        """Return the expected seconds to a loss, over those with the batch size used."""
        used = self.cost.of(self.used)
        return self.steps(batch_size) * self.cost.of(batch_size) / used if used else math.nan

    @property
    def best(self) -> int:
        """The size of the fewest expected seconds."""
        return min(self.sizes, key=self.seconds)


def steps(material: Material) -> Section:
    """Return the noise and cost of batch sizes, and the verdicts on learning rates."""
    title = "Batch size and learning rate"
    if not material.trained_by_steps:
        said = (
            "The solver uses all rows at once and chooses its own steps: it has no batch size and "
            "no learning rate."
        )
        return Section("steps", title, [Sentence(said, "note")], NOT_MEASURED)
    items: list[Item] = []
    if material.subject.training.solver is None:
        items.append(
            Sentence(
                "Not recorded: optimizer, batch size and learning rate of the training. What "
                f"follows uses {material.subject.optimizer.name} at "
                f"{material.subject.learning_rate:g}.",
                "note",
            )
        )
    try:
        options = RunOptions(seed=material.seed, look_rows=LOOK_ROWS)
        setting = setting_of(Problem(material.subject), options)
    except InputError as error:
        items.append(Sentence(f"Not measured: {error}", "warning"))
        return Section("steps", title, items, NOT_MEASURED)
    advice: list[Advice] = []
    sizes = _batch_sizes(material, setting)
    if sizes is not None:
        found = _of_sizes(material, sizes)
        items += found[0]
        advice += found[1]
    size = min(material.batch_size[0], len(setting.rows))
    rates = learning_rate_report(
        material.subject, steps=RUN_STEPS, batch_size=size, seed=material.seed, look_rows=LOOK_ROWS
    )
    found = _of_rates(material, rates)
    items += found[0]
    advice += found[1]
    record = {"batch_sizes": _record(sizes), "rates": rates.to_dict()}
    return Section("steps", title, items, record, tuple(advice))


def _batch_sizes(material: Material, setting: Setting) -> BatchSizes | None:
    n = len(setting.rows)
    used, _ = material.batch_size
    if n < FEWEST_ROWS:
        return None
    rate = setting.learning_rate
    engine = choose_engine("auto", setting.objective, setting.engine.optimizer)
    smallest = min(BATCH_SIZES[0], n)
    scales, _ = noise_of_first_steps(
        engine,
        setting.rows,
        setting.start,
        learning_rate=rate,
        batch_size=smallest,
        seed=material.seed,
        measured_rows=NOISE_ROWS,
    )
    scale = float(np.median(scales))
    compared = sorted({used, *(size for size in BATCH_SIZES if size <= n)})
    cost = measure_step_cost(setting, (*SMALL_SIZES, *compared), REPEATS)
    if math.isnan(scale):
        return None
    return BatchSizes(used, scale, tuple(scales), cost, tuple(compared))


def _of_sizes(material: Material, found: BatchSizes) -> tuple[list[Item], list[Advice]]:
    used, known = material.batch_size
    cost = dict(zip(found.cost.batch_sizes, found.cost.seconds, strict=True))
    epoch = cost[used] * math.ceil(len(material.subject.rows) / used)
    if math.isinf(found.noise_scale):
        noise = "the gradient is indistinguishable from its noise: larger batches would still help"
    else:
        noise = (
            f"the noise scale is {short(found.noise_scale)} rows (from {short(min(found.scales))} "
            f"to {short(max(found.scales))} over a run's first steps). Much smaller batches "
            "waste steps on noise; much larger ones waste rows"
        )
    best, gain = found.best, found.seconds(found.best)
    whose = "Training used" if known else "Measured with"
    said = f"{whose} batches of {used:,} rows; {noise}."
    items: list[Item] = [
        Sentence(said),
        Sentence(
            f"A step of {used:,} rows takes {_microseconds(cost[used])}, "
            f"{_microseconds(cost[used] / used)} per row; an epoch of "
            f"{len(material.subject.rows):,} rows about {short(epoch)} s (engine "
            f"{found.cost.engine}, this machine)."
        ),
    ]
    cells = [
        (
            f"{size:,}" + (" (used)" if known and size == used else ""),
            _microseconds(cost[size]),
            _microseconds(cost[size] / size),
            short(found.steps(size)),
            short(found.seconds(size)),
        )
        for size in found.sizes
    ]
    head = ("batch size", "time per step", "time per row", "steps to a loss", "time to a loss")
    items.append(
        Table(
            "Batch sizes. Times are measured; steps and time to a loss are estimated from noise "
            f"and cost, relative to {used:,}",
            head,
            cells,
        )
    )
    quick = f"{share(gain)} of the time of {used:,} to the same loss"
    if best != used and gain < WORTH_A_TRY:
        items.append(Sentence(f"A batch of {best:,} rows is expected to need {quick}."))
    else:
        items.append(
            Sentence(f"No batch size is expected to be much faster than {used:,}.", "good")
        )
        return items, []
    do = (
        f"Try batch_size={best}; this is an estimate, which "
        "explain(model, X, y).batch_sizes() measures it in full."
    )
    return items, [Advice(do, f"expected: {quick} (noise scale {short(found.noise_scale)} rows, "
                           f"{_microseconds(found.cost.fixed)} per step and "
                           f"{_microseconds(found.cost.per_row)} per row)", 7, 2.5)]  # fmt: skip


def _microseconds(seconds: float) -> str:
    if seconds >= 1e-3:
        return f"{short(1e3 * seconds)} ms"
    return f"{short(1e6 * seconds)} µs"


def _of_rates(material: Material, found: LearningRateReport) -> tuple[list[Item], list[Advice]]:
    used = material.subject.learning_rate
    cells = [
        (
            f"{run.learning_rate:g}" + (" (used)" if run.learning_rate == used else ""),
            short(run.losses[0], 4),
            short(run.end, 4),
            run.verdict,
            run.why,
        )
        for run in found.runs
    ]
    scaled = material.subject.encoding.loss_factor != 1.0
    unit = "; losses are those of the standardised targets" if scaled else ""
    head = ("learning rate", "first loss", "last loss", "verdict", "why")
    items: list[Item] = [
        Table(
            f"Learning rates from the same start on the same {found.steps} batches of "
            f"{found.batch_size:,} rows ({found.optimizer}){unit}",
            head,
            cells,
            ("verdict", "why"),
        )
    ]
    test = found.test
    if test.rates:
        said = f"{test.summary[0].upper()}{test.summary[1:]}."
        chart = Lines(
            "Range test: the loss while the rate rises at every step",
            said,
            "learning rate",
            "loss, smoothed",
            (Curve("loss", test.rates, test.smooth),),
            log_x=True,
        )
        items += [Sentence(said), chart]
    items.append(Sentence(f"Conclusion: {found.summary}."))
    return items, _rate_advice(material, found)


def _rate_advice(material: Material, found: LearningRateReport) -> list[Advice]:
    """Return the good rate nearest to the one used, where that one is not good itself."""
    used, training = material.subject.learning_rate, material.subject.training
    good = [run for run in found.runs if run.verdict == "good"]
    mine = next((run for run in found.runs if run.learning_rate == used), None)
    if training.solver is None or mine is None or mine in good:
        return []
    if not good:
        return _from_range_test(found)
    better = min(good, key=lambda run: abs(math.log(run.learning_rate / used)))
    rate = f"{better.learning_rate:g}"
    because = (
        f"from the same start on {found.steps} batches, {used:g} is {mine.verdict} (loss "
        f"{short(mine.end, 4)}) and {rate} is good ({short(better.end, 4)})"
    )
    do = f"Try a learning rate of {rate} (learning_rate_init={rate})."
    if not mine.verdict.startswith("too small"):
        # it is too large, oscillates or diverges: that harms any run
        return [Advice(do, because, 7, 7.0)]
    # a slow rate has done no harm where the whole training went deeper than the short run
    reached = float(training.loss_curve[-1]) if training.loss_curve else math.nan
    there = material.subject.encoding.loss_factor * better.end
    if not there < reached:
        return []
    because += f"; the whole training only reached {short(reached, 4)}"
    return [Advice(do, because, 7, 8.6)]


def _from_range_test(found: LearningRateReport) -> list[Advice]:
    """Return the band of the range test, where none of the rates compared is good."""
    test = found.test
    if test.low is None or test.high is None:
        return []
    because = (
        "none of the rates compared is good, but the loss of the range test falls between "
        f"{short(test.low)} and {short(test.high)}"
    )
    do = f"Try a learning rate from {short(test.low)} to {short(test.high)}."
    return [Advice(do, because, 7, 9.5)]


def _record(found: BatchSizes | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "used": found.used,
        "noise_scale": found.noise_scale,
        "noise_scales": found.scales,
        "cost": dict(vars(found.cost)),
        "expected": [
            {"batch_size": size, "steps": found.steps(size), "seconds": found.seconds(size)}
            for size in found.sizes
        ],
        "best": found.best,
    }
