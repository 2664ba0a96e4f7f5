"""Register tiles on their own: products of small arrays, at the edges of tiles and of panels."""

import numpy as np
import pytest

from chainrule.engines.compiled.target import host_target
from chainrule.engines.compiled.tiles import _ACROSS, _STRIP, DEPTH, Products
from chainrule.engines.compiled.writing import function

SIZES = {4: np.float32, 8: np.float64}
TARGETS = [host_target(16), host_target()]


@pytest.fixture(scope="module")
def products(compiled):
    """Return the two products for a target and a size of numbers, as functions of arrays."""
    made = {}

    def of(target, itemsize):
        if (target, itemsize) not in made:
            functions = []
            for name, signature in (("across", _ACROSS), ("down", _STRIP)):

                def write(module, name=name, signature=signature):
                    product = getattr(Products.of(module), name)
                    code = function(module, "run", signature, inner=False)
                    names = tuple(signature.parameters)
                    code.call(product, **dict(zip(names, code.arguments(*names), strict=True)))
                    code.end()

                functions.append(compiled(name, signature, write, itemsize, target))
            made[target, itemsize] = functions
        return made[target, itemsize]

    return of


def panels_of(b, lanes, widest):
    """Return a matrix (k, vectors * lanes) as panels, one behind the other."""
    width = lanes * widest
    parts = [b[:, first : first + width].ravel() for first in range(0, b.shape[1], width)]
    return np.concatenate(parts)


def numbers(shape, dtype, seed=0):
    """Return whole numbers, whose sums of products are exact in any order."""
    random = np.random.default_rng(seed)
    return random.integers(-8, 9, shape).astype(dtype)


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{target.vector_bytes} bytes")
@pytest.mark.parametrize("itemsize", [4, 8])
def test_across_is_a_product_with_panels(products, target, itemsize):
    across, _ = products(target, itemsize)
    lanes, widest, dtype = target.lanes(itemsize), target.panel_vectors, SIZES[itemsize]
    highest = max(target.tile_rows(v, itemsize) for v in range(1, widest + 1))
    for m in (1, 2, highest - 1, highest, highest + 1, 2 * highest + 1):
        for vectors in range(1, 2 * widest + 2):
            for k in (1, 2, 7):
                a, b = numbers((m, k + 2), dtype), numbers((k, vectors * lanes), dtype, 1)
                bias = numbers(vectors * lanes, dtype, 2)
                c = np.full((m + 1, vectors * lanes + 3), np.nan, dtype)
                across(
                    m=m,
                    vectors=vectors,
                    k=k,
                    a=a,
                    a_row=k + 2,
                    b=panels_of(b, lanes, widest),
                    panel_rows=k,
                    init=bias,
                    init_row=0,
                    c=c,
                    c_row=c.shape[1],
                )
                np.testing.assert_array_equal(c[:m, : vectors * lanes], a[:, :k] @ b + bias)
                assert np.isnan(c[m:]).all(), "written below the last row"
                assert np.isnan(c[:, vectors * lanes :]).all(), "written beside the last vector"


@pytest.mark.slow
@pytest.mark.parametrize("itemsize", [4, 8])
@pytest.mark.parametrize("k", [DEPTH - 1, DEPTH, DEPTH + 1, 2 * DEPTH + 5])
def test_across_goes_down_in_sweeps(products, itemsize, k):
    target = host_target()
    across, _ = products(target, itemsize)
    lanes, widest, dtype = target.lanes(itemsize), target.panel_vectors, SIZES[itemsize]
    vectors, m = widest + 1, 13
    a, b = numbers((m, k), dtype), numbers((k, vectors * lanes), dtype, 1)
    c, zeros = np.empty((m, vectors * lanes), dtype), np.zeros(vectors * lanes, dtype)
    across(
        m=m,
        vectors=vectors,
        k=k,
        a=a,
        a_row=k,
        b=panels_of(b, lanes, widest),
        panel_rows=k,
        init=zeros,
        init_row=0,
        c=c,
        c_row=vectors * lanes,
    )
    np.testing.assert_array_equal(c, a @ b)


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{target.vector_bytes} bytes")
@pytest.mark.parametrize("itemsize", [4, 8])
def test_down_is_a_product_with_the_transpose(products, target, itemsize):
    _, down = products(target, itemsize)
    lanes, dtype = target.lanes(itemsize), SIZES[itemsize]
    for vectors in range(1, target.panel_vectors + 1):
        highest = target.tile_rows(vectors, itemsize)
        for m in (1, highest, highest + 1, 3 * highest - 1):
            for k in (1, 2, 3, 10):
                a, b = numbers((k, m + 1), dtype), numbers((k, vectors * lanes + 2), dtype, 1)
                before = numbers((m, vectors * lanes), dtype, 2)
                c = before.copy()
                down(
                    vectors=vectors,
                    m=m,
                    k=k,
                    a=a,
                    a_step=m + 1,
                    b=b,
                    b_step=vectors * lanes + 2,
                    init=c,
                    init_row=vectors * lanes,
                    c=c,
                    c_row=vectors * lanes,
                )
                expected = a[:, :m].T @ b[:, : vectors * lanes] + before
                np.testing.assert_array_equal(c, expected)


@pytest.mark.slow
@pytest.mark.parametrize("itemsize", [4, 8])
def test_a_number_has_the_same_bits_in_any_tile(products, itemsize):
    target = host_target()
    across, down = products(target, itemsize)
    lanes, dtype = target.lanes(itemsize), SIZES[itemsize]
    random = np.random.default_rng(3)
    k, most = 301, 40
    a, b = random.standard_normal((most, k)).astype(dtype), random.standard_normal((k, lanes))
    b, zeros = b.astype(dtype), np.zeros(lanes, dtype)
    turned = np.ascontiguousarray(a.T)

    def rows(m, first=0):
        c = np.empty((m, lanes), dtype)
        across(
            m=m,
            vectors=1,
            k=k,
            a=a[first:],
            a_row=k,
            b=b,
            panel_rows=k,
            init=zeros,
            init_row=0,
            c=c,
            c_row=lanes,
        )
        return c

    whole = rows(most)
    for m in (1, 5, 12, 13):
        assert rows(m, first=7).tobytes() == whole[7 : 7 + m].tobytes()
    c = np.empty((most, lanes), dtype)
    for first, last in ((0, 128), (128, k)):
        down(
            vectors=1,
            m=most,
            k=last - first,
            a=turned[first:],
            a_step=most,
            b=b[first:],
            b_step=lanes,
            init=c if first else zeros,
            init_row=lanes if first else 0,
            c=c,
            c_row=lanes,
        )
    assert c.tobytes() == whole.tobytes()
