"""The page as a widget of a notebook, by anywidget: the same view on the same session."""

import re
from importlib.resources import files
from typing import Any

import anywidget

from chainrule.app.play.beginning import settings_of
from chainrule.app.play.session import Session
from chainrule.foundation.errors import InputError, must_be

__all__ = ["Widget", "bundled", "styled"]

# The scripts of the view, each after those that it needs.
SCRIPTS = (
    "elements", "transport", "network", "matrix", "points", "plane", "panel", "records", "link",
    "controls", "badge", "alerts", "tables", "tour", "measuring", "outcome", "more", "view",
    "notebook",
)  # fmt: skip
MANY = re.MULTILINE
IMPORT = re.compile(r'^import \{ (?P<names>[^}]+) \} from "\./(?P<file>\w+)\.js";$', MANY)
EXPORT = re.compile(r"^export (?P<kind>(?:async )?function|class|const) (?P<name>\w+)", MANY)


def bundled() -> str:
    """Return the scripts of the view as one module, as a notebook takes it.

    Each script becomes the result of a function, so that their names do not meet.
    """
    parts = []
    for name in SCRIPTS:
        text = _text(f"{name}.js")
        exported = [found["name"] for found in EXPORT.finditer(text)]
        text = IMPORT.sub(r"const { \g<names> } = \g<file>;", text)
        text = EXPORT.sub(r"\g<kind> \g<name>", text)
        parts.append(
            f"const {name} = (() => {{\n{text}\nreturn {{ {', '.join(exported)} }};\n}})();"
        )
    return "\n".join([*parts, "export default { render: notebook.render };", ""])


def styled() -> str:
    """Return the style for a place of its own within a notebook."""
    text = _text("style.css")
    return text.replace(":root", ":host").replace("body {", ".page {")


def _text(name: str) -> str:
    return (files("chainrule.app.play") / "static" / name).read_text(encoding="utf-8")


class Widget(anywidget.AnyWidget):
    """A network that learns in a notebook, with the chain rule of any weight.

    Parameters
    ----------
    model : optional
        A trained network, of any kind that `explain` takes; without one, a new network learns.
    X, y : array, optional
        Rows; needed with a model.
    """

    _esm = bundled()

    def __init__(self, model: Any = None, X: Any = None, y: Any = None) -> None:
        super().__init__()
        self.session = Session(settings_of(model, X, y))
        self.on_msg(self._answer)

    def _answer(self, _: Any, content: Any, buffers: Any) -> None:
        """Answer a message of the view."""
        if not isinstance(content, dict) or "number" not in content:
            return
        request = content.get("request")
        head = {"number": content["number"], "view": content.get("view")}
        if request == "style":
            self.send({**head, "style": styled()})
            return
        try:
            if not isinstance(request, dict):
                raise must_be("request", "a record", request)
            frame = self.session.frame(request)
        except InputError as error:
            self.send({**head, "error": str(error)})
            return
        except Exception as error:
            self.send({**head, "error": f"An error of chainrule: {type(error).__name__}."})
            raise
        self.send(head, buffers=[frame])
