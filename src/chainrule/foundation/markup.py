"""Elements of pages and drawings, with everything that comes from data escaped."""

from collections.abc import Mapping
from html import escape

__all__ = ["Markup", "element"]

EMPTY = {"br", "hr", "meta", "link", "img"}


def element(
    tag: str, attributes: Mapping[str, object], content: str = "", *, escaped: bool = True
) -> str:
    """Return one element; ``escaped`` says whether the content is markup already.

    Examples
    --------
    >>> element("p", {"class": "note"}, "1 < 2 & 3", escaped=False)
    '<p class="note">1 &lt; 2 &amp; 3</p>'
    """
    named = "".join(f' {name}="{escape(str(value))}"' for name, value in attributes.items())
    if tag in EMPTY:
        return f"<{tag}{named}>"
    return f"<{tag}{named}>{content if escaped else escape(content)}</{tag}>"


class Markup:
    """A drawing that grows element by element."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def add(
        self, tag: str, attributes: Mapping[str, object], text: str = "", hint: str = ""
    ) -> None:
        """Add one element with plain text in it, or with a hint for who points at it."""
        inner = element("title", {}, hint, escaped=False) if hint else escape(text)
        self._parts.append(element(tag, attributes, inner))

    def svg(
        self,
        title: str,
        description: str,
        width: int,
        height: int,
        name: str,
        **more: object,
    ) -> str:
        """Return the drawing with its title and description, for those who do not see it."""
        head = element("title", {"id": f"{name}-t"}, title, escaped=False)
        head += element("desc", {"id": f"{name}-d"}, description, escaped=False)
        attributes = {
            "role": "img",
            "aria-labelledby": f"{name}-t {name}-d",
            "viewBox": f"0 0 {width} {height}",
            "width": width,
            "height": height,
            **more,
        }
        return element("svg", attributes, head + "".join(self._parts))
