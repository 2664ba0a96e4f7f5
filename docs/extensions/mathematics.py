"""Formulas as MathML, which browsers draw themselves: no script, no font, nothing fetched."""

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxTranslator


def inline(translator: SphinxTranslator, node: nodes.math) -> None:
    """Write a formula within a line."""
    translator.body.append(mathml(node.astext(), display="inline"))
    raise nodes.SkipNode


def block(translator: SphinxTranslator, node: nodes.math_block) -> None:
    """Write a formula that stands alone."""
    formula = mathml(node.astext(), display="block")
    translator.body.append(f'<div class="formula" tabindex="0">{formula}</div>\n')
    raise nodes.SkipNode


def mathml(latex: str, *, display: str) -> str:
    """Return a formula of LaTeX as MathML.

    >>> mathml("a^2", display="inline").startswith("<math")
    True
    """
    return convert(latex.strip(), display=display)


def setup(app: Sphinx) -> dict[str, bool]:
    """Enter the renderer under the name ``mathml``."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
