"""The reference names everything that is public, and every error says what helps."""

import inspect
import re
import runpy
import tomllib
from pathlib import Path

import pytest

import chainrule
from chainrule.estimators.option import options_of
from chainrule.foundation import errors
from chainrule.foundation.catalogue import Catalogue

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = DOCS / "reference"


def page(name):
    return (REFERENCE / name).read_text("utf-8")


@pytest.fixture(scope="module")
def written():
    """Return the function that gives what a directive of extensions/program.py writes."""
    for needed in ("sphinx", "numpydoc", "typer"):
        pytest.importorskip(needed)
    kinds = runpy.run_path(str(DOCS / "extensions" / "program.py"))

    def text(name, *content):
        directive = object.__new__(kinds[name])
        directive.content = list(content)
        return "\n".join(directive.lines())

    return text


def test_every_public_name_is_listed_once():
    listed = re.findall(r"^ {3}chainrule\.(\w+)$", page("public_names.md"), re.MULTILINE)
    catalogues = [
        name for name in chainrule.__all__ if isinstance(getattr(chainrule, name), Catalogue)
    ]
    assert sorted([*listed, *catalogues]) == sorted(chainrule.__all__)
    assert all(f"`{name}`" in page("catalogues.md") for name in catalogues)


def test_every_display_is_listed():
    from chainrule.insight import displays

    for name in displays.__all__:
        assert f"   chainrule.insight.displays.{name}\n" in page("public_names.md")


def test_every_error_is_listed_and_says_what_helps():
    kinds = [
        kind
        for name in errors.__all__
        if inspect.isclass(kind := getattr(errors, name)) and issubclass(kind, Exception)
    ]
    listed = re.findall(r"^chainrule\.foundation\.errors\.(\w+)$", page("errors.md"), re.MULTILINE)
    assert sorted(listed) == sorted(kind.__name__ for kind in kinds)
    for kind in kinds:
        assert "\n\nRemedy: " in inspect.getdoc(kind), kind


def test_the_error_index_has_cause_remedy_and_example(written):
    text = written("Errors", "chainrule.InputError")
    assert "### InputError" in text
    assert "An argument, a column or a file that cannot be used" in text
    assert "Remedy: do what the last sentence" in text
    assert ">>> Dense(0, 1)" in text


def test_every_option_has_a_row(written):
    text = written("Options", "chainrule.MLPClassifier", "chainrule.MLPRegressor")
    rows = re.findall(r"^\| `(\w+)=", text, re.MULTILINE)
    both = {**options_of(chainrule.MLPClassifier), **options_of(chainrule.MLPRegressor)}
    assert sorted(rows) == sorted(both)
    assert "`hidden_layer_sizes=(100,)`" in text


def test_every_command_and_flag_has_its_place(written):
    from typer.main import get_command

    from chainrule.app.trial_commands import app

    text = written("Commands")
    for name, command in get_command(app).commands.items():
        section = text.partition(f"## chainrule {name}\n")[2].partition("\n## ")[0]
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert all(f"`{flag}`" in section for flag in parameter.opts), (name, parameter)


def test_names_of_other_libraries_exist():
    find = runpy.run_path(str(DOCS / "extensions" / "inventories.py"))["find"]
    for table in tomllib.loads((DOCS / "references.toml").read_text("utf-8")).values():
        for name in (*table["names"], *table.get("pages", {})):
            pytest.importorskip(name.partition(".")[0])
            assert find(name) is not None
