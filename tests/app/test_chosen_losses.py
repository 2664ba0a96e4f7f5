"""The command line tells which loss short runs have chosen, and how to change that."""

import numpy as np
import polars as pl
import pytest

RANDOM = np.random.default_rng(41)
N = 3000
SIZE = RANDOM.uniform(-1.5, 1.5, N)
ROOMS = RANDOM.integers(1, 9, N)
RENT = np.exp(SIZE + 0.4 * ROOMS + 0.1 * RANDOM.normal(size=N))
QUICK = ("--target", "rent", "--numbers", "scale", "--epochs", 12, "--hidden", 8, "--no-plot")


def write(folder, rent=RENT):
    pl.DataFrame({"size": SIZE, "rooms": ROOMS, "rent": rent}).write_parquet(folder / "t.parquet")


def test_a_log_link_is_told_with_its_flag(folder, chainrule) -> None:
    write(folder)
    told = chainrule("fit", "t.parquet", *QUICK)
    assert told.code == 0, told.err
    assert "loss poisson, with a log link (squared error of a short run: poisson" in told.out
    assert "; --loss changes that" in told.out
    shown = chainrule("show", "t.chainrule").out
    assert "loss     poisson, squared error of a short run" in shown
    again = chainrule("fit", "t.parquet", *QUICK, "--loss", "mse", "--out", "mse.chainrule")
    assert "log link" not in again.out
    assert "short run" not in chainrule("show", "mse.chainrule").out


@pytest.mark.slow
@pytest.mark.parametrize("memory", [(), ("--memory", "8MB")], ids=["read", "streamed"])
def test_rows_to_test_on_must_allow_it_too(folder, chainrule, memory) -> None:
    for row in (0, 1000, 2000, 2999):  # about half of them to test on
        write(folder, np.where(np.arange(N) == row, -1.0, RENT))
        how = (*memory, "--test-fraction", 0.5, "--report", "t.html", "--force")
        told = chainrule("fit", "t.parquet", *QUICK, *how)
        assert told.code == 0, told.err
        assert "log link" not in told.out
