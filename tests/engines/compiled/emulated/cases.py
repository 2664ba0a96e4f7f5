"""Answers of the compiled engine for cases that use every kernel and every activation.

    python cases.py FLOAT FILE

writes those of 64-bit ARM, emulated, to FILE. To be run with an unlimited stack.
"""

import importlib.util
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import scipy.sparse

from chainrule import Dense, Network, activations, optimizers
from chainrule.engines.compiled.engine import CompiledEngine
from chainrule.engines.compiled.target import Target
from chainrule.engines.engine import Rows

HERE = Path(__file__).parent
# widths, loss, rule, and the price of the objective; the third and the fourth have sparse rows
TRAINED = (
    ((5, 20, 7, 3), "categorical_cross_entropy", ("sgd", {"momentum": 0.9}), {"l2": 0.01}),
    ((9, 33, 1), "binary_cross_entropy", ("adam", {}), {"dropout": 0.4, "l1": 0.001}),
    ((40, 18, 2), "mse", ("adamw", {"clip_norm": 0.1}), {}),
    ((60, 70, 5), "poisson", ("rmsprop", {}), {}),
    ((3, 130, 6), "huber", ("sgd", {"nesterov": True, "momentum": 0.9}), {"weighted": True}),
)
SPARSE = (2, 3)
ROWS, BATCH = 70, 32


def module(name: str, path: Path):
    spec = importlib.util.spec_from_file_location(name, path)
    found = importlib.util.module_from_spec(spec)
    sys.modules[name] = found
    spec.loader.exec_module(found)
    return found


def answers(target: Target | None, dtype: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name and the numbers of each answer."""
    problems = module("engine_problems", HERE.parents[1] / "problems.py")
    for number, (widths, loss, (name, numbers), price) in enumerate(TRAINED):
        objective, rows = problems.problem(widths, loss, ROWS, dtype, seed=number, **price)
        if number in SPARSE:
            kept = np.random.default_rng(number).random(rows.x.shape) < 0.1
            rows = Rows(scipy.sparse.csr_array(rows.x * kept), rows.y, rows.weight)
        rule = optimizers.get(name, **numbers)
        engine = CompiledEngine(objective, rule, 1, target=target)
        start = problems.position(objective.network, rule, dtype)
        order = np.random.default_rng(number).permutation(ROWS)
        reached, (totals,) = problems.run(engine, rows, start, order, BATCH)
        yield f"trained {number}", reached.vector
        yield f"slots {number}", np.array(reached.slots)
        yield f"loss {number}", np.array([totals.loss, engine.loss(reached.vector, rows)])
        yield f"scores {number}", engine.scores(reached.vector, rows.x)
    every = sorted(set(activations) - {"linear"})
    for first in range(0, len(every), 5):
        some = every[first : first + 5]
        widths = (8, *(12, 7, 16, 9, 5)[: len(some)])
        pairs = zip(some, pairwise(widths), strict=True)
        layers = [Dense(n_in, n_out, name) for name, (n_in, n_out) in pairs]
        network = Network(*layers)
        objective, rows = problems.problem((8, network.n_out), "mse", ROWS, dtype, seed=first)
        objective = type(objective).with_strengths(network, "mse")
        engine = CompiledEngine(objective, optimizers.get("sgd"), 1, target=target)
        vector = network.start(first, dtype).vector
        loss, gradient = engine.gradient(vector, rows)
        yield f"gradient of {', '.join(some)}", np.r_[loss, gradient]


if __name__ == "__main__":
    processor = module("emulated_processor", HERE / "processor.py")
    with tempfile.TemporaryDirectory() as place:
        processor.install(Path(place))
        found = dict(answers(processor.NEON, sys.argv[1]))
        assert processor.EmulatedCode.runs > len(found) // 2
    np.savez(sys.argv[2], **found)
