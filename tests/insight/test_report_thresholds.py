"""What the report says of data, curves and steps on both sides of each threshold."""

from dataclasses import replace

import numpy as np
import pytest

from chainrule import Network, Objective
from chainrule.insight.records import TrainingRecord
from chainrule.insight.report import document
from chainrule.insight.report import steps as steps_section
from chainrule.insight.report.data_seen import data_seen
from chainrule.insight.report.figures import Bars, Lines
from chainrule.insight.report.items import Advice, Sentence, Table
from chainrule.insight.report.layers import gradients
from chainrule.insight.report.material import Material
from chainrule.insight.report.sections import Section
from chainrule.insight.report.steps import steps
from chainrule.insight.report.training_run import training_run
from chainrule.insight.step_cost import StepCost
from chainrule.insight.subject import Subject


def material(widths=(3, 4, 1), loss="mse", n=20, y=None, **training):
    network = Network.of_widths(list(widths), "tanh")
    x = np.random.default_rng(0).normal(size=(n, widths[0]))
    if y is None:
        y = np.zeros((n, widths[-1]))
        if loss != "mse":
            y[np.arange(n), np.arange(n) % widths[-1]] = 1.0
    record = TrainingRecord(**training)
    start = network.start(0)
    return Material(Subject.of(Objective(network, loss), start, x, y, training=record))


def advice(section, words):
    return [one for one in section.advice if words in one.do + one.because]


# training


def curves(loss, **training):
    return training_run(material(loss_curve=loss, **training))


def test_a_loss_that_still_falls_by_more_than_2_per_cent():
    def ended(last):
        return curves([1.0] * 18 + [last] * 2, stopped_because="max_iter")

    assert advice(ended(0.981), "Train longer") == []
    (found,) = advice(ended(0.979), "Train longer")
    assert found.because == (
        "the training loss still fell by 2 % in the last 2 of 20 epochs, more than 2 %"
    )


@pytest.mark.parametrize(("epochs", "tail"), [(15, 2), (29, 2), (30, 3), (100, 10)])
def test_the_end_is_the_last_tenth_and_two_epochs_at_least(epochs, tail):
    loss = [1.0] * (epochs - tail) + [0.5] * tail
    (found,) = advice(curves(loss, stopped_because="max_iter"), "Train longer")
    assert f"fell by 50 % in the last {tail} of {epochs} epochs" in found.because
    one_before = [1.0] * (epochs - tail - 1) + [0.5] * (tail + 1)
    assert advice(curves(one_before, stopped_because="max_iter"), "Train longer") == []


@pytest.mark.parametrize(("epochs", "said"), [(4, 0), (5, 1)])
def test_five_epochs_have_an_end(epochs, said):
    loss = [0.5**k for k in range(epochs)]
    assert len(advice(curves(loss, stopped_because="max_iter"), "Train longer")) == said


def test_a_validation_loss_that_rises_by_more_than_5_per_cent():
    def risen(end):
        return curves([1.0] * 3, validation_loss_curve=[1.1, 1.0, end])

    assert advice(risen(1.049), "validation loss rose") == []
    (found,) = advice(risen(1.051), "validation loss rose")
    assert "after epoch 2 the validation loss rose by 5 %, more than 5 %" in found.because


@pytest.mark.parametrize(("epochs", "said"), [(2, 0), (3, 1)])
def test_three_epochs_of_validation_are_judged(epochs, said):
    found = curves([1.0] * epochs, validation_loss_curve=[1.0] * (epochs - 1) + [9.0])
    assert len(advice(found, "validation loss rose")) == said


def test_a_validation_loss_of_more_than_one_and_a_half_times_the_training_loss():
    def apart(validation):
        return curves([1.0] * 3, validation_loss_curve=[validation] * 3, best_epoch=2)

    assert advice(apart(1.49), "Regularise") == []
    (found,) = advice(apart(1.51), "Regularise")
    assert "is 1.5 times the training loss in the epoch kept (1.51 against 1)" in found.because
    assert found.because.endswith("more than 1.5 times")


@pytest.mark.parametrize(("first", "log"), [(7.9, False), (8.1, True)])
def test_a_curve_over_more_than_eight_times_is_logarithmic(first, log):
    (chart,) = [one for one in curves([first, 2.0, 1.0]).items if isinstance(one, Lines)]
    assert chart.log_y is log


# steps


def of_noise(monkeypatch, scale, n=64):
    """Return section 7 where a step of any size costs the same."""
    monkeypatch.setattr(steps_section, "noise_of_first_steps", lambda *_, **__: ([scale], 300))

    def cost(setting, sizes, repeats):
        return StepCost(tuple(sizes), (1e-5,) * len(sizes), (1e-5,) * len(sizes), 1e-5, 0.0, "x")

    monkeypatch.setattr(steps_section, "measure_step_cost", cost)
    one = material(n=n, solver="adam")
    return steps(replace(one, subject=replace(one.subject, batch_size=32)))


def test_a_batch_size_is_advised_below_three_quarters_of_the_time(monkeypatch):
    """Of 64 against 32 rows: (64 + N) / (64 + 2 N) with the noise scale N."""
    assert advice(of_noise(monkeypatch, 29.5), "Try batch_size") == []
    (found,) = advice(of_noise(monkeypatch, 34.7), "Try batch_size=64")
    assert "74 % of the time of 32 to the same loss" in found.because


@pytest.mark.parametrize(("rows", "measured"), [(7, False), (8, True)])
def test_batch_sizes_are_compared_from_8_rows_on(monkeypatch, rows, measured):
    record = of_noise(monkeypatch, 10.0, n=rows).record
    assert (record["batch_sizes"] is not None) is measured


def test_rates_are_compared_over_60_steps(monkeypatch):
    found = of_noise(monkeypatch, 10.0).record
    assert found["rates"]["steps"] == 60
    assert found["batch_sizes"]["cost"]["batch_sizes"] == (1, 8, 32, 64)


# data


@pytest.mark.parametrize(("rows", "rare"), [(99, True), (101, False)])
def test_a_class_below_a_fifth_of_an_equal_share_is_rare(rows, rare):
    y = (np.arange(1000) < rows).astype(float)
    section = data_seen(material(loss="binary_cross_entropy", n=1000, y=y))
    assert any(getattr(one, "text", "").startswith("Rare: ") for one in section.items) is rare


@pytest.mark.parametrize(
    ("columns", "which"), [(16, ""), (17, " (the 16 largest and smallest; 1 ")]
)
def test_sixteen_inputs_are_shown(columns, which):
    (table,) = [one for one in data_seen(material((columns, 2, 1))).items if isinstance(one, Table)
                and one.caption.startswith("Inputs")]  # fmt: skip
    assert len(table.rows) == 16
    assert table.caption.startswith(f"Inputs as the network sees them{which}")


@pytest.mark.parametrize(("classes", "which"), [(20, ""), (21, " (the 20 most frequent)")])
def test_twenty_classes_are_shown(classes, which):
    section = data_seen(material((3, 2, classes), "categorical_cross_entropy", n=50))
    (chart,) = [one for one in section.items if isinstance(one, Bars)]
    assert chart.title == f"Frequency of each class{which}"
    assert len(chart.values) == 20


# gradients


def test_fifty_derivatives_are_checked_and_eight_shown():
    section = gradients(material((5, 30, 1), y=np.arange(20.0)))
    assert len(section.record["verdicts"]) == 50
    (table,) = [one for one in section.items if isinstance(one, Table)]
    assert table.caption == "The 8 of 50 with the largest errors"
    assert len(table.rows) == 8


# the whole


@pytest.mark.parametrize(("weight", "tone"), [(2.9, "note"), (3.0, "warning")])
def test_a_weight_of_three_or_more_asks_for_a_look(monkeypatch, weight, tone):
    tip = Advice("do this", "for 1 reason", 8, weight)
    makers = {"card": "card", "data_seen": "data", "training_run": "training"}
    makers |= {"gradients": "gradients", "layer_health": "layers", "worked_row": "row"}
    makers |= {"steps": "steps", "quality": "quality"}
    for maker, key in makers.items():
        advice = (tip,) if key == "quality" else ()
        section = Section(key, key, [Sentence("well", "good")], {}, advice)
        monkeypatch.setattr(document, maker, lambda material, section=section: section)
    last = document.report_of(material()).summary[-1]
    assert (last.text, last.tone) == ("To try next: do this", tone)
