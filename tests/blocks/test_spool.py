"""Spools hold every row once, mixed, in an order that depends on the seed and the run alone."""

import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from chainrule.blocks.source import Block
from chainrule.blocks.spool import Spool
from chainrule.foundation.errors import InputError

SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=8)


def numbered(n, lists=False):
    number = np.arange(n)
    X = np.c_[number, number % 3, number * 0].astype(np.float32)
    return Block(sparse.csr_matrix(X) if lists else X, number, number / 2.0)


def spooled(n, sizes, run_rows, block_rows, lists=False, **options):
    whole, spool, start = numbered(n, lists), Spool(run_rows, block_rows=block_rows, **options), 0
    for size in [*sizes, n]:
        rows = slice(start, start + size)
        spool.add(Block(*(part[rows] for part in whole)))
        start += size
    spool.close()
    return spool


@pytest.mark.slow
@settings(deadline=None, max_examples=30)
@given(SIZES, st.integers(1, 60), st.integers(1, 15), st.booleans())
def test_every_row_once_in_an_order_that_no_block_changes(sizes, run_rows, block_rows, lists):
    n = sum(sizes) + 1
    spool = spooled(n, sizes, run_rows, block_rows, lists)
    blocks = [spool.load(i) for i in range(spool.n_blocks)]
    y = np.concatenate([block[1] for block in blocks])
    assert [len(block[1]) for block in blocks] == list(spool.block_rows)
    assert sorted(y.tolist()) == list(range(n))
    whole = spooled(n, [], run_rows, block_rows, lists)
    assert y.tolist() == np.concatenate([whole.load(i)[1] for i in range(len(blocks))]).tolist()
    for X, number, weight in blocks:
        expected = numbered(n).X[number]
        np.testing.assert_array_equal(X.toarray() if lists else X, expected)
        np.testing.assert_array_equal(weight, number / 2.0)


@pytest.mark.parametrize("lists", [False, True])
def test_several_blocks_after_other_rows(lists):
    spool = spooled(100, [30], 50, 8, lists)
    before = numbered(5, lists).X
    X, y, weight = spool.load_many([2, 5, 12], before)
    parts = [spool.load(i) for i in (2, 5, 12)]
    stack = sparse.vstack if lists else np.concatenate
    expected = stack([before, *(part[0] for part in parts)])
    assert X.shape == expected.shape
    assert abs(X - expected).max() == 0.0
    np.testing.assert_array_equal(y, np.concatenate([part[1] for part in parts]))
    np.testing.assert_array_equal(weight, np.concatenate([part[2] for part in parts]))


def test_the_seed_draws_the_order():
    orders = [spooled(64, [], 64, 64, seed=seed).load(0)[1].tolist() for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert orders[0] != sorted(orders[0])


def test_files_that_were_cut_and_a_disk_without_room(monkeypatch):
    spool = spooled(100, [], 100, 10)
    spool._file("X").write_bytes(b"")
    with pytest.raises(InputError, match="must hold all rows; it was cut short"):
        spool.load(3)
    usage = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(InputError, match=r"takes about 0\.3 GB more; .* has 0\.0 GB free"):
        spooled(100, [], 10, 10, total=10**7)
    spool = Spool(4)
    spool.add(numbered(3))
    with pytest.raises(InputError, match="must have"):
        spool.add(Block(np.ones((1, 2), np.float32), np.ones(1), np.ones(1)))
