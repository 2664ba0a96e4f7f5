"""Directives that write what the program says of itself: options, commands and errors."""

import importlib
import inspect
import itertools
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from numpydoc.docscrape import ClassDoc
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from chainrule.estimators.option import options_of, parameters_of


class Written(SphinxDirective):
    """A directive whose text is Markdown that a subclass writes."""

    has_content = True

    def lines(self) -> Iterator[str]:
        """Yield the lines of Markdown."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Return the nodes of the Markdown."""
        self.env.note_reread()  # the program may have changed, where the page has not
        text = "\n".join(self.lines())
        return self.parse_text_to_nodes(text, allow_section_headings=True)


class Options(Written):
    """A table of the options of two estimators, from their records."""

    def lines(self) -> Iterator[str]:
        """Yield a row per option, those of both estimators once."""
        kinds = [find(name.strip()) for name in self.content]
        yield "| option | values | meaning |"
        yield "|---|---|---|"
        seen = set()
        for kind in kinds:
            for name, parameter in parameters_of(kind).items():
                if name in options_of(kind) and name not in seen:
                    seen.add(name)
                    yield self.row(name, parameter.default, kinds)

    def row(self, name: str, default: Any, kinds: list[type]) -> str:
        """Return the row of an option."""
        owners = [kind for kind in kinds if name in options_of(kind)]
        record = options_of(owners[0])[name]
        text = record.text.replace("``", "`")
        if record.acts is not None:
            text += f" It acts {record.acts.words}."
        if record.fixed is not None:
            text += " Fixed once training has begun."
        if len(owners) < len(kinds):
            text += f" {owners[0].__name__} only."
        values = record.rule.words if record.rule is not None else record.kind
        return f"| `{name}={default!r}` | {cell(values)} | {cell(text)} |"


class Arguments(Written):
    """A table of the parameters of a class, from its docstring."""

    def lines(self) -> Iterator[str]:
        """Yield a row per parameter."""
        yield "| option | type | meaning |"
        yield "|---|---|---|"
        for one in ClassDoc(find(self.content[0].strip()))["Parameters"]:
            text = " ".join(one.desc).replace("``", "`")
            yield f"| `{one.name}` | {cell(one.type.replace('``', '`'))} | {cell(text)} |"


class Commands(Written):
    """All commands of the program with their arguments and flags, as its help has them."""

    def lines(self) -> Iterator[str]:
        """Yield a section per command."""
        from typer.main import get_command

        from chainrule.app.trial_commands import app

        program = get_command(app)
        for name, command in program.commands.items():
            yield from self.command(name, command)

    def command(self, name: str, command: Any) -> Iterator[str]:
        """Yield the section of a command."""
        context = command.context_class(command, info_name=f"chainrule {name}")
        usage = " ".join(command.collect_usage_pieces(context))
        yield from (f"## chainrule {name}", "", "```text", f"chainrule {name} {usage}", "```", "")
        yield from inspect.cleandoc(command.help or "").splitlines()
        parameters = [one for one in command.params if not getattr(one, "hidden", False)]
        groups = itertools.groupby(sorted(parameters, key=panel), key=panel)
        for title, members in groups:
            yield from ("", f"**{title}**", "", "| flag | default | meaning |", "|---|---|---|")
            yield from map(self.row, members)
        yield ""

    def row(self, parameter: Any) -> str:
        """Return the row of an argument or a flag."""
        names = ", ".join(f"`{one}`" for one in (*parameter.opts, *parameter.secondary_opts))
        if parameter.param_type_name == "argument":
            names = f"`{parameter.metavar or parameter.name.upper()}`"
        elif parameter.metavar:
            names += f" `{parameter.metavar}`"
        default = parameter.default
        plain = isinstance(default, str | int | float) and not isinstance(default, bool)
        shown = f"`{default}`" if plain else ""
        return f"| {names} | {shown} | {cell(parameter.help or '')} |"


class Errors(Written):
    """Errors with what they are caused by and what helps, from their docstrings."""

    def lines(self) -> Iterator[str]:
        """Yield a section per error."""
        for dotted in self.content:
            kind = find(dotted.strip())
            bases = ", ".join(f"`{b.__name__}`" for b in kind.__mro__[1:] if public(b))
            text = inspect.getdoc(kind) or ""
            words, _, example = text.partition("\nExamples\n")
            words = words.partition("\nAttributes\n")[0]
            yield from (f"### {kind.__name__}", "", f"`{kind.__module__}.{kind.__name__}`, a")
            yield from (f"{bases}.", "", *words.replace("``", "`").splitlines(), "")
            if example:
                code = example.partition("\n")[2].strip("\n")
                yield from ("```python", *code.splitlines(), "", "```", "")


class TourStop(Written):
    """A stop of the tour of the play page, by its number."""

    required_arguments = 1

    def lines(self) -> Iterator[str]:
        """Yield where it is, and what there is to do."""
        yield self.text(int(self.arguments[0]))

    @staticmethod
    def text(number: int) -> str:
        """Return the Markdown of a stop."""
        from chainrule.app.play.tour import STOPS

        stop = STOPS[number - 1]
        return (
            f"Start `chainrule play`, take the tour, and go to stop {number} of {len(STOPS)}, "
            f"*{stop.title}*. {stop.todo}\n"
        )


def public(base: type) -> bool:
    """Say whether a base tells a user something."""
    return not base.__name__.startswith("_") and base not in (object, BaseException, Exception)


def panel(parameter: Any) -> str:
    """Return the title under which the help lists a parameter; arguments come first."""
    if parameter.param_type_name == "argument":
        return "Arguments"
    return getattr(parameter, "rich_help_panel", None) or "Options"


def cell(text: str) -> str:
    """Return a text that fits into a cell of a table."""
    return " ".join(text.split()).replace("|", r"\|")


def find(dotted: str) -> Any:
    """Return the object of a dotted name."""
    module, _, name = dotted.rpartition(".")
    return getattr(importlib.import_module(module), name)


def setup(app: Sphinx) -> dict[str, bool]:
    """Enter the directives."""
    app.add_directive("estimator-options", Options)
    app.add_directive("arguments-of", Arguments)
    app.add_directive("command-line", Commands)
    app.add_directive("errors", Errors)
    app.add_directive("tour-stop", TourStop)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
