"""Figures of speed or quality stand beside the script that measured them, and a date."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*.md"))
PAGES = [
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if "generated" not in page.parts),
    ROOT / "README.md",
]
CODE = re.compile(r"^(`{3,}).*?^\1", re.MULTILINE | re.DOTALL)
# A measured time, or a comparison in numbers.
CLAIM = re.compile(
    r"\b\d[\d.,]* ?(?:us|ms)\b|\btimes as (?:fast|long)|\b\d[\d.,]* times (?:faster|slower)"
    r"|\bCPU (?:time|seconds)\b|processor time|\btimes slower\b|[-+]\d+\.\d % \|"
)
SCRIPT = re.compile(r"benchmarks/(\w+)\.py")
DATE = re.compile(r"\b20\d\d\b")


def name(page):
    """Return the path of a page in the repository."""
    return page.relative_to(ROOT).as_posix()


def sections(page):
    """Return the parts of a page between headings of the first two levels, without code."""
    return re.split(r"^##? ", CODE.sub("", page.read_text("utf-8")), flags=re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_section_with_figures_names_a_script_and_a_date(page):
    for section in sections(page):
        if CLAIM.search(section):
            scripts = SCRIPT.findall(section)
            assert scripts, section[:300]
            assert DATE.search(section), section[:300]
            for script in scripts:
                assert (ROOT / "benchmarks" / f"{script}.py").exists(), script


@pytest.mark.parametrize("page", RESULTS, ids=name)
def test_a_page_of_results_names_what_measured_it(page):
    text = page.read_text("utf-8")
    scripts = SCRIPT.findall(text)
    assert scripts or "`chainrule fit " in text
    assert DATE.search(text)
    for script in scripts:
        assert (ROOT / "benchmarks" / f"{script}.py").exists(), script


def test_figures_are_found():
    found = {name(page) for page in PAGES if any(map(CLAIM.search, sections(page)))}
    assert {"README.md", "docs/tables.md", "docs/serving.md"} <= found
