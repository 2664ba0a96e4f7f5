"""A graph gives the numbers of its formula, so a wrong number beyond it is emission or a kernel."""

import subprocess
import sys

import numpy as np
import pytest

from chainrule import optimizers
from chainrule.formulas.loss import losses
from chainrule.formulas.penalties import penalties
from chainrule.formulas.records import activations
from chainrule.foundation.arrays import namespace
from chainrule.tracing import formulas
from chainrule.tracing.interpreter import interpreted

RANDOM = np.random.default_rng(0)
# rounding of the functions that a graph writes out: powers, and logarithms of sums
CLOSE = {"rtol": 1e-14, "atol": 1e-15}
EDGES = np.array([[-1e3, -30.0, -1.0, -1e-9, -0.0, 0.0, 1e-9, 1.0, 30.0, 1e3]])
ROWS = {"usual": RANDOM.normal(size=(7, 4)), "wide": 20.0 * RANDOM.normal(size=(7, 4))}
ROWS["edges"] = EDGES
XP = namespace(EDGES)


def quiet(formula, *arguments):
    with np.errstate(all="ignore"):
        return formula(XP, *arguments)


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("name", activations)
def test_activations_and_their_pullbacks(name, rows):
    record, da = activations[name], RANDOM.normal(size=rows.shape)
    a = quiet(record.value, rows)
    (found,) = interpreted(formulas.activation_graph(record), {"z": rows})
    np.testing.assert_allclose(np.broadcast_to(found, a.shape), a, **CLOSE)
    (found,) = interpreted(formulas.pullback_graph(record), {"z": rows, "a": a, "da": da})
    np.testing.assert_allclose(found, quiet(record.pullback, rows, a, da), **CLOSE)


def targets(loss, shape):
    if losses[loss].rowwise:
        return np.eye(shape[1])[RANDOM.integers(0, shape[1], shape[0])]
    low, high = losses[loss].domain
    y = RANDOM.normal(size=shape)
    return (y > 0.0).astype(float) if np.isfinite(high) else np.abs(y) if low == 0.0 else y


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("name", losses)
def test_losses_their_gradients_and_links(name, rows):
    record, y = losses[name], targets(name, rows.shape)
    weight = np.arange(float(len(rows)))[:, None]  # that of the first row is 0
    weight = weight + (len(rows) == 1)
    inputs = {"s": rows, "y": y, "w": weight, "divisor": 3.0}
    value, gradient = interpreted(formulas.loss_graph(record), inputs)
    true = quiet(record.rows, rows, y)[:, None] * weight
    np.testing.assert_allclose(np.where(weight > 0.0, true, 0.0), value, **CLOSE)
    true = quiet(record.rows_gradient, rows, y) * weight / 3.0
    np.testing.assert_allclose(np.where(weight > 0.0, true, 0.0), gradient, **CLOSE)
    (link,) = interpreted(formulas.link_graph(record), {"z": rows})
    np.testing.assert_allclose(link, quiet(record.mean, rows), **CLOSE)


@pytest.mark.parametrize("name", penalties)
def test_penalties(name):
    w, g = RANDOM.normal(size=(2, 3, 5))
    w[0, 0] = 0.0
    record = penalties.get(name, strength=0.3)
    for mask in (0.0, 1.0):
        inputs = {"slot0": w, "g": g, "mask": mask}
        found, same = interpreted(formulas.collection_graph((record,)), inputs)
        np.testing.assert_allclose(found, g + mask * record.gradient(XP, w), **CLOSE)
        np.testing.assert_array_equal(same, w)


RULES = {
    **{name: optimizers[name] for name in optimizers},
    "nesterov": optimizers.get("sgd", momentum=0.9, nesterov=True),
    "decayed": optimizers.get("rmsprop", weight_decay=0.3),
    "averaged": optimizers.get("adamw", averaging=0.9),
}


@pytest.mark.parametrize("prices", [(), (penalties.get("l2", strength=0.2),)], ids=["", "l2"])
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_updates(rule, prices):
    p, g = RANDOM.normal(size=(2, 1, 12))
    slots = [np.abs(RANDOM.normal(size=p.shape)) for _ in rule.memory]
    rate, step = 0.05, 3
    numbers = rule.numbers(rate, step)
    for mask in (0.0, 1.0):
        inputs = {"p": p, "g": g, "mask": mask}
        inputs |= {f"slot{number}": slot for number, slot in enumerate(slots)}
        graph = formulas.update_graph(rule, prices)
        found = interpreted(graph, inputs, constants=np.array([rate, *numbers]))
        priced = g + mask * sum(price.gradient(XP, p) for price in prices)
        decayed = p * (1.0 - rate * rule.weight_decay * mask)
        true = rule.update(XP, numbers, decayed, priced, *slots)
        for one, other in zip(found, true, strict=True):
            np.testing.assert_allclose(one, other, **CLOSE)


def test_sums():
    p, g = RANDOM.normal(size=(2, 1, 12))
    (found,) = interpreted(formulas.accumulation_graph(), {"p": p, "g": g})
    np.testing.assert_array_equal(found, p + g)


@pytest.mark.slow
def test_tracing_needs_no_compiler():
    """Exporters use graphs where LLVM is absent."""
    code = (
        "import sys; sys.modules['llvmlite'] = None; import chainrule\n"
        "from chainrule.tracing.formulas import activation_graph\n"
        "print(activation_graph(chainrule.activations.relu).is_copy)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
