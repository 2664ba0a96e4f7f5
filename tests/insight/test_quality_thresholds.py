"""What the report says of predictions on both sides of each threshold."""

import numpy as np
import pytest

from chainrule import Network, Objective
from chainrule.engines.engine import Rows
from chainrule.insight.records import TrainingRecord
from chainrule.insight.report import importance as importance_part
from chainrule.insight.report import quality as quality_part
from chainrule.insight.report.boundary import boundary
from chainrule.insight.report.calibration import calibration
from chainrule.insight.report.confusion import confusion
from chainrule.insight.report.figures import Bars
from chainrule.insight.report.importance import importance
from chainrule.insight.report.items import Sentence, Table
from chainrule.insight.report.material import Material, Predictions
from chainrule.insight.report.quality import quality
from chainrule.insight.report.residuals import residuals
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


def judged(p, y, losses=None, widths=None, loss="mse", **training):
    """Return material whose predictions are these."""
    p, y = np.asarray(p, np.float64), np.asarray(y, np.float64)
    one = material(widths or (3, 4, p.shape[1]), loss, **training)
    n = len(p)
    rows = Rows(np.random.default_rng(1).normal(size=(n, one.subject.objective.network.n_in)), y)
    losses = np.ones(n) if losses is None else np.asarray(losses, np.float64)
    one.__dict__["predictions"] = Predictions(p, y, np.ones(n), losses, rows, held_out=True)
    return one


def advice(section, words):
    found = section[3] if isinstance(section, tuple) else section.advice
    return [one for one in found if words in one.do + one.because]


def tables(blocks):
    return {one.caption: one for one in blocks if isinstance(one, Table)}


# residuals


def off_by(mean, n=50):
    error = mean + np.tile([1.0, -1.0], n)[:n]
    error += mean - error.mean()
    return residuals(judged(error[:, None], np.zeros((n, 1))))


def test_a_mean_error_of_more_than_a_quarter_of_the_typical_one():
    assert advice(off_by(0.24), "biased") == []
    (found,) = advice(off_by(0.26), "biased")
    assert "26 % of the typical error 1, more than 25 %" in found.because


def test_a_drift_needs_50_rows():
    assert advice(off_by(0.9, n=49), "biased") == []
    assert len(advice(off_by(0.9, n=50), "biased")) == 1


@pytest.mark.parametrize(("targets", "rest"), [(3, []), (4, ["1 more targets are in to_dict()."])])
def test_three_targets_are_shown(targets, rest):
    blocks, _, record, _ = residuals(judged(np.ones((9, targets)), np.zeros((9, targets))))
    assert len(record) == targets
    assert [one.text for one in blocks if getattr(one, "tone", "") == "note"] == rest


# calibration


def stated_and_seen(stated, seen, size):
    """Return calibration of bins of so many rows, each with its stated and its seen share."""
    p = np.repeat(np.asarray(stated) + 1e-9 * np.arange(len(stated)), size)
    y = np.concatenate([np.arange(size) < round(share * size) for share in seen])
    return calibration(judged(p[:, None], y[:, None], loss="binary_cross_entropy"))


def test_calibration_needs_50_rows():
    few = calibration(judged(np.full((49, 1), 0.5), np.ones((49, 1)), loss="binary_cross_entropy"))
    assert [one.text for one in few[0]] == ["Calibration needs at least 50 rows; there are 49."]
    many = calibration(judged(np.full((50, 1), 0.5), np.ones((50, 1)), loss="binary_cross_entropy"))
    assert many[2]["mean_distance"] == pytest.approx(0.5)


def test_probabilities_that_are_off_by_more_than_5_per_cent():
    stated = np.linspace(0.3, 0.7, 10)
    assert advice(stated_and_seen(stated, stated + 0.048, 2000), "calibrate") == []
    (found,) = advice(stated_and_seen(stated, stated + 0.052, 2000), "calibrate")
    assert "differ by 5 % on average, more than 5 %" in found.because


@pytest.mark.parametrize(("bins", "said"), [(2, 0), (3, 1)])
def test_three_bins_must_be_farther_off_than_chance(bins, said):
    stated = np.full(10, 0.5)
    seen = np.where(np.arange(10) < bins, 0.9, 0.5)
    assert len(advice(stated_and_seen(stated, seen, 200), "calibrate")) == said


@pytest.mark.parametrize(("gap", "said"), [(0.09, 0), (0.11, 1)])
def test_chance_is_two_standard_deviations(gap, said):
    """Of 100 rows whose probability is a half: 0.05 each."""
    found = stated_and_seen(np.full(10, 0.5), np.full(10, 0.5 + gap), 100)
    assert len(advice(found, "calibrate")) == said
    assert ("within chance" in found[0][0].text) is not said


@pytest.mark.parametrize(("above", "sided"), [(7, False), (8, True)])
def test_one_sided_is_a_mean_of_more_than_half_the_distance(above, sided):
    """So many of 10 bins are 0.2 too high, and the others as much too low: 0.4 or 0.6 of it."""
    seen = np.where(np.arange(10) < above, 0.3, 0.7)
    found = stated_and_seen(np.full(10, 0.5), seen, 200)
    assert ("it is overconfident" in found[0][0].text) is sided
    assert "train fewer epochs" in found[3][0].do


# confusion


def of_counts(counts):
    counts = np.asarray(counts)
    k = len(counts)
    true, said = (np.repeat(one.ravel(), counts.ravel()) for one in np.indices(counts.shape))
    return confusion(judged(np.eye(k)[said], np.eye(k)[true], loss="categorical_cross_entropy"))


def test_a_class_found_in_less_than_half_its_rows():
    assert advice(of_counts([[10, 10], [0, 50]]), "If 0 matters") == []
    (found,) = advice(of_counts([[9, 11], [0, 50]]), "If 0 matters")
    assert "only 45 % of the 20 rows of 0 are found, less than 50 %" in found.because


def test_a_class_of_10_rows_is_judged():
    assert advice(of_counts([[0, 9], [0, 50]]), "If 0 matters") == []
    assert len(advice(of_counts([[0, 10], [0, 50]]), "If 0 matters")) == 1


def mistaken(pair, rest):
    """Return a confusion of 5 classes: so many of one pair, and of the others in turn."""
    counts = np.diag([500] * 5)
    counts[0, 1] = pair
    others = [(t, s) for t in range(5) for s in range(t + 1, 5) if (t, s) != (0, 1)]
    for number in range(rest):
        counts[others[number % len(others)]] += 1
    return advice(of_counts(counts), "mistake")


def test_a_pair_with_more_than_a_quarter_of_the_errors():
    assert mistaken(25, 75) == []
    (found,) = mistaken(26, 74)
    assert found.because == (
        "26 of 100 errors (26 %) mistake 0 and 1 for each other, more than 25 %"
    )


def test_ten_errors_are_judged():
    assert mistaken(9, 0) == []
    assert len(mistaken(10, 0)) == 1


@pytest.mark.parametrize(("classes", "whole"), [(16, True), (17, False)])
def test_counts_of_16_classes_are_shown_whole(classes, whole):
    counts = np.diag([20] * classes)
    counts[:, 0] += 1
    found = tables(of_counts(counts)[0])
    assert any(caption.startswith("Confusion matrix") for caption in found) is whole
    assert any("16 with the lowest recall of 17" in caption for caption in found) is not whole


@pytest.mark.parametrize("pairs", [9, 10, 11])
def test_ten_pairs_are_shown(pairs):
    counts = np.diag([50] * 12)
    counts[1 : pairs + 1, 0] += 1
    shown = tables(of_counts(counts)[0])["The most frequent confusions"]
    assert len(shown.rows) == min(pairs, 10)


# quality


def right(hits, n=1000):
    """Return quality of two equal classes, of which so many rows are said right."""
    true = np.arange(n) % 2
    said = np.where(np.arange(n) < hits, true, 1 - true)
    return quality(judged(np.eye(2)[said], np.eye(2)[true], loss="categorical_cross_entropy"))


def test_a_metric_close_to_the_baseline_is_a_finding():
    assert len(advice(right(524), "inputs carry information")) == 1
    assert advice(right(526), "inputs carry information") == []


def worst(shares, n=200):
    """Return quality of rows of which the first hold these shares of the loss."""
    rest = (1.0 - sum(shares)) / (n - len(shares))
    losses = np.r_[shares, np.full(n - len(shares), rest)]
    y = np.linspace(-1.0, 1.0, n)[:, None]
    return advice(quality(judged(0.9 * y, y, losses)), "largest losses")


def test_a_hundredth_of_the_rows_with_more_than_a_quarter_of_the_loss():
    assert worst([0.12, 0.12]) == []
    (found,) = worst([0.13, 0.13])
    assert found.because == "2 of 200 rows hold 26 % of the loss, more than 25 %"
    assert worst([0.1] * 4) == []  # two in a hundred hold more


def test_fewer_than_200_rows_are_reported():
    assert worst([0.9], n=199) == []
    assert len(worst([0.9], n=200)) == 1


@pytest.mark.parametrize(("classes", "shown"), [(100, True), (101, False)])
def test_areas_of_100_classes(monkeypatch, classes, shown):
    monkeypatch.setattr(quality_part, "importance", lambda one: ([], "importance", None, []))
    true = np.arange(2 * classes) % classes
    found = quality(
        judged(np.eye(classes)[true], np.eye(classes)[true], loss="categorical_cross_entropy")
    )
    names = [one["name"] for one in found.record["metrics"]]
    assert ("area under the ROC curve" in names) is shown


# what columns are worth


def shuffled(monkeypatch, rise, columns=4):
    """Return importance where each column but the first raises a loss of 1 by so much."""
    rises = np.full((columns, 3), rise)
    rises[0] = 0.5
    monkeypatch.setattr(importance_part, "_rises", lambda one: (1.0, rises, 100))
    return advice(importance(material((columns, 2, 1))), "no effect")


def test_a_column_that_changes_the_loss_by_less_than_1_per_cent(monkeypatch):
    assert shuffled(monkeypatch, 0.0101) == []
    assert shuffled(monkeypatch, -0.0101) == []
    (found,) = shuffled(monkeypatch, 0.0099)
    assert "any one of 3 of 4 columns" in found.because
    assert found.because.endswith("changes the loss by less than 1 %")


@pytest.mark.parametrize(("columns", "said"), [(3, 0), (4, 1), (200, 1), (201, 0)])
def test_columns_to_leave_out_are_named_among_4_to_200(monkeypatch, columns, said):
    assert len(shuffled(monkeypatch, 0.0, columns)) == said


@pytest.mark.parametrize("columns", [12, 13])
def test_twelve_columns_are_shown_each_shuffled_three_times(columns):
    blocks, _, record, _ = importance(material((columns, 2, 1), y=np.arange(20.0), n=20))
    (chart,) = [one for one in blocks if isinstance(one, Bars)]
    assert len(chart.values) == 12
    assert ("the 12 most important of 13" in chart.title) is (columns == 13)
    assert [len(one["runs"]) for one in record["columns"]] == [3] * columns


@pytest.mark.parametrize(("rows", "taken"), [(1999, 1999), (2001, 2000)])
def test_two_thousand_rows_are_shuffled(rows, taken):
    assert importance(material(n=rows))[2]["rows"] == taken


@pytest.mark.parametrize(("rows", "taken"), [(199, 199), (400, 200)])
def test_two_hundred_rows_are_shuffled_whatever_the_work(monkeypatch, rows, taken):
    monkeypatch.setattr(importance_part, "WORK", 1.0)
    assert importance(material(n=rows))[2]["rows"] == taken


# maps


@pytest.mark.parametrize(("classes", "map_of"), [(6, "class predicted"), (7, "probability of 6")])
def test_a_map_has_colours_for_six_classes(classes, map_of):
    found = boundary(material((2, 3, classes), "categorical_cross_entropy", n=50))
    assert found[2]["what"] == map_of
    assert not any(isinstance(one, Sentence) for one in found[0])
