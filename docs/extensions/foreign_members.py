"""Members that classes have from other libraries, left out of the reference."""

from typing import Any

from sphinx.application import Sphinx


def skip(
    app: Sphinx, kind: str, name: str, member: Any, skipped: bool, options: Any
) -> bool | None:
    """Skip a member that is not ours: of scikit-learn, or of a built-in class."""
    owner = getattr(member, "__objclass__", None)
    module = getattr(owner or member, "__module__", None) or "chainrule"
    return skipped or not module.startswith("chainrule") or None


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect it to autodoc."""
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
