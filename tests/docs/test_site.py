"""The build of the site: links that leave the docs, formulas, and what is asked of other hosts."""

import re
import runpy
from pathlib import Path

import pytest

pytest.importorskip("sphinx")
pytest.importorskip("latex2mathml")

DOCS = Path(__file__).parents[2] / "docs"
LINES = re.MULTILINE | re.DOTALL


@pytest.fixture
def extension(monkeypatch):
    """Return the function that gives an extension's names."""
    return lambda name: runpy.run_path(str(DOCS / "extensions" / f"{name}.py"))


class TestLinks:
    @pytest.fixture
    def mirror(self, extension, tmp_path):
        files = {
            "CHANGELOG.md": "# Changes\n\n[a guide](docs/guide.md#part) and [code](run.py)\n",
            "run.py": "print(1)\n",
            "docs/guide.md": "# Guide\n\n## Part\n\n[changes](../CHANGELOG.md)\n",
        }
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
        return extension("repository")["Mirror"](tmp_path, tmp_path / "docs")

    def test_a_page_outside_is_copied_with_what_it_links_to(self, mirror):
        mirror.fill()
        copy = mirror.copies / "CHANGELOG.md"
        assert "[a guide](../../guide.md#part)" in copy.read_text()
        assert "[code](run.py)" in copy.read_text()
        assert (mirror.copies / "run.py").read_text() == "print(1)\n"

    def test_a_link_that_leaves_the_docs_leads_to_the_copy(self, mirror):
        page = mirror.docs / "guide.md"
        turned = mirror.turned(page.read_text(), page, page)
        assert "[changes](generated/repository/CHANGELOG.md)" in turned

    def test_links_in_code_and_to_the_web_stay(self, mirror):
        page = mirror.docs / "guide.md"
        text = "```\n[x](../CHANGELOG.md)\n```\n[y](https://example.org/z.md)\n[part](#part)\n"
        assert mirror.turned(text, page, page) == text

    def test_a_link_to_nothing_is_an_error(self, mirror):
        page = mirror.docs / "guide.md"
        with pytest.raises(Exception, match=r"the link to \.\./gone\.md leads nowhere"):
            mirror.turned("[gone](../gone.md)", page, page)

    def test_copies_of_pages_that_are_gone_go_too(self, mirror):
        mirror.fill()
        (mirror.copies / "benchmarks").mkdir()
        old = mirror.copies / "benchmarks" / "OLD.md"
        old.write_text("# Old\n")
        mirror.fill()
        assert not old.exists()


def test_formulas_are_mathml(extension):
    written = extension("mathematics")["mathml"](r"\frac{a}{b}", display="block")
    assert written.startswith("<math")
    assert "<mfrac>" in written


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", '<script async src="https://example.org/x.js"></script>'),
        ("a.html", "<link rel='stylesheet' href='//example.org/x.css'>"),
        ("a.css", "body { background: url(https://example.org/x.png) }"),
        ("a.css", '@import "https://example.org/x.css";'),
    ],
)
def test_a_request_to_another_host_is_found(name, text, tmp_path):
    look = runpy.run_path(str(DOCS / "build.py"))["requests_elsewhere"]
    (tmp_path / "fine.html").write_text('<a href="https://example.org">x</a><img src="x.png">')
    assert look(tmp_path) == []
    (tmp_path / name).write_text(text)
    assert len(look(tmp_path)) == 1


def test_every_page_is_in_a_list():
    """The build refuses a page that no list of pages leads to; this says so in a second."""
    pages = [page for page in sorted(DOCS.rglob("*.md")) if "generated" not in page.parts]
    listed = {DOCS / "index.md"}
    for page in pages:
        for block in re.findall(r"^```\{toctree\}\n(.*?)^```", page.read_text("utf-8"), LINES):
            for line in block.splitlines():
                entry = line.partition("<")[2].rstrip(">") or line
                listed.add((page.parent / f"{entry}.md").resolve())
    assert [page.relative_to(DOCS).as_posix() for page in pages if page not in listed] == []
