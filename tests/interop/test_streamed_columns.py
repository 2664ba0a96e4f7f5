"""One streaming pass learns what a fit on all rows learns: exactly what is counted."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.interop.cells import nothing
from chainrule.interop.preparation import Preparation
from chainrule.interop.streamed_columns import Levels, counts_of, prepared_from_sample

RANDOM = np.random.default_rng(4)
N = 3000


def some_missing(values, share):
    return [None if RANDOM.random() < share else one for one in values]


TABLE = pl.DataFrame(
    {
        "number": some_missing(RANDOM.normal(size=N).tolist(), 0.001),
        "whole": RANDOM.integers(0, 50, N),
        "row": np.arange(N)[::-1].copy(),
        "flag": some_missing((RANDOM.random(N) < 0.02).tolist(), 0.001),
        "city": some_missing([f"city {int(i)}" for i in RANDOM.exponential(40.0, N)], 0.01),
        "amount": some_missing([f"{i:.1f}" for i in RANDOM.normal(size=N)], 0.002),
        "day": some_missing([f"2024-{1 + i % 12:02}-{1 + i % 28:02}" for i in range(N)], 0.01),
        "when": pl.Series(RANDOM.integers(0, 10**9, N)).cast(pl.Datetime("ms")),
        "key": [f"k{i}" for i in range(N)],
    }
)


def streamed(cuts, rows, table=TABLE, tell=nothing):
    counts = counts_of(table.schema)
    edges = [0, *sorted(cuts), table.height]
    for low, high in pairwise(edges):
        for name, own in counts.items():
            own.add(table[low:high][name])
    return prepared_from_sample(table[np.sort(rows)], counts, tell)


WHOLE = Preparation.fit(TABLE)
SAMPLE = RANDOM.choice(N, 1000, replace=False)


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, N), max_size=12))
def test_any_split_into_blocks_counts_the_same(cuts):
    edges, whole, found = [0, *sorted(cuts), N], counts_of(TABLE.schema), counts_of(TABLE.schema)
    for name in TABLE.columns:
        whole[name].add(TABLE[name])
        for low, high in pairwise(edges):
            found[name].add(TABLE[name][low:high])
        one, other = vars(whole[name]) | {"levels": None}, vars(found[name]) | {"levels": None}
        assert one == other
        if whole[name].levels is not None:
            assert vars(whole[name].levels) == vars(found[name].levels)


def test_the_same_columns_are_used():
    found = streamed([100, 2000], SAMPLE)
    assert found.to_dict() == streamed([], SAMPLE).to_dict()
    assert found.rows == WHOLE.rows
    assert found.dropped.keys() == WHOLE.dropped.keys() == {"row", "key"}
    assert found.feature_names == WHOLE.feature_names


def test_counts_are_exact():
    found = {one.name: one for one in streamed([100, 2000], SAMPLE).columns}
    for column in WHOLE.columns:
        own = found[column.name]
        assert own.missing == column.missing, column.name
        if column.kind == "category":
            assert own == column
        if column.kind == "yes/no":
            assert own.share == column.share
        if column.kind == "number":
            assert (own.low, own.high) == (column.low, column.high)


def test_quantiles_are_those_of_the_sample():
    """Of 1,000 of 3,000 rows, medians are within 5 % of a spread: three standard errors."""
    found = {one.name: one for one in streamed([], SAMPLE).columns}
    for column in WHOLE.columns:
        if column.kind == "number":
            assert abs(found[column.name].scale.center - column.scale.center) < (
                0.1 * column.scale.spread
            )
            assert found[column.name].scale.spread == pytest.approx(column.scale.spread, rel=0.1)


def test_a_sample_of_all_rows_is_the_fit_itself():
    assert streamed([7, 70], np.arange(N)).to_dict() == WHOLE.to_dict()


def test_all_rows_can_be_written():
    out = streamed([], SAMPLE).transform(TABLE)
    assert out.shape == (N, len(WHOLE.feature_names))
    assert np.isfinite(out).all()


def test_strays_beyond_the_sample_are_missing_cells():
    cells = [f"{i / 7:.2f}" for i in range(N)]
    cells[2500] = "unknown?"
    table = pl.DataFrame({"x": cells, "y": np.arange(N) % 7})
    found = streamed([50], np.arange(0, N, 3), table)
    assert (found.columns[0].kind, found.columns[0].missing, found.columns[0].strays) == (
        *("number", 1, 1),
    )
    assert np.isfinite(found.transform(table)).all()


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=30), max_size=6), st.integers(2, 9))
def test_counts_of_many_levels_are_within_their_bound(blocks, most):
    levels = Levels(most)
    for block in blocks:
        levels.add(pl.Series(block, dtype=pl.String))
        assert len(levels.sizes) <= most
    cells = [cell for block in blocks for cell in block]
    for word in "abcdefgh":
        true = cells.count(word)
        assert true - levels.error <= levels.sizes.get(word, 0) <= true
    assert levels.error <= len(cells) / most
