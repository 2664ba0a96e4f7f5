"""A fitted model as a program: steps from the numbers of a row to its answer.

Each step takes a row of numbers and gives one. Every writer of another language writes these few
kinds of steps, so that no formula of a model is written again by hand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from chainrule.exports.columns import Cell, Features, Source
from chainrule.foundation.errors import InputError
from chainrule.tracing.formulas import Traced

__all__ = [
    "Affine",
    "Branch",
    "Formula",
    "InDtype",
    "Labels",
    "Member",
    "Pick",
    "Program",
    "Sort",
    "Step",
    "check_finite",
    "width_after",
]


@dataclass(frozen=True, eq=False)
class Affine:
    """The weighted sums of a layer: z = a W + b.

    Attributes
    ----------
    weight : ndarray (n_in, n_out)
        The weights W.
    bias : ndarray (n_out,) or None
        The biases b.
    name : str
        Its name in the program, as ``layer 1``.
    """

    weight: np.ndarray
    bias: np.ndarray | None
    name: str


@dataclass(frozen=True, eq=False)
class Formula:
    """A formula of each number of a row, or of the whole row, that keeps its width.

    Attributes
    ----------
    name : str
        The name of the formula.
    traced : Traced
        Its graph, from "z" and the vectors.
    vectors : mapping of str to ndarray (width,)
        Further inputs of the graph, one number per column.
    words : str
        The formula in plain text.
    source : str
        Its source in the literature.
    native : (str, mapping) or None
        The operator of ONNX that is this formula, and its attributes, in single precision.
    """

    name: str
    traced: Traced
    vectors: Mapping[str, np.ndarray] = field(default_factory=dict)
    words: str = ""
    source: str = ""
    native: tuple[str, Mapping[str, float]] | None = None


@dataclass(frozen=True, eq=False)
class Pick:
    """Some columns of a row, in an order; None is a column of zeros."""

    columns: tuple[int | None, ...]


@dataclass(frozen=True, eq=False)
class Sort:
    """The numbers of a row in increasing order."""


@dataclass(frozen=True, eq=False)
class InDtype:
    """The same numbers in another dtype."""

    dtype: np.dtype[Any]


Step: TypeAlias = Affine | Formula | Pick | Sort | InDtype


@dataclass(frozen=True, eq=False)
class Member:
    """One of the networks whose weighted mean is the answer.

    Attributes
    ----------
    steps : tuple of Step
        From its inputs to its answer.
    features : tuple of Features
        Its inputs, from the cells of a raw row; none where inputs are numbers already.
    share : float
        Its weight in the mean; those of all members sum to 1.
    """

    steps: tuple[Step, ...]
    features: tuple[Features, ...] = ()
    share: float = 1.0

    @property
    def n_in(self) -> int:
        """The number of inputs."""
        first = next(step for step in self.steps if isinstance(step, Affine))
        return int(first.weight.shape[0])


@dataclass(frozen=True, eq=False)
class Branch:
    """An answer beside the main one.

    Attributes
    ----------
    name : {"interval", "quantiles"}
        What it is called.
    steps : tuple of Step
        From the mean of the members to it.
    shape : tuple of int
        The shape of the answer for one row, whose numbers are in this order.
    words : str
        Its numbers in words.
    """

    name: Literal["interval", "quantiles"]
    steps: tuple[Step, ...]
    shape: tuple[int, ...]
    words: str

    @property
    def size(self) -> int:
        """The number of numbers for one row."""
        return math.prod(self.shape)


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels that an answer decides between.

    Attributes
    ----------
    classes : list
        The labels, in the order of the probabilities.
    several : bool
        Whether a row has several labels, each where its probability is above one half.
    """

    classes: Sequence[Any]
    several: bool = False


@dataclass(frozen=True, eq=False)
class Program:
    """A fitted model, from the inputs of a row to its answer.

    Attributes
    ----------
    title : str
        A line that says what it is.
    members : tuple of Member
        The networks.
    dtype : dtype
        Of the inputs, and of the networks.
    n_in : int
        The number of inputs, where they are numbers without columns of a table.
    sources : tuple of Source
        The raw columns of a table; none where inputs are numbers.
    cells : tuple of Cell
        The numbers that a raw row becomes, from which members form their features.
    after : tuple of Step
        From the mean of the members to the answer.
    branches : tuple of Branch
        Answers beside that.
    labels : Labels or None
        What the answer decides between, for classes.
    input_names : tuple of str
        The names of numeric inputs, if known.
    """

    title: str
    members: tuple[Member, ...]
    dtype: np.dtype[Any]
    n_in: int = 0
    sources: tuple[Source, ...] = ()
    cells: tuple[Cell, ...] = ()
    after: tuple[Step, ...] = ()
    branches: tuple[Branch, ...] = ()
    labels: Labels | None = None
    input_names: tuple[str, ...] = ()

    @property
    def answer_dtype(self) -> np.dtype[Any]:
        """The dtype of the answer."""
        steps = (*self.members[0].steps, *self.after)
        return next((s.dtype for s in reversed(steps) if isinstance(s, InDtype)), self.dtype)

    @property
    def mean_width(self) -> int:
        """The number of numbers in the mean of the members."""
        return _width_after_all(self.members[0].steps, self.members[0].n_in)

    @property
    def n_out(self) -> int:
        """The number of numbers in an answer."""
        return _width_after_all(self.after, self.mean_width)


def width_after(step: Step, width: int) -> int:
    """Return the width of a row after a step."""
    if isinstance(step, Affine):
        return int(step.weight.shape[1])
    return len(step.columns) if isinstance(step, Pick) else width


def _width_after_all(steps: Sequence[Step], width: int) -> int:
    for step in steps:
        width = width_after(step, width)
    return width


def check_finite(program: Program) -> None:
    """Refuse a program with a weight that is not finite.

    Raises
    ------
    InputError
        With the layer.
    """
    for number, member in enumerate(program.members, start=1):
        for step in member.steps:
            if not isinstance(step, Affine):
                continue
            for kind, array in (("weight", step.weight), ("bias", step.bias)):
                if array is not None and not np.isfinite(array).all():
                    wrong = array[~np.isfinite(array)][0]
                    of = f" of network {number}" if len(program.members) > 1 else ""
                    raise InputError(
                        f"the model must hold finite numbers only; got {wrong} in a {kind} of "
                        f"{step.name}{of}. Train it again."
                    )
