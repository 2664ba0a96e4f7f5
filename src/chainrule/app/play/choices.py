"""The choices that the menus and forms of the page offer."""

from typing import Any

from chainrule.app.play.data import DATA_SETS
from chainrule.app.play.forms import CATALOGUES, forms_of
from chainrule.app.play.own_rows import BUILT_IN
from chainrule.app.play.settings import LOSSES, STARTS, Settings
from chainrule.formulas.initializers import initializers
from chainrule.formulas.records import activations

__all__ = ["choices_of"]


def choices_of(settings: Settings) -> dict[str, Any]:
    """Return what each menu of the page offers."""
    data: list[list[Any]] = [[one.name, one.words, one.fixed] for one in DATA_SETS.values()]
    data += [[name, words, True] for name, words in BUILT_IN.items()]
    if settings.own is not None:
        words = "your rows" if settings.own.explanation is None else "your model and its rows"
        data.insert(0, ["own", words, True])
    return {
        "data": data,
        "trained": settings.model is not None,
        "activations": list(activations),
        "losses": {kind: list(names) for kind, names in LOSSES.items()},
        "starts": [*STARTS, *initializers],
        "forms": {name: forms_of(catalogue) for name, catalogue in CATALOGUES.items()},
        "defaults": Settings().to_dict(),
    }
