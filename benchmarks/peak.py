"""The tile peak: the rate of the engine's register tiles on data that stays in the first cache."""

import ctypes
import time

import numpy as np
from llvmlite import ir

from chainrule.engines.compiled.machine_code import ModuleSource, load
from chainrule.engines.compiled.target import Target, host_target
from chainrule.engines.compiled.tiles import _tile
from chainrule.engines.compiled.values import function, pointer, whole


def tile_peak() -> float:
    """Return GFLOP/s of one core, float32: the fastest of the tiles that the engine uses."""
    target = host_target()
    return max(_rate(target, vectors) for vectors in range(1, target.panel_vectors + 1))


def _rate(target: Target, vectors: int) -> float:
    """Return GFLOP/s of the highest tile of so many vectors that the engine uses."""
    lanes, rows, depth, repeats = target.lanes(4), target.tile_rows(vectors, 4), 256, 2000

    def build() -> ir.Module:
        module = ir.Module("peak")
        tile = _tile(module, target, ir.FloatType(), rows, vectors, False)
        code = function(module, "run", [whole, whole, pointer, pointer, pointer], inner=False)
        count, k, a, b, out = code.arguments
        with code.loop(0, count):
            code.call(tile, k, a, k, b, 0, b, 0, out, vectors * lanes)
        code.end()
        return module

    address = load(ModuleSource(target, "peak", str(build()), build)).address("run")
    kinds = [*[ctypes.c_int64] * 2, *[ctypes.c_void_p] * 3]
    run = ctypes.CFUNCTYPE(None, *kinds)(address)
    a = np.zeros(16 * depth, np.float32)
    b = np.zeros(depth * 4 * lanes, np.float32)
    out = np.zeros(4096, np.float32)
    best = float("inf")
    for _ in range(30):
        began = time.perf_counter()
        run(repeats, depth, a.ctypes.data, b.ctypes.data, out.ctypes.data)
        best = min(best, time.perf_counter() - began)
    return 2 * repeats * depth * rows * vectors * lanes / best / 1e9
