"""The clock of a measurement changes no number, and is read after every part."""

import platform

import numpy as np
import pytest

from chainrule import optimizers
from chainrule.engines.compiled.engine import CompiledEngine
from chainrule.engines.compiled.kernel_code import Kernels
from chainrule.engines.compiled.parts import Part, TimedPart
from chainrule.engines.compiled.target import host_target

WIDTHS, ROWS, BATCH = (5, 12, 7, 3), 40, 16


@pytest.mark.slow
@pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="the clock is that of x86"
)
def test_a_clock_changes_nothing(problems):
    objective, rows = problems.problem(
        WIDTHS, "categorical_cross_entropy", ROWS, "float32", "relu", dropout=0.2
    )
    rule, order = optimizers.get("adam"), np.arange(ROWS)
    kernels = Kernels.of(host_target(), 4, timed=True)
    ends = []
    for timed in (False, True):
        engine = CompiledEngine(objective, rule, 1)
        engine.prepare("float32")
        if timed:
            engine._code["f"] = engine._code["f"]._replace(kernels=kernels)
        start = problems.position(objective.network, rule, "float32")
        ends.append(problems.run(engine, rows, start, order, BATCH)[0].vector)
    assert ends[0].tobytes() == ends[1].tobytes()

    table = kernels.parts()
    steps, layers = 3, len(WIDTHS) - 1
    readings = table[:, TimedPart.readings]
    assert (table[:, TimedPart.ticks] > 0).all()
    assert readings[Part.forward] == readings[Part.pullback] == steps * layers
    assert readings[Part.input_gradient] == steps * (layers - 1)
    assert readings[Part.gather] == readings[Part.targets] == readings[Part.loss] == steps
    assert readings[Part.dropout] == 2 * steps * (layers - 1)
    assert readings[Part.weight_gradient] == readings[Part.transpose] == steps * layers
