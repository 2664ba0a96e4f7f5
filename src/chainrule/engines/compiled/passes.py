"""Formulas as machine code: a function per formula block, which kernels call by its address.

A formula is traced in every process; the module of its graph is written only where no cache has
the code.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from chainrule.engines.compiled.formula_modules import (
    activation_module,
    loss_module,
    update_module,
)
from chainrule.engines.compiled.kinds import EntryPoint, Signature
from chainrule.engines.compiled.machine_code import MachineCode, ModuleSource, load
from chainrule.engines.compiled.tables import ACTIVATION, LOSS, PULLBACK, UPDATE
from chainrule.engines.compiled.target import Target
from chainrule.formulas.loss import Loss
from chainrule.formulas.optimizers import Optimizer
from chainrule.formulas.penalties import Penalty
from chainrule.formulas.records import Activation
from chainrule.tracing.expressions import all_nodes, described
from chainrule.tracing.formulas import (
    Traced,
    accumulation_graph,
    activation_graph,
    collection_graph,
    link_graph,
    loss_graph,
    pullback_graph,
    update_graph,
)

__all__ = [
    "Pass",
    "accumulation",
    "activation_passes",
    "collection",
    "loss_pass",
    "prediction_pass",
    "update_pass",
]


@dataclass(frozen=True, eq=False)
class Pass:
    """A pass in memory, and the numbers it is called with.

    ``is_copy`` says that it changes nothing, ``reads_z`` that it reads weighted sums, ``rowwise``
    that a number depends on all of its row.
    """

    code: MachineCode
    entry: EntryPoint
    fields: np.ndarray
    is_copy: bool = False
    reads_z: bool = True
    rowwise: bool = False


@lru_cache(maxsize=512)
def activation_passes(record: Activation, target: Target, itemsize: int) -> tuple[Pass, Pass]:
    """Return the passes z -> a and (z, a, da) -> dz of an activation."""
    value, pullback = activation_graph(record), pullback_graph(record)
    forward = _activation(target, itemsize, _title("activation", record), ACTIVATION, value)
    backward = _activation(target, itemsize, _title("pullback", record), PULLBACK, pullback)
    nodes = all_nodes(pullback.outputs)
    reads_z = any(node.op == "input" and node.detail == "z" for node in nodes)
    return replace(forward, is_copy=value.is_copy), replace(backward, reads_z=reads_z)


def _title(role: str, record: Any) -> str:
    """Return the name of a formula's module; a user-defined record may have none of its own."""
    return f"{role} {getattr(record, 'name', type(record).__name__)}"


def _activation(
    target: Target, itemsize: int, title: str, signature: Signature, traced: Traced
) -> Pass:
    def write() -> Any:
        return activation_module(target, itemsize, signature, traced.outputs[0])

    return _finished(target, itemsize, title, signature, traced, write)


@lru_cache(maxsize=64)
def prediction_pass(record: Loss, target: Target, itemsize: int) -> Pass:
    """Return the pass from scores to predictions."""
    link = link_graph(record)
    found = _activation(target, itemsize, _title("link", record), ACTIVATION, link)
    return replace(found, is_copy=link.is_copy, rowwise=bool(link.outputs[0].level))


@lru_cache(maxsize=512)
def loss_pass(record: Loss, target: Target, itemsize: int) -> Pass:
    """Return the pass from scores and targets to row losses w l, and derivatives by the scores."""
    traced = loss_graph(record)

    def write() -> Any:
        return loss_module(target, itemsize, *traced.outputs)

    return _finished(target, itemsize, _title("loss", record), LOSS, traced, write)


@lru_cache(maxsize=512)
def update_pass(
    optimizer: Optimizer, penalties: tuple[Penalty, ...], target: Target, itemsize: int
) -> Pass:
    """Return the pass that moves parameters on: decay, penalties, and the optimizer's step."""
    graph = update_graph(optimizer, penalties)
    return _update(target, itemsize, _title("update", optimizer), graph)


@lru_cache(maxsize=64)
def collection(penalties: tuple[Penalty, ...], target: Target, itemsize: int) -> Pass:
    """Return a pass in place of an update that stores the gradient, penalties included.

    Its slot is the parameters, and stays as it is.
    """
    return _update(target, itemsize, "collection", collection_graph(penalties))


@lru_cache(maxsize=8)
def accumulation(target: Target, itemsize: int) -> Pass:
    """Return a pass in place of an update that adds gradients up."""
    return _update(target, itemsize, "accumulation", accumulation_graph())


def _update(target: Target, itemsize: int, title: str, traced: Traced) -> Pass:
    def write() -> Any:
        return update_module(target, itemsize, list(traced.outputs))

    return _finished(target, itemsize, title, UPDATE, traced, write)


def _finished(
    target: Target,
    itemsize: int,
    title: str,
    signature: Signature,
    traced: Traced,
    write: Callable[[], Any],
) -> Pass:
    """Return the pass of a graph; its module is written only where no cache has the code."""
    graph = described(traced.outputs)
    title = f"{title} float{8 * itemsize}"
    kind = f"pass of ({signature}) in {itemsize} bytes"
    code = load(ModuleSource(target, title, kind, write, graph))
    return Pass(code, code.entry("run", signature), traced.numbers)
