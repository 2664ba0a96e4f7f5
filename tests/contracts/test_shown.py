"""Every result is a few lines at a prompt, and well-formed HTML in a notebook, also a large one."""

import dataclasses
import functools
import inspect
import sys
import typing
from html.parser import HTMLParser

import numpy as np
import pytest

import chainrule
from chainrule.formulas.records import Formula
from chainrule.formulas.target_scale import TargetScale
from chainrule.foundation.catalogue import Catalogue
from chainrule.foundation.showing import Shown, first_lines
from chainrule.insight.gradient_noise import gradient_noise
from chainrule.insight.subject import Subject
from chainrule.model.network import Dense
from chainrule.training.many import Outcome

# Shown by their text. What is not here is in one of the lists below, and a test says so.
RESULTS = {
    "Advice",
    "Bars",
    "BatchSizeReport",
    "Catalogue",
    "Chain",
    "Check",
    "Code",
    "Curvature",
    "Curve",
    "Epoch",
    "Equations",
    "Facts",
    "Encoding",
    "Finding",
    "GradientNoise",
    "Health",
    "LayerHealth",
    "LayerNoise",
    "LearningRateReport",
    "Lines",
    "MeasuredError",
    "Node",
    "Outcome",
    "Parameters",
    "Payoff",
    "Plane",
    "RangeTest",
    "RateRun",
    "Report",
    "Rows",
    "Section",
    "Sentence",
    "Step",
    "StepCost",
    "Subject",
    "Table",
    "Target",
    "TargetScale",
    "TrainingRecord",
    "TrainingState",
    "Update",
    "Verdict",
}
# Results of questions to a table model, and what shared layers hold; tests/tables/questions and
# tests/interop/test_shared_layers.py make them.
ASKED = {"Calibration", "Effect", "Importance", "TableReport", "Threshold", "Why", "Worst"}
SHARED = {"SharedArray", "Use"}
# Shown by the tests of what serves and exports a model.
SERVING = {"CFiles", "PreparedPredictor", "RowPredictor"}
ELSEWHERE = ASKED | SHARED | SERVING | {"Reliability"}
# Shown by the call that makes them again; short, because they hold descriptions and no arrays.
DESCRIPTIONS = {
    "Answer",
    "Contribution",
    "Counts",
    "Dense",
    "Derivative",
    "Ending",
    "Layout",
    "Network",
    "Objective",
    "Parameter",
    "Patience",
    "Place",
    "Rest",
    "Symbol",
    "Term",
    "Totals",
}
# Descriptions that no value below holds.
UNSEEN = {"Answer", "Contribution", "Counts", "Ending", "Totals"}
# With displays of their own, tested elsewhere: formulas, the report behind an explanation, what
# scikit-learn shows, what Python shows.
OTHERS = {
    "Activation",
    "Checkpoint",
    "Initializer",
    "Loss",
    "Optimizer",
    "Penalty",
    "RateFactors",
    "Schedule",
    "Explanation",
    "MLPClassifier",
    "MLPRegressor",
    "TabularClassifier",
    "TabularRegressor",
    "Drawing",
    "CalibrationDisplay",
    "EffectDisplay",
    "ImportanceDisplay",
    "ThresholdDisplay",
    "WhyDisplay",
    "WorstDisplay",
    "ReferenceEngine",
    "DataWarning",
    "DivergenceError",
    "DivergenceWarning",
    "InputError",
    "NoEffectWarning",
    "SlowEngineWarning",
}
# What formulas and engines hand each other, and nobody looks at.
INNER = {
    *("Playing", "Engine", "GradientSum", "LayerTape", "Mask", "Namespace", "Span", "Tape"),
    "Left",
    "StreamedFit",
}
VOID = {"br", "hr", "img", "input", "meta", "link", "col", "wbr", "path", "line", "rect", "circle"}


def public_types():
    """Return the classes of the package that a user can come to hold, from annotations."""
    found = set()
    for name in chainrule.__all__:
        value = getattr(chainrule, name)
        if inspect.isclass(value):
            _visit(value, found)
        elif inspect.isfunction(value):
            _visit_all(_returned(value), found)
        else:
            _visit(type(value), found)
    return found


def _visit(kind, found):
    if kind in found:
        return
    found.add(kind)
    if dataclasses.is_dataclass(kind):
        for name, hint in _hints(kind).items():
            if not name.startswith("_"):
                _visit_all(_classes(hint), found)
    for name in dir(kind):
        member = inspect.getattr_static(kind, name)
        if not name.startswith("_"):
            if isinstance(member, property | functools.cached_property | classmethod):
                member = getattr(member, "fget", None) or getattr(member, "func", None) or member
                member = getattr(member, "__func__", member)
            if inspect.isfunction(member) and _ours(member):
                _visit_all(_returned(member), found)


def _visit_all(kinds, found):
    for kind in kinds:
        _visit(kind, found)


def _ours(value):
    return value.__module__.split(".")[0] == "chainrule"


def _returned(function):
    return _classes(_hints(function).get("return"))


def _classes(hint):
    if isinstance(hint, list | tuple):
        return [kind for one in hint for kind in _classes(one)]
    if typing.get_args(hint):
        return _classes(typing.get_args(hint))
    return [hint] if isinstance(hint, type) and _ours(hint) else []


def _hints(value):
    names = dict(vars(sys.modules[value.__module__]))
    # what stands under TYPE_CHECKING is imported for people and checkers only
    for line in inspect.getsource(sys.modules[value.__module__]).splitlines():
        if line.startswith("    from chainrule.") and line.count("import") == 1 and "(" not in line:
            exec(line.strip(), names)
    return typing.get_type_hints(value, names)


def test_the_lists_name_every_public_type():
    named = RESULTS | ELSEWHERE | DESCRIPTIONS | OTHERS | INNER
    assert {kind.__name__ for kind in public_types()} == named


def test_results_are_shown_by_their_text():
    shown = {kind.__name__ for kind in public_types() if issubclass(kind, Shown)}
    assert shown == RESULTS | ELSEWHERE
    for kind in public_types():
        if issubclass(kind, Shown):
            assert kind.__str__ is not Shown.__str__, kind
            assert kind.__repr__ is Shown.__repr__, f"{kind} needs repr=False"


def rows_for(network, count=24, seed=0):
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, network.n_in))
    return x, random.integers(0, network.n_out, size=count)


def large_values():
    """Yield results about a network of 784-256-256-10."""
    network = chainrule.Network.of_widths([784, 256, 256, 10])
    x, y = rows_for(network)
    loss = "categorical_cross_entropy"
    yield from chainrule.steps(network, x, y, loss=loss, batch_size=12)
    for epoch in chainrule.train(network, x, y, loss=loss, epochs=1):
        yield epoch
    subject = Subject.of(chainrule.Objective(network, loss), network.start(0), x, y)
    explanation = chainrule.explain((network, epoch.parameters), x, y, loss=loss)
    yield from (subject, gradient_noise(subject, (4, 8), draws=2), explanation.health())
    yield from (explanation.weight(1, 3, 5), explanation.check(n=3), network)
    yield chainrule.activations


def small_values():
    """Yield reports, which train."""
    network = chainrule.Network.of_widths([2, 8, 2], "tanh")
    x, _ = rows_for(network, 90)
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    explanation = chainrule.explain((network, network.start(0)), x, y, optimizer="adam")
    yield explanation.learning_rates(steps=20)
    far = chainrule.explain((network, network.start(0)), x * [1.0, 1000.0], y)
    yield from (far.health(), far.health().findings[0])
    yield explanation.batch_sizes(batch_sizes=(8, 16, 32), repeats=1)
    yield explanation.report()
    yield Outcome({"l2": 0.1}, losses=[2.0, 1.0])
    model = chainrule.MLPRegressor(
        hidden_layer_sizes=(4,), max_iter=30, tol=1e9, n_iter_no_change=2
    )
    model.fit(x, x @ [1.0, 2.0])
    yield model.explain(x, x @ [1.0, 2.0]).report()
    yield model.objective_.loss.target_scale.of(x)


def held(value, found):
    """Collect what a value holds: every object of the package, by the name of its type."""
    if isinstance(value, list | tuple):
        for one in value:
            held(one, found)
    kind = type(value)
    if not kind.__module__.startswith("chainrule") or id(value) in found:
        return
    found[id(value)] = value
    if isinstance(value, Catalogue | Formula):
        return
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            if not field.name.startswith("_"):
                held(getattr(value, field.name), found)
    for name in ("tree", "check", "update", "parts", "symbol", "best_parameters", "all_findings"):
        if hasattr(kind, name) and not callable(getattr(kind, name)):
            held(getattr(value, name), found)


@pytest.fixture(scope="module")
def values():
    found = {}
    for value in (*large_values(), *small_values()):
        held(value, found)
    return list(found.values())


def names_of(value):
    return {kind.__name__ for kind in type(value).__mro__}


@pytest.mark.slow
def test_every_type_is_among_the_values(values):
    known = set().union(*map(names_of, values))
    assert known >= (RESULTS | DESCRIPTIONS) - UNSEEN


class TagsClose(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def assert_well_formed(html):
    parser = TagsClose()
    parser.feed(html)
    parser.close()
    assert not parser.open


@pytest.mark.slow
def test_all_are_short_at_a_prompt_and_well_formed_in_a_notebook(values):
    for value in values:
        text = repr(value)
        name = type(value).__name__
        assert text, name
        assert len(text) < 1000, (name, text)
        assert text.count("\n") <= 11, (name, text)
        assert "array(" not in text, (name, text)
        assert "chainrule." not in text, (name, text)
        if isinstance(value, Shown):
            assert str(value).startswith(text.removesuffix("...").rstrip("\n")), name
            html = value._repr_html_()
            if html is not None:
                assert_well_formed(html)


def test_texts_are_escaped():
    class Inequality(Shown):
        def __str__(self):
            return "1 < 2 & <b>bold</b>"

    html = Inequality()._repr_html_()
    assert "1 &lt; 2 &amp; &lt;b&gt;" in html
    assert_well_formed(html)


def test_long_sentences_are_folded_in_a_notebook_and_tables_are_not():
    class Mixed(Shown):
        def __str__(self):
            return "word " * 40 + "\n" + "cell  " * 40

    lines = Mixed()._repr_html_().splitlines()
    assert len(lines) == 3
    assert len(lines[1]) <= 110
    assert lines[2].count("cell") == 40


def test_long_texts_are_cut_at_lines():
    text = "\n".join(f"line {number} {'.' * 150}" for number in range(30))
    cut = first_lines(text)
    assert len(cut) < 1000
    assert cut.endswith("\n...")
    assert all(line in text for line in cut.splitlines()[:-1])
    assert first_lines("short") == "short"
    assert first_lines("x" * 2000) == "x" * 900 + "..."


@pytest.mark.parametrize("width", [1, 784])
def test_a_layer_and_a_network_stay_one_call(width):
    assert repr(Dense(width, 2)) == f"Dense({width}, 2, 'linear')"


def test_a_scale_of_many_targets_is_one_short_line():
    for kind in TargetScale.__subclasses__():
        scale = kind.of(np.random.default_rng(0).uniform(1.0, 2.0, size=(5, 3000)))
        assert len(repr(scale)) < 300
        assert "\n" not in repr(scale)
