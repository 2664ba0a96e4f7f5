"""The chain rule in symbols and numbers: it is the engine's gradient, and it adds up."""

import json
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import Dense, Network, Objective, Parameters, activations, losses, optimizers
from chainrule.engines.engine import Rows
from chainrule.insight.chain import chain
from chainrule.insight.explanation import Explanation
from chainrule.insight.place import Place
from chainrule.insight.subject import Subject
from chainrule.insight.tree import Node

# The network of the chapter's section on the chain rule.
BOOK = Subject.of(
    Objective(Network(Dense(2, 3, "sigmoid"), Dense(3, 1)), "mse"),
    Parameters.from_arrays(
        [
            [[-0.0053, -0.5820, -0.2723], [0.3793, -0.5204, 0.1896]],
            [[0.1528], [-0.1745], [-0.1135]],
        ],
        [[-0.0140, 0.5607, -0.0628], [-0.5516]],
    ),
    [[1.0, 1.0]],
    [0.0],
    learning_rate=1.0,
)


def walk(node: Node, budget: int = 400) -> list[Node]:
    """Return the node and what is below it; opening a node asserts that it adds up."""
    nodes, level = [node], [node]
    while level and len(nodes) < budget:
        level = [part for above in level for part in above.parts]
        nodes += level
    return nodes


class TestTheChapter:
    chain = chain(BOOK, Place(layer=1, unit=0, to=0), row=0)

    def test_the_factors_are_those_of_the_book(self):
        names = [part.name.text for part in self.chain.tree.parts]
        assert names == ["dL/dz2[1]", "dz2[1]/da1[1]", "da1[1]/dz1[1]", "dz1[1]/dw1[1,1]"]
        np.testing.assert_allclose(
            [part.value for part in self.chain.tree.parts],
            [-1.1568061351575283, 0.1528, 0.2420718011026445, 1.0],
            rtol=1e-14,
        )
        assert self.chain.gradient == pytest.approx(-0.042788606104685496, rel=1e-14)
        assert self.chain.update.after == pytest.approx(0.0374886061046855, rel=1e-14)
        assert self.chain.check.status == "passed"

    def test_latex_parses_back_to_the_number(self):
        from sympy.parsing.latex import parse_latex

        lines = self.chain.to_latex(digits=17).splitlines()[1:-1]
        symbols, numbers, value = (line.split("&=")[1].rstrip("\\ ") for line in lines)
        assert symbols.count(r"\frac{\partial") == 4
        product = parse_latex(numbers, backend="lark")
        assert float(product.evalf(17)) == pytest.approx(self.chain.gradient, rel=1e-15)
        assert float(value) == self.chain.gradient

    def test_mathml_holds_the_factors(self):
        pytest.importorskip("latex2mathml")
        from xml.etree import ElementTree as ET

        symbols, numbers, value = self.chain.to_mathml(digits=17).splitlines()
        assert symbols.count("<mfrac>") == 5  # the derivative and its four factors
        tokens = [one for one in ET.fromstring(numbers).iter() if one.text]
        factors = [float(one.text) for one in tokens if one.tag.endswith("mn")]
        minus = sum(one.text == "\u2212" for one in tokens)
        assert len(factors) == 4
        product = (-1.0) ** minus * math.prod(factors)
        assert product == pytest.approx(self.chain.gradient, rel=1e-15)
        (number,) = [one for one in ET.fromstring(value).iter() if one.tag.endswith("mn")]
        assert -float(number.text) == self.chain.gradient

    def test_text_shows_symbols_above_numbers(self):
        lines = str(self.chain).splitlines()
        assert lines[2].startswith("dL/dw1[1,1] = dL/dz2[1] · dz2[1]/da1[1] · da1[1]/dz1[1]")
        assert lines[3].split() == ["=", "-1.156806", "·", "0.1528", "·", "0.2420718", "·", "1"]
        assert lines[4].split() == ["=", "-0.04278861"]
        assert "= a (1 - a)  at z = 0.36, a = 0.5890404  slope of sigmoid in layer 1" in lines[7]

    def test_mathml_and_html(self):
        pytest.importorskip("latex2mathml")
        assert self.chain.to_mathml().count("<math") == 3
        html = self.chain._repr_html_()
        assert "<mfrac>" in html
        assert "slope of sigmoid in layer 1" in html
        assert re.search(r"<td>-1\.15681</td><td>loss mse", html)

    def test_as_json(self):
        record = json.loads(json.dumps(self.chain.to_dict()))
        assert record["gradient"] == self.chain.gradient
        assert record["weight"]["name"] == "w1[1,1]"
        assert len(record["tree"]["parts"]) == 4


LOSSES = sorted(losses)
PLAIN = sorted(set(activations) - {"exponential"})


@st.composite
def subjects(draw: st.DrawFn) -> tuple[Subject, Place, int | None]:
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    widths = draw(st.lists(st.integers(1, 40), min_size=2, max_size=6))
    hidden = [draw(st.sampled_from(PLAIN)) for _ in widths[2:]]
    loss = losses[draw(st.sampled_from(LOSSES))]
    n = draw(st.integers(1, 12))
    network = Network.of_widths(widths, hidden)
    k = widths[-1]
    y = random.normal(size=(n, k))
    if loss.domain[0] == 0.0:
        y = random.dirichlet(np.ones(k), size=n) if loss.rowwise else random.uniform(size=(n, k))
    weight = random.integers(0, 3, size=n) + 1.0 if draw(st.booleans()) else None
    objective = Objective.with_strengths(network, loss, l2=draw(st.sampled_from([0.0, 0.1])))
    dtype = draw(st.sampled_from(["float64", "float32"]))
    subject = Subject.of(
        objective,
        network.start(seed % 1000, dtype),
        random.normal(size=(n, widths[0])),
        y,
        weight,
        optimizer=optimizers[draw(st.sampled_from(sorted(optimizers)))],
    )
    layer = draw(st.integers(1, len(widths) - 1))
    unit = draw(st.one_of(st.none(), st.integers(0, widths[layer - 1] - 1)))
    place = Place(layer, unit, draw(st.integers(0, widths[layer] - 1)))
    return subject, place, draw(st.one_of(st.none(), st.integers(0, n - 1)))


@pytest.mark.slow
@given(subjects())
@settings(max_examples=100, deadline=None)
def test_every_expansion_is_the_engines_gradient_and_adds_up(case):
    subject, place, row = case
    found = chain(subject, place, row)
    walk(found.tree)
    rows = subject.rows
    if row is not None:
        rows = type(rows)(rows.x[row : row + 1], rows.y[row : row + 1])
    _, gradient = subject.engine.gradient(subject.vector, rows)
    index = place.index(subject)
    precise = subject.vector.dtype == np.float64
    scale = float(np.max(np.abs(gradient)))
    assert found.gradient == pytest.approx(
        float(gradient[index]),
        rel=1e-12 if precise else 2e-4,
        abs=(1e-14 if precise else 1e-5) * max(scale, 1.0),
    )


def test_the_path_through_softmax_equals_the_short_form():
    random = np.random.default_rng(3)
    network = Network.of_widths([4, 6, 3], "tanh")
    subject = Subject.of(
        Objective(network, "categorical_cross_entropy"),
        network.start(1),
        random.normal(size=(5, 4)),
        [0, 1, 2, 1, 0],
    )
    for layer, to in ((2, 0), (1, 3)):
        nodes = walk(chain(subject, Place(layer, 0, to), row=2).tree)
        scores = [node for node in nodes if node.alternative is not None]
        assert scores
        for node in scores:
            assert node.formula == "p - y"
            assert node.alternative.value == pytest.approx(node.value, rel=1e-12)
            assert node.alternative.parts


def test_terms_not_shown_are_the_exact_rest():
    random = np.random.default_rng(0)
    network = Network.of_widths([3, 20, 30, 1], "tanh")
    subject = Subject.of(
        Objective(network, "mse"),
        network.start(0),
        random.normal(size=(100, 3)),
        random.normal(size=100),
    )
    tree = chain(subject, Place(1, 0, 0)).tree
    assert tree.rest.count == 95
    assert math.fsum([*(part.value for part in tree.parts), tree.rest.value]) == tree.value
    inner = chain(subject, Place(1, 0, 0), row=0).tree.parts[0]
    assert (len(inner.parts), inner.rest.count) == (5, 25)
    assert "25 more" in str(chain(subject, Place(1, 0, 0), row=0))


def test_rows_of_weight_zero_and_saturated_units():
    network = Network.of_widths([1, 2, 1], "sigmoid")
    at = Parameters.from_arrays([[[800.0, 1.0]], [[1.0], [1.0]]], [[0.0, 0.0], [0.0]])
    subject = Subject.of(
        Objective(network, "binary_cross_entropy"), at, [[1.0], [2.0]], [0.0, 1.0], [0.0, 1.0]
    )
    assert chain(subject, Place(1, 0, 0)).gradient == 0.0
    assert "zero on both sides" in str(chain(subject, Place(1, 0, 0)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1, 1), "layer must be from 1 to 2; got 0"),
        ((3, 1, 1), "layer must be from 1 to 2; got 3"),
        ((1, 0, 1), "unit must be from 1 to 2 in layer 1; got 0. Layers, units and rows count"),
        ((1, 3, 1), "unit must be from 1 to 2 in layer 1; got 3"),
        ((1, 1, 0), "to must be from 1 to 3 in layer 1; got 0"),
        ((1, 1, 4), "to must be from 1 to 3 in layer 1; got 4"),
        ((1, 1, 1, 0), "sample must be from 1 to 1; got 0"),
        ((1, 1, 1, 2), "sample must be from 1 to 1; got 2"),
    ],
)
def test_missing_weights_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Explanation(BOOK).weight(*arguments)


@pytest.mark.parametrize("sample", [None, 1])
def test_printed_terms_are_those_asked_for(sample):
    """Layers, units and rows count from 1 in arguments, output, attributes and records."""
    explanation = Explanation(BOOK)
    found = explanation.weight(1, 2, 3, sample)
    assert str(found).startswith("w1[2,3] = 0.1896, from input 2 to unit 3 of layer 1: ")
    assert found.row == sample
    record = found.to_dict()
    named = record["weight"]
    assert (named["name"], named["layer"], named["unit"], named["to"]) == ("w1[2,3]", 1, 2, 3)
    assert record["row"] == sample
    bias = explanation.bias(1, 3, sample)
    assert str(bias).startswith("b1[3] = -0.0628, the bias of unit 3 of layer 1: ")
    assert (bias.to_dict()["weight"]["unit"], bias.to_dict()["weight"]["to"]) == (None, 3)
    assert "loss of row 1 changes" in str(explanation.bias(1, 3).of_row(1))


@pytest.mark.parametrize(
    "rule",
    [
        optimizers.adamw,
        optimizers.get("adamw", clip_norm=0.01),
        optimizers.get("adam", averaging=0.9, clip_norm=1e6),
    ],
    ids=repr,
)
def test_the_optimizers_memory_goes_into_the_update(rule):
    random = np.random.default_rng(1)
    network = Network.of_widths([2, 3, 1], "tanh")
    objective = Objective(network, "mse")
    x, y = random.normal(size=(6, 2)), random.normal(size=6)
    vector = network.start(0).vector
    slots = tuple(random.uniform(size=(len(rule.memory), len(vector))))
    subject = Subject.of(
        objective,
        network.parameters(vector),
        x,
        y,
        optimizer=rule,
        slots=slots,
        step=4,
        learning_rate=0.05,
    )
    position = type("Position", (), {})()
    position.vector, position.slots, position.step = vector.copy(), slots, 4
    subject.engine.epoch(position, subject.rows, np.arange(6), 6, np.array([0.05]), math.inf)
    for place in (Place(1, 1, 2), Place(2, None, 0)):
        update = (
            Explanation(subject).weight(1, 2, 3).update
            if place.unit is not None
            else (Explanation(subject).bias(2, 1).update)
        )
        assert update.after == pytest.approx(position.vector[place.index(subject)], rel=1e-12)
        index = place.index(subject)
        for name, slot in zip(rule.memory, position.slots, strict=True):
            assert update.memory[name][1] == pytest.approx(slot[index], rel=1e-12)


def test_an_update_shows_where_clipping_acts():
    objective = Objective(Network.of_widths([2, 1]), "mse")
    at = objective.network.parameters(np.array([1.0, -1.0, 0.5]))
    x, y = [[1.0, 2.0], [3.0, -1.0]], [4.0, 0.0]

    def subject(clip_norm):
        rule = optimizers.get("sgd", clip_norm=clip_norm)
        return Subject.of(objective, at, x, y, optimizer=rule, learning_rate=0.1)

    _, gradient = subject(None).engine.gradient(at.vector, subject(None).rows)
    norm = np.linalg.norm(gradient)
    clipped = Explanation(subject(2.0)).weight(1, 1, 1)
    assert clipped.update.clipping == pytest.approx(2.0 / norm, rel=1e-12)
    assert clipped.update.after == pytest.approx(1.0 - 0.2 * gradient[0] / norm, rel=1e-12)
    assert f"gradient times {2.0 / norm:.7g} by clipping" in str(clipped)
    assert r"g \min(1, 2.0 / |g|)" in clipped.update.latex
    # of one row's loss, the norm is that of its own gradient
    row = clipped.of_row(1)
    _, of_row = subject(2.0).engine.gradient(at.vector, Rows(*subject(2.0).rows.take(slice(0, 1))))
    assert row.update.clipping == pytest.approx(2.0 / np.linalg.norm(of_row), rel=1e-12)
    free = Explanation(subject(1e6)).weight(1, 1, 1)
    assert free.update.clipping == 1.0
    assert "clipping" not in str(free)


def test_the_largest_gradients():
    largest = Explanation(BOOK).largest(2)
    assert abs(largest[0].gradient) >= abs(largest[1].gradient) > 0.0
