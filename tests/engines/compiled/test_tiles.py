"""Register tiles: their shapes, and the assembly that comes of them on 512-bit vectors."""

import importlib.util
import re
from dataclasses import replace
from pathlib import Path

import llvmlite.binding as llvm
import pytest

from chainrule.engines.compiled.matrix_registers import _squares
from chainrule.engines.compiled.target import Target, host_target
from chainrule.engines.compiled.tiles import _tile
from chainrule.engines.compiled.writing import Module

WIDE = Target("sapphirerapids", "", 64, 32, "x86_64-unknown-linux-gnu")
NARROW = (
    Target("haswell", "", 32, 16, "x86_64-unknown-linux-gnu"),
    Target("neoverse-n1", "", 16, 32, "aarch64-unknown-linux-gnu"),
    Target("apple-m1", "", 16, 32, "arm64-apple-macosx"),
)
SHAPES = [
    (itemsize, vectors, down)
    for itemsize in (4, 8)
    for vectors in range(1, WIDE.panel_vectors + 1)
    for down in (False, True)
]


@pytest.mark.parametrize("itemsize", [4, 8])
@pytest.mark.parametrize(("vector_bytes", "registers"), [(16, 16), (16, 32), (32, 16), (64, 32)])
def test_shapes_fit_the_registers(vector_bytes, registers, itemsize):
    target = Target("", "", vector_bytes, registers)
    for vectors in range(1, target.panel_vectors + 1):
        rows = target.tile_rows(vectors, itemsize)
        assert rows * vectors + vectors + 1 <= registers


def test_two_wide_vectors_have_eleven_rows_of_floats_and_ten_of_doubles():
    assert [WIDE.tile_rows(2, itemsize) for itemsize in (4, 8)] == [11, 10]
    neon = Target("", "", 16, 32)
    assert [neon.tile_rows(2, itemsize) for itemsize in (4, 8)] == [12, 12]


def stack_accesses(rows, vectors, itemsize, down, target=WIDE, pairs=False):
    """Return how many instructions of each inner loop of a tile touch the stack."""
    module = Module("tile", target, itemsize)
    _tile(module, rows, vectors, down, pairs).ir.linkage = "external"
    return [sum("(%rsp)" in one or "[sp" in one for one in loop) for loop in loops(module, target)]


def loops(module, target):
    """Return the instructions of the inner loops of a module."""
    options = llvm.create_pipeline_tuning_options(2)
    options.loop_vectorization = options.slp_vectorization = False
    machine = target.new_machine()  # it belongs to this test alone
    builder = llvm.create_pass_builder(machine, options)
    parsed = llvm.parse_assembly(str(module))
    builder.getModulePassManager().run(parsed, builder)
    lines = [line.strip() for line in machine.emit_assembly(parsed).splitlines()]
    labels = {line[:-1]: at for at, line in enumerate(lines) if re.fullmatch(r"\.?L\w+:", line)}
    found = []
    for at, line in enumerate(lines):
        jump = re.fullmatch(r"(?:j\w+|b\.\w+|cbn?z\s+\w+,)\s+(\.?L\w+)", line)
        if jump and labels.get(jump[1], at) < at:
            found.append(lines[labels[jump[1]] : at])
    assert found, "no loop found in the assembly"
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("itemsize", "vectors", "down"), SHAPES)
def test_tiles_of_wide_vectors_do_not_spill(itemsize, vectors, down):
    for rows in range(1, WIDE.tile_rows(vectors, itemsize) + 1):
        # 12 rows of one vector keep one pointer on the stack, beside 24 products
        assert max(stack_accesses(rows, vectors, itemsize, down)) <= (vectors == 1)


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("vectors", range(1, WIDE.panel_vectors + 1))
def test_tiles_of_pairs_do_not_spill(vectors, down):
    target = replace(WIDE, features="+avx512bf16,+avx512vl")
    rows = WIDE.tile_rows(vectors, 4)
    assert max(stack_accesses(rows, vectors, 4, down, target, pairs=True)) <= (vectors == 1)


def test_one_row_more_would_spill():
    assert max(stack_accesses(12, 2, 4, False)) > 10
    assert max(stack_accesses(11, 2, 8, False)) > 10


@pytest.mark.slow
@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("itemsize", [4, 8])
@pytest.mark.parametrize("target", NARROW, ids=lambda target: target.cpu)
def test_tiles_of_narrow_vectors_do_not_spill(target, itemsize, down):
    for vectors in range(1, target.panel_vectors + 1):
        for rows in range(1, target.tile_rows(vectors, itemsize) + 1):
            # one pointer at most, beside the products of two steps along k
            assert max(stack_accesses(rows, vectors, itemsize, down, target)) <= 2


def test_the_benchmark_of_the_peak_runs_the_engines_tile():
    path = Path(__file__).parents[3] / "benchmarks" / "peak.py"
    spec = importlib.util.spec_from_file_location("peak", path)
    peak = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(peak)
    assert peak.rate(host_target(), 1, runs=1) > 0.0


@pytest.mark.parametrize(("rows", "columns"), [(4, 1), (3, 2), (1, 3), (2, 3)])
def test_matrix_registers_hold_all_sums_of_a_loop(rows, columns):
    target = replace(WIDE, features="+avx512bf16,+avx512vl,+amx-tile,+amx-bf16")
    module = Module("squares", target, 4)
    _squares(module, rows, columns).ir.linkage = "external"
    (loop,) = loops(module, target)
    products = [line for line in loop if line.startswith("tdpbf16ps")]
    assert len({line.rsplit(",", 1)[1] for line in products}) == len(products) == rows * columns
    # each column of B once, and each row of A but the one that is there already
    loads = sum(line.startswith("tileload") for line in loop)
    assert loads == columns + rows + (columns - 1) * (rows - 1)
    assert not any("tilestore" in line or ("%tmm" in line and "(%rsp)" in line) for line in loop)
