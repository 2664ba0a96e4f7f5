"""Dates in C99: a reader of each format, from the text of a cell to the parts of its date."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.exports import c_text
from chainrule.exports.c_formulas import CFunctions
from chainrule.exports.dates import (
    HALVES,
    MONTHS,
    WEEKDAYS,
    Digits,
    Mark,
    Token,
    days_in_month,
    full_year,
    hour_of_day,
    tokens_of,
    weekday_of,
)
from chainrule.tracing.formulas import formula_graph

__all__ = ["PARTS", "CDates"]

DOUBLE = np.dtype(np.float64)
# The parts of a date in the array that a reader writes.
PARTS = ("year", "month", "weekday", "hour")
ISO_DAY = "%Y-%m-%d"


class CDates:
    """The readers of a file; dates of one format have one."""

    def __init__(self, name: str, functions: CFunctions) -> None:
        self._name, self._functions = name, functions
        self._readers: dict[str, str] = {}
        self._texts: list[str] = []
        self._used: set[str] = set()

    def reader(self, column: str, written: str) -> str:
        """Return the name of the function that reads dates of a format."""
        if written not in self._readers:
            own = f"{self._name}_read_date_{len(self._readers) + 1}"
            self._readers[written] = own
            self._texts.append(
                self._iso(own) if not written else self._written(own, column, written)
            )
        return self._readers[written]

    @property
    def text(self) -> str:
        """The readers, and what they need, where there are any."""
        needed = [_NEEDED[name].format(name=self._name) for name in _NEEDED if name in self._used]
        return "\n".join([*needed, *self._texts])

    def _needs(self, what: str) -> str:
        self._used.add(what)
        return f"{self._name}_{what}"

    def _formula(self, formula: Any, *inputs: str) -> str:
        traced = formula_graph(formula, "z", *inputs[1:])
        vectors = dict.fromkeys(inputs[1:], np.zeros(0))
        name = formula.__name__
        function = self._functions.of(name, traced, DOUBLE, 1, vectors, _first_line(formula))
        return f"{function.name}({', '.join((inputs[0], *function.vectors))})"

    def _token(self, token: Token) -> str:
        if isinstance(token, Mark):
            if token.is_fraction:
                return f"at = {self._needs('fraction')}(at);"
            return f"at = {self._needs('mark')}(at, {c_text.text(token.text)});"
        if isinstance(token, Digits):
            given = f"{token.least}, {token.most}, {token.low}, {token.high}"
            return f"at = {self._needs('digits')}(at, {given}, &{token.field});"
        words = {MONTHS: "months", WEEKDAYS: "weekdays", HALVES: "halves"}[token.words]
        given = f"{self._needs(words)}, {len(token.words)}, {token.letters}, {int(token.whole)}"
        return f"at = {self._needs('word')}(at, {given}, &{token.field});"

    def _written(self, own: str, column: str, written: str) -> str:
        tokens = tokens_of(column, written)
        lines = [self._token(token) for token in tokens]
        fields = {token.field for token in tokens if not isinstance(token, Mark)}
        return self._reader(own, f"a date like {written}", lines, fields)

    def _iso(self, own: str) -> str:
        strict = {"%Y": (4, 0, 9999, "year"), "%m": (2, 1, 12, "month"), "%d": (2, 1, 31, "day")}
        digits, mark = self._needs("digits"), self._needs("mark")
        lines = []
        for part in ISO_DAY.split("-"):
            count, low, high, field = strict[part]
            lines.append(f"at = {digits}(at, {count}, {count}, {low}, {high}, &{field});")
            if part != "%d":
                lines.append(f'at = {mark}(at, "-");')
        clock = [
            "at++;",
            f"at = {digits}(at, 2, 2, 0, 23, &hour);",
            f'at = {mark}(at, ":");',
            f"at = {digits}(at, 2, 2, 0, 99, &unused);",
            "if (at != NULL && *at == ':') {",
            f"    at = {digits}(at + 1, 2, 2, 0, 99, &unused);",
            f"    at = {self._needs('fraction')}(at);",
            "}",
            "if (at != NULL && *at == 'Z') {",
            "    at++;",
            "} else if (at != NULL && (*at == '+' || *at == '-')) {",
            f"    at = {digits}(at + 1, 2, 2, 0, 99, &unused);",
            "    if (at != NULL && *at == ':') at++;",
            f"    at = {digits}(at, 2, 2, 0, 99, &unused);",
            "}",
        ]
        lines += ["if (at != NULL && (*at == 'T' || *at == ' ')) {"]
        lines += [f"    {line}" for line in clock] + ["}"]
        fields = {"year", "month", "day", "hour", "unused"}
        return self._reader(own, "a date like 2024-05-31 or 2024-05-31T17:45", lines, fields)

    def _reader(self, own: str, words: str, lines: list[str], fields: set[str]) -> str:
        after = []
        if "short_year" in fields:
            after.append(f"year = {self._formula(full_year, 'short_year')};")
        if "half_hour" in fields:
            after.append(f"hour = {self._formula(hour_of_day, 'half_hour', 'half')};")
        after.append(f"if (day > {self._formula(days_in_month, 'year', 'month')}) return;")
        named = self._formula(weekday_of, "year", "month", "day")
        if "weekday" in fields:
            after += [f"if (weekday != {named}) return;", "parts[2] = weekday;"]
        else:
            after.append(f"parts[2] = {named};")
        starts = {"year": "1970", "month": "1", "day": "1", "hour": "0", "half": "1"}
        known = [*starts, *sorted(fields - starts.keys())]
        if "half" not in fields and "half_hour" not in fields:
            known.remove("half")
        values = ", ".join(f"{name} = {starts.get(name, '0')}" for name in known)
        body = [
            f"double {values};",
            "",
            "parts[0] = parts[1] = parts[2] = parts[3] = NAN;",
            "if (at == NULL) return;",
            f"at += strspn(at, {self._needs('blanks')});",
            *lines,
            f"if (at == NULL || at[strspn(at, {self._needs('blanks')})] != '\\0') return;",
            *after,
            "parts[0] = year;",
            "parts[1] = month;",
            "parts[3] = hour;",
        ]
        inner = "\n".join(f"    {line}" if line else "" for line in body)
        said = c_text.comment(f"the year, month, weekday and hour of {words}; NAN where it is none")
        return f"/* {said} */\nstatic void {own}(const char *at, double *parts)\n{{\n{inner}\n}}\n"


def _first_line(formula: Any) -> str:
    line = str(formula.__doc__).splitlines()[0].rstrip(".")
    return line.removeprefix("Return ")


def _array(words: tuple[str, ...], name: str) -> str:
    cells = ", ".join(f'"{word}"' for word in words)
    return f"static const char *const {{name}}_{name}[{len(words)}] = {{{{\n    {cells}\n}}}};\n"


_NEEDED = {
    "blanks": 'static const char {name}_blanks[] = " \\t\\r\\n\\f\\v";\n',
    "months": _array(MONTHS, "months"),
    "weekdays": _array(WEEKDAYS, "weekdays"),
    "halves": _array(HALVES, "halves"),
    "digits": """\
/* reads a number of some digits, within bounds; NULL where there is none */
static const char *{name}_digits(const char *at, int least, int most, double low, double high,
                                 double *value)
{{
    int count;

    if (at == NULL) return NULL;
    *value = 0;
    for (count = 0; count < most && *at >= '0' && *at <= '9'; count++) {{
        *value = 10 * *value + (*at++ - '0');
    }}
    return count < least || *value < low || *value > high ? NULL : at;
}}
""",
    "mark": """\
/* reads the letters between two numbers, a blank being any number of blanks */
static const char *{name}_mark(const char *at, const char *mark)
{{
    if (at == NULL) return NULL;
    for (; *mark != '\\0'; mark++) {{
        if (*mark == ' ') {{
            at += strspn(at, " \\t");
        }} else if (*at++ != *mark) {{
            return NULL;
        }}
    }}
    return at;
}}
""",
    "fraction": """\
/* reads a fraction of a second, if there is one */
static const char *{name}_fraction(const char *at)
{{
    size_t count;

    if (at == NULL || *at != '.') return at;
    count = strspn(at + 1, "0123456789");
    return count == 0 ? NULL : at + 1 + count;
}}
""",
    "word": """\
/* reads one of some words by its first letters, in capitals or not; its number counts from 1 */
static const char *{name}_word(const char *at, const char *const *words, int count, int letters,
                               int whole, double *number)
{{
    int i, same;

    if (at == NULL) return NULL;
    for (i = 0; i < count; i++) {{
        for (same = 0; words[i][same] != '\\0' && (at[same] | 32) == words[i][same];) same++;
        if (same < letters) continue;
        *number = i + 1;
        return at + (whole && words[i][same] == '\\0' ? same : letters);
    }}
    return NULL;
}}
""",
}
