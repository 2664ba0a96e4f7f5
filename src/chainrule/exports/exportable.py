"""The way out of a fitted estimator: as an ONNX model, or as a C file."""

from __future__ import annotations

import os
from typing import Any

from chainrule.exports.c_file import CFiles, c_files
from chainrule.exports.onnx_file import onnx_model, write_onnx
from chainrule.exports.program import Program

__all__ = ["Exportable"]


class Exportable:
    """A fitted estimator that can be written as a program in another language."""

    def _program(self) -> Program:
        """Return the fitted estimator as a program."""
        raise NotImplementedError

    def to_onnx(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Return the fitted estimator as an ONNX model, and write it where a path is given.

        One graph from the inputs of rows to ``prediction``, or to ``label`` and
        ``probabilities``, by operators of opset 20 and of ai.onnx.ml 4. Inputs are ``x``
        (rows, n_features), or one (rows, 1) for each column of a table.

        Parameters
        ----------
        path : path, optional
            A file to write, whole or not at all; an existing one is replaced.

        Raises
        ------
        InputError
            If the package onnx is not installed, a weight is not finite, or something of the model
            cannot be expressed; the message says what.

        Examples
        --------
        >>> from chainrule import MLPRegressor
        >>> model = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs").fit([[0.0], [1.0]], [1, 3])
        >>> graph = model.to_onnx().graph
        >>> [one.name for one in graph.input], [one.name for one in graph.output]
        (['x'], ['prediction'])
        >>> [node.op_type for node in graph.node]
        ['Gemm', 'Identity']
        """
        program = self._program()
        model: Any = onnx_model(program) if path is None else write_onnx(program, path)
        return model

    def to_c(self, path: str | os.PathLike[str] | None = None, *, name: str = "model") -> CFiles:
        """Return the fitted estimator as a file of C99 and its header, written where a path is.

        ``void model_predict(const float *x, float *out)``, or of doubles, as the network computes;
        the row of a table is a struct. No memory is allocated, and only the library of maths is
        needed.

        Parameters
        ----------
        path : path, optional
            The source to write, as ``model.c``; ``model.h`` is written beside it. Each is written
            whole or not at all, and replaces an existing file.
        name : str, default="model"
            What all names of the file begin with.

        Raises
        ------
        InputError
            If a weight is not finite, or something of the model cannot be expressed; the message
            says what.

        Examples
        --------
        >>> from chainrule import MLPRegressor
        >>> model = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs").fit([[0.0], [1.0]], [1, 3])
        >>> [line for line in model.to_c().header.splitlines() if "predict(" in line]
        ['void model_predict(const double *x, double *out);']
        """
        files = c_files(self._program(), name)
        if path is not None:
            files.save(path)
        return files
