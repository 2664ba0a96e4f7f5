"""The resources that an engine is given: threads, a device, and the precision of its products."""

import re
from dataclasses import dataclass
from typing import Any

from chainrule.foundation.errors import must_be

__all__ = ["DEVICE_WORDS", "PRECISIONS", "USUAL", "Resources", "is_device"]

# From exact to fast, as JAX calls them.
PRECISIONS = ("highest", "high", "default", "bfloat16")
DEVICE_WORDS = "'auto', 'cpu', 'gpu', 'tpu', or one by its number, such as 'cuda:1'"
DEVICE = re.compile(r"auto|(cpu|gpu|cuda|rocm|tpu)(:\d{1,4})?")


def is_device(value: Any) -> bool:
    """Return whether a value names a device, be it there or not.

    Examples
    --------
    >>> [is_device(name) for name in ("auto", "gpu", "cuda:1", "cuda:x", None)]
    [True, True, True, False, False]
    """
    return isinstance(value, str) and DEVICE.fullmatch(value) is not None


@dataclass(frozen=True)
class Resources:
    """The threads, the device and the precision that an engine may use.

    Attributes
    ----------
    n_threads : int or None
        Most threads; None is all cores the process may use.
    device : str
        Where to compute; "auto" is where the arrays are, else the CPU, or the first device of an
        engine that was asked for.
    matmul_precision : {"highest", "high", "default", "bfloat16"}
        The least precision of products of float32 matrices.

    Examples
    --------
    >>> Resources(device="cuda:0").device
    'cuda:0'
    >>> Resources(matmul_precision="low")
    Traceback (most recent call last):
    ...
    chainrule.foundation.errors.InputError: matmul_precision must be one of highest, high, ...
    """

    n_threads: int | None = None
    device: str = "auto"
    matmul_precision: str = "highest"

    def __post_init__(self) -> None:
        if not is_device(self.device):
            raise must_be("device", DEVICE_WORDS, self.device)
        if self.matmul_precision not in PRECISIONS:
            rule = f"one of {', '.join(PRECISIONS)}"
            raise must_be("matmul_precision", rule, self.matmul_precision)


# All cores, and the CPU unless arrays live elsewhere.
USUAL = Resources()
