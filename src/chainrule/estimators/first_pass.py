"""The first pass over streamed rows: what it teaches, and the rows as training takes them."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier

from chainrule.blocks.drawing import drawn
from chainrule.blocks.source import Block, blocks_of, load_block
from chainrule.blocks.spool import Spool
from chainrule.engines.engine import Rows
from chainrule.estimators.drift import Drift
from chainrule.estimators.inputs import Prepared, as_inputs, as_targets, weight_of_rows
from chainrule.estimators.run import Run
from chainrule.estimators.samples import Samples
from chainrule.estimators.streams import Stream, learn_width, whole
from chainrule.foundation.callers import level_outside
from chainrule.foundation.errors import DataWarning, InputError, must_be
from chainrule.training.sources import check_finite, check_range, in_order
from chainrule.training.windows import StreamedRows

__all__ = [
    "FEWEST_TO_COMPARE",
    "SORTED_SHARE",
    "SORTED_SPREAD",
    "Look",
    "look_at",
    "rows_of",
]

# So many rows are looked at.
SAMPLE_ROWS = 2**12
DRIFTS = (
    "the rows seem to be in an order that tells of their targets, as that of time: those of some "
    "blocks differ from those of others."
)
WRITTEN = (
    "They are written to a temporary file once, in a mixed order, and read from all over it. Write "
    "the file in a random order to save that."
)
# Purposes of hashes, beside that of the rows held out.
TO_LOOK_AT, OF_TARGETS = 1, 2
# The first block differs from the rest: a share of the labels, or of the spread of numbers.
SORTED_SHARE, SORTED_SPREAD, FEWEST_TO_COMPARE = 0.3, 0.5, 50


class Look(NamedTuple):
    """The knowledge from one pass over a stream.

    Attributes
    ----------
    targets : Samples
        Targets and weights for a codec to learn from: those of all rows, of many, or each label
        once, with its count as weight; the inputs are those of the sample.
    sample : Samples
        Some rows to train on.
    held : Samples or None
        The rows held out.
    n : float
        The rows that the targets stand for.
    weighted : bool
        Whether the rows have weights of their own.
    remark : str
        Of a source that is sorted, or whose blocks differ; empty where it is not.
    identity : Samples
        What tells these rows from others.
    """

    targets: Samples
    sample: Samples
    held: Samples | None
    n: float
    weighted: bool
    remark: str
    identity: Samples


def look_at(stream: Stream, estimator: Any, prepared: Prepared, first: bool) -> tuple[Stream, Look]:
    """Return what one pass teaches about the rows, and the stream to train on.

    The ``first`` fit of an estimator learns the number of columns, too. Rows that take long to make
    are written to the disk in this pass; sorted ones, if the windows do not mix them, in another.
    """
    if first:
        learn_width(estimator, stream)
    given, spool = stream, None
    if getattr(stream.source, "slow", False):
        spool = stream.spool()
    look = _looked_at(stream, estimator, prepared, spool)
    resident = getattr(stream.source, "resident", False)
    if look.remark and spool is None and not stream.mixes and not resident:
        words = f"{look.remark} {WRITTEN}"
        warnings.warn(words, DataWarning, stacklevel=level_outside())
        spool = stream.spool()
        for i, block in enumerate(blocks_of(stream.source)):
            rows = _checked(block, estimator, prepared, i)
            _write(spool, rows.take(~stream.held(i, estimator)), estimator, i)
    if spool is not None:
        spool.close()
        stream = stream.from_spool(spool)
    identity = np.concatenate([[stream.window_rows], given.sizes])
    return stream, look._replace(identity=look.sample._replace(weight=identity))


def _write(spool: Spool, rows: Samples, estimator: Any, i: int) -> None:
    """Write the rows of a block, checked as training needs them."""
    name, _ = _names(i)
    X, columns = rows.X, vars(estimator).get("feature_names_in_")
    check_finite(X, name, columns)
    if hasattr(X, "tocsr"):
        X = in_order(X, name)
    if estimator.dtype is not None:
        check_range(X, estimator.dtype, name, columns)
        X = X.astype(estimator.dtype, copy=False)
    spool.add(Block(X, rows.y, rows.weight))


def rows_of(
    stream: Stream, estimator: Any, prepared: Prepared, run: Run, look: Look
) -> StreamedRows:
    """Return the rows to train on."""
    codec, smoothing = run.codec, run.recipe.label_smoothing
    columns = vars(estimator).get("feature_names_in_")
    mean = None
    if look.weighted or codec.weighted(look.sample.y, None) is not None:
        weights = codec.weighted(look.targets.y, look.targets.weight)
        assert weights is not None
        mean = float(np.sum(weights)) / look.n
    dtype = run.state.vector.dtype

    def encoded(samples: Samples, names: tuple[str, str]) -> Rows:
        weight = codec.weighted(samples.y, samples.weight)
        rows = run.rows(Samples(samples.X, samples.y, None), names, columns, smoothing)
        x = rows.x if rows.x.dtype == dtype else rows.x.astype(dtype)
        if mean is not None:
            assert weight is not None
            weight = (weight / mean).astype(dtype)
        return Rows(x, rows.y, weight)

    def load(i: int) -> Rows:
        samples = _checked(load_block(stream.source, i), estimator, prepared, i)
        held = stream.held(i, estimator)
        return encoded(samples.take(~held) if held.any() else samples, _names(i))

    def load_many(blocks: list[int], before: Rows | None) -> Rows:
        assert isinstance(stream.source, Spool)
        x, y, own = stream.source.load_many(blocks, None if before is None else before.x)
        targets, weight = run.targets(y, "y", smoothing), codec.weighted(y, own)
        if mean is not None:
            assert weight is not None
            weight = (weight / mean).astype(dtype)
        if before is not None:
            targets = np.concatenate([before.y, targets])
            weight = None if weight is None else np.concatenate([before.weight, weight])
        return Rows(x if x.dtype == dtype else x.astype(dtype), targets, weight)

    sample = encoded(look.sample, ("X", "y"))
    many = load_many if isinstance(stream.source, Spool) else None
    return StreamedRows(load, stream.trained_on(estimator), stream.window_rows, sample, many)


def _names(i: int) -> tuple[str, str]:
    return f"X of block {i}", f"y of block {i}"


def _checked(block: Block, estimator: Any, prepared: Prepared, i: int) -> Samples:
    """Return a block as checked arrays; rows are counted within it."""
    name, of_targets = _names(i)
    X = as_inputs(block.X, getattr(estimator, "feature_names_in_", None), name)
    width = getattr(estimator, "n_features_in_", X.shape[1])
    if X.shape[1] != width:
        raise must_be(name, f"of {width} features, as the first block", X.shape[1])
    # the first block is looked at as the targets of any fit are
    y = prepared(as_targets(block.y, of_targets), of_targets if i else "y")
    weight = weight_of_rows(block.weight, len(block), f"weights of block {i}")
    return Samples(X, y, weight)


def _looked_at(
    stream: Stream, estimator: Any, prepared: Prepared, spool: Spool | None = None
) -> Look:
    n = int(stream.starts[-1])
    trained = 0
    samples: list[Samples] = []
    targets: list[Samples] = []
    held: list[Samples] = []
    labels: dict[Any, float] = {}
    first: np.ndarray | None = None
    drift, classes = Drift(), is_classifier(estimator)
    for i, block in enumerate(blocks_of(stream.source)):
        if len(block) != stream.sizes[i]:
            raise InputError(
                f"block {i} of the source must have {stream.sizes[i]:,} rows, as block_rows says; "
                f"got {len(block):,}."
            )
        start, out = int(stream.starts[i]), stream.held(i, estimator)
        checked = _checked(block, estimator, prepared, i)
        rows = checked.take(~out) if out.any() else checked
        if spool is not None:
            _write(spool, rows, estimator, i)
        trained += len(rows.y)
        if out.any():
            held.append(checked.take(out))
        looked = drawn(stream.seed, start, len(block), SAMPLE_ROWS / n, TO_LOOK_AT)[~out]
        if looked.any() or not samples:
            looked[:1] |= not samples
            samples.append(rows.take(looked))
        first = rows.y if first is None else first
        drift.add(rows.y, classes and rows.y.ndim == 1)
        if classes and rows.y.ndim == 1:
            _count(labels, rows)
        else:
            chosen = drawn(stream.seed, start, len(block), stream.targets / n, OF_TARGETS)[~out]
            if chosen.any() or not targets:
                own = _taken(rows.weight, chosen)
                targets.append(Samples(rows.X[:0].copy(), rows.y[chosen], own))
    sample = _stacked(samples)
    if labels:
        of_all = _of_labels(labels, sample.y.dtype)
        count = float(trained)
    else:
        of_all = _stacked(targets)
        count = float(len(of_all.y))
    assert first is not None
    remark = _sorted_words(first, of_all) if stream.sizes[0] < n else ""
    if not remark and drift.is_there:
        remark = DRIFTS
    return Look(
        Samples(sample.X, of_all.y, of_all.weight),
        sample,
        _stacked(held) if held else None,
        count,
        sample.weight is not None,
        remark,
        sample,
    )


def _taken(weight: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if weight is None else weight[rows]


def _count(labels: dict[Any, float], rows: Samples) -> None:
    """Add the weights of each label; without weights, its rows."""
    found, places = np.unique(rows.y, return_inverse=True)
    sums = np.bincount(places.ravel(), rows.weight, minlength=len(found))
    for label, size in zip(found.tolist(), sums.tolist(), strict=True):
        labels[label] = labels.get(label, 0.0) + size


def _of_labels(labels: dict[Any, float], dtype: np.dtype[Any]) -> Samples:
    names = sorted(labels)
    y = np.array(names, dtype=object if dtype.hasobject else None)
    return Samples(None, y, np.array([labels[name] for name in names]))


def _stacked(parts: list[Samples]) -> Samples:
    all_of_them = whole([Block(*part) for part in parts])
    return Samples(*all_of_them)


def _sorted_words(first: np.ndarray, of_all: Samples) -> str:
    """Return what to say of targets that differ between the first block and all blocks."""
    if len(first) < FEWEST_TO_COMPARE:
        return ""
    y = of_all.y
    if of_all.X is None:  # labels, each once
        weight = of_all.weight
        assert weight is not None
        found = np.array([np.count_nonzero(first == label) for label in y.tolist()]) / len(first)
        differs = np.abs(found - weight / weight.sum()).sum() / 2.0 > SORTED_SHARE
    else:
        means, spread = first.mean(axis=0) - y.mean(axis=0), y.std(axis=0)
        inside = first.std(axis=0)
        differs = np.any(np.abs(means) > SORTED_SPREAD * spread) or np.any(inside < spread / 2.0)
    if not differs:
        return ""
    return (
        "the rows seem to be sorted: the targets of the first block differ from those of the rest."
    )
