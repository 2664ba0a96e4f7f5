"""Arrays of any library: namespace, floating dtype, and refusals."""

import copy
import pickle

import numpy as np
import pytest

from chainrule.foundation.arrays import as_floating, floating_dtype, namespace, same_shape


def test_namespace_is_one_object_per_library():
    assert namespace(np.ones(1)) is namespace(np.zeros(2), np.ones(3))
    assert repr(namespace(np.ones(1))) == "<namespace of numpy>"


def test_namespace_refuses_to_mix_libraries():
    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(TypeError):
        namespace(np.ones(1), strict.ones(1))


def test_namespace_has_the_error_functions(library, asarray):
    z = asarray(np.array([-30.0, -1.0, 0.0, 2.0]))
    xp = namespace(z)
    erf = [-1.0, -0.8427007929497149, 0.0, 0.9953222650189527]
    erfc = [2.0, 1.8427007929497148, 1.0, 0.004677734981047266]
    np.testing.assert_allclose(np.asarray(xp.erf(z)), erf, rtol=1e-15)
    np.testing.assert_allclose(np.asarray(xp.erfc(z)), erfc, rtol=1e-14)
    assert type(xp.erf(z)) is type(z)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "bool"])
@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("keepdims", [True, False])
def test_reductions_have_the_bits_of_numpy(dtype, axis, keepdims):
    x = np.random.default_rng(0).normal(size=(301, 10)).astype(dtype)
    xp = namespace(x)
    for own, numpy in ((xp.sum, np.sum), (xp.max, np.max)):
        found, expected = (f(x, axis=axis, keepdims=keepdims) for f in (own, numpy))
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


def test_namespace_can_be_copied():
    xp = namespace(np.ones(1))
    assert copy.copy(xp).exp(0.0) == 1.0
    with pytest.raises(AttributeError):
        xp.no_such_function  # noqa: B018


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2], np.float64),
        (True, np.float64),
        (np.arange(3, dtype=np.uint8), np.float64),
        (np.ones(2, dtype=np.float16), np.float32),
        (np.ones(2, dtype=np.float32), np.float32),
        (np.ones(2, dtype=np.longdouble), np.float64),
        (np.float32(1.0), np.float32),
        (np.ones(2, dtype=">f8"), np.float64),
    ],
)
def test_as_floating(values, dtype):
    found = as_floating(values)
    assert np.dtype(found.dtype).kind == "f"
    assert np.dtype(found.dtype).itemsize == np.dtype(dtype).itemsize
    np.testing.assert_array_equal(found, np.asarray(values, dtype=dtype))


def test_as_floating_keeps_the_library(library, asarray):
    z = asarray(np.array([1, 2], dtype=np.int32))
    found = as_floating(z)
    assert type(found) is type(z)
    assert namespace(found).isdtype(found.dtype, "real floating")
    kept = asarray(np.ones(2, dtype=np.float32))
    assert as_floating(kept).dtype == kept.dtype


def test_as_floating_widens_half_precision_of_torch():
    torch = pytest.importorskip("torch")
    for dtype in (torch.float16, torch.bfloat16):
        assert as_floating(torch.ones(2, dtype=dtype)).dtype == torch.float32


@pytest.mark.parametrize(
    "values", [["a"], [1j], [object()], np.array(["2020-01-01"], dtype="datetime64[D]")]
)
def test_as_floating_accepts_only_numbers(values):
    with pytest.raises(ValueError, match="the array must be of numbers; got dtype"):
        as_floating(values)


@pytest.mark.parametrize("dtype", ["float32", np.float32, np.dtype("float32")])
def test_floating_dtype_knows_three_spellings(dtype):
    assert floating_dtype(dtype) == np.dtype("float32")


@pytest.mark.parametrize("dtype", ["float16", "int64", np.int64, "d32", 3])
def test_floating_dtype_accepts_only_float32_and_float64(dtype):
    with pytest.raises(ValueError, match="dtype must be 'float32' or 'float64'; got"):
        floating_dtype(dtype)


def test_same_shape_says_both_shapes():
    same_shape("p", np.ones((2, 1)), "y", np.ones((2, 1)))
    with pytest.raises(ValueError, match=r"p and y must be of the same shape; got \(2, 1\) and"):
        same_shape("p", np.ones((2, 1)), "y", np.ones(2))


def test_float_values_survive_pickling():
    assert pickle.loads(pickle.dumps(floating_dtype("float32"))) == np.float32
