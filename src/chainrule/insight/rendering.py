"""A chain rule as aligned plain text, as LaTeX, as MathML and as HTML, all from the same tree."""

from html import escape
from typing import Protocol

from chainrule.formulas.plain_text import plain
from chainrule.insight.notation import latex_number, mathml, number
from chainrule.insight.parameter import Parameter
from chainrule.insight.place import Place
from chainrule.insight.sharing import listed
from chainrule.insight.subject import Subject
from chainrule.insight.tree import Node

__all__ = ["as_html", "as_latex", "as_mathml", "as_text"]


class Worded(Protocol):
    """The update of a weight, in words."""

    def words(self, name: str = "", digits: int = 7) -> str:
        """Return rule, step, rate, and the change of the weight."""
        ...


class Rendered(Protocol):
    """The members of a chain rule that are rendered; see `Chain`."""

    @property
    def subject(self) -> Subject: ...
    @property
    def place(self) -> Place: ...
    @property
    def parameter(self) -> Parameter: ...
    @property
    def row(self) -> int | None: ...
    @property
    def penalty(self) -> float: ...
    @property
    def weight(self) -> float: ...
    @property
    def gradient(self) -> float: ...
    @property
    def check(self) -> object: ...
    @property
    def update(self) -> Worded: ...

    def open(self) -> list[Node]:
        """Return the nodes to show, from the weight's own derivative down to the loss."""
        ...


def as_text(chain: Rendered, digits: int = 7) -> str:
    """Return the equations that a chain opens, numbers beneath, the check and the update."""
    lines = [_headline(chain), ""]
    for node in chain.open():
        lines += [*_equation(node, digits), ""]
    if chain.penalty != 0.0:
        lines += [
            _penalty_line(chain, digits),
            "",
        ]
    lines += [f"check   {chain.check}", _update(chain, digits)]
    lines += [f"note    {note}" for note in chain.subject.notes]
    return "\n".join(lines)


def _penalty_line(chain: Rendered, digits: int) -> str:
    added, total = number(chain.penalty, digits), number(chain.gradient, digits)
    return f"penalties add {added}: dL/d{chain.parameter.symbol.text} = {total} in all"


def _headline(chain: Rendered) -> str:
    place = chain.place
    what = f"{chain.parameter.symbol.text} = {number(chain.weight, 7)}"
    if chain.parameter.shared:
        kind = "bias of" if place.unit is None else f"weight from unit {place.unit + 1} to"
        path = f"the {kind} unit {place.to + 1} that {listed(chain.parameter.layers)} share"
    elif place.unit is None:
        path = f"the bias of unit {place.to + 1} of layer {place.layer}"
    else:
        below = f"unit {place.unit + 1} of layer {place.layer - 1}"
        below = f"input {place.unit + 1}" if place.layer == 1 else below
        path = f"from {below} to unit {place.to + 1} of layer {place.layer}"
    over = f"the mean loss of {len(chain.subject.rows):,} rows"
    over = over if chain.row is None else f"the loss of row {chain.row}"
    return f"{what}, {path}: how {over} changes with it"


def _equation(node: Node, digits: int) -> list[str]:
    return _product(node, digits) if node.operation == "product" else _sum(node, digits)


def _product(node: Node, digits: int) -> list[str]:
    left = node.name.text
    symbols = [part.name.text for part in node.parts]
    values = [number(part.value, digits) for part in node.parts]
    widths = [max(map(len, pair)) for pair in zip(symbols, values, strict=True)]
    row = " · ".join(cell.ljust(width) for cell, width in zip(symbols, widths, strict=True))
    below = " · ".join(cell.ljust(width) for cell, width in zip(values, widths, strict=True))
    margin = " " * len(left)
    lines = [f"{left} = {row}".rstrip(), f"{margin} = {below}".rstrip()]
    lines.append(f"{margin} = {number(node.value, digits)}")
    return lines + _leaves(node.parts, digits)


def _sum(node: Node, digits: int) -> list[str]:
    lines = [f"{node.name.text} = {number(node.value, digits)}, {node.origin}:"]
    rows = []
    leaves: list[Node] = []
    for part in node.parts:
        factors = _shown(part)
        leaves += factors
        symbols = " · ".join(factor.name.text for factor in factors)
        values = " · ".join(number(factor.value, digits) for factor in factors)
        values = values if len(factors) > 1 else ""
        rows.append((symbols, values, number(part.value, digits)))
    if node.rest is not None:
        count = f"{node.rest.count:,} more" if node.rest.count else "rounding"
        rows.append((count, "", number(node.rest.value, digits)))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width]
        lines.append(f"  {'  '.join(cells)}".rstrip())
    return lines + _leaves(tuple(leaves), digits)


def _shown(term: Node) -> tuple[Node, ...]:
    """Return the nodes on the line of a term: the term itself, or the factors of a nameless one."""
    return term.parts if term.nameless and term.operation == "product" else (term,)


def _leaves(parts: tuple[Node, ...], digits: int) -> list[str]:
    """Return one line per number that comes from a formula: symbol, formula, inputs, origin."""
    rows = {}
    for part in parts:
        if part.operation == "number" and part.formula:
            inputs = ", ".join(f"{name} = {number(value, digits)}" for name, value in part.inputs)
            at = f"at {inputs}" if inputs else ""
            rows[part.name.text] = (part.name.text, plain(part.formula), at, part.origin)
    if not rows:
        return []
    widths = [max(len(row[column]) for row in rows.values()) for column in range(3)]
    lines = []
    for name, formula, at, origin in rows.values():
        cells = (name.ljust(widths[0]), f"= {formula}".ljust(widths[1] + 2), at.ljust(widths[2]))
        lines.append(f"    {'  '.join(cells)}  {origin}".rstrip())
    return lines


def _update(chain: Rendered, digits: int) -> str:
    return f"update  {chain.update.words(chain.parameter.symbol.text, digits)}"


def as_latex(chain: Rendered, digits: int = 6) -> str:
    """Return the equations as an ``align*`` of LaTeX: symbols, numbers, value."""
    rows = [line for node in chain.open() for line in _latex_lines(node, digits)]
    return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"


def _latex_lines(node: Node, digits: int) -> list[str]:
    if node.operation == "product":
        symbols = r" \cdot ".join(part.name.latex for part in node.parts)
        values = r" \cdot ".join(_factor(part.value, digits) for part in node.parts)
    else:
        terms, numbers = [], []
        for part in node.parts:
            factors = _shown(part)
            terms.append(r" \cdot ".join(factor.name.latex for factor in factors))
            numbers.append(_factor(part.value, digits))
        if node.rest is not None:
            terms.append(r"\cdots")
            numbers.append(_factor(node.rest.value, digits))
        symbols, values = " + ".join(terms), " + ".join(numbers)
    return [
        f"{node.name.latex} &= {symbols}",
        f"&= {values}",
        f"&= {latex_number(node.value, digits)}",
    ]


def _factor(value: float, digits: int) -> str:
    text = latex_number(value, digits)
    return rf"({text})" if value < 0.0 or "cdot" in text else text


def as_mathml(chain: Rendered, digits: int = 6) -> str:
    """Return one ``math`` element per line of the equations."""
    lines = [line for node in chain.open() for line in _latex_lines(node, digits)]
    return "\n".join(mathml(line.replace("&=", "=")) for line in lines)


def as_html(chain: Rendered, digits: int = 6) -> str:
    """Return equations as MathML, with a table of the sources of their numbers.

    Without the converter of the ``app`` extra it raises ImportError; see `as_text`.
    """
    parts = [f"<p>{escape(_headline(chain))}</p>"]
    for node in chain.open():
        parts += [mathml(line.replace("&=", "=")) for line in _latex_lines(node, digits)]
        rows = _table_rows(node, digits)
        if rows:
            head = "".join(f'<th scope="col">{name}</th>' for name in HEAD)
            parts.append(
                f"<table><caption>Sources of the numbers of {escape(node.name.text)}</caption>"
                f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
            )
    closing = [f"check {chain.check}", _update(chain, digits), *chain.subject.notes]
    if chain.penalty != 0.0:
        closing.insert(0, _penalty_line(chain, digits))
    sentences = (f"<p>{escape(line[0].upper() + line[1:])}</p>" for line in closing)
    return "\n".join([*parts, *sentences])


HEAD = ("symbol", "formula", "inputs", "value", "source")


def _table_rows(node: Node, digits: int) -> list[str]:
    rows = {}
    parts = node.parts
    if node.operation == "sum":
        parts = tuple(factor for part in parts for factor in _shown(part))
    for part in parts:
        if part.operation == "number" and part.formula:
            inputs = ", ".join(f"{name} = {number(value, digits)}" for name, value in part.inputs)
            cells = (plain(part.formula), inputs, number(part.value, digits), part.origin)
            name = escape(part.name.text)
            rows[name] = f'<tr><th scope="row">{name}</th>{"".join(map(_cell, cells))}</tr>'
    return list(rows.values())


def _cell(text: str) -> str:
    return f"<td>{escape(text)}</td>"
