"""A program as an ONNX model: one graph from the inputs of rows to labels and answers."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from chainrule.exports.onnx_columns import raw_inputs, raw_row, with_features
from chainrule.exports.onnx_graph import OnnxGraph, onnx_of
from chainrule.exports.program import (
    Affine,
    Branch,
    Formula,
    InDtype,
    Labels,
    Pick,
    Program,
    Step,
    check_finite,
    width_after,
)
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.files import write_whole
from chainrule.foundation.version import __version__

__all__ = ["OPSETS", "onnx_model", "write_onnx"]

# Versions of the operators, and of the file format: those of onnx 1.15.
OPSETS = {"": 20, "ai.onnx.ml": 4}
IR_VERSION = 9
# Protocol buffers hold less than 2 GiB.
MOST_BYTES = 2**31 - 2**20


def onnx_model(program: Program) -> Any:
    """Return a program as an ``onnx.ModelProto``.

    Its inputs are ``x`` (rows, n_in), or one (rows, 1) for each column of a table; its outputs are
    ``prediction`` (rows, n_out), or ``label`` (rows,) and ``probabilities`` (rows, n_classes), and
    one for each branch. An output is called ``label_2`` where a column of the table is called
    ``label``.

    Raises
    ------
    InputError
        If a weight is not finite, or ONNX cannot express something; the message names it.
    """
    onnx = onnx_of()
    check_finite(program)
    graph = OnnxGraph()
    inputs = raw_inputs(program, onnx) if program.sources else _plain_input(program, onnx)
    for one in inputs:
        graph.reserve(one.name)
    answers = ["prediction"] if program.labels is None else ["label", "probabilities"]
    names = [graph.named(name) for name in (*answers, *(one.name for one in program.branches))]
    mean, dtype = _mean(graph, program)
    answer = _steps(graph, program.after, mean, program.mean_width, dtype)[0]
    kind = onnx.helper.np_dtype_to_tensor_dtype(program.answer_dtype)
    found = [(answer, kind, ["rows", program.n_out])]
    if program.labels is not None:
        found = [_label(graph, onnx, program.labels, answer, program), *found]
    for branch in program.branches:
        inner = _steps(graph, branch.steps, mean, program.mean_width, dtype)[0]
        found.append((_shaped(graph, inner, branch), kind, ["rows", *branch.shape]))
    outputs = []
    for name, (inner, elements, shape) in zip(names, found, strict=True):
        graph.nodes.append(onnx.helper.make_node("Identity", [inner], [name], name=f"{name} out"))
        outputs.append(onnx.helper.make_tensor_value_info(name, elements, shape))
    nodes, constants = graph.needed(names)
    if sum(one.ByteSize() for one in constants) > MOST_BYTES:
        raise must_be("the model", "of less than 2 GiB for one ONNX file", "a larger one")
    whole = onnx.helper.make_graph(nodes, "chainrule", inputs, outputs, constants)
    model = onnx.helper.make_model(
        whole,
        producer_name="chainrule",
        producer_version=__version__,
        doc_string=program.title,
        ir_version=IR_VERSION,
        opset_imports=[onnx.helper.make_opsetid(name, number) for name, number in OPSETS.items()],
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def write_onnx(program: Program, path: str | os.PathLike[str]) -> Any:
    """Write a program as an ONNX file, whole or not at all; return the model."""
    model = onnx_model(program)
    contents = model.SerializeToString()
    write_whole(path, lambda file: file.write(contents))
    return model


def _plain_input(program: Program, onnx: Any) -> list[Any]:
    words = f"inputs {', '.join(program.input_names)}" if program.input_names else "inputs"
    kind = onnx.helper.np_dtype_to_tensor_dtype(program.dtype)
    return [onnx.helper.make_tensor_value_info("x", kind, ["rows", program.n_in], words)]


def _mean(graph: OnnxGraph, program: Program) -> tuple[str, np.dtype[Any]]:
    """Add all networks, and return the name and the dtype of their mean."""
    row = raw_row(graph, program) if program.sources else "x"
    answers = []
    for member in program.members:
        x = with_features(graph, member, row, program.dtype) if member.features else row
        found, dtype = _steps(graph, member.steps, x, member.n_in, program.dtype)
        if len(program.members) > 1:
            share = graph.constant(np.asarray(member.share, dtype), "share")
            found = graph.add("Mul", found, share, hint="part")
        answers.append(found)
    return graph.add("Sum", *answers, hint="mean") if len(answers) > 1 else answers[0], dtype


def _shaped(graph: OnnxGraph, x: str, branch: Branch) -> str:
    """Return the name of an answer of a branch, in its shape."""
    if len(branch.shape) < 2:
        return x
    shape = graph.constant(np.array([0, *branch.shape], np.int64), "shape")
    return graph.add("Reshape", x, shape, hint=branch.name)


def _steps(
    graph: OnnxGraph, steps: tuple[Step, ...], x: str, width: int, dtype: np.dtype[Any]
) -> tuple[str, np.dtype[Any]]:
    """Add steps, and return the name and the dtype of what comes out."""
    for step in steps:
        if isinstance(step, Affine):
            bias = np.zeros(step.weight.shape[1]) if step.bias is None else step.bias
            x = graph.add(
                "Gemm",
                x,
                graph.constant(step.weight.astype(dtype), f"{step.name} weight"),
                graph.constant(bias.astype(dtype), f"{step.name} bias"),
                hint=step.name,
            )
        elif isinstance(step, Formula):
            x = graph.formula(step, x, width, dtype)
        elif isinstance(step, Pick):
            x = _picked(graph, step, x, dtype)
        elif isinstance(step, InDtype):
            x, dtype = graph.cast(x, step.dtype, str(step.dtype)), step.dtype
        else:
            count = graph.constant(np.array([width], np.int64), "width")
            x = graph.add_several("TopK", (x, count), 2, "sorted", largest=0, sorted=1)[0]
        width = width_after(step, width)
    return x, dtype


def _picked(graph: OnnxGraph, step: Pick, x: str, dtype: np.dtype[Any]) -> str:
    places = np.array([0 if one is None else one for one in step.columns], np.int64)
    found = graph.add("Gather", x, graph.constant(places, "places"), hint="picked", axis=1)
    if None not in step.columns:
        return found
    known = graph.constant(np.array([one is not None for one in step.columns]), "known")
    zero = graph.constant(np.zeros((), dtype), "zero")
    return graph.add("Where", known, found, zero, hint="picked")


def _label(
    graph: OnnxGraph, onnx: Any, labels: Labels, answer: str, program: Program
) -> tuple[str, int, list[Any]]:
    """Add the decision; return the name of the labels, their kind and their shape."""
    whole = onnx.TensorProto.INT64
    if labels.several:
        half = graph.constant(np.asarray(0.5, program.answer_dtype), "half")
        yes = graph.add("Greater", answer, half, hint="yes")
        return graph.cast(yes, np.dtype(np.int64)), whole, ["rows", program.n_out]
    number = graph.add("ArgMax", answer, hint="class", axis=1, keepdims=0)
    classes = _classes(labels)
    found = graph.add("Gather", graph.constant(classes, "classes"), number, hint="labels", axis=0)
    kind = onnx.TensorProto.STRING
    if classes.dtype.kind != "O":
        kind = onnx.helper.np_dtype_to_tensor_dtype(classes.dtype)
    return found, kind, ["rows"]


def _classes(labels: Labels) -> np.ndarray:
    """Return the labels as ONNX can hold them: texts, whole numbers, truths or float64."""
    kinds = {type(one) for one in labels.classes}
    for kind, dtype in ((str, object), (bool, bool), (int, np.int64), (float, np.float64)):
        if kinds == {kind}:
            if kind is str and not all(map(_is_unicode, labels.classes)):
                break
            try:
                return np.array(labels.classes, dtype)
            except OverflowError:
                break
    raise InputError(
        "labels must be all texts, whole numbers of 64 bits, truths or decimals for ONNX; got "
        f"{labels.classes!r}."
    )


def _is_unicode(label: str) -> bool:
    try:
        label.encode()
    except UnicodeEncodeError:
        return False
    return True
