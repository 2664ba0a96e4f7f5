"""The beginning of a page: the packages that it needs, and the settings of a model and rows."""

import importlib.util
from typing import Any

from chainrule.app.play.own_rows import of_arrays, of_explanation
from chainrule.app.play.settings import Settings
from chainrule.foundation.errors import InputError
from chainrule.interop.networks import explain

__all__ = ["check_packages", "settings_of"]

NEEDED = {
    "app": ("starlette", "uvicorn", "latex2mathml"),
    "notebook": ("anywidget", "latex2mathml"),
}


def settings_of(model: Any, X: Any, y: Any) -> Settings:
    """Return the settings to begin with: on a model and rows, on rows, or the chapter's network."""
    if model is None and X is None and y is None:
        return Settings()
    if X is None or y is None:
        given = "X and y" if X is None and y is None else "X" if X is None else "y"
        raise InputError(f"{given} must be given to look at a model; got None. Pass its rows.")
    if model is None:
        return Settings().with_own(of_arrays(X, y))
    return Settings().with_own(of_explanation(explain(model, X, y)))


def check_packages(extra: str = "app") -> None:
    """Refuse to go on without the packages of an extra."""
    missing = [name for name in NEEDED[extra] if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"the page needs {' and '.join(missing)}. Install it: pip install 'chainrule[{extra}]'"
        )
