"""The script that makes the pictures of the docs makes each of them."""

import importlib.util
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[2] / "docs"


def test_the_pictures_of_the_docs_are_made(tmp_path, browser):
    Image = pytest.importorskip("PIL.Image")
    described = importlib.util.spec_from_file_location("pictures", DOCS / "make_screenshots.py")
    module = importlib.util.module_from_spec(described)
    described.loader.exec_module(module)
    module.make(browser, tmp_path)
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {path.name for path in (DOCS / "play").glob("*.png")}
    for name in made:
        with Image.open(tmp_path / name) as shown, Image.open(DOCS / "play" / name) as known:
            assert shown.size == known.size
            low, high = shown.convert("L").getextrema()
        assert high - low > 100
    text = (DOCS / "play.md").read_text(encoding="utf-8")
    assert [name for name in made if f"](play/{name})" not in text] == []
