"""The course: nine pages that quote exactly, compute, draw and ask, and become notebooks."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from chainrule.app.play.tour import STOPS

plt = pytest.importorskip("matplotlib.pyplot")

DOCS = Path(__file__).parents[2] / "docs"
LEARN = DOCS / "learn"
COURSE = re.search(r"The course\n\n(.*?)```", (LEARN / "index.md").read_text("utf-8"), re.DOTALL)
PAGES = [LEARN / f"{name}.md" for name in COURSE[1].split()]
DRAWN = [
    page
    for page in sorted(DOCS.rglob("*.md"))
    if "generated" not in page.parts and "\n```{drawn}" in page.read_text("utf-8")
]
MEASURED = {"what_the_learning_rate_does.md", "what_the_batch_size_does.md"}


def text(page):
    return page.read_text("utf-8")


@pytest.fixture(scope="module")
def extension():
    """Return the function that imports a module of docs/extensions."""
    sys.path.insert(0, str(DOCS / "extensions"))

    def load(name):
        if name != "page_blocks":
            for needed in ("sphinx", "jupytext", "numpydoc", "typer"):
                pytest.importorskip(needed)
        found = importlib.util.find_spec(name)
        module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
        return module

    yield load
    sys.path.remove(str(DOCS / "extensions"))


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    plt.close("all")


def test_there_are_nine_pages_in_the_order_of_the_tour():
    assert len(PAGES) == len(STOPS) == 9
    for number, page in enumerate(PAGES, start=1):
        assert text(page).startswith(f"# {number}. ")
        assert f"```{{tour-stop}} {number}\n```" in text(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_all_its_parts(page, extension):
    written = text(page)
    assert "## As it is printed\n\n> " in written
    assert "**Verdict" in written or "| verdict |" in written
    assert "```{drawn} " in written
    assert "\n## Exercise\n" in written
    answer = written.partition(":::{admonition} Answer\n:collapsible: closed\n")[2]
    blocks = list(extension("page_blocks").blocks(answer.partition("\n:::")[0]))
    assert any(example.want for block in blocks for example in block.examples())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_quotes_are_those_of_the_table(page):
    """Each formula, line of code or sentence that is quoted stands in chapter.md as it is here."""
    table = text(DOCS / "chapter.md")
    quoted = [line[2:] for line in text(page).splitlines() if line.startswith("> ")]
    assert quoted
    for line in quoted:
        pieces = re.findall(r"\$[^$]+\$|`[^`]+`", line) or [line]
        assert all(f" {piece} |" in table for piece in pieces), line


def test_the_table_is_what_the_notes_print(shared):
    printed = (shared / "cases" / "chapter_formulas.md").read_text("utf-8").splitlines()
    table = text(DOCS / "chapter.md")
    rows = [row for row in printed[printed.index("|---|---|") + 1 :] if row.startswith("|")]
    assert len(rows) > 10
    for row in rows:
        for piece in row[2:-2].partition(" | ")[2].split("; "):
            if "the notes print" not in piece and "Loss(C)" not in piece:
                assert piece.strip("` ") in table, piece


@pytest.mark.grid(5)
@pytest.mark.parametrize("page", DRAWN, ids=lambda page: page.stem)
def test_drawings_draw_and_are_described(page, extension):
    blocks = extension("page_blocks")
    parts = list(blocks.blocks(text(page)))
    assert text(page).count("```{drawn}") == sum(part.drawn for part in parts)
    assert len(re.findall(r"^```\{drawn\} \S.*\n:alt: \S.{30,}", text(page), re.MULTILINE)) == sum(
        part.drawn for part in parts
    )
    names = {"__name__": "__main__"}
    for part in parts:
        blocks.execute(part, names)
        if part.drawn:
            assert plt.gcf().axes
            plt.close("all")


@pytest.mark.parametrize("name", sorted(MEASURED))
def test_the_measured_pages_are_in_the_list(name):
    assert f"\n{Path(name).stem}\n" in text(LEARN / "index.md")


NOTEBOOKS = [*PAGES, *(LEARN / name for name in sorted(MEASURED))]


@pytest.mark.slow
class TestNotebooks:
    @pytest.mark.parametrize("page", NOTEBOOKS, ids=lambda page: page.stem)
    def test_every_statement_has_a_cell(self, page, extension):
        made = extension("notebooks").notebook(text(page))
        code = "\n".join(cell.source for cell in made.cells if cell.cell_type == "code")
        for block in extension("page_blocks").blocks(text(page)):
            for statement in block.statements():
                assert statement.strip() in code
        prose = "\n".join(cell.source for cell in made.cells if cell.cell_type == "markdown")
        assert ("See it happen" in prose) == (page in PAGES)
        assert not re.search(r":::|\{drawn\}|\{tour-stop\}|\.md\)", prose)

    def test_they_run(self, extension, tmp_path):
        """One kernel runs every third, and forgets the names of each before the next.

        The statements of all pages run as their examples do; here they run in cells.
        """
        pytest.importorskip("ipykernel")
        client = pytest.importorskip("nbclient")
        formats = pytest.importorskip("nbformat")
        made = {page.stem: extension("notebooks").notebook(text(page)) for page in NOTEBOOKS[::3]}
        all_cells = []
        for notebook in made.values():
            all_cells += [*notebook.cells, formats.v4.new_code_cell("%reset -f")]
        for number, cell in enumerate(all_cells):
            cell["id"] = f"cell-{number}"
        together = formats.v4.new_notebook(cells=all_cells)
        client.NotebookClient(together, timeout=300, kernel_name="python3").execute(cwd=tmp_path)
        for name, notebook in made.items():
            outputs = [out for cell in notebook.cells for out in cell.get("outputs", ())]
            assert any("image/png" in out.get("data", {}) for out in outputs), name
