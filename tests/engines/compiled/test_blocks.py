"""The rows of a block: whole vectors, and no thread that waits for the last block of another."""

import pytest

from chainrule.engines.compiled.blocks import (
    is_copied,
    panels_together,
    rows_of_block,
    shared_rows_of_block,
)


@pytest.fixture(autouse=True)
def _small_cache(monkeypatch):
    monkeypatch.setenv("CHAINRULE_L2_KB", "512")


def test_a_large_cache_takes_twice_the_rows(monkeypatch):
    assert rows_of_block(1000, 16) == 48
    monkeypatch.setenv("CHAINRULE_L2_KB", "1023")
    assert rows_of_block(1000, 16) == 48
    monkeypatch.setenv("CHAINRULE_L2_KB", "1024")
    assert rows_of_block(1000, 16) == 96
    assert rows_of_block(20, 16) == 32
    assert shared_rows_of_block(1000, 1, 16) == 96


def test_a_large_block_fits_the_cache(monkeypatch):
    monkeypatch.setenv("CHAINRULE_L2_KB", "1536")
    assert rows_of_block(1000, 16, 16384) == shared_rows_of_block(1000, 1, 16, 16384) == 96
    assert rows_of_block(1000, 16, 16385) == shared_rows_of_block(1000, 1, 16, 16385) == 48


@pytest.mark.parametrize("lanes", [2, 4, 8, 16, 32])
@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_blocks_are_whole_vectors_and_no_larger_than_alone(lanes, threads):
    for rows in (*range(1, 130), 200, 256, 1000, 1024, 4096):
        block = shared_rows_of_block(rows, threads, lanes)
        assert block % lanes == 0
        assert 0 < block <= rows_of_block(rows, lanes) <= 48
        if threads == 1:
            assert block == rows_of_block(rows, lanes)


@pytest.mark.parametrize(("rows", "most"), [(32, 16), (64, 32), (128, 64), (256, 128), (1024, 528)])
def test_two_threads_share_a_batch_evenly(rows, most):
    block = shared_rows_of_block(rows, 2, 8)
    units = -(-rows // block)
    assert -(-units // 2) * block == most


def test_panels_that_are_done_together_fit_a_quarter_of_the_cache(monkeypatch):
    assert panels_together(64 << 10) == 2
    assert panels_together((128 << 10) + 1) == 1
    monkeypatch.setenv("CHAINRULE_L2_KB", "2048")
    assert panels_together(96 << 10) == 5


def test_copies_of_wide_matrices(monkeypatch):
    assert [is_copied(n, 1, 1, 32) for n in (319, 320)] == [False, True]
    large = (2 << 20) + 1
    assert not is_copied(1024, large, 8, 64)  # of a processor with a small cache
    monkeypatch.setenv("CHAINRULE_L2_KB", "2048")
    assert is_copied(1024, large, 8, 64)
    assert not is_copied(1024, large - 1, 8, 64)
    assert not is_copied(1024, large, 7, 64)
