"""Files of the cache are bound to their names, and a cache that cannot be written says so once."""

import logging
import tempfile
import tomllib
from pathlib import Path

import pytest

from chainrule.engines.compiled import code_cache
from chainrule.foundation.cache_folder import asked_folder


def test_swapped_files_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE_DIR", str(tmp_path))
    code_cache.write("one", b"code")
    assert code_cache.read("one") == b"code"
    (tmp_path / "one.object").rename(tmp_path / "two.object")
    assert code_cache.read("two") is None


def test_an_empty_variable_is_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHAINRULE_CACHE_DIR", "")
    assert asked_folder().is_absolute()


def test_a_cache_that_cannot_be_written_says_so_once(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("CHAINRULE_CACHE_DIR", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for _ in range(2):
        code_cache._say_once.cache_clear()  # as in another process
        with caplog.at_level(logging.WARNING, logger="chainrule"):
            code_cache.write("one", b"code")
    assert len(caplog.records) == 1
    assert "set CHAINRULE_CACHE_DIR" in caplog.records[0].getMessage()
    code_cache._say_once.cache_clear()


def test_the_sources_are_the_floors_that_code_is_made_from():
    from chainrule.engines.compiled import machine_code

    package = Path(machine_code.__file__).parents[2]
    contract = tomllib.loads((package.parents[1] / "pyproject.toml").read_text("utf-8"))
    layers = contract["tool"]["importlinter"]["contracts"][0]["layers"]
    below = layers[layers.index("chainrule.engines") :]
    below.remove("chainrule.exports")  # programs in other languages
    below.remove("chainrule.blocks")  # rows, of which no code is made
    assert set(machine_code.SOURCES) == {name.removeprefix("chainrule.") for name in below}


@pytest.mark.parametrize("floor", ["model/dropout.py", "formulas/losses.py", "tracing/a.py"])
def test_code_has_another_name_when_a_source_changes(tmp_path, monkeypatch, floor):
    from chainrule.engines.compiled import machine_code

    path = tmp_path / "chainrule" / floor
    path.parent.mkdir(parents=True)
    monkeypatch.setattr(
        machine_code, "__file__", str(tmp_path / "chainrule" / "engines" / "compiled" / "m.py")
    )
    hashes = set()
    for text in ("MIX = 1\n", "MIX = 2\n"):
        path.write_text(text)
        hashes.add(machine_code._sources_hash.__wrapped__())
    assert len(hashes) == 2
