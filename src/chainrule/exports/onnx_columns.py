"""The columns of a raw table as inputs of an ONNX graph, and features as nodes."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.exports.columns import ABSENT, UNKNOWN, Code, DatePart
from chainrule.exports.onnx_dates import date_parts
from chainrule.exports.onnx_graph import OnnxGraph
from chainrule.exports.program import Member, Program
from chainrule.foundation.errors import InputError

__all__ = ["raw_inputs", "raw_row", "with_features"]

DOUBLE = np.dtype(np.float64)


def raw_inputs(program: Program, onnx: Any) -> list[Any]:
    """Return the inputs of a graph, one for each column of the table."""
    if any(not one.name for one in program.sources):
        raise InputError(
            "a column must have a name to be an input of ONNX; got ''. Name it, and fit again."
        )
    kinds = {"number": onnx.TensorProto.DOUBLE}
    text = onnx.TensorProto.STRING
    return [
        onnx.helper.make_tensor_value_info(
            one.name, kinds.get(one.kind, text), ["rows", 1], one.words
        )
        for one in program.sources
    ]


def raw_row(graph: OnnxGraph, program: Program) -> str:
    """Add the cells of a raw row, and return the name of the numbers (rows, n_cells)."""
    cells = []
    dates: dict[tuple[str, str], dict[str, str]] = {}
    for cell in program.cells:
        if isinstance(cell, Code):
            cells.append(_code(graph, cell))
        elif isinstance(cell, DatePart):
            key = (cell.column, cell.written)
            if key not in dates:
                dates[key] = date_parts(graph, cell.column, cell.column, cell.written)
            cells.append(dates[key][cell.part])
        else:
            cells.append(cell.column)
    return graph.add("Concat", *cells, hint="cells", axis=1)


def _code(graph: OnnxGraph, cell: Code) -> str:
    onnx = graph.onnx
    make, texts = onnx.helper.make_tensor, [*(one.encode() for one in cell.levels), b""]
    numbers = [*map(float, range(len(cell.levels))), float(ABSENT)]
    kind, size = onnx.TensorProto, [len(texts)]
    return graph.add(
        "LabelEncoder",
        cell.column,
        hint=f"{cell.column} level",
        domain="ai.onnx.ml",
        keys_tensor=make("keys", kind.STRING, size, texts),
        values_tensor=make("values", kind.DOUBLE, size, numbers),
        default_tensor=make("default", kind.DOUBLE, [1], [float(UNKNOWN)]),
    )


def with_features(graph: OnnxGraph, member: Member, row: str, dtype: np.dtype[Any]) -> str:
    """Add the features of a network, and return the name of its inputs."""
    blocks: list[str] = []
    order: list[int] = []
    for features in member.features:
        places = graph.constant(np.array(features.cells, np.int64), "cells of features")
        z = graph.add("Gather", row, places, hint=f"{features.name} cells", axis=1)
        width = len(features.places)
        blocks.append(
            graph.graph_of(features.traced, z, width, DOUBLE, features.vectors, features.name)
        )
        order += features.places
    x = graph.add("Concat", *blocks, hint="features", axis=1) if len(blocks) > 1 else blocks[0]
    if order != list(range(len(order))):
        place = graph.constant(np.argsort(order).astype(np.int64), "order of features")
        x = graph.add("Gather", x, place, hint="features", axis=1)
    # a feature is written in single precision, whatever the network computes in
    x = graph.cast(x, np.dtype(np.float32), "features")
    return x if dtype == np.float32 else graph.cast(x, dtype, "features")
