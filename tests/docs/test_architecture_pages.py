"""The drawn floors are those that the linter of imports enforces; versions are told alike."""

import json
import re
import tomllib
from pathlib import Path

import chainrule

ROOT = Path(__file__).parents[2]


def test_the_drawn_floors_are_those_of_the_contract():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    page = (ROOT / "docs" / "how_it_works" / "drawings.md").read_text("utf-8")
    drawn = re.findall(r'^    "(\w+)": "', page, re.MULTILINE)
    assert [f"chainrule.{floor}" for floor in drawn] == layers


def test_the_citation_names_this_version():
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert re.search(r"^version: (\S+)$", citation, re.MULTILINE)[1] == chainrule.__version__


def test_this_version_is_in_the_menu():
    versions = json.loads((ROOT / "docs" / "versions.json").read_text("utf-8"))
    assert [one["folder"] for one in versions if one["version"] == chainrule.__version__] == ["."]
