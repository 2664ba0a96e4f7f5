"""All code on the pages is run or parsed: programs without prompts, and lines for the shell."""

import doctest
import functools
import importlib.util
import re
import shlex
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [
    *(page for page in sorted(DOCS.rglob("*.md")) if "generated" not in page.parts),
    DOCS.parent / "README.md",
]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page):
    """Return language and text of each fenced block."""
    return FENCE.findall(page.read_text("utf-8"))


# Programs of other libraries have processes of their own, in `test_guides`.
FOREIGN = ("coming_from_keras", "coming_from_pytorch")
PROGRAMS = [
    page
    for page in PAGES
    if page.stem not in FOREIGN
    and any(kind == "python" and ">>>" not in text for kind, text in blocks(page))
]


@pytest.mark.slow
@pytest.mark.parametrize("page", PROGRAMS, ids=lambda page: page.stem)
def test_programs_without_prompts_run(page, tmp_path, monkeypatch):
    """They run after the examples above them, with their names, where their libraries are here."""
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for kind, text in blocks(page):
        if kind != "python":
            continue
        parts = [
            one.source for one in doctest.DocTestParser().get_examples(text) if not one.exc_msg
        ]
        for library in re.findall(r"^import (\w+)", text, re.MULTILINE):
            if importlib.util.find_spec(library) is None:
                pytest.skip(f"{library} is not installed")
        for part in parts if ">>>" in text else [text]:
            exec(compile(part, page.name, "exec"), names)


def commands(page):
    """Yield each line of a page that starts our program, as words."""
    for kind, text in blocks(page):
        if kind not in ("", "sh", "text", "dockerfile"):
            continue
        for line in text.replace("\\\n", " ").splitlines():
            for part in re.split(r"&&|\|", line):
                found = re.match(r"^\s*(?:\$ |RUN )?(?:[A-Z_]+=\S+ )*(chainrule .*)", part)
                if found:
                    yield shlex.split(found[1], comments=True)


@functools.cache
def program():
    """Return the commands of the program by name."""
    typer_main = pytest.importorskip("typer.main")
    from chainrule.app.trial_commands import app

    return typer_main.get_command(app).commands


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_and_flags_are_those_of_the_program(page):
    known = program()
    for _, command, *words in commands(page):
        if command.startswith("-"):
            continue
        flags = {flag for one in known[command].params for flag in (*one.opts, *one.secondary_opts)}
        for word in words:
            if word.startswith("--"):
                assert word.partition("=")[0] in flags | {"--help"}, (command, word)


@pytest.mark.slow
@pytest.mark.parametrize("page", ["docs/tables.md", "README.md"])
def test_a_command_prints_what_the_page_shows(page, tmp_path, monkeypatch):
    """Lines with measured numbers are left out: their last digits depend on the processor."""
    testing = pytest.importorskip("typer.testing")
    from chainrule.app.trial_commands import app

    page = DOCS.parent / page
    monkeypatch.chdir(tmp_path)
    names = {}
    for kind, text in blocks(page):
        if kind == "python" and "write_csv" in text:
            for example in doctest.DocTestParser().get_examples(text):
                exec(compile(example.source, page.name, "exec"), names)
        if text.startswith("$ chainrule fit"):
            command, *shown = text.removeprefix("$ chainrule ").splitlines()
            ran = testing.CliRunner().invoke(app, shlex.split(command), catch_exceptions=False)
            assert ran.exit_code == 0
            printed = {" ".join(line.split()) for line in ran.output.splitlines()}
            lines = {" ".join(line.split()) for line in shown if not re.search(r"\d\.\d", line)}
            assert lines - {"..."} <= printed
            assert len(lines) > 5
            return
    pytest.fail("no command with its output")


def test_commands_are_found():
    assert ["chainrule", "fit", "digits"] in list(commands(DOCS.parent / "README.md"))
    assert sum(len(list(commands(page))) for page in PAGES) > 15


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_is_of_a_kind_that_is_tested(page):
    for kind, text in blocks(page):
        known = ("python", "sh", "", "text", "toml", "dockerfile", "json", "c", "yaml")
        assert kind in known, (kind, text[:80])
