"""The way out of a fitted estimator: as an ONNX model, or as a C file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.exports.c_file import CFiles, c_files
from chainrule.exports.onnx_file import onnx_model, write_onnx
from chainrule.exports.program import Branch, Program
from chainrule.foundation.errors import must_be
from chainrule.foundation.real_numbers import is_real

__all__ = ["Exportable"]


class Exportable:
    """A fitted estimator that can be written as a program in another language."""

    def _program(self) -> Program:
        """Return the fitted estimator as a program."""
        raise NotImplementedError

    def _interval_branch(self, coverage: float) -> Branch:
        """Return the ends of the interval that `predict_interval` gives."""
        raise must_be("interval", f"left out for {_a(self)}, which has no intervals", coverage)

    def _quantiles_branch(self, levels: Sequence[float]) -> Branch:
        """Return the quantiles that `predict_quantiles` gives."""
        raise must_be("quantiles", f"left out for {_a(self)}, which has none", levels)

    def _whole_program(self, interval: float | None, quantiles: Sequence[float] | None) -> Program:
        program, branches = self._program(), []
        if interval is not None:
            branches.append(self._interval_branch(interval))
        if quantiles is not None:
            if np.ndim(quantiles) != 1 or not len(quantiles) or not all(map(is_real, quantiles)):
                raise must_be("quantiles", "a sequence of levels, as (0.1, 0.9)", quantiles)
            branches.append(self._quantiles_branch(tuple(map(float, quantiles))))
        return replace(program, branches=tuple(branches))

    def to_onnx(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        interval: float | None = None,
        quantiles: Sequence[float] | None = None,
    ) -> Any:
        """Return the fitted estimator as an ONNX model, and write it where a path is given.

        One graph from the inputs of rows to ``prediction``, or to ``label`` and
        ``probabilities``, by operators of opset 20 and of ai.onnx.ml 4. Inputs are ``x``
        (rows, n_features), or one (rows, 1) for each column of a table.

        Parameters
        ----------
        path : path, optional
            A file to write, whole or not at all; an existing one is replaced.
        interval : float, optional
            Adds the output ``interval`` (rows, 2), or (rows, n_targets, 2): what
            ``predict_interval`` answers for this coverage.
        quantiles : sequence of float, optional
            Adds the output ``quantiles`` (rows, n_levels), or (rows, n_targets, n_levels): what
            ``predict_quantiles`` answers at these levels.

        Raises
        ------
        InputError
            If the package onnx is not installed, a weight is not finite, the model has no such
            interval or quantiles, or something of it cannot be expressed; the message says what.

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
        program = self._whole_program(interval, quantiles)
        model: Any = onnx_model(program) if path is None else write_onnx(program, path)
        return model

    def to_c(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        name: str = "model",
        interval: float | None = None,
        quantiles: Sequence[float] | None = None,
    ) -> CFiles:
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
        interval, quantiles
            As in `to_onnx`: ``out`` holds these numbers after the prediction, from
            ``MODEL_INTERVAL`` and ``MODEL_QUANTILES`` on.

        Raises
        ------
        InputError
            If a weight is not finite, the model has no such interval or quantiles, or something of
            it cannot be expressed; the message says what.

        Examples
        --------
        >>> from chainrule import MLPRegressor
        >>> model = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs").fit([[0.0], [1.0]], [1, 3])
        >>> [line for line in model.to_c().header.splitlines() if "predict(" in line]
        ['void model_predict(const double *x, double *out);']
        """
        files = c_files(self._whole_program(interval, quantiles), name)
        if path is not None:
            files.save(path)
        return files


def _a(estimator: object) -> str:
    name = type(estimator).__name__
    return f"an {name}" if name.startswith("M") else f"a {name}"  # an M-L-P
