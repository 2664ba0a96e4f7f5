"""Networks of every activation and loss answer the same in ONNX Runtime and in C."""

import numpy as np
import pytest

from chainrule.exports.c_file import c_files
from chainrule.exports.onnx_file import onnx_model

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
    from chainrule import activations, losses

    assert {network.loss for network in networks} == set(losses)
    used = {layer.activation.name for one in networks for layer in one.network.layers}
    assert used == set(activations)
