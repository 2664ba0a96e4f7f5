"""Arrays of any library: the namespace a formula computes in, and the dtype it keeps.

Formulas are written against the Python array API standard (2024.12) plus what it lacks: ``erf`` and
``erfc``, which the exact GELU needs, and ``per_column``, for a loss with a number per output.
"""

from functools import lru_cache
from types import ModuleType
from typing import Any, TypeAlias

import array_api_compat
import numpy as np

from chainrule.foundation.errors import InputError, must_be

__all__ = [
    "Array",
    "Namespace",
    "as_floating",
    "as_like",
    "device_of",
    "floating_dtype",
    "library_of",
    "lives_on_a_device",
    "namespace",
    "same_shape",
    "to_numpy",
]

# Static types of array-API arrays do not exist yet; the name says what is meant.
Array: TypeAlias = Any


class Namespace:
    """The functions of one array library: the array API standard, and those below."""

    def __init__(self, library: ModuleType) -> None:
        self._library = library

    def __getattr__(self, name: str) -> Any:
        if name == "_library":  # a copy in the making has no attributes yet
            raise AttributeError(name)
        value = getattr(self._library, name)
        setattr(self, name, value)
        return value

    def __repr__(self) -> str:
        return f"<namespace of {self._library.__name__.removeprefix('array_api_compat.')}>"

    def erf(self, z: Array) -> Array:
        """Error function, element by element."""
        return self._special("erf", z)

    def erfc(self, z: Array) -> Array:
        """Complementary error function 1 - erf(z), without cancellation for large z."""
        return self._special("erfc", z)

    def per_column(self, numbers: tuple[float, ...], like: Array) -> Array:
        """Return one number per column of ``like``, to compute with its rows."""
        return as_like(numbers, like, like.dtype)

    def _special(self, name: str, z: Array) -> Array:
        if hasattr(self._library, "special"):  # torch
            return getattr(self._library.special, name)(z)
        import scipy.special

        if array_api_compat.is_numpy_array(z) or np.isscalar(z):
            return getattr(scipy.special, name)(z)
        if array_api_compat.is_jax_array(z):  # traced ones have no numbers yet
            import jax.scipy.special

            return getattr(jax.scipy.special, name)(z)
        return self._library.asarray(getattr(scipy.special, name)(np.asarray(z)), dtype=z.dtype)


class _NumPy(Namespace):
    """NumPy, whose reductions take a third of the time for a few numbers; the bits are the same."""

    def max(self, x: Array, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
        """Largest number along an axis, or of all."""
        return _max(x, axis=axis, keepdims=keepdims)

    def sum(self, x: Array, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
        """Sum along an axis, or of all numbers."""
        return _sum(x, axis=axis, keepdims=keepdims)


@lru_cache(maxsize=16)
def _wrapped(library: ModuleType) -> Namespace:
    return _numpy if library is _numpy._library else Namespace(library)


_max: Any = np.maximum.reduce
_sum: Any = np.add.reduce
_numpy = _NumPy(array_api_compat.array_namespace(np.empty(0)))


def namespace(*arrays: Array) -> Namespace:
    """Return the namespace that all given arrays belong to.

    Examples
    --------
    >>> namespace(np.ones(2))
    <namespace of numpy>
    """
    if len(arrays) == 1 and type(arrays[0]) is np.ndarray:
        return _numpy
    return _wrapped(array_api_compat.array_namespace(*arrays))


def library_of(array: Array) -> str:
    """Return the name of the library of an array.

    Examples
    --------
    >>> library_of(np.ones(2))
    'numpy'
    """
    name: str = array_api_compat.array_namespace(array).__name__
    return name.removeprefix("array_api_compat.").partition(".")[0]


def lives_on_a_device(array: Any) -> bool:
    """Return whether an array is one of JAX, or of PyTorch in other than main memory.

    Examples
    --------
    >>> lives_on_a_device(np.ones(2))
    False
    """
    if array_api_compat.is_torch_array(array):
        return bool(array.device.type != "cpu")
    return bool(array_api_compat.is_jax_array(array))


def device_of(array: Any) -> str:
    """Return the name of the device that an array lives on; main memory is ``"cpu"``.

    Examples
    --------
    >>> device_of(np.ones(2))
    'cpu'
    """
    if array_api_compat.is_torch_array(array):
        number = array.device.index or 0
        return "cpu" if array.device.type == "cpu" else f"{array.device.type}:{number}"
    if not array_api_compat.is_jax_array(array):
        return "cpu"
    device = min(array.devices(), key=lambda one: one.id)
    return "cpu" if (device.platform, device.id) == ("cpu", 0) else f"{device.platform}:{device.id}"


def as_like(values: Any, like: Array, dtype: Any = None) -> Array:
    """Return values as an array of the library of ``like``, on its device.

    Examples
    --------
    >>> as_like([1, 2], np.zeros(1), np.float32)
    array([1., 2.], dtype=float32)
    """
    xp = namespace(like)
    if array_api_compat.is_numpy_array(like):
        return xp.asarray(values, dtype=dtype)
    if array_api_compat.is_jax_array(like):
        return _beside(xp.asarray(values, dtype=dtype), like)
    return xp.asarray(values, dtype=dtype, device=array_api_compat.device(like))


def _beside(array: Array, like: Array) -> Array:
    """Return an array of JAX on the device of another, bound to it only where that is a change."""
    import jax

    # traced arrays have no device, and those of several have their own ways
    if isinstance(array, jax.core.Tracer) or isinstance(like, jax.core.Tracer):
        return array
    devices = like.devices()
    if len(devices) > 1 or array.devices() == devices:
        return array
    return jax.device_put(array, *devices)


def to_numpy(array: Array) -> np.ndarray:
    """Return an array of any library as one of NumPy, from the device where it lives.

    Examples
    --------
    >>> to_numpy(np.ones(2))
    array([1., 1.])
    """
    if hasattr(array, "detach"):  # a tensor of PyTorch, on any device
        array = array.detach().cpu()
    return np.asarray(array)


def as_floating(values: Array) -> Array:
    """Return ``values`` as an array of a floating dtype of its own library.

    Lists and numbers become NumPy arrays; integers and booleans become the library's default
    floating dtype before any arithmetic, so that unsigned differences cannot wrap around; float16
    is computed in float32.

    Examples
    --------
    >>> as_floating([1, 2])
    array([1., 2.])
    """
    if not array_api_compat.is_array_api_obj(values):
        values = np.asarray(values)
    if array_api_compat.is_numpy_array(values) or isinstance(values, np.generic):
        if values.dtype.kind not in "fiub":
            raise must_be("the array", "of numbers", values.dtype, "Convert it to floats first.")
        if values.dtype == np.float16:
            return values.astype(np.float32)
        if values.dtype.kind != "f" or values.dtype.itemsize > 8:
            return values.astype(np.float64)
        return values
    xp = array_api_compat.array_namespace(values)
    if xp.isdtype(values.dtype, "real floating"):
        narrow = str(values.dtype).rpartition(".")[2] in ("float16", "bfloat16")
        return xp.astype(values, xp.float32) if narrow else values
    if not xp.isdtype(values.dtype, ("integral", "bool")):
        raise must_be("the array", "of numbers", values.dtype, "Convert it to floats first.")
    return xp.astype(values, xp.asarray(0.0).dtype)


def floating_dtype(dtype: Any) -> np.dtype[Any]:
    """Return the NumPy dtype of ``"float32"`` or ``"float64"``; refuse every other.

    Examples
    --------
    >>> floating_dtype("float32")
    dtype('float32')
    """
    for known in (np.dtype(np.float32), np.dtype(np.float64)):
        if isinstance(dtype, str | type | np.dtype) and dtype in (known, known.name, known.type):
            return known
    raise must_be("dtype", "'float32' or 'float64'", dtype, "Choose one of the two.")


def same_shape(name: str, one: Array, other_name: str, other: Array) -> None:
    """Refuse two arrays whose shapes differ, instead of broadcasting them."""
    if tuple(one.shape) != tuple(other.shape):
        raise InputError(
            f"{name} and {other_name} must be of the same shape; got {tuple(one.shape)} and "
            f"{tuple(other.shape)}. Reshape one of them; nothing is broadcast."
        )
