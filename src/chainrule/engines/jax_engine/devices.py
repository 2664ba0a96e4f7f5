"""The devices that JAX sees, by the names that users give them."""

from typing import Any

import jax

__all__ = ["called", "device_of", "missing"]


def device_of(name: str, vector: Any = None) -> Any:
    """Return the device of a name; for "auto" that of the parameters, where JAX holds them.

    Examples
    --------
    >>> device_of("cpu").platform
    'cpu'
    """
    if name != "auto":
        platform, _, number = name.partition(":")
        return jax.devices(platform)[int(number or 0)]
    if isinstance(vector, jax.Array) and not isinstance(vector, jax.core.Tracer):
        return min(vector.devices(), key=lambda device: device.id)
    return jax.config.jax_default_device or jax.devices()[0]  # type: ignore[attr-defined]


def called(device: Any) -> str:
    """Return what a device is called: its platform, number and kind; the CPU is one.

    Examples
    --------
    >>> called(device_of("cpu"))
    'cpu'
    """
    if device.platform == "cpu":
        return f"cpu:{device.id}" if device.id else "cpu"
    return f"{device.platform}:{device.id} ({device.device_kind})"


def missing(name: str) -> str | None:
    """Return, in a sentence, that there is no device of a name; None where there is one."""
    platform, _, number = name.partition(":")
    try:
        count = len(jax.devices(platform))
    except RuntimeError:
        count = 0
    if int(number or 0) < count:
        return None
    seen = ", ".join(f"{one.platform}:{one.id}" for one in jax.devices())
    return f"JAX sees {seen} alone; for another device, install JAX's build for it."
