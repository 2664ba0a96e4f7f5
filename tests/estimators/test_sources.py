"""Estimators fit sources: with the bits of memory where that holds all rows, else as streams."""

import os
import tracemalloc
import warnings

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from chainrule import Checkpoint, MLPClassifier, MLPRegressor
from chainrule.blocks.arrays import ArraySource
from chainrule.blocks.drawing import drawn
from chainrule.foundation.errors import DataWarning, InputError

RANDOM = np.random.default_rng(8)
N = 6000
X = RANDOM.normal(size=(N, 5)).astype(np.float32)
NUMBERS = (X[:, 0] * X[:, 1] + 2.0 * X[:, 2] + 10.0).astype(np.float32)
LABELS = np.where(X[:, 0] * X[:, 1] + X[:, 2] > 0.3, "yes", "no")
WEIGHT = RANDOM.uniform(0.5, 2.0, N)
OPTIONS = {"hidden_layer_sizes": (16,), "random_state": 3, "max_iter": 8, "tol": 0.0,
           "learning_rate": "cosine"}  # fmt: skip
# Of 28 bytes each, so many rows fit into a window: 1,000.
SMALL = int(1000 * 28 / 0.3) + 28


def source(y, block_rows=300, weight=None):
    return ArraySource(X, y, weight, block_rows=block_rows)


def same(one, other):
    np.testing.assert_array_equal(one.parameters_.vector, other.parameters_.vector)
    assert one.loss_curve_ == other.loss_curve_


@pytest.mark.parametrize("block_rows", [300, 10_000])
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_rows_that_fit_have_the_bits_of_arrays(block_rows, weight):
    for kind, y in ((MLPClassifier, LABELS), (MLPRegressor, NUMBERS)):
        found = kind(**OPTIONS).fit(source(y, block_rows, weight))
        same(found, kind(**OPTIONS).fit(X, y, weight))


def test_rows_held_out_are_drawn_by_a_hash():
    options = OPTIONS | {"early_stopping": True, "validation_fraction": 0.2}
    held = drawn(3, 0, N, 0.2)
    expected = MLPRegressor(**OPTIONS).fit(
        X[~held], NUMBERS[~held], X_val=X[held], y_val=NUMBERS[held]
    )
    for block_rows in (77, 5000):
        same(MLPRegressor(**options).fit(source(NUMBERS, block_rows)), expected)


@pytest.mark.grid(7)
@pytest.mark.parametrize(
    ("kind", "y"), [(MLPClassifier, LABELS), (MLPRegressor, NUMBERS)], ids=["labels", "numbers"]
)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_streams_learn_as_well_as_arrays(kind, y, weight):
    options = OPTIONS | {"early_stopping": True, "max_iter": 25}
    found = kind(**options).fit(source(y, weight=weight), memory=SMALL)
    again = kind(**options, n_threads=1).fit(source(y, weight=weight), memory=SMALL)
    same(found, again)
    whole = kind(**options).fit(X, y, weight)
    assert found.score(X, y) > whole.score(X, y) - 0.02
    assert found.score(X, y) > 0.9
    assert len(found.validation_scores_) == found.n_iter_
    assert found.train_loss_ == pytest.approx(whole.train_loss_, rel=0.5, abs=0.02)


def test_what_is_learnt_of_targets_is_exact():
    weights = {"no": 1.0, "yes": 3.0}
    for given in ("balanced", weights):
        found = MLPClassifier(**OPTIONS, class_weight=given).fit(source(LABELS), memory=SMALL)
        whole = MLPClassifier(**OPTIONS, class_weight=given).fit(X, LABELS)
        assert found.classes_.tolist() == whole.classes_.tolist() == ["no", "yes"]
        assert found.class_weight_ == pytest.approx(whole.class_weight_)
    found = MLPRegressor(**OPTIONS).fit(source(NUMBERS), memory=SMALL)
    whole = MLPRegressor(**OPTIONS).fit(X, NUMBERS)
    assert found.target_scale_.spread == whole.target_scale_.spread


def test_sparse_blocks_and_several_targets():
    rows = sparse.csr_matrix(np.where(np.abs(X) > 1.0, X, 0.0))
    y = np.c_[NUMBERS, X[:, 0]]
    found = MLPRegressor(**OPTIONS).fit(ArraySource(rows, y, block_rows=300), memory=20_000)
    whole = MLPRegressor(**OPTIONS).fit(rows, y)
    assert found.score(rows, y) == pytest.approx(whole.score(rows, y), abs=0.03)


@pytest.fixture
def table(tmp_path):
    frame = pl.DataFrame({f"x{i}": X[:, i] for i in range(5)})
    frame = frame.with_columns(label=pl.Series(LABELS), weight=pl.Series(WEIGHT))
    frame.write_parquet(tmp_path / "table.parquet", row_group_size=500)
    return tmp_path / "table.parquet"


@pytest.mark.slow
def test_files(table):
    names = [f"x{i}" for i in range(5)]
    found = MLPClassifier(**OPTIONS).fit(table, "label", "weight")
    assert found.feature_names_in_.tolist() == names
    same(found, MLPClassifier(**OPTIONS).fit(X, LABELS.astype(object), WEIGHT))
    some = MLPClassifier(**OPTIONS).fit([os.fspath(table)], "label", "weight", memory="90 kB")
    assert some.feature_names_in_.tolist() == names
    assert some.score(pl.DataFrame(dict(zip(names, X.T, strict=True))), LABELS) > 0.8
    epochs = MLPClassifier(**OPTIONS).fit_epochs(table, "label", "weight", memory="90 kB")
    assert [epoch.rows for epoch in epochs] == [N] * 8


class Sorted:
    """Blocks that are sorted by the target, as files by day are."""

    def __init__(self, y, blocks=8):
        order = np.argsort(y, kind="stable")
        self.parts = np.array_split(order, blocks)
        self.y, self.n_blocks = y, blocks

    def load(self, i):
        return X[self.parts[i]], self.y[self.parts[i]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "y"), [(MLPClassifier, LABELS), (MLPRegressor, NUMBERS)], ids=["labels", "numbers"]
)
def test_sorted_rows_are_mixed_on_the_disk(kind, y):
    options = OPTIONS | {"max_iter": 25}
    with pytest.warns(DataWarning, match="seem to be sorted.* Write the file in a random order"):
        found = kind(**options).fit(Sorted(y), memory=SMALL)
    shuffled = kind(**options).fit(source(y), memory=SMALL)
    assert found.score(X, y) > shuffled.score(X, y) - 0.02


@pytest.mark.grid(2)
@pytest.mark.parametrize("labels", [False, True], ids=["numbers", "labels"])
def test_blocks_that_differ_are_mixed_on_the_disk(labels):
    day = np.repeat(np.arange(12.0), N // 12)
    y = NUMBERS + 0.8 * np.sin(day)
    y = np.where(y > 10.0, "late", "early") if labels else y
    kind = MLPClassifier if labels else MLPRegressor
    rows = ArraySource(X, y, block_rows=500)
    with pytest.warns(DataWarning, match="order that tells of their targets.* temporary file"):
        found = kind(**OPTIONS).fit(rows, memory=SMALL)
    mixed = np.random.default_rng(0).permutation(N)
    rows = ArraySource(X[mixed], y[mixed], block_rows=500)
    assert found.score(X, y) > kind(**OPTIONS).fit(rows, memory=SMALL).score(X, y) - 0.02


def test_a_stream_goes_on_from_its_checkpoint(tmp_path):
    def short(epoch):
        return epoch.number == 3

    options = OPTIONS | {"early_stopping": True}
    whole = MLPRegressor(**options).fit(source(NUMBERS), memory=SMALL)
    saved = Checkpoint(tmp_path, every=1)
    MLPRegressor(**options, callbacks=[saved, short]).fit(source(NUMBERS), memory=SMALL)
    same(MLPRegressor(**options).fit(source(NUMBERS), memory=SMALL, resume=tmp_path), whole)
    other = source(NUMBERS + X[:, 0])
    with pytest.raises(InputError, match="must be what the checkpoint"):
        MLPRegressor(**options).fit(other, memory=SMALL, resume=tmp_path)


def test_a_warm_start_goes_on():
    model = MLPRegressor(
        **OPTIONS | {"warm_start": True, "max_iter": 3, "learning_rate": "constant"}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = model.fit(source(NUMBERS), memory=SMALL).loss_
        assert model.fit(source(NUMBERS), memory=SMALL).loss_ < first
    assert len(model.loss_curve_) == 6


class Broken(ArraySource):
    def load(self, i):
        X, y = super().load(i)
        if i == 5:
            X = X.copy()
            X[7, 2] = np.nan
        return X, y


class Interrupting(ArraySource):
    """Blocks whose reader hears Ctrl-C in the third pass."""

    passes = 0

    def load(self, i):
        self.passes += i == 0
        if self.passes == 4:
            raise KeyboardInterrupt
        return super().load(i)


def test_ctrl_c_leaves_the_last_epoch():
    rows = Interrupting(X, NUMBERS, block_rows=300)
    model = MLPRegressor(**OPTIONS)
    with pytest.raises(KeyboardInterrupt):
        model.fit(rows, memory=SMALL)
    assert model.stopped_because_ == "interrupted"
    assert model.n_iter_ == len(model.loss_curve_)
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize(
    ("fit", "words"),
    [
        (lambda: MLPRegressor().fit(source(NUMBERS), NUMBERS), "y must be None for a source"),
        (lambda: MLPRegressor().fit(X, NUMBERS, memory="1GB"), "memory must be None for rows"),
        (lambda: MLPRegressor().fit(source(NUMBERS), memory="much"), "memory must be an amount"),
        (lambda: MLPRegressor().fit(source(NUMBERS), memory=0), "memory must be positive"),
        (
            lambda: MLPRegressor(early_stopping=True).fit(source(NUMBERS), groups=LABELS),
            "groups must be None",
        ),
        (lambda: MLPRegressor().fit(source(NUMBERS), sample_weight=WEIGHT), "must name a column"),
        (lambda: MLPRegressor(n_estimators=2).fit(source(NUMBERS), memory=SMALL), "n_estimators"),
        (lambda: MLPRegressor(solver="lbfgs").fit(source(NUMBERS), memory=SMALL), "solver must"),
        (
            lambda: MLPRegressor().fit(Broken(X, NUMBERS, block_rows=300), memory=SMALL),
            "X of block 5 .*row 7",
        ),
        (lambda: MLPRegressor().fit(Broken(X, NUMBERS, block_rows=300)), "X must be finite"),
        (lambda: MLPClassifier().fit(source(NUMBERS), memory=SMALL), "continuous"),
    ],
)
def test_refusals(fit, words):
    with pytest.raises(ValueError, match=words):
        fit()


class Drawn:
    """Blocks that are made when they are asked for, of 0.2 MB each."""

    def __init__(self, blocks, slow):
        self.n_blocks, self.block_rows, self.slow = blocks, (1000,) * blocks, slow

    def load(self, i):
        X = np.random.default_rng(i).normal(size=(1000, 50)).astype(np.float32)
        return X, X[:, 0]


@pytest.mark.slow
@pytest.mark.parametrize("slow", [False, True], ids=["as it is", "by a temporary file"])
def test_memory_is_bounded(slow):
    model = MLPRegressor(hidden_layer_sizes=(4,), max_iter=1, tol=0.0, random_state=0)
    peaks = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(Drawn(20, slow), memory="1MB")  # all code is loaded
        for blocks in (40, 160):
            tracemalloc.start()
            try:
                model.fit(Drawn(blocks, slow), memory="1MB")
                peaks.append(tracemalloc.get_traced_memory()[1])
            finally:
                tracemalloc.stop()
    assert max(peaks) < 4e6
    assert peaks[1] < 1.3 * peaks[0]
