"""Networks of every activation and loss answer the same in ONNX Runtime and in C."""

import numpy as np
import pytest

from chainrule import Dense, Network, activations, losses
from chainrule.exports.c_file import c_files
from chainrule.exports.networks import layer_steps
from chainrule.exports.onnx_file import onnx_model
from chainrule.exports.program import Member, Program

# every activation, every loss and both dtypes; all pairs are in benchmarks/exports.py
SOME = [*range(0, 104, 9), *range(104, 208, 9)]
FEW = SOME[::6]


def check(running, network, found):
    rows = np.concatenate([network.x, network.extremes()])
    wanted = network.answers(rows)
    assert running.worst(found(rows), wanted, network.sizes(rows)) < network.tolerance


@pytest.mark.parametrize("number", SOME)
def test_onnx(number, drawn, running):
    if not running.HAS_RUNTIME:
        pytest.skip("onnxruntime is not installed")
    network = drawn.Drawn(number)
    model = onnx_model(network.program)
    check(running, network, lambda rows: running.onnx_answers(model, rows)["prediction"])


@pytest.mark.grid(5)
@pytest.mark.parametrize("name", ["gcc", "clang"])
@pytest.mark.parametrize("number", FEW)
def test_c(number, name, drawn, running, tmp_path):
    if not running.has(name):
        pytest.skip(f"there is no {name}")
    network = drawn.Drawn(number)
    files = c_files(network.program)
    check(running, network, lambda rows: running.c_answers(tmp_path, files, name, rows))


def test_some_networks_have_every_formula(drawn):
    networks = [drawn.Drawn(number) for number in SOME]
    assert {network.loss for network in networks} == set(losses)
    used = {layer.activation.name for one in networks for layer in one.network.layers}
    assert used == set(activations)


@pytest.mark.parametrize("name", [name for name in activations if activations[name].onnx])
def test_an_operator_of_onnx_is_the_formula_everywhere(name, running):
    if not running.HAS_RUNTIME:
        pytest.skip("onnxruntime is not installed")
    record = activations[name]
    network = Network(Dense(1, 1, record, bias=False))
    steps = layer_steps(network, network.parameters(np.ones(1, np.float32)))
    model = onnx_model(Program(name, (Member(tuple(steps)),), np.dtype(np.float32), n_in=1))
    assert record.onnx.startswith(model.graph.node[1].op_type)
    ends = [1e30, -1e30, 1e-38, -1e-38, 0.0, -0.0, np.inf, -np.inf, np.nan]
    z = np.array([*ends, *np.linspace(-100.0, 100.0, 2001)], np.float32)[:, None]
    found = running.onnx_answers(model, z)["prediction"]
    assert running.worst(found, record(z)) < 1e-6
