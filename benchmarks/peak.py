"""The tile peak: the rate of the engine's register tile on data that stays in the first cache."""

import ctypes
import time

import numpy as np


def tile_peak() -> float:
    """Return GFLOP/s of one core, float32."""
    from llvmlite import ir

    from chainrule.engines.compiled.machine_code import load
    from chainrule.engines.compiled.target import host_target
    from chainrule.engines.compiled.tiles import _tile
    from chainrule.engines.compiled.values import function, pointer, whole

    target = host_target()
    lanes, rows, depth, repeats = target.lanes(4), target.tile_rows(2), 256, 2000

    def build() -> ir.Module:
        module = ir.Module("peak")
        tile = _tile(module, target, ir.FloatType(), rows, 2, False)
        code = function(module, "run", [whole, whole, pointer, pointer, pointer], inner=False)
        count, k, a, b, out = code.arguments
        with code.loop(0, count):
            code.call(tile, k, a, k, b, 0, b, 0, out, 2 * lanes)
        code.end()
        return module

    address = load(target, str(build()), build).address("run")
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
    return repeats * depth * rows * 2 * lanes * 2 / best / 1e9
