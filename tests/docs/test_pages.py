"""Every example on a page of the docs runs; every page's local links lead somewhere."""

import doctest
import math
import re
import runpy
import sys
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from pathlib import Path

import pytest

from chainrule import activations
from chainrule.formulas.records import Activation

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [
    *(page for page in sorted(DOCS.rglob("*.md")) if "generated" not in page.parts),
    DOCS.parent / "README.md",
]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
# Fewest examples, so that a page cannot lose them unseen.
STATED = {"docs/learn/backpropagation.md": 15, "docs/a_formula_of_your_own.md": 40}
SLOW = {
    "docs/guides/when_not_to_use_a_network.md",
    "docs/guides/rare_classes.md",
    "docs/guides/uncertainty.md",
    "README.md",
    "docs/coming_from_scikit_learn.md",
    "docs/kinds_of_targets.md",
    "docs/tables.md",
    "docs/guides/accelerators.md",
    "docs/guides/on_a_cluster.md",
}
# Pages say `pip install ".[app]"`, which brings polars; those that are about pandas install it.
ABOUT_PANDAS = {"docs/coming_from_scikit_learn.md"}


def name(page):
    """Return the path of a page in the repository."""
    return page.relative_to(DOCS.parent).as_posix()


class WithoutPandas(MetaPathFinder):
    """An environment that has everything but pandas."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name=fullname)


@pytest.mark.grid(7)
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=pytest.mark.slow if name(page) in SLOW else (), id=name(page))
        for page in PAGES
    ],
)
def test_examples_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # an example may write a file
    if name(page) not in ABOUT_PANDAS:
        monkeypatch.delitem(sys.modules, "pandas", raising=False)
        monkeypatch.setattr(sys, "meta_path", [WithoutPandas(), *sys.meta_path])
    result = doctest.testfile(str(page), module_relative=False, optionflags=FLAGS, encoding="utf-8")
    assert result.failed == 0
    assert result.attempted >= STATED.get(name(page), 0)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_local_links_lead_somewhere(page):
    prose = re.sub(
        r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    for target in re.findall(r"\]\(([^)#]+)\)", prose):
        # the build makes the gallery, and refuses a link that then leads nowhere
        if "://" not in target and "generated/" not in target:
            assert (page.parent / target).exists(), target


def test_the_chapter_is_there():
    assert DOCS / "chapter.md" in PAGES


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_blocks_and_formulas_are_closed(page):
    text = page.read_text(encoding="utf-8")
    assert text.count("```") % 2 == 0
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    prose = re.sub(r"`[^`]*`", "", prose)
    assert prose.count("$$") % 2 == 0
    for paragraph in re.sub(r"\$\$.*?\$\$", "", prose, flags=re.DOTALL).split("\n\n"):
        assert paragraph.count("$") % 2 == 0, paragraph


class TestFormulas:
    @pytest.fixture(scope="class")
    @staticmethod
    def script():
        return runpy.run_path(str(DOCS / "make_formulas.py"))

    def test_the_page_is_current(self, script):
        """After a change of a formula: python docs/make_formulas.py."""
        assert (DOCS / "formulas.md").read_text(encoding="utf-8") == script["page"]()

    def test_a_new_record_is_on_it(self, script):
        @dataclass(frozen=True)
        class Cube(Activation):
            r"""The third power.

            {formula}
            """

            name = "cube"
            latex = "z^3"
            slope_latex = "3 z^2"
            range = (-math.inf, math.inf)
            source = "a test (2026)"

            def value(self, xp, z):
                return z**3

            def slope(self, xp, z, a):
                return 3.0 * z**2

        activations.add(Cube())
        try:
            page = script["page"]()
        finally:
            activations.remove("cube")
        assert "### cube\n\nThe third power.\n\n$$\na = z^3\n$$" in page
        assert "Source: a test (2026)." in page
