"""Displays of formulas and of bare networks: the artists hold the numbers."""

import numpy as np
import pytest

from chainrule import Network, Parameters, activations
from chainrule.foundation.errors import InputError
from chainrule.insight.displays import ActivationDisplay, DecisionBoundaryDisplay

matplotlib = pytest.importorskip("matplotlib")


@pytest.fixture(autouse=True)
def closed_figures():
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


def drawn(display):
    display.figure_.canvas.draw()
    return display


@pytest.mark.grid(9)
@pytest.mark.parametrize("name", activations)
def test_an_activation_and_its_slope(name):
    display = drawn(ActivationDisplay.from_formula(name))
    record = activations[name]
    z, a = display.line_.get_data()
    assert (z[0], z[-1]) == (-5.0, 5.0)
    if not record.rowwise:
        np.testing.assert_array_equal(a, record(z))
        same, slope = display.slope_line_.get_data()
        np.testing.assert_array_equal(same, z)
        assert set(z[np.isnan(slope)]) == set(record.kinks)
        np.testing.assert_array_equal(slope[~np.isnan(slope)], record.slope(z)[~np.isnan(slope)])
    (legend,) = [one.get_title().get_text() for one in [display.ax_.get_legend()]]
    assert legend == name


def test_softmax_is_drawn_beside_a_zero():
    display = drawn(ActivationDisplay.from_formula("softmax"))
    z, a = display.line_.get_data()
    np.testing.assert_allclose(a, 1.0 / (1.0 + np.exp(-z)), rtol=1e-12)


def test_the_legend_is_the_formula_of_the_record(closed_figures):
    _, ax = closed_figures.subplots()
    record = activations.get("leaky_relu", negative_slope=0.3)
    display = drawn(ActivationDisplay.from_formula(record, low=-1.0, high=1.0, ax=ax))
    assert display.ax_ is ax
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts[0] == "a = 0.3 z if z <= 0, z if z > 0"


def test_the_ends_must_be_in_order():
    with pytest.raises(InputError, match="low must be below high"):
        ActivationDisplay.from_formula("relu", low=1.0, high=1.0)


X = np.array([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0], [0.5, 0.25]])


class TestOneOutput:
    network = Network.of_widths([2, 1])
    at = Parameters.from_arrays([[[2.0], [1.0]]], [[0.5]])

    def test_the_value_is_the_score(self):
        display = drawn(DecisionBoundaryDisplay.from_network(self.network, self.at, X, X[:, 0]))
        assert display.kind == "value"
        assert display.boundary_ == []
        expected = 2.0 * display.x1[None, :] + display.x2[:, None] + 0.5
        np.testing.assert_allclose(display.response, expected)
        np.testing.assert_array_equal(display.rows_[0].get_offsets(), X)

    def test_a_cross_entropy_makes_it_a_probability_with_an_edge_at_half(self):
        y = np.array([0, 1, 0, 1, 1])
        display = drawn(
            DecisionBoundaryDisplay.from_network(
                self.network, self.at, X, y, loss="binary_cross_entropy"
            )
        )
        assert display.kind == "probability"
        score = 2.0 * display.x1[None, :] + display.x2[:, None] + 0.5
        np.testing.assert_allclose(display.response, 1.0 / (1.0 + np.exp(-score)))
        (edge,) = display.boundary_
        for segment in edge.allsegs[0]:
            np.testing.assert_allclose(2.0 * segment[:, 0] + segment[:, 1] + 0.5, 0.0, atol=1e-3)
        assert [len(rows.get_offsets()) for rows in display.rows_] == [2, 3]

    def test_the_plane_is_the_range_of_the_rows_and_a_margin(self):
        display = DecisionBoundaryDisplay.from_network(self.network, self.at, X, grid_resolution=50)
        assert display.response.shape == (50, 50)
        assert (display.x1[0], display.x1[-1]) == (-1.12, 1.12)
        assert display.rows_ == []


@pytest.mark.slow
class TestClasses:
    network = Network.of_widths([2, 3])
    at = Parameters.from_arrays([[[1.0, -1.0, 0.0], [0.0, 0.0, 2.0]]], [[0.0, 0.0, 0.0]])

    @pytest.mark.grid(2)
    @pytest.mark.parametrize("loss", [None, "categorical_cross_entropy"])
    def test_the_largest_score_wins(self, loss):
        y = np.array([1, 0, 2, 2, 0])
        display = drawn(
            DecisionBoundaryDisplay.from_network(self.network, self.at, X, y, loss=loss)
        )
        assert display.kind == "class"
        one, two = np.meshgrid(display.x1, display.x2)
        expected = np.argmax(np.stack([one, -one, 2.0 * two]), axis=0)
        np.testing.assert_array_equal(display.response, expected)
        assert len(display.boundary_) == len(display.rows_) == 3

    def test_one_output_is_its_probability(self):
        display = drawn(
            DecisionBoundaryDisplay.from_network(
                self.network, self.at, X, loss="categorical_cross_entropy", output=3
            )
        )
        assert display.kind == "probability"
        assert 0.0 <= display.response.min() < display.response.max() <= 1.0

    @pytest.mark.parametrize("loss", ["mse", "binary_cross_entropy"])
    def test_losses_of_single_outputs_need_to_know_which(self, loss):
        with pytest.raises(InputError, match="output must be one of the 3 outputs"):
            DecisionBoundaryDisplay.from_network(self.network, self.at, X, loss=loss)


def test_points_that_are_not_finite_are_left_blank():
    network = Network.of_widths([2, 2])
    at = Parameters.from_arrays([[[1e308, 0.0], [1e308, 0.0]]], [[0.0, 0.0]])
    display = drawn(DecisionBoundaryDisplay.from_network(network, at, 3.0 * X))
    assert np.isnan(display.response).any()
    nothing = network.parameters(np.full(6, np.nan))
    with pytest.raises(InputError, match="parameters must give predictions that are finite"):
        DecisionBoundaryDisplay.from_network(network, nothing, X)


def test_a_constant_prediction_is_drawn():
    for widths, loss in (([2, 1], "binary_cross_entropy"), ([2, 1], None), ([2, 3], None)):
        network = Network.of_widths(widths)
        at = network.parameters(np.zeros(network.n_parameters))
        display = drawn(DecisionBoundaryDisplay.from_network(network, at, X, loss=loss))
        assert display.boundary_ == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"network": Network.of_widths([3, 1])}, "network must be one of 2 inputs"),
        ({"X": [[1.0]]}, "X must be finite rows"),
        ({"X": [[np.nan, 1.0]]}, "X must be finite rows"),
        ({"y": ["a"] * 5}, "y must be 5 class numbers or targets"),
        ({"y": [1, 0]}, "y must be 5 class numbers or targets"),
        ({"output": 2}, "output must be from 1 to 1"),
        ({"grid_resolution": 1}, "grid_resolution must be at least 2"),
    ],
)
def test_undrawable_networks_are_refused(change, words):
    network = change.get("network", Network.of_widths([2, 1]))
    given = {"network": network, "parameters": network.start(0), "X": X, **change}
    with pytest.raises(InputError, match=words):
        DecisionBoundaryDisplay.from_network(**given)
