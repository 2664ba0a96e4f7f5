"""The text of a formula's graph, by which its machine code is found again."""

from chainrule import activations
from chainrule.engines.compiled.passes import activation_passes
from chainrule.engines.compiled.target import host_target
from chainrule.tracing.expressions import Graph, described
from chainrule.tracing.symbols import FormulaNamespace


def text(formula):
    graph = Graph()
    xp, z = FormulaNamespace(graph), graph.input("z")
    return described([formula(xp, z)])


def test_the_same_formula_has_one_text():
    assert text(lambda xp, z: xp.exp(z) / (1.0 + xp.exp(z))) == text(
        lambda xp, z: xp.exp(z) / (1.0 + xp.exp(z))
    )


def test_other_formulas_have_other_texts():
    formulas = (
        lambda xp, z: z,
        lambda xp, z: xp.exp(z),
        lambda xp, z: 1.0 - z,
        lambda xp, z: z - 1.0,
        lambda xp, z: z - 1.0000000000000002,
        lambda xp, z: z - 0.0,
        lambda xp, z: z - -0.0,
        lambda xp, z: xp.sum(z, axis=-1, keepdims=True),
        lambda xp, z: xp.where(z > 0.0, z, 0.0),
        lambda xp, z: xp.where(z >= 0.0, z, 0.0),
    )
    assert len(set(map(text, formulas))) == len(formulas)


def test_every_activation_has_a_text_of_its_own():
    texts = {}
    for name in activations:
        texts.setdefault(text(activations.get(name).value), []).append(name)
    assert len(texts) == len(activations)


def test_code_in_a_cache_is_not_written_again(monkeypatch):
    target = host_target()
    activation_passes.cache_clear()
    activation_passes(activations.get("relu"), target, 4)
    monkeypatch.setattr("chainrule.engines.compiled.passes.activation_module", None)
    activation_passes.cache_clear()
    activation_passes(activations.get("relu"), target, 4)
