"""Training by several processes or machines: rounds of local training, and their average."""

from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    from chainrule.distributed.fitting import fit
    from chainrule.distributed.rounds import RoundEpoch

__all__ = ["RoundEpoch", "fit"]

# Loaded when first asked for: a worker process does without the estimators.
_LATER = {"RoundEpoch": "rounds", "fit": "fitting"}


def __getattr__(name: str) -> typing.Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    globals()[name] = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
