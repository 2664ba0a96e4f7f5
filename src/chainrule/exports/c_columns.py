"""The columns of a raw table as a struct of C99, and its cells as numbers."""

from __future__ import annotations

from chainrule.exports import c_text
from chainrule.exports.c_dates import PARTS, CDates
from chainrule.exports.c_formulas import CFunctions
from chainrule.exports.columns import ABSENT, UNKNOWN, Code, DatePart
from chainrule.exports.program import Program

__all__ = ["Raw"]


class Raw:
    """The row of a raw table in C, and the function that makes numbers of it.

    Attributes
    ----------
    struct : str
        The struct of a row.
    text : str
        The function from a row to its cells.
    constants : int
        Bytes of the levels of categories.
    """

    def __init__(self, program: Program, name: str, functions: CFunctions) -> None:
        self.constants = 0
        fields: dict[str, str] = {}
        lines = ['/* A row of the table: NAN is a missing number, NULL or "" a missing text. */']
        lines += [f"struct {name}_row {{"]
        for source in program.sources:
            fields[source.name] = own = c_text.identifier(source.name, fields.values())
            kind = "double " if source.kind == "number" else "const char *"
            said = c_text.comment(f"{source.name}: {source.words}")
            lines.append(f"    {kind}{own}; /* {said} */")
        self.struct = "\n".join([*lines, "};\n"])
        definitions, body = [], []
        dates = CDates(name, functions)
        read: dict[tuple[str, str], str] = {}

        def read_part(cell: DatePart, field: str) -> str:
            """Return the part of a date, which is read where it is first needed."""
            key = (cell.column, cell.written)
            if key not in read:
                read[key] = f"date_{len(read) + 1}"
                body.append(f"    {dates.reader(*key)}({field}, {read[key]});")
            return f"{read[key]}[{PARTS.index(cell.part)}]"

        for number, cell in enumerate(program.cells):
            field = f"row->{fields[cell.column]}"
            if isinstance(cell, DatePart):
                field = read_part(cell, field)
            if isinstance(cell, Code):
                own = f"{name}_levels_{number + 1}"
                texts = ",\n    ".join(map(c_text.text, cell.levels))
                count = len(cell.levels)
                definitions.append(
                    f"/* levels of {c_text.comment(cell.column)} */\n"
                    f"static const char *const {own}[{count}] = {{\n    {texts}\n}};\n"
                )
                self.constants += sum(len(one.encode()) + 1 for one in cell.levels) + 8 * count
                field = f"{name}_code({field}, {own}, {count})"
            body.append(f"    cells[{number}] = {field};")
        level = _LEVEL.format(name=name, absent=ABSENT, unknown=UNKNOWN) if definitions else ""
        if read:
            body = [f"    double {', '.join(f'{one}[4]' for one in read.values())};", "", *body]
        cells = "\n".join(body)
        head = f"static void {name}_cells(const struct {name}_row *row, double *cells)"
        parts = [*definitions, level, dates.text, f"{head}\n{{\n{cells}\n}}\n"]
        self.text = "\n".join(part for part in parts if part)


_LEVEL = """\
/* the number of a text among levels; {unknown} for another text, {absent} for a blank one */
static double {name}_code(const char *cell, const char *const *levels, int count)
{{
    const char *blanks = " \\t\\r\\n\\f\\v";
    size_t size;
    int i;

    if (cell == NULL) return {absent};
    cell += strspn(cell, blanks);
    size = strlen(cell);
    while (size > 0 && strchr(blanks, cell[size - 1]) != NULL) size--;
    if (size == 0) return {absent};
    for (i = 0; i < count; i++) {{
        if (strncmp(levels[i], cell, size) == 0 && levels[i][size] == '\\0') return i;
    }}
    return {unknown};
}}
"""
