"""The tile peak: the rate of the engine's register tiles on data that stays in the first cache."""

import time

import numpy as np

from chainrule.engines.compiled.kinds import NUMBERS, Address, Signature, whole
from chainrule.engines.compiled.machine_code import ModuleSource, load
from chainrule.engines.compiled.target import Target, host_target
from chainrule.engines.compiled.tiles import _tile
from chainrule.engines.compiled.writing import Module, function


def tile_peak() -> float:
    """Return GFLOP/s of one core, float32: the fastest of the tiles that the engine uses."""
    target = host_target()
    return max(rate(target, vectors) for vectors in range(1, target.panel_vectors + 1))


def rate(target: Target, vectors: int, runs: int = 30) -> float:
    """Return GFLOP/s of the highest tile of so many vectors that the engine uses."""
    lanes, rows, depth, repeats = target.lanes(4), target.tile_rows(vectors, 4), 256, 2000

    numbers = Address(NUMBERS)
    signature = Signature(count=whole, k=whole, a=numbers, b=numbers, out=numbers)

    def build() -> Module:
        module = Module("peak", target, 4)
        tile = _tile(module, rows, vectors, down=False, pairs=False)
        code = function(module, "run", signature, inner=False)
        count, k, a, b, out = code.arguments("count", "k", "a", "b", "out")
        with code.loop(0, count):
            code.call(
                tile,
                k=k,
                a=a,
                a_step=k,
                b=b,
                b_step=0,
                init=b,
                init_row=0,
                c=out,
                c_row=vectors * lanes,
            )
        code.end()
        return module

    code = load(ModuleSource(target, "peak", str(build()), build))
    run = code.entry("run", signature).function()
    a = np.zeros(16 * depth, np.float32)
    b = np.zeros(depth * 4 * lanes, np.float32)
    out = np.zeros(4096, np.float32)
    best = float("inf")
    for _ in range(runs):
        began = time.perf_counter()
        run(repeats, depth, a.ctypes.data, b.ctypes.data, out.ctypes.data)
        best = min(best, time.perf_counter() - began)
    return 2 * repeats * depth * rows * vectors * lanes / best / 1e9
