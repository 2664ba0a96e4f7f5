"""The sort of nonzeros by columns on its own, against a sort of SciPy's."""

import numpy as np
import pytest
import scipy.sparse

from chainrule.engines.compiled.nonzeros import _SORT, Nonzeros
from chainrule.engines.compiled.structs import Table
from chainrule.engines.compiled.tables import LayerRow
from chainrule.engines.compiled.writing import function


@pytest.fixture(scope="module", params=[np.float32, np.float64], ids=["float32", "float64"])
def sort(request, compiled):
    """Return the sort as a function of a dense matrix, and of the inputs of a strip."""
    dtype = np.dtype(request.param)

    def write(module):
        code = function(module, "run", _SORT, inner=False)
        layer, batch, strip = code.arguments("layer", "batch", "strip")
        code.call(Nonzeros.of(module).sort, layer=layer, batch=batch, strip=strip)
        code.end()

    run = compiled("sort", _SORT, write, dtype.itemsize)

    def sorted_lists(x, strip_inputs, row_length=None, order=None):
        x = np.asarray(x, dtype)
        rows, n_in = x.shape
        row_length = row_length or n_in
        strips = -(-n_in // strip_inputs)
        layer = Table(LayerRow, dtype)
        starts = np.full((rows, strips + 1), -1, np.int64)
        columns = np.full((rows, row_length), -1, np.int32)
        values = np.full((rows, row_length), np.nan, dtype)
        for row in range(rows):
            found = np.flatnonzero(x[row])
            columns[row, : len(found)], values[row, : len(found)] = found, x[row, found]
            edges = np.arange(strips + 1) * strip_inputs
            starts[row] = row * row_length + np.searchsorted(found, edges)
        begins, ends = np.full((2, n_in), -1, np.int64)
        sorted_rows = np.full(rows * row_length + 1, -1, np.int32)
        sorted_values = np.full(rows * row_length + 1, np.nan, dtype)
        for field, array in (
            (LayerRow.starts_at, starts),
            (LayerRow.columns_at, columns),
            (LayerRow.values_at, values),
            (LayerRow.begins_at, begins),
            (LayerRow.ends_at, ends),
            (LayerRow.sorted_rows_at, sorted_rows),
            (LayerRow.sorted_values_at, sorted_values),
        ):
            layer[field] = array
        layer[LayerRow.n_in], layer[LayerRow.strips] = n_in, strips
        layer[LayerRow.strip_inputs] = strip_inputs
        for strip in range(strips) if order is None else order(strips):
            run(layer=layer.values, batch=rows, strip=strip)
        total = np.count_nonzero(x)
        assert (sorted_rows[total:] == -1).all(), "written behind the last nonzero"
        return [
            (sorted_rows[begin:end].tolist(), sorted_values[begin:end].tolist())
            for begin, end in zip(begins, ends, strict=True)
        ]

    return sorted_lists


def expected(x):
    """Return rows and values of the nonzeros of each column."""
    lists = scipy.sparse.csc_matrix(np.asarray(x, np.float32))
    lists.sort_indices()
    spans = zip(lists.indptr, lists.indptr[1:], strict=False)
    return [(lists.indices[a:b].tolist(), lists.data[a:b].tolist()) for a, b in spans]


def matrix(rows, columns, share, seed=0):
    random = np.random.default_rng(seed)
    x = random.integers(1, 100, (rows, columns)).astype(np.float64)
    return x * (random.random((rows, columns)) < share)


@pytest.mark.grid(5)
@pytest.mark.parametrize("strip_inputs", [128, 256])
@pytest.mark.parametrize(
    ("rows", "columns"), [(1, 1), (1, 128), (2, 129), (7, 300), (48, 256), (33, 1000)]
)
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_each_column_has_its_rows_in_order(sort, rows, columns, share, strip_inputs):
    x = matrix(rows, columns, share)
    assert sort(x, strip_inputs) == expected(x)


def test_no_rows_are_empty_lists(sort):
    assert sort(np.zeros((0, 200)), 128) == [([], [])] * 200


def test_rooms_of_rows_may_be_longer_than_the_rows(sort):
    x = matrix(9, 140, 0.3)
    assert sort(x, 128, row_length=200) == expected(x)


def test_strips_may_be_sorted_in_any_order(sort):
    x = matrix(20, 700, 0.2)
    assert sort(x, 128, order=lambda strips: reversed(range(strips))) == expected(x)


def test_an_empty_strip_between_others(sort):
    x = matrix(10, 384, 0.5)
    x[:, 128:256] = 0.0
    assert sort(x, 128) == expected(x)
